// SPDX-License-Identifier: GPL-3.0-or-later
/// @file log.h  Lines for operators, on stderr: time, level, program, text.
///
/// Any thread may log; a line is written whole. NIGHTBUS_LOG (debug, info, warn, error) sets the
/// least level shown; it is info unless set.

#ifndef NB_BASE_LOG_H
#define NB_BASE_LOG_H
#include "base/status.h"

#include <stdint.h>

typedef enum nb_log_level { NB_LOG_DEBUG, NB_LOG_INFO, NB_LOG_WARN, NB_LOG_ERROR } nb_log_level;

/// Name the program in every line ("coordinator", "renderer-1"). Call once, before any thread
/// starts; `name` must live as long as the process.
void nb_log_open(const char *name);

/// Lines as people read them (the default), or as JSON objects with "time", "level", "program" and
/// "text", and what the line is about where that is known. NIGHTBUS_LOG_FORMAT=json asks for these
/// too.
typedef enum nb_log_form { NB_LOG_TEXT, NB_LOG_JSON } nb_log_form;

/// "text" or "json"; NB_E_USAGE for anything else. Call it before any thread starts.
NB_NODISCARD nb_status nb_log_set_form(const char *name, nb_error *err);

void nb_log(nb_log_level level, const char *format, ...) NB_PRINTF(2, 3);

/// What a line is about: fields of its JSON object, for machines. People find it in the text.
typedef struct nb_log_subject {
    uint64_t task;    ///< 0 for none, as in all
    uint32_t attempt; ///< Of the task
    uint64_t job;
    const char *node; ///< Null for none
} nb_log_subject;

void nb_log_about(nb_log_level level, const nb_log_subject *subject, const char *format, ...)
    NB_PRINTF(3, 4);

#define nb_log_debug(...) nb_log(NB_LOG_DEBUG, __VA_ARGS__)
#define nb_log_info(...)  nb_log(NB_LOG_INFO, __VA_ARGS__)
#define nb_log_warn(...)  nb_log(NB_LOG_WARN, __VA_ARGS__)
#define nb_log_error(...) nb_log(NB_LOG_ERROR, __VA_ARGS__)

#endif // NB_BASE_LOG_H
