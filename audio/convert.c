// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/convert.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Frames given to libsoxr at a time. A constant: nothing about the machine may reach the bits.
enum { BLOCK_FRAMES = 16384 };

int64_t nb_convert_frames(int64_t frames, unsigned from_hz, unsigned to_hz)
{
    const int64_t whole = frames / from_hz;
    const int64_t rest = frames % from_hz;
    return whole * to_hz + (2 * rest * to_hz + from_hz) / (2 * (int64_t)from_hz);
}

/// Takes converted frames in order; a status other than NB_OK ends the conversion.
typedef nb_status frame_sink(void *context, const float *interleaved, size_t frames, nb_error *err);

/// One conversion under way.
typedef struct conversion {
    nb_audio_file *file;
    unsigned channels;
    soxr_t resampler; ///< Null where the rates are equal
    int64_t left;     ///< Frames still to come out
    float *in;
    float *out;
    size_t out_frames;
    frame_sink *sink;
    void *context;
} conversion;

static void conversion_fini(conversion *self)
{
    if (self->resampler) {
        soxr_delete(self->resampler);
    }
    free(self->in);
    free(self->out);
}

static nb_status conversion_init(conversion *self, nb_audio_file *file, unsigned to_hz,
                                 nb_error *err)
{
    const nb_audio_info *info = nb_audio_file_info(file);
    self->file = file;
    self->channels = info->channels;
    self->left = nb_convert_frames(info->frames, info->rate_hz, to_hz);
    // Up to 48 times (8 to 384 kHz) as many come out as went in, and a little for rounding.
    self->out_frames = (size_t)nb_convert_frames(BLOCK_FRAMES, info->rate_hz, to_hz) + 64;
    self->in = calloc((size_t)BLOCK_FRAMES * self->channels, sizeof(float));
    self->out = calloc(self->out_frames * self->channels, sizeof(float));
    if (!self->in || !self->out) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to convert the rate");
    }
    if (info->rate_hz == to_hz) {
        return NB_OK;
    }
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_error_t problem = NULL;
    self->resampler =
        soxr_create(info->rate_hz, to_hz, self->channels, &problem, &io, &quality, &runtime);
    if (problem) {
        return nb_fail(err, NB_E_NO_MEMORY, "libsoxr: %s", problem);
    }
    return NB_OK;
}

/// Hand `frames` of `samples` on, but never more than the exact length.
static nb_status emit(conversion *self, const float *samples, size_t frames, nb_error *err)
{
    const size_t taken = (int64_t)frames < self->left ? frames : (size_t)self->left;
    self->left -= (int64_t)taken;
    return taken > 0 ? self->sink(self->context, samples, taken, err) : NB_OK;
}

/// Push `frames` of self->in through; none at all means the input has ended.
static nb_status push(conversion *self, size_t frames, nb_error *err)
{
    if (!self->resampler) {
        return emit(self, self->in, frames, err);
    }
    size_t used = 0;
    for (;;) {
        size_t taken = 0;
        size_t made = 0;
        const float *in = frames > 0 ? self->in + used * self->channels : NULL;
        const soxr_error_t problem = soxr_process(self->resampler, in, frames - used, &taken,
                                                  self->out, self->out_frames, &made);
        if (problem) {
            return nb_fail(err, NB_E_NO_MEMORY, "libsoxr: %s", problem);
        }
        used += taken;
        const nb_status status = emit(self, self->out, made, err);
        if (status != NB_OK) {
            return status;
        }
        if (made < self->out_frames && used == frames) {
            return NB_OK;
        }
    }
}

/// libsoxr may round the end down by a frame: silence makes the length exact.
static nb_status pad(conversion *self, nb_error *err)
{
    memset(self->out, 0, self->out_frames * self->channels * sizeof(float));
    nb_status status = NB_OK;
    while (status == NB_OK && self->left > 0) {
        status = emit(self, self->out, self->out_frames, err);
    }
    return status;
}

