// SPDX-License-Identifier: GPL-3.0-or-later
// Files of whole numbers: dither, section, header. Those of floats are in test_audio_file.c.
#include "audio/audio_writer.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "rig.h"
#include "test.h"

#include <math.h>
#include <sndfile.h>

enum { FRAMES = 100001, CHANNELS = 2, RATE = 48000 };

static float samples[FRAMES * CHANNELS], heard[FRAMES * CHANNELS], read_back[FRAMES * CHANNELS];

static void fill(void)
{
    rig_noise(samples, NB_COUNT(samples), 11);
    // A pause longer than half a second, at whose end a section begins.
    memset(samples + (size_t)40000 * CHANNELS, 0, (size_t)30000 * CHANNELS * sizeof *samples);
}

static nb_audio_writer_options options_of(nb_sample_format format, nb_dither_kind dither)
{
    return (nb_audio_writer_options){.rate_hz = RATE,
                                     .channels = CHANNELS,
                                     .frames_expected = FRAMES,
                                     .samples = format,
                                     .dither = dither,
                                     .name = "mix"};
}

static const char *write_whole(const char *name, const nb_audio_writer_options *options,
                               size_t block)
{
    const char *path = rig_path(name);
    nb_audio_writer *writer = NULL;
    assert_ok(nb_audio_writer_open_as(path, options, &writer, err));
    memcpy(heard, samples, sizeof heard);
    for (size_t done = 0; done < FRAMES;) {
        const size_t frames = (FRAMES - done < block) ? FRAMES - done : block;
        assert_ok(nb_audio_writer_write_back(writer, heard + done * CHANNELS, frames, err));
        done += frames;
    }
    assert_ok(nb_audio_writer_close(&writer, err));
    return path;
}

static void read_all(const char *path, const char *format)
{
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(path, NULL, &file, err));
    assert_string_equal(nb_audio_file_info(file)->format, format);
    assert_string_equal(nb_audio_file_info(file)->warning, "");
    assert_int_equal(nb_audio_file_info(file)->frames, FRAMES);
    assert_ok(nb_audio_file_read(file, read_back, FRAMES, err));
}

static double error_db(void)
{
    double sum = 0.0;
    for (size_t i = 0; i < NB_COUNT(samples); i++) {
        const double error = (double)read_back[i] - (double)samples[i];
        sum += error * error;
    }
    const double sounding = (double)(FRAMES - 6000) / FRAMES; // 30,000 less half a second are blank
    return 10.0 * log10(sum / NB_COUNT(samples) / sounding);
}

static void what_is_read_is_what_was_given_back_and_its_error_the_dither_s(void **state)
{
    (void)state;
    static const struct {
        nb_sample_format samples;
        nb_dither_kind dither;
        const char *format;
        double error_db;
    } cases[] = {
        {NB_SAMPLE_PCM_16, NB_DITHER_TPDF, "WAV, 16 bit PCM", -96.33},
        {NB_SAMPLE_PCM_16, NB_DITHER_LIPSHITZ, "WAV, 16 bit PCM", -96.33 + 12.19},
        {NB_SAMPLE_PCM_16, NB_DITHER_F_WEIGHTED, "WAV, 16 bit PCM", -96.33 + 18.40},
        {NB_SAMPLE_PCM_24, NB_DITHER_TPDF, "WAV, 24 bit PCM", -96.33 - 48.16},
    };
    fill();
    for (size_t k = 0; k < NB_COUNT(cases); k++) {
        const nb_audio_writer_options options = options_of(cases[k].samples, cases[k].dither);
        read_all(write_whole("whole.wav", &options, 1000), cases[k].format);
        assert_memory_equal(heard, read_back, sizeof heard);
        if (!(fabs(error_db() - cases[k].error_db) < 0.1)) {
            fail_msg("%s, dither %d: %g dB", cases[k].format, (int)cases[k].dither, error_db());
        }
    }
}

static void the_cut_into_calls_changes_no_byte(void **state)
{
    (void)state;
    static const size_t blocks[] = {1, 777, 1024, 4097};
    fill();
    const nb_audio_writer_options options = options_of(NB_SAMPLE_PCM_24, NB_DITHER_F_WEIGHTED);
    nb_digest whole, cut;
    assert_ok(nb_digest_of_file(write_whole("a.wav", &options, FRAMES), &whole, NULL, err));
    for (size_t k = 0; k < NB_COUNT(blocks); k++) {
        assert_ok(nb_digest_of_file(write_whole("b.wav", &options, blocks[k]), &cut, NULL, err));
        assert_true(nb_digest_equal(&whole, &cut));
    }
}

