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
    float samples[2][NB_CLIPS_BLOCK];
    double gains[NB_CLIPS_BLOCK];
};

/// What of a clip falls into a block.
typedef struct clip_part {
    size_t clip;
    size_t at; ///< Frame of the block where it begins
    size_t frames;
    int64_t from; ///< The clip's own frame there
} clip_part;

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
    if (nb_stem_reader_is_open(&self->readers[clip])) {
        nb_stem_reader_fini(&self->readers[clip]);
        self->open_count--;
    }
}

/// Many overlapping clips are read in turns through a few descriptors.
static void make_room(nb_clips *self, size_t clip)
{
    if (nb_stem_reader_is_open(&self->readers[clip]) || self->open_count < NB_CLIPS_OPEN_MAX) {
        return;
    }
    for (size_t i = self->first_live; i < self->node->clip_count; i++) {
        if (nb_stem_reader_is_open(&self->readers[i])) {
            close_reader(self, i);
            return;
        }
    }
}

/// The clip's gain at the part's frames, in self->gains.
static void fill_gains(nb_clips *self, const nb_graph_clip *clip, const clip_part *part)
{
    for (size_t i = 0; i < part->frames; i++) {
        const int64_t at = part->from + (int64_t)i;
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

/// Whether the part is the file as it stands.
static bool is_plain(const nb_graph_clip *clip, const clip_part *part)
{
    const int64_t end = part->from + (int64_t)part->frames;
    return clip->gain == 1.0 && part->from >= clip->fade_in_frames &&
           clip->length_frames - end >= clip->fade_out_frames - 1;
}

/// The part of a clip in the block of `frames` frames from `first` on; without frames if none is.
static clip_part find_part(const nb_clips *self, size_t index, int64_t first, size_t frames)
{
    const nb_graph_clip *clip = &self->node->clips[index];
    const int64_t end = first + (int64_t)frames;
    const int64_t clip_end = clip->at_frame + clip->length_frames;
    const int64_t from = (clip->at_frame > first) ? clip->at_frame : first;
    const int64_t to = (clip_end < end) ? clip_end : end;
    if (from >= to) {
        return (clip_part){.clip = index};
    }
    return (clip_part){index, (size_t)(from - first), (size_t)(to - from), from - clip->at_frame};
}

/// Parts in the block, counted as far as two; `out` is the last of those counted.
static int count_parts(const nb_clips *self, int64_t first, size_t frames, clip_part *out)
{
    const nb_graph_clip *clips = self->node->clips;
    const int64_t end = first + (int64_t)frames;
    int count = 0;
    for (size_t i = self->first_live;
         i < self->node->clip_count && clips[i].at_frame < end && count < 2; i++) {
        const clip_part found = find_part(self, i, first, frames);
        if (found.frames > 0) {
            *out = found;
            count++;
        }
    }
    return count;
}

/// Read a part's samples, a channel of its file to an array.
static nb_status read_part(nb_clips *self, const clip_part *part, float *const *out, nb_error *err)
{
    const nb_graph_clip *clip = &self->node->clips[part->clip];
    nb_stem_reader *reader = &self->readers[part->clip];
    make_room(self, part->clip);
    const bool was_open = nb_stem_reader_is_open(reader);
    const nb_status status = nb_stem_read(&self->stems->list[clip->asset], reader,
                                          clip->offset_frames + part->from, part->frames, out, err);
    self->open_count += !was_open && nb_stem_reader_is_open(reader);
    return status;
}

static unsigned channels_of(const nb_clips *self, const clip_part *part)
{
    return self->stems->list[self->node->clips[part->clip].asset].asset->channels;
}

/// A part alone in its block is read to where it belongs. The bits are those of add_part: a sum
/// that begins with 0 and has one term is that term.
static nb_status put_part(nb_clips *self, const clip_part *part, size_t frames, float *const out[2],
                          nb_error *err)
{
    const nb_graph_clip *clip = &self->node->clips[part->clip];
    float *const to[2] = {out[0] + part->at, (self->node->channels > 1) ? out[1] + part->at : NULL};
    const nb_status status = read_part(self, part, to, err);
    if (status != NB_OK) {
        return status;
    }
    const unsigned own_channels = channels_of(self, part);
    if (!is_plain(clip, part)) {
        fill_gains(self, clip, part);
        for (unsigned channel = 0; channel < own_channels; channel++) {
            for (size_t i = 0; i < part->frames; i++) {
                to[channel][i] = (float)(0.0 + self->gains[i] * (double)to[channel][i]);
            }
        }
    }
    const size_t behind = part->at + part->frames;
    for (unsigned channel = 0; channel < self->node->channels; channel++) {
        if (channel >= own_channels) {
            memcpy(to[channel], to[0], part->frames * sizeof *to[0]);
        }
        memset(out[channel], 0, part->at * sizeof *out[channel]);
        memset(out[channel] + behind, 0, (frames - behind) * sizeof *out[channel]);
    }
    return NB_OK;
}

static nb_status add_part(nb_clips *self, const clip_part *part, nb_error *err)
{
    float *const samples[2] = {self->samples[0], self->samples[1]};
    const nb_status status = read_part(self, part, samples, err);
    if (status != NB_OK) {
        return status;
    }
    fill_gains(self, &self->node->clips[part->clip], part);
    const unsigned own_channels = channels_of(self, part);
    const unsigned channels = (self->node->channels == 2) ? 2 : 1;
    for (unsigned channel = 0; channel < channels; channel++) {
        const float *from = samples[(channel < own_channels) ? channel : 0];
        double *sums = self->sums[channel] + part->at;
        for (size_t i = 0; i < part->frames; i++) {
            sums[i] += self->gains[i] * (double)from[i];
        }
    }
    return NB_OK;
}

/// Sum all parts in the block.
static nb_status mix_parts(nb_clips *self, int64_t first, size_t frames, float *const out[2],
                           nb_error *err)
{
    const nb_graph_clip *clips = self->node->clips;
    const int64_t end = first + (int64_t)frames;
    memset(self->sums[0], 0, frames * sizeof *self->sums[0]);
    memset(self->sums[1], 0, frames * sizeof *self->sums[1]);
    for (size_t i = self->first_live; i < self->node->clip_count && clips[i].at_frame < end; i++) {
        const clip_part part = find_part(self, i, first, frames);
        const nb_status status = (part.frames > 0) ? add_part(self, &part, err) : NB_OK;
        if (status != NB_OK) {
            return status;
        }
        if (clips[i].at_frame + clips[i].length_frames <= end) {
            close_reader(self, i); // before the next is opened: they may be many
        }
    }
    for (unsigned channel = 0; channel < self->node->channels; channel++) {
        for (size_t i = 0; i < frames; i++) {
            out[channel][i] = (float)self->sums[channel][i];
        }
    }
    return NB_OK;
}

/// Close what has ended at `end`, and never look at the first of them again.
static void leave_ended(nb_clips *self, int64_t end)
{
    const nb_graph_clip *clips = self->node->clips;
    for (size_t i = self->first_live; i < self->node->clip_count && clips[i].at_frame < end; i++) {
        if (clips[i].at_frame + clips[i].length_frames <= end) {
            close_reader(self, i);
            self->first_live += (i == self->first_live);
        }
    }
}

nb_status nb_clips_read(nb_clips *self, int64_t first, size_t frames, float *const out[2],
                        nb_error *err)
{
    clip_part only = {0};
    nb_status status = NB_OK;
    switch (count_parts(self, first, frames, &only)) {
    case 0:
        for (unsigned channel = 0; channel < self->node->channels; channel++) {
            memset(out[channel], 0, frames * sizeof *out[channel]);
        }
        break;
    case 1:
        status = put_part(self, &only, frames, out, err);
        break;
    default:
        status = mix_parts(self, first, frames, out, err);
        break;
    }
    if (status == NB_OK) {
        leave_ended(self, first + (int64_t)frames);
    }
    return status;
}
