// SPDX-License-Identifier: GPL-3.0-or-later
// WAV and RF64 (EBU Tech 3306), and Sony's Wave64, which has the same format chunk.
#include "audio/container_private.h"

#include <stdio.h>
#include <string.h>

enum {
    TAG_PCM = 1,
    TAG_FLOAT = 3,
    TAG_A_LAW = 6,
    TAG_MU_LAW = 7,
    TAG_EXTENSIBLE = 0xfffe,
    FORMAT_SIZE = 16,
    FORMAT_EXTENSIBLE_SIZE = 40,
    SUBFORMAT_AT = 24,
    RIFF_HEAD = 12,
    W64_HEAD = 40,
    W64_CHUNK_HEAD = 24
};

typedef uint64_t number_reader(const unsigned char *bytes, unsigned count);

static nb_status read_format(const nb_container_source *source, const unsigned char *bytes,
                             size_t size, number_reader *number, nb_container *out, nb_error *err)
{
    if (size < FORMAT_SIZE) {
        return nb_fail(err, NB_E_CORRUPT, "%s: its format chunk has %zu bytes instead of %d",
                       source->name, size, FORMAT_SIZE);
    }
    unsigned tag = (unsigned)number(bytes, 2);
    if (tag == TAG_EXTENSIBLE && size >= FORMAT_EXTENSIBLE_SIZE) {
        tag = (unsigned)number(bytes + SUBFORMAT_AT, 2);
    }
    out->channels = (unsigned)number(bytes + 2, 2);
    out->rate_hz = (double)number(bytes + 4, 4);
    out->bytes_per_second = (double)number(bytes + 8, 4);
    const unsigned bytes_per_frame = (unsigned)number(bytes + 12, 2);
    const unsigned bits = (unsigned)number(bytes + 14, 2);
    const nb_status status =
        nb_container_check_facts(source->name, out->rate_hz, out->channels, err);
    if (status != NB_OK) {
        return status;
    }
    if (tag == TAG_A_LAW || tag == TAG_MU_LAW) {
        return nb_container_check_frame_size(source, 8, bytes_per_frame, out, err);
    }
    if (tag == TAG_PCM || tag == TAG_FLOAT) {
        out->samples = nb_pcm_format_of(tag == TAG_FLOAT, number == nb_big, bits);
        return nb_container_check_frame_size(source, bits, bytes_per_frame, out, err);
    }
    return NB_OK; // coded in blocks: libsndfile knows these
}

nb_status nb_container_read_format(const nb_container_source *source, const unsigned char *bytes,
                                   size_t size, nb_container *out, nb_error *err)
{
    return read_format(source, bytes, size, nb_little, out, err);
}

/// Bytes behind the samples should be another chunk; otherwise the length is suspect.
static nb_status look_behind(const nb_container_source *source, number_reader *number,
                             nb_container *out, nb_error *err)
{
    const int64_t end = out->data_offset + out->data_bytes;
    const int64_t behind = end + (end & 1);
    unsigned char head[8];
    if (!nb_container_peek(source, behind, head, sizeof head)) {
        return NB_OK;
    }
    if (memcmp(head, "data", 4) == 0 || memcmp(head, "RIFF", 4) == 0) {
        return nb_fail(err, NB_E_CORRUPT, "%s: has two recordings in one file: export it again",
                       source->name);
    }
    bool is_chunk = (int64_t)number(head + 4, 4) <= source->size - behind - (int64_t)sizeof head;
    for (unsigned i = 0; i < 4; i++) {
        is_chunk = is_chunk && head[i] >= ' ' && head[i] <= '~';
    }
    if (!is_chunk) {
        snprintf(out->warning, sizeof out->warning,
                 "%lld bytes behind the end that its header gives were not read",
                 (long long)(source->size - end));
    }
    return NB_OK;
}

typedef struct riff_walk {
    int64_t offset; ///< Of the chunk's content
    uint64_t size;
    number_reader *number;
    bool has_format;
    bool has_sizes; ///< RF64: "ds64" was seen
    uint64_t data_size;
} riff_walk;

