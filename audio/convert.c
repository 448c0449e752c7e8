// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/convert.h"

#include <errno.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Constants, not choices: soxr's bits must not depend on how it is fed.
enum { BLOCK_FRAMES = 8192 };

/// Where converted frames go.
typedef struct sink {
    nb_status (*take)(void *context, const float *interleaved, size_t frames, nb_error *err);
    void *context;
} sink;

typedef struct conversion {
    nb_audio_file *file;
    unsigned channels;
    int64_t frames_in;
    int64_t frames_out; ///< The length that the result must have
    int64_t given;      ///< To the sink so far
    const volatile bool *cancelled;
    soxr_t soxr; ///< Null where the rate stays
    float *in;
    float *out;
    size_t out_frames;
    sink sink;
} conversion;

static void conversion_fini(conversion *self)
{
    if (self->soxr) {
        soxr_delete(self->soxr);
    }
    free(self->in);
    free(self->out);
}

int64_t nb_convert_frames(int64_t frames, unsigned from_hz, unsigned to_hz)
{
    // Whole seconds apart, so that no product overflows: 2 * rate * rate is under 2^39.
    const int64_t seconds = frames / from_hz;
    const int64_t rest = frames % from_hz;
    return seconds * to_hz + (2 * rest * to_hz + from_hz) / (2 * (int64_t)from_hz);
}

static nb_status start(conversion *self, unsigned to_hz, nb_error *err)
{
    const nb_audio_info *info = nb_audio_file_info(self->file);
    nb_status status = nb_audio_file_seek(self->file, 0, err);
    if (status == NB_OK && (to_hz < NB_AUDIO_RATE_MIN_HZ || to_hz > NB_AUDIO_RATE_MAX_HZ)) {
        status = nb_fail(err, NB_E_INVALID, "can't convert to %u Hz; rates are %d to %d Hz", to_hz,
                         NB_AUDIO_RATE_MIN_HZ, NB_AUDIO_RATE_MAX_HZ);
    }
    if (status != NB_OK) {
        return status;
    }
    self->channels = info->channels;
    self->frames_in = info->frames;
    self->frames_out = nb_convert_frames(info->frames, info->rate_hz, to_hz);
    self->out_frames = (size_t)nb_convert_frames(BLOCK_FRAMES, info->rate_hz, to_hz) + 16;
    self->in = calloc((size_t)BLOCK_FRAMES * info->channels, sizeof *self->in);
    self->out = calloc(self->out_frames * info->channels, sizeof *self->out);
    if (!self->in || !self->out) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to convert a file to %u Hz", to_hz);
    }
    if (info->rate_hz == to_hz) {
        return NB_OK;
    }
    soxr_error_t problem = NULL;
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    self->soxr =
        soxr_create(info->rate_hz, to_hz, info->channels, &problem, &io, &quality, &runtime);
    if (!self->soxr || problem) {
        return nb_fail(err, NB_E_NO_MEMORY, "can't convert from %u to %u Hz: %s", info->rate_hz,
                       to_hz, problem ? problem : "no memory");
    }
    return NB_OK;
}

/// Hand on what still belongs to the result.
static nb_status give(conversion *self, const float *frames, size_t count, nb_error *err)
{
    const int64_t left = self->frames_out - self->given;
    const size_t taken = ((int64_t)count < left) ? count : (size_t)left;
    self->given += (int64_t)taken;
    return (taken > 0) ? self->sink.take(self->sink.context, frames, taken, err) : NB_OK;
}

/// Push `count` frames through soxr, or draw out its rest if there are none.
static nb_status push(conversion *self, size_t count, nb_error *err)
{
    if (!self->soxr) {
        return give(self, self->in, count, err);
    }
    size_t consumed = 0;
    size_t produced = 0;
    nb_status status = NB_OK;
    do {
        size_t used = 0;
        const soxr_error_t problem =
            soxr_process(self->soxr, count ? self->in + consumed * self->channels : NULL,
                         count - consumed, &used, self->out, self->out_frames, &produced);
        if (problem) {
            return nb_fail(err, NB_E_INVALID, "rate conversion failed: %s", problem);
        }
        consumed += used;
        status = give(self, self->out, produced, err);
    } while (status == NB_OK && (consumed < count || produced == self->out_frames));
    return status;
}

