// SPDX-License-Identifier: GPL-3.0-or-later
/// @file thread.h  Starting a thread beside a program's own.

#ifndef NB_BASE_THREAD_H
#define NB_BASE_THREAD_H
#include "base/status.h"

#include <pthread.h>

/// Run `run(argument)` in a thread that gets no signals: those are for the program's own thread,
/// whose waiting they end. 0, or the error's number.
NB_NODISCARD int nb_thread_start(pthread_t *out_thread, void *(*run)(void *), void *argument);

#endif // NB_BASE_THREAD_H
