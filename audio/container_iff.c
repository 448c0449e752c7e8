// SPDX-License-Identifier: GPL-3.0-or-later
// Apple's two: AIFF (and AIFF-C), and the Core Audio Format.
#include "audio/container_private.h"

#include <math.h>
#include <string.h>

enum {
    AIFF_HEAD = 12,
    COMM_SIZE = 18,
    CAF_HEAD = 8,
    CAF_CHUNK_HEAD = 12,
    CAF_DESC_SIZE = 32,
    CAF_FLOAT = 1, // flags of its linear samples
    CAF_LITTLE_ENDIAN = 2,
    EDIT_COUNT = 4 // of CAF: stands before the samples, in the data chunk
};

static const char no_samples[] = "%s: cut or damaged: its header leads to no samples";

/// An 80-bit extended float: sign and 15 bits of exponent, 64 bits of mantissa with the leading
/// one.
static double extended(const unsigned char bytes[10])
{
    const unsigned exponent = (unsigned)nb_big(bytes, 2);
    const double mantissa = (double)nb_big(bytes + 2, 8);
    if ((exponent & 0x7fff) == 0x7fff) {
        return NAN;
    }
    const double value = ldexp(mantissa, (int)(exponent & 0x7fff) - 16383 - 63);
    return (exponent & 0x8000) ? -value : value;
}

/// How samples stand one behind the other, uncoded.
typedef struct plain_kind {
    char name[5];
    bool is_float, is_little_endian;
} plain_kind;

static const plain_kind *find_plain_aiff(const unsigned char *compression)
{
    static const plain_kind plain[] = {
        {"NONE", false, false}, {"sowt", false, true},  {"twos", false, false},
        {"in24", false, false}, {"in32", false, false}, {"42ni", false, true},
        {"23ni", false, true},  {"fl32", true, false},  {"FL32", true, false},
        {"fl64", true, false},  {"FL64", true, false},  {"raw ", false, false}};
    for (size_t i = 0; i < NB_COUNT(plain); i++) {
        if (memcmp(compression, plain[i].name, 4) == 0) {
            return &plain[i];
        }
    }
    return NULL;
}

typedef struct aiff_walk {
    bool has_format;
    uint64_t frames;
    int64_t data_offset; ///< 0: not seen
    uint64_t data_size;
    bool is_shifted; ///< The samples begin later than right behind their chunk's head
} aiff_walk;

static nb_status read_comm(const nb_container_source *source, int64_t offset, uint64_t size,
                           aiff_walk *walk, nb_container *out, nb_error *err)
{
    unsigned char bytes[COMM_SIZE + 4] = {0};
    const size_t few = (size < sizeof bytes) ? (size_t)size : sizeof bytes;
    if (few < COMM_SIZE || !nb_container_peek(source, offset, bytes, few)) {
        return nb_fail(err, NB_E_CORRUPT, "%s: its COMM chunk is too short", source->name);
    }
    walk->has_format = true;
    walk->frames = nb_big(bytes + 2, 4);
    out->channels = (unsigned)nb_big(bytes, 2);
    out->rate_hz = extended(bytes + 8);
    nb_status status = nb_container_check_facts(source->name, out->rate_hz, out->channels, err);
    const bool is_aiff_c = few > COMM_SIZE;
    const plain_kind *plain =
        find_plain_aiff(is_aiff_c ? bytes + COMM_SIZE : (const unsigned char *)"NONE");
    if (status == NB_OK && plain) {
        const unsigned bits = (unsigned)nb_big(bytes + 6, 2);
        out->samples = nb_pcm_format_of(plain->is_float, !plain->is_little_endian, bits);
        status =
            nb_container_check_frame_size(source, bits, out->channels * ((bits + 7) / 8), out, err);
    }
    return status;
}

static nb_status finish_aiff(const nb_container_source *source, const aiff_walk *walk,
                             nb_container *out, nb_error *err)
{
    if (!walk->has_format || walk->data_offset == 0) {
        return nb_fail(err, NB_E_CORRUPT, no_samples, source->name);
    }
    if (walk->is_shifted) {
        out->samples = NB_PCM_OTHER; // readers disagree on where: it is left to libsndfile
    }
    // Two lengths: the chunk's bytes and COMM's frames. The file must hold both.
    nb_status status = nb_container_set_data(source, walk->data_offset, walk->data_size, out, err);
    if (status != NB_OK || out->bytes_per_frame == 0) {
        return status;
    }
    return nb_container_set_data(source, walk->data_offset, walk->frames * out->bytes_per_frame,
                                 out, err);
}

