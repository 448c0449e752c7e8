// SPDX-License-Identifier: GPL-3.0-or-later
// A mix edited at random, again and again: what is taken from keys (whole outputs, and kept edges
// to go on from) is what a render from nothing gives. 150 edits; NIGHTBUS_TEST_EDITS says how many.
#include "mix/freeze.h"
#include "rig.h"
#include "tests/test.h"
#include "unit/review/random_mix.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    EDITS = 150,
    TAKES = 6,
    RATE = 48000,
    SINKS_MAX = 32,
    FREEZES_MAX = 3, ///< Written in one render
    KEPT_MAX = 400,
    KNOWN_MAX = 20000,
    SHRINK = 150
};

typedef struct known_output {
    nb_digest key, file;
} known_output;

typedef struct kept_edge {
    nb_digest key, file;
    unsigned number; ///< Of its file
} kept_edge;

typedef struct edits {
    const char *folder;
    random_mix mix;
    nb_fingerprint fingerprint;
    nb_digest takes[TAKES];
    size_t known_count, kept_count;
    unsigned written;
    unsigned hits, from_freezes; ///< How often keys said something
    known_output known[KNOWN_MAX];
    kept_edge kept[KEPT_MAX];
} edits;

static char *take_path(const edits *self, unsigned take)
{
    return nb_text_format("%s/take%u.wav", self->folder, take);
}

static char *freeze_path(const edits *self, unsigned number)
{
    return nb_text_format("%s/freeze%u.wav", self->folder, number);
}

/// "audio/take3~.wav" is take 3, whatever it is called.
static unsigned take_of(const char *path) { return (unsigned)(path[strlen("audio/take")] - '0'); }

static nb_status look_up(void *context, const char *path, nb_asset *out, nb_error *error)
{
    const edits *self = context;
    const unsigned take = take_of(path);
    NB_SCOPED(nb_text_free) char *file = take_path(self, take);
    nb_audio_info info;
    const nb_status status = nb_audio_file_probe(file, path, &info, error);
    *out = (nb_asset){.digest = self->takes[take],
                      .rate_hz = info.rate_hz,
                      .channels = info.channels,
                      .frames = info.frames};
    return status;
}

static nb_status locate(void *context, const nb_asset *asset, char **out_path, nb_error *error)
{
    (void)error;
    const edits *self = context;
    *out_path = asset->is_freeze ? freeze_path(self, (unsigned)atoi(asset->path))
                                 : take_path(self, take_of(asset->path));
    return NB_OK;
}

/// The mix as a graph; null where it cannot be one.
static nb_graph *build(edits *self)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    nb_graph *graph = NULL;
    random_mix_write(&self->mix, &text);
    if (nb_document_parse("mix.yaml", text.chars, text.length, NULL, &document, NULL) != NB_OK ||
        nb_graph_build(document, look_up, self, &self->fingerprint, &problems, &graph, NULL) !=
            NB_OK) {
        return NULL;
    }
    if (graph->frames <= 0 || graph->sink_count > SINKS_MAX) {
        nb_graph_destroy(&graph);
    }
    return graph;
}

typedef struct rendered {
    size_t count;
    nb_digest keys[SINKS_MAX], files[SINKS_MAX];
} rendered;

/// Render all sinks that sound, and freezes of `frozen` nodes behind them. False: the engine
/// refuses such a song (a number too large for its samples), as it must then in every way.
static bool render(edits *self, const nb_graph *graph, const size_t *frozen, size_t frozen_count,
                   rendered *out)
{
    nb_render_output outputs[SINKS_MAX + FREEZES_MAX] = {0};
    nb_report reports[SINKS_MAX] = {0};
    char *paths[SINKS_MAX + FREEZES_MAX];
    *out = (rendered){0};
    for (size_t i = 0; i < graph->sink_count; i++) {
        if (graph->sinks[i].frames > 0) {
            const size_t o = out->count++;
            paths[o] = nb_text_format("%s/out%zu.wav", self->folder, o);
            outputs[o] = (nb_render_output){.sink = i, .wav_path = paths[o], .report = &reports[o]};
            nb_graph_output_key(graph, i, &out->keys[o]);
        }
    }
    for (size_t i = 0; i < frozen_count; i++) {
        const size_t o = out->count + i;
        paths[o] = freeze_path(self, self->written + (unsigned)i);
        outputs[o] =
            (nb_render_output){.sink = frozen[i], .wav_path = paths[o], .what = NB_RENDER_FREEZE};
    }
    const nb_render_options options = {.threads = 1 + (unsigned)random_mix_next(&self->mix, 3),
                                       .temporary = self->folder,
                                       .locate = locate,
                                       .locate_context = self};
    const bool done =
        nb_render_run(graph, outputs, out->count + frozen_count, &options, NULL) == NB_OK;
    for (size_t o = 0; o < out->count + frozen_count; o++) {
        if (done && o < out->count) {
            assert_ok(nb_digest_of_file(paths[o], &out->files[o], NULL, err));
            nb_report_fini(&reports[o]);
        }
        free(paths[o]);
    }
    return done;
}

// ---- What is known ----

static const known_output *find_known(const edits *self, const nb_digest *key)
{
    for (size_t i = 0; i < self->known_count; i++) {
        if (nb_digest_equal(&self->known[i].key, key)) {
            return &self->known[i];
        }
    }
    return NULL;
}

