// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/recording.h"
#include "audio/audio_file.h"
#include "audio/convert.h"
#include "audio/pcm_reader.h"
#include "base/file.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct nb_recording {
    nb_audio_file *file;
    int fd;                  ///< Of the converted frames, below zero where there are none
    nb_pcm_reader converted; ///< Reads them
    unsigned rate_hz;
    unsigned channels;
    int64_t frames;
};

nb_status nb_audio_watch_tell(const nb_audio_watch *watch, int64_t done_frames,
                              int64_t total_frames, nb_error *err)
{
    if (watch && watch->cancelled && *watch->cancelled) {
        return nb_fail(err, NB_E_CANCELLED, "it was cancelled");
    }
    if (watch && watch->progress) {
        watch->progress(watch->context, done_frames, total_frames);
    }
    return NB_OK;
}

/// A file that is gone when it is closed, however that happens.
static nb_status open_nameless(int *out_fd, nb_error *err)
{
    const char *folder = getenv("TMPDIR");
    NB_SCOPED(nb_text_free)
    char *path = nb_file_join(folder && folder[0] ? folder : "/tmp", "nightbus-XXXXXX");
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    *out_fd = mkostemp(path, O_CLOEXEC);
    if (*out_fd < 0 || unlink(path) != 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    return NB_OK;
}

static nb_status convert(nb_recording *self, const nb_audio_watch *watch, nb_error *err)
{
    nb_status status = open_nameless(&self->fd, err);
    if (status == NB_OK) {
        status = nb_convert_file(self->file, self->rate_hz, self->fd,
                                 watch ? watch->cancelled : NULL, err);
    }
    const unsigned own_hz = nb_audio_file_info(self->file)->rate_hz;
    self->frames = nb_convert_frames(self->frames, own_hz, self->rate_hz);
    self->converted = (nb_pcm_reader){self->fd, NB_PCM_F32LE, self->channels, self->frames, 0};
    return status;
}

nb_status nb_recording_open(const char *path, const char *name, unsigned rate_hz,
                            const nb_audio_watch *watch, nb_recording **out_recording,
                            nb_error *err)
{
    *out_recording = NULL;
    NB_SCOPED(nb_recording_destroy) nb_recording *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to open it", name ? name : path);
    }
    self->fd = -1;
    nb_status status = nb_audio_file_open(path, name, &self->file, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_audio_info *info = nb_audio_file_info(self->file);
    if (info->channels > NB_RECORDING_CHANNELS_MAX) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: has %u channels; only mono and stereo are compared: fold it down first",
                       nb_audio_file_name(self->file), info->channels);
    }
    self->rate_hz = rate_hz ? rate_hz : info->rate_hz;
    self->channels = info->channels;
    self->frames = info->frames;
    if (self->rate_hz != info->rate_hz) {
        status = convert(self, watch, err);
    }
    if (status == NB_OK) {
        *out_recording = self;
        self = NULL;
    }
    return status;
}

void nb_recording_destroy(nb_recording **self_p)
{
    nb_recording *self = *self_p;
    if (self) {
        nb_pcm_reader_fini(&self->converted);
        nb_file_close_fd(&self->fd);
        nb_audio_file_destroy(&self->file);
        free(self);
        *self_p = NULL;
    }
}

const char *nb_recording_name(const nb_recording *self) { return nb_audio_file_name(self->file); }

unsigned nb_recording_rate_hz(const nb_recording *self) { return self->rate_hz; }

unsigned nb_recording_own_rate_hz(const nb_recording *self)
{
    return nb_audio_file_info(self->file)->rate_hz;
}

unsigned nb_recording_channels(const nb_recording *self) { return self->channels; }

int64_t nb_recording_frames(const nb_recording *self) { return self->frames; }

/// Frames that are all inside.
static nb_status read_inside(nb_recording *self, int64_t first, size_t frames, float *out,
                             nb_error *err)
{
    if (self->fd < 0) {
        const nb_status status = nb_audio_file_seek(self->file, first, err);
        return status == NB_OK ? nb_audio_file_read(self->file, out, frames, err) : status;
    }
    size_t got = 0;
    const nb_status status = nb_pcm_reader_read_interleaved(
        &self->converted, nb_recording_name(self), first, frames, out, &got, err);
    if (status == NB_OK && got != frames) {
        return nb_fail(err, NB_E_CORRUPT, "%s: its converted samples end early",
                       nb_recording_name(self));
    }
    return status;
}

/// From the last frame back, since both stand in the same place.
static void spread(float *samples, size_t frames)
{
    for (size_t i = frames; i > 0; i--) {
        samples[2 * i - 1] = samples[2 * i - 2] = samples[i - 1];
    }
}

nb_status nb_recording_read(nb_recording *self, int64_t first, size_t frames, unsigned channels,
                            float *out, nb_error *err)
{
    assert(channels == self->channels || (channels == 2 && self->channels == 1));
    const int64_t end = first + (int64_t)frames;
    const int64_t from = first < 0 ? 0 : first;
    const int64_t to = end < self->frames ? end : self->frames;
    memset(out, 0, frames * channels * sizeof *out);
    if (from >= to) {
        return NB_OK;
    }
    float *inside = out + (size_t)(from - first) * channels;
    const nb_status status = read_inside(self, from, (size_t)(to - from), inside, err);
    if (status == NB_OK && channels != self->channels) {
        spread(inside, (size_t)(to - from));
    }
    return status;
}
