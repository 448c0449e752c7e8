// SPDX-License-Identifier: GPL-3.0-or-later
/// @file invite.h  An invite as people pass it on: where the farm is, its key, and the throwaway
/// key that may join it once.
///
///     nightbus://HOST:PORT/FARM-KEY/SECRET/ROLE
///
/// Both keys in 64 hex digits. ROLE is for whoever reads it ("artist", "renderer", "key"); what the
/// invite is good for, the farm knows.

#ifndef NB_PROTOCOL_INVITE_H
#define NB_PROTOCOL_INVITE_H
#include "protocol/keys.h"

enum { NB_INVITE_ROLE_SIZE = 17, NB_INVITE_CONTROL_SIZE = 256 };

typedef struct nb_invite {
    char control[NB_INVITE_CONTROL_SIZE]; ///< "tcp://HOST:PORT"
    nb_public_key server;
    nb_key_pair guest; ///< explicit_bzero when done
    char role[NB_INVITE_ROLE_SIZE];
} nb_invite;

/// One line without blanks, in new memory; null without memory, or if a key is none.
char *nb_invite_format(const nb_invite *self);

/// Read what nb_invite_format wrote. Blanks around it are fine. NB_E_INVALID says which part is
/// wrong, never what the secret is.
NB_NODISCARD nb_status nb_invite_parse(const char *text, nb_invite *out, nb_error *err);

#endif // NB_PROTOCOL_INVITE_H
