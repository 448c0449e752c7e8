// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "mix/split.h"
#include "mix_helpers.h"

#include <stdlib.h>

enum { SECONDS = 600, NODES_MAX = 200, FILE_BYTES = 288000 }; // six seconds of a file are nothing

static const nb_split_farm one_disk = {.nodes = 3, .threads = 1, .shares_store = true};

/// Three tracks with `inserts`, a fourth that is cheap, and what follows.
static char *song_of(const char *inserts, const char *rest)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add(&text, HEAD "tracks:\n");
    for (int i = 1; i <= 3; i++) {
        nb_text_addf(&text, "  - id: t%d\n    clips: [{file: f%d.wav, at: 0}]\n%s    inserts:\n", i,
                     i, rest[0] ? "    output: all\n" : "");
        for (const char *c = inserts; *c; c++) { // '#' is the track's number
            const char letter[] = {*c == '#' ? (char)('0' + i) : *c, '\0'};
            nb_text_add(&text, letter);
        }
    }
    nb_text_addf(&text, "  - {id: t4, clips: [{file: f4.wav, at: 0}]}\n%s", rest);
    char *out = text.chars;
    text.chars = NULL;
    return out;
}

static const char dear[] = "      - {id: hiss#, processor: noise-reduction, reduction_db: 6}\n"
                           "      - {id: warm#, processor: saturation, drive_db: 6}\n";

static uint64_t big_files(const void *context, const char *path)
{
    (void)path;
    return context ? *(const uint64_t *)context : 0;
}

/// A song with its edges, all to be made, and how it is split.
typedef struct world {
    nb_graph *graph;
    bool kept[NODES_MAX];
    size_t edges[NODES_MAX];
    nb_split_song song;
    nb_split split;
} world;

static const size_t mix = 0;

static void world_fini(world *self)
{
    nb_split_fini(&self->split);
    nb_graph_destroy(&self->graph);
}

static void split(world *self, const nb_split_farm *farm)
{
    nb_split_fini(&self->split);
    assert_ok(nb_split_find(&self->song, farm, &self->split, err));
}

static void open_world(world *self, const char *text)
{
    bool chosen[NODES_MAX];
    *self = (world){.graph = built(text, find_unknown)};
    assert_true(self->graph->node_count < NODES_MAX);
    assert_ok(nb_graph_choose_freezes(self->graph, chosen, err));
    self->song = (nb_split_song){.graph = self->graph,
                                 .sinks = &mix,
                                 .sink_count = 1,
                                 .edges = self->edges,
                                 .kept = self->kept,
                                 .frames = (int64_t)SECONDS * 48000,
                                 .size_of = big_files};
    for (size_t n = 0; n < self->graph->node_count; n++) {
        if (chosen[n]) {
            self->edges[self->song.edge_count++] = n;
        }
    }
}

static int task_of(const world *self, const char *node)
{
    for (size_t i = 0; i < self->song.edge_count; i++) {
        if (self->edges[i] == (size_t)node_of(self->graph, node)) {
            return self->split.task_of[i];
        }
    }
    fail_msg("%s is no edge that is kept", node);
    return -1;
}

