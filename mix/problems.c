// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/problems.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nb_problems_fini(nb_problems *self)
{
    free(self->file_name);
    free(self->list);
    *self = (nb_problems){0};
}

static bool comes_before(nb_place a, nb_place b)
{
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

/// A document's alternates come by the same places again.
static bool is_known(const nb_problems *self, nb_place place, const char *text)
{
    for (size_t i = 0; i < self->count; i++) {
        const nb_problem *known = &self->list[i];
        if (known->place.line == place.line && known->place.column == place.column &&
            strcmp(known->text, text) == 0) {
            return true;
        }
    }
    return false;
}

/// Room for a problem where the text has it: later checks find earlier mistakes. Null if it is
/// full.
static nb_problem *make_room(nb_problems *self, nb_place place)
{
    if (!self->list) {
        self->list = calloc(NB_PROBLEMS_MAX, sizeof *self->list);
    }
    if (!self->list || self->count == NB_PROBLEMS_MAX) {
        return NULL; // the total still says that the document is not good
    }
    size_t at = self->count++;
    while (at > 0 && comes_before(place, self->list[at - 1].place)) {
        self->list[at] = self->list[at - 1];
        at--;
    }
    self->list[at] = (nb_problem){.place = place};
    return &self->list[at];
}

void nb_problems_add(nb_problems *self, nb_place place, const char *format, ...)
{
    nb_problem added = {.place = place};
    va_list args;
    va_start(args, format);
    vsnprintf(added.text, sizeof added.text, format, args);
    va_end(args);
    nb_text_make_printable(added.text);
    if (is_known(self, place, added.text)) {
        return;
    }
    self->total++;
    nb_problem *problem = make_room(self, place);
    if (problem) {
        *problem = added;
    }
}

nb_status nb_problems_status(const nb_problems *self, nb_error *err)
{
    if (self->total == 0) {
        return NB_OK;
    }
    const char *name = self->file_name ? self->file_name : "document";
    if (self->count == 0) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its %zu problems", name,
                       self->total);
    }
    const nb_problem *first = &self->list[0];
    char more[48] = "";
    if (self->total > 1) {
        snprintf(more, sizeof more, " (and %zu more)", self->total - 1);
    }
    return nb_fail(err, NB_E_INVALID, "%s:%u:%u: %s%s", name, first->place.line,
                   first->place.column, first->text, more);
}
