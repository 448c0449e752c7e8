// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/keys.h"
#include "mix/schema.h"
#include "mix_helpers.h"

#include <math.h>

typedef struct identity {
    nb_digest mix;  // key of the whole output
    nb_digest song; // the song digest
} identity;

static identity identity_of(const char *text)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = NULL;
    identity out;
    assert_ok(nb_graph_build(document, find_unknown, NULL, &fingerprint, NULL, &graph, err));
    nb_graph_output_key(graph, 0, &out.mix);
    assert_ok(nb_document_digest(document, find_digest, NULL, &out.song, err));
    return out;
}

static const char song[] = HEAD
    "tracks:\n"
    "  - {id: vox, clips: [{id: c, file: vox.wav, at: 1, fade_in: 0.01}], fader_db: -6,\n"
    "     inserts: [{id: g, processor: gain, gain_db: 2}], sends: [{to: plate, level_db: -9}]}\n"
    "  - {id: bass, clips: [{id: c, file: bass.wav}], pan_percent: 10}\n"
    "buses: [{id: plate}]\n"
    "automation: {bass/fader_db: '1 -3'}\n";

static void the_key_of_a_song_stays_what_it_is(void **state)
{
    (void)state;
    char hex[NB_DIGEST_HEX_SIZE];
    const identity id = identity_of(song);
    nb_digest_to_hex(&id.song, hex);
    assert_string_equal(hex, "e3084c8cfa8615a9e65ea014d5c3fc2d0e36dc2f91d9a44acd6f9e319862f508");
    nb_digest_to_hex(&id.mix, hex);
    assert_string_equal(hex, "3c898c3196abaf3ddec66645527ce6ae82cd7746603d4d5dfe7c121f94aa8c17");
}

static void how_it_is_written_does_not_count(void **state)
{
    (void)state;
    static const char rewritten[] =
        "format: nightbus-mix/1\n# A comment\ntitle: Another title\nrate_hz: 48000\n"
        "tempo: [{at: 0:00.000, bpm: 120.0, meter: 4/4}]\ntail_max_s: 20\n"
        "automation:\n  bass/fader_db:\n    curve: line\n    points: |\n      # held\n      0:01 "
        "-3.0\n"
        "mix_bus: {fader_db: -0, inserts: []}\n"
        "buses:\n  - {name: Plate, id: plate, mute: false, output: mix}\n"
        "tracks:\n"
        "  - {id: bass, name: Low, clips: [{id: c, file: bass.wav, offset: 0, gain_db: 0}], "
        "pan_percent: 1e1,\n"
        "     pan_law: constant-power}\n"
        "  - {id: vox, fader_db: -6.00, polarity: normal,\n"
        "     sends: [{level_db: -9, to: plate, tap: post}],\n"
        "     inserts: [{gain_db: 2.0, polarity: normal, bypass: false, processor: gain, id: g}],\n"
        "     clips: [{id: c, at: 0:01, file: vox.wav, fade_in: 0.010, fade_in_shape: linear,\n"
        "              fade_out_shape: s-curve}]}\n";
    const identity one = identity_of(song);
    const identity other = identity_of(rewritten);
    assert_true(nb_digest_equal(&one.song, &other.song));
    assert_true(nb_digest_equal(&one.mix, &other.mix));
}

/// `song` with the first `from` replaced by `to`.
static identity changed(const char *from, const char *to)
{
    char text[2000];
    const char *found = strstr(song, from);
    assert_non_null(found);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(found - song), song, to, found + strlen(from));
    return identity_of(text);
}

static void whatever_is_heard_changes_both(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"vox.wav", "vox2.wav"},
        {"at: 1,", "at: 1.1,"},
        {"at: 1,", "at: 1, offset: 1,"},
        {"at: 1,", "at: 1, length: 2,"},
        {"at: 1,", "at: 1, gain_db: 1,"},
        {"fade_in: 0.01", "fade_in: 0.02"},
        {"fade_in: 0.01", "fade_in: 0.01, fade_in_shape: s-curve"},
        {"fader_db: -6", "fader_db: -5"},
        {"fader_db: -6", "fader_db: -6, polarity: inverted"},
        {"fader_db: -6", "fader_db: -6, mute: true"},
        {"fader_db: -6", "output: plate"},
        {"gain_db: 2", "gain_db: 2.1"},
        {"gain_db: 2", "gain_db: 2, bypass: true"},
        {"level_db: -9", "level_db: -8"},
        {"level_db: -9", "level_db: -9, tap: pre"},
        {"pan_percent: 10", "pan_percent: 11"},
        {"pan_percent: 10", "pan_percent: 10, pan_law: linear"},
        {"'1 -3'", "'1 -4'"},
        {"bass/fader_db: '1 -3'", "bass/fader_db: {curve: hold, points: '1 -3'}"},
        {"title: T\n", "title: T\nrate_hz: 44100\n"},
        {"title: T\n", "title: T\ntail_max_s: 21\n"},
    };
    const identity before = identity_of(song);
    for (size_t i = 0; i < NB_COUNT(changes); i++) {
        const identity after = changed(changes[i][0], changes[i][1]);
        if (nb_digest_equal(&before.mix, &after.mix) ||
            nb_digest_equal(&before.song, &after.song)) {
            fail_msg("'%s' for '%s' changed nothing", changes[i][1], changes[i][0]);
        }
    }
}

