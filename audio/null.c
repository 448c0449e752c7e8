// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/null.h"

#include <assert.h>
#include <math.h>

enum { BLOCK_FRAMES = 4096, BLOCK_SAMPLES = BLOCK_FRAMES * NB_RECORDING_CHANNELS_MAX };

// 0.0001 dB. Rounding to 24 bits moves the factor by less; a fader moves it by more.
static const double factor_step = 1.15e-5;

/// A block of both: 64 KB, which a stack has room for.
typedef struct pair {
    float a[BLOCK_SAMPLES];
    float b[BLOCK_SAMPLES];
} pair;

/// What is summed on the first way through.
typedef struct sums {
    double a_a, b_b, a_b;
    bool differs;
} sums;

static unsigned wider(const nb_recording *a, const nb_recording *b)
{
    const unsigned in_a = nb_recording_channels(a);
    const unsigned in_b = nb_recording_channels(b);
    return in_a > in_b ? in_a : in_b;
}

static size_t block_at(int64_t done, int64_t frames)
{
    return frames - done < BLOCK_FRAMES ? (size_t)(frames - done) : BLOCK_FRAMES;
}

static nb_status read_pair(nb_recording *a, nb_recording *b, const nb_shared_part *shared,
                           int64_t done, size_t frames, pair *out, nb_error *err)
{
    const unsigned channels = wider(a, b);
    const nb_status status =
        nb_recording_read(a, shared->a_first + done, frames, channels, out->a, err);
    return status == NB_OK
               ? nb_recording_read(b, shared->b_first + done, frames, channels, out->b, err)
               : status;
}

static void add(sums *self, const pair *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double a = (double)samples->a[i];
        const double b = (double)samples->b[i];
        self->a_a += a * a;
        self->b_b += b * b;
        self->a_b += a * b;
        self->differs = self->differs || samples->a[i] != samples->b[i];
    }
}

nb_status nb_null_is_identical(nb_recording *a, nb_recording *b, const nb_audio_watch *watch,
                               bool *out_identical, nb_error *err)
{
    *out_identical = false;
    const nb_shared_part shared = nb_shared_part_of(a, b, 0);
    if (nb_recording_own_rate_hz(a) != nb_recording_own_rate_hz(b) ||
        nb_recording_channels(a) != nb_recording_channels(b) ||
        nb_recording_frames(a) != nb_recording_frames(b)) {
        return NB_OK;
    }
    pair samples;
    sums found = {0};
    nb_status status = NB_OK;
    for (int64_t done = 0; status == NB_OK && !found.differs && done < shared.frames;) {
        const size_t frames = block_at(done, shared.frames);
        status = read_pair(a, b, &shared, done, frames, &samples, err);
        if (status == NB_OK) {
            add(&found, &samples, frames * wider(a, b));
            done += (int64_t)frames;
            status = nb_audio_watch_tell(watch, done, shared.frames, err);
        }
    }
    *out_identical = status == NB_OK && !found.differs;
    return status;
}

/// What B is multiplied with to come nearest to A, by least squares; 0 where B is silent.
static double factor_of(const sums *self)
{
    const double factor = self->b_b > 0.0 ? self->a_b / self->b_b : 0.0;
    const double whole = factor < 0.0 ? -1.0 : 1.0;
    return fabs(factor - whole) < factor_step ? whole : factor;
}

static nb_status find_factor(nb_recording *a, nb_recording *b, const nb_audio_watch *watch,
                             nb_null *out, double *out_factor, nb_error *err)
{
    pair samples;
    sums found = {0};
    const unsigned channels = wider(a, b);
    for (int64_t done = 0; done < out->shared.frames;) {
        const size_t frames = block_at(done, out->shared.frames);
        nb_status status = read_pair(a, b, &out->shared, done, frames, &samples, err);
        if (status == NB_OK) {
            add(&found, &samples, frames * channels);
            done += (int64_t)frames;
            status = nb_audio_watch_tell(watch, done, 2 * out->shared.frames, err);
        }
        if (status != NB_OK) {
            return status;
        }
    }
    *out_factor = factor_of(&found);
    const double count = (double)out->shared.frames * channels;
    out->a_rms_dbfs = found.a_a > 0.0 ? 10.0 * log10(found.a_a / count) : -INFINITY;
    out->gain_db = *out_factor != 0.0 ? 0.0 - 20.0 * log10(fabs(*out_factor)) : 0.0;
    return NB_OK;
}

/// Put A less B into `samples->a`, and note where it is largest; its energy.
static double take_away(pair *samples, double factor, size_t count, unsigned channels,
                        int64_t first_frame, double *peak, nb_null *out)
{
    double energy = 0.0;
    for (size_t i = 0; i < count; i++) {
        const float left = (float)((double)samples->a[i] - factor * (double)samples->b[i]);
        const double level = fabs((double)left);
        samples->a[i] = left;
        energy += level * level;
        if (level > *peak) {
            *peak = level;
            out->peak_frame = first_frame + (int64_t)(i / channels);
            out->peak_channel = (unsigned)(i % channels);
        }
    }
    return energy;
}

nb_status nb_null_run(nb_recording *a, nb_recording *b, const nb_alignment *alignment,
                      nb_audio_writer *writer, const nb_audio_watch *watch, nb_null *out,
                      nb_error *err)
{
    assert(alignment->matches);
    *out = (nb_null){.shared = nb_shared_part_of(a, b, alignment->offset_frames)};
    const unsigned channels = wider(a, b);
    double factor = 0.0;
    nb_status status = find_factor(a, b, watch, out, &factor, err);
    pair samples;
    double energy = 0.0;
    double peak = 0.0;
    out->peak_frame = out->shared.a_first;
    for (int64_t done = 0; status == NB_OK && done < out->shared.frames;) {
        const size_t frames = block_at(done, out->shared.frames);
        status = read_pair(a, b, &out->shared, done, frames, &samples, err);
        if (status == NB_OK) {
            energy += take_away(&samples, factor, frames * channels, channels,
                                out->shared.a_first + done, &peak, out);
        }
        if (status == NB_OK && writer) {
            status = nb_audio_writer_write(writer, samples.a, frames, err);
        }
        done += (int64_t)frames;
        if (status == NB_OK) {
            status =
                nb_audio_watch_tell(watch, out->shared.frames + done, 2 * out->shared.frames, err);
        }
    }
    const double count = (double)out->shared.frames * channels;
    out->peak_dbfs = peak > 0.0 ? 20.0 * log10(peak) : -INFINITY;
    out->rms_dbfs = energy > 0.0 ? 10.0 * log10(energy / count) : -INFINITY;
    return status;
}
