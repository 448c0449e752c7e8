// SPDX-License-Identifier: GPL-3.0-or-later
// The equaliser's moving bands: state variable filters by the trapezoidal rule (A. Simper), which
// stay stable and quiet however their coefficients move, with the matched coefficients of
// equaliser_shape.h at every frame. docs/dsp/equaliser.md
#include "dsp/equaliser_bands.h"

#include "dsp/equaliser_shape.h"

#include <string.h>

/// One frame's coefficients of a state variable filter.
typedef struct coefficients {
    nb_lanes a1, a2, a3; ///< From input and state to the two integrators
    nb_lanes m0, m1, m2; ///< From input and integrators to the output
} coefficients;

typedef struct svf {
    nb_lanes s1, s2;
} svf;

/// Values that a frame's coefficients come from.
typedef struct point {
    nb_lanes freq_hz, gain_db, q;
} point;

/// What a dynamic band listens with: a band pass at the band's frequency and q, and a first-order
/// all-pass behind it. At that frequency the two are a quarter turn apart, so that the sum of their
/// squares is the amplitude without ripple.
typedef struct detector {
    nb_lanes range_db, threshold_db, ratio, attack_ms, release_ms; ///< Of what does not move
    nb_masks stereo;
    nb_lanes a1, a2, a3, k, quarter, mean_share; ///< Coefficients, of `at`
    point at;
    svf band_pass;
    nb_lanes all_pass, mean_square, held, amount;
} detector;

/// A dynamic band that no lane moves: behind its resting filter H comes 1/H, and then the moved
/// filter less H on the same samples, which is exactly nothing while the gain rests.
typedef struct correction {
    coefficients inverse, resting;
    svf inverse_state, resting_state;
} correction;

typedef struct moving_band {
    size_t index;
    size_t section_count;
    bool moves, dynamic; ///< By automation; by level
    bool rests;          ///< The moved filter's state is the resting one's
    point fixed;         ///< Of what does not move
    point at;            ///< What `now` was made of
    nb_shape shapes[NB_BAND_SECTIONS_MAX];
    coefficients now[NB_BAND_SECTIONS_MAX];
    svf states[NB_BAND_SECTIONS_MAX];
    detector detector;
    correction correction;
} moving_band;

struct nb_moving_bands {
    const nb_processor *processor;
    nb_lanes half_turn_per_hz; ///< pi / rate
    double freq_max_hz;
    double octaves_per_frame_ms; ///< Turns 1 / time in ms into the exponent of 2 of one frame
    moving_band *bands;
    size_t count;
};

static const double log2_e = 1.44269504088896340736;
static const double floor_square = 1e-24; // -240 dB: where silence stands in the logarithm

static bool differ(nb_lanes a, nb_lanes b)
{
    const nb_masks unequal = (nb_masks)(a != b);
    int64_t any = 0;
    for (unsigned lane = 0; lane < NB_LANES; lane++) {
        any |= unequal[lane];
    }
    return any != 0;
}

static bool points_differ(const point *a, const point *b)
{
    return differ(a->freq_hz, b->freq_hz) || differ(a->gain_db, b->gain_db) || differ(a->q, b->q);
}

// With the two sides' values at 0 Hz and half the rate, the filter's prewarped frequency needs no
// tangent: g^2 = sum / alternating, and 1 + g (g + k) is 4 a0 / alternating.
static coefficients coefficients_of(const nb_section *section)
{
    const nb_triple *n = &section->numerator;
    const nb_triple *d = &section->denominator;
    const nb_lanes root = nb_lanes_sqrt(d->sum * d->alternating);
    const nb_lanes per_root = 2.0 / root;
    const nb_lanes scale = 1.0 / (d->sum + d->alternating + 2.0 * d->difference);
    const nb_lanes high = n->alternating / d->alternating;
    const nb_lanes low = n->sum / d->sum;
    const nb_lanes k = d->difference * per_root;
    return (coefficients){
        .a1 = d->alternating * scale,
        .a2 = root * scale,
        .a3 = d->sum * scale,
        .m0 = high,
        .m1 = n->difference * per_root - k * high,
        .m2 = low - high,
    };
}

static inline nb_lanes svf_step(svf *state, const coefficients *now, nb_lanes x)
{
    const nb_lanes v3 = x - state->s2;
    const nb_lanes v1 = now->a1 * state->s1 + now->a2 * v3;
    const nb_lanes v2 = state->s2 + now->a2 * state->s1 + now->a3 * v3;
    state->s1 = 2.0 * v1 - state->s1;
    state->s2 = 2.0 * v2 - state->s2;
    return now->m0 * x + now->m1 * v1 + now->m2 * v2;
}

