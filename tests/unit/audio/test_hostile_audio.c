// SPDX-License-Identifier: GPL-3.0-or-later
// Headers that lie. The files are made here; what collections of such files hold is read where
// NIGHTBUS_SHARED_DATA (or ../shared/data) has them.
#include "audio/audio_file.h"
#include "base/file.h"
#include "base/text.h"
#include "rig.h"
#include "test.h"

#include <ftw.h>
#include <math.h>
#include <sndfile.h>

static nb_status open_and_read(const char *path, nb_audio_info *out, nb_error *err)
{
    enum { BLOCK = 1000 };
    static float block[BLOCK * NB_AUDIO_CHANNELS_MAX];
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    nb_status status = nb_audio_file_open(path, NULL, &file, err);
    if (status == NB_OK) {
        *out = *nb_audio_file_info(file);
    }
    for (int64_t done = 0; status == NB_OK && done < out->frames; done += BLOCK) {
        const int64_t left = out->frames - done;
        status = nb_audio_file_read(file, block, (size_t)(left < BLOCK ? left : BLOCK), err);
    }
    return status;
}

static void expect_refusal(const char *path, nb_status expected, const char *words)
{
    nb_audio_info info = {0};
    assert_fails(expected, words, open_and_read(path, &info, err));
}

static void expect_frames(const char *path, int64_t frames, const char *warning)
{
    nb_audio_info info = {0};
    assert_ok(open_and_read(path, &info, err));
    assert_int_equal(info.frames, frames);
    if (*warning ? !strstr(info.warning, warning) : info.warning[0] != '\0') {
        fail_msg("%s: warning '%s'", path, info.warning);
    }
}

static const char *save_wav(const rig_wav *wav, size_t held)
{
    rig_bytes bytes = rig_make_wav(wav, held);
    return rig_save(&bytes, "lie.wav");
}

static void a_wav_with_a_lying_data_size_is_refused_or_explained(void **state)
{
    (void)state;
    rig_wav wav = rig_good_wav();
    expect_frames(save_wav(&wav, RIG_DATA_BYTES), RIG_FRAMES, "");
    wav.data_size = 0;
    expect_refusal(save_wav(&wav, RIG_DATA_BYTES), NB_E_CORRUPT, "empty or unfinished recording");
    expect_refusal(save_wav(&wav, 0), NB_E_CORRUPT, "empty or unfinished recording");
    static const uint32_t piped[] = {0xffffffff, 0xfffffffe, 0x7fffffff, 0x80000000, 0x7ffff024};
    for (size_t i = 0; i < NB_COUNT(piped); i++) {
        wav.data_size = piped[i];
        expect_frames(save_wav(&wav, RIG_DATA_BYTES), RIG_FRAMES, "no length");
    }
    wav.data_size = 2 * 192000;
    expect_refusal(save_wav(&wav, 192000), NB_E_CORRUPT,
                   "lie.wav: cut: header says 2.0 s, file holds 1.0 s");
    wav.data_size = RIG_DATA_BYTES;
    expect_refusal(save_wav(&wav, RIG_DATA_BYTES - 1), NB_E_CORRUPT,
                   "cut: header says 19200 bytes of samples, file holds 19199");
    wav.data_size = 100;
    expect_frames(save_wav(&wav, RIG_DATA_BYTES), 25, "19100 bytes behind the end");
}

static void a_format_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned bits, frame_bytes;
    } lies[] = {{7, 4}, {20, 4}, {24, 4}, {0, 4}, {1, 4}, {65535, 4}, {16, 0}, {16, 3}, {16, 8}};
    for (size_t i = 0; i < NB_COUNT(lies); i++) {
        rig_wav wav = rig_good_wav();
        wav.bits = lies[i].bits;
        wav.frame_bytes = lies[i].frame_bytes;
        expect_refusal(save_wav(&wav, RIG_DATA_BYTES), NB_E_CORRUPT, "contradicts itself");
    }
}

static void rates_and_channels_have_limits(void **state)
{
    (void)state;
    static const unsigned rates[] = {0, 1, 7999, 384001, 67000000, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < NB_COUNT(rates); i++) {
        rig_wav wav = rig_good_wav();
        wav.rate_hz = rates[i];
        expect_refusal(save_wav(&wav, RIG_DATA_BYTES), NB_E_INVALID, "rates are 8000 to 384000");
    }
    static const unsigned channels[] = {0, 65, 255, 1024, 65535};
    for (size_t i = 0; i < NB_COUNT(channels); i++) {
        rig_wav wav = rig_good_wav();
        wav.channels = channels[i];
        wav.frame_bytes = channels[i] * 2;
        expect_refusal(save_wav(&wav, RIG_DATA_BYTES), NB_E_INVALID, "files have 1 to 64");
    }
}

