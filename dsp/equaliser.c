// SPDX-License-Identifier: GPL-3.0-or-later
// Parametric equaliser. docs/dsp/equaliser.md
//
// Bands that never move run first, packed lane by lane, as transposed direct form 2: the cheapest
// form that is exact enough in doubles. Bands that move run behind them (equaliser_bands.c).
#include "dsp/equaliser_bands.h"

extern const nb_processor NB_KERNEL(nb_equaliser);

enum { BANDS_MAX = 24, SECTIONS_AT_ONCE = 6 };

static const nb_param band_params[] = {
    NB_EQ_SHARED_PARAMS(true),
    [NB_EQ_RANGE_DB] = {"range_db", "dB", NB_SCALE_DB, -30.0, 30.0, 0.0, .automatable = true,
                        .help = "Of bells and shelves: the most that the band's level moves its "
                                "gain, down or up; 0 is off."},
    [NB_EQ_THRESHOLD_DB] = {"threshold_db", "dB", NB_SCALE_DB, -80.0, 20.0, -20.0,
                            .automatable = true,
                            .help = "Level in the band, before the equaliser or of the sidechain, "
                                    "from which on the gain moves."},
    [NB_EQ_RATIO] = {"ratio", "", NB_SCALE_LOG, 1.0, 100.0, 2.0, .automatable = true,
                     .help = "Each dB over the threshold moves the gain by 1 - 1 / ratio dB."},
    [NB_EQ_ATTACK_MS] = {"attack_ms", "ms", NB_SCALE_LOG, 0.05, 500.0, 10.0, .automatable = true,
                         .help = "Time constant of the gain's way out."},
    [NB_EQ_RELEASE_MS] = {"release_ms", "ms", NB_SCALE_LOG, 1.0, 5000.0, 100.0, .automatable = true,
                          .help = "Time constant of its way back, in series with the attack's."},
};
_Static_assert(NB_COUNT(band_params) == NB_EQ_PARAM_COUNT, "a row for each band parameter");

/// One section in every lane, b0 taken out: y = x + z1. All zeros hand a sample through.
typedef struct section {
    nb_lanes b1, b2, a1, a2;
    nb_lanes z1, z2;
} section;

typedef struct equaliser {
    nb_lanes gain; ///< Product of the sections' b0
    section *sections;
    size_t section_count;
    nb_moving_bands *moving; ///< Null where no band moves
} equaliser;