/// soxr ends where its filter's rounding leaves it, up to a frame early.
static nb_status pad(conversion *self, nb_error *err)
{
    memset(self->out, 0, self->out_frames * self->channels * sizeof *self->out);
    nb_status status = NB_OK;
    while (status == NB_OK && self->given < self->frames_out) {
        status = give(self, self->out, self->out_frames, err);
    }
    return status;
}

static nb_status run(conversion *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (int64_t done = 0; status == NB_OK && done < self->frames_in;) {
        if (self->cancelled && *self->cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "rate conversion was cancelled");
        }
        const int64_t left = self->frames_in - done;
        const size_t count = (left < BLOCK_FRAMES) ? (size_t)left : BLOCK_FRAMES;
        status = nb_audio_file_read(self->file, self->in, count, err);
        if (status == NB_OK) {
            status = push(self, count, err);
        }
        done += (int64_t)count;
    }
    if (status == NB_OK && self->soxr) {
        status = push(self, 0, err);
    }
    return (status == NB_OK) ? pad(self, err) : status;
}

typedef struct raw_sink {
    int fd;
    unsigned channels;
} raw_sink;

static nb_status write_raw(void *context, const float *interleaved, size_t frames, nb_error *err)
{
    const raw_sink *self = context;
    const size_t size = frames * self->channels * sizeof *interleaved;
    size_t done = 0;
    while (done < size) {
        const ssize_t got = write(self->fd, (const char *)interleaved + done, size - done);
        if (got < 0 && errno != EINTR) {
            return nb_fail_errno(err, errno, "converted audio");
        }
        done += (got > 0) ? (size_t)got : 0;
    }
    return NB_OK;
}

nb_status nb_convert_file(nb_audio_file *file, unsigned to_hz, int fd,
                          const volatile bool *cancelled, nb_error *err)
{
    raw_sink raw = {fd, nb_audio_file_info(file)->channels};
    NB_SCOPED(conversion_fini)
    conversion self = {.file = file, .cancelled = cancelled, .sink = {write_raw, &raw}};
    const nb_status status = start(&self, to_hz, err);
    return (status == NB_OK) ? run(&self, err) : status;
}

typedef struct planar_sink {
    float **channels;
    unsigned channel_count;
    size_t frames;
} planar_sink;

static nb_status take_planar(void *context, const float *interleaved, size_t frames, nb_error *err)
{
    (void)err;
    planar_sink *self = context;
    for (unsigned c = 0; c < self->channel_count; c++) {
        float *channel = self->channels[c] + self->frames;
        for (size_t i = 0; i < frames; i++) {
            channel[i] = interleaved[i * self->channel_count + c];
        }
    }
    self->frames += frames;
    return NB_OK;
}

/// All channels stand in one block, which the first pointer holds.
static float **new_planar(unsigned channels, size_t frames)
{
    float **planar = calloc(channels, sizeof *planar);
    float *samples = calloc(frames * channels, sizeof *samples);
    if (!planar || !samples) {
        free((void *)planar);
        free(samples);
        return NULL;
    }
    for (unsigned c = 0; c < channels; c++) {
        planar[c] = samples + c * frames;
    }
    return planar;
}

void nb_planar_destroy(float ***channels_p)
{
    if (*channels_p) {
        free((*channels_p)[0]);
        free((void *)*channels_p);
        *channels_p = NULL;
    }
}

nb_status nb_convert_load(nb_audio_file *file, unsigned to_hz, int64_t frames_max,
                          float ***out_channels, size_t *out_frames, nb_error *err)
{
    *out_channels = NULL;
    *out_frames = 0;
    planar_sink planar = {.channel_count = nb_audio_file_info(file)->channels};
    NB_SCOPED(conversion_fini)
    conversion self = {.file = file, .sink = {take_planar, &planar}};
    nb_status status = start(&self, to_hz, err);
    if (status == NB_OK && self.frames_out > frames_max) {
        status = nb_fail(err, NB_E_LIMIT, "%s: lasts %.1f s; at most %.1f s are used: shorten it",
                         nb_audio_file_name(file), (double)self.frames_out / to_hz,
                         (double)frames_max / to_hz);
    }
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_planar_destroy)
    float **channels = new_planar(planar.channel_count, (size_t)self.frames_out);
    if (!channels) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its samples",
                       nb_audio_file_name(file));
    }
    planar.channels = channels;
    status = run(&self, err);
    if (status == NB_OK) {
        *out_channels = channels;
        *out_frames = planar.frames;
        channels = NULL;
    }
    return status;
}