static void what_is_no_audio_is_refused_in_words(void **state)
{
    (void)state;
    rig_bytes bytes = {0};
    expect_refusal(rig_save(&bytes, "empty.wav"), NB_E_INVALID, "empty.wav: is empty");
    for (int i = 0; i < 100; i++) {
        rig_put(&bytes, "hello\n", 6);
    }
    expect_refusal(rig_save(&bytes, "text.wav"), NB_E_INVALID,
                   "text.wav: is not an audio file that libsndfile knows");
    rig_put_id(&bytes, ".snd"); // libsndfile knows it; albums have no use for it
    rig_put_big(&bytes, 24, 4);
    rig_put_big(&bytes, 100, 8);
    rig_put_big(&bytes, 100, 8);
    expect_refusal(rig_save(&bytes, "x.au"), NB_E_INVALID, "is not an audio file");
    rig_put(&bytes, "ID3\3\0\0\x7f\x7f\x7f\x7f", 10);
    rig_put(&bytes, "0123456789", 10);
    expect_refusal(rig_save(&bytes, "id3.wav"), NB_E_INVALID, "is not an audio file");
}

static void every_cut_of_a_wav_is_refused(void **state)
{
    (void)state;
    rig_wav wav = rig_good_wav();
    wav.data_size = 64;
    for (size_t size = 0; size < 44 + 64; size++) {
        rig_bytes bytes = rig_make_wav(&wav, 64);
        bytes.size = size;
        nb_audio_info info;
        nb_error err = {0};
        const nb_status status = open_and_read(rig_save(&bytes, "cut.wav"), &info, &err);
        assert_true(status == NB_E_CORRUPT || status == NB_E_INVALID);
        assert_non_null(strstr(err.text, "cut.wav"));
    }
}

static void two_of_anything_and_endless_chunks_are_refused(void **state)
{
    (void)state;
    rig_wav wav = rig_good_wav();
    wav.data_size = 400;
    rig_bytes bytes = rig_make_wav(&wav, 400);
    rig_put_id(&bytes, "data");
    rig_put_little(&bytes, 4, 4);
    rig_put_little(&bytes, 0, 4);
    expect_refusal(rig_save(&bytes, "two.wav"), NB_E_CORRUPT, "two recordings");
    bytes = rig_make_wav(&wav, 400);
    rig_bytes again = rig_make_wav(&wav, 400);
    rig_put(&bytes, again.bytes, again.size);
    free(again.bytes);
    expect_refusal(rig_save(&bytes, "two.wav"), NB_E_CORRUPT, "two recordings");
    rig_put(&bytes, "RIFF\0\0\0\0WAVE", 12);
    for (int i = 0; i < 10001; i++) {
        rig_put(&bytes, "junk\0\0\0\0", 8);
    }
    expect_refusal(rig_save(&bytes, "chunks.wav"), NB_E_LIMIT, "10000 chunks");
}

static void rf64_and_wave64_lies_are_found(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        const char *words;
    } lies[] = {{0, "unfinished"},
                {400, NULL},
                {401, "cut"},
                {1U << 31, "cut"},
                {1ULL << 62, "24 hours"},
                {UINT64_MAX, "24 hours"}};
    for (size_t i = 0; i < NB_COUNT(lies); i++) {
        rig_wav wav = rig_good_wav();
        wav.data_size = UINT32_MAX;
        rig_bytes plain = rig_make_wav(&wav, 400);
        rig_bytes bytes = {0};
        rig_put(&bytes, "RF64\xff\xff\xff\xffWAVE", 12);
        rig_put(&bytes, "ds64\x1c\0\0\0", 8);
        rig_put_little(&bytes, 500, 8);
        rig_put_little(&bytes, lies[i].size, 8);
        rig_put_little(&bytes, lies[i].size / 4, 8);
        rig_put_little(&bytes, 0, 4);
        rig_put(&bytes, plain.bytes + 12, plain.size - 12);
        free(plain.bytes);
        const char *path = rig_save(&bytes, "rf64.wav");
        if (lies[i].words) {
            expect_refusal(path, NB_E_CORRUPT, lies[i].words);
        } else {
            expect_frames(path, 100, "");
        }
    }
}

