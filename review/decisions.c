// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/decisions.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const standing_names[] = {
    [NB_STANDING_OPEN] = "open",
    [NB_STANDING_CHANGES_REQUESTED] = "changes-requested",
    [NB_STANDING_APPROVED] = "approved",
};

void nb_decisions_fini(nb_decisions *self)
{
    free(self->person);
    free(self->text);
    *self = (nb_decisions){0};
}

const char *nb_standing_name(nb_standing standing) { return standing_names[standing]; }

bool nb_standing_from_name(const char *name, nb_standing *out)
{
    for (size_t i = 0; i < NB_COUNT(standing_names); i++) {
        if (strcmp(standing_names[i], name) == 0) {
            *out = (nb_standing)i;
            return true;
        }
    }
    return false;
}

static bool is_report(const char *name)
{
    const char *ending = strrchr(name, '.');
    return ending && strcmp(ending, ".json") == 0;
}

const nb_event_output *nb_decisions_audio(const nb_event *rendered)
{
    const nb_event_output *found = NULL;
    for (size_t i = 0; !found && i < rendered->output_count; i++) {
        found = nb_event_is_main_audio(rendered->outputs[i].name) ? &rendered->outputs[i] : NULL;
    }
    for (size_t i = 0; !found && i < rendered->output_count; i++) {
        found = is_report(rendered->outputs[i].name) ? NULL : &rendered->outputs[i];
    }
    return found;
}

static void add_rendering(nb_decisions *self, const nb_event *event)
{
    const nb_event_output *audio = nb_decisions_audio(event);
    if (self->rendered || !audio) {
        return; // what was rendered again never takes the first one's place
    }
    self->rendered = true;
    snprintf(self->audio_sha256, sizeof self->audio_sha256, "%s", audio->sha256);
    snprintf(self->rendering, sizeof self->rendering, "%s", event->rendering);
    self->integrated_lufs = event->integrated_lufs;
    self->true_peak_dbtp = event->true_peak_dbtp;
    self->duration_s = event->duration_s;
}

static nb_standing standing_after(nb_event_kind kind)
{
    switch (kind) {
    case NB_EVENT_APPROVE:
        return NB_STANDING_APPROVED;
    case NB_EVENT_REQUEST_CHANGES:
        return NB_STANDING_CHANGES_REQUESTED;
    default:
        return NB_STANDING_OPEN; // withdrawn
    }
}

nb_status nb_decisions_add(nb_decisions *self, const nb_event *event, nb_error *err)
{
    if (event->kind == NB_EVENT_RENDERED) {
        add_rendering(self, event);
        return NB_OK;
    }
    if (!nb_event_is_decision(event->kind)) {
        return NB_OK;
    }
    if (strcmp(event->replaces ? event->replaces : "", self->id) != 0) {
        self->overtaken++;
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *person = strdup(event->person);
    NB_SCOPED(nb_text_free) char *text = event->text ? strdup(event->text) : NULL;
    if (!person || (event->text && !text)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a decision");
    }
    free(self->person);
    free(self->text);
    self->person = person;
    self->text = text;
    person = NULL; // its now
    text = NULL;
    self->standing = standing_after(event->kind);
    self->time_ms = event->time_ms;
    snprintf(self->id, sizeof self->id, "%s", event->id);
    snprintf(self->sha256, sizeof self->sha256, "%s", event->sha256);
    return NB_OK;
}
