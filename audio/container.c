// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/container.h"
#include "audio/audio_file.h"
#include "audio/container_private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool nb_container_peek(const nb_container_source *source, int64_t offset, void *out, size_t size)
{
    if (offset < 0 || offset > source->size || (uint64_t)(source->size - offset) < size) {
        return false;
    }
    size_t done = 0;
    while (done < size) {
        const ssize_t got =
            pread(source->fd, (char *)out + done, size - done, (off_t)(offset + (int64_t)done));
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        done += (got > 0) ? (size_t)got : 0;
    }
    return true;
}

nb_status nb_container_count_chunk(const nb_container_source *source, unsigned *count,
                                   nb_error *err)
{
    if (++*count > NB_CONTAINER_CHUNKS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: has over %d chunks: export it again", source->name,
                       NB_CONTAINER_CHUNKS_MAX);
    }
    return NB_OK;
}

nb_status nb_container_check_facts(const char *name, double rate_hz, unsigned channels,
                                   nb_error *err)
{
    if (!isfinite(rate_hz)) {
        return nb_fail(err, NB_E_INVALID, "%s: its header gives no sample rate", name);
    }
    if (!(rate_hz >= NB_AUDIO_RATE_MIN_HZ && rate_hz <= NB_AUDIO_RATE_MAX_HZ)) {
        return nb_fail(err, NB_E_INVALID, "%s: its header says %.0f Hz; rates are %d to %d Hz",
                       name, rate_hz, NB_AUDIO_RATE_MIN_HZ, NB_AUDIO_RATE_MAX_HZ);
    }
    if (channels == 0 || channels > NB_AUDIO_CHANNELS_MAX) {
        return nb_fail(err, NB_E_INVALID, "%s: its header says %u channels; files have 1 to %d",
                       name, channels, NB_AUDIO_CHANNELS_MAX);
    }
    return NB_OK;
}

nb_status nb_container_check_frame_size(const nb_container_source *source, unsigned bits,
                                        unsigned bytes_per_frame, nb_container *out, nb_error *err)
{
    const unsigned expected = out->channels * ((bits + 7) / 8);
    if (bits < 8 || bits > 64 || bytes_per_frame != expected) {
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: its header contradicts itself (%u channels of %u bits in frames of %u "
                       "bytes)",
                       source->name, out->channels, bits, bytes_per_frame);
    }
    out->bytes_per_frame = bytes_per_frame;
    out->bytes_per_second = bytes_per_frame * out->rate_hz;
    return NB_OK;
}

static nb_status fail_cut(const nb_container_source *source, const nb_container *container,
                          uint64_t declared, uint64_t held, nb_error *err)
{
    // In seconds where these show the difference.
    const double second = container->bytes_per_second;
    if (second > 0.0 && (double)declared / second > NB_AUDIO_SECONDS_MAX) {
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: cut: header says over 24 hours, file holds %.1f s: copy or export it "
                       "again",
                       source->name, (double)held / second);
    }
    if (second > 0.0 && (double)(declared - held) >= second / 10.0) {
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: cut: header says %.1f s, file holds %.1f s: copy or export it again",
                       source->name, (double)declared / second, (double)held / second);
    }
    return nb_fail(err, NB_E_CORRUPT,
                   "%s: cut: header says %llu bytes of samples, file holds %llu: copy or export it "
                   "again",
                   source->name, (unsigned long long)declared, (unsigned long long)held);
}

// What writers put down who can't come back to fill in the length: ffmpeg and mpg123 the largest
// number, sox nearly 2 GiB, some either less the header's bytes.
static bool is_written_to_a_pipe(const nb_container *container, uint64_t declared)
{
    if (container->kind == NB_CONTAINER_CAF) {
        return declared == UINT64_MAX;
    }
    return container->kind == NB_CONTAINER_WAV &&
           ((declared >= 0x7ffff000U && declared <= 0x80000000U) ||
            (declared >= 0xfffff000U && declared <= 0xffffffffU));
}

