// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a difference to apply to a mix. What is taken must come out as a mix whose
// difference from the first one, told and written, makes the same mix again.
#include "review/mix_diff.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char mix[] =
    "format: nightbus-mix/1\n"
    "title: Night\n"
    "tracks:\n"
    "  - id: vox\n"
    "    clips: [{id: verse, file: audio/lead-03.wav, at: 0:12.5, fade_in: 0.5}]\n"
    "    inserts:\n"
    "      - {id: eq, processor: equaliser, bands: [{id: air, freq_hz: 9000, gain_db: 2}]}\n"
    "      - {id: comp, processor: compressor, ratio: 3, sidechain: drums}\n"
    "    fader_db: -3\n"
    "    sends: [{to: plate, level_db: -9}]\n"
    "  - {id: drums}\n"
    "buses: [{id: plate}]\n"
    "automation:\n"
    "  vox/fader_db: |\n"
    "    0 -4\n"
    "    0:45 -3\n"
    "alternates: [{id: tv, mute: [vox]}]\n";

static json_t *make_model(void)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    json_t *model = NULL;
    if (nb_document_parse("mix.yaml", mix, strlen(mix), NULL, &document, NULL) != NB_OK ||
        nb_mix_model_make(document, NULL, NULL, &model, NULL) != NB_OK) {
        abort();
    }
    return model;
}

/// The difference of two models must say what it is and turn the one into the other.
static void follow(json_t *before, json_t *after)
{
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff diff = {0};
    if (nb_mix_diff_find(before, after, &diff, NULL) != NB_OK) {
        abort();
    }
    NB_SCOPED(nb_text_fini) nb_text words = {0};
    nb_mix_diff_print(&diff, false, &words);
    nb_mix_diff_print_stat(&diff, false, &words);
    if (words.chars && !nb_text_is_utf8(words.chars, words.length, NULL)) {
        abort(); // it goes to a terminal
    }
    NB_SCOPED(nb_json_free) json_t *json = nb_mix_diff_to_json(&diff);
    NB_SCOPED(nb_json_free) json_t *again = NULL;
    if (nb_mix_diff_apply(json, before, &again, NULL) != NB_OK || !json_equal(again, after)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NB_SCOPED(nb_json_free) json_t *diff = NULL;
    NB_SCOPED(nb_json_free) json_t *after = NULL;
    nb_error err = {0};
    if (nb_mix_diff_parse("diff", (const char *)bytes, size, &diff, &err) != NB_OK) {
        return 0;
    }
    NB_SCOPED(nb_json_free) json_t *before = make_model();
    if (nb_mix_diff_apply(diff, before, &after, &err) == NB_OK) {
        follow(before, after);
    }
    return 0;
}
