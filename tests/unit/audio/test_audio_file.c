// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/audio_file.h"
#include "base/digest.h"
#include "base/file.h"
#include "rig.h"
#include "test.h"

#include <signal.h>
#include <sndfile.h>
#include <sys/resource.h>

enum { FRAMES = 10000, CHANNELS = 2 };

static void fill(float *samples) { rig_noise(samples, (size_t)FRAMES * CHANNELS, 7); }

static void write_with_sndfile(const char *path, int format, const float *samples)
{
    SF_INFO facts = {.samplerate = 44100, .channels = CHANNELS, .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &facts);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, samples, FRAMES), FRAMES);
    sf_close(file);
}

static void what_is_written_is_read_bit_for_bit(void **state)
{
    (void)state;
    static float written[FRAMES * CHANNELS], read[FRAMES * CHANNELS];
    fill(written);
    const char *path = rig_write("round.wav", 48000, CHANNELS, written, FRAMES);
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(path, NULL, &file, err));
    const nb_audio_info *info = nb_audio_file_info(file);
    assert_int_equal(info->rate_hz, 48000);
    assert_int_equal(info->channels, CHANNELS);
    assert_int_equal(info->frames, FRAMES);
    assert_string_equal(info->format, "WAV, 32 bit float");
    assert_string_equal(info->warning, "");
    assert_ok(nb_audio_file_read(file, read, FRAMES, err));
    assert_memory_equal(written, read, sizeof written);
}

static void the_same_samples_give_the_same_file_however_they_are_cut(void **state)
{
    (void)state;
    static float samples[FRAMES * CHANNELS];
    fill(samples);
    const char *whole = rig_write("whole.wav", 48000, CHANNELS, samples, FRAMES);
    const char *path = rig_path("pieces.wav");
    nb_audio_writer *writer = NULL;
    // A wrong expectation must not show either.
    assert_ok(nb_audio_writer_open(path, 48000, CHANNELS, 3 * FRAMES, &writer, err));
    size_t done = 0;
    for (size_t block = 1; done < FRAMES; block = block % 97 + 1) {
        const size_t frames = (block < FRAMES - done) ? block : FRAMES - done;
        assert_ok(nb_audio_writer_write(writer, samples + done * CHANNELS, frames, err));
        done += frames;
    }
    assert_ok(nb_audio_writer_close(&writer, err));
    assert_null(writer);
    nb_digest a, b;
    uint64_t size;
    assert_ok(nb_digest_of_file(whole, &a, &size, err));
    assert_ok(nb_digest_of_file(path, &b, NULL, err));
    assert_true(nb_digest_equal(&a, &b));
    assert_int_equal(size, 12 + 36 + 26 + 12 + 8 + sizeof samples);
}

static void files_of_more_channels_say_so_and_other_readers_agree(void **state)
{
    (void)state;
    float samples[6 * 100];
    rig_noise(samples, NB_COUNT(samples), 3);
    const char *path = rig_write("six.wav", 96000, 6, samples, 100);
    SF_INFO facts = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &facts);
    assert_non_null(file);
    assert_int_equal(facts.channels, 6);
    assert_int_equal(facts.frames, 100);
    assert_int_equal(facts.format & SF_FORMAT_TYPEMASK, SF_FORMAT_WAVEX);
    assert_int_equal(facts.format & SF_FORMAT_SUBMASK, SF_FORMAT_FLOAT);
    sf_close(file);
    nb_audio_info info;
    assert_ok(nb_audio_file_probe(path, NULL, &info, err));
    assert_int_equal(info.channels, 6);
}

static void a_full_disk_is_told_before_and_while_writing(void **state)
{
    (void)state;
    float samples[CHANNELS * 1000] = {0};
    nb_audio_writer *writer = NULL;
    assert_fails(NB_E_NO_SPACE, "/dev/full",
                 nb_audio_writer_open("/dev/full", 48000, CHANNELS, 0, &writer, err));
    assert_null(writer);
    assert_fails(NB_E_NOT_FOUND, "nowhere",
                 nb_audio_writer_open(rig_path("nowhere/x.wav"), 48000, 2, 0, &writer, err));
    assert_ok(nb_audio_writer_open(rig_path("limit.wav"), 48000, CHANNELS, 0, &writer, err));
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){1000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    signal(SIGXFSZ, SIG_IGN);
    assert_fails(NB_E_IO, "limit.wav", nb_audio_writer_write(writer, samples, 1000, err));
    setrlimit(RLIMIT_FSIZE, &before);
    nb_audio_writer_destroy(&writer);
}