static void the_tempo_counts_in_keys_only_where_a_processor_follows_it(void **state)
{
    (void)state;
    const identity before = identity_of(song);
    const identity after = changed("title: T\n", "title: T\ntempo: [{at: 0, bpm: 99}]\n");
    assert_true(nb_digest_equal(&before.mix, &after.mix));
    assert_false(nb_digest_equal(&before.song, &after.song));
    static const char delay[] = HEAD "%stracks: [{id: t, clips: [{file: t.wav}],\n"
                                     "  inserts: [{id: d, processor: delay, note: 1/4}]}]\n";
    char slow[400], fast[400];
    snprintf(slow, sizeof slow, delay, "");
    snprintf(fast, sizeof fast, delay, "tempo: [{at: 0, bpm: 140}]\n");
    const identity one = identity_of(slow);
    const identity other = identity_of(fast);
    assert_false(nb_digest_equal(&one.mix, &other.mix));
}

/// A value of the parameter that is not its default.
static double other_value(const nb_param *param)
{
    if (param->scale == NB_SCALE_CHOICE || param->scale == NB_SCALE_SWITCH ||
        param->scale == NB_SCALE_WHOLE) {
        return param->initial == param->min ? param->min + 1 : param->initial - 1;
    }
    const double towards = param->initial == param->max ? param->min : param->max;
    return (isinf(param->initial) ? param->min : param->initial * 0.9) + towards * 0.1;
}

/// A song with one insert: of the processor, with one parameter of it or of its one band.
static nb_status insert_identity(const nb_processor *processor, bool in_band, const nb_param *param,
                                 double value, identity *out)
{
    char number[64] = "";
    char key[160] = "";
    if (param) {
        nb_schema_format_value(param, value, number, sizeof number);
        snprintf(key, sizeof key, "%s%s: %s", in_band ? "" : ", ", param->name, number);
    }
    char bands[240] = "";
    if (processor->bands_max > 0) {
        // With a crossover below it, where there must be one.
        const bool crosses =
            nb_param_find(processor->band_params, processor->band_param_count, "upto_hz") >= 0;
        snprintf(bands, sizeof bands, ", bands: [%s{%s}]", crosses ? "{upto_hz: 500}, " : "",
                 in_band ? key : "");
    }
    char text[1000];
    snprintf(
        text, sizeof text,
        HEAD
        "tracks: [{id: t, clips: [{file: stereo.wav}], inserts: [{id: p, processor: %s%s%s%s}]}]\n",
        processor->name, processor->takes_audio ? ", file: s.wav" : "", in_band ? "" : key, bands);
    nb_document *document = NULL;
    nb_error err = {0};
    const nb_status status =
        nb_document_parse("mix.yaml", text, strlen(text), NULL, &document, &err);
    nb_document_destroy(&document);
    if (status == NB_OK) {
        *out = identity_of(text);
    } else {
        print_message("%s", err.text);
    }
    return status;
}

static void check_params(const nb_processor *processor, bool in_band, const nb_param *params,
                         size_t count, size_t *refused)
{
    identity plain;
    assert_int_equal(insert_identity(processor, in_band, NULL, 0.0, &plain), NB_OK);
    for (size_t i = 0; i < count; i++) {
        identity spelled;
        identity moved;
        assert_int_equal(
            insert_identity(processor, in_band, &params[i], params[i].initial, &spelled), NB_OK);
        assert_true(nb_digest_equal(&plain.mix, &spelled.mix));
        assert_true(nb_digest_equal(&plain.song, &spelled.song));
        if (insert_identity(processor, in_band, &params[i], other_value(&params[i]), &moved) !=
            NB_OK) {
            (*refused)++; // it needs another value beside it
            continue;
        }
        if (nb_digest_equal(&plain.mix, &moved.mix) || nb_digest_equal(&plain.song, &moved.song)) {
            fail_msg("%s of %s does not count", params[i].name, processor->name);
        }
    }
}

