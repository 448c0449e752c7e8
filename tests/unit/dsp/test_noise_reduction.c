// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/noise_floor.h"
#include "dsp/noise_gain.h"
#include "tests/test.h"
#include "tests/unit/dsp/noisy_speech.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>
#include <soxr.h>

enum { RATE = 48000, FRAMES = 20 * RATE, PROFILE = 3 * RATE, FRAMES_MAX = FRAMES + 4 * RATE };

static float clean[2][FRAMES_MAX], noise[2][FRAMES_MAX], noisy[2][FRAMES_MAX], got[2][FRAMES_MAX];
static float profile[2][PROFILE];
static const float *const profile_channels[] = {profile[0], profile[1]};

typedef void (*noise_maker)(float *out, size_t frames, uint32_t seed);

static rig_voice voice_with(unsigned channels, size_t profile_channel_count)
{
    rig_voice voice;
    rig_voice_init(&voice, "noise-reduction", channels);
    if (profile_channel_count > 0) {
        voice.settings.audio = profile_channels;
        voice.settings.audio_channels = profile_channel_count;
        voice.settings.audio_frames = PROFILE;
    }
    return voice;
}

// `got` becomes what the processor makes of `in`, in song time.
static void run(const rig_run *how, const rig_voice *voice, size_t frames,
                const float (*in)[FRAMES_MAX])
{
    const size_t latency = rig_latency(voice);
    const size_t whole = frames + latency;
    float *fed[2];
    float *made[2];
    for (size_t c = 0; c < voice->settings.channels; c++) {
        fed[c] = calloc(whole, sizeof(float));
        made[c] = calloc(whole, sizeof(float));
        assert_true(fed[c] && made[c]);
        memcpy(fed[c], in[c], frames * sizeof(float));
    }
    rig_process(how, voice, 1, whole, (const float *const *)fed, made);
    for (size_t c = 0; c < voice->settings.channels; c++) {
        memcpy(got[c], made[c] + latency, frames * sizeof(float));
        free(fed[c]);
        free(made[c]);
    }
}

