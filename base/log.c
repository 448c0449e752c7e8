// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

// Written once by nb_log_open before any thread starts, and only read afterwards.
static struct {
    const char *program;
    nb_log_level least;
    nb_log_form form;
} self = {"nightbus", NB_LOG_INFO, NB_LOG_TEXT};

nb_status nb_log_set_form(const char *name, nb_error *err)
{
    if (strcmp(name, "text") != 0 && strcmp(name, "json") != 0) {
        return nb_fail(err, NB_E_USAGE, "a log's format is text or json, not \"%s\"", name);
    }
    self.form = strcmp(name, "json") == 0 ? NB_LOG_JSON : NB_LOG_TEXT;
    return NB_OK;
}

void nb_log_open(const char *name)
{
    self.program = name;
    const char *form = getenv("NIGHTBUS_LOG_FORMAT");
    const char *wanted = getenv("NIGHTBUS_LOG");
    if (form && strcmp(form, "json") == 0) {
        self.form = NB_LOG_JSON;
    }
    for (size_t i = 0; wanted && i < NB_COUNT(level_names); i++) {
        if (strcmp(wanted, level_names[i]) == 0) {
            self.least = (nb_log_level)i;
        }
    }
}

enum {
    TEXT_SIZE = 1500,
    NODE_SIZE = 200,
    LINE_SIZE = 4096, // a text of quotes only, doubled; still one write to a pipe
};

/// A printable text inside JSON's quotes; what does not fit is left out.
static void quote(const char *text, char *out, size_t size)
{
    size_t at = 0;
    for (const char *c = text; *c && at + 3 < size; c++) {
        if (*c == '"' || *c == '\\') {
            out[at++] = '\\';
        }
        out[at++] = *c;
    }
    out[at] = '\0';
}

/// `"task":3,"attempt":1,` and the like.
static void format_subject(const nb_log_subject *subject, char *out, size_t size)
{
    const struct {
        const char *name;
        uint64_t number;
    } numbers[] = {{"task", subject->task}, {"attempt", subject->attempt}, {"job", subject->job}};
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < NB_COUNT(numbers); i++) {
        if (numbers[i].number != 0) {
            at += (size_t)snprintf(out + at, size - at, "\"%s\":%" PRIu64 ",", numbers[i].name,
                                   numbers[i].number);
        }
    }
    if (subject->node) {
        char node[NODE_SIZE];
        char quoted[2 * sizeof node];
        snprintf(node, sizeof node, "%s", subject->node);
        nb_text_make_printable(node);
        quote(node, quoted, sizeof quoted);
        snprintf(out + at, size - at, "\"node\":\"%s\",", quoted);
    }
}

static int format_json(const char *when, nb_log_level level, const nb_log_subject *subject,
                       const char *text, char out[LINE_SIZE])
{
    char quoted[2 * TEXT_SIZE];
    char program[256];
    char about[2 * NODE_SIZE + 128]; // and three numbers
    quote(self.program, program, sizeof program);
    quote(text, quoted, sizeof quoted);
    format_subject(subject, about, sizeof about);
    return snprintf(out, LINE_SIZE,
                    "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",%s\"text\":\"%s\"}\n",
                    when, level_names[level], program, about, quoted);
}

static void write_line(nb_log_level level, const nb_log_subject *subject, char text[TEXT_SIZE])
{
    nb_text_make_printable(text); // a name from a peer must not reach the terminal raw

    char line[LINE_SIZE];
    char when[NB_CLOCK_ISO_SIZE];
    nb_clock_iso(nb_clock_wall_ms(), when);
    int length = (self.form == NB_LOG_JSON) ? format_json(when, level, subject, text, line)
                                            : snprintf(line, sizeof line, "%s %-5s %s: %s\n", when,
                                                       level_names[level], self.program, text);
    if (length >= (int)sizeof line) {
        length = (int)sizeof line - 1;
    }
    // One write a line: lines of several processes on one terminal stay whole.
    if (write(STDERR_FILENO, line, (size_t)length) < 0) {
        return; // nowhere left to say it
    }
}

void nb_log(nb_log_level level, const char *format, ...)
{
    static const nb_log_subject nothing = {0};
    char text[TEXT_SIZE];
    if (level >= self.least) {
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        write_line(level, &nothing, text);
    }
}

void nb_log_about(nb_log_level level, const nb_log_subject *subject, const char *format, ...)
{
    char text[TEXT_SIZE];
    if (level >= self.least) {
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        write_line(level, subject, text);
    }
}