static nb_lanes in_range(const nb_moving_bands *self, nb_lanes value, size_t param)
{
    const nb_param *row = &self->processor->band_params[param];
    return nb_lanes_clamp(value, row->min, row->max);
}

static point clamped(const nb_moving_bands *self, point at)
{
    const nb_param *freq = &self->processor->band_params[NB_EQ_FREQ_HZ];
    return (point){
        .freq_hz = nb_lanes_clamp(at.freq_hz, freq->min, self->freq_max_hz),
        .gain_db = in_range(self, at.gain_db, NB_EQ_GAIN_DB),
        .q = in_range(self, at.q, NB_EQ_Q),
    };
}

static nb_section section_at(const nb_moving_bands *self, const nb_shape *shape, const point *at)
{
    const nb_place place =
        nb_place_of(shape, self->half_turn_per_hz, at->freq_hz, at->gain_db, at->q);
    return nb_section_of(shape, &place);
}

static void move_to(const nb_moving_bands *self, moving_band *band, const point *at)
{
    band->at = *at;
    const point held = clamped(self, *at);
    for (size_t s = 0; s < band->section_count; s++) {
        const nb_section section = section_at(self, &band->shapes[s], &held);
        band->now[s] = coefficients_of(&section);
    }
}

static void set_correction(const nb_moving_bands *self, moving_band *band)
{
    const point held = clamped(self, band->fixed);
    const nb_section section = section_at(self, &band->shapes[0], &held);
    const nb_section inverse = {section.denominator, section.numerator};
    band->correction.resting = coefficients_of(&section);
    band->correction.inverse = coefficients_of(&inverse);
}

static void tune_detector(const nb_moving_bands *self, detector *it, const point *at)
{
    it->at = *at;
    const point held = clamped(self, *at);
    const nb_lanes angle = held.freq_hz * self->half_turn_per_hz;
    const nb_lanes sine = nb_lanes_sin(angle);
    const nb_lanes cosine = nb_lanes_sin(NB_PI / 2.0 - angle);
    it->k = 1.0 / held.q;
    const nb_lanes scale = 1.0 / (cosine * cosine + sine * (sine + it->k * cosine));
    it->a1 = cosine * cosine * scale;
    it->a2 = sine * cosine * scale;
    it->a3 = sine * sine * scale;
    it->quarter = sine / (sine + cosine);
    // The mean is over one period of the band's frequency: exp(-f / rate).
    it->mean_share = nb_lanes_exp2(angle * (-log2_e / NB_PI));
}

// Mean square of the key in the band; of a stereo voice the louder side's.
static inline nb_lanes listen(detector *it, nb_lanes key)
{
    const nb_lanes v3 = key - it->band_pass.s2;
    const nb_lanes v1 = it->a1 * it->band_pass.s1 + it->a2 * v3;
    const nb_lanes v2 = it->band_pass.s2 + it->a2 * it->band_pass.s1 + it->a3 * v3;
    it->band_pass.s1 = 2.0 * v1 - it->band_pass.s1;
    it->band_pass.s2 = 2.0 * v2 - it->band_pass.s2;
    const nb_lanes in_band = it->k * v1;
    const nb_lanes step = (in_band - it->all_pass) * it->quarter;
    const nb_lanes low = step + it->all_pass;
    it->all_pass = low + step;
    const nb_lanes turned = 2.0 * low - in_band;
    nb_lanes square = in_band * in_band + turned * turned;
    square = nb_lanes_select(it->stereo, nb_lanes_max(square, nb_lanes_partner(square)), square);
    it->mean_square = square + it->mean_share * (it->mean_square - square);
    return it->mean_square;
}

/// The controls of a band at work in one call.
typedef struct band_controls {
    nb_control params[NB_EQ_PARAM_COUNT];
} band_controls;

static band_controls controls_of(const nb_moving_bands *self, const moving_band *band,
                                 const nb_block *block)
{
    const detector *it = &band->detector;
    const struct {
        size_t param;
        nb_lanes fixed;
    } rows[] = {
        {NB_EQ_FREQ_HZ, band->fixed.freq_hz},
        {NB_EQ_GAIN_DB, band->fixed.gain_db},
        {NB_EQ_Q, band->fixed.q},
        {NB_EQ_RANGE_DB, it->range_db},
        {NB_EQ_THRESHOLD_DB, it->threshold_db},
        {NB_EQ_RATIO, it->ratio},
        {NB_EQ_ATTACK_MS, it->attack_ms},
        {NB_EQ_RELEASE_MS, it->release_ms},
    };
    band_controls controls = {0};
    for (size_t r = 0; r < NB_COUNT(rows); r++) {
        controls.params[rows[r].param] = nb_control_of(
            block, nb_control_of_band(self->processor, band->index, rows[r].param), rows[r].fixed);
    }
    return controls;
}