static double rms(const float *x, size_t from, size_t to)
{
    double sum = 0.0;
    for (size_t i = from; i < to; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sqrt(sum / (double)(to - from));
}

static double level_db(const float *x, size_t from, size_t to)
{
    return 20.0 * log10(rms(x, from, to) + 1e-30);
}

// E1 by its series under 1, by its continued fraction above (Abramowitz and Stegun 5.1.11, 5.1.22).
static double exponential_integral(double v)
{
    if (v < 1.0) {
        double sum = -0.57721566490153286 - log(v);
        double term = -1.0;
        for (int n = 1; n < 40; n++) {
            term *= -v / n;
            sum += term / n;
        }
        return sum;
    }
    double tail = 0.0;
    for (int n = 400; n > 0; n--) {
        tail = n / (1.0 + n / (v + tail));
    }
    return exp(-v) / (v + tail);
}

static void the_gain_is_ephraim_and_malahs_within_a_ten_thousandth_of_a_decibel(void **state)
{
    (void)state;
    double worst = 0.0;
    for (double prior_db = -40.0; prior_db <= 50.0; prior_db += 0.73) {
        for (double post_db = -60.0; post_db <= 60.0; post_db += 0.61) {
            const double prior = pow(10.0, prior_db / 10.0);
            const double post = pow(10.0, post_db / 10.0);
            const double wiener = prior / (1.0 + prior);
            const double expected =
                fmin(wiener * exp(0.5 * exponential_integral(wiener * post)), 1.0);
            const double gain = nb_noise_lsa_gain(nb_lanes_set(prior), nb_lanes_set(post))[0];
            worst = fmax(worst, fabs(20.0 * log10(gain / expected)));
        }
    }
    print_message("worst error of the gain %.2g dB\n", worst);
    assert_true(worst < 1e-4);
}

/// What has to come of one kind of noise.
typedef struct target {
    const char *what;
    noise_maker make;
    double snr_db, gain_db, distortion_db;
} target;

static void assert_target(const target *it, const rig_voice *voice, size_t frames)
{
    it->make(noise[0], frames, 11);
    it->make(profile[0], PROFILE, 99);
    const double scale = add_noise(clean[0], noise[0], frames, it->snr_db, noisy[0]);
    for (size_t i = 0; i < PROFILE; i++) {
        profile[0][i] = (float)((double)profile[0][i] * scale);
    }
    run(&(rig_run){0}, voice, frames, (const float(*)[FRAMES_MAX])noisy);
    const double gain_db = segmental_snr_db(clean[0], got[0], frames, RATE) -
                           segmental_snr_db(clean[0], noisy[0], frames, RATE);
    const double before_db = log_spectral_distortion_db(clean[0], noisy[0], frames);
    const double after_db = log_spectral_distortion_db(clean[0], got[0], frames);
    const double kurtosis = log_kurtosis_ratio(clean[0], noisy[0], got[0], frames);
    print_message("%s at %g dB: segmental SNR %+.2f dB, log-spectral distortion %.2f to %.2f dB, "
                  "log kurtosis ratio %.2f\n",
                  it->what, it->snr_db, gain_db, before_db, after_db, kurtosis);
    assert_true(gain_db >= it->gain_db);
    assert_true(after_db <= it->distortion_db);
    assert_true(fabs(kurtosis) <= 0.5);
}

static void a_learned_profile_gains_seven_decibels_on_white_noise_and_four_on_pink(void **state)
{
    (void)state;
    static const target targets[] = {
        {"white, learned", white_noise, 10.0, 7.0, 2.0},
        {"pink, learned", pink_noise, 10.0, 4.0, 2.0},
        {"white, learned", white_noise, 20.0, 4.0, 1.0},
        {"pink, learned", pink_noise, 20.0, 2.0, 1.0},
    };
    speech_like(clean[0], FRAMES, RATE, 7);
    const rig_voice voice = voice_with(1, 1);
    for (size_t t = 0; t < NB_COUNT(targets); t++) {
        assert_target(&targets[t], &voice, FRAMES);
    }
}

static void noise_is_found_under_speech_without_a_profile(void **state)
{
    (void)state;
    static const target targets[] = {
        {"white, blind", white_noise, 10.0, 5.0, 2.0},
        {"pink, blind", pink_noise, 10.0, 3.0, 2.0},
        {"white, blind", white_noise, 20.0, 1.0, 1.0},
        {"pink, blind", pink_noise, 20.0, 0.0, 1.0},
    };
    speech_like(clean[0], FRAMES, RATE, 7);
    const rig_voice voice = voice_with(1, 0);
    for (size_t t = 0; t < NB_COUNT(targets); t++) {
        assert_target(&targets[t], &voice, FRAMES);
    }
}

// `clean` becomes what espeak-ng says, at 48 kHz, half a second after the start; 0 without it.
static size_t speak(void)
{
    static int16_t spoken[30 * 22050];
    static float at_22050[30 * 22050];
    FILE *pipe = popen("espeak-ng --stdout 'The night bus left the depot at half past one. Nobody "
                       "was on it but the driver, who whistled. Rain ran down the windows, and "
                       "every stop was empty until the bridge. There, a woman with a cello case "
                       "climbed aboard and asked whether this was the way to the sea. It is, he "
                       "said, if you are patient. She was patient.' 2>/dev/null",
                       "r");
    char header[44];
    const bool began = pipe && fread(header, 1, sizeof header, pipe) == sizeof header;
    const size_t frames = began ? fread(spoken, sizeof *spoken, NB_COUNT(spoken), pipe) : 0;
    if (pipe) {
        (void)pclose(pipe);
    }
    for (size_t i = 0; i < frames; i++) {
        at_22050[i] = (float)spoken[i] / 32768.0F;
    }
    memset(clean[0], 0, sizeof clean[0]);
    size_t made = 0;
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    if (frames > 0) {
        (void)soxr_oneshot(22050.0, RATE, 1, at_22050, frames, NULL, clean[0] + RATE / 2,
                           FRAMES - RATE / 2, &made, NULL, &quality, NULL);
    }
    return made > 0 ? made + RATE / 2 : 0;
}

static void spoken_words_gain_as_much(void **state)
{
    (void)state;
    static const target learned[] = {
        {"spoken, white, learned", white_noise, 10.0, 7.0, 2.0},
        {"spoken, pink, learned", pink_noise, 10.0, 4.0, 2.0},
    };
    static const target blind[] = {
        {"spoken, white, blind", white_noise, 10.0, 6.0, 2.5},
        {"spoken, pink, blind", pink_noise, 10.0, 2.5, 2.5},
    };
    const size_t frames = speak();
    if (frames == 0) {
        print_message("espeak-ng is not here\n");
        skip();
    }
    const rig_voice with = voice_with(1, 1);
    const rig_voice without = voice_with(1, 0);
    for (size_t t = 0; t < NB_COUNT(learned); t++) {
        assert_target(&learned[t], &with, frames);
        assert_target(&blind[t], &without, frames);
    }
}

static void noise_alone_falls_by_the_reduction(void **state)
{
    (void)state;
    static const double reductions_db[] = {6.0, 12.0, 20.0};
    pink_noise(noise[0], FRAMES, 3);
    memcpy(profile[0], noise[0] + RATE, sizeof profile[0]);
    for (size_t learned = 0; learned < 2; learned++) {
        for (size_t r = 0; r < NB_COUNT(reductions_db); r++) {
            rig_voice voice = voice_with(1, learned);
            rig_set(&voice, "reduction_db", reductions_db[r]);
            run(&(rig_run){0}, &voice, FRAMES, (const float(*)[FRAMES_MAX])noise);
            // The first frames too: the window of the minima lies around them.
            const double fall_db = level_db(noise[0], 0, FRAMES) - level_db(got[0], 0, FRAMES);
            print_message("%s: %g dB asked, %.2f dB got\n", learned ? "learned" : "blind",
                          reductions_db[r], fall_db);
            assert_true(fabs(fall_db - reductions_db[r]) <
                        (learned ? 0.1 : 0.2) * reductions_db[r]);
        }
    }
}

static void no_reduction_gives_the_input_back_bit_by_bit(void **state)
{
    (void)state;
    rig_noise(noise[0], RATE, 0.9, 5);
    rig_voice voice = voice_with(1, 0);
    rig_set(&voice, "reduction_db", 0.0);
    run(&(rig_run){0}, &voice, RATE, (const float(*)[FRAMES_MAX])noise);
    assert_memory_equal(got[0], noise[0], RATE * sizeof(float));
}

static double from_one_second_on(size_t control, int64_t frame)
{
    (void)control;
    return frame < RATE ? 0.0 : 20.0;
}

// Each sample has its own share of what is taken away.
static void a_moving_reduction_starts_at_its_sample(void **state)
{
    (void)state;
    rig_noise(noise[0], 2 * RATE, 0.1, 6);
    rig_voice voice = voice_with(1, 0);
    run(&(rig_run){0}, &voice, 2 * RATE, (const float(*)[FRAMES_MAX])noise);
    static float still[2 * RATE];
    memcpy(still, got[0], sizeof still);
    rig_move(&voice, "reduction_db");
    run(&(rig_run){.curve = from_one_second_on}, &voice, 2 * RATE,
        (const float(*)[FRAMES_MAX])noise);
    assert_memory_equal(got[0], noise[0], RATE * sizeof(float));
    assert_memory_equal(got[0] + RATE, still + RATE, RATE * sizeof(float));
}

static void both_sides_are_turned_down_alike(void **state)
{
    (void)state;
    speech_like(clean[0], FRAMES, RATE, 9);
    white_noise(noise[0], FRAMES, 4);
    (void)add_noise(clean[0], noise[0], FRAMES, 10.0, noisy[0]);
    for (size_t i = 0; i < FRAMES; i++) {
        noisy[1][i] = noisy[0][i] * 0.25F;
    }
    const rig_voice voice = voice_with(2, 0);
    run(&(rig_run){0}, &voice, FRAMES, (const float(*)[FRAMES_MAX])noisy);
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(fabsf(got[1][i] - got[0][i] * 0.25F) < 1e-7F);
    }
}