/// AIFF of one channel of 16 bits; `rate` as ten bytes.
static const char *save_aiff(uint32_t frames, const char rate[10], size_t held)
{
    rig_bytes bytes = {0};
    rig_put_id(&bytes, "FORM");
    rig_put_big(&bytes, 46 + held, 4);
    rig_put(&bytes, "AIFFCOMM\0\0\0\x12\0\1", 14);
    rig_put_big(&bytes, frames, 4);
    rig_put_big(&bytes, 16, 2);
    rig_put(&bytes, rate, 10);
    rig_put_id(&bytes, "SSND");
    rig_put_big(&bytes, 8 + held, 4);
    rig_put_big(&bytes, 0, 8);
    for (size_t i = 0; i < held; i++) {
        rig_put_big(&bytes, i, 1);
    }
    return rig_save(&bytes, "x.aiff");
}

static void aiff_lies_are_found(void **state)
{
    (void)state;
    static const char good[] = "\x40\x0e\xbb\x80\0\0\0\0\0\0"; // 48,000 as an extended float
    expect_frames(save_aiff(100, good, 200), 100, "");
    expect_refusal(save_aiff(0xffffffff, good, 200), NB_E_CORRUPT,
                   "cut: header says over 24 hours");
    expect_refusal(save_aiff(0, good, 200), NB_E_CORRUPT, "unfinished");
    expect_refusal(save_aiff(100, "\x7f\xff\x80\0\0\0\0\0\0\0", 200), NB_E_INVALID,
                   "no sample rate");
    expect_refusal(save_aiff(100, "\xc0\x0e\xbb\x80\0\0\0\0\0\0", 200), NB_E_INVALID, "-48000 Hz");
}

static void caf_lies_are_found(void **state)
{
    (void)state;
    static const struct {
        double rate;
        uint64_t size;
        const char *words;
    } lies[] = {{48000, 404, NULL},  {48000, 4, "unfinished"},
                {48000, 405, "cut"}, {48000, UINT64_MAX - 1, "24 hours"},
                {0, 404, "0 Hz"},    {NAN, 404, "no sample rate"}};
    for (size_t i = 0; i < NB_COUNT(lies); i++) {
        rig_bytes bytes = {0};
        uint64_t rate;
        memcpy(&rate, &lies[i].rate, sizeof rate);
        rig_put(&bytes, "caff\0\1\0\0desc\0\0\0\0\0\0\0\x20", 20);
        rig_put_big(&bytes, rate, 8);
        rig_put(&bytes, "lpcm\0\0\0\2\0\0\0\4\0\0\0\1\0\0\0\2\0\0\0\x10", 24);
        rig_put_id(&bytes, "data");
        rig_put_big(&bytes, lies[i].size, 8);
        rig_put_big(&bytes, 0, 4);
        for (int n = 0; n < 400; n++) {
            rig_put_big(&bytes, (uint64_t)n, 1);
        }
        const char *path = rig_save(&bytes, "x.caf");
        if (!lies[i].words) {
            expect_frames(path, 100, "");
            continue;
        }
        nb_audio_info info;
        nb_error err = {0};
        assert_int_not_equal(open_and_read(path, &info, &err), NB_OK);
        assert_non_null(strstr(err.text, lies[i].words));
    }
}

static void a_sample_that_is_none_is_named_with_its_channel_and_time(void **state)
{
    (void)state;
    enum { FRAMES = 96000, BAD = 61234 }; // 1.276 s
    static float samples[FRAMES * 2];
    static const struct {
        float value;
        const char *words;
    } bad[] = {{NAN, "not a number"},
               {-INFINITY, "infinite"},
               {1e30F, "at +600 dBFS"},
               {-1001.0F, "at +60 dBFS"}};
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        samples[BAD * 2 + 1] = bad[i].value;
        const char *path = rig_write("bad.wav", 48000, 2, samples, FRAMES);
        expect_refusal(path, NB_E_INVALID,
                       "bad.wav: the sample at 0:01.276 (channel 2, frame 61234)");
        expect_refusal(path, NB_E_INVALID, bad[i].words);
    }
    samples[BAD * 2 + 1] = 1000.0F;
    expect_frames(rig_write("bad.wav", 48000, 2, samples, FRAMES), FRAMES, "");
}

