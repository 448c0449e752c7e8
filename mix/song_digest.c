// SPDX-License-Identifier: GPL-3.0-or-later
// The song digest: what a document says, apart from how it is written.
#include "mix/document.h"
#include "mix/schema.h"

#include <stdlib.h>
#include <string.h>

enum { DIGEST_FORMAT = 1 };

typedef struct digester {
    nb_hasher *hasher;
    nb_digest_lookup *lookup;
    void *context;
    nb_error *err;
    nb_status status; // the first failure
} digester;

static void add_file(digester *self, const char *path)
{
    nb_digest digest = {0};
    if (self->status == NB_OK) {
        self->status = self->lookup(self->context, path, &digest, self->err);
    }
    nb_hasher_add_digest(self->hasher, &digest);
}

static void add_values(digester *self, const nb_param *params, size_t count, const double *values)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] != params[i].initial) {
            nb_hasher_add_string(self->hasher, params[i].name);
            nb_hasher_add_double(self->hasher, values[i]);
        }
    }
    nb_hasher_add_string(self->hasher, "");
}

static void add_clip(digester *self, const nb_clip *clip)
{
    nb_hasher *hasher = self->hasher;
    nb_hasher_add_string(hasher, clip->id);
    add_file(self, clip->file);
    nb_hasher_add_i64(hasher, clip->at_ns);
    nb_hasher_add_i64(hasher, clip->offset_ns);
    nb_hasher_add_i64(hasher, clip->length_ns);
    nb_hasher_add_double(hasher, clip->gain_db);
    nb_hasher_add_i64(hasher, clip->fade_in_ns);
    nb_hasher_add_i64(hasher, clip->fade_out_ns);
    nb_hasher_add_u64(hasher, clip->fade_in_ns > 0 ? clip->fade_in_shape : 0);
    nb_hasher_add_u64(hasher, clip->fade_out_ns > 0 ? clip->fade_out_shape : 0);
}

static void add_insert(digester *self, const nb_insert *insert)
{
    nb_hasher *hasher = self->hasher;
    const nb_processor *processor = insert->processor;
    nb_hasher_add_string(hasher, insert->id);
    nb_hasher_add_string(hasher, processor->name);
    nb_hasher_add_u64(hasher, insert->bypass);
    add_values(self, processor->params, processor->param_count, insert->values);
    nb_hasher_add_u64(hasher, insert->band_count);
    for (size_t i = 0; i < insert->band_count; i++) {
        nb_hasher_add_string(hasher, insert->band_ids[i]);
        add_values(self, processor->band_params, processor->band_param_count,
                   insert->band_values + i * processor->band_param_count);
    }
    nb_hasher_add_string(hasher, insert->sidechain ? insert->sidechain : "");
    nb_hasher_add_u64(hasher, insert->file != NULL);
    if (insert->file) {
        add_file(self, insert->file);
    }
    if (insert->part != NB_PART_ALL) {
        nb_hasher_add_string(hasher, "channel");
        nb_hasher_add_u64(hasher, insert->part);
    }
    if (insert->wet_percent != nb_wet_param.initial) {
        nb_hasher_add_string(hasher, "wet");
        nb_hasher_add_double(hasher, insert->wet_percent);
    }
}

static int by_clip_time(const void *a, const void *b)
{
    const nb_clip *left = *(const nb_clip *const *)a;
    const nb_clip *right = *(const nb_clip *const *)b;
    if (left->at_ns != right->at_ns) {
        return left->at_ns < right->at_ns ? -1 : 1;
    }
    return strcmp(left->id, right->id);
}

static int by_send_target(const void *a, const void *b)
{
    const nb_send *left = *(const nb_send *const *)a;
    const nb_send *right = *(const nb_send *const *)b;
    return strcmp(left->to, right->to);
}

static int by_strip_id(const void *a, const void *b)
{
    const nb_strip *left = *(const nb_strip *const *)a;
    const nb_strip *right = *(const nb_strip *const *)b;
    return strcmp(left->id, right->id);
}

static int by_lane_path(const void *a, const void *b)
{
    const nb_lane *left = *(const nb_lane *const *)a;
    const nb_lane *right = *(const nb_lane *const *)b;
    return strcmp(left->path, right->path);
}

/// Pointers to `count` items of `size` bytes in the order of `compare`; free() them. Null without
/// memory, which `self` then says.
static const void **in_order(digester *self, const void *items, size_t count, size_t size,
                             int (*compare)(const void *, const void *))
{
    const void **order = calloc(count + 1, sizeof(const void *));
    if (!order) {
        self->status = nb_fail(self->err, NB_E_NO_MEMORY, "no memory for a song's digest");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = (const char *)items + i * size;
    }
    qsort(order, count, sizeof *order, compare);
    return order;
}

