// SPDX-License-Identifier: GPL-3.0-or-later
// Parametric equaliser. docs/dsp/equaliser.md
//
// Bands that never move run first, packed lane by lane, as transposed direct form 2: the cheapest
// form that is exact enough in doubles. Bands that move run behind them as trapezoidal state
// variable filters, which stay stable and quiet however their coefficients move.
#include "dsp/equaliser_design.h"
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

extern const nb_processor NB_KERNEL(nb_equaliser);

enum { TYPE, FREQ_HZ, GAIN_DB, Q, SLOPE };
enum { BANDS_MAX = 24, CHUNK_FRAMES = 64 };

static const char *const types[] = {
    [NB_BAND_HIGH_PASS] = "high-pass", [NB_BAND_LOW_PASS] = "low-pass",
    [NB_BAND_LOW_SHELF] = "low-shelf", [NB_BAND_HIGH_SHELF] = "high-shelf",
    [NB_BAND_BELL] = "bell",           [NB_BAND_NOTCH] = "notch",
    [NB_BAND_NOTCH + 1] = NULL,
};
static const char *const slopes[] = {"6", "12", "18", "24", "30", "36", "42", "48", NULL};

static const nb_param band_params[] = {
    [TYPE] = {"type", "", NB_SCALE_CHOICE, 0.0, NB_BAND_NOTCH, NB_BAND_BELL, .choices = types,
              .help = "Shape of the band."},
    [FREQ_HZ] = {"freq_hz", "Hz", NB_SCALE_LOG, 10.0, 24000.0, 1000.0, .automatable = true,
                 .help = "Centre of a bell or notch, corner of a pass, middle of a shelf; under "
                         "0.49 of the sample rate."},
    [GAIN_DB] = {"gain_db", "dB", NB_SCALE_DB, -30.0, 30.0, 0.0, .automatable = true,
                 .help = "Of bells and shelves."},
    [Q] = {"q", "", NB_SCALE_LOG, 0.1, 40.0, 0.70710678118654752, .automatable = true,
           .help = "Narrowness of bells and notches; resonance of shelves and of 12 dB/octave "
                   "passes."},
    [SLOPE] = {"slope_db_oct", "dB/oct", NB_SCALE_CHOICE, 0.0, 7.0, 1.0, .choices = slopes,
               .help = "Of a pass; other than 12 it is a Butterworth filter, -3 dB at freq_hz, and "
                       "q has no effect."},
};

// Above it the bilinear transform has nothing left to bend.
static const double highest_of_rate = 0.49;

/// One section in every lane. {1, 0, 0, 0, 0} hands a sample through.
typedef struct biquads {
    nb_lanes b0, b1, b2, a1, a2;
    nb_lanes z1, z2;
} biquads;

/// A section of a moving band. The outputs' mix is a polynomial in A = 10^(gain/40), so that all
/// shapes are one code: m0 = m00 + m02 A^2, m1 = k (m10 + m11 A + m12 A^2), m2 = m20 + m22 A^2.
typedef struct moving_section {
    nb_lanes m00, m02, m10, m11, m12, m20, m22;
    nb_lanes fixed_q; ///< Where Butterworth says; 0 where the band's q rules
    nb_masks first_order;
    nb_lanes s1, s2;
} moving_section;

typedef struct moving_band {
    size_t index;
    size_t section_count;
    nb_lanes freq_hz, gain_db, q; ///< Of what does not move
    nb_masks bell, low_shelf, high_shelf;
    moving_section sections[NB_BAND_SECTIONS_MAX];
} moving_band;

typedef struct equaliser {
    nb_lanes half_turn_per_hz; ///< pi / rate
    double freq_max_hz;
    biquads *sections;
    size_t section_count;
    moving_band *bands;
    size_t band_count;
} equaliser;

static nb_band band_of(const nb_settings *settings, size_t index)
{
    return (nb_band){
        .type = (nb_band_type)nb_band_value(settings, index, TYPE),
        .freq_hz = nb_band_value(settings, index, FREQ_HZ),
        .gain_db = nb_band_value(settings, index, GAIN_DB),
        .q = nb_band_value(settings, index, Q),
        .order = (unsigned)nb_band_value(settings, index, SLOPE) + 1,
    };
}

