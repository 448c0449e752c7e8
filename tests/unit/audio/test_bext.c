// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/bext.h"
#include "base/text.h"
#include "test.h"

#include <sys/mman.h>
#include <unistd.h>

enum { BEXT_BYTES = 602, WAV_MAX = 4096 };

typedef struct wav {
    unsigned char bytes[WAV_MAX];
    size_t size;
} wav;

static void put(wav *self, const void *bytes, size_t size)
{
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

static void put_chunk(wav *self, const char *id, uint32_t size)
{
    put(self, id, 4);
    const unsigned char little[4] = {(unsigned char)size, (unsigned char)(size >> 8),
                                     (unsigned char)(size >> 16), (unsigned char)(size >> 24)};
    put(self, little, 4);
}

static void begin(wav *self, const char *id)
{
    self->size = 0;
    put_chunk(self, id, 0xFFFF);
    put(self, "WAVE", 4);
}

static void put_bext(wav *self, uint32_t size)
{
    unsigned char bext[BEXT_BYTES] = {0};
    memcpy(bext, "Night v4, \033[31mfrom\xff the console", 32);
    memcpy(bext + 256, "Desk that fills all of its placeX", 32); // no null behind it
    memcpy(bext + 320, "2026-11-21", 10);
    memcpy(bext + 330, "17:45:02", 8);
    bext[338] = 0x80; // 158,760,000 and, in the upper word, 1
    bext[339] = 0x77;
    bext[340] = 0x76;
    bext[341] = 0x09;
    bext[342] = 1;
    bext[346] = 2;
    put_chunk(self, "bext", size);
    put(self, bext, sizeof bext);
}

/// Read what is in memory as a file.
static nb_bext read_it(const wav *self, bool *out_found)
{
    char path[40];
    nb_bext bext;
    const int fd = memfd_create("bext", MFD_CLOEXEC);
    assert_int_equal(write(fd, self->bytes, self->size), (ssize_t)self->size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_ok(nb_bext_read(path, &bext, out_found, err));
    close(fd);
    return bext;
}

static void the_fields_are_read_and_made_safe_to_print(void **state)
{
    (void)state;
    wav it;
    begin(&it, "RIFF");
    put_chunk(&it, "JUNK", 3); // an odd size has a byte behind it
    put(&it, "abc", 4);
    put_bext(&it, BEXT_BYTES);
    bool found = false;
    const nb_bext bext = read_it(&it, &found);
    assert_true(found);
    assert_string_equal(bext.description, "Night v4, ?[31mfrom? the console");
    assert_string_equal(bext.originator, "Desk that fills all of its place");
    assert_string_equal(bext.date, "2026-11-21");
    assert_string_equal(bext.time, "17:45:02");
    assert_int_equal(bext.time_reference_frame, (UINT64_C(1) << 32) + 158758784);
    assert_int_equal(bext.version, 2);
}

static void behind_the_audio_of_a_large_file_it_is_found_by_ds64(void **state)
{
    (void)state;
    wav it;
    unsigned char ds64[28] = {0};
    ds64[8] = 6; // the size of data
    begin(&it, "RF64");
    put_chunk(&it, "ds64", sizeof ds64);
    put(&it, ds64, sizeof ds64);
    put_chunk(&it, "data", 0xFFFFFFFFU);
    put(&it, "abcdef", 6);
    put_bext(&it, BEXT_BYTES);
    bool found = false;
    (void)read_it(&it, &found);
    assert_true(found);
}

static void without_one_there_is_none(void **state)
{
    (void)state;
    wav it;
    bool found = true;
    begin(&it, "RIFF");
    (void)read_it(&it, &found);
    assert_false(found);

    begin(&it, "FORM"); // an AIFF
    put_bext(&it, BEXT_BYTES);
    (void)read_it(&it, &found);
    assert_false(found);

    begin(&it, "RIFF"); // cut short of its fields
    put_bext(&it, BEXT_BYTES);
    it.size -= BEXT_BYTES - 300;
    (void)read_it(&it, &found);
    assert_false(found);

    begin(&it, "RIFF"); // says itself that it is too short
    put_bext(&it, 100);
    (void)read_it(&it, &found);
    assert_false(found);

    begin(&it, "RIFF"); // a chunk without an end
    put_chunk(&it, "data", 0xFFFFFFFEU);
    put_bext(&it, BEXT_BYTES);
    (void)read_it(&it, &found);
    assert_false(found);

    nb_bext bext;
    assert_fails(NB_E_NOT_FOUND, "/nowhere", nb_bext_read("/nowhere", &bext, &found, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_are_read_and_made_safe_to_print),
        cmocka_unit_test(behind_the_audio_of_a_large_file_it_is_found_by_ds64),
        cmocka_unit_test(without_one_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
