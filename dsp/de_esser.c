// SPDX-License-Identifier: GPL-3.0-or-later
// De-esser. docs/dsp/de-esser.md
//
// The detector hears how much of the sound stands in the band of sibilants, which the programme's
// level leaves alone: the root of the band's energy over all energy is the level that it compares
// with its threshold.
#include "dsp/detector.h"
#include "dsp/key_filter.h"

#include <math.h>

extern const nb_processor NB_KERNEL(nb_de_esser);

enum {
    THRESHOLD_DB,
    RATIO,
    KNEE_DB,
    ATTACK_MS,
    RELEASE_MS,
    RANGE_DB,
    FROM_HZ,
    UPTO_HZ,
    ACTION,
    PARAM_COUNT
};
_Static_assert((int)THRESHOLD_DB == NB_DETECTOR_THRESHOLD_DB && (int)RATIO == NB_DETECTOR_RATIO &&
                   (int)KNEE_DB == NB_DETECTOR_KNEE_DB && (int)ATTACK_MS == NB_DETECTOR_ATTACK_MS &&
                   (int)RELEASE_MS == NB_DETECTOR_RELEASE_MS,
               "the detector's parameters stand first");

static const char *const actions[] = {"split", "wideband", NULL};

static const nb_param params[] = {
    [THRESHOLD_DB] = {"threshold_db", "dB", NB_SCALE_DB, -40.0, 0.0, -9.0, .automatable = true,
                      .help =
                          "Level of the band, relative to the whole, over which it is too much."},
    [RATIO] = {"ratio", "", NB_SCALE_LOG, 1.0, 100.0, 4.0, .automatable = true,
               .help = "So many dB over the threshold become one."},
    [KNEE_DB] = {"knee_db", "dB", NB_SCALE_LINEAR, 0.0, 24.0, 6.0, .automatable = true,
                 .help = "Width of the bend around the threshold."},
    [ATTACK_MS] = {"attack_ms", "ms", NB_SCALE_LOG, 0.05, 500.0, 1.0, .automatable = true,
                   .help = "Time constant of falling gain."},
    [RELEASE_MS] = {"release_ms", "ms", NB_SCALE_LOG, 1.0, 5000.0, 40.0, .automatable = true,
                    .help = "Time constant of the gain's way back, in series with the attack's."},
    [RANGE_DB] = {"range_db", "dB", NB_SCALE_LINEAR, 0.0, 40.0, 12.0, .automatable = true,
                  .help = "How far the gain falls at most."},
    [FROM_HZ] = {"from_hz", "Hz", NB_SCALE_LOG, 1000.0, 16000.0, 5000.0,
                 .help = "Lower end of the sibilants' band."},
    [UPTO_HZ] = {"upto_hz", "Hz", NB_SCALE_LOG, 2000.0, 20000.0, 9000.0,
                 .help = "Upper end of the sibilants' band."},
    [ACTION] = {"action", "", NB_SCALE_CHOICE, 0.0, 1.0, 0.0, .choices = actions,
                .help = "Split turns down the band, wideband everything."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double mean_ms = 5.0;         // of both energies
static const double silent_energy = 1e-13; // -130 dB: under it nothing hisses

/// The band that is turned down: a band-pass of which a share is taken away.
typedef struct reducer {
    nb_masks split; ///< Lanes that turn down the band alone
    nb_lanes k, a1, a2, a3;
    nb_lanes s1, s2;
} reducer;

typedef struct de_esser {
    nb_detector detector;
    nb_key_filter band;
    nb_masks stereo;
    nb_lanes mean_share; ///< Share of the old energy that a frame keeps
    nb_lanes band_energy, energy;
    nb_lanes range_db;
    reducer reducer;
} de_esser;

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const double from_hz = settings->values[FROM_HZ];
    const double upto_hz = settings->values[UPTO_HZ];
    const double highest_hz = 0.45 * settings->rate_hz;
    if (!(from_hz < upto_hz)) {
        return nb_fail(err, NB_E_INVALID, "from_hz %g is not under upto_hz %g", from_hz, upto_hz);
    }
    return (from_hz <= highest_hz)
               ? NB_OK
               : nb_fail(err, NB_E_INVALID, "from_hz %g is over %g, 0.45 of the sample rate %u",
                         from_hz, highest_hz, settings->rate_hz);
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

// Twice the key's band at the same middle: where that ends, about half of the decibels are left.
static void band_of(const nb_settings *voice, double *out_g, double *out_k)
{
    static const double half_turn = 3.14159265358979323846;
    const double upto_hz = fmin(voice->values[UPTO_HZ], 0.45 * voice->rate_hz);
    const double from_hz = fmin(voice->values[FROM_HZ], upto_hz);
    const double from = tan(half_turn * from_hz / voice->rate_hz);
    const double upto = tan(half_turn * upto_hz / voice->rate_hz);
    *out_g = sqrt(from * upto);
    *out_k = 2.0 * fmax(upto - from, 0.01 * upto) / *out_g;
}

// The band-pass rings with its slower pole; nothing of it is louder than full scale.
static size_t tail(const nb_settings *settings)
{
    static const double below = 13.8155105579642741 + 3.0; // -ln(1e-6), and what it adds up to
    if (settings->values[ACTION] == 1.0) {
        return 0;
    }
    double g, k;
    band_of(settings, &g, &k);
    // Of (1 + g k + g²) - 2 (1 - g²) z⁻¹ + (1 - g k + g²) z⁻²
    const double norm = 1.0 + g * k + g * g;
    const double half = (1.0 - g * g) / norm;
    const double product = (1.0 - g * k + g * g) / norm;
    const double under_root = half * half - product;
    const double radius = (under_root > 0.0) ? fabs(half) + sqrt(under_root) : sqrt(product);
    return (size_t)ceil(-below / log(radius));
}

static void set_lane(de_esser *self, const nb_settings *voice, size_t lane)
{
    double g, k;
    band_of(voice, &g, &k);
    const double a1 = 1.0 / (1.0 + g * (g + k));
    reducer *it = &self->reducer;
    it->split[lane] = -(voice->values[ACTION] == 0.0);
    it->k[lane] = k;
    it->a1[lane] = a1;
    it->a2[lane] = g * a1;
    it->a3[lane] = g * g * a1;
    self->stereo[lane] = -(voice->channels == 2);
    nb_key_cut_set(&self->band.low, lane, voice->values[FROM_HZ], voice->rate_hz);
    nb_key_cut_set(&self->band.high, lane, voice->values[UPTO_HZ], voice->rate_hz);
}

static void reset(void *state)
{
    de_esser *self = state;
    nb_detector_reset(&self->detector);
    nb_key_filter_reset(&self->band);
    self->band_energy = self->energy = (nb_lanes){0};
    self->reducer.s1 = self->reducer.s2 = (nb_lanes){0};
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    de_esser *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "de-esser: no memory");
    }
    nb_lanes values[NB_DETECTOR_PARAMS];
    for (size_t p = 0; p < NB_DETECTOR_PARAMS; p++) {
        values[p] = nb_lanes_of_param(voices, voice_count, p);
    }
    const nb_detector_mode modes[NB_LANES] = {0}; // stereo voices are linked in their energies
    nb_detector_init(&self->detector, voices[0].rate_hz, values, modes);
    self->mean_share = nb_detector_share(&self->detector, nb_lanes_set(mean_ms));
    self->range_db = nb_lanes_of_param(voices, voice_count, RANGE_DB);
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

static inline nb_lanes energy_of(nb_masks stereo, nb_lanes x)
{
    const nb_lanes square = x * x;
    return nb_lanes_select(stereo, square + nb_lanes_partner(square), square);
}

// How much of the sound the band is, as an amplitude.
static void find_shares(de_esser *self, const float *in, float *band, size_t frames)
{
    const nb_lanes keep = self->mean_share;
    const nb_lanes take = 1.0 - keep;
    nb_lanes band_energy = self->band_energy;
    nb_lanes energy = self->energy;
    for (size_t i = 0; i < frames; i++) {
        band_energy = take * energy_of(self->stereo, nb_frame_load(band, i)) + keep * band_energy;
        energy = take * energy_of(self->stereo, nb_frame_load(in, i)) + keep * energy;
        nb_frame_store(band, i, nb_lanes_sqrt(band_energy / (energy + silent_energy)));
    }
    self->band_energy = band_energy;
    self->energy = energy;
}

static void hold_to_range(const nb_control *range_db, size_t start, float *reduction, size_t frames)
{
    const nb_param *range = &params[RANGE_DB];
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes octaves =
            nb_lanes_clamp(nb_control_at(range_db, start + i), range->min, range->max) *
            NB_OCTAVES_PER_DB;
        nb_frame_store(reduction, i, nb_lanes_min(nb_frame_load(reduction, i), octaves));
    }
}