static nb_status read_data(const nb_container_source *source, const riff_walk *walk,
                           nb_container *out, nb_error *err)
{
    if (!walk->has_format) {
        return nb_fail(err, NB_E_CORRUPT, "%s: has samples but no format before them",
                       source->name);
    }
    // RF64 keeps the length in "ds64" where the chunk's own field holds all ones.
    const bool is_long = out->kind == NB_CONTAINER_RF64 && walk->size == UINT32_MAX;
    if (is_long && !walk->has_sizes) {
        return nb_fail(err, NB_E_CORRUPT, "%s: an RF64 file without its sizes (ds64)",
                       source->name);
    }
    const nb_status status = nb_container_set_data(
        source, walk->offset, is_long ? walk->data_size : walk->size, out, err);
    if (status != NB_OK || out->warning[0] != '\0') {
        return status;
    }
    return look_behind(source, walk->number, out, err);
}

static nb_status read_riff_chunk(const nb_container_source *source, const char id[4],
                                 riff_walk *walk, nb_container *out, nb_error *err)
{
    unsigned char bytes[FORMAT_EXTENSIBLE_SIZE] = {0};
    const size_t size = (walk->size < sizeof bytes) ? (size_t)walk->size : sizeof bytes;
    if (memcmp(id, "fmt ", 4) == 0 && nb_container_peek(source, walk->offset, bytes, size)) {
        if (walk->has_format) {
            return nb_fail(err, NB_E_CORRUPT, "%s: has two formats: export it again", source->name);
        }
        walk->has_format = true;
        return read_format(source, bytes, size, walk->number, out, err);
    }
    if (memcmp(id, "ds64", 4) == 0 && size >= 24 &&
        nb_container_peek(source, walk->offset, bytes, 24)) {
        walk->has_sizes = true;
        walk->data_size = nb_little(bytes + 8, 8);
    }
    return NB_OK;
}

nb_status nb_container_read_riff(const nb_container_source *source, nb_container *out,
                                 nb_error *err)
{
    unsigned char head[8];
    riff_walk walk = {.number = nb_little};
    if (nb_container_peek(source, out->start, head, 4) && head[3] == 'X') {
        walk.number = nb_big; // RIFX
    }
    unsigned count = 0;
    int64_t offset = out->start + RIFF_HEAD;
    nb_status status = NB_OK;
    while (status == NB_OK && nb_container_peek(source, offset, head, sizeof head)) {
        const char *id = (const char *)head;
        walk.offset = offset + (int64_t)sizeof head;
        walk.size = walk.number(head + 4, 4);
        if (memcmp(id, "data", 4) == 0) {
            return read_data(source, &walk, out, err);
        }
        status = read_riff_chunk(source, id, &walk, out, err);
        if (status == NB_OK) {
            status = nb_container_count_chunk(source, &count, err);
        }
        offset = walk.offset + (int64_t)(walk.size + (walk.size & 1));
    }
    if (status == NB_OK) {
        status = nb_fail(err, NB_E_CORRUPT, "%s: cut or damaged: its header leads to no samples",
                         source->name);
    }
    return status;
}

static bool is_w64(const unsigned char *guid, const char id[4])
{
    static const unsigned char rest[12] = {0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1,
                                           0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a};
    return memcmp(guid, id, 4) == 0 && memcmp(guid + 4, rest, sizeof rest) == 0;
}

nb_status nb_container_read_w64(const nb_container_source *source, nb_container *out, nb_error *err)
{
    unsigned char head[W64_CHUNK_HEAD];
    unsigned char bytes[FORMAT_EXTENSIBLE_SIZE];
    unsigned count = 0;
    bool has_format = false;
    int64_t offset = out->start + W64_HEAD;
    nb_status status = NB_OK;
    while (status == NB_OK && nb_container_peek(source, offset, head, sizeof head)) {
        // A chunk's size counts its own head; one too small for that is an empty one's.
        const uint64_t whole = nb_little(head + 16, 8);
        const uint64_t size = (whole > W64_CHUNK_HEAD) ? whole - W64_CHUNK_HEAD : 0;
        const int64_t content = offset + W64_CHUNK_HEAD;
        if (has_format && is_w64(head, "data")) {
            return nb_container_set_data(source, content, size, out, err);
        }
        const size_t few = (size < sizeof bytes) ? (size_t)size : sizeof bytes;
        if (is_w64(head, "fmt ") && nb_container_peek(source, content, bytes, few)) {
            has_format = true;
            status = nb_container_read_format(source, bytes, few, out, err);
        }
        if (status == NB_OK) {
            status = nb_container_count_chunk(source, &count, err);
        }
        if (size > (uint64_t)(source->size - content)) {
            break;
        }
        offset = content + (int64_t)((size + 7) / 8 * 8);
    }
    return (status != NB_OK)
               ? status
               : nb_fail(err, NB_E_CORRUPT, "%s: cut or damaged: its header leads to no samples",
                         source->name);
}