nb_status nb_container_set_data(const nb_container_source *source, int64_t offset,
                                uint64_t declared, nb_container *out, nb_error *err)
{
    const uint64_t held = (offset < source->size) ? (uint64_t)(source->size - offset) : 0;
    if (declared == 0 || held == 0) {
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: empty or unfinished recording (header says no samples, %llu bytes "
                       "follow): export it again",
                       source->name, (unsigned long long)held);
    }
    uint64_t bytes = declared;
    if (declared > held) {
        if (!is_written_to_a_pipe(out, declared)) {
            return fail_cut(source, out, declared, held, err);
        }
        bytes = held;
        snprintf(out->warning, sizeof out->warning,
                 "its header has no length: all bytes to its end were taken as samples");
    }
    out->data_offset = offset;
    out->data_bytes = (int64_t)bytes;
    if (out->bytes_per_frame > 0) {
        out->frames = out->data_bytes / out->bytes_per_frame;
    }
    return NB_OK;
}

/// The bytes of an ID3v2 tag at `offset`, 0 if there is none.
static int64_t id3_size(const nb_container_source *source, int64_t offset)
{
    unsigned char head[10];
    if (!nb_container_peek(source, offset, head, sizeof head) || memcmp(head, "ID3", 3) != 0) {
        return 0;
    }
    // Four times seven bits, so that no tag looks like an MPEG frame.
    const int64_t size = (int64_t)(head[6] & 0x7f) << 21 | (int64_t)(head[7] & 0x7f) << 14 |
                         (int64_t)(head[8] & 0x7f) << 7 | (head[9] & 0x7f);
    const bool has_footer = head[5] & 0x10;
    return size + (int64_t)sizeof head + (has_footer ? (int64_t)sizeof head : 0);
}

static nb_container_kind kind_of(const unsigned char head[16])
{
    static const unsigned char w64_riff[16] = {0x72, 0x69, 0x66, 0x66, 0x2e, 0x91, 0xcf, 0x11,
                                               0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00};
    if (memcmp(head, w64_riff, sizeof w64_riff) == 0) {
        return NB_CONTAINER_W64;
    }
    if (memcmp(head + 8, "WAVE", 4) == 0) {
        if (memcmp(head, "RIFF", 4) == 0 || memcmp(head, "RIFX", 4) == 0) {
            return NB_CONTAINER_WAV;
        }
        return (memcmp(head, "RF64", 4) == 0) ? NB_CONTAINER_RF64 : NB_CONTAINER_UNKNOWN;
    }
    if (memcmp(head, "FORM", 4) == 0) {
        const bool known = memcmp(head + 8, "AIFF", 4) == 0 || memcmp(head + 8, "AIFC", 4) == 0;
        return known ? NB_CONTAINER_AIFF : NB_CONTAINER_UNKNOWN;
    }
    if (memcmp(head, "caff", 4) == 0) {
        return NB_CONTAINER_CAF;
    }
    if (memcmp(head, "fLaC", 4) == 0) {
        return NB_CONTAINER_FLAC;
    }
    if (memcmp(head, "OggS", 4) == 0) {
        return NB_CONTAINER_OGG;
    }
    // Eleven bits of sync, then a version and a layer that exist.
    const bool is_mpeg = head[0] == 0xff && (head[1] & 0xe0) == 0xe0 && (head[1] & 0x18) != 0x08 &&
                         (head[1] & 0x06) != 0;
    return is_mpeg ? NB_CONTAINER_MPEG : NB_CONTAINER_UNKNOWN;
}

nb_status nb_container_inspect(int fd, const char *name, nb_container *out, nb_error *err)
{
    *out = (nb_container){.frames = -1};
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return nb_fail_errno(err, errno, "%s", name);
    }
    if (!S_ISREG(facts.st_mode)) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a file", name);
    }
    if (facts.st_size == 0) {
        return nb_fail(err, NB_E_INVALID, "%s: is empty (0 bytes)", name);
    }
    const nb_container_source source = {fd, facts.st_size, name};
    out->start = id3_size(&source, 0);
    unsigned char head[16];
    if (nb_container_peek(&source, out->start, head, sizeof head)) {
        out->kind = kind_of(head);
    }
    if (out->kind == NB_CONTAINER_UNKNOWN && out->start > 0) {
        out->kind = NB_CONTAINER_MPEG; // players skip what else stands before its first frame
    }
    switch (out->kind) {
    case NB_CONTAINER_WAV:
    case NB_CONTAINER_RF64:
        return nb_container_read_riff(&source, out, err);
    case NB_CONTAINER_W64:
        return nb_container_read_w64(&source, out, err);
    case NB_CONTAINER_AIFF:
        return nb_container_read_aiff(&source, out, err);
    case NB_CONTAINER_CAF:
        return nb_container_read_caf(&source, out, err);
    default:
        return NB_OK;
    }
}
