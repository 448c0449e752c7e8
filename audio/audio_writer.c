// SPDX-License-Identifier: GPL-3.0-or-later
// The header is ours: it depends on the number of frames alone, and a full disk is told by its
// errno.
#include "audio/audio_file.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "WAV samples are written as they are");

enum {
    DS64_SIZE = 28,
    FORMAT_SIZE = 18,
    FORMAT_EXTENSIBLE_SIZE = 40,
    HEADER_MAX = 128,
    TAG_FLOAT = 3,
    TAG_EXTENSIBLE = 0xfffe
};

struct nb_audio_writer {
    int fd;
    char *path;
    unsigned rate_hz;
    unsigned channels;
    int64_t frames;
};

typedef struct header {
    unsigned char bytes[HEADER_MAX];
    size_t size;
} header;

static void put(header *self, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        self->bytes[self->size++] = (unsigned char)(value >> 8 * i);
    }
}

static void put_id(header *self, const char *id)
{
    memcpy(self->bytes + self->size, id, 4);
    self->size += 4;
}

static void put_format(header *self, unsigned rate_hz, unsigned channels)
{
    // More than two channels are due the longer form, with their places left open.
    const bool is_extensible = channels > 2;
    put_id(self, "fmt ");
    put(self, is_extensible ? FORMAT_EXTENSIBLE_SIZE : FORMAT_SIZE, 4);
    put(self, is_extensible ? TAG_EXTENSIBLE : TAG_FLOAT, 2);
    put(self, channels, 2);
    put(self, rate_hz, 4);
    put(self, (uint64_t)rate_hz * channels * sizeof(float), 4);
    put(self, channels * sizeof(float), 2);
    put(self, 32, 2);
    put(self, is_extensible ? 22 : 0, 2);
    if (is_extensible) {
        static const unsigned char subformat[16] = {TAG_FLOAT, 0, 0, 0,    0, 0,    0x10, 0,
                                                    0x80,      0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
        put(self, 32, 2);
        put(self, 0, 4);
        memcpy(self->bytes + self->size, subformat, sizeof subformat);
        self->size += sizeof subformat;
    }
}

/// EBU Tech 3306: room for "ds64" is kept in every file, so that it can become RF64 at its end.
static header make_header(const nb_audio_writer *self)
{
    header out = {{0}, 0};
    const uint64_t data = (uint64_t)self->frames * self->channels * sizeof(float);
    const size_t format = (self->channels > 2) ? FORMAT_EXTENSIBLE_SIZE : FORMAT_SIZE;
    const uint64_t riff = 4 + (8 + DS64_SIZE) + (8 + format) + (8 + 4) + 8 + data;
    const bool is_long = riff > UINT32_MAX;
    put_id(&out, is_long ? "RF64" : "RIFF");
    put(&out, is_long ? UINT32_MAX : riff, 4);
    put_id(&out, "WAVE");
    put_id(&out, is_long ? "ds64" : "JUNK");
    put(&out, DS64_SIZE, 4);
    put(&out, is_long ? riff : 0, 8);
    put(&out, is_long ? data : 0, 8);
    put(&out, is_long ? (uint64_t)self->frames : 0, 8);
    put(&out, 0, 4);
    put_format(&out, self->rate_hz, self->channels);
    put_id(&out, "fact");
    put(&out, 4, 4);
    put(&out, (self->frames > UINT32_MAX) ? UINT32_MAX : (uint64_t)self->frames, 4);
    put_id(&out, "data");
    put(&out, is_long ? UINT32_MAX : data, 4);
    return out;
}

static nb_status write_all(const nb_audio_writer *self, const void *bytes, size_t size,
                           nb_error *err)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = write(self->fd, (const char *)bytes + done, size - done);
        if (got < 0 && errno != EINTR) {
            return nb_fail_errno(err, errno, "%s", self->path);
        }
        done += (got > 0) ? (size_t)got : 0;
    }
    return NB_OK;
}

static nb_status write_header(const nb_audio_writer *self, nb_error *err)
{
    const header bytes = make_header(self);
    if (lseek(self->fd, 0, SEEK_SET) != 0) {
        return nb_fail_errno(err, errno, "%s", self->path);
    }
    return write_all(self, bytes.bytes, bytes.size, err);
}

/// A disk too full for the whole file says so now and not after an hour.
static nb_status reserve(const nb_audio_writer *self, int64_t frames, nb_error *err)
{
    const int64_t bytes = HEADER_MAX + frames * self->channels * (int64_t)sizeof(float);
    if (fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, bytes) != 0 && errno == ENOSPC) {
        return nb_fail_errno(err, errno, "%s (%lld bytes)", self->path, (long long)bytes);
    }
    return NB_OK;
}

nb_status nb_audio_writer_open(const char *path, unsigned rate_hz, unsigned channels,
                               int64_t frames_expected, nb_audio_writer **out_writer, nb_error *err)
{
    *out_writer = NULL;
    if (rate_hz == 0 || channels == 0 || channels > NB_AUDIO_CHANNELS_MAX || frames_expected < 0 ||
        frames_expected > (int64_t)NB_AUDIO_SECONDS_MAX * NB_AUDIO_RATE_MAX_HZ) {
        return nb_fail(err, NB_E_INVALID, "%s: can't write %u channels of %lld frames at %u Hz",
                       path, channels, (long long)frames_expected, rate_hz);
    }
    NB_SCOPED(nb_audio_writer_destroy) nb_audio_writer *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to write it", path);
    }
    self->path = strdup(path);
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (!self->path || self->fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    nb_status status = (frames_expected > 0) ? reserve(self, frames_expected, err) : NB_OK;
    if (status == NB_OK) {
        status = write_header(self, err);
    }
    if (status == NB_OK) {
        *out_writer = self;
        self = NULL;
    }
    return status;
}

nb_status nb_audio_writer_write(nb_audio_writer *self, const float *interleaved, size_t frames,
                                nb_error *err)
{
    const nb_status status =
        write_all(self, interleaved, frames * self->channels * sizeof *interleaved, err);
    if (status == NB_OK) {
        self->frames += (int64_t)frames;
    }
    return status;
}

/// Give back what was reserved and not used.
static nb_status trim(const nb_audio_writer *self, nb_error *err)
{
    const off_t size = lseek(self->fd, 0, SEEK_END);
    if (size < 0 || ftruncate(self->fd, size) != 0) {
        return nb_fail_errno(err, errno, "%s", self->path);
    }
    return NB_OK;
}

nb_status nb_audio_writer_close(nb_audio_writer **self_p, nb_error *err)
{
    nb_audio_writer *self = *self_p;
    nb_status status = trim(self, err);
    if (status == NB_OK) {
        status = write_header(self, err);
    }
    if (status == NB_OK && fsync(self->fd) != 0) {
        status = nb_fail_errno(err, errno, "%s", self->path);
    }
    const int fd = self->fd;
    self->fd = -1;
    if (close(fd) != 0 && status == NB_OK) {
        status = nb_fail_errno(err, errno, "%s", self->path);
    }
    nb_audio_writer_destroy(self_p);
    return status;
}

void nb_audio_writer_destroy(nb_audio_writer **self_p)
{
    nb_audio_writer *self = *self_p;
    if (self) {
        nb_file_close_fd(&self->fd);
        free(self->path);
        free(self);
        *self_p = NULL;
    }
}
