// SPDX-License-Identifier: GPL-3.0-or-later
// The header is ours: it depends on the number of frames alone, and a full disk is told by its
// errno.
#include "audio/audio_writer.h"
#include "audio/flusher.h"
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
    BLOCK_FRAMES = 1024,      // made whole numbers at a time
    FLUSHED_BESIDE = 8 << 20, // smaller files are flushed at their end alone
    TAG_PCM = 1,
    TAG_FLOAT = 3,
    TAG_EXTENSIBLE = 0xfffe
};

struct nb_audio_writer {
    int fd;
    char *path;
    nb_audio_keep keep;
    nb_flusher *flusher;     ///< Null for none
    nb_audio_growth *growth; ///< The caller's, with the hasher, or null
    nb_hasher *hasher;
    uint64_t size;         ///< Bytes of the file so far
    int64_t header_frames; ///< What the header says
    unsigned rate_hz;
    unsigned channels;
    nb_sample_format samples;
    int64_t frames;     ///< Written
    int64_t song_frame; ///< Of the next frame
    nb_dither *dithers; ///< One a channel; null for floats, as are the two below
    int32_t *whole;     ///< BLOCK_FRAMES interleaved frames
    unsigned char *bytes;
};

static unsigned sample_bytes(nb_sample_format samples)
{
    return (samples == NB_SAMPLE_PCM_16) ? 2 : (samples == NB_SAMPLE_PCM_24) ? 3 : 4;
}

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

