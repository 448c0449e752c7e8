// SPDX-License-Identifier: GPL-3.0-or-later
// Alternates, stems, and inserts on a part of the signal.
#include "mix_helpers.h"

static const char band[] =
    HEAD "tracks:\n"
         "  - {id: vox, clips: [{file: vox.wav}], fader_db: -3, sends: [{to: hall}],\n"
         "     inserts: [{id: comp, processor: compressor}]}\n"
         "  - {id: drums, clips: [{file: sdrums.wav}], output: rhythm}\n"
         "  - {id: guide, clips: [{file: guide.wav}], mute: true}\n"
         "buses: [{id: hall, fader_db: -6}, {id: rhythm}]\n"
         "mix_bus: {inserts: [{id: limit, processor: limiter}]}\n";

static const nb_sink *sink_of(const nb_graph *graph, nb_sink_kind kind, const char *name)
{
    for (size_t i = 0; i < graph->sink_count; i++) {
        if (graph->sinks[i].kind == kind && strcmp(graph->sinks[i].name, name) == 0) {
            return &graph->sinks[i];
        }
    }
    fail_msg("no sink %s", name);
    return NULL;
}

static void an_alternate_shares_what_it_leaves_alone(void **state)
{
    (void)state;
    char text[1500];
    snprintf(text, sizeof text,
             "%salternates:\n"
             "  - {id: instrumental, name: Instrumental, mute: [vox]}\n"
             "  - {id: vocal-up, offset_db: {vox: 1.5}}\n"
             "  - {id: guided, unmute: [guide]}\n"
             "  - {id: the-same, unmute: [vox]}\n",
             band);
    NB_SCOPED(nb_graph_destroy) nb_graph *plain = built(band, find_known);
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(text, find_known);
    const nb_sink *mix = sink_of(graph, NB_SINK_MIX, "mix");
    assert_ptr_equal(mix, &graph->sinks[0]);
    // What stands beside the mix changes nothing of it.
    assert_true(
        nb_digest_equal(&graph->nodes[mix->node].key, &plain->nodes[plain->sinks[0].node].key));
    assert_int_equal(mix->frames, plain->frames);
    const nb_sink *instrumental = sink_of(graph, NB_SINK_ALTERNATE, "instrumental");
    assert_true(instrumental->node != mix->node);
    assert_int_equal(sink_of(graph, NB_SINK_ALTERNATE, "the-same")->node, mix->node);
    // Vocal up: one offset behind the fader, its pan, its bus, its sum, its limiter; the send.
    const int offset = node_of(graph, "vox/offset");
    assert_true(offset >= 0);
    assert_int_equal(graph->nodes[offset].inputs[0], node_of(graph, "vox/fader"));
    size_t sums = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        sums += strcmp(graph->nodes[i].name, "rhythm/sum") == 0;
        assert_true(strcmp(graph->nodes[i].name, "vox/comp") != 0 ||
                    i == (size_t)node_of(graph, "vox/comp"));
    }
    assert_int_equal(sums, 1);
    assert_true(node_of(plain, "guide/clips") < 0 && node_of(graph, "guide/clips") >= 0);
}

static void stems_are_what_arrives_at_the_mix_bus(void **state)
{
    (void)state;
    char text[1500];
    snprintf(text, sizeof text, "%salternates: [{id: a, mute: [drums]}]\n", band);
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(text, find_known);
    const nb_node *sum = &graph->nodes[node_of(graph, "mix/sum")];
    static const char *const ids[] = {"hall", "rhythm", "vox"};
    assert_int_equal(sum->input_count, NB_COUNT(ids));
    for (size_t i = 0; i < NB_COUNT(ids); i++) {
        const nb_sink *stem = &graph->sinks[2 + i];
        assert_int_equal(stem->kind, NB_SINK_STEM);
        assert_string_equal(stem->name, ids[i]);
        assert_int_equal(stem->node, sum->inputs[i]);
        assert_int_equal(stem->frames, graph->frames);
    }
    assert_int_equal(graph->sink_count, 2 + NB_COUNT(ids));
}

static void bad_alternates_are_said_at_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *words;
    } cases[] = {
        {"[{id: mix, mute: [vox]}]", "'mix' is the mix itself"},
        {"[{id: a, mute: [vax]}]", "mute: there is no track or bus 'vax'; did you mean 'vox'?"},
        {"[{id: a, mute: [vox], unmute: [vox]}]", "unmute: 'vox' is already muted"},
        {"[{id: a, offset_db: {vox: loud}}]", "offset_db: 'loud'"},
        {"[{id: a, offset_db: {vox: 90}}]", "out of range"},
        {"[{id: a, offset_db: {mix: 1}}]", "there is no track or bus 'mix'"},
        {"[{id: a, mute: [vox]}, {id: a, mute: [drums]}]", "alternate 'a' is there twice"},
        {"[{id: a}]", "alternate 'a' changes nothing"},
        {"[{mute: [vox]}]", "alternate lacks its key 'id'"},
        {"[{id: a, mute: vox}]", "where a list is expected"},
        {"[{id: a, mute: [[vox]]}]", "where an id is expected"},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        char text[1500];
        snprintf(text, sizeof text, "%salternates: %s\n", band, cases[i].yaml);
        nb_document *document = NULL;
        assert_fails(NB_E_INVALID, cases[i].words,
                     nb_document_parse("mix.yaml", text, strlen(text), NULL, &document, err));
    }
    NB_SCOPED(nb_document_destroy)
    nb_document *document = parsed(
        HEAD "tracks: [{id: t, clips: [{file: t.wav}]}]\nalternates: [{id: a, mute: [t]}]\n");
    nb_graph *graph = NULL;
    assert_fails(NB_E_INVALID, "alternate 'a': nothing reaches the mix bus",
                 nb_graph_build(document, find_known, NULL, &fingerprint, NULL, &graph, err));
}