static bool param_moves(const nb_settings *settings, size_t band, size_t param)
{
    return nb_settings_moves(settings, nb_control_of_band(settings->processor, band, param));
}

static bool band_moves(const nb_settings *settings, size_t band)
{
    return param_moves(settings, band, FREQ_HZ) || param_moves(settings, band, GAIN_DB) ||
           param_moves(settings, band, Q);
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const double highest_hz = highest_of_rate * settings->rate_hz;
    for (size_t b = 0; b < settings->band_count; b++) {
        const double freq_hz = nb_band_value(settings, b, FREQ_HZ);
        if (!(freq_hz <= highest_hz)) {
            return nb_fail(err, NB_E_INVALID,
                           "band %zu: freq_hz %g is over %g, 0.49 of the sample rate %u", b + 1,
                           freq_hz, highest_hz, settings->rate_hz);
        }
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

// A moving band as the one among those it may become that rings longest: at its lowest frequency
// and highest q, and for shelves at either end of the gain.
static size_t moving_tail(const nb_settings *settings, size_t index, double level)
{
    nb_band band = band_of(settings, index);
    band.freq_hz = param_moves(settings, index, FREQ_HZ) ? band_params[FREQ_HZ].min : band.freq_hz;
    band.q = param_moves(settings, index, Q) ? band_params[Q].max : band.q;
    const bool gain_moves = param_moves(settings, index, GAIN_DB);
    size_t longest = 0;
    for (int end = 0; end < 2; end++) {
        nb_biquad sections[NB_BAND_SECTIONS_MAX];
        const nb_param *gain = &band_params[GAIN_DB];
        band.gain_db = gain_moves ? (end ? gain->max : gain->min) : band.gain_db;
        const size_t count = nb_band_design(&band, settings->rate_hz, sections);
        const size_t frames = nb_biquads_tail(sections, count, level);
        longest = (frames > longest) ? frames : longest;
    }
    return longest;
}

static size_t tail(const nb_settings *settings)
{
    static const double level = 1e-6; // -120 dB
    nb_biquad fixed[BANDS_MAX * NB_BAND_SECTIONS_MAX];
    size_t fixed_count = 0;
    size_t frames = 0;
    for (size_t b = 0; b < settings->band_count; b++) {
        const nb_band band = band_of(settings, b);
        if (band_moves(settings, b)) {
            frames += moving_tail(settings, b, level);
        } else {
            fixed_count += nb_band_design(&band, settings->rate_hz, fixed + fixed_count);
        }
    }
    return frames + (fixed_count ? nb_biquads_tail(fixed, fixed_count, level) : 0);
}

static size_t fixed_section_count(const nb_settings *voice)
{
    size_t count = 0;
    for (size_t b = 0; b < voice->band_count; b++) {
        const nb_band band = band_of(voice, b);
        count += band_moves(voice, b) ? 0 : nb_band_section_count(&band);
    }
    return count;
}

static void set_fixed_lane(equaliser *self, const nb_settings *voice, size_t lane)
{
    size_t at = 0;
    for (size_t b = 0; b < voice->band_count; b++) {
        if (band_moves(voice, b)) {
            continue;
        }
        nb_biquad design[NB_BAND_SECTIONS_MAX];
        const nb_band band = band_of(voice, b);
        const size_t count = nb_band_design(&band, voice->rate_hz, design);
        for (size_t s = 0; s < count; s++, at++) {
            self->sections[at].b0[lane] = design[s].b0;
            self->sections[at].b1[lane] = design[s].b1;
            self->sections[at].b2[lane] = design[s].b2;
            self->sections[at].a1[lane] = design[s].a1;
            self->sections[at].a2[lane] = design[s].a2;
        }
    }
}

static void set_moving_section(moving_section *section, const nb_band *band, size_t index,
                               size_t lane)
{
    if (index >= nb_band_section_count(band)) {
        return; // hands through
    }
    section->m00[lane] = 0.0;
    const double q = nb_band_section_q(band, index);
    const bool is_pass = band->type == NB_BAND_HIGH_PASS || band->type == NB_BAND_LOW_PASS;
    section->first_order[lane] = -(q == 0.0);
    section->fixed_q[lane] = (is_pass && band->order != 2) ? q : 0.0;
    switch (band->type) {
    case NB_BAND_HIGH_PASS:
        section->m00[lane] = 1.0;
        section->m10[lane] = -1.0;
        section->m20[lane] = -1.0;
        break;
    case NB_BAND_LOW_PASS:
        section->m20[lane] = 1.0;
        break;
    case NB_BAND_LOW_SHELF:
        section->m00[lane] = 1.0;
        section->m10[lane] = -1.0;
        section->m11[lane] = 1.0;
        section->m20[lane] = -1.0;
        section->m22[lane] = 1.0;
        break;
    case NB_BAND_HIGH_SHELF:
        section->m02[lane] = 1.0;
        section->m11[lane] = 1.0;
        section->m12[lane] = -1.0;
        section->m20[lane] = 1.0;
        section->m22[lane] = -1.0;
        break;
    case NB_BAND_BELL:
        section->m00[lane] = 1.0;
        section->m10[lane] = -1.0;
        section->m12[lane] = 1.0;
        break;
    case NB_BAND_NOTCH:
        section->m00[lane] = 1.0;
        section->m10[lane] = -1.0;
        break;
    }
}

static void set_moving_lane(moving_band *self, const nb_settings *voice, size_t lane)
{
    const nb_band band = band_of(voice, self->index);
    self->freq_hz[lane] = band.freq_hz;
    self->gain_db[lane] = band.gain_db;
    self->q[lane] = band.q;
    self->bell[lane] = -(band.type == NB_BAND_BELL);
    self->low_shelf[lane] = -(band.type == NB_BAND_LOW_SHELF);
    self->high_shelf[lane] = -(band.type == NB_BAND_HIGH_SHELF);
    for (size_t s = 0; s < NB_BAND_SECTIONS_MAX; s++) {
        set_moving_section(&self->sections[s], &band, s, lane);
    }
    const size_t count = nb_band_section_count(&band);
    self->section_count = (count > self->section_count) ? count : self->section_count;
}

// Lanes without the band hand their samples through; every number in them stays finite.
static void clear_moving_band(moving_band *self, size_t index)
{
    self->index = index;
    self->freq_hz = nb_lanes_set(band_params[FREQ_HZ].initial);
    self->q = nb_lanes_set(1.0);
    for (size_t s = 0; s < NB_BAND_SECTIONS_MAX; s++) {
        self->sections[s].m00 = nb_lanes_set(1.0);
    }
}

static void set_lanes(equaliser *self, const nb_settings *voices, size_t voice_count)
{
    for (size_t v = 0; v < voice_count; v++) {
        const size_t first = nb_voice_lane(voices, v);
        for (size_t lane = first; lane < first + voices[v].channels; lane++) {
            set_fixed_lane(self, &voices[v], lane);
            for (size_t m = 0; m < self->band_count; m++) {
                if (self->bands[m].index < voices[v].band_count) {
                    set_moving_lane(&self->bands[m], &voices[v], lane);
                }
            }
        }
    }
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    equaliser *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "equaliser: no memory");
    }
    // The voice with most bands knows of every moving one.
    const nb_settings *longest = &voices[0];
    for (size_t v = 0; v < voice_count; v++) {
        const size_t count = fixed_section_count(&voices[v]);
        self->section_count = (count > self->section_count) ? count : self->section_count;
        longest = (voices[v].band_count > longest->band_count) ? &voices[v] : longest;
    }
    for (size_t b = 0; b < longest->band_count; b++) {
        self->band_count += band_moves(longest, b);
    }
    self->sections = nb_arena_take(arena, self->section_count + 1, sizeof *self->sections);
    self->bands = nb_arena_take(arena, self->band_count + 1, sizeof *self->bands);
    if (!self->sections || !self->bands) {
        return nb_fail(err, NB_E_NO_MEMORY, "equaliser: no memory for %zu sections",
                       self->section_count);
    }
    for (size_t s = 0; s < self->section_count; s++) {
        self->sections[s].b0 = nb_lanes_set(1.0);
    }
    for (size_t b = 0, m = 0; b < longest->band_count; b++) {
        if (band_moves(longest, b)) {
            clear_moving_band(&self->bands[m++], b);
        }
    }
    self->half_turn_per_hz = nb_lanes_set(NB_PI / voices[0].rate_hz);
    self->freq_max_hz = highest_of_rate * voices[0].rate_hz;
    set_lanes(self, voices, voice_count);
    *out_state = self;
    return NB_OK;
}