static rig_bytes make_flac(void)
{
    static float samples[RIG_FRAMES * 2];
    rig_noise(samples, NB_COUNT(samples), 5);
    const char *path = rig_path("x.flac");
    SF_INFO facts = {
        .samplerate = 48000, .channels = 2, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &facts);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, samples, RIG_FRAMES), RIG_FRAMES);
    sf_close(file);
    rig_bytes out = {0};
    char *bytes = NULL;
    assert_ok(nb_file_read(path, 1 << 20, &bytes, &out.size, err));
    out.bytes = (unsigned char *)bytes;
    return out;
}

/// The number of samples: 36 bits from the middle of byte 21.
static void set_flac_total(rig_bytes *flac, uint64_t total)
{
    flac->bytes[21] = (unsigned char)((flac->bytes[21] & 0xf0) | (total >> 32 & 0x0f));
    for (int i = 0; i < 4; i++) {
        flac->bytes[22 + i] = (unsigned char)(total >> (24 - 8 * i));
    }
}

static void flac_totals_and_cuts_are_found(void **state)
{
    (void)state;
    rig_bytes flac = make_flac();
    expect_frames(rig_save(&flac, "good.flac"), RIG_FRAMES, "");
    flac = make_flac();
    set_flac_total(&flac, 0);
    expect_frames(rig_save(&flac, "piped.flac"), RIG_FRAMES, "no length");
    flac = make_flac();
    set_flac_total(&flac, (1ULL << 36) - 1);
    expect_refusal(rig_save(&flac, "huge.flac"), NB_E_LIMIT, "over 24 hours");
    flac = make_flac();
    set_flac_total(&flac, 3600 * 48000);
    expect_refusal(rig_save(&flac, "long.flac"), NB_E_CORRUPT, "cut or damaged");
    for (size_t part = 1; part < 8; part++) {
        flac = make_flac();
        flac.size = flac.size * part / 8;
        expect_refusal(rig_save(&flac, "cut.flac"), NB_E_CORRUPT, "cut.flac: cut or damaged");
    }
    flac = make_flac();
    for (size_t i = flac.size / 2; i < flac.size / 2 + 200; i++) {
        flac.bytes[i] ^= 0xff;
    }
    expect_refusal(rig_save(&flac, "flipped.flac"), NB_E_CORRUPT, "cut or damaged");
}

static size_t seen, refused;

static int try_file(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)place;
    if (type == FTW_F) {
        nb_audio_info info;
        nb_error err = {0};
        const nb_status status = open_and_read(path, &info, &err);
        seen++;
        refused += status != NB_OK;
        if (status != NB_OK && !strstr(err.text, path)) {
            fail_msg("%s: its error does not name it: %s", path, err.text);
        }
    }
    return 0;
}

static void collections_of_odd_files_end_in_samples_or_in_words(void **state)
{
    (void)state;
    const char *data = getenv("NIGHTBUS_SHARED_DATA");
    NB_SCOPED(nb_text_free)
    char *folder = nb_text_format("%s/hostile", data ? data : NB_SHARED_DATA);
    if (!nb_file_is_folder(folder)) {
        printf("skipped: there is no %s\n", folder);
        nb_text_free(&folder); // skip() jumps past the scope
        skip();
    }
    assert_int_equal(nftw(folder, try_file, 8, FTW_PHYS), 0);
    printf("%zu files, %zu refused\n", seen, refused);
    assert_true(seen > 40 && refused > 10 && refused < seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wav_with_a_lying_data_size_is_refused_or_explained),
        cmocka_unit_test(a_format_that_contradicts_itself_is_refused),
        cmocka_unit_test(rates_and_channels_have_limits),
        cmocka_unit_test(what_is_no_audio_is_refused_in_words),
        cmocka_unit_test(every_cut_of_a_wav_is_refused),
        cmocka_unit_test(two_of_anything_and_endless_chunks_are_refused),
        cmocka_unit_test(rf64_and_wave64_lies_are_found),
        cmocka_unit_test(aiff_lies_are_found),
        cmocka_unit_test(caf_lies_are_found),
        cmocka_unit_test(a_sample_that_is_none_is_named_with_its_channel_and_time),
        cmocka_unit_test(flac_totals_and_cuts_are_found),
        cmocka_unit_test(collections_of_odd_files_end_in_samples_or_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
