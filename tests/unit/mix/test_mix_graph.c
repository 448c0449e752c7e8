// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix_helpers.h"

#include <math.h>

static void inputs_stand_before_what_they_feed_in_the_order_of_ids(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy)
    nb_graph *graph = built(
        HEAD "tracks:\n"
             "  - {id: z, clips: [{file: z.wav}], fader_db: -3}\n"
             "  - {id: a, clips: [{file: a.wav}], output: g, sends: [{to: r, level_db: -6}]}\n"
             "buses: [{id: r}, {id: g}]\n",
        find_known);
    for (size_t i = 0; i < graph->node_count; i++) {
        for (size_t k = 0; k < graph->nodes[i].input_count; k++) {
            assert_true(graph->nodes[i].inputs[k] < i);
        }
    }
    const nb_node *mix = &graph->nodes[graph->sinks[0].node];
    assert_string_equal(mix->name, "mix/sum");
    assert_int_equal(mix->input_count, 3);
    assert_int_equal(mix->inputs[0], node_of(graph, "g/sum"));
    assert_int_equal(mix->inputs[1], node_of(graph, "r/sum"));
    assert_int_equal(mix->inputs[2], node_of(graph, "z/pan"));
    assert_true(node_of(graph, "z/fader") >= 0);
    assert_true(node_of(graph, "a/fader") < 0); // 0 dB: nothing to do
    assert_true(graph->nodes[node_of(graph, "a/pan")].settings.input_is_mono);
    assert_int_equal(graph->nodes[node_of(graph, "a/clips")].channels, 1);
}

static void a_muted_track_still_keys(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy)
    nb_graph *graph = built(
        HEAD
        "tracks:\n"
        "  - {id: kick, mute: true, clips: [{file: k.wav}], sends: [{to: r}, {to: p, tap: pre}],\n"
        "     inserts: [{id: g, processor: gain, gain_db: 3}]}\n"
        "  - {id: bass, clips: [{file: b.wav}],\n"
        "     inserts: [{id: c, processor: compressor, sidechain: kick}]}\n"
        "  - {id: silent, fader_db: off, clips: [{file: q.wav}]}\n"
        "buses: [{id: r}, {id: p}]\n",
        find_known);
    const nb_node *compressor = &graph->nodes[node_of(graph, "bass/c")];
    assert_int_equal(compressor->sidechain, node_of(graph, "kick/g"));
    assert_true(node_of(graph, "kick/pan") < 0);
    assert_true(node_of(graph, "r/sum") < 0 && node_of(graph, "p/sum") < 0);
    assert_true(node_of(graph, "silent/clips") < 0);
    assert_int_equal(graph->asset_count, 2); // what nobody hears is not read
}

static void a_sidechain_of_an_empty_track_is_silence(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy)
    nb_graph *graph =
        built(HEAD "tracks:\n  - {id: none}\n  - {id: bass, clips: [{file: b.wav}],\n"
                   "     inserts: [{id: c, processor: compressor, sidechain: none}]}\n",
              find_known);
    const nb_node *key = &graph->nodes[graph->nodes[node_of(graph, "bass/c")].sidechain];
    assert_int_equal(key->kind, NB_NODE_CLIPS);
    assert_int_equal(key->clip_count, 0);
    assert_int_equal(key->end_frame, 0);
}

static void bypassed_inserts_and_closed_sends_are_gone_unless_a_lane_opens_them(void **state)
{
    (void)state;
    static const char text[] = HEAD
        "tracks: [{id: t, clips: [{file: t.wav}], sends: [{to: r, level_db: off}],\n"
        "  inserts: [{id: g, processor: gain, gain_db: 3, bypass: true}]}]\nbuses: [{id: r}]\n";
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(text, find_known);
    assert_true(node_of(graph, "t/g") < 0 && node_of(graph, "r/sum") < 0);
    char opened[600];
    snprintf(opened, sizeof opened, "%sautomation: {t/sends/r/level_db: '1 0'}\n", text);
    NB_SCOPED(nb_graph_destroy) nb_graph *other = built(opened, find_known);
    assert_true(node_of(other, "r/sum") >= 0);
    assert_true(other->nodes[node_of(other, "t/sends/r")].settings.moving[0]);
}

