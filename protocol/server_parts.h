// SPDX-License-Identifier: GPL-3.0-or-later
/// @file server_parts.h  For tests of the server: its inside.

#ifndef NB_PROTOCOL_SERVER_PARTS_H
#define NB_PROTOCOL_SERVER_PARTS_H
#include "protocol/server.h"
#include "protocol/zap.h"

nb_zap *nb_server_zap(nb_server *self); ///< Borrowed

#endif // NB_PROTOCOL_SERVER_PARTS_H