static void check_known(edits *self, const rendered *made, unsigned edit)
{
    for (size_t i = 0; i < made->count; i++) {
        const known_output *known = find_known(self, &made->keys[i]);
        if (known && !nb_digest_equal(&known->file, &made->files[i])) {
            fail_msg("edit %u, output %zu: the key is known, but the samples differ", edit, i);
        }
        self->hits += known != NULL;
        if (!known && self->known_count < KNOWN_MAX) {
            self->known[self->known_count++] = (known_output){made->keys[i], made->files[i]};
        }
    }
}

/// Read some of the edges that were kept.
static void use_kept(edits *self, nb_graph *graph)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        for (size_t i = 0; i < self->kept_count; i++) {
            const kept_edge *kept = &self->kept[i];
            if (nb_digest_equal(&kept->key, &graph->nodes[n].key) &&
                random_mix_next(&self->mix, 4) > 0) {
                char path[16];
                (void)snprintf(path, sizeof path, "%u", kept->number);
                assert_ok(nb_graph_use_freeze(graph, n, path, &kept->file, err));
                self->from_freezes++;
                break;
            }
        }
    }
}

static size_t choose_nodes(edits *self, const nb_graph *graph, size_t *out)
{
    size_t count = 0;
    for (unsigned tries = 0; tries < 4 * FREEZES_MAX && count < FREEZES_MAX; tries++) {
        const size_t n = random_mix_next(&self->mix, graph->node_count);
        const bool source = graph->nodes[n].kind == NB_NODE_CLIPS;
        if (!source && nb_node_can_freeze(graph, n) && (count == 0 || out[count - 1] != n) &&
            (count < 2 || out[0] != n)) {
            out[count++] = n;
        }
    }
    return count;
}

static void keep(edits *self, const nb_graph *graph, const size_t *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned number = self->written++;
        NB_SCOPED(nb_text_free) char *path = freeze_path(self, number);
        kept_edge *kept = &self->kept[number % KEPT_MAX];
        if (self->kept_count == KEPT_MAX) {
            NB_SCOPED(nb_text_free) char *old = freeze_path(self, kept->number);
            (void)unlink(old);
        } else {
            self->kept_count++;
        }
        *kept = (kept_edge){.key = graph->nodes[nodes[i]].key, .number = number};
        assert_ok(nb_digest_of_file(path, &kept->file, NULL, err));
    }
}

/// True: the song could be rendered.
static bool try_edit(edits *self, unsigned edit)
{
    NB_SCOPED(nb_graph_destroy) nb_graph *whole = build(self);
    NB_SCOPED(nb_graph_destroy) nb_graph *from_kept = build(self);
    rendered plain;
    rendered other;
    if (!whole || !from_kept || !render(self, whole, NULL, 0, &plain)) {
        return false;
    }
    check_known(self, &plain, edit);
    use_kept(self, from_kept);
    size_t nodes[FREEZES_MAX];
    const size_t count = choose_nodes(self, from_kept, nodes);
    assert_true(render(self, from_kept, nodes, count, &other));
    for (size_t i = 0; i < plain.count; i++) {
        if (!nb_digest_equal(&plain.files[i], &other.files[i])) {
            fail_msg("edit %u, output %zu: from freezes it is another", edit, i);
        }
    }
    keep(self, from_kept, nodes, count);
    return true;
}

static void what_comes_from_keys_is_what_a_render_from_nothing_gives(void **state)
{
    static edits self;
    self.folder = *state;
    const char *wanted = getenv("NIGHTBUS_TEST_EDITS");
    const unsigned edits_wanted = wanted ? (unsigned)atoi(wanted) : EDITS;
    assert_ok(nb_engine_fingerprint(&self.fingerprint, err));
    for (unsigned take = 0; take < TAKES; take++) {
        NB_SCOPED(nb_text_free) char *path = take_path(&self, take);
        rig_write_noise(path, take == 5 ? 44100 : RATE, 1 + take % 2, RATE, take + 1, 0.2F);
        self.takes[take] = nb_digest_of(path, strlen(path));
    }
    random_mix_init(&self.mix, 20260721);
    self.mix.shrink = SHRINK;
    self.mix.tail_s = 0.1;
    unsigned done = 0;
    while (done < edits_wanted) {
        const random_mix before = self.mix;
        random_mix_edit(&self.mix);
        const uint64_t seed = self.mix.seed;
        if (try_edit(&self, done)) {
            done++;
        } else { // go on with other numbers
            self.mix = before;
            self.mix.seed = seed + 1;
            random_mix_next(&self.mix, 2);
        }
        if (done == 0 && self.mix.strips[0].clip_count == 0) { // something must sound
            self.mix.strips[0].clips[0] = (random_clip){.id = 9000, .take = 1};
            self.mix.strips[0].clip_count = 1;
        }
    }
    print_message("%u edits: %u outputs known by their keys, %u edges read from freezes\n", done,
                  self.hits, self.from_freezes);
    assert_true(self.hits > edits_wanted / 4);
    assert_true(self.from_freezes > edits_wanted / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_from_keys_is_what_a_render_from_nothing_gives,
                                        rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