static void reset(void *state)
{
    equaliser *self = state;
    for (size_t s = 0; s < self->section_count; s++) {
        self->sections[s].z1 = self->sections[s].z2 = (nb_lanes){0};
    }
    for (size_t m = 0; m < self->band_count; m++) {
        for (size_t s = 0; s < NB_BAND_SECTIONS_MAX; s++) {
            self->bands[m].sections[s].s1 = self->bands[m].sections[s].s2 = (nb_lanes){0};
        }
    }
}

// `count` is a constant at every call: the compiler unrolls the loop over sections and keeps their
// states in registers. All sections of a sample in one go let the CPU overlap their recursions.
static inline __attribute__((always_inline)) void run_fixed(biquads *sections, size_t count,
                                                            nb_lanes *samples, size_t frames)
{
    nb_lanes z1[4], z2[4];
    for (size_t s = 0; s < count; s++) {
        z1[s] = sections[s].z1;
        z2[s] = sections[s].z2;
    }
    for (size_t i = 0; i < frames; i++) {
        nb_lanes x = samples[i];
        for (size_t s = 0; s < count; s++) {
            const biquads *q = &sections[s];
            const nb_lanes y = q->b0 * x + z1[s];
            z1[s] = q->b1 * x - q->a1 * y + z2[s];
            z2[s] = q->b2 * x - q->a2 * y;
            x = y;
        }
        samples[i] = x;
    }
    for (size_t s = 0; s < count; s++) {
        sections[s].z1 = z1[s];
        sections[s].z2 = z2[s];
    }
}

