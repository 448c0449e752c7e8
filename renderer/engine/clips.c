// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/clips.h"

#include <stdlib.h>
#include <string.h>

struct nb_clips {
    const nb_node *node;
    const nb_stems *stems;
    size_t first_live;       ///< All clips before it have ended
    nb_stem_reader *readers; ///< By clip
    size_t open_count;
    double sums[2][NB_CLIPS_BLOCK];
    float samples[2 * NB_CLIPS_BLOCK];
    double gains[NB_CLIPS_BLOCK];
};

/// sin(p pi / 2) by its series, good to the last bit or two: libm's differs between CPUs.
static double quarter_sine(double p)
{
    const double x = p * 1.57079632679489661923;
    const double square = x * x;
    double sum = 0.0;
    for (int n = 21; n >= 3; n -= 2) {
        sum = (1.0 - sum) * square / (n * (n - 1));
    }
    return x * (1.0 - sum);
}

/// exp(x) for x in [0, 7]: the series of x / 16, squared four times.
static double small_exp(double x)
{
    const double part = x / 16.0;
    double sum = 1.0;
    for (int n = 14; n >= 1; n--) {
        sum = 1.0 + part / n * sum;
    }
    for (int i = 0; i < 4; i++) {
        sum *= sum;
    }
    return sum;
}

double nb_fade_gain(nb_fade_shape shape, double position)
{
    const double p = position;
    switch (shape) {
    case NB_FADE_EQUAL_POWER:
        return quarter_sine(p);
    case NB_FADE_S_CURVE:
        return p * p * (3.0 - 2.0 * p);
    case NB_FADE_EXPONENTIAL:
        return (small_exp(p * 6.90775527898213705205) - 1.0) / 999.0;
    case NB_FADE_LINEAR:
    default:
        return p;
    }
}

nb_status nb_clips_new(const nb_node *node, const nb_stems *stems, nb_clips **out_clips,
                       nb_error *err)
{
    *out_clips = NULL;
    nb_clips *self = calloc(1, sizeof *self);
    nb_stem_reader *readers = calloc(node->clip_count + 1, sizeof *readers);
    if (!self || !readers) {
        free(self);
        free(readers);
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its clips", node->name);
    }
    self->node = node;
    self->stems = stems;
    self->readers = readers;
    *out_clips = self;
    return NB_OK;
}

void nb_clips_destroy(nb_clips **self_p)
{
    nb_clips *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->node->clip_count; i++) {
            nb_stem_reader_fini(&self->readers[i]);
        }
        free(self->readers);
        free(self);
    }
    *self_p = NULL;
}

static void close_reader(nb_clips *self, size_t clip)
{
    if (self->readers[clip].file) {
        nb_stem_reader_fini(&self->readers[clip]);
        self->open_count--;
    }
}

/// Many overlapping clips are read in turns through a few descriptors.
static void make_room(nb_clips *self, size_t clip)
{
    if (self->readers[clip].file || self->open_count < NB_CLIPS_OPEN_MAX) {
        return;
    }
    for (size_t i = self->first_live; i < self->node->clip_count; i++) {
        if (self->readers[i].file) {
            close_reader(self, i);
            return;
        }
    }
}

/// The clip's gain at its own frames from .. from + frames - 1, in self->gains.
static void fill_gains(nb_clips *self, const nb_graph_clip *clip, int64_t from, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        const int64_t at = from + (int64_t)i;
        const int64_t left = clip->length_frames - at;
        double gain = clip->gain;
        if (at < clip->fade_in_frames) {
            gain *= nb_fade_gain(clip->fade_in_shape, (double)at / (double)clip->fade_in_frames);
        }
        if (left < clip->fade_out_frames) {
            gain *=
                nb_fade_gain(clip->fade_out_shape, (double)left / (double)clip->fade_out_frames);
        }
        self->gains[i] = gain;
    }
}

/// Add what of the clip falls into the block that starts at `first`.
static nb_status add_clip(nb_clips *self, size_t index, int64_t first, size_t frames, nb_error *err)
{
    const nb_graph_clip *clip = &self->node->clips[index];
    const nb_stem *stem = &self->stems->list[clip->asset];
    const int64_t end = first + (int64_t)frames;
    const int64_t clip_end = clip->at_frame + clip->length_frames;
    const int64_t from = (clip->at_frame > first) ? clip->at_frame : first;
    const int64_t to = (clip_end < end) ? clip_end : end;
    if (from >= to) {
        return NB_OK;
    }
    const size_t count = (size_t)(to - from);
    make_room(self, index);
    const bool was_open = self->readers[index].file;
    nb_status status =
        nb_stem_read(stem, &self->readers[index], clip->offset_frames + from - clip->at_frame,
                     count, self->samples, err);
    self->open_count += !was_open && self->readers[index].file;
    if (status != NB_OK) {
        return status;
    }
    fill_gains(self, clip, from - clip->at_frame, count);
    const size_t stride = stem->asset->channels;
    for (unsigned channel = 0; channel < self->node->channels; channel++) {
        const float *samples = self->samples + ((channel < stride) ? channel : 0);
        double *sums = self->sums[channel] + (from - first);
        for (size_t i = 0; i < count; i++) {
            sums[i] += self->gains[i] * (double)samples[i * stride];
        }
    }
    return NB_OK;
}

nb_status nb_clips_read(nb_clips *self, int64_t first, size_t frames, float *const out[2],
                        nb_error *err)
{
    const nb_graph_clip *clips = self->node->clips;
    const int64_t end = first + (int64_t)frames;
    memset(self->sums[0], 0, frames * sizeof *self->sums[0]);
    memset(self->sums[1], 0, frames * sizeof *self->sums[1]);
    for (size_t i = self->first_live; i < self->node->clip_count && clips[i].at_frame < end; i++) {
        nb_status status = add_clip(self, i, first, frames, err);
        if (status != NB_OK) {
            return status;
        }
        if (clips[i].at_frame + clips[i].length_frames <= end) {
            close_reader(self, i);
            self->first_live += (i == self->first_live);
        }
    }
    for (unsigned channel = 0; channel < self->node->channels; channel++) {
        for (size_t i = 0; i < frames; i++) {
            out[channel][i] = (float)self->sums[channel][i];
        }
    }
    return NB_OK;
}
