// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/markers/wav_chunks.h"
#include "review/markers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CHUNKS_MAX = 10000 };

uint32_t nb_wav_number(const unsigned char *bytes, size_t count)
{
    uint32_t value = 0;
    while (count-- > 0) {
        value = value << 8 | bytes[count];
    }
    return value;
}

void nb_wav_fini(nb_wav *self)
{
    free(self->cues.bytes);
    free(self->texts.bytes);
    free(self->loops.bytes);
    free(self->extents);
}

nb_status nb_wav_read(const nb_wav *self, void *out, size_t size, nb_error *err)
{
    if (fread(out, 1, size, self->file) == size) {
        return NB_OK;
    }
    return ferror(self->file) ? nb_fail_errno(err, errno, "%s", self->name)
                              : nb_fail(err, NB_E_CORRUPT, "%s: ends inside a chunk", self->name);
}

static nb_status read_chunk(const nb_wav *self, size_t size, nb_wav_chunk *out, nb_error *err)
{
    if (size > NB_MARKERS_FILE_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: more than %d MB of cues", self->name,
                       NB_MARKERS_FILE_MAX >> 20);
    }
    free(out->bytes);
    *out = (nb_wav_chunk){.bytes = malloc(size + 1), .size = size};
    if (!out->bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its cues", self->name);
    }
    return nb_wav_read(self, out->bytes, size, err);
}

bool nb_wav_is(const unsigned char *id, const char *wanted)
{
    return strncasecmp((const char *)id, wanted, 4) == 0;
}

static nb_status take_format(nb_wav *self, uint32_t size, nb_error *err)
{
    unsigned char head[16];
    if (size < sizeof head) {
        return nb_fail(err, NB_E_CORRUPT, "%s: has a fmt chunk of %u bytes", self->name, size);
    }
    const nb_status status = nb_wav_read(self, head, sizeof head, err);
    self->rate_hz = nb_wav_number(head + 4, 4);
    return status;
}

/// Take what is ours of the chunk whose head was just read.
static nb_status take_chunk(nb_wav *self, const unsigned char *id, uint32_t size, bool *out_ours,
                            nb_error *err)
{
    *out_ours = false;
    if (nb_wav_is(id, "fmt ")) {
        return take_format(self, size, err);
    }
    if (nb_wav_is(id, "cue ")) {
        *out_ours = true;
        return read_chunk(self, size, &self->cues, err);
    }
    if (nb_wav_is(id, "smpl")) {
        return read_chunk(self, size, &self->loops, err);
    }
    if (nb_wav_is(id, "LIST") && size >= 4) {
        unsigned char type[4];
        nb_status status = nb_wav_read(self, type, sizeof type, err);
        *out_ours = status == NB_OK && nb_wav_is(type, "adtl");
        return *out_ours ? read_chunk(self, size - 4, &self->texts, err) : status;
    }
    return NB_OK;
}

static nb_status take_head(nb_wav *self, nb_error *err)
{
    unsigned char head[12];
    if (fseeko(self->file, 0, SEEK_END) != 0 || (self->file_size = ftello(self->file)) < 0 ||
        fseeko(self->file, 0, SEEK_SET) != 0) {
        return nb_fail_errno(err, errno, "%s", self->name);
    }
    if (fread(head, 1, sizeof head, self->file) != sizeof head ||
        memcmp(head + 8, "WAVE", 4) != 0) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a WAV", self->name);
    }
    if (memcmp(head, "RF64", 4) == 0 || memcmp(head, "BW64", 4) == 0) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: is %.4s, in which programs read no cues; use a WAV under 4 GB, or "
                       "another format of markers",
                       self->name, (const char *)head);
    }
    if (memcmp(head, "RIFF", 4) != 0) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a WAV", self->name);
    }
    self->riff_end = 8 + (int64_t)nb_wav_number(head + 4, 4);
    return NB_OK;
}

nb_status nb_wav_scan(nb_wav *self, nb_error *err)
{
    nb_status status = take_head(self, err);
    self->extents = status == NB_OK ? calloc(CHUNKS_MAX, sizeof *self->extents) : NULL;
    if (status == NB_OK && !self->extents) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its chunks", self->name);
    }
    for (int64_t at = 12; status == NB_OK && at + 8 <= self->file_size;) {
        unsigned char head[8];
        if (self->extent_count == CHUNKS_MAX) {
            return nb_fail(err, NB_E_LIMIT, "%s: more than %d chunks", self->name, CHUNKS_MAX);
        }
        if (fseeko(self->file, at, SEEK_SET) != 0) {
            return nb_fail_errno(err, errno, "%s", self->name);
        }
        status = nb_wav_read(self, head, sizeof head, err);
        const uint32_t size = status == NB_OK ? nb_wav_number(head + 4, 4) : 0;
        nb_wav_extent *here = &self->extents[self->extent_count++];
        here->at = at;
        here->size = 8 + (int64_t)size + (size & 1);
        if (status == NB_OK) {
            status = take_chunk(self, head, size, &here->is_ours, err);
        }
        self->cut = at + 8 + (int64_t)size > self->file_size;
        at += here->size;
    }
    if (status == NB_OK && (self->rate_hz == 0 || self->rate_hz > 1000000)) {
        return nb_fail(err, NB_E_INVALID, "%s: does not say its sample rate", self->name);
    }
    return status;
}

nb_status nb_wav_count_cues(const nb_wav *self, size_t *out_count, nb_error *err)
{
    *out_count = 0;
    if (self->cues.size < 4) {
        return NB_OK;
    }
    const uint32_t count = nb_wav_number(self->cues.bytes, 4);
    if (count > (self->cues.size - 4) / NB_WAV_CUE_SIZE) {
        return nb_fail(err, NB_E_CORRUPT, "%s: %u cues in a chunk for %zu", self->name, count,
                       (self->cues.size - 4) / NB_WAV_CUE_SIZE);
    }
    if (count > NB_MARKERS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: more than %d markers", self->name, NB_MARKERS_MAX);
    }
    *out_count = count;
    return NB_OK;
}

bool nb_wav_next_text(const nb_wav *self, size_t *at_p, const unsigned char **out_id,
                      const unsigned char **out_data, size_t *out_size)
{
    const size_t left = self->texts.size - *at_p;
    if (left < 8) {
        return false;
    }
    const unsigned char *head = self->texts.bytes + *at_p;
    const size_t size = nb_wav_number(head + 4, 4);
    if (size > left - 8) {
        return false;
    }
    *out_id = head;
    *out_data = head + 8;
    *out_size = size;
    *at_p += 8 + size;
    *at_p += (size & 1) && *at_p < self->texts.size ? 1 : 0;
    return true;
}