static void run_fixed_sections(const equaliser *self, nb_lanes *samples, size_t frames)
{
    size_t s = 0;
    for (; s + 4 <= self->section_count; s += 4) {
        run_fixed(self->sections + s, 4, samples, frames);
    }
    switch (self->section_count - s) {
    case 3:
        run_fixed(self->sections + s, 3, samples, frames);
        break;
    case 2:
        run_fixed(self->sections + s, 2, samples, frames);
        break;
    case 1:
        run_fixed(self->sections + s, 1, samples, frames);
        break;
    default:
        break;
    }
}

/// What all sections of a moving band share at one frame.
typedef struct moment {
    nb_lanes sine, cosine; ///< Of pi f / rate, scaled for shelves: their ratio is the filter's g
    nb_lanes a, a_squared;
    nb_lanes k_scale; ///< k times Q: 1 / A for bells, 1 for others
    nb_lanes q;
} moment;

static inline moment moment_of(const equaliser *self, const moving_band *band, nb_lanes freq_hz,
                               nb_lanes gain_db, nb_lanes q)
{
    const nb_lanes one = nb_lanes_set(1.0);
    freq_hz = nb_lanes_clamp(freq_hz, band_params[FREQ_HZ].min, self->freq_max_hz);
    gain_db = nb_lanes_clamp(gain_db, band_params[GAIN_DB].min, band_params[GAIN_DB].max);
    const nb_lanes angle = freq_hz * self->half_turn_per_hz;
    const nb_lanes root_a = nb_lanes_exp2(gain_db * (NB_OCTAVES_PER_DB / 4.0)); // sqrt(A)
    moment now;
    now.a = root_a * root_a;
    now.a_squared = now.a * now.a;
    now.sine = nb_lanes_sin(angle) * nb_lanes_select(band->high_shelf, root_a, one);
    now.cosine = nb_lanes_sin(NB_PI / 2.0 - angle) * nb_lanes_select(band->low_shelf, root_a, one);
    now.k_scale = nb_lanes_select(band->bell, 1.0 / now.a, one);
    now.q = nb_lanes_clamp(q, band_params[Q].min, band_params[Q].max);
    return now;
}