nb_status nb_container_read_aiff(const nb_container_source *source, nb_container *out,
                                 nb_error *err)
{
    unsigned char head[8];
    aiff_walk walk = {0};
    unsigned count = 0;
    int64_t offset = out->start + AIFF_HEAD;
    nb_status status = NB_OK;
    while (status == NB_OK && nb_container_peek(source, offset, head, sizeof head)) {
        const int64_t content = offset + (int64_t)sizeof head;
        const uint64_t size = nb_big(head + 4, 4);
        unsigned char skip[4];
        if (memcmp(head, "COMM", 4) == 0) {
            status = read_comm(source, content, size, &walk, out, err);
        } else if (memcmp(head, "SSND", 4) == 0 && nb_container_peek(source, content, skip, 4)) {
            // Eight bytes, the first four of which say how far behind them the samples begin.
            const uint64_t before = 8 + nb_big(skip, 4);
            walk.data_offset = content + (int64_t)before;
            walk.is_shifted = before != 8;
            walk.data_size = (size > before) ? size - before : 0;
        }
        if (status == NB_OK) {
            status = nb_container_count_chunk(source, &count, err);
        }
        offset = content + (int64_t)(size + (size & 1));
    }
    return (status == NB_OK) ? finish_aiff(source, &walk, out, err) : status;
}

static nb_status read_desc(const nb_container_source *source, int64_t offset, nb_container *out,
                           nb_error *err)
{
    unsigned char bytes[CAF_DESC_SIZE];
    if (!nb_container_peek(source, offset, bytes, sizeof bytes)) {
        return nb_fail(err, NB_E_CORRUPT, no_samples, source->name);
    }
    const uint64_t rate_bits = nb_big(bytes, 8);
    memcpy(&out->rate_hz, &rate_bits, sizeof rate_bits);
    out->channels = (unsigned)nb_big(bytes + 24, 4);
    nb_status status = nb_container_check_facts(source->name, out->rate_hz, out->channels, err);
    if (status == NB_OK && memcmp(bytes + 8, "lpcm", 4) == 0) {
        const unsigned bits = (unsigned)nb_big(bytes + 28, 4);
        const unsigned flags = (unsigned)nb_big(bytes + 12, 4);
        out->samples = nb_pcm_format_of(flags & CAF_FLOAT, !(flags & CAF_LITTLE_ENDIAN), bits);
        status =
            nb_container_check_frame_size(source, bits, (unsigned)nb_big(bytes + 16, 4), out, err);
    }
    return status;
}

static uint64_t caf_data_bytes(uint64_t size)
{
    if (size == UINT64_MAX) {
        return size; // "to the end of the file"
    }
    return (size > EDIT_COUNT) ? size - EDIT_COUNT : 0;
}

nb_status nb_container_read_caf(const nb_container_source *source, nb_container *out, nb_error *err)
{
    unsigned char head[CAF_CHUNK_HEAD];
    unsigned count = 0;
    bool has_format = false;
    int64_t offset = out->start + CAF_HEAD;
    nb_status status = NB_OK;
    while (status == NB_OK && nb_container_peek(source, offset, head, sizeof head)) {
        const uint64_t size = nb_big(head + 4, 8);
        const int64_t content = offset + CAF_CHUNK_HEAD;
        if (has_format && memcmp(head, "data", 4) == 0) {
            return nb_container_set_data(source, content + EDIT_COUNT, caf_data_bytes(size), out,
                                         err);
        }
        if (memcmp(head, "desc", 4) == 0) {
            has_format = true;
            status = read_desc(source, content, out, err);
        }
        if (status == NB_OK) {
            status = nb_container_count_chunk(source, &count, err);
        }
        if (size > (uint64_t)(source->size - content)) {
            break;
        }
        offset = content + (int64_t)size;
    }
    return (status != NB_OK) ? status : nb_fail(err, NB_E_CORRUPT, no_samples, source->name);
}
