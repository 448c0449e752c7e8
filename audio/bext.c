// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/bext.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// Offsets of Tech 3285, version 2.
enum {
    DESCRIPTION = 0,
    ORIGINATOR = 256,
    REFERENCE = 288,
    DATE = 320,
    TIME = 330,
    TIME_REFERENCE = 338,
    VERSION = 346,
    READ_BYTES = 348,
    RIFF_HEADER = 12,
    CHUNK_HEADER = 8,
    DS64_DATA_SIZE = 8 ///< In the chunk: behind the size of all
};
static const uint32_t size_in_ds64 = 0xFFFFFFFFU;

static void close_file(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static uint64_t little_endian(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = count; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static bool read_at(int fd, uint64_t offset, unsigned char *out, size_t size)
{
    return offset <= INT64_MAX && pread(fd, out, size, (off_t)offset) == (ssize_t)size;
}

// A field ends at its first null, or fills its place.
static void copy_text(const unsigned char *from, size_t size, char *out)
{
    memcpy(out, from, size);
    out[size] = '\0';
    nb_text_make_printable(out);
}

static void parse(const unsigned char *bytes, nb_bext *out)
{
    copy_text(bytes + DESCRIPTION, sizeof out->description - 1, out->description);
    copy_text(bytes + ORIGINATOR, sizeof out->originator - 1, out->originator);
    copy_text(bytes + REFERENCE, sizeof out->reference - 1, out->reference);
    copy_text(bytes + DATE, sizeof out->date - 1, out->date);
    copy_text(bytes + TIME, sizeof out->time - 1, out->time);
    out->time_reference_frame = little_endian(bytes + TIME_REFERENCE, 8);
    out->version = (unsigned)little_endian(bytes + VERSION, 2);
}

static bool find_bext(int fd, nb_bext *out)
{
    unsigned char header[RIFF_HEADER];
    unsigned char bytes[READ_BYTES];
    uint64_t data_size = 0; // of RF64's data chunk
    uint64_t at = RIFF_HEADER;
    if (!read_at(fd, 0, header, sizeof header) || memcmp(header + 8, "WAVE", 4) != 0 ||
        (memcmp(header, "RIFF", 4) != 0 && memcmp(header, "RF64", 4) != 0)) {
        return false;
    }
    for (unsigned i = 0; i < NB_BEXT_CHUNKS_MAX && read_at(fd, at, header, CHUNK_HEADER); i++) {
        uint64_t size = little_endian(header + 4, 4);
        if (memcmp(header, "bext", 4) == 0) {
            if (size < READ_BYTES || !read_at(fd, at + CHUNK_HEADER, bytes, sizeof bytes)) {
                return false;
            }
            parse(bytes, out);
            return true;
        }
        if (memcmp(header, "ds64", 4) == 0 &&
            read_at(fd, at + CHUNK_HEADER + DS64_DATA_SIZE, bytes, 8)) {
            data_size = little_endian(bytes, 8);
        }
        size = (size == size_in_ds64) ? data_size : size;
        if (size > INT64_MAX - at - CHUNK_HEADER - 1) {
            return false;
        }
        at += CHUNK_HEADER + size + (size & 1);
    }
    return false;
}

nb_status nb_bext_read(const char *path, nb_bext *out, bool *out_found, nb_error *err)
{
    *out = (nb_bext){0};
    *out_found = false;
    NB_SCOPED(close_file) const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    *out_found = find_bext(fd, out);
    return NB_OK;
}