static void an_insert_on_the_side_with_a_wet_share(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy)
    nb_graph *graph = built(HEAD "tracks: [{id: t, clips: [{file: s.wav}], inserts: [{id: g,\n"
                                 "  processor: compressor, channel: side, wet_percent: 40}]}]\n",
                            find_known);
    const nb_node *join = &graph->nodes[node_of(graph, "t/g/join")];
    assert_int_equal(join->kind, NB_NODE_JOIN);
    assert_int_equal(join->part, NB_PART_SIDE);
    assert_int_equal(join->channels, 2);
    assert_int_equal(join->inputs[0], node_of(graph, "t/g/wet"));
    assert_int_equal(join->inputs[1], node_of(graph, "t/clips"));
    const nb_node *blend = &graph->nodes[node_of(graph, "t/g/wet")];
    assert_true(blend->settings.values[0] == 40.0);
    assert_int_equal(blend->inputs[0], node_of(graph, "t/g"));
    assert_int_equal(blend->sidechain, node_of(graph, "t/g/part"));
    assert_int_equal(graph->nodes[node_of(graph, "t/g/part")].channels, 1);
    assert_int_equal(graph->nodes[node_of(graph, "t/g")].channels, 1);
    assert_true(graph->frames == graph->nodes[node_of(graph, "t/clips")].end_frame);
}

static void a_wet_share_moves_and_none_at_all_is_a_bypass(void **state)
{
    (void)state;
    static const char text[] = HEAD "tracks: [{id: t, clips: [{file: s.wav}], inserts: [{id: g,\n"
                                    "  processor: compressor, wet_percent: 0}]}]\n";
    NB_SCOPED(nb_graph_destroy) nb_graph *none = built(text, find_known);
    assert_true(node_of(none, "t/g") < 0);
    char moved[600];
    snprintf(moved, sizeof moved, "%sautomation: {t/g/wet_percent: '1 50'}\n", text);
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(moved, find_known);
    assert_true(graph->nodes[node_of(graph, "t/g/wet")].settings.moving[0]);
    assert_true(node_of(graph, "t/g") >= 0);
}

static void channel_and_wet_share_count_in_keys_and_digest_unless_they_are_the_default(void **state)
{
    (void)state;
    static const char *const inserts[] = {"", ", channel: all, wet_percent: 100", ", channel: mid",
                                          ", channel: side", ", wet_percent: 50"};
    nb_digest keys[NB_COUNT(inserts)];
    nb_digest songs[NB_COUNT(inserts)];
    for (size_t i = 0; i < NB_COUNT(inserts); i++) {
        char text[600];
        snprintf(text, sizeof text,
                 HEAD "tracks: [{id: t, clips: [{file: s.wav}], inserts: [{id: g,\n"
                      "  processor: compressor%s}]}]\n",
                 inserts[i]);
        NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
        NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(text, find_known);
        nb_graph_output_key(graph, 0, &keys[i]);
        assert_ok(nb_document_digest(document, find_digest, NULL, &songs[i], err));
        for (size_t k = 0; k < i; k++) {
            const bool same = k == 0 && i == 1;
            assert_int_equal(nb_digest_equal(&keys[k], &keys[i]), same);
            assert_int_equal(nb_digest_equal(&songs[k], &songs[i]), same);
        }
    }
}

static void parts_refuse_what_makes_stereo_and_blend_has_no_name(void **state)
{
    (void)state;
    NB_SCOPED(nb_document_destroy)
    nb_document *document =
        parsed(HEAD "tracks: [{id: t, clips: [{file: s.wav}], inserts: [{id: v,\n"
                    "  processor: convolution, file: s.wav, channel: mid}]}]\n");
    nb_graph *graph = NULL;
    assert_fails(NB_E_INVALID, "an insert on one channel takes a mono file",
                 nb_graph_build(document, find_known, NULL, &fingerprint, NULL, &graph, err));
    nb_document *none = NULL;
    static const char text[] = HEAD "tracks: [{id: t, inserts: [{id: v, processor: blend}]}]\n";
    assert_fails(NB_E_INVALID, "there is no processor 'blend'",
                 nb_document_parse("mix.yaml", text, strlen(text), NULL, &none, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alternate_shares_what_it_leaves_alone),
        cmocka_unit_test(stems_are_what_arrives_at_the_mix_bus),
        cmocka_unit_test(bad_alternates_are_said_at_their_place),
        cmocka_unit_test(an_insert_on_the_side_with_a_wet_share),
        cmocka_unit_test(a_wet_share_moves_and_none_at_all_is_a_bypass),
        cmocka_unit_test(
            channel_and_wet_share_count_in_keys_and_digest_unless_they_are_the_default),
        cmocka_unit_test(parts_refuse_what_makes_stereo_and_blend_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
