// SPDX-License-Identifier: GPL-3.0-or-later
// Samples read from where they stand are, to the bit, those that libsndfile gives.
#include "audio/audio_file.h"
#include "base/file.h"
#include "base/text.h"
#include "dsp/level.h"
#include "dsp/pcm_kernel.h"
#include "rig.h"
#include "test.h"

#include <ftw.h>
#include <math.h>
#include <sndfile.h>
#include <unistd.h>

enum { FRAMES = 30011, CHANNELS_MAX = 8, SAMPLES = FRAMES * CHANNELS_MAX };

static float whole[SAMPLES], ours[SAMPLES];

typedef struct kind {
    int format;
    const char *name;
} kind;

static const kind kinds[] = {
    {SF_FORMAT_WAV | SF_FORMAT_PCM_16, "s16.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_24, "s24.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_32, "s32.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_FLOAT, "f32.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_DOUBLE, "f64.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, "u8.wav"},
    {SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, "x24.wav"},
    {SF_FORMAT_WAVEX | SF_FORMAT_FLOAT, "xf32.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, "rifx16.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_24 | SF_ENDIAN_BIG, "rifx24.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_32 | SF_ENDIAN_BIG, "rifx32.wav"},
    {SF_FORMAT_WAV | SF_FORMAT_FLOAT | SF_ENDIAN_BIG, "rifxf32.wav"},
    {SF_FORMAT_RF64 | SF_FORMAT_PCM_16, "s16.rf64"},
    {SF_FORMAT_RF64 | SF_FORMAT_PCM_24, "s24.rf64"},
    {SF_FORMAT_RF64 | SF_FORMAT_FLOAT, "f32.rf64"},
    {SF_FORMAT_W64 | SF_FORMAT_PCM_16, "s16.w64"},
    {SF_FORMAT_W64 | SF_FORMAT_PCM_24, "s24.w64"},
    {SF_FORMAT_W64 | SF_FORMAT_PCM_32, "s32.w64"},
    {SF_FORMAT_W64 | SF_FORMAT_FLOAT, "f32.w64"},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, "s16.aiff"},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_24, "s24.aiff"},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_32, "s32.aiff"},
    {SF_FORMAT_AIFF | SF_FORMAT_FLOAT, "f32.aiff"},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE, "sowt16.aiff"},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_24 | SF_ENDIAN_LITTLE, "sowt24.aiff"},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_32 | SF_ENDIAN_LITTLE, "sowt32.aiff"},
    {SF_FORMAT_CAF | SF_FORMAT_PCM_16, "s16.caf"},
    {SF_FORMAT_CAF | SF_FORMAT_PCM_24, "s24.caf"},
    {SF_FORMAT_CAF | SF_FORMAT_PCM_32, "s32.caf"},
    {SF_FORMAT_CAF | SF_FORMAT_FLOAT, "f32.caf"},
    {SF_FORMAT_CAF | SF_FORMAT_PCM_24 | SF_ENDIAN_LITTLE, "le24.caf"},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, "s24.flac"},
};

/// Noise, with the ends of the range, -0 and the least of numbers among it.
static void write_noise(const char *path, int format, unsigned channels)
{
    static const float special[] = {1.0F,      -1.0F,  -0.0F,   0.0F,        0x1p-31F,
                                    -0x1p-31F, 1e-40F, -1e-40F, 0.99999994F, -0.99999994F};
    const size_t count = (size_t)FRAMES * channels;
    rig_noise(whole, count, channels);
    for (size_t i = 0; i < count; i += 7) {
        whole[i] = special[i / 7 % NB_COUNT(special)];
    }
    SF_INFO facts = {.samplerate = 48000, .channels = (int)channels, .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &facts);
    assert_non_null(file);
    sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    assert_int_equal(sf_writef_float(file, whole, FRAMES), FRAMES);
    sf_close(file);
}

static float *read_by_libsndfile(const char *path, int64_t frames, unsigned channels)
{
    SF_INFO facts = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &facts);
    assert_non_null(file);
    assert_true(facts.frames == frames || facts.frames == SF_COUNT_MAX); // a FLAC from a pipe
    assert_int_equal(facts.channels, channels);
    float *samples = calloc((size_t)frames * channels, sizeof *samples);
    assert_non_null(samples);
    assert_int_equal(sf_readf_float(file, samples, frames), frames);
    sf_close(file);
    return samples;
}

static bool same_bits(const float *a, const float *b, size_t count)
{
    return memcmp(a, b, count * sizeof *a) == 0;
}