// What is between clips is no noise: it may not pass for a noise floor of zero.
static void digital_silence_is_no_noise(void **state)
{
    (void)state;
    white_noise(noise[0], FRAMES, 8);
    for (size_t i = 0; i < FRAMES; i++) {
        const bool gap = (i / RATE) % 4 == 3;
        noise[0][i] = gap ? 0.0F : noise[0][i] * 0.01F;
    }
    const rig_voice voice = voice_with(1, 0);
    run(&(rig_run){0}, &voice, FRAMES, (const float(*)[FRAMES_MAX])noise);
    const double before_db = level_db(noise[0], 4 * RATE, 7 * RATE);
    for (size_t clip = 0; clip < 5; clip++) {
        const size_t start = clip * 4 * RATE;
        assert_true(level_db(got[0], start + 4096, start + 3 * RATE - 4096) < before_db - 18.0);
        for (size_t i = start + 3 * RATE + 2048; i < start + 4 * RATE - 2048; i++) {
            assert_true(got[0][i] == 0.0F);
        }
    }
}

static void a_click_stays_where_it_was_at_every_rate(void **state)
{
    (void)state;
    static const unsigned rates[] = {8000, 22050, 32000, 44100, 88200, 192000, 384000};
    for (size_t r = 0; r < NB_COUNT(rates); r++) {
        rig_voice voice = voice_with(1, 1);
        voice.settings.rate_hz = rates[r];
        rig_set(&voice, "profile_to_s", 0.3);
        white_noise(profile[0], PROFILE, 1);
        for (size_t i = 0; i < PROFILE; i++) {
            profile[0][i] *= 1e-6F;
        }
        memset(noise[0], 0, sizeof noise[0]);
        noise[0][3333] = 0.5F;
        run(&(rig_run){0}, &voice, 2 * RATE, (const float(*)[FRAMES_MAX])noise);
        assert_true(fabsf(got[0][3333] - 0.5F) < 1e-4F);
        got[0][3333] = 0.0F;
        assert_true(rms(got[0], 0, 2 * RATE) < 1e-5);
    }
}