static void three_dear_tracks_go_to_three_renderers(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = song_of(dear, "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    split(&here, &one_disk);
    assert_int_equal(here.split.task_count, 3);
    assert_true(task_of(&here, "t1/hiss1") != task_of(&here, "t2/hiss2"));
    assert_true(task_of(&here, "t1/hiss1") != task_of(&here, "t3/hiss3"));
    assert_true(here.split.split_ms + NB_SPLIT_GAIN_MS <= here.split.whole_ms);
}

static void edges_of_one_chain_are_made_together(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = song_of(dear, "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    const nb_split_farm two = {.nodes = 2, .threads = 1, .shares_store = true};
    split(&here, &two);
    assert_int_equal(here.split.task_count, 2);
    assert_int_equal(task_of(&here, "t1/hiss1"), task_of(&here, "t1/warm1"));
    assert_int_equal(task_of(&here, "t2/hiss2"), task_of(&here, "t2/warm2"));
    assert_int_equal(task_of(&here, "t3/hiss3"), task_of(&here, "t3/warm3"));
}

static void what_several_tasks_feed_is_made_with_the_song(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free)
    char *text = song_of(dear, "buses:\n  - id: all\n    inserts:\n      - {id: glue, processor: "
                               "saturation, drive_db: 3}\n      - {id: last, processor: gate}\n");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    split(&here, &one_disk);
    assert_int_equal(here.split.task_count, 3);
    assert_int_equal(task_of(&here, "all/glue"), -1);
}

static void assert_whole(world *self, const nb_split_farm *farm)
{
    split(self, farm);
    assert_int_equal(self->split.task_count, 0);
    for (size_t i = 0; i < self->song.edge_count; i++) {
        assert_int_equal(self->split.task_of[i], -1);
    }
    assert_true(self->split.split_ms == self->split.whole_ms);
}

static void a_lone_renderer_makes_the_song_whole(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = song_of(dear, "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    assert_whole(&here, &(nb_split_farm){.nodes = 1, .threads = 1, .shares_store = true});
    assert_whole(&here, &(nb_split_farm){.nodes = 0});
}

static void a_song_of_seconds_is_not_worth_two_more_tasks(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = song_of(dear, "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    here.song.frames = (int64_t)48000 * 20;
    assert_whole(&here, &one_disk);
}

/// On a renderer with a core for each track the tracks are made side by side anyway.
static void a_renderer_with_many_cores_needs_no_help(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = song_of(dear, "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    assert_whole(&here, &(nb_split_farm){.nodes = 3, .threads = 16, .shares_store = true});
}

/// Over gigabit an edge has to be dearer than its stem and its bytes there and back.
static void over_a_network_only_what_is_dearer_than_sending_it_goes_out(void **state)
{
    (void)state;
    const nb_split_farm far = {.nodes = 3, .threads = 1};
    const uint64_t bytes = (uint64_t)SECONDS * FILE_BYTES;
    NB_SCOPED(nb_text_free)
    char *cheap = song_of("      - {id: hiss#, processor: noise-reduction, reduction_db: 6}\n", "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, cheap);
    here.song.sizes = &bytes;
    assert_whole(&here, &far);
    split(&here, &one_disk);
    assert_int_equal(here.split.task_count, 3); // without sending it would pay
    NB_SCOPED(nb_text_free)
    char *moving =
        song_of("      - {id: hiss#, processor: noise-reduction, reduction_db: 6}\n"
                "      - {id: a#, processor: saturation}\n      - {id: b, processor: saturation}\n"
                "      - {id: c, processor: saturation}\n      - {id: d, processor: saturation}\n"
                "      - {id: e, processor: saturation}\n      - {id: f, processor: saturation}\n",
                "");
    NB_SCOPED(world_fini) world there;
    open_world(&there, moving);
    there.song.sizes = &bytes;
    split(&there, &far);
    assert_int_equal(there.split.task_count, 3);
}

static double slow(const void *context, const nb_processor *processor)
{
    (void)context;
    return strcmp(processor->name, "noise-reduction") == 0 ? 2000.0 : -1.0;
}

/// What nodes measured counts, not what the descriptor says.
static void measured_costs_decide(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free)
    char *text = song_of("      - {id: hiss#, processor: noise-reduction, reduction_db: 6}\n", "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    here.song.frames = (int64_t)48000 * 60;
    assert_whole(&here, &one_disk);
    here.song.cost = slow;
    split(&here, &one_disk);
    assert_int_equal(here.split.task_count, 3);
}

static void a_kept_edge_is_no_work_for_anybody(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free)
    char *text = song_of("      - {id: hiss#, processor: noise-reduction, reduction_db: 6}\n", "");
    NB_SCOPED(world_fini) world here;
    open_world(&here, text);
    split(&here, &one_disk);
    assert_int_equal(here.split.task_count, 3);
    for (size_t i = 0; i < here.song.edge_count; i++) {
        here.kept[here.edges[i]] = true;
    }
    here.song.edge_count = 0;
    assert_whole(&here, &one_disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_dear_tracks_go_to_three_renderers),
        cmocka_unit_test(edges_of_one_chain_are_made_together),
        cmocka_unit_test(what_several_tasks_feed_is_made_with_the_song),
        cmocka_unit_test(a_lone_renderer_makes_the_song_whole),
        cmocka_unit_test(a_song_of_seconds_is_not_worth_two_more_tasks),
        cmocka_unit_test(a_renderer_with_many_cores_needs_no_help),
        cmocka_unit_test(over_a_network_only_what_is_dearer_than_sending_it_goes_out),
        cmocka_unit_test(measured_costs_decide),
        cmocka_unit_test(a_kept_edge_is_no_work_for_anybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