static void add_strip(digester *self, const nb_strip *strip)
{
    nb_hasher *hasher = self->hasher;
    nb_hasher_add_string(hasher, strip->id);
    nb_hasher_add_u64(hasher, strip->is_bus);
    nb_hasher_add_string(hasher, strip->output ? strip->output : "");
    nb_hasher_add_double(hasher, strip->fader_db);
    nb_hasher_add_u64(hasher, strip->polarity_inverted);
    nb_hasher_add_u64(hasher, strip->mute);
    const nb_processor *pan = nb_processor_find("pan");
    if (strip->pan_values) {
        add_values(self, pan->params, pan->param_count, strip->pan_values);
    }
    nb_hasher_add_u64(hasher, strip->clip_count);
    const void **clips =
        in_order(self, strip->clips, strip->clip_count, sizeof *strip->clips, by_clip_time);
    for (size_t i = 0; clips && i < strip->clip_count; i++) {
        add_clip(self, clips[i]);
    }
    free(clips);
    nb_hasher_add_u64(hasher, strip->insert_count);
    for (size_t i = 0; i < strip->insert_count; i++) {
        add_insert(self, &strip->inserts[i]);
    }
    nb_hasher_add_u64(hasher, strip->send_count);
    const void **sends =
        in_order(self, strip->sends, strip->send_count, sizeof *strip->sends, by_send_target);
    for (size_t i = 0; sends && i < strip->send_count; i++) {
        const nb_send *send = sends[i];
        nb_hasher_add_string(hasher, send->to);
        nb_hasher_add_double(hasher, send->level_db);
        nb_hasher_add_u64(hasher, send->pre_fader);
    }
    free(sends);
}

static void add_strips(digester *self, const nb_strip *strips, size_t count)
{
    nb_hasher_add_u64(self->hasher, count);
    const void **order = in_order(self, strips, count, sizeof *strips, by_strip_id);
    for (size_t i = 0; order && i < count; i++) {
        add_strip(self, order[i]);
    }
    free(order);
}

static void add_lanes(digester *self, const nb_document *document)
{
    nb_hasher *hasher = self->hasher;
    nb_hasher_add_u64(hasher, document->lane_count);
    const void **order = in_order(self, document->lanes, document->lane_count,
                                  sizeof *document->lanes, by_lane_path);
    for (size_t i = 0; order && i < document->lane_count; i++) {
        const nb_lane *lane = order[i];
        nb_hasher_add_string(hasher, lane->path);
        nb_hasher_add_u64(hasher, lane->curve);
        nb_hasher_add_u64(hasher, lane->point_count);
        for (size_t p = 0; p < lane->point_count; p++) {
            nb_hasher_add_i64(hasher, lane->points[p].ns);
            nb_hasher_add_double(hasher, lane->points[p].value);
        }
    }
    free(order);
}

static int by_alternate_id(const void *a, const void *b)
{
    const nb_alternate *left = *(const nb_alternate *const *)a;
    const nb_alternate *right = *(const nb_alternate *const *)b;
    return strcmp(left->id, right->id);
}

static void add_alternates(digester *self, const nb_document *document)
{
    nb_hasher *hasher = self->hasher;
    nb_hasher_add_string(hasher, "alternates");
    nb_hasher_add_u64(hasher, document->alternate_count);
    const void **order = in_order(self, document->alternates, document->alternate_count,
                                  sizeof *document->alternates, by_alternate_id);
    for (size_t i = 0; order && i < document->alternate_count; i++) {
        const nb_alternate *alternate = order[i];
        nb_hasher_add_string(hasher, alternate->id);
        nb_hasher_add_u64(hasher, alternate->override_count);
        for (size_t o = 0; o < alternate->override_count; o++) {
            const nb_override *override = &alternate->overrides[o];
            nb_hasher_add_string(hasher, override->strip->id);
            nb_hasher_add_u64(hasher, override->mute);
            nb_hasher_add_u64(hasher, override->unmute);
            nb_hasher_add_double(hasher, override->offset_db);
        }
    }
    free(order);
}

nb_status nb_document_digest(const nb_document *self, nb_digest_lookup *lookup, void *context,
                             nb_digest *out, nb_error *err)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    digester state = {.hasher = hasher, .lookup = lookup, .context = context, .err = err};
    nb_hasher_add_string(hasher, "song");
    nb_hasher_add_u64(hasher, DIGEST_FORMAT);
    nb_hasher_add_u64(hasher, self->rate_hz);
    nb_hasher_add_double(hasher, self->tail_max_s);
    nb_hasher_add_u64(hasher, self->tempo_count);
    for (size_t i = 0; i < self->tempo_count; i++) {
        nb_hasher_add_i64(hasher, self->tempos[i].ns);
        nb_hasher_add_double(hasher, self->tempos[i].bpm);
        nb_hasher_add_u64(hasher, self->tempos[i].beats);
        nb_hasher_add_u64(hasher, self->tempos[i].unit);
    }
    add_strips(&state, self->tracks, self->track_count);
    add_strips(&state, self->buses, self->bus_count);
    add_strip(&state, &self->mix);
    add_lanes(&state, self);
    if (self->alternate_count > 0) {
        add_alternates(&state, self);
    }
    *out = nb_hasher_finish(hasher);
    return state.status;
}