/// Go to places all over the file and compare with what a reading from the start gives there.
static void check_seeks(const char *path, const char *format)
{
    static float whole[FRAMES * CHANNELS];
    float part[100 * CHANNELS];
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(path, NULL, &file, err));
    assert_string_equal(nb_audio_file_info(file)->format, format);
    assert_int_equal(nb_audio_file_info(file)->frames, FRAMES);
    assert_ok(nb_audio_file_read(file, whole, FRAMES, err));
    for (int64_t at = 9900; at >= 0; at -= 1237) {
        assert_ok(nb_audio_file_seek(file, at, err));
        assert_ok(nb_audio_file_read(file, part, 100, err));
        assert_memory_equal(part, whole + at * CHANNELS, sizeof part);
        const int64_t ahead = (at + 5000) % 9900;
        assert_ok(nb_audio_file_seek(file, ahead, err));
        assert_ok(nb_audio_file_read(file, part, 100, err));
        assert_memory_equal(part, whole + ahead * CHANNELS, sizeof part);
    }
    assert_ok(nb_audio_file_seek(file, FRAMES, err));
    assert_fails(NB_E_CORRUPT, "0:00.227", nb_audio_file_read(file, part, 1, err));
    assert_fails(NB_E_INVALID, "outside", nb_audio_file_seek(file, FRAMES + 1, err));
    assert_fails(NB_E_INVALID, "outside", nb_audio_file_seek(file, -1, err));
}

static void seeking_gives_the_samples_of_a_reading_from_the_start(void **state)
{
    (void)state;
    static const struct {
        int format;
        const char *name, *expected;
    } kinds[] = {
        {SF_FORMAT_WAV | SF_FORMAT_PCM_16, "s16.wav", "WAV, 16 bit PCM"},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_24, "s24.wav", "WAV, 24 bit PCM"},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_32, "s32.wav", "WAV, 32 bit PCM"},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, "u8.wav", "WAV, 8 bit PCM"},
        {SF_FORMAT_WAV | SF_FORMAT_FLOAT, "f32.wav", "WAV, 32 bit float"},
        {SF_FORMAT_WAV | SF_FORMAT_DOUBLE, "f64.wav", "WAV, 64 bit float"},
        {SF_FORMAT_WAV | SF_FORMAT_ALAW, "alaw.wav", "WAV, A-law"},
        {SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, "x24.wav", "WAV, 24 bit PCM"},
        {SF_FORMAT_RF64 | SF_FORMAT_PCM_24, "rf64.wav", "RF64, 24 bit PCM"},
        {SF_FORMAT_W64 | SF_FORMAT_PCM_24, "s24.w64", "Wave64, 24 bit PCM"},
        {SF_FORMAT_AIFF | SF_FORMAT_PCM_24, "s24.aiff", "AIFF, 24 bit PCM"},
        {SF_FORMAT_AIFF | SF_FORMAT_FLOAT, "f32.aiff", "AIFF, 32 bit float"},
        {SF_FORMAT_AIFF | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE, "sowt.aiff", "AIFF, 16 bit PCM"},
        {SF_FORMAT_CAF | SF_FORMAT_PCM_24, "s24.caf", "CAF, 24 bit PCM"},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, "rifx.wav", "WAV, 16 bit PCM"},
        {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, "s24.flac", "FLAC, 24 bit PCM"},
        {SF_FORMAT_OGG | SF_FORMAT_VORBIS, "vorbis.ogg", "Ogg, Vorbis"},
        {SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, "layer3.mp3", "MP3, layer III"},
    };
    static float samples[FRAMES * CHANNELS];
    fill(samples);
    for (size_t i = 0; i < NB_COUNT(kinds); i++) {
        const char *path = rig_path(kinds[i].name);
        write_with_sndfile(path, kinds[i].format, samples);
        check_seeks(path, kinds[i].expected);
    }
}

static void content_counts_and_not_the_name(void **state)
{
    (void)state;
    static float samples[FRAMES * CHANNELS];
    fill(samples);
    write_with_sndfile(rig_path("flac-named.wav"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, samples);
    nb_audio_info info;
    assert_ok(nb_audio_file_probe(rig_path("flac-named.wav"), NULL, &info, err));
    assert_string_equal(info.format, "FLAC, 16 bit PCM");
}

static void errors_call_the_file_by_the_name_given(void **state)
{
    (void)state;
    nb_audio_info info;
    assert_fails(NB_E_NOT_FOUND, "audio/vox.wav: No such",
                 nb_audio_file_probe(rig_path("none"), "audio/vox.wav", &info, err));
    assert_fails(NB_E_INVALID, "is not a file", nb_audio_file_probe("/tmp", NULL, &info, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_bit_for_bit),
        cmocka_unit_test(the_same_samples_give_the_same_file_however_they_are_cut),
        cmocka_unit_test(files_of_more_channels_say_so_and_other_readers_agree),
        cmocka_unit_test(a_full_disk_is_told_before_and_while_writing),
        cmocka_unit_test(seeking_gives_the_samples_of_a_reading_from_the_start),
        cmocka_unit_test(content_counts_and_not_the_name),
        cmocka_unit_test(errors_call_the_file_by_the_name_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