static point point_at(const band_controls *controls, size_t i)
{
    return (point){
        .freq_hz = nb_control_at(&controls->params[NB_EQ_FREQ_HZ], i),
        .gain_db = nb_control_at(&controls->params[NB_EQ_GAIN_DB], i),
        .q = nb_control_at(&controls->params[NB_EQ_Q], i),
    };
}

/// What turns levels into gains.
typedef struct law {
    nb_lanes range, threshold, slope, attack, release;
} law;

static law law_at(const nb_moving_bands *self, const band_controls *controls, size_t i)
{
    nb_lanes values[NB_EQ_PARAM_COUNT];
    for (size_t p = NB_EQ_RANGE_DB; p < NB_EQ_PARAM_COUNT; p++) {
        values[p] = in_range(self, nb_control_at(&controls->params[p], i), p);
    }
    return (law){
        .range = values[NB_EQ_RANGE_DB],
        .threshold = values[NB_EQ_THRESHOLD_DB],
        .slope = 1.0 - 1.0 / values[NB_EQ_RATIO],
        .attack = nb_lanes_exp2(self->octaves_per_frame_ms / values[NB_EQ_ATTACK_MS]),
        .release = nb_lanes_exp2(self->octaves_per_frame_ms / values[NB_EQ_RELEASE_MS]),
    };
}

static bool law_moves(const band_controls *controls)
{
    for (size_t p = NB_EQ_RANGE_DB; p < NB_EQ_PARAM_COUNT; p++) {
        if (controls->params[p].moved) {
            return true;
        }
    }
    return false;
}

// The dB that this level adds to the gain: the decoupled smoothing of the compressor.
static inline nb_lanes offset_of(detector *it, const law *now, nb_lanes mean_square)
{
    static const double least = 1e-9; // dB: a release ends there, and the band rests again
    const nb_lanes zero = {0};
    const nb_lanes level =
        0.5 * nb_lanes_to_db(nb_lanes_max(mean_square, nb_lanes_set(floor_square)));
    const nb_lanes over = nb_lanes_max(level - now->threshold, zero);
    const nb_lanes wanted = nb_lanes_min(now->slope * over, nb_lanes_abs(now->range));
    it->held = nb_lanes_max(wanted, wanted + now->release * (it->held - wanted));
    it->amount = it->held + now->attack * (it->amount - it->held);
    const nb_masks done =
        (nb_masks)(it->held < nb_lanes_set(least)) & (nb_masks)(it->amount < nb_lanes_set(least));
    it->held = nb_lanes_select(done, zero, it->held);
    it->amount = nb_lanes_select(done, zero, it->amount);
    return nb_lanes_select((nb_masks)(now->range > zero), it->amount, -it->amount);
}

// What the levels add to the gain, frame by frame; whether they add anything at all.
static bool find_offsets(const nb_moving_bands *self, moving_band *band, const nb_block *block,
                         const band_controls *controls, size_t start, nb_lanes *offsets,
                         size_t frames)
{
    detector *it = &band->detector;
    const float *key = block->key ? block->key : block->in;
    const bool moves = law_moves(controls);
    law now = law_at(self, controls, start);
    bool active = false;
    for (size_t i = 0; i < frames; i++) {
        const point at = point_at(controls, start + i);
        if (band->moves && (differ(at.freq_hz, it->at.freq_hz) || differ(at.q, it->at.q))) {
            tune_detector(self, it, &at);
        }
        if (moves) {
            now = law_at(self, controls, start + i);
        }
        offsets[i] = offset_of(it, &now, listen(it, nb_frame_load(key, start + i)));
        active = active || differ(offsets[i], (nb_lanes){0});
    }
    return active;
}

static void run_moved(const nb_moving_bands *self, moving_band *band, const band_controls *controls,
                      size_t start, const nb_lanes *offsets, nb_lanes *samples, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        point at = point_at(controls, start + i);
        at.gain_db = at.gain_db + offsets[i];
        if (points_differ(&at, &band->at)) {
            move_to(self, band, &at);
        }
        nb_lanes x = samples[i];
        for (size_t s = 0; s < band->section_count; s++) {
            x = svf_step(&band->states[s], &band->now[s], x);
        }
        samples[i] = x;
    }
}