static nb_status run(nb_audio_file *file, unsigned to_hz, frame_sink *sink, void *context,
                     const volatile bool *cancelled, nb_error *err)
{
    NB_SCOPED(conversion_fini) conversion self = {.sink = sink, .context = context};
    nb_status status = conversion_init(&self, file, to_hz, err);
    if (status == NB_OK) {
        status = nb_audio_file_seek(file, 0, err);
    }
    int64_t rest = nb_audio_file_info(file)->frames;
    while (status == NB_OK && rest > 0) {
        if (cancelled && *cancelled) {
            return nb_fail(err, NB_E_CANCELLED, "cancelled");
        }
        const size_t frames = rest < BLOCK_FRAMES ? (size_t)rest : BLOCK_FRAMES;
        rest -= (int64_t)frames;
        status = nb_audio_file_read(file, self.in, frames, err);
        if (status == NB_OK) {
            status = push(&self, frames, err);
        }
    }
    if (status == NB_OK && self.resampler) {
        status = push(&self, 0, err);
    }
    return status == NB_OK ? pad(&self, err) : status;
}

// ---- To a file ----

typedef struct file_sink {
    int fd;
    unsigned channels;
} file_sink;

static nb_status write_frames(void *context, const float *interleaved, size_t frames, nb_error *err)
{
    const file_sink *self = context;
    const char *bytes = (const char *)interleaved;
    size_t left = frames * self->channels * sizeof(float);
    while (left > 0) {
        const ssize_t got = write(self->fd, bytes, left);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return nb_fail_errno(err, errno, "temporary file for a converted stem");
        }
        bytes += got;
        left -= (size_t)got;
    }
    return NB_OK;
}

nb_status nb_convert_file(nb_audio_file *file, unsigned to_hz, int fd,
                          const volatile bool *cancelled, nb_error *err)
{
    file_sink sink = {fd, nb_audio_file_info(file)->channels};
    return run(file, to_hz, write_frames, &sink, cancelled, err);
}

// ---- Into memory ----

typedef struct memory_sink {
    float **channels;
    unsigned channel_count;
    size_t frames;
} memory_sink;

static nb_status keep_frames(void *context, const float *interleaved, size_t frames, nb_error *err)
{
    (void)err;
    memory_sink *self = context;
    for (size_t i = 0; i < frames; i++) {
        for (unsigned c = 0; c < self->channel_count; c++) {
            self->channels[c][self->frames + i] = interleaved[i * self->channel_count + c];
        }
    }
    self->frames += frames;
    return NB_OK;
}

void nb_planar_destroy(float ***channels_p)
{
    free(*channels_p); // one allocation: the pointers, then the samples
    *channels_p = NULL;
}

nb_status nb_convert_load(nb_audio_file *file, unsigned to_hz, int64_t frames_max,
                          float ***out_channels, size_t *out_frames, nb_error *err)
{
    *out_channels = NULL;
    *out_frames = 0;
    const nb_audio_info *info = nb_audio_file_info(file);
    const int64_t frames = nb_convert_frames(info->frames, info->rate_hz, to_hz);
    if (frames > frames_max) {
        char length[NB_TEXT_TIME_SIZE];
        char most[NB_TEXT_TIME_SIZE];
        nb_text_format_time((double)frames / to_hz, length);
        nb_text_format_time((double)frames_max / to_hz, most);
        return nb_fail(err, NB_E_LIMIT, "%s long; at most %s are taken here", length, most);
    }
    const size_t pointers = (info->channels * sizeof(float *) + 63) & ~(size_t)63;
    const size_t samples = (size_t)frames * sizeof(float);
    NB_SCOPED(nb_planar_destroy) float **channels = calloc(1, pointers + info->channels * samples);
    if (!channels) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %" PRId64 " frames", frames);
    }
    for (unsigned c = 0; c < info->channels; c++) {
        channels[c] = (float *)(void *)((char *)channels + pointers + c * samples);
    }
    memory_sink sink = {channels, info->channels, 0};
    const nb_status status = run(file, to_hz, keep_frames, &sink, NULL, err);
    if (status == NB_OK) {
        *out_channels = channels;
        *out_frames = sink.frames;
        channels = NULL; // the caller's now
    }
    return status;
}