static void clips_are_in_frames_of_the_song(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy)
    nb_graph *graph = built(HEAD "rate_hz: 48000\ntail_max_s: 1\ntracks:\n"
                                 "  - id: t\n    clips:\n"
                                 "      - {file: b.wav, at: 5, offset: 9.5}\n"
                                 "      - {file: a.wav, at: 0.00001, length: 2, gain_db: -6}\n",
                            find_known);
    const nb_node *node = &graph->nodes[0];
    assert_int_equal(node->clips[0].at_frame, 0); // 0.48 of a frame
    assert_int_equal(node->clips[0].length_frames, 96000);
    assert_true(fabs(node->clips[0].gain - 0.501187) < 1e-6);
    assert_int_equal(node->clips[1].offset_frames, 456000);
    assert_int_equal(node->clips[1].length_frames, 24000); // 441000 at 44.1 kHz are 480000 at 48
    assert_int_equal(node->end_frame, 5 * 48000 + 24000);
    assert_int_equal(graph->frames, node->end_frame);
}

static void ringing_ends_at_tail_max(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy)
    nb_graph *graph =
        built(HEAD "tail_max_s: 0.5\ntracks: [{id: t, clips: [{file: t.wav}], inserts:\n"
                   "  [{id: d, processor: delay, time_ms: 1000, feedback_percent: 90}]}]\n",
              find_known);
    assert_int_equal(graph->frames, 480000 + 24000);
}

static void unknown_files_give_the_same_keys(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "tracks:\n"
             "  - {id: m, clips: [{file: m.wav}, {file: stereo.wav, at: 4}], pan_percent: 30,\n"
             "     inserts: [{id: v, processor: convolution, file: s.wav}]}\n"
             "  - {id: s, clips: [{file: stereo.wav, length: 3}], polarity: inverted}\n";
    NB_SCOPED(nb_graph_destroy) nb_graph *known = built(text, find_known);
    NB_SCOPED(nb_graph_destroy) nb_graph *unknown = built(text, find_unknown);
    assert_int_equal(known->node_count, unknown->node_count);
    for (size_t i = 0; i < known->node_count; i++) {
        assert_true(nb_digest_equal(&known->nodes[i].key, &unknown->nodes[i].key));
    }
    assert_int_equal(unknown->nodes[0].channels, 0);
    assert_int_equal(known->nodes[0].channels, 2);
    assert_int_equal(known->nodes[node_of(known, "m/v")].settings.audio_frames, 480000);
}

static void every_unfit_file_is_a_problem_at_its_place(void **state)
{
    (void)state;
    NB_SCOPED(nb_document_destroy)
    nb_document *document = parsed(HEAD "tracks:\n  - id: t\n    clips:\n"
                                        "      - {file: missing.wav}\n"
                                        "      - {file: missing.wav, at: 1}\n"
                                        "      - {file: a.wav, offset: 11}\n"
                                        "      - {file: b.wav, offset: 5, length: 6}\n"
                                        "      - {file: 6.wav}\n"
                                        "      - {file: c.wav, fade_in: 6, fade_out: 6}\n");
    static const struct {
        unsigned line;
        const char *words;
    } expected[] = {
        {6, "missing.wav: no such file"},
        {8, "a.wav: the offset of 11.000 s is behind its end at 10.000 s"},
        {9, "b.wav: the clip ends 11.000 s into it, but it is 10.000 s long"},
        {10, "6.wav: has 6 channels; a clip is mono or stereo"},
        {11, "longer than the clip's 10.000 s"},
    };
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    nb_graph *graph = NULL;
    assert_fails(NB_E_INVALID, "mix.yaml:6:16: missing.wav: no such file (and 4 more)",
                 nb_graph_build(document, find_known, NULL, &fingerprint, &problems, &graph, err));
    assert_null(graph);
    assert_int_equal(problems.total, NB_COUNT(expected));
    for (size_t i = 0; i < NB_COUNT(expected); i++) {
        assert_int_equal(problems.list[i].place.line, expected[i].line);
        assert_non_null(strstr(problems.list[i].text, expected[i].words));
    }
}

static void a_song_of_silence_is_refused(void **state)
{
    (void)state;
    NB_SCOPED(nb_document_destroy)
    nb_document *document = parsed(HEAD "tracks: [{id: t, mute: true, clips: [{file: t.wav}]}]\n");
    nb_graph *graph = NULL;
    assert_fails(NB_E_INVALID, "nothing reaches the mix bus",
                 nb_graph_build(document, find_known, NULL, &fingerprint, NULL, &graph, err));
}