/// Interleaved, all at once, must be libsndfile's; false if not.
static bool is_read_as_by_libsndfile(nb_audio_file *file, const char *path)
{
    const nb_audio_info *info = nb_audio_file_info(file);
    const size_t count = (size_t)info->frames * info->channels;
    float *expected = read_by_libsndfile(path, info->frames, info->channels);
    float *got = calloc(count, sizeof *got);
    assert_non_null(got);
    assert_ok(nb_audio_file_read(file, got, (size_t)info->frames, err));
    const bool same = same_bits(expected, got, count);
    free(expected);
    free(got);
    return same;
}

static void every_plain_format_reads_as_libsndfile_reads_it(void **state)
{
    (void)state;
    for (size_t k = 0; k < NB_COUNT(kinds); k++) {
        for (unsigned channels = 1; channels <= CHANNELS_MAX; channels += (channels < 3) ? 1 : 5) {
            const char *path = rig_path(kinds[k].name);
            write_noise(path, kinds[k].format, channels);
            NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
            assert_ok(nb_audio_file_open(path, NULL, &file, err));
            if (!is_read_as_by_libsndfile(file, path)) {
                fail_msg("%s of %u channels", kinds[k].name, channels);
            }
        }
    }
}

/// A channel to an array, in pieces from `start` on: compared with `expected`, interleaved.
static void check_planar(nb_audio_file *file, const float *expected, int64_t start)
{
    const unsigned channels = nb_audio_file_info(file)->channels;
    float *out[CHANNELS_MAX];
    assert_ok(nb_audio_file_seek(file, start, err));
    int64_t at = start;
    for (size_t block = 1; at < FRAMES; block = block * 3 % 9973 + 1) {
        const size_t frames = ((int64_t)block < FRAMES - at) ? block : (size_t)(FRAMES - at);
        for (unsigned c = 0; c < channels; c++) {
            out[c] = ours + (size_t)c * FRAMES + at;
        }
        assert_ok(nb_audio_file_read_planar(file, out, frames, err));
        at += (int64_t)frames;
    }
    for (unsigned c = 0; c < channels; c++) {
        for (int64_t i = start; i < FRAMES; i++) {
            if (!same_bits(&ours[(size_t)c * FRAMES + i], &expected[i * channels + c], 1)) {
                fail_msg("channel %u, frame %lld of those from %lld", c, (long long)i,
                         (long long)start);
            }
        }
    }
    assert_fails(NB_E_CORRUPT, "cut or damaged", nb_audio_file_read_planar(file, out, 1, err));
}

static void channels_told_apart_in_any_pieces_have_the_same_bits(void **state)
{
    (void)state;
    for (size_t k = 0; k < NB_COUNT(kinds); k++) {
        for (unsigned channels = 1; channels <= 3; channels++) {
            const char *path = rig_path(kinds[k].name);
            write_noise(path, kinds[k].format, channels);
            float *expected = read_by_libsndfile(path, FRAMES, channels);
            NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
            assert_ok(nb_audio_file_open(path, NULL, &file, err));
            check_planar(file, expected, 0);
            check_planar(file, expected, FRAMES - 3);
            check_planar(file, expected, 12345);
            free(expected);
        }
    }
}

static void every_width_makes_the_same_floats(void **state)
{
    (void)state;
    enum { BYTES = 4096 };
    unsigned char bytes[BYTES];
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (unsigned char)(i * i * 31 / 7 + i);
    }
    static float narrow[3][BYTES], wide[3][BYTES];
    float *const to_narrow[] = {narrow[0], narrow[1], narrow[2]};
    float *const to_wide[] = {wide[0], wide[1], wide[2]};
#if defined(__x86_64__)
    static const struct {
        size_t lanes;
        nb_pcm_read_kernel *read;
    } widths[] = {{4, nb_pcm_read_x4}, {4, nb_pcm_read_x2_v3}, {8, nb_pcm_read_x8}};
    for (size_t w = 0; w < NB_COUNT(widths); w++) {
        for (nb_pcm_format format = NB_PCM_S16LE; format <= NB_PCM_F32BE; format++) {
            for (unsigned channels = 1; nb_level_runs(widths[w].lanes) && channels <= 3;
                 channels++) {
                // Of all lengths, and from an odd address.
                for (size_t frames = 0; frames < 40; frames++) {
                    nb_pcm_read_x2(format, bytes + 1, channels, frames, to_narrow);
                    widths[w].read(format, bytes + 1, channels, frames, to_wide);
                    for (unsigned c = 0; c < channels; c++) {
                        assert_true(same_bits(narrow[c], wide[c], frames));
                    }
                }
            }
        }
    }
