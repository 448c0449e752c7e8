// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "mix/freeze.h"
#include "mix_helpers.h"

#include <stdlib.h>

static const char song[] =
    HEAD "tracks:\n"
         "  - id: vox\n"
         "    clips: [{file: a.wav, at: 0}]\n"
         "    inserts:\n"
         "      - {id: hiss, processor: noise-reduction, reduction_db: 6}\n"
         "      - {id: eq, processor: equaliser, bands: [{type: bell, freq_hz: 900, gain_db: 2}]}\n"
         "  - {id: gtr, clips: [{file: b.wav, at: 0}]}\n";

static void a_dear_insert_is_worth_keeping_and_what_is_cheap_behind_it_is_not(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(song, find_unknown);
    bool chosen[100];
    assert_ok(nb_graph_choose_freezes(graph, chosen, err));
    for (size_t i = 0; i < graph->node_count; i++) {
        assert_int_equal(chosen[i], (int)i == node_of(graph, "vox/hiss"));
    }
}

/// Fifty tracks of compressors, none dear, are together; but the mix's own node is an output.
static void very_many_tracks_are_dear_together(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add(&text, HEAD "tracks:\n");
    for (int i = 0; i < 50; i++) {
        nb_text_addf(&text,
                     "  - {id: t%d, clips: [{file: f%d.wav, at: 0}], output: all, inserts: "
                     "[{id: c%d, processor: compressor, ratio: 3}]}\n",
                     i, i, i);
    }
    nb_text_add(&text, "buses: [{id: all, inserts: [{id: g, processor: gate}]}]\n");
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(text.chars, find_unknown);
    bool *chosen = calloc(graph->node_count, sizeof *chosen);
    assert_ok(nb_graph_choose_freezes(graph, chosen, err));
    size_t count = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        count += chosen[i];
    }
    assert_int_equal(count, 1);
    assert_true(chosen[node_of(graph, "all/sum")]);
    assert_false(chosen[graph->sinks[0].node]);
    free(chosen);
}

static void a_render_reaches_no_further_than_a_kept_edge_and_costs_no_more(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(song, find_unknown);
    bool kept[100] = {false};
    bool reached[100];
    double whole_ns = 0.0;
    double rest_ns = 0.0;
    const size_t mix = 0;
    assert_ok(nb_graph_reach(graph, &mix, 1, NULL, reached, err));
    assert_true(reached[node_of(graph, "vox/clips")]);
    assert_ok(nb_graph_cost_ns(graph, &mix, 1, NULL, NULL, NULL, &whole_ns, err));
    kept[node_of(graph, "vox/hiss")] = true;
    assert_ok(nb_graph_reach(graph, &mix, 1, kept, reached, err));
    assert_true(reached[node_of(graph, "vox/hiss")]);
    assert_false(reached[node_of(graph, "vox/clips")]);
    assert_true(reached[node_of(graph, "gtr/clips")]);
    assert_ok(nb_graph_cost_ns(graph, &mix, 1, kept, NULL, NULL, &rest_ns, err));
    assert_true(whole_ns > rest_ns + NB_FREEZE_ALONE_NS);
}

static void a_frozen_node_is_a_source_of_the_same_key(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(song, find_known);
    const size_t node = (size_t)node_of(graph, "vox/hiss");
    const nb_node before = graph->nodes[node];
    const nb_digest file = nb_digest_of("f", 1);
    nb_digest mix;
    nb_digest again;
    nb_graph_output_key(graph, 0, &mix);
    assert_true(nb_node_can_freeze(graph, node));
    assert_ok(nb_graph_use_freeze(graph, node, "freeze", &file, err));
    const nb_node *after = &graph->nodes[node];
    assert_int_equal(after->kind, NB_NODE_CLIPS);
    assert_int_equal(after->input_count, 0);
    assert_int_equal(after->end_frame, before.end_frame);
    assert_true(nb_digest_equal(&after->key, &before.key));
    const nb_asset *asset = &graph->assets[after->clips[0].asset];
    assert_true(asset->is_freeze);
    assert_int_equal(asset->frames, before.end_frame);
    nb_graph_output_key(graph, 0, &again);
    assert_true(nb_digest_equal(&mix, &again));
}

static void an_edge_that_rings_on_for_minutes_is_not_kept(void **state)
{
    (void)state;
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = built(song, find_known);
    const size_t node = (size_t)node_of(graph, "vox/hiss");
    graph->nodes[node].end_frame = graph->frames + 31 * (int64_t)graph->rate_hz;
    assert_false(nb_node_can_freeze(graph, node));
    graph->nodes[node].end_frame = 0;
    assert_false(nb_node_can_freeze(graph, node));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dear_insert_is_worth_keeping_and_what_is_cheap_behind_it_is_not),
        cmocka_unit_test(very_many_tracks_are_dear_together),
        cmocka_unit_test(a_render_reaches_no_further_than_a_kept_edge_and_costs_no_more),
        cmocka_unit_test(a_frozen_node_is_a_source_of_the_same_key),
        cmocka_unit_test(an_edge_that_rings_on_for_minutes_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