static double at(const nb_graph_lane *lane, int64_t frame)
{
    double value = NAN;
    nb_graph_lane_fill(lane, frame, 1, 1, &value);
    return value;
}

static void lanes_are_straight_in_the_scale_of_their_parameter(void **state)
{
    (void)state;
    static const nb_param linear = {"l", "%", NB_SCALE_LINEAR, -100, 100};
    static const nb_param level = {"d", "dB", NB_SCALE_DB, -60, 12, 0, true, true};
    static const nb_param log_hz = {"f", "Hz", NB_SCALE_LOG, 20, 20000, 1000};
    const nb_graph_point points[] = {{100, -50}, {200, 50}, {200, 10}, {300, 20}};
    nb_graph_lane lane = {0, &linear, NB_CURVE_LINE, 4, points};
    assert_true(at(&lane, 0) == -50 && at(&lane, 100) == -50); // held before
    assert_true(at(&lane, 150) == 0 && at(&lane, 199) == 49);
    assert_true(at(&lane, 200) == 10 && at(&lane, 250) == 15);     // a jump
    assert_true(at(&lane, 300) == 20 && at(&lane, 1 << 30) == 20); // held behind
    lane.curve = NB_CURVE_HOLD;
    assert_true(at(&lane, 199) == -50 && at(&lane, 299) == 10);
    const nb_graph_point hz[] = {{0, 100}, {100, 10000}};
    lane = (nb_graph_lane){0, &log_hz, NB_CURVE_LINE, 2, hz};
    assert_true(fabs(at(&lane, 50) - 1000) < 1e-9);
    const nb_graph_point fade[] = {{0, -INFINITY}, {100, 0}, {200, -INFINITY}, {300, -INFINITY}};
    lane = (nb_graph_lane){0, &level, NB_CURVE_LINE, 4, fade};
    assert_true(isinf(at(&lane, 0)) && at(&lane, 50) == -60 && at(&lane, 100) == 0);
    assert_true(fabs(at(&lane, 150) + 60) < 1e-9 && at(&lane, 199) > -120);
    assert_true(isinf(at(&lane, 200)) && isinf(at(&lane, 250)) && isinf(at(&lane, 999)));
}

static void any_cut_of_a_lane_gives_the_same_values(void **state)
{
    (void)state;
    enum { FRAMES = 4000, POINTS = 60 };
    static const nb_param level = {"d", "dB", NB_SCALE_DB, -60, 12, 0, true, true};
    nb_graph_point points[POINTS];
    for (int i = 0; i < POINTS; i++) {
        points[i] = (nb_graph_point){i * i, i % 7 == 3 ? -INFINITY : (i * 37) % 50 - 40};
    }
    const nb_graph_lane lane = {0, &level, NB_CURVE_LINE, POINTS, points};
    static double whole[FRAMES], cut[FRAMES];
    nb_graph_lane_fill(&lane, -10, FRAMES, 1, whole);
    size_t done = 0;
    for (size_t size = 1; done < FRAMES; size = size % 97 + 1) {
        const size_t count = size < FRAMES - done ? size : FRAMES - done;
        double wide[97 * 2];
        nb_graph_lane_fill(&lane, (int64_t)done - 10, count, 2, wide);
        for (size_t i = 0; i < count; i++) {
            cut[done++] = wide[i * 2];
        }
    }
    assert_memory_equal(whole, cut, sizeof whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_stand_before_what_they_feed_in_the_order_of_ids),
        cmocka_unit_test(a_muted_track_still_keys),
        cmocka_unit_test(a_sidechain_of_an_empty_track_is_silence),
        cmocka_unit_test(bypassed_inserts_and_closed_sends_are_gone_unless_a_lane_opens_them),
        cmocka_unit_test(clips_are_in_frames_of_the_song),
        cmocka_unit_test(ringing_ends_at_tail_max),
        cmocka_unit_test(unknown_files_give_the_same_keys),
        cmocka_unit_test(every_unfit_file_is_a_problem_at_its_place),
        cmocka_unit_test(a_song_of_silence_is_refused),
        cmocka_unit_test(lanes_are_straight_in_the_scale_of_their_parameter),
        cmocka_unit_test(any_cut_of_a_lane_gives_the_same_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