#endif
    nb_pcm_read_x2(NB_PCM_S24BE, (const unsigned char[]){0x80, 0, 0, 0x7f, 0xff, 0xff}, 2, 1,
                   to_narrow);
    nb_pcm_read(NB_PCM_S24BE, (const unsigned char[]){0x80, 0, 0, 0x7f, 0xff, 0xff}, 2, 1, to_wide);
    assert_true(narrow[0][0] == -1.0F && narrow[1][0] == 8388607.0F / 8388608.0F);
    assert_true(wide[0][0] == narrow[0][0] && wide[1][0] == narrow[1][0]);
}

static void a_file_cut_while_it_is_read_is_an_error_in_words(void **state)
{
    (void)state;
    const char *path = rig_path("cut.wav");
    write_noise(path, SF_FORMAT_WAV | SF_FORMAT_PCM_24, 1);
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(path, NULL, &file, err));
    assert_ok(nb_audio_file_read(file, ours, 100, err));
    assert_int_equal(truncate(path, 44 + 3 * 25000), 0);
    float *out[] = {ours};
    assert_fails(NB_E_CORRUPT, "cut.wav: cut or damaged: header says 0:00.625",
                 nb_audio_file_read_planar(file, out, FRAMES - 100, err));
}

static void of_several_bad_samples_the_earliest_is_named(void **state)
{
    (void)state;
    rig_noise(whole, 2 * FRAMES, 5);
    whole[2 * 12000] = INFINITY;
    whole[2 * 6000 + 1] = NAN;
    const char *path = rig_write("nan.wav", 48000, 2, whole, FRAMES);
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(path, NULL, &file, err));
    float *out[] = {ours, ours + FRAMES};
    assert_ok(nb_audio_file_read_planar(file, out, 1000, err));
    assert_fails(NB_E_INVALID,
                 "nan.wav: the sample at 0:00.125 (channel 2, frame 6000) is not a number",
                 nb_audio_file_read_planar(file, out, FRAMES - 1000, err));
    assert_ok(nb_audio_file_seek(file, 6001, err));
    assert_fails(NB_E_INVALID, "the sample at 0:00.250 (channel 1, frame 12000) is infinite",
                 nb_audio_file_read_planar(file, out, FRAMES - 6001, err));
}

static size_t compared;

static int compare_file(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)place;
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    if (type != FTW_F || nb_audio_file_open(path, NULL, &file, NULL) != NB_OK) {
        return 0;
    }
    const size_t count =
        (size_t)nb_audio_file_info(file)->frames * nb_audio_file_info(file)->channels;
    float *samples = calloc(count, sizeof *samples);
    assert_non_null(samples);
    // A file of bad samples, or one that only its decoder finds damaged, has nothing to compare.
    const nb_status status =
        nb_audio_file_read(file, samples, (size_t)nb_audio_file_info(file)->frames, NULL);
    free(samples);
    if (status == NB_OK) {
        assert_ok(nb_audio_file_seek(file, 0, err));
        if (!is_read_as_by_libsndfile(file, path)) {
            fail_msg("%s", path);
        }
        compared++;
    }
    return 0;
}

static void files_found_outside_read_as_libsndfile_reads_them(void **state)
{
    (void)state;
    const char *data = getenv("NIGHTBUS_SHARED_DATA");
    NB_SCOPED(nb_text_free) char *folder = nb_text_format("%s", data ? data : NB_SHARED_DATA);
    if (!nb_file_is_folder(folder)) {
        printf("skipped: there is no %s\n", folder);
        nb_text_free(&folder); // skip() jumps past the scope
        skip();
    }
    assert_int_equal(nftw(folder, compare_file, 8, FTW_PHYS), 0);
    printf("%zu files compared\n", compared);
    assert_true(compared > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plain_format_reads_as_libsndfile_reads_it),
        cmocka_unit_test(channels_told_apart_in_any_pieces_have_the_same_bits),
        cmocka_unit_test(every_width_makes_the_same_floats),
        cmocka_unit_test(a_file_cut_while_it_is_read_is_an_error_in_words),
        cmocka_unit_test(of_several_bad_samples_the_earliest_is_named),
        cmocka_unit_test(files_found_outside_read_as_libsndfile_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
