// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/switching.h"
#include "audio/meter.h"
#include "base/text.h"

#include <math.h>

enum { BLOCK_FRAMES = 4096, FADE_MS = 15 };

static const double pi = 3.14159265358979323846;

/// How one goes over into the other.
typedef struct plan {
    int64_t frames;
    int64_t period;
    int64_t fade; ///< Half of it stands before the switch; even
    double a_gain, b_gain;
    unsigned channels;
} plan;

unsigned nb_switching_channels(const nb_recording *a, const nb_recording *b)
{
    const unsigned in_a = nb_recording_channels(a);
    const unsigned in_b = nb_recording_channels(b);
    return in_a > in_b ? in_a : in_b;
}

static size_t block_at(int64_t done, int64_t frames)
{
    return frames - done < BLOCK_FRAMES ? (size_t)(frames - done) : BLOCK_FRAMES;
}

/// What the watch is told of: one of two parts of the measuring.
typedef struct part {
    nb_recording *recording;
    int64_t first;
    int64_t done_before;
} part;

static nb_status measure(const part *self, unsigned channels, int64_t frames,
                         const nb_audio_watch *watch, double *out_lufs, nb_error *err)
{
    NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
    NB_SCOPED(nb_measures_fini) nb_measures measures = {0};
    float block[BLOCK_FRAMES * NB_RECORDING_CHANNELS_MAX];
    nb_status status = nb_meter_new(nb_recording_rate_hz(self->recording), channels, &meter, err);
    for (int64_t done = 0; status == NB_OK && done < frames;) {
        const size_t count = block_at(done, frames);
        status =
            nb_recording_read(self->recording, self->first + done, count, channels, block, err);
        if (status == NB_OK) {
            status = nb_meter_add(meter, block, count, err);
        }
        done += (int64_t)count;
        if (status == NB_OK) {
            status = nb_audio_watch_tell(watch, self->done_before + done, 2 * frames, err);
        }
    }
    if (status == NB_OK) {
        status = nb_meter_finish(meter, &measures, err);
    }
    *out_lufs = status == NB_OK ? measures.integrated_lufs : -INFINITY;
    return status;
}

nb_status nb_level_match_find(nb_recording *a, nb_recording *b, const nb_shared_part *shared,
                              const nb_audio_watch *watch, nb_level_match *out, nb_error *err)
{
    *out = (nb_level_match){.a_lufs = -INFINITY, .b_lufs = -INFINITY};
    const unsigned channels = nb_switching_channels(a, b);
    const part in_a = {a, shared->a_first, 0};
    const part in_b = {b, shared->b_first, shared->frames};
    nb_status status = measure(&in_a, channels, shared->frames, watch, &out->a_lufs, err);
    if (status == NB_OK) {
        status = measure(&in_b, channels, shared->frames, watch, &out->b_lufs, err);
    }
    out->matched = isfinite(out->a_lufs) && isfinite(out->b_lufs);
    if (status == NB_OK && out->matched) {
        const double above = out->a_lufs - out->b_lufs;
        out->a_gain_db = above > 0.0 ? -above : 0.0;
        out->b_gain_db = above < 0.0 ? above : 0.0;
    }
    return status;
}

static int64_t switches_in(const plan *self)
{
    // The last one leaves room for its fade.
    const int64_t room = self->frames - self->fade / 2;
    return room > self->period ? (room - 1) / self->period : 0;
}

/// B's share at a frame, 0 to 1. The fades of two switches never meet: see nb_switching_write.
static double share_of_b(const plan *self, int64_t switches, int64_t frame)
{
    const int64_t half = self->fade / 2;
    const int64_t turn = (frame + half) / self->period; // the last switch whose fade has begun
    const int64_t last = turn < switches ? turn : switches;
    const int64_t into = frame + half - last * self->period;
    const double now = (double)(last % 2);
    if (last == 0 || into >= self->fade) {
        return now;
    }
    // Both play nearly the same, so the shares add up to one; their slope is flat at both ends.
    const double risen = sin(pi / 2.0 * ((double)into + 0.5) / (double)self->fade);
    return last % 2 ? risen * risen : 1.0 - risen * risen;
}

static void blend(const plan *self, int64_t switches, int64_t first, size_t frames, float *a,
                  const float *b)
{
    for (size_t i = 0; i < frames; i++) {
        const double share = share_of_b(self, switches, first + (int64_t)i);
        for (unsigned c = 0; c < self->channels; c++) {
            const size_t k = i * self->channels + c;
            a[k] = (float)((1.0 - share) * self->a_gain * (double)a[k] +
                           share * self->b_gain * (double)b[k]);
        }
    }
}

nb_status nb_switching_write(nb_recording *a, nb_recording *b, const nb_shared_part *shared,
                             const nb_level_match *levels, int64_t period, nb_audio_writer *writer,
                             const nb_audio_watch *watch, int64_t *out_switches, nb_error *err)
{
    const unsigned rate_hz = nb_recording_rate_hz(a);
    const plan self = {.frames = shared->frames,
                       .period = period,
                       .fade = (int64_t)rate_hz * FADE_MS / 2000 * 2,
                       .a_gain = pow(10.0, levels->a_gain_db / 20.0),
                       .b_gain = pow(10.0, levels->b_gain_db / 20.0),
                       .channels = nb_switching_channels(a, b)};
    *out_switches = switches_in(&self);
    if (period < 2 * self.fade || *out_switches == 0) {
        char lasts[NB_TEXT_TIME_SIZE];
        nb_text_format_time((double)shared->frames / rate_hz, lasts);
        return nb_fail(err, NB_E_INVALID,
                       "they have %s in common, too short for a switch every %.3g s", lasts,
                       (double)period / rate_hz);
    }
    nb_status status = NB_OK;
    float in_a[BLOCK_FRAMES * NB_RECORDING_CHANNELS_MAX];
    float in_b[BLOCK_FRAMES * NB_RECORDING_CHANNELS_MAX];
    for (int64_t done = 0; status == NB_OK && done < self.frames;) {
        const size_t count = block_at(done, self.frames);
        status = nb_recording_read(a, shared->a_first + done, count, self.channels, in_a, err);
        if (status == NB_OK) {
            status = nb_recording_read(b, shared->b_first + done, count, self.channels, in_b, err);
        }
        if (status == NB_OK) {
            blend(&self, *out_switches, done, count, in_a, in_b);
            status = nb_audio_writer_write(writer, in_a, count, err);
        }
        done += (int64_t)count;
        if (status == NB_OK) {
            status = nb_audio_watch_tell(watch, done, self.frames, err);
        }
    }
    return status;
}