// Takes from the sound as much of the band as is too much: x + (factor - 1) band. The factor moves
// no pole, so it may move as it likes; at 1 the sound is untouched to the last bit.
static void reduce(reducer *self, const float *in, const float *factors, size_t frames, float *out)
{
    const reducer by = *self;
    nb_lanes s1 = self->s1;
    nb_lanes s2 = self->s2;
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes x = nb_frame_load(in, i);
        const nb_lanes less = nb_frame_load(factors, i) - 1.0;
        const nb_lanes v3 = x - s2;
        const nb_lanes v1 = by.a1 * s1 + by.a2 * v3;
        const nb_lanes v2 = s2 + by.a2 * s1 + by.a3 * v3;
        s1 = 2.0 * v1 - s1;
        s2 = 2.0 * v2 - s2;
        nb_frame_store(out, i, x + less * nb_lanes_select(by.split, by.k * v1, x));
    }
    self->s1 = s1;
    self->s2 = s2;
}

static void process_chunk(de_esser *self, const nb_block *block,
                          const nb_detector_controls *controls, size_t frames)
{
    nb_detector_block shares, factors;
    const size_t start = controls->start;
    const size_t count = frames * NB_LANES;
    const float *in = block->in + start * NB_LANES;
    const nb_control range_db = nb_control_of(block, RANGE_DB, self->range_db);
    (void)nb_key_filter_run(&self->band, in, frames, shares.at);
    find_shares(self, in, shares.at, frames);
    if (nb_detector_run(&self->detector, controls, shares.at, frames, factors.at)) {
        hold_to_range(&range_db, start, factors.at, frames);
    } else {
        memset(factors.at, 0, count * sizeof *factors.at);
    }
    for (size_t at = 0; at < count; at += NB_GROUP) {
        nb_group_store(factors.at + at, nb_group_exp2(-nb_group_load(factors.at + at)));
    }
    reduce(&self->reducer, in, factors.at, frames, block->out + start * NB_LANES);
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    nb_detector_controls controls = nb_detector_controls_of(block, THRESHOLD_DB);
    for (size_t start = 0; start < block->frames; start += NB_DETECTOR_FRAMES) {
        const size_t left = block->frames - start;
        controls.start = start;
        process_chunk(state, block, &controls,
                      (left < NB_DETECTOR_FRAMES) ? left : NB_DETECTOR_FRAMES);
    }
}

const nb_processor NB_KERNEL(nb_de_esser) = {
    .name = "de-esser",
    .revision = 1,
    .cost_ns = 10,
    .moving_cost_ns = 16,
    .help = "De-esser that hears how much of a voice is sibilants, at any level; stereo is linked.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