static void every_parameter_of_every_processor_counts_and_its_default_does_not(void **state)
{
    (void)state;
    size_t refused = 0;
    size_t all = 0;
    for (size_t i = 0; i < nb_processor_count(); i++) {
        const nb_processor *processor = nb_processor_at(i);
        if (strcmp(processor->name, "pan") == 0 || processor->hidden) {
            continue; // stands on every strip, or is an insert's own: tested there
        }
        check_params(processor, false, processor->params, processor->param_count, &refused);
        check_params(processor, true, processor->band_params, processor->band_param_count,
                     &refused);
        all += processor->param_count + processor->band_param_count;
    }
    assert_true(all > 20 && refused * 10 < all);
}

// Two tracks, of which the second is as given; what stands behind the tracks is given, too.
static nb_digest stem_key(nb_asset_lookup *lookup, const char *track, const char *rest)
{
    char text[1000];
    nb_digest out = {0};
    snprintf(text, sizeof text,
             HEAD
             "tracks:\n  - {id: a, clips: [{file: s.wav, at: 1}], inserts: [{id: e, processor: "
             "equaliser, bands: [{type: bell, freq_hz: 900, gain_db: 2}]}]}\n"
             "  - {id: b, %s}\n%s",
             track, rest);
    NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = NULL;
    assert_ok(nb_graph_build(document, lookup, NULL, &fingerprint, NULL, &graph, err));
    for (size_t i = 0; i < graph->sink_count; i++) {
        if (graph->sinks[i].kind == NB_SINK_STEM && strcmp(graph->sinks[i].name, "a") == 0) {
            nb_graph_output_key(graph, i, &out);
            return out;
        }
    }
    fail_msg("no stem of a");
    return out;
}

static void a_stem_is_known_as_long_as_it_and_the_mix_s_length_stay(void **state)
{
    (void)state;
#define CLIP "clips: [{file: stereo.wav, at: 2}]"
    static const struct {
        bool same;
        const char *track, *rest;
    } cases[] = {
        {true, CLIP, ""},
        {true, CLIP ", fader_db: -3", ""},
        {true, CLIP ", pan_percent: -20, polarity: inverted", ""},
        {true, CLIP ", inserts: [{id: c, processor: compressor, ratio: 3}]", ""},
        {true, CLIP ", inserts: [{id: c, processor: gate}]", ""},
        {true, "clips: [{file: stereo.wav, at: 2, gain_db: 1, fade_in: 0.1}]", ""},
        {true, CLIP, "mix_bus: {fader_db: -1}\n"},
        {true, CLIP, "automation: {b/fader_db: '1 -3'}\n"},
        {true, CLIP, "tempo: [{at: 0, bpm: 90, meter: 4/4}]\n"},
        {true, CLIP ", output: bus", "buses: [{id: bus}]\n"},
        {false, "clips: [{file: stereo.wav, at: 2.001}]", ""},
        {false, "clips: [{file: stereo.wav, at: 2, offset: 0.01}]", ""},
        {false, "clips: [{file: stereo.wav, at: 2, length: 0.01}]", ""},
        {false, "clips: [{file: s.wav, at: 2}]", ""},
        {false, CLIP ", mute: true", ""},
        {false, CLIP ", inserts: [{id: r, processor: reverb}]", ""},
        {false, CLIP ", inserts: [{id: d, processor: delay, time_ms: 300}]", ""},
        {false, CLIP ", sends: [{to: bus}]",
         "buses: [{id: bus, inserts: [{id: r, processor: reverb}]}]\n"},
        {false, CLIP, "mix_bus: {inserts: [{id: l, processor: reverb}]}\n"},
        {false, CLIP, "tail_max_s: 3\n"},
    };
#undef CLIP
    const nb_digest plain = stem_key(find_unknown, cases[0].track, cases[0].rest);
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        // As the coordinator plans it, who opens no file, and as a renderer finds it.
        const nb_digest planned = stem_key(find_unknown, cases[i].track, cases[i].rest);
        const nb_digest found = stem_key(find_known, cases[i].track, cases[i].rest);
        assert_true(nb_digest_equal(&planned, &found));
        if (nb_digest_equal(&planned, &plain) != cases[i].same) {
            fail_msg("case %zu: the stem is %s", i, cases[i].same ? "another" : "the same");
        }
    }
}