// No gain moves: the moved filter would do what the resting one does.
static void run_resting(moving_band *band, const nb_lanes *samples, size_t frames)
{
    correction *it = &band->correction;
    const coefficients inverse = it->inverse;
    const coefficients resting = it->resting;
    svf before = it->inverse_state;
    svf behind = it->resting_state;
    for (size_t i = 0; i < frames; i++) {
        (void)svf_step(&behind, &resting, svf_step(&before, &inverse, samples[i]));
    }
    it->inverse_state = before;
    it->resting_state = band->states[0] = behind;
}

static nb_lanes settled(nb_lanes moved, nb_lanes resting, nb_masks still)
{
    static const double nothing = 1e-13; // -260 dB
    const nb_masks near = (nb_masks)(nb_lanes_abs(moved - resting) < nb_lanes_set(nothing));
    return nb_lanes_select(still & near, resting, moved);
}

static void run_corrected(const nb_moving_bands *self, moving_band *band, const nb_lanes *offsets,
                          nb_lanes *samples, size_t frames)
{
    correction *it = &band->correction;
    for (size_t i = 0; i < frames; i++) {
        point at = band->fixed;
        at.gain_db = at.gain_db + offsets[i];
        if (points_differ(&at, &band->at)) {
            move_to(self, band, &at);
        }
        const nb_lanes x = svf_step(&it->inverse_state, &it->inverse, samples[i]);
        const nb_lanes moved = svf_step(&band->states[0], &band->now[0], x);
        const nb_lanes resting = svf_step(&it->resting_state, &it->resting, x);
        samples[i] = samples[i] + (moved - resting);
        const nb_masks still = (nb_masks)(offsets[i] == (nb_lanes){0});
        svf *state = &band->states[0];
        state->s1 = settled(state->s1, it->resting_state.s1, still);
        state->s2 = settled(state->s2, it->resting_state.s2, still);
    }
    band->rests = !differ(band->states[0].s1, it->resting_state.s1) &&
                  !differ(band->states[0].s2, it->resting_state.s2);
}

void NB_KERNEL(nb_moving_bands_run)(nb_moving_bands *self, const nb_block *block, size_t start,
                                    nb_lanes *samples, size_t frames)
{
    for (size_t m = 0; self && m < self->count; m++) {
        moving_band *band = &self->bands[m];
        const band_controls controls = controls_of(self, band, block);
        nb_lanes offsets[NB_EQ_CHUNK_FRAMES];
        bool active = false;
        if (band->dynamic) {
            active = find_offsets(self, band, block, &controls, start, offsets, frames);
        } else {
            for (size_t i = 0; i < frames; i++) {
                offsets[i] = (nb_lanes){0};
            }
        }
        if (band->moves) {
            run_moved(self, band, &controls, start, offsets, samples, frames);
        } else if (active || !band->rests) {
            run_corrected(self, band, offsets, samples, frames);
        } else {
            run_resting(band, samples, frames);
        }
    }
}

void NB_KERNEL(nb_moving_bands_reset)(nb_moving_bands *self)
{
    for (size_t m = 0; self && m < self->count; m++) {
        moving_band *band = &self->bands[m];
        memset(band->states, 0, sizeof band->states);
        detector *it = &band->detector;
        it->band_pass = (svf){0};
        it->all_pass = it->mean_square = it->held = it->amount = (nb_lanes){0};
        band->correction.inverse_state = band->correction.resting_state = (svf){0};
        band->rests = true;
    }
}

static void set_detector_lane(detector *it, const nb_settings *voice, size_t index, size_t lane)
{
    it->range_db[lane] = nb_band_value(voice, index, NB_EQ_RANGE_DB);
    it->threshold_db[lane] = nb_band_value(voice, index, NB_EQ_THRESHOLD_DB);
    it->ratio[lane] = nb_band_value(voice, index, NB_EQ_RATIO);
    it->attack_ms[lane] = nb_band_value(voice, index, NB_EQ_ATTACK_MS);
    it->release_ms[lane] = nb_band_value(voice, index, NB_EQ_RELEASE_MS);
    it->stereo[lane] = -(voice->channels == 2);
}

