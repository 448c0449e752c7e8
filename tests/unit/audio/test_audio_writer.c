// SPDX-License-Identifier: GPL-3.0-or-later
// Files of whole numbers: dither, section, header. Those of floats are in test_audio_file.c.
#include "audio/audio_writer.h"
#include "base/digest.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_what_was_given_back_and_its_error_the_dither_s),
        cmocka_unit_test(the_cut_into_calls_changes_no_byte),
        cmocka_unit_test(a_section_is_a_cut_of_the_whole),
        cmocka_unit_test(outputs_of_other_names_have_other_noise_and_one_name_the_same),
        cmocka_unit_test(odd_sizes_are_padded_and_many_channels_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