static void an_engine_counts_for_what_it_does(void **state)
{
    (void)state;
    static const char text[] = HEAD "tracks: [{id: t, clips: [{file: t.wav}],\n"
                                    "  inserts: [{id: v, processor: noise-reduction}]}]\n";
    NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
    NB_SCOPED(nb_graph_destroy) nb_graph *before = built(text, find_known);
    nb_fingerprint other = fingerprint;
    other.libraries[0].probe[0] = 'f'; // FFTW
    NB_SCOPED(nb_graph_destroy) nb_graph *after = NULL;
    assert_ok(nb_graph_build(document, find_known, NULL, &other, NULL, &after, err));
    assert_true(nb_digest_equal(&before->nodes[0].key, &after->nodes[0].key));
    assert_false(nb_digest_equal(&before->nodes[1].key, &after->nodes[1].key));
    other = fingerprint;
    other.libraries[3].version[0] = '9'; // libsoxr
    NB_SCOPED(nb_graph_destroy) nb_graph *third = NULL;
    assert_ok(nb_graph_build(document, find_known, NULL, &other, NULL, &third, err));
    assert_false(nb_digest_equal(&before->nodes[0].key, &third->nodes[0].key));
}

/// The key of a node as another program would have it, whose limiter has a newer revision.
static nb_digest key_with_newer(const nb_graph *graph, size_t index, const char *processor)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    const nb_key_context context = {
        .fingerprint = &fingerprint, .rate_hz = graph->rate_hz, .hasher = hasher};
    nb_node node = graph->nodes[index];
    nb_processor newer = *node.settings.processor;
    newer.revision += strcmp(newer.name, processor) == 0;
    node.settings.processor = &newer;
    return nb_key_of_processor(&context, graph->nodes, &node, NULL);
}

static void a_new_revision_counts_for_the_songs_that_use_it(void **state)
{
    (void)state;
    static const char text[] = HEAD "tracks: [{id: t, clips: [{file: t.wav}],\n"
                                    "  inserts: [{id: l, processor: limiter}]}]\n";
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(text, find_known);
    for (size_t n = 0; n < graph->node_count; n++) {
        if (graph->nodes[n].kind != NB_NODE_PROCESSOR) {
            continue;
        }
        const bool limits = strcmp(graph->nodes[n].settings.processor->name, "limiter") == 0;
        const nb_digest other = key_with_newer(graph, n, "reverb");
        const nb_digest newer = key_with_newer(graph, n, "limiter");
        assert_true(nb_digest_equal(&other, &graph->nodes[n].key));
        assert_int_equal(nb_digest_equal(&newer, &graph->nodes[n].key), !limits);
    }
}

static void libm_counts_in_every_key(void **state)
{
    (void)state;
    static const char text[] = HEAD "tracks: [{id: t, clips: [{file: t.wav, gain_db: -1}],\n"
                                    "  inserts: [{id: l, processor: limiter}]}]\n";
    NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
    NB_SCOPED(nb_graph_destroy) nb_graph *before = built(text, find_known);
    nb_fingerprint other = fingerprint;
    other.libraries[1].probe[0] = 'f'; // libm: its pow gives the clip's gain
    NB_SCOPED(nb_graph_destroy) nb_graph *after = NULL;
    assert_ok(nb_graph_build(document, find_known, NULL, &other, NULL, &after, err));
    assert_int_equal(before->node_count, after->node_count);
    for (size_t i = 0; i < before->node_count; i++) {
        assert_false(nb_digest_equal(&before->nodes[i].key, &after->nodes[i].key));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_a_song_stays_what_it_is),
        cmocka_unit_test(how_it_is_written_does_not_count),
        cmocka_unit_test(whatever_is_heard_changes_both),
        cmocka_unit_test(the_tempo_counts_in_keys_only_where_a_processor_follows_it),
        cmocka_unit_test(every_parameter_of_every_processor_counts_and_its_default_does_not),
        cmocka_unit_test(a_stem_is_known_as_long_as_it_and_the_mix_s_length_stay),
        cmocka_unit_test(an_engine_counts_for_what_it_does),
        cmocka_unit_test(a_new_revision_counts_for_the_songs_that_use_it),
        cmocka_unit_test(libm_counts_in_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