static void put_format(header *self, const nb_audio_writer *writer)
{
    const unsigned channels = writer->channels;
    const unsigned bytes = sample_bytes(writer->samples);
    const unsigned tag = (writer->samples == NB_SAMPLE_FLOAT_32) ? TAG_FLOAT : TAG_PCM;
    // More than two channels are due the longer form, with their places left open.
    const bool is_extensible = channels > 2;
    put_id(self, "fmt ");
    put(self, is_extensible ? FORMAT_EXTENSIBLE_SIZE : FORMAT_SIZE, 4);
    put(self, is_extensible ? TAG_EXTENSIBLE : tag, 2);
    put(self, channels, 2);
    put(self, writer->rate_hz, 4);
    put(self, (uint64_t)writer->rate_hz * channels * bytes, 4);
    put(self, (uint64_t)channels * bytes, 2);
    put(self, (uint64_t)8 * bytes, 2);
    put(self, is_extensible ? 22 : 0, 2);
    if (is_extensible) {
        static const unsigned char rest[14] = {0, 0, 0,    0, 0x10, 0,    0x80,
                                               0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
        put(self, (uint64_t)8 * bytes, 2);
        put(self, 0, 4);
        put(self, tag, 2);
        memcpy(self->bytes + self->size, rest, sizeof rest);
        self->size += sizeof rest;
    }
}

/// EBU Tech 3306: room for "ds64" is kept in every file, so that it can become RF64 at its end.
static header make_header(const nb_audio_writer *self, int64_t frames)
{
    header out = {{0}, 0};
    const uint64_t data = (uint64_t)frames * self->channels * sample_bytes(self->samples);
    const size_t format = (self->channels > 2) ? FORMAT_EXTENSIBLE_SIZE : FORMAT_SIZE;
    const uint64_t riff = 4 + (8 + DS64_SIZE) + (8 + format) + (8 + 4) + 8 + data + data % 2;
    const bool is_long = riff > UINT32_MAX;
    put_id(&out, is_long ? "RF64" : "RIFF");
    put(&out, is_long ? UINT32_MAX : riff, 4);
    put_id(&out, "WAVE");
    put_id(&out, is_long ? "ds64" : "JUNK");
    put(&out, DS64_SIZE, 4);
    put(&out, is_long ? riff : 0, 8);
    put(&out, is_long ? data : 0, 8);
    put(&out, is_long ? (uint64_t)frames : 0, 8);
    put(&out, 0, 4);
    put_format(&out, self);
    put_id(&out, "fact");
    put(&out, 4, 4);
    put(&out, (frames > UINT32_MAX) ? UINT32_MAX : (uint64_t)frames, 4);
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

/// Write behind what is there, for good.
static nb_status append(nb_audio_writer *self, const void *bytes, size_t size, nb_error *err)
{
    const nb_status status = write_all(self, bytes, size, err);
    if (status != NB_OK) {
        return status;
    }
    self->size += size;
    // More than was expected is no part of what was promised: the end will say so.
    if (self->growth && self->header_frames > 0 && self->size <= self->growth->size) {
        nb_hasher_add(self->hasher, bytes, size);
        atomic_store_explicit(&self->growth->bytes, self->size, memory_order_release);
    }
    if (self->flusher) {
        nb_flusher_grow(self->flusher, self->size);
    }
    return NB_OK;
}

/// A file that is followed has its last header from the start. Another one says that it is empty
/// until it is closed: who finds what a crash left shall not take it for a whole one.
static nb_status begin(nb_audio_writer *self, int64_t frames_expected, nb_error *err)
{
    self->header_frames = self->growth ? frames_expected : 0;
    const header bytes = make_header(self, self->header_frames);
    const uint64_t data = (uint64_t)frames_expected * self->channels * sample_bytes(self->samples);
    if (self->keep != NB_AUDIO_SCRATCH && data >= FLUSHED_BESIDE) {
        self->flusher = nb_flusher_new(self->fd);
    }
    if (self->growth) {
        self->growth->size = bytes.size + data + data % 2;
    }
    return append(self, bytes.bytes, bytes.size, err);
}

/// A disk too full for the whole file says so now and not after an hour.
static nb_status reserve(const nb_audio_writer *self, int64_t frames, nb_error *err)
{
    const int64_t bytes =
        HEADER_MAX + frames * self->channels * (int64_t)sample_bytes(self->samples);
    if (fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, bytes) != 0 && errno == ENOSPC) {
        return nb_fail_errno(err, errno, "%s (%lld bytes)", self->path, (long long)bytes);
    }
    return NB_OK;
}

static nb_status check_options(const char *path, const nb_audio_writer_options *options,
                               nb_error *err)
{
    const int64_t most = (int64_t)NB_AUDIO_SECONDS_MAX * NB_AUDIO_RATE_MAX_HZ;
    if (options->rate_hz == 0 || options->channels == 0 ||
        options->channels > NB_AUDIO_CHANNELS_MAX || options->frames_expected < 0 ||
        options->frames_expected > most) {
        return nb_fail(err, NB_E_INVALID, "%s: can't write %u channels of %lld frames at %u Hz",
                       path, options->channels, (long long)options->frames_expected,
                       options->rate_hz);
    }
    return NB_OK;
}

static nb_status make_dithers(nb_audio_writer *self, const nb_audio_writer_options *options,
                              nb_error *err)
{
    if (self->samples == NB_SAMPLE_FLOAT_32) {
        return NB_OK;
    }
    const size_t samples = (size_t)BLOCK_FRAMES * self->channels;
    const uint64_t key = nb_dither_key(options->name ? options->name : "");
    self->dithers = calloc(self->channels, sizeof *self->dithers);
    self->whole = calloc(samples, sizeof *self->whole);
    self->bytes = calloc(samples, sample_bytes(self->samples));
    if (!self->dithers || !self->whole || !self->bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to write it", self->path);
    }
    for (unsigned c = 0; c < self->channels; c++) {
        nb_dither_init(&self->dithers[c], options->dither, 8 * sample_bytes(self->samples),
                       self->rate_hz, key, c);
    }
    return NB_OK;
}

nb_status nb_audio_writer_open_as(const char *path, const nb_audio_writer_options *options,
                                  nb_audio_writer **out_writer, nb_error *err)
{
    *out_writer = NULL;
    nb_status status = check_options(path, options, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_audio_writer_destroy) nb_audio_writer *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to write it", path);
    }
    self->path = strdup(path);
    self->rate_hz = options->rate_hz;
    self->channels = options->channels;
    self->samples = options->samples;
    self->song_frame = options->first_frame;
    self->keep = options->keep;
    self->growth = options->growth;
    self->hasher = options->growth ? nb_hasher_new() : NULL;
    self->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (!self->path || self->fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    status = make_dithers(self, options, err);
    if (status == NB_OK && options->frames_expected > 0) {
        status = reserve(self, options->frames_expected, err);
    }
    if (status == NB_OK) {
        status = begin(self, options->frames_expected, err);
    }
    if (status == NB_OK) {
        *out_writer = self;
        self = NULL;
    }
    return status;
}

nb_status nb_audio_writer_open(const char *path, unsigned rate_hz, unsigned channels,
                               int64_t frames_expected, nb_audio_writer **out_writer, nb_error *err)
{
    const nb_audio_writer_options options = {
        .rate_hz = rate_hz, .channels = channels, .frames_expected = frames_expected};
    return nb_audio_writer_open_as(path, &options, out_writer, err);
}

/// At most BLOCK_FRAMES frames as whole numbers, to `whole`.
static void quantise(nb_audio_writer *self, const float *interleaved, size_t frames)
{
    for (unsigned c = 0; c < self->channels; c++) {
        nb_dither_run(&self->dithers[c], self->song_frame, interleaved + c, self->channels,
                      self->whole + c, self->channels, frames);
    }
    self->song_frame += (int64_t)frames;
}

static nb_status write_block(nb_audio_writer *self, size_t frames, nb_error *err)
{
    const size_t samples = frames * self->channels;
    const unsigned size = sample_bytes(self->samples);
    for (size_t i = 0; i < samples; i++) {
        const uint32_t value = (uint32_t)self->whole[i];
        unsigned char *at = self->bytes + i * size;
        at[0] = (unsigned char)value;
        at[1] = (unsigned char)(value >> 8);
        if (size == 3) {
            at[2] = (unsigned char)(value >> 16);
        }
    }
    return append(self, self->bytes, samples * size, err);
}

static nb_status write_floats(nb_audio_writer *self, const float *interleaved, size_t frames,
                              nb_error *err)
{
    self->song_frame += (int64_t)frames;
    return append(self, interleaved, frames * self->channels * sizeof *interleaved, err);
}

/// Write, and give what was written back to `heard` where that is not null.
static nb_status write_frames(nb_audio_writer *self, const float *interleaved, float *heard,
                              size_t frames, nb_error *err)
{
    nb_status status = NB_OK;
    if (!self->dithers) {
        status = write_floats(self, interleaved, frames, err);
    }
    const float step = (self->samples == NB_SAMPLE_PCM_16) ? 0x1p-15F : 0x1p-23F;
    for (size_t done = 0; self->dithers && status == NB_OK && done < frames;) {
        const size_t count = (frames - done < BLOCK_FRAMES) ? frames - done : BLOCK_FRAMES;
        const size_t first = done * self->channels;
        quantise(self, interleaved + first, count);
        for (size_t i = 0; heard && i < count * self->channels; i++) {
            heard[first + i] = (float)self->whole[i] * step;
        }
        status = write_block(self, count, err);
        done += count;
    }
    if (status == NB_OK) {
        self->frames += (int64_t)frames;
    }
    return status;
}

nb_status nb_audio_writer_write(nb_audio_writer *self, const float *interleaved, size_t frames,
                                nb_error *err)
{
    return write_frames(self, interleaved, NULL, frames, err);
}

nb_status nb_audio_writer_write_back(nb_audio_writer *self, float *interleaved, size_t frames,
                                     nb_error *err)
{
    return write_frames(self, interleaved, interleaved, frames, err);
}

void nb_audio_writer_pass(nb_audio_writer *self, const float *interleaved, size_t frames)
{
    for (size_t done = 0; self->dithers && done < frames;) {
        const size_t count = (frames - done < BLOCK_FRAMES) ? frames - done : BLOCK_FRAMES;
        quantise(self, interleaved + done * self->channels, count);
        done += count;
    }
    self->song_frame += self->dithers ? 0 : (int64_t)frames;
}

/// A chunk of an odd number of bytes is padded to an even one.
static nb_status pad(nb_audio_writer *self, nb_error *err)
{
    const uint64_t size = (uint64_t)self->frames * self->channels * sample_bytes(self->samples);
    return append(self, "", size % 2, err);
}

/// Give back what was reserved and not used.
static nb_status trim(const nb_audio_writer *self, nb_error *err)
{
    return ftruncate(self->fd, (off_t)self->size) == 0
               ? NB_OK
               : nb_fail_errno(err, errno, "%s", self->path);
}

/// Have the header say what came, where it does not yet.
static nb_status end_header(const nb_audio_writer *self, nb_error *err)
{
    if (self->frames == self->header_frames) {
        return NB_OK;
    }
    const header bytes = make_header(self, self->frames);
    if (lseek(self->fd, 0, SEEK_SET) != 0) {
        return nb_fail_errno(err, errno, "%s", self->path);
    }
    return write_all(self, bytes.bytes, bytes.size, err);
}

static void end_growth(nb_audio_writer *self)
{
    nb_audio_growth *growth = self->growth;
    if (growth && self->frames > 0 && self->frames == self->header_frames) {
        growth->digest = nb_hasher_finish(self->hasher);
        growth->is_whole = true;
    }
}

nb_status nb_audio_writer_close(nb_audio_writer **self_p, nb_error *err)
{
    nb_audio_writer *self = *self_p;
    nb_status status = pad(self, err);
    nb_flusher_destroy(&self->flusher);
    if (status == NB_OK) {
        status = trim(self, err);
    }
    if (status == NB_OK) {
        status = end_header(self, err);
    }
    if (status == NB_OK && self->keep == NB_AUDIO_KEPT && fsync(self->fd) != 0) {
        status = nb_fail_errno(err, errno, "%s", self->path);
    }
    const int fd = self->fd;
    self->fd = -1;
    if (close(fd) != 0 && status == NB_OK) {
        status = nb_fail_errno(err, errno, "%s", self->path);
    }
    if (status == NB_OK) {
        end_growth(self);
    }
    nb_audio_writer_destroy(self_p);
    return status;
}

void nb_audio_writer_destroy(nb_audio_writer **self_p)
{
    nb_audio_writer *self = *self_p;
    if (self) {
        nb_flusher_destroy(&self->flusher);
        nb_file_close_fd(&self->fd);
        nb_hasher_destroy(&self->hasher);
        free(self->path);
        free(self->dithers);
        free(self->whole);
        free(self->bytes);
        free(self);
        *self_p = NULL;
    }
}