static nb_status check_band(const nb_settings *settings, size_t index, nb_error *err)
{
    const nb_band band = nb_eq_band(settings, index);
    const bool gains = band.type == NB_BAND_BELL || band.type == NB_BAND_LOW_SHELF ||
                       band.type == NB_BAND_HIGH_SHELF;
    if (!gains && nb_eq_band_is_dynamic(settings, index)) {
        return nb_fail(err, NB_E_INVALID, "band %zu: range_db is for bells and shelves, not %s",
                       index + 1, nb_eq_types[band.type]);
    }
    return nb_eq_check(&band, index, settings->rate_hz, err);
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    for (size_t b = 0; b < settings->band_count; b++) {
        nb_status status = check_band(settings, b, err);
        if (status != NB_OK) {
            return status;
        }
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static size_t tail_at(const nb_band *band, unsigned rate_hz, double level)
{
    nb_biquad sections[NB_BAND_SECTIONS_MAX];
    const size_t count = nb_band_design(band, rate_hz, sections);
    return count ? nb_biquads_tail(sections, count, level) : 0;
}

static double limited(double value, const nb_param *param)
{
    return value < param->min ? param->min : value > param->max ? param->max : value;
}

// A moving band as the one among those it may become that rings longest: at its lowest frequency
// and highest q, and at either end of the gain.
static size_t moving_tail(const nb_settings *settings, size_t index, double level)
{
    const nb_param *gain = &band_params[NB_EQ_GAIN_DB];
    const nb_band resting = nb_eq_band(settings, index);
    nb_band band = resting;
    band.freq_hz = nb_eq_param_moves(settings, index, NB_EQ_FREQ_HZ)
                       ? band_params[NB_EQ_FREQ_HZ].min
                       : band.freq_hz;
    band.q = nb_eq_param_moves(settings, index, NB_EQ_Q) ? band_params[NB_EQ_Q].max : band.q;
    const bool free_gain = nb_eq_param_moves(settings, index, NB_EQ_GAIN_DB) ||
                           nb_eq_param_moves(settings, index, NB_EQ_RANGE_DB);
    const double range_db = nb_band_value(settings, index, NB_EQ_RANGE_DB);
    // The third: the inverse that a dynamic band has in front of it.
    const double gains[] = {free_gain ? gain->min : resting.gain_db,
                            free_gain ? gain->max : limited(resting.gain_db + range_db, gain),
                            -resting.gain_db};
    size_t longest = 0;
    for (size_t g = 0; g < NB_COUNT(gains); g++) {
        band.gain_db = gains[g];
        const size_t frames = tail_at(&band, settings->rate_hz, level);
        longest = (frames > longest) ? frames : longest;
    }
    return nb_eq_band_is_dynamic(settings, index) ? 2 * longest : longest;
}

static size_t tail(const nb_settings *settings)
{
    static const double level = 1e-6; // -120 dB
    nb_biquad fixed[BANDS_MAX * NB_BAND_SECTIONS_MAX];
    size_t fixed_count = 0;
    size_t frames = 0;
    for (size_t b = 0; b < settings->band_count; b++) {
        const nb_band band = nb_eq_band(settings, b);
        const bool moves = nb_eq_band_moves(settings, b);
        if (moves || nb_eq_band_is_dynamic(settings, b)) {
            frames += moving_tail(settings, b, level);
        }
        fixed_count += moves ? 0 : nb_band_design(&band, settings->rate_hz, fixed + fixed_count);
    }
    return frames + (fixed_count ? nb_biquads_tail(fixed, fixed_count, level) : 0);
}

static size_t fixed_section_count(const nb_settings *voice)
{
    size_t count = 0;
    for (size_t b = 0; b < voice->band_count; b++) {
        const nb_band band = nb_eq_band(voice, b);
        const bool none = nb_eq_band_moves(voice, b) || nb_band_is_flat(&band);
        count += none ? 0 : nb_band_section_count(&band);
    }
    return count;
}

static void set_lane(equaliser *self, const nb_settings *voice, size_t lane)
{
    section *at = self->sections;
    for (size_t b = 0; b < voice->band_count; b++) {
        if (nb_eq_band_moves(voice, b)) {
            continue;
        }
        nb_biquad design[NB_BAND_SECTIONS_MAX];
        const nb_band band = nb_eq_band(voice, b);
        const size_t count = nb_band_design(&band, voice->rate_hz, design);
        for (size_t s = 0; s < count; s++, at++) {
            self->gain[lane] *= design[s].b0;
            at->b1[lane] = design[s].b1 / design[s].b0;
            at->b2[lane] = design[s].b2 / design[s].b0;
            at->a1[lane] = design[s].a1;
            at->a2[lane] = design[s].a2;
        }
    }
}

static void reset(void *state)
{
    equaliser *self = state;
    for (size_t s = 0; s < self->section_count; s++) {
        self->sections[s].z1 = self->sections[s].z2 = (nb_lanes){0};
    }
    NB_KERNEL(nb_moving_bands_reset)(self->moving);
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    equaliser *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "equaliser: no memory");
    }
    for (size_t v = 0; v < voice_count; v++) {
        const size_t count = fixed_section_count(&voices[v]);
        self->section_count = (count > self->section_count) ? count : self->section_count;
    }
    self->sections = nb_arena_take(arena, self->section_count + 1, sizeof *self->sections);
    if (!self->sections) {
        return nb_fail(err, NB_E_NO_MEMORY, "equaliser: no memory for %zu sections",
                       self->section_count);
    }
    nb_status status =
        NB_KERNEL(nb_moving_bands_init)(arena, voices, voice_count, &self->moving, err);
    if (status != NB_OK) {
        return status;
    }
    self->gain = nb_lanes_set(1.0);
    for (size_t v = 0; v < voice_count; v++) {
        const size_t first = nb_voice_lane(voices, v);
        for (size_t lane = first; lane < first + voices[v].channels; lane++) {
            set_lane(self, &voices[v], lane);
        }
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

/// Where samples come from and go to: doubles between two runs, or else the block's frames.
typedef struct stream {
    const float *in;
    float *out;
    nb_lanes *samples;
    nb_lanes gain;
} stream;

// `count` is a constant at every call: the compiler unrolls the loop over sections and keeps their
// states in registers. All sections of a sample in one go let the CPU overlap their recursions.
// From y to the next y only one addition, one product and one difference follow one another.
static inline __attribute__((always_inline)) void run(section *sections, size_t count,
                                                      const stream *of, size_t frames)
{
    nb_lanes b1[SECTIONS_AT_ONCE], b2[SECTIONS_AT_ONCE], a1[SECTIONS_AT_ONCE], a2[SECTIONS_AT_ONCE];
    nb_lanes z1[SECTIONS_AT_ONCE], z2[SECTIONS_AT_ONCE];
    for (size_t s = 0; s < count; s++) {
        b1[s] = sections[s].b1;
        b2[s] = sections[s].b2;
        a1[s] = sections[s].a1;
        a2[s] = sections[s].a2;
        z1[s] = sections[s].z1;
        z2[s] = sections[s].z2;
    }
    const nb_lanes gain = of->gain;
    for (size_t i = 0; i < frames; i++) {
        nb_lanes x = of->samples ? of->samples[i] : nb_frame_load(of->in, i) * gain;
        for (size_t s = 0; s < count; s++) {
            const nb_lanes y = x + z1[s];
            z1[s] = (b1[s] * x + z2[s]) - a1[s] * y;
            z2[s] = b2[s] * x - a2[s] * y;
            x = y;
        }
        if (of->samples) {
            of->samples[i] = x;
        } else {
            // A section that a neighbour needs turns -0 into 0: so does this, whoever they are.
            nb_frame_store(of->out, i, x + 0.0);
        }
    }
    for (size_t s = 0; s < count; s++) {
        sections[s].z1 = z1[s];
        sections[s].z2 = z2[s];
    }
}

static inline __attribute__((always_inline)) void run_some(section *sections, size_t count,
                                                           const stream *of, size_t frames)
{
    switch (count) {
    case 1:
        run(sections, 1, of, frames);
        break;
    case 2:
        run(sections, 2, of, frames);
        break;
    case 3:
        run(sections, 3, of, frames);
        break;
    case 4:
        run(sections, 4, of, frames);
        break;
    case 5:
        run(sections, 5, of, frames);
        break;
    case SECTIONS_AT_ONCE:
        run(sections, SECTIONS_AT_ONCE, of, frames);
        break;
    default:
        run(sections, 0, of, frames);
        break;
    }
}

// Few sections and nothing that moves: from the block's input to its output in one go.
static void run_short(const equaliser *self, const nb_block *block)
{
    const stream whole = {.in = block->in, .out = block->out, .gain = self->gain};
    run_some(self->sections, self->section_count, &whole, block->frames);
}

static void run_chunk(const equaliser *self, const nb_block *block, size_t start, size_t frames)
{
    nb_lanes samples[NB_EQ_CHUNK_FRAMES];
    for (size_t i = 0; i < frames; i++) {
        samples[i] = nb_frame_load(block->in, start + i) * self->gain;
    }
    const stream between = {.samples = samples};
    for (size_t s = 0; s < self->section_count; s += SECTIONS_AT_ONCE) {
        const size_t left = self->section_count - s;
        const size_t count = (left < SECTIONS_AT_ONCE) ? left : SECTIONS_AT_ONCE;
        run_some(self->sections + s, count, &between, frames);
    }
    NB_KERNEL(nb_moving_bands_run)(self->moving, block, start, samples, frames);
    for (size_t i = 0; i < frames; i++) {
        nb_frame_store(block->out, start + i, samples[i] + 0.0);
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    equaliser *self = state;
    if (!self->moving && self->section_count <= SECTIONS_AT_ONCE) {
        run_short(self, block);
        return;
    }
    for (size_t start = 0; start < block->frames; start += NB_EQ_CHUNK_FRAMES) {
        const size_t left = block->frames - start;
        run_chunk(self, block, start, (left < NB_EQ_CHUNK_FRAMES) ? left : NB_EQ_CHUNK_FRAMES);
    }
}

const nb_processor NB_KERNEL(nb_equaliser) = {
    .name = "equaliser",
    .revision = 2,
    .cost_ns = 2,
    .moving_cost_ns = 377,
    .help = "Parametric equaliser of up to 24 bands, matched to analogue ones; bands may be "
            "dynamic.",
    .form = NB_FORM_LANES,
    .takes_sidechain = true,
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
