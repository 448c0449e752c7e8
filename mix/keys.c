// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/keys.h"

// Files are decoded and, where their rates differ from the song's, converted.
static const char *const file_libraries[] = {"sndfile", "soxr", NULL};

/// libm counts in every key: clips' gains, lanes and filters' coefficients are made with it.
static void begin(const nb_key_context *self, const char *kind, const char *const *libraries)
{
    static const char *const everywhere[] = {"libm", NULL};
    nb_hasher_add_string(self->hasher, kind);
    nb_hasher_add_u64(self->hasher, NB_KEY_FORMAT);
    nb_fingerprint_hash(self->fingerprint, everywhere, self->hasher);
    nb_fingerprint_hash(self->fingerprint, libraries, self->hasher);
    nb_hasher_add_u64(self->hasher, self->rate_hz);
}

/// A fade of no length has no shape.
static void add_fade(nb_hasher *hasher, int64_t frames, nb_fade_shape shape)
{
    nb_hasher_add_i64(hasher, frames);
    nb_hasher_add_u64(hasher, frames > 0 ? (uint64_t)shape : 0);
}

static void add_place(nb_hasher *hasher, const nb_key_clip *it)
{
    nb_hasher_add_digest(hasher, it->file);
    nb_hasher_add_i64(hasher, it->clip->at_frame);
    nb_hasher_add_i64(hasher, it->clip->offset_frames);
    nb_hasher_add_i64(hasher, it->to_the_end ? -1 : it->clip->length_frames);
}

nb_digest nb_key_of_clips(const nb_key_context *self, const nb_key_clip *clips, size_t count)
{
    nb_hasher *hasher = self->hasher;
    begin(self, "clips", file_libraries);
    nb_hasher_add_u64(hasher, count);
    for (size_t i = 0; i < count; i++) {
        const nb_graph_clip *clip = clips[i].clip;
        add_place(hasher, &clips[i]);
        nb_hasher_add_double(hasher, clips[i].gain_db);
        add_fade(hasher, clip->fade_in_frames, clip->fade_in_shape);
        add_fade(hasher, clip->fade_out_frames, clip->fade_out_shape);
    }
    return nb_hasher_finish(hasher);
}

/// The values that differ from their defaults, by name, so that a new parameter whose default
/// changes nothing needs no new revision.
static void add_values(nb_hasher *hasher, const nb_param *params, size_t count,
                       const double *values, const bool *moving)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] != params[i].initial && !(moving && moving[i])) {
            nb_hasher_add_string(hasher, params[i].name);
            nb_hasher_add_double(hasher, values[i]);
        }
    }
    nb_hasher_add_string(hasher, "");
}

static void add_lane(nb_hasher *hasher, const nb_processor *processor, const nb_graph_lane *lane)
{
    const size_t beyond = lane->control - processor->param_count;
    const bool is_band = lane->control >= processor->param_count;
    nb_hasher_add_u64(hasher, is_band ? 1 + beyond / processor->band_param_count : 0);
    nb_hasher_add_string(hasher,
                         is_band ? processor->band_params[beyond % processor->band_param_count].name
                                 : processor->params[lane->control].name);
    nb_hasher_add_u64(hasher, lane->curve);
    nb_hasher_add_u64(hasher, lane->point_count);
    for (size_t i = 0; i < lane->point_count; i++) {
        nb_hasher_add_i64(hasher, lane->points[i].frame);
        nb_hasher_add_double(hasher, lane->points[i].value);
    }
}

static void add_settings(const nb_key_context *self, const nb_node *node)
{
    const nb_settings *settings = &node->settings;
    const nb_processor *processor = settings->processor;
    nb_hasher *hasher = self->hasher;
    nb_hasher_add_string(hasher, processor->name);
    nb_hasher_add_u64(hasher, processor->revision);
    add_values(hasher, processor->params, processor->param_count, settings->values,
               settings->moving);
    nb_hasher_add_u64(hasher, settings->band_count);
    for (size_t b = 0; b < settings->band_count; b++) {
        const size_t first = b * processor->band_param_count;
        add_values(hasher, processor->band_params, processor->band_param_count,
                   settings->band_values + first,
                   settings->moving ? settings->moving + processor->param_count + first : NULL);
    }
    nb_hasher_add_u64(hasher, node->lane_count);
    for (size_t i = 0; i < node->lane_count; i++) {
        add_lane(hasher, processor, &node->lanes[i]);
    }
}

/// A processor follows the tempo map by a parameter "note", where that differs from its default.
static bool follows_tempo(const nb_settings *settings)
{
    const nb_processor *processor = settings->processor;
    const int note = nb_param_find(processor->params, processor->param_count, "note");
    return note >= 0 && (settings->values[note] != processor->params[note].initial ||
                         (settings->moving && settings->moving[note]));
}

static void add_tempos(const nb_key_context *self)
{
    nb_hasher_add_u64(self->hasher, self->tempo_count);
    for (size_t i = 0; i < self->tempo_count; i++) {
        nb_hasher_add_i64(self->hasher, self->tempos[i].frame);
        nb_hasher_add_double(self->hasher, self->tempos[i].bpm);
    }
}