// A. Simper's state variable filter by the trapezoidal rule. With g = sine / cosine, multiplied
// through by the cosine: one division and no tangent, whose pole would be at half the rate.
static inline nb_lanes run_moving(moving_section *self, const moment *now, nb_lanes x)
{
    const nb_masks own_q = (nb_masks)(self->fixed_q == nb_lanes_set(0.0));
    const nb_lanes k = now->k_scale / nb_lanes_select(own_q, now->q, self->fixed_q);
    const nb_lanes s = now->sine;
    const nb_lanes c = now->cosine;
    const nb_lanes zero = {0};
    // Of first order: v1 is nothing, v2 the low-pass.
    const nb_lanes scale = 1.0 / nb_lanes_select(self->first_order, s + c, c * c + s * (s + k * c));
    const nb_lanes a1 = c * c * scale;
    const nb_lanes a2 = s * c * scale;
    const nb_lanes a3 = s * s * scale;
    const nb_lanes v3 = x - self->s2;
    const nb_lanes v1 = nb_lanes_select(self->first_order, zero, a1 * self->s1 + a2 * v3);
    const nb_lanes v2 =
        self->s2 + nb_lanes_select(self->first_order, s * scale * v3, a2 * self->s1 + a3 * v3);
    self->s1 = 2.0 * v1 - self->s1;
    self->s2 = 2.0 * v2 - self->s2;
    const nb_lanes m0 = self->m00 + self->m02 * now->a_squared;
    const nb_lanes m1 = k * (self->m10 + self->m11 * now->a + self->m12 * now->a_squared);
    const nb_lanes m2 = self->m20 + self->m22 * now->a_squared;
    return m0 * x + m1 * v1 + m2 * v2;
}

static void run_moving_band(const equaliser *self, moving_band *band, const nb_block *block,
                            size_t start, nb_lanes *samples, size_t frames)
{
    const nb_processor *processor = &NB_KERNEL(nb_equaliser);
    const nb_control freq_hz =
        nb_control_of(block, nb_control_of_band(processor, band->index, FREQ_HZ), band->freq_hz);
    const nb_control gain_db =
        nb_control_of(block, nb_control_of_band(processor, band->index, GAIN_DB), band->gain_db);
    const nb_control q =
        nb_control_of(block, nb_control_of_band(processor, band->index, Q), band->q);
    for (size_t i = 0; i < frames; i++) {
        const moment now =
            moment_of(self, band, nb_control_at(&freq_hz, start + i),
                      nb_control_at(&gain_db, start + i), nb_control_at(&q, start + i));
        nb_lanes x = samples[i];
        for (size_t s = 0; s < band->section_count; s++) {
            x = run_moving(&band->sections[s], &now, x);
        }
        samples[i] = x;
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    equaliser *self = state;
    nb_lanes samples[CHUNK_FRAMES];
    for (size_t start = 0; start < block->frames; start += CHUNK_FRAMES) {
        const size_t left = block->frames - start;
        const size_t frames = (left < CHUNK_FRAMES) ? left : CHUNK_FRAMES;
        for (size_t i = 0; i < frames; i++) {
            samples[i] = nb_frame_load(block->in, start + i);
        }
        run_fixed_sections(self, samples, frames);
        for (size_t m = 0; m < self->band_count; m++) {
            run_moving_band(self, &self->bands[m], block, start, samples, frames);
        }
        // A section that a neighbour needs turns -0 into 0: so does this, whoever the neighbours.
        for (size_t i = 0; i < frames; i++) {
            nb_frame_store(block->out, start + i, samples[i] + 0.0);
        }
    }
}

const nb_processor NB_KERNEL(nb_equaliser) = {
    .name = "equaliser",
    .revision = 1,
    .help = "Parametric equaliser of up to 24 bands.",
    .form = NB_FORM_LANES,
    .band_params = band_params,
    .band_param_count = NB_COUNT(band_params),
    .bands_max = BANDS_MAX,
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
