// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/plan_reasons.h"
#include "tests/test.h"

static const char before_text[] =
    "format: nightbus-mix/1\ntitle: T\ntracks:\n"
    "  - {id: vox, clips: [{id: a, file: a.wav, at: 0}], fader_db: -3}\n"
    "  - {id: gtr, clips: [{id: b, file: b.wav, at: 0}], fader_db: -3}\n"
    "  - {id: old, clips: [{id: o, file: o.wav, at: 0}]}\n"
    "alternates:\n"
    "  - {id: no-vox, mute: [vox]}\n"
    "  - {id: loud, offset_db: {gtr: 1}}\n";

static const char after_text[] =
    "format: nightbus-mix/1\ntitle: Another title\ntracks:\n"
    "  - {id: vox, clips: [{id: a, file: a.wav, at: 0}], fader_db: -5}\n"
    "  - {id: gtr, clips: [{id: b, file: b.wav, at: 0}], fader_db: -3}\n"
    "alternates:\n"
    "  - {id: no-vox, mute: [vox]}\n"
    "  - {id: loud, offset_db: {gtr: 2}}\n";

static nb_status find_digest(void *context, const char *path, nb_digest *out, nb_error *err)
{
    (void)context;
    (void)err;
    *out = nb_digest_of(path, strlen(path));
    return NB_OK;
}

static nb_status find_asset(void *context, const char *path, nb_asset *out, nb_error *err)
{
    *out = (nb_asset){0};
    return find_digest(context, path, &out->digest, err);
}

typedef struct side {
    nb_document *document;
    nb_graph *graph;
    json_t *model;
} side;

static side open_side(const char *text)
{
    const nb_fingerprint fingerprint = {.core_revision = 1, .cpu_class = "any"};
    side made = {0};
    assert_ok(nb_document_parse("mix.yaml", text, strlen(text), NULL, &made.document, err));
    assert_ok(
        nb_graph_build(made.document, find_asset, NULL, &fingerprint, NULL, &made.graph, err));
    assert_ok(nb_mix_model_make(made.document, find_digest, NULL, &made.model, err));
    return made;
}

static void close_side(side *self)
{
    nb_graph_destroy(&self->graph);
    nb_document_destroy(&self->document);
    json_decref(self->model);
}

/// The words of the changes that reach an output.
static char *reasons(const nb_mix_diff *changes, const side *before, const side *after,
                     const char *output)
{
    bool marks[64];
    nb_text text = {0};
    assert_true(changes->count < NB_COUNT(marks));
    assert_ok(nb_plan_reasons_find(changes, before ? before->graph : NULL, after->graph, output,
                                   marks, err));
    assert_ok(nb_plan_reasons_print(changes, marks, false, &text, err));
    nb_text_add(&text, ""); // never null
    return nb_text_take(&text);
}

static void an_output_is_made_for_what_feeds_it_and_for_nothing_else(void **state)
{
    (void)state;
    side before = open_side(before_text);
    side after = open_side(after_text);
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff changes = {0};
    assert_ok(nb_mix_diff_find(before.model, after.model, &changes, err));
    NB_SCOPED(nb_text_free) char *mix = reasons(&changes, &before, &after, "mix");
    assert_non_null(strstr(mix, "-3 → -5 dB"));
    assert_non_null(strstr(mix, "old")); // it fed the mix before
    assert_null(strstr(mix, "loud"));
    assert_null(strstr(mix, "title")); // nobody hears it
    NB_SCOPED(nb_text_free) char *without = reasons(&changes, &before, &after, "alternate/no-vox");
    assert_null(strstr(without, "-5 dB"));
    assert_non_null(strstr(without, "old"));
    NB_SCOPED(nb_text_free) char *loud = reasons(&changes, &before, &after, "alternate/loud");
    assert_non_null(strstr(loud, "loud"));
    assert_non_null(strstr(loud, "-3 → -5 dB"));
    NB_SCOPED(nb_text_free) char *stem = reasons(&changes, &before, &after, "stem/gtr");
    assert_null(strstr(stem, "dB"));
    assert_non_null(strstr(stem, "old")); // without it the mix may be shorter, and so each stem
    // Without the graph before, what is gone has no output any more.
    NB_SCOPED(nb_text_free) char *less = reasons(&changes, NULL, &after, "mix");
    assert_null(strstr(less, "old"));
    close_side(&before);
    close_side(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_output_is_made_for_what_feeds_it_and_for_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