static void profiles_that_are_none_are_refused(void **state)
{
    (void)state;
    white_noise(profile[0], PROFILE, 1);
    rig_voice voice = voice_with(1, 1);
    rig_set(&voice, "profile_from_s", 2.0);
    rig_set(&voice, "profile_to_s", 2.1);
    assert_fails(NB_E_INVALID, "at least 0.2 s", rig_start(&voice, err));
    rig_set(&voice, "profile_from_s", 2.9);
    rig_set(&voice, "profile_to_s", 5.0);
    assert_fails(NB_E_INVALID, "3 s long, has under 0.2 s", rig_start(&voice, err));
    rig_set(&voice, "profile_from_s", 7.0);
    rig_set(&voice, "profile_to_s", 9.0);
    assert_fails(NB_E_INVALID, "from profile_from_s 7", rig_start(&voice, err));
    voice = voice_with(1, 1);
    voice.settings.audio_channels = 4;
    assert_fails(NB_E_INVALID, "this one has 4", rig_start(&voice, err));
    voice = voice_with(1, 1);
    memset(profile[0], 0, sizeof profile[0]);
    assert_fails(NB_E_INVALID, "digital silence", rig_start(&voice, err));
}

// As the tracker's own page says: its factor makes the least of many powers the mean again.
static void the_least_power_of_noise_is_corrected_to_its_mean(void **state)
{
    (void)state;
    enum { BINS = 1040, FEW = 60, MANY = 400 };
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    nb_noise_floor floor = {0};
    assert_true(nb_noise_floor_init(&floor, arena, BINS));
    nb_noise_floor_reset(&floor);
    float power[BINS];
    float inverse[BINS];
    nb_noise_floor_inverse(&floor, inverse);
    assert_true(inverse[7] > 1e29F); // nothing seen: nothing is noise
    for (size_t f = 0; f < FEW; f++) {
        for (size_t i = 0; i < BINS; i++) {
            power[i] = 3.0F;
        }
        nb_noise_floor_push(&floor, power);
        nb_noise_floor_push(&floor, NULL); // and so keeps it from ever counting
    }
    nb_noise_floor_inverse(&floor, inverse);
    assert_true(inverse[7] > 1e29F);
    for (size_t f = 0; f < MANY; f++) {
        nb_noise_floor_push(&floor, power);
    }
    // Power that does not vary: the factor alone is left.
    nb_noise_floor_inverse(&floor, inverse);
    const double factor = 1.0 / (3.0 * (double)inverse[500]);
    assert_true(fabs(factor - (double)nb_noise_floor_bias(NB_NOISE_FLOOR_ROWS)) < 1e-4);
    assert_true(factor > 2.0 && factor < 2.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gain_is_ephraim_and_malahs_within_a_ten_thousandth_of_a_decibel),
        cmocka_unit_test(a_learned_profile_gains_seven_decibels_on_white_noise_and_four_on_pink),
        cmocka_unit_test(noise_is_found_under_speech_without_a_profile),
        cmocka_unit_test(spoken_words_gain_as_much),
        cmocka_unit_test(noise_alone_falls_by_the_reduction),
        cmocka_unit_test(no_reduction_gives_the_input_back_bit_by_bit),
        cmocka_unit_test(a_moving_reduction_starts_at_its_sample),
        cmocka_unit_test(both_sides_are_turned_down_alike),
        cmocka_unit_test(digital_silence_is_no_noise),
        cmocka_unit_test(a_click_stays_where_it_was_at_every_rate),
        cmocka_unit_test(profiles_that_are_none_are_refused),
        cmocka_unit_test(the_least_power_of_noise_is_corrected_to_its_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