static void a_section_is_a_cut_of_the_whole(void **state)
{
    (void)state;
    static const size_t firsts[] = {1, 33333, 69999, 71001};
    fill();
    for (size_t k = 0; k < NB_COUNT(firsts) * NB_DITHER_KINDS; k++) {
        const size_t first = firsts[k / NB_DITHER_KINDS];
        const nb_audio_writer_options options =
            options_of(NB_SAMPLE_PCM_16, (nb_dither_kind)(k % NB_DITHER_KINDS));
        (void)write_whole("whole.wav", &options, FRAMES);
        static float part[FRAMES * CHANNELS];
        memcpy(part, samples, sizeof part);
        nb_audio_writer *writer = NULL;
        assert_ok(nb_audio_writer_open_as(rig_path("part.wav"), &options, &writer, err));
        nb_audio_writer_pass(writer, part, first);
        assert_ok(nb_audio_writer_write_back(writer, part + first * CHANNELS, 20000, err));
        assert_ok(nb_audio_writer_close(&writer, err));
        assert_memory_equal(part + first * CHANNELS, heard + first * CHANNELS,
                            (size_t)20000 * CHANNELS * sizeof *part);
    }
}

static void outputs_of_other_names_have_other_noise_and_one_name_the_same(void **state)
{
    (void)state;
    fill();
    nb_audio_writer_options options = options_of(NB_SAMPLE_PCM_16, NB_DITHER_TPDF);
    nb_digest mix, again, other;
    assert_ok(nb_digest_of_file(write_whole("a.wav", &options, FRAMES), &mix, NULL, err));
    assert_ok(nb_digest_of_file(write_whole("b.wav", &options, FRAMES), &again, NULL, err));
    options.name = "instrumental";
    assert_ok(nb_digest_of_file(write_whole("c.wav", &options, FRAMES), &other, NULL, err));
    assert_true(nb_digest_equal(&mix, &again));
    assert_false(nb_digest_equal(&mix, &other));
}

static void odd_sizes_are_padded_and_many_channels_say_so(void **state)
{
    (void)state;
    static const struct {
        unsigned channels;
        int major;
    } cases[] = {{1, SF_FORMAT_WAV}, {2, SF_FORMAT_WAV}, {6, SF_FORMAT_WAVEX}};
    fill();
    for (size_t k = 0; k < NB_COUNT(cases); k++) {
        nb_audio_writer_options options = options_of(NB_SAMPLE_PCM_24, NB_DITHER_TPDF);
        options.channels = cases[k].channels;
        nb_audio_writer *writer = NULL;
        const char *path = rig_path("odd.wav");
        assert_ok(nb_audio_writer_open_as(path, &options, &writer, err));
        assert_ok(nb_audio_writer_write(writer, samples, 333, err));
        assert_ok(nb_audio_writer_close(&writer, err));
        nb_digest digest;
        uint64_t size = 0;
        assert_ok(nb_digest_of_file(path, &digest, &size, err));
        assert_int_equal(size % 2, 0);
        SF_INFO facts = {0};
        SNDFILE *file = sf_open(path, SFM_READ, &facts);
        assert_non_null(file);
        assert_int_equal(facts.frames, 333);
        assert_int_equal(facts.channels, cases[k].channels);
        assert_int_equal(facts.format & SF_FORMAT_TYPEMASK, cases[k].major);
        assert_int_equal(facts.format & SF_FORMAT_SUBMASK, SF_FORMAT_PCM_24);
        sf_close(file);
        nb_audio_info info;
        assert_ok(nb_audio_file_probe(path, NULL, &info, err));
        assert_string_equal(info.warning, "");
    }
}

static void read_bytes(const char *path, char **out_bytes, size_t *out_size)
{
    assert_ok(nb_file_read(path, 64 << 20, out_bytes, out_size, err));
}

