// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/reverb_design.h"
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 4 * RATE, LATENCY = 32, BANDS = 7, SETS = 4 };

static float in[2][FRAMES], out[2][FRAMES], other[2][FRAMES];
static const float *const inputs[] = {in[0], in[1]};
static float *const outputs[] = {out[0], out[1]};
static float *const others[] = {other[0], other[1]};
static const double pi = 3.14159265358979323846;

static rig_voice reverb(unsigned channels)
{
    rig_voice voice;
    rig_voice_init(&voice, "reverb", channels);
    rig_set(&voice, "predelay_ms", 0.0);
    return voice;
}

// One decay at all frequencies.
static rig_voice even_reverb(double decay_s)
{
    rig_voice voice = reverb(2);
    rig_set(&voice, "decay_s", decay_s);
    rig_set(&voice, "low_decay_percent", 100.0);
    rig_set(&voice, "high_decay_percent", 100.0);
    return voice;
}

static void impulse(size_t channel)
{
    memset(in, 0, sizeof in);
    in[channel][0] = 1.0F;
}

/// A second-order section, and its memory.
typedef struct section {
    double b0, b1, b2, a1, a2, s1, s2;
} section;

static section butterworth(double freq_hz, double q, bool high)
{
    const double w = 2.0 * pi * freq_hz / RATE;
    const double alpha = sin(w) / (2.0 * q);
    const double a0 = 1.0 + alpha;
    const double middle = high ? -(1.0 + cos(w)) : 1.0 - cos(w);
    const double side = fabs(middle) / 2.0;
    return (section){.b0 = side / a0,
                     .b1 = middle / a0,
                     .b2 = side / a0,
                     .a1 = -2.0 * cos(w) / a0,
                     .a2 = (1.0 - alpha) / a0};
}

static double run_section(section *self, double x)
{
    const double y = self->b0 * x + self->s1;
    self->s1 = self->b1 * x - self->a1 * y + self->s2;
    self->s2 = self->b2 * x - self->a2 * y;
    return y;
}

// An octave by Butterworth flanks of fourth order; adds its Schroeder curve, from 1 down.
static void add_schroeder(const float *response, size_t from, double freq_hz, double *curve)
{
    static double energy[FRAMES];
    const double low = freq_hz / sqrt(2.0);
    const double high = freq_hz * sqrt(2.0);
    section sections[] = {butterworth(low, 0.5412, true), butterworth(low, 1.3066, true),
                          butterworth(high, 0.5412, false), butterworth(high, 1.3066, false)};
    for (size_t i = 0; i < FRAMES; i++) {
        double x = (double)response[i];
        for (size_t s = 0; s < NB_COUNT(sections); s++) {
            x = run_section(&sections[s], x);
        }
        energy[i] = x * x;
    }
    for (size_t i = FRAMES - 1; i-- > from;) {
        energy[i] += energy[i + 1];
    }
    for (size_t i = from; i < FRAMES; i++) {
        curve[i - from] += energy[i] / energy[from];
    }
}

// T30: the straight line from -5 to -35 dB, by least squares.
static double t30_s(const double *curve)
{
    double n = 0.0, t = 0.0, y = 0.0, tt = 0.0, ty = 0.0;
    for (size_t i = 0; i < FRAMES; i++) {
        const double db = 10.0 * log10(fmax(curve[i] / curve[0], 1e-30));
        if (db < -35.0) {
            break;
        }
        if (db <= -5.0) {
            const double time = (double)i / RATE;
            n += 1.0;
            t += time;
            y += db;
            tt += time * time;
            ty += time * db;
        }
    }
    return -60.0 * (n * tt - t * t) / (n * ty - t * y);
}

// What T30 of an octave is whose every frequency decays as the design says: an octave holds many
// decays, and its late part is made of the longest ones.
static double expected_s(const nb_reverb_decay *decay, double freq_hz)
{
    enum { PARTS = 40 };
    static double curve[FRAMES];
    memset(curve, 0, sizeof curve);
    for (size_t p = 0; p < PARTS; p++) {
        const double place = (p + 0.5) / PARTS;
        const double f = freq_hz * (sqrt(0.5) + place * (sqrt(2.0) - sqrt(0.5)));
        const double t60 = nb_reverb_t60_s(decay, f);
        const double step = pow(10.0, -6.0 / (RATE * t60));
        double energy = t60;
        for (size_t i = 0; i < FRAMES; i++) {
            curve[i] += energy;
            energy *= step;
        }
    }
    return t30_s(curve);
}

