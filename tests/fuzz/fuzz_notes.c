// SPDX-License-Identifier: GPL-3.0-or-later
// A review as a damaged repository could hold it, folded into notes; and the same bytes as a
// message, a time, a text to be erased. What was erased must be gone, and fold to the same notes.
#include "base/text.h"
#include "review/note_time.h"
#include "review/notes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void fold(const char *lines, nb_note_log *out)
{
    nb_error err = {0};
    *out = (nb_note_log){0};
    if (nb_note_log_add_lines(out, "night", lines, &err) != NB_OK ||
        nb_note_log_fold(out, &err) != NB_OK) {
        abort();
    }
}

static void look(const nb_note_log *log)
{
    unsigned before = 0;
    for (size_t i = 0; i < log->note_count; i++) {
        const nb_note *note = &log->notes[i];
        const nb_note_place place = nb_note_place_in(note, "v3");
        const bool is_gone =
            note->words.state == NB_NOTE_DELETED || note->words.state == NB_NOTE_ERASED;
        // Numbers ascend, a place has a rate, words are there exactly while nobody took them.
        if (note->number <= before || place.rate_hz == 0 || is_gone != !note->words.text ||
            nb_note_log_find(log, note->number) != note ||
            nb_note_log_note_of(log, note->words.said) != note) {
            abort();
        }
        (void)nb_note_is_in(note, "v3");
        before = note->number;
    }
}

static void erase_all(const char *lines, const nb_note_log *log)
{
    const char **ids = calloc(log->event_count + 1, sizeof *ids);
    for (size_t i = 0; ids && i < log->event_count; i++) {
        ids[i] = log->events[i].id;
    }
    NB_SCOPED(nb_text_free)
    char *erased = ids ? nb_note_erase_words(lines, ids, log->event_count) : NULL;
    NB_SCOPED(nb_note_log_fini) nb_note_log after = {0};
    if (!erased) {
        abort();
    }
    fold(erased, &after);
    if (after.note_count != log->note_count) {
        abort();
    }
    for (size_t i = 0; i < after.event_count; i++) {
        if (after.events[i].text) {
            abort();
        }
    }
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NB_SCOPED(nb_text_free) char *text = strndup((const char *)bytes, size);
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    nb_note_fix fixes[4];
    nb_note_moment moments[2];
    int64_t ns = 0;
    static const nb_document_tempo tempo = {0, 120.0, 4, 4};
    if (!text) {
        abort();
    }
    fold(text, &log);
    look(&log);
    erase_all(text, &log);
    if (nb_note_fixes(text, fixes, NB_COUNT(fixes)) > NB_COUNT(fixes)) {
        abort();
    }
    if (nb_note_time_parse(text, moments, NULL) == NB_OK &&
        nb_note_time_resolve(&moments[0], &tempo, 1, &ns, NULL) == NB_OK && ns < 0) {
        abort();
    }
    return 0;
}