static void set_lane(moving_band *self, const nb_settings *voice, size_t lane)
{
    if (self->index >= voice->band_count) {
        return;
    }
    const nb_band band = nb_eq_band(voice, self->index);
    const bool dynamic = nb_eq_band_is_dynamic(voice, self->index);
    if (!self->moves && !dynamic) {
        return; // its filter is among those at rest
    }
    self->fixed.freq_hz[lane] = band.freq_hz;
    self->fixed.gain_db[lane] = band.gain_db;
    self->fixed.q[lane] = band.q;
    const size_t count = nb_band_section_count(&band);
    for (size_t s = 0; s < count; s++) {
        nb_shape_set(&self->shapes[s], (unsigned)lane, &band, s);
    }
    self->section_count = (count > self->section_count) ? count : self->section_count;
    if (dynamic) {
        self->dynamic = true;
        set_detector_lane(&self->detector, voice, self->index, lane);
    }
}

// Lanes without the band hand their samples through; every number in them stays finite.
static void clear_band(const nb_moving_bands *self, moving_band *band, size_t index)
{
    const nb_param *params = self->processor->band_params;
    band->index = index;
    band->fixed.freq_hz = nb_lanes_set(params[NB_EQ_FREQ_HZ].initial);
    band->fixed.q = nb_lanes_set(1.0);
    for (size_t s = 0; s < NB_BAND_SECTIONS_MAX; s++) {
        nb_shape_clear(&band->shapes[s]);
    }
    band->detector.threshold_db = nb_lanes_set(params[NB_EQ_THRESHOLD_DB].initial);
    band->detector.ratio = nb_lanes_set(params[NB_EQ_RATIO].initial);
    band->detector.attack_ms = nb_lanes_set(params[NB_EQ_ATTACK_MS].initial);
    band->detector.release_ms = nb_lanes_set(params[NB_EQ_RELEASE_MS].initial);
}

static bool any_voice_moves(const nb_settings *voices, size_t voice_count, size_t band,
                            bool *out_by_automation)
{
    bool moves = false;
    *out_by_automation = false;
    for (size_t v = 0; v < voice_count; v++) {
        if (band < voices[v].band_count) {
            *out_by_automation = *out_by_automation || nb_eq_band_moves(&voices[v], band);
            moves = moves || nb_eq_band_is_dynamic(&voices[v], band);
        }
    }
    return moves || *out_by_automation;
}

static void set_bands(nb_moving_bands *self, const nb_settings *voices, size_t voice_count,
                      size_t most_bands)
{
    for (size_t b = 0; b < most_bands; b++) {
        moving_band *band = &self->bands[self->count];
        if (!any_voice_moves(voices, voice_count, b, &band->moves)) {
            continue;
        }
        self->count++;
        clear_band(self, band, b);
        for (size_t v = 0; v < voice_count; v++) {
            const size_t first = nb_voice_lane(voices, v);
            for (size_t lane = first; lane < first + voices[v].channels; lane++) {
                set_lane(band, &voices[v], lane);
            }
        }
        move_to(self, band, &band->fixed);
        set_correction(self, band);
        tune_detector(self, &band->detector, &band->fixed);
    }
}

nb_status NB_KERNEL(nb_moving_bands_init)(nb_arena *arena, const nb_settings *voices,
                                          size_t voice_count, nb_moving_bands **out_self,
                                          nb_error *err)
{
    *out_self = NULL;
    size_t most_bands = 0;
    size_t moving = 0;
    bool by_automation;
    for (size_t v = 0; v < voice_count; v++) {
        most_bands = (voices[v].band_count > most_bands) ? voices[v].band_count : most_bands;
    }
    for (size_t b = 0; b < most_bands; b++) {
        moving += any_voice_moves(voices, voice_count, b, &by_automation);
    }
    if (moving == 0) {
        return NB_OK;
    }
    nb_moving_bands *self = nb_arena_take(arena, 1, sizeof *self);
    // One more than there are: set_bands looks at the next before it knows.
    moving_band *bands = nb_arena_take(arena, moving + 1, sizeof *bands);
    if (!self || !bands) {
        return nb_fail(err, NB_E_NO_MEMORY, "equaliser: no memory for %zu moving bands", moving);
    }
    self->processor = voices[0].processor;
    self->half_turn_per_hz = nb_lanes_set(NB_PI / voices[0].rate_hz);
    self->freq_max_hz = NB_BAND_HIGHEST_OF_RATE * voices[0].rate_hz;
    self->octaves_per_frame_ms = -1000.0 * log2_e / voices[0].rate_hz;
    self->bands = bands;
    set_bands(self, voices, voice_count, most_bands);
    NB_KERNEL(nb_moving_bands_reset)(self);
    *out_self = self;
    return NB_OK;
}