// Four sizes, both inputs, both outputs: sixteen different sums of the network's modes.
static void assert_decays(const nb_reverb_decay *decay)
{
    static double curves[BANDS][FRAMES];
    static const double sizes[SETS] = {100.0, 93.0, 107.0, 97.0};
    memset(curves, 0, sizeof curves);
    for (size_t run = 0; run < 2 * SETS; run++) {
        rig_voice voice = reverb(2);
        rig_set(&voice, "decay_s", decay->mid_s);
        rig_set(&voice, "low_decay_percent", 100.0 * decay->low_s / decay->mid_s);
        rig_set(&voice, "high_decay_percent", 100.0 * decay->high_s / decay->mid_s);
        rig_set(&voice, "low_crossover_hz", decay->low_hz);
        rig_set(&voice, "high_crossover_hz", decay->high_hz);
        rig_set(&voice, "size_percent", sizes[run / 2]);
        rig_set(&voice, "early_db", -INFINITY);
        impulse(run % 2);
        rig_process_one(&voice, FRAMES, inputs, outputs);
        for (size_t b = 0; b < BANDS; b++) {
            for (size_t c = 0; c < 2; c++) { // from where all paths are filled
                add_schroeder(out[c], RATE * 8 / 100, 125.0 * (double)(1U << b), curves[b]);
            }
        }
    }
    for (size_t b = 0; b < BANDS; b++) {
        const double freq_hz = 125.0 * (double)(1U << b);
        const double expected = expected_s(decay, freq_hz);
        const double measured = t30_s(curves[b]);
        print_message("T60 %g s, %g Hz: %.3f s, asked %.3f\n", decay->mid_s, freq_hz, measured,
                      expected);
        assert_true(fabs(measured / expected - 1.0) < 0.05);
    }
}

static void every_octave_decays_as_the_document_says(void **state)
{
    (void)state;
    assert_decays(&(nb_reverb_decay){RATE, 2.0, 2.0, 2.0, 250.0, 5000.0});
    assert_decays(&(nb_reverb_decay){RATE, 2.2, 2.0, 0.8, 250.0, 5000.0});
    assert_decays(&(nb_reverb_decay){RATE, 1.5, 1.0, 0.3, 300.0, 4000.0});
    assert_decays(&(nb_reverb_decay){RATE, 0.3, 0.5, 0.5, 200.0, 5000.0});
}

static void the_shelves_meet_half_way_at_their_crossovers(void **state)
{
    (void)state;
    const nb_reverb_decay decay = {RATE, 3.0, 1.5, 0.5, 100.0, 8000.0};
    assert_true(fabs(nb_reverb_t60_s(&decay, 1e-3) - 3.0) < 1e-6);
    assert_true(fabs(1.0 / nb_reverb_t60_s(&decay, 100.0) - (1 / 3.0 + 1 / 1.5) / 2.0) < 2e-3);
    assert_true(fabs(1.0 / nb_reverb_t60_s(&decay, 8000.0) - (1 / 1.5 + 1 / 0.5) / 2.0) < 2e-3);
}

// Share of frames outside one deviation, by a Gaussian's (Abel and Huang 2006).
static double echo_density(const float *response, size_t middle)
{
    enum { HALF = RATE / 100 };
    double sum = 0.0;
    size_t outside = 0;
    for (size_t i = middle - HALF; i < middle + HALF; i++) {
        sum += (double)response[i] * (double)response[i];
    }
    const double deviation = sqrt(sum / (2 * HALF));
    for (size_t i = middle - HALF; i < middle + HALF; i++) {
        outside += fabs((double)response[i]) > deviation;
    }
    return (double)outside / (2 * HALF) / 0.3173;
}

static void echoes_are_as_dense_as_noise_after_40_ms(void **state)
{
    (void)state;
    const rig_voice voice = reverb(2);
    impulse(0);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t ms = 40; ms < 400; ms += 10) {
        double density = 0.0;
        for (size_t c = 0; c < 2; c++) {
            density += 0.5 * echo_density(out[c] + LATENCY, ms * RATE / 1000);
        }
        assert_true(density > 0.88 && density < 1.12);
    }
}

// The late tail with its decay taken out again.
static void flatten(double decay_s, size_t from, size_t frames, double *tails[2])
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < frames; i++) {
            const double time = (double)(from + i) / RATE;
            tails[c][i] = (double)out[c][from + i] * pow(10.0, 3.0 * time / decay_s);
        }
    }
}