static void what_a_follower_was_told_of_is_there_and_stays_and_has_the_file_s_digest(void **state)
{
    (void)state;
    static const nb_sample_format formats[] = {NB_SAMPLE_FLOAT_32, NB_SAMPLE_PCM_24};
    fill();
    for (size_t k = 0; k < NB_COUNT(formats); k++) {
        nb_audio_growth growth = {0};
        nb_audio_writer_options options = options_of(formats[k], NB_DITHER_TPDF);
        options.channels = 1; // an odd number of bytes, in 24 bits
        options.growth = &growth;
        options.keep = (nb_audio_keep)k;
        const char *path = rig_path("followed.wav");
        nb_audio_writer *writer = NULL;
        assert_ok(nb_audio_writer_open_as(path, &options, &writer, err));
        assert_ok(nb_audio_writer_write(writer, samples, FRAMES / 3, err));
        const uint64_t told = atomic_load(&growth.bytes);
        NB_SCOPED(nb_text_free) char *before = NULL;
        NB_SCOPED(nb_text_free) char *after = NULL;
        size_t there = 0;
        size_t size = 0;
        read_bytes(path, &before, &there);
        assert_int_equal(told, there);
        assert_true(told > (uint64_t)FRAMES / 3 * 3);
        assert_false(growth.is_whole);
        assert_ok(nb_audio_writer_write(writer, samples + FRAMES / 3, FRAMES - FRAMES / 3, err));
        assert_ok(nb_audio_writer_close(&writer, err));
        read_bytes(path, &after, &size);
        assert_memory_equal(before, after, told);
        assert_true(growth.is_whole);
        assert_int_equal(growth.size, size);
        assert_int_equal(atomic_load(&growth.bytes), size);
        const nb_digest digest = nb_digest_of(after, size);
        assert_true(nb_digest_equal(&growth.digest, &digest));
        // And the bytes are those of a file that nobody followed.
        options.growth = NULL;
        assert_ok(nb_audio_writer_open_as(path, &options, &writer, err));
        assert_ok(nb_audio_writer_write(writer, samples, FRAMES, err));
        assert_ok(nb_audio_writer_close(&writer, err));
        nb_digest plain;
        assert_ok(nb_digest_of_file(path, &plain, NULL, err));
        assert_true(nb_digest_equal(&plain, &digest));
    }
}

static void a_file_of_another_length_than_was_expected_is_not_called_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, FRAMES - 1, FRAMES + 1};
    static float longer[(FRAMES + 1) * CHANNELS];
    for (size_t k = 0; k < NB_COUNT(lengths); k++) {
        nb_audio_growth growth = {0};
        nb_audio_writer_options options = options_of(NB_SAMPLE_FLOAT_32, NB_DITHER_TPDF);
        options.growth = &growth;
        const char *path = rig_path("other.wav");
        nb_audio_writer *writer = NULL;
        assert_ok(nb_audio_writer_open_as(path, &options, &writer, err));
        assert_ok(nb_audio_writer_write(writer, longer, lengths[k], err));
        assert_ok(nb_audio_writer_close(&writer, err));
        assert_false(growth.is_whole);
        assert_true(atomic_load(&growth.bytes) <= growth.size);
        nb_audio_info info = {0};
        assert_ok(nb_audio_file_probe(path, NULL, &info, err));
        assert_int_equal(info.frames, lengths[k]);
        assert_string_equal(info.warning, "");
    }
}

static void a_file_that_is_flushed_while_it_grows_is_whole(void **state)
{
    (void)state;
    enum { BLOCKS = 40 }; // 32 MB: several steps of the flusher
    fill();
    for (int keep = NB_AUDIO_KEPT; keep <= NB_AUDIO_SCRATCH; keep++) {
        nb_audio_growth growth = {0};
        nb_audio_writer_options options = options_of(NB_SAMPLE_FLOAT_32, NB_DITHER_TPDF);
        options.frames_expected = (int64_t)BLOCKS * FRAMES;
        options.keep = (nb_audio_keep)keep;
        options.growth = &growth;
        const char *path = rig_path("large.wav");
        nb_audio_writer *writer = NULL;
        assert_ok(nb_audio_writer_open_as(path, &options, &writer, err));
        for (int i = 0; i < BLOCKS; i++) {
            assert_ok(nb_audio_writer_write(writer, samples, FRAMES, err));
        }
        assert_ok(nb_audio_writer_close(&writer, err));
        nb_digest digest;
        assert_ok(nb_digest_of_file(path, &digest, NULL, err));
        assert_true(growth.is_whole && nb_digest_equal(&growth.digest, &digest));
    }
    // One that is given up in the middle leaves no thread behind.
    nb_audio_writer_options options = options_of(NB_SAMPLE_FLOAT_32, NB_DITHER_TPDF);
    options.frames_expected = (int64_t)BLOCKS * FRAMES;
    nb_audio_writer *writer = NULL;
    assert_ok(nb_audio_writer_open_as(rig_path("given-up.wav"), &options, &writer, err));
    assert_ok(nb_audio_writer_write(writer, samples, FRAMES, err));
    nb_audio_writer_destroy(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_what_was_given_back_and_its_error_the_dither_s),
        cmocka_unit_test(the_cut_into_calls_changes_no_byte),
        cmocka_unit_test(a_section_is_a_cut_of_the_whole),
        cmocka_unit_test(outputs_of_other_names_have_other_noise_and_one_name_the_same),
        cmocka_unit_test(odd_sizes_are_padded_and_many_channels_say_so),
        cmocka_unit_test(what_a_follower_was_told_of_is_there_and_stays_and_has_the_file_s_digest),
        cmocka_unit_test(a_file_of_another_length_than_was_expected_is_not_called_whole),
        cmocka_unit_test(a_file_that_is_flushed_while_it_grows_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