nb_digest nb_key_of_processor(const nb_key_context *self, const nb_node *nodes, const nb_node *node,
                              const nb_digest *file)
{
    nb_hasher *hasher = self->hasher;
    begin(self, "processor", node->settings.processor->libraries);
    add_settings(self, node);
    if (follows_tempo(&node->settings)) {
        add_tempos(self);
    }
    nb_hasher_add_u64(hasher, node->sidechain >= 0);
    if (node->sidechain >= 0) {
        nb_hasher_add_digest(hasher, &nodes[node->sidechain].key);
    }
    nb_hasher_add_u64(hasher, file != NULL);
    if (file) {
        nb_fingerprint_hash(self->fingerprint, file_libraries, hasher);
        nb_hasher_add_digest(hasher, file);
    }
    nb_hasher_add_digest(hasher, &nodes[node->inputs[0]].key);
    return nb_hasher_finish(hasher);
}

nb_digest nb_key_of_part(const nb_key_context *self, const nb_node *nodes, const nb_node *node)
{
    begin(self, node->kind == NB_NODE_PART ? "part" : "join", NULL);
    nb_hasher_add_u64(self->hasher, node->part);
    for (size_t i = 0; i < node->input_count; i++) {
        nb_hasher_add_digest(self->hasher, &nodes[node->inputs[i]].key);
    }
    return nb_hasher_finish(self->hasher);
}

nb_digest nb_key_of_sum(const nb_key_context *self, const nb_node *nodes, const nb_node *node)
{
    begin(self, "sum", NULL);
    nb_hasher_add_u64(self->hasher, node->input_count);
    for (size_t i = 0; i < node->input_count; i++) {
        nb_hasher_add_digest(self->hasher, &nodes[node->inputs[i]].key);
    }
    return nb_hasher_finish(self->hasher);
}

// ---- Lengths ----

nb_digest nb_key_length_of_clips(const nb_key_context *self, const nb_key_clip *clips, size_t count)
{
    nb_hasher *hasher = self->hasher;
    if (count == 0) {
        return (nb_digest){{0}};
    }
    begin(self, "clips length", file_libraries);
    nb_hasher_add_u64(hasher, count);
    for (size_t i = 0; i < count; i++) {
        add_place(hasher, &clips[i]);
    }
    return nb_hasher_finish(hasher);
}

static bool is_silent(const nb_digest *length_key)
{
    static const nb_digest silence;
    return nb_digest_equal(length_key, &silence);
}

nb_digest nb_key_length_of_inputs(const nb_key_context *self, const nb_node *nodes,
                                  const nb_node *node)
{
    nb_digest first = {{0}};
    bool several = false;
    for (size_t i = 0; i < node->input_count; i++) {
        const nb_digest *input = &nodes[node->inputs[i]].length_key;
        several =
            several || (!is_silent(&first) && !is_silent(input) && !nb_digest_equal(&first, input));
        first = is_silent(&first) ? *input : first;
    }
    if (!several) {
        return first;
    }
    begin(self, "longest", NULL);
    for (size_t i = 0; i < node->input_count; i++) {
        if (!is_silent(&nodes[node->inputs[i]].length_key)) {
            nb_hasher_add_digest(self->hasher, &nodes[node->inputs[i]].length_key);
        }
    }
    return nb_hasher_finish(self->hasher);
}

nb_digest nb_key_length_of_processor(const nb_key_context *self, const nb_node *nodes,
                                     const nb_node *node, const nb_digest *file, size_t tail)
{
    nb_hasher *hasher = self->hasher;
    const nb_digest *input = &nodes[node->inputs[0]].length_key;
    const nb_digest *key = node->sidechain >= 0 ? &nodes[node->sidechain].length_key : input;
    const bool same_end = is_silent(key) || nb_digest_equal(key, input);
    const bool rings = file || tail > 0;
    if (is_silent(input) || (same_end && !rings)) {
        return *input;
    }
    begin(self, "processor length", NULL);
    nb_hasher_add_digest(hasher, input);
    nb_hasher_add_digest(hasher, key);
    nb_hasher_add_u64(hasher, rings);
    if (rings) {
        // How long it rings is for the processor to say: all that may matter counts.
        add_settings(self, node);
    }
    if (rings && follows_tempo(&node->settings)) {
        add_tempos(self);
    }
    if (file) {
        nb_hasher_add_digest(hasher, file);
    }
    return nb_hasher_finish(hasher);
}

// ---- Outputs ----

void nb_graph_output_key(const nb_graph *self, size_t sink, nb_digest *out)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    nb_hasher_add_string(hasher, "output");
    nb_hasher_add_u64(hasher, NB_KEY_FORMAT);
    nb_hasher_add_digest(hasher, &self->nodes[self->sinks[sink].node].key);
    nb_hasher_add_i64(hasher, self->tail_max_frames);
    if (self->sinks[sink].kind == NB_SINK_STEM) {
        nb_hasher_add_digest(hasher, &self->nodes[self->sinks[0].node].length_key);
    }
    *out = nb_hasher_finish(hasher);
}