static double product(const double *a, const double *b, size_t frames)
{
    double sum = 0.0;
    for (size_t i = 0; i < frames; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static void the_tail_neither_rings_nor_leans_to_a_side(void **state)
{
    (void)state;
    enum { FROM = RATE, COUNT = 2 * RATE, LAGS = 4000 };
    static double left[COUNT], right[COUNT];
    const rig_voice voice = even_reverb(4.0);
    impulse(0);
    in[1][0] = 1.0F; // a mono source
    rig_process_one(&voice, FRAMES, inputs, outputs);
    flatten(4.0, FROM, COUNT, (double *[2]){left, right});
    const double power = product(left, left, COUNT - LAGS);
    const double power_right = product(right, right, COUNT - LAGS);
    const double across = product(left, right, COUNT - LAGS) / sqrt(power * power_right);
    assert_true(fabs(across) < 0.05); // so the mono sum loses 3 dB, as noise does
    assert_true(fabs(10.0 * log10(power / power_right)) < 0.5);
    for (size_t lag = 20; lag < LAGS; lag++) {
        assert_true(fabs(product(left, left + lag, COUNT - LAGS)) < 0.1 * power);
    }
}

static double level_of(const float *samples, size_t from)
{
    double sum = 0.0;
    for (size_t i = from; i < FRAMES; i++) {
        sum += (double)samples[i] * (double)samples[i];
    }
    return sqrt(sum / (double)(FRAMES - from));
}

static void noise_leaves_as_loud_as_it_enters(void **state)
{
    (void)state;
    static const double decays[] = {0.5, 1.0, 2.0};
    rig_noise(in[0], FRAMES, 0.5, 1);
    rig_noise(in[1], FRAMES, 0.5, 2);
    for (size_t d = 0; d < NB_COUNT(decays); d++) {
        rig_voice voice = even_reverb(decays[d]);
        rig_set(&voice, "early_db", -INFINITY);
        rig_process_one(&voice, FRAMES, inputs, outputs);
        for (size_t c = 0; c < 2; c++) {
            const double gain = level_of(out[c], FRAMES / 2) / level_of(in[c], FRAMES / 2);
            assert_true(fabs(20.0 * log10(gain)) < 1.0);
        }
    }
}

static void the_predelay_is_exact_and_nothing_comes_before(void **state)
{
    (void)state;
    rig_voice voice = reverb(2);
    rig_set(&voice, "mod_depth_ms", 0.0);
    impulse(0);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    rig_set(&voice, "predelay_ms", 37.5); // 1800 frames
    rig_process_one(&voice, FRAMES, inputs, others);
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < LATENCY + 1800; i++) {
            assert_true(other[c][i] == 0.0F);
        }
        // Another step's rounding is not the same; its sound is.
        for (size_t i = 0; i + 1800 < FRAMES; i++) {
            assert_true(fabsf(other[c][i + 1800] - out[c][i]) < 1e-6F);
        }
    }
}

static void no_width_is_mono_and_the_early_part_can_be_left_out(void **state)
{
    (void)state;
    rig_voice voice = reverb(2);
    rig_set(&voice, "width_percent", 0.0);
    impulse(0);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    rig_set(&voice, "early_db", -INFINITY);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t i = 0; i < LATENCY + RATE * 21 / 1000; i++) {
        assert_true(out[0][i] == 0.0F); // the shortest line lasts 21.3 ms
    }
}

static double constant(size_t control, int64_t frame)
{
    (void)frame;
    return control == 10 ? 100.0 : -6.0; // width_percent, early_db at their defaults
}

static double sweep(size_t control, int64_t frame)
{
    return control == 10 ? 75.0 + 75.0 * sin((double)frame * 1e-3)
                         : -20.0 + 20.0 * sin((double)frame * 1.3e-3);
}

static void moving_levels_are_smooth_and_at_rest_the_same(void **state)
{
    (void)state;
    rig_voice voice = reverb(2);
    for (size_t c = 0; c < 2; c++) {
        rig_noise(in[c], FRAMES, 0.5, (uint32_t)(3 + c));
    }
    rig_process_one(&voice, FRAMES, inputs, outputs);
    rig_move(&voice, "width_percent");
    rig_move(&voice, "early_db");
    rig_process(&(rig_run){.curve = constant}, &voice, 1, FRAMES, inputs, others);
    assert_memory_equal(out, other, sizeof out);
    rig_process(&(rig_run){.curve = sweep}, &voice, 1, FRAMES, inputs, outputs);
    rig_process(&(rig_run){.curve = sweep, .first_block = 771}, &voice, 1, FRAMES, inputs, others);
    assert_memory_equal(out, other, sizeof out);
}

static void any_split_and_every_width_give_the_same_bits(void **state)
{
    (void)state;
    for (unsigned channels = 1; channels <= 2; channels++) {
        rig_voice voice = reverb(channels);
        rig_set(&voice, "mod_rate_hz", 1.9);
        for (size_t c = 0; c < 2; c++) {
            rig_noise(in[c], FRAMES, 0.5, (uint32_t)(3 + c));
            memset(in[c], 0, 1000 * sizeof(float));
        }
        rig_process(&(rig_run){.lanes = 2}, &voice, 1, FRAMES, inputs, outputs);
        for (size_t lanes = 2; lanes <= 8; lanes *= 2) {
            if (!nb_level_runs(lanes)) {
                print_message("this machine has no registers of %zu lanes\n", lanes);
                continue;
            }
            const rig_run how = {.lanes = lanes, .first_block = 1 + 97 * lanes, .twice = true};
            rig_process(&how, &voice, 1, FRAMES, inputs, others);
            assert_memory_equal(out, other, channels * sizeof out[0]);
        }
    }
}

static void extremes_stay_finite(void **state)
{
    (void)state;
    const nb_processor *it = reverb(2).settings.processor;
    static const unsigned rates[] = {44100, 192000};
    rig_noise(in[0], FRAMES, 1.0, 8);
    rig_noise(in[1], FRAMES, 1.0, 9);
    for (size_t run = 0; run < 8; run++) {
        rig_voice voice = reverb(2);
        voice.settings.rate_hz = rates[run % 2];
        for (size_t p = 0; p < it->param_count; p++) {
            voice.values[p] = ((run >> (p % 3)) & 1) ? it->params[p].max : it->params[p].min;
        }
        rig_set(&voice, "low_crossover_hz", 300.0);
        rig_process_one(&voice, FRAMES, inputs, outputs);
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(fabsf(out[0][i]) < 1000.0F && fabsf(out[1][i]) < 1000.0F);
        }
    }
}

// Short decays at low crossovers: there the filters remember longer than the lines.
static void after_the_tail_nothing_is_left_however_short_the_decay(void **state)
{
    (void)state;
    static const struct {
        unsigned rate_hz;
        double decay_s, low_percent, high_hz, size_percent;
    } rooms[] = {
        {48000, 0.414644, 90.638, 1120.68, 251.632}, // left 2.2e-6
        {8000, 0.2, 110.0, 1313.0, 100.0},           // left 2.6e-5
        {8000, 0.2, 250.0, 1001.0, 100.0},           {48000, 0.2, 20.0, 1001.0, 300.0},
        {96000, 0.2, 250.0, 16000.0, 20.0},
    };
    for (size_t r = 0; r < NB_COUNT(rooms); r++) {
        rig_voice voice = reverb(2);
        voice.settings.rate_hz = rooms[r].rate_hz;
        voice.settings.values = voice.values;
        rig_set(&voice, "decay_s", rooms[r].decay_s);
        rig_set(&voice, "low_decay_percent", rooms[r].low_percent);
        rig_set(&voice, "low_crossover_hz", 129.0);
        rig_set(&voice, "high_decay_percent", 10.0);
        rig_set(&voice, "high_crossover_hz", rooms[r].high_hz);
        rig_set(&voice, "size_percent", rooms[r].size_percent);
        const size_t loud = rooms[r].rate_hz / 4;
        const size_t end = loud + LATENCY + voice.settings.processor->tail(&voice.settings);
        assert_true(end < FRAMES);
        for (size_t c = 0; c < 2; c++) {
            memset(in[c], 0, sizeof in[c]);
            rig_noise(in[c], loud, 0.5, (uint32_t)(3 + c));
            for (size_t i = 0; i < loud; i++) {
                in[c][i] += 0.5F; // low frequencies too
            }
        }
        rig_process_one(&voice, FRAMES, inputs, outputs);
        for (size_t i = end; i < FRAMES; i++) {
            assert_true(fabsf(out[0][i]) < 1e-6F && fabsf(out[1][i]) < 1e-6F);
        }
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    rig_voice voice = reverb(2);
    voice.settings.values = voice.values;
    const nb_processor *it = voice.settings.processor;
    assert_ok(it->check(&voice.settings, err));
    assert_int_equal(it->latency(&voice.settings), LATENCY);
    rig_set(&voice, "low_crossover_hz", 1000.0);
    rig_set(&voice, "high_crossover_hz", 1000.0);
    assert_fails(NB_E_INVALID, "not under high_crossover_hz", it->check(&voice.settings, err));
    rig_set(&voice, "high_crossover_hz", 12000.0);
    voice.settings.rate_hz = 22050;
    assert_fails(NB_E_INVALID, "half the sample rate", it->check(&voice.settings, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octave_decays_as_the_document_says),
        cmocka_unit_test(the_shelves_meet_half_way_at_their_crossovers),
        cmocka_unit_test(echoes_are_as_dense_as_noise_after_40_ms),
        cmocka_unit_test(the_tail_neither_rings_nor_leans_to_a_side),
        cmocka_unit_test(noise_leaves_as_loud_as_it_enters),
        cmocka_unit_test(the_predelay_is_exact_and_nothing_comes_before),
        cmocka_unit_test(no_width_is_mono_and_the_early_part_can_be_left_out),
        cmocka_unit_test(moving_levels_are_smooth_and_at_rest_the_same),
        cmocka_unit_test(any_split_and_every_width_give_the_same_bits),
        cmocka_unit_test(extremes_stay_finite),
        cmocka_unit_test(after_the_tail_nothing_is_left_however_short_the_decay),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
