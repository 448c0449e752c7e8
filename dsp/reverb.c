// SPDX-License-Identifier: GPL-3.0-or-later
// A room of sixteen lines: diffuser, feedback delay network. docs/dsp/reverb.md
//
// Everything runs in steps of STEP frames, each line shorter than none of them, so that all but
// the absorption is without recursion inside a step and goes along time in SIMD; the absorption
// goes across lines. Sums have one order, element by element, so the width never shows.
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"
#include "dsp/quad.h"
#include "dsp/reverb_design.h"
#include "dsp/sinc.h"
#include "dsp/step_ring.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_reverb);

enum {
    PREDELAY_MS,
    DECAY_S,
    LOW_DECAY_PERCENT,
    LOW_CROSSOVER_HZ,
    HIGH_DECAY_PERCENT,
    HIGH_CROSSOVER_HZ,
    SIZE_PERCENT,
    MOD_RATE_HZ,
    MOD_DEPTH_MS,
    EARLY_DB,
    WIDTH_PERCENT,
    PARAM_COUNT
};
enum {
    STEP = NB_STEP,
    LINES = NB_REVERB_LINES,
    MOVING = LINES / 2, // every other line moves
    GROUPS = LINES / NB_LANES,
    MOVING_GROUPS = MOVING / NB_LANES,
    LEAST_FRAMES = 3 * STEP, // of a line, before it moves
    WIDE = 2 * NB_LANES,     // floats in a register
};

static const nb_param params[] = {
    [PREDELAY_MS] = {"predelay_ms", "ms", NB_SCALE_LINEAR, 0.0, 500.0, 20.0,
                     .help = "Silence before the room answers."},
    [DECAY_S] = {"decay_s", "s", NB_SCALE_LOG, 0.2, 30.0, 2.0,
                 .help = "Time in which the middle of the spectrum falls by 60 dB."},
    [LOW_DECAY_PERCENT] = {"low_decay_percent", "%", NB_SCALE_LOG, 20.0, 250.0, 110.0,
                           .help = "Decay far below low_crossover_hz, by decay_s."},
    [LOW_CROSSOVER_HZ] = {"low_crossover_hz", "Hz", NB_SCALE_LOG, 50.0, 1000.0, 250.0,
                          .help = "There the decay is between low and middle."},
    [HIGH_DECAY_PERCENT] = {"high_decay_percent", "%", NB_SCALE_LOG, 10.0, 200.0, 40.0,
                            .help = "Decay far above high_crossover_hz, by decay_s: the damping."},
    [HIGH_CROSSOVER_HZ] = {"high_crossover_hz", "Hz", NB_SCALE_LOG, 1000.0, 16000.0, 5000.0,
                           .help = "There the decay is between middle and high."},
    [SIZE_PERCENT] = {"size_percent", "%", NB_SCALE_LOG, 20.0, 300.0, 100.0,
                      .help = "Length of the room's paths; 100 is a hall, 30 a chamber."},
    [MOD_RATE_HZ] = {"mod_rate_hz", "Hz", NB_SCALE_LOG, 0.05, 2.0, 0.5,
                     .help = "How fast half of the paths change their lengths."},
    [MOD_DEPTH_MS] = {"mod_depth_ms", "ms", NB_SCALE_LINEAR, 0.0, 0.5, 0.15,
                      .help = "How far they change; 0 for a room that stands still."},
    [EARLY_DB] = {"early_db", "dB", NB_SCALE_DB, -60.0, 12.0, -6.0, .automatable = true,
                  .off = true, .help = "Level of the first, dense reflections beside the late."},
    [WIDTH_PERCENT] = {"width_percent", "%", NB_SCALE_LINEAR, 0.0, 150.0, 100.0,
                       .automatable = true,
                       .help = "0 is mono, 100 left and right without correlation."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

// Signs: bit l is line l's. Of all pairs that agree on eight lines and are far from every row of
// the Hadamard matrix (which would pick one line out of a turn) the late ones have the least
// autocorrelation (0.04) and correlation with each other (0.03), measured on late tails.
static const unsigned diffuser_signs[NB_REVERB_DIFFUSERS] = {0x6b1cU, 0x94e3U, 0x3a65U};
static const unsigned late_signs[2] = {0x6558U, 0x56a8U};
static const size_t early_channels[2] = {3, 12};
static const double input_gain = 0.35355339059327376; // 1 / sqrt(8): each input feeds 8 lines
static const float matrix_gain = 0.25F;               // makes the Hadamard matrix orthogonal

typedef float wide __attribute__((vector_size(NB_LANES * 8)));
/// One step of all lines.
typedef float lines[LINES][STEP];

/// One shelf of the absorption filters, a lane a line.
typedef struct shelf_lanes {
    nb_lanes direct, fresh, old; ///< y = direct x + state; state = fresh x + old state
    nb_lanes state;
} shelf_lanes;

/// Where a moving line is read: how far back, and the taps between two frames.
typedef struct reading {
    float taps[NB_SINC_TAPS];
    size_t back;
} reading;

typedef struct reverb {
    size_t channels;
    size_t line_frames[LINES];
    size_t diffuser_frames[NB_REVERB_DIFFUSERS][LINES];
    size_t predelay;
    nb_step_ring inputs[2]; ///< The predelay
    nb_step_ring diffusers[NB_REVERB_DIFFUSERS][LINES];
    nb_step_ring lines[LINES];
    shelf_lanes low[GROUPS], high[GROUPS];
    const nb_sinc_row *sinc;     ///< Null where no line moves
    double depth;                ///< Frames
    double rate;                 ///< Turns a step
    reading readings[2][MOVING]; ///< Of the moving lines, where a step begins and ends in turn
    float ramp[STEP];            ///< From one to the other
    int64_t steps;               ///< Since the start
    bool awake;                  ///< Something has come in
    float late_gain;
    float early_gain;
    double early_level, side; ///< What does not move
    size_t filled;            ///< Frames of this step
    float pending[2][STEP];   ///< This step's input
    float late[2][STEP];      ///< What the last step gave
    float early[2][STEP];
} reverb;

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const double low_hz = settings->values[LOW_CROSSOVER_HZ];
    const double high_hz = settings->values[HIGH_CROSSOVER_HZ];
    if (!(low_hz < high_hz)) {
        return nb_fail(err, NB_E_INVALID, "low_crossover_hz %g is not under high_crossover_hz %g",
                       low_hz, high_hz);
    }
    if (!(2.0 * high_hz < settings->rate_hz)) {
        return nb_fail(err, NB_E_INVALID,
                       "high_crossover_hz %g is not under half the sample rate %u", high_hz,
                       settings->rate_hz);
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return STEP;
}

static nb_reverb_decay decay_of(const nb_settings *settings)
{
    const double mid_s = settings->values[DECAY_S];
    return (nb_reverb_decay){
        .rate_hz = settings->rate_hz,
        .low_s = mid_s * settings->values[LOW_DECAY_PERCENT] * 0.01,
        .mid_s = mid_s,
        .high_s = mid_s * settings->values[HIGH_DECAY_PERCENT] * 0.01,
        .low_hz = settings->values[LOW_CROSSOVER_HZ],
        .high_hz = settings->values[HIGH_CROSSOVER_HZ],
    };
}

static size_t predelay_frames(const nb_settings *settings)
{
    return nb_frames_of_ms(settings->values[PREDELAY_MS], settings->rate_hz);
}

// 120 dB, and 20 more for full scale at all frequencies at once; the paths up to the lines.
static size_t tail(const nb_settings *settings)
{
    const nb_reverb_decay decay = decay_of(settings);
    const double longest_s = fmax(decay.mid_s, fmax(decay.low_s, decay.high_s));
    const double paths_s = 0.15 * settings->values[SIZE_PERCENT] * 0.01;
    return predelay_frames(settings) +
           (size_t)ceil((longest_s * 140.0 / 60.0 + paths_s) * settings->rate_hz);
}

static nb_status take_rings(nb_arena *arena, reverb *self, nb_error *err)
{
    bool complete = true;
    for (size_t c = 0; c < self->channels; c++) {
        complete = nb_step_ring_take(arena, &self->inputs[c], self->predelay) && complete;
    }
    for (size_t l = 0; l < LINES; l++) {
        const size_t reach = self->line_frames[l] + (size_t)ceil(self->depth) + NB_SINC_TAPS;
        complete = nb_step_ring_take(arena, &self->lines[l], reach) && complete;
        for (size_t s = 0; s < NB_REVERB_DIFFUSERS; s++) {
            complete =
                nb_step_ring_take(arena, &self->diffusers[s][l], self->diffuser_frames[s][l]) &&
                complete;
        }
    }
    if (self->depth > 0.0) {
        self->sinc = nb_sinc_table_new(arena);
        complete = self->sinc && complete;
    }
    return complete ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "reverb: no memory for its lines");
}

static void set_absorption(reverb *self, const nb_reverb_decay *decay)
{
    for (size_t l = 0; l < LINES; l++) {
        const nb_reverb_shelves it =
            nb_reverb_absorption(decay, (double)self->line_frames[l], (double)matrix_gain);
        shelf_lanes *low = &self->low[l / NB_LANES];
        shelf_lanes *high = &self->high[l / NB_LANES];
        const size_t lane = l % NB_LANES;
        low->direct[lane] = it.low.direct;
        low->fresh[lane] = it.low.fresh;
        low->old[lane] = it.low.old;
        high->direct[lane] = it.high.direct;
        high->fresh[lane] = it.high.fresh;
        high->old[lane] = it.high.old;
    }
}

static void set_lengths(reverb *self, const nb_settings *settings)
{
    const double rate_hz = settings->rate_hz;
    const double size = settings->values[SIZE_PERCENT] * 0.01;
    self->depth = settings->values[MOD_DEPTH_MS] * 0.001 * rate_hz;
    self->rate = settings->values[MOD_RATE_HZ] * STEP / rate_hz;
    self->predelay = predelay_frames(settings);
    nb_reverb_line_frames(rate_hz, size, LEAST_FRAMES + (size_t)ceil(self->depth),
                          self->line_frames);
    for (size_t s = 0; s < NB_REVERB_DIFFUSERS; s++) {
        nb_reverb_diffuser_frames(rate_hz, size, s, self->diffuser_frames[s]);
    }
}

// sin(2 pi turns), for turns in [0, 2^51).
static inline nb_lanes turn_sine(nb_lanes turns)
{
    const nb_lanes near = (turns + NB_ROUND_MAGIC) - NB_ROUND_MAGIC;
    const nb_lanes part = turns - near; // in [-1/2, 1/2]
    const nb_lanes size = nb_lanes_abs(part);
    const nb_lanes quarter = nb_lanes_min(size, 0.5 - size);
    const nb_lanes sine = nb_lanes_sin(quarter * (2.0 * NB_PI));
    return nb_lanes_select((nb_masks)(part < nb_lanes_set(0.0)), -sine, sine);
}

static void set_reading(const reverb *self, double place, reading *out)
{
    const double above = ceil(place);
    const double phase = (above - place) * NB_SINC_PHASES;
    const size_t index = (size_t)phase;
    const nb_sinc_row *row = &self->sinc[index];
    const float rest = (float)(phase - (double)index);
    for (size_t k = 0; k < NB_SINC_TAPS; k++) {
        out->taps[k] = row->taps[k] + rest * row->slopes[k];
    }
    out->back = (size_t)above + NB_SINC_AFTER;
}

// Where the moving lines are after so many steps. Rates lie 4 % apart, so no pattern repeats.
static void place_lines(reverb *self, int64_t steps)
{
    reading *readings = self->readings[steps % 2];
    for (size_t g = 0; g < MOVING_GROUPS; g++) {
        nb_lanes turns = {0};
        for (size_t lane = 0; lane < NB_LANES; lane++) {
            const double m = (double)(g * NB_LANES + lane);
            const double spread = 1.0 + 0.04 * (m - (MOVING - 1) / 2.0);
            turns[lane] = self->rate * spread * (double)steps + m / MOVING;
        }
        const nb_lanes sine = turn_sine(turns);
        for (size_t lane = 0; lane < NB_LANES; lane++) {
            const size_t m = g * NB_LANES + lane;
            const double place = (double)self->line_frames[2 * m + 1] + self->depth * sine[lane];
            set_reading(self, place, &readings[m]);
        }
    }
}

static void reset(void *state)
{
    reverb *self = state;
    for (size_t c = 0; c < self->channels; c++) {
        nb_step_ring_reset(&self->inputs[c]);
    }
    for (size_t l = 0; l < LINES; l++) {
        nb_step_ring_reset(&self->lines[l]);
        for (size_t s = 0; s < NB_REVERB_DIFFUSERS; s++) {
            nb_step_ring_reset(&self->diffusers[s][l]);
        }
    }
    for (size_t g = 0; g < GROUPS; g++) {
        self->low[g].state = self->high[g].state = (nb_lanes){0};
    }
    memset(self->pending, 0, sizeof self->pending);
    memset(self->late, 0, sizeof self->late);
    memset(self->early, 0, sizeof self->early);
    self->steps = 0;
    self->filled = 0;
    self->awake = false;
    if (self->sinc) {
        place_lines(self, 0);
    }
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    (void)voice_count; // planar: one voice
    const nb_settings *settings = &voices[0];
    const nb_reverb_decay decay = decay_of(settings);
    reverb *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "reverb: no memory");
    }
    self->channels = settings->channels;
    self->early_level = nb_lanes_from_db(nb_lanes_set(settings->values[EARLY_DB]))[0];
    self->side = settings->values[WIDTH_PERCENT] * 0.01;
    set_lengths(self, settings);
    set_absorption(self, &decay);
    self->late_gain = (float)nb_reverb_output_gain(&decay, self->line_frames);
    self->early_gain = 2.0F * 1.41421356F; // of the 16 channels' energy 2 P one has P / 8
    for (size_t i = 0; i < STEP; i++) {
        self->ramp[i] = (float)i / STEP;
    }
    const nb_status status = take_rings(arena, self, err);
    if (status != NB_OK) {
        return status;
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

// All sums and differences of the lines: 4 times an orthogonal matrix.
static void hadamard(lines x)
{
    for (size_t span = 1; span < LINES; span *= 4) {
        for (size_t l = 0; l < LINES; l++) {
            if (l & (3 * span)) {
                continue;
            }
            float *restrict a = x[l];
            float *restrict b = x[l + span];
            float *restrict c = x[l + 2 * span];
            float *restrict d = x[l + 3 * span];
            for (size_t i = 0; i < STEP; i++) {
                const float ab = a[i] + b[i];
                const float a_b = a[i] - b[i];
                const float cd = c[i] + d[i];
                const float c_d = c[i] - d[i];
                a[i] = ab + cd;
                b[i] = a_b + c_d;
                c[i] = ab - cd;
                d[i] = a_b - c_d;
            }
        }
    }
}

static inline float sign_of(unsigned signs, size_t line)
{
    return (signs >> line & 1) ? -1.0F : 1.0F;
}

// Each channel gets its delay and sign, then the matrix mixes them: after three stages one frame
// has become 4096 (J.-M. Jot's diffuser without feedback).
static void diffuse(reverb *self, size_t stage, lines x)
{
    for (size_t l = 0; l < LINES; l++) {
        nb_step_ring *it = &self->diffusers[stage][l];
        nb_step_ring_write(it, x[l]);
        const float *from = nb_step_ring_read(it, self->diffuser_frames[stage][l]);
        const float gain = sign_of(diffuser_signs[stage], l) * matrix_gain;
        for (size_t i = 0; i < STEP; i++) {
            x[l][i] = from[i] * gain;
        }
        nb_step_ring_advance(it);
    }
    hadamard(x);
}

static void read_inputs(reverb *self, lines x)
{
    for (size_t c = 0; c < self->channels; c++) {
        nb_step_ring_write(&self->inputs[c], self->pending[c]);
        const float *from = nb_step_ring_read(&self->inputs[c], self->predelay);
        const size_t stride = self->channels;
        for (size_t i = 0; i < STEP; i++) {
            x[c][i] = from[i] * (float)input_gain;
        }
        for (size_t l = c + stride; l < LINES; l += stride) {
            memcpy(x[l], x[c], STEP * sizeof(float));
        }
        nb_step_ring_advance(&self->inputs[c]);
    }
}

static inline wide load_wide(const float *from)
{
    wide value;
    memcpy(&value, from, sizeof value);
    return value;
}

// Within a step the line goes straight from one place to the next: so do the two readings.
static void read_moving(const reverb *self, size_t line, float *out)
{
    const reading *old = &self->readings[self->steps % 2][line / 2];
    const reading *new = &self->readings[(self->steps + 1) % 2][line / 2];
    const float *old_from = nb_step_ring_read(&self->lines[line], old->back);
    const float *new_from = nb_step_ring_read(&self->lines[line], new->back);
    for (size_t i = 0; i < STEP; i += WIDE) {
        wide before = {0};
        wide after = {0};
        for (size_t k = 0; k < NB_SINC_TAPS; k++) {
            before += load_wide(old_from + i + k) * old->taps[k];
            after += load_wide(new_from + i + k) * new->taps[k];
        }
        const wide value = before + load_wide(self->ramp + i) * (after - before);
        memcpy(out + i, &value, sizeof value);
    }
}

static void read_lines(reverb *self, lines x)
{
    if (self->sinc) {
        place_lines(self, self->steps + 1);
    }
    for (size_t l = 0; l < LINES; l++) {
        if (self->sinc && l % 2 == 1) {
            read_moving(self, l, x[l]);
        } else {
            memcpy(x[l], nb_step_ring_read(&self->lines[l], self->line_frames[l]),
                   STEP * sizeof(float));
        }
    }
}

static inline nb_lanes shelve(shelf_lanes *self, nb_lanes x)
{
    const nb_lanes y = self->direct * x + self->state;
    self->state = self->fresh * x + self->old * self->state;
    return y;
}

// Two registers of lines at once: each waits for its own last frame only.
static void absorb_pair(reverb *self, size_t group, float *frames)
{
    shelf_lanes low_a = self->low[group];
    shelf_lanes low_b = self->low[group + 1];
    shelf_lanes high_a = self->high[group];
    shelf_lanes high_b = self->high[group + 1];
    for (size_t i = 0; i < STEP; i++) {
        float *at = frames + i * LINES;
        nb_frame_store(at, 0, shelve(&high_a, shelve(&low_a, nb_frame_load(at, 0))));
        nb_frame_store(at, 1, shelve(&high_b, shelve(&low_b, nb_frame_load(at, 1))));
    }
    self->low[group].state = low_a.state;
    self->low[group + 1].state = low_b.state;
    self->high[group].state = high_a.state;
    self->high[group + 1].state = high_b.state;
}

// Frames of all lines side by side here, so that the recursion goes along time in every lane.
static void absorb(reverb *self, lines x)
{
    float frames[STEP][LINES] __attribute__((aligned(64)));
    for (size_t l = 0; l < LINES; l += 4) {
        for (size_t i = 0; i < STEP; i += 4) {
            nb_transpose_4(&x[l][i], STEP, &frames[i][l], LINES);
        }
    }
    for (size_t g = 0; g < GROUPS; g += 2) {
        absorb_pair(self, g, frames[0] + g * NB_LANES);
    }
    for (size_t l = 0; l < LINES; l += 4) {
        for (size_t i = 0; i < STEP; i += 4) {
            nb_transpose_4(&frames[i][l], LINES, &x[l][i], STEP);
        }
    }
}

static void sum_lines(reverb *self, const float (*x)[STEP])
{
    for (size_t c = 0; c < self->channels; c++) {
        float sum[STEP] = {0};
        for (size_t l = 0; l < LINES; l++) {
            const float sign = sign_of(late_signs[c], l);
            for (size_t i = 0; i < STEP; i++) {
                sum[i] += x[l][i] * sign;
            }
        }
        for (size_t i = 0; i < STEP; i++) {
            self->late[c][i] = sum[i] * self->late_gain;
        }
    }
}

static void run_step(reverb *self)
{
    lines fresh __attribute__((aligned(64)));
    lines turning __attribute__((aligned(64)));
    read_inputs(self, fresh);
    for (size_t s = 0; s < NB_REVERB_DIFFUSERS; s++) {
        diffuse(self, s, fresh);
    }
    for (size_t c = 0; c < self->channels; c++) {
        for (size_t i = 0; i < STEP; i++) {
            self->early[c][i] = fresh[early_channels[c]][i] * self->early_gain;
        }
    }
    read_lines(self, turning);
    sum_lines(self, turning);
    absorb(self, turning);
    hadamard(turning);
    for (size_t l = 0; l < LINES; l++) {
        for (size_t i = 0; i < STEP; i++) {
            turning[l][i] += fresh[l][i];
        }
        nb_step_ring_write(&self->lines[l], turning[l]);
        nb_step_ring_advance(&self->lines[l]);
    }
}

// Until something comes in all stays zero; only time goes on.
static void finish_step(reverb *self)
{
    for (size_t c = 0; c < self->channels && !self->awake; c++) {
        for (size_t i = 0; i < STEP; i++) {
            self->awake = self->awake || self->pending[c][i] != 0.0F;
        }
    }
    if (self->awake) {
        run_step(self);
    } else if (self->sinc) {
        place_lines(self, self->steps + 1);
    }
    self->steps++;
    self->filled = 0;
}

/// Levels of a part of a call.
typedef struct levels {
    const double *early_db, *width; ///< Null where nothing moves
    double early, side;
} levels;

static inline double levels_early(const levels *self, size_t i)
{
    return self->early_db ? nb_lanes_from_db(nb_lanes_set(self->early_db[i]))[0] : self->early;
}

static inline void put_mono(const reverb *self, const levels *how, size_t frames, float *out)
{
    const float *late = self->late[0] + self->filled;
    const float *early = self->early[0] + self->filled;
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)((double)late[i] + levels_early(how, i) * (double)early[i]);
    }
}

static inline void put_stereo(const reverb *self, const levels *how, size_t frames,
                              float *restrict left, float *restrict right)
{
    const size_t at = self->filled;
    for (size_t i = 0; i < frames; i++) {
        const double early = levels_early(how, i);
        const double side = how->width ? how->width[i] * 0.01 : how->side;
        const double l = (double)self->late[0][at + i] + early * (double)self->early[0][at + i];
        const double r = (double)self->late[1][at + i] + early * (double)self->early[1][at + i];
        const double middle = (l + r) * 0.5;
        const double half = (l - r) * 0.5 * side;
        left[i] = (float)(middle + half);
        right[i] = (float)(middle - half);
    }
}

// Where nothing moves the compiler knows, and the loops go along time in SIMD.
static void put(const reverb *self, const levels *how, size_t frames, float *const *out)
{
    const levels fixed = {.early = how->early, .side = how->side};
    const bool moves = how->early_db || how->width;
    if (self->channels == 1) {
        put_mono(self, moves ? how : &fixed, frames, out[0]);
    } else if (moves) {
        put_stereo(self, how, frames, out[0], out[1]);
    } else if (frames == STEP) {
        put_stereo(self, &fixed, STEP, out[0], out[1]);
    } else {
        put_stereo(self, &fixed, frames, out[0], out[1]);
    }
}

// The frames [start, start + frames) of the call lie within one step.
static void run_part(reverb *self, const nb_block *block, size_t start, size_t frames)
{
    const double *early_db = block->controls ? block->controls[EARLY_DB] : NULL;
    const double *width = block->controls ? block->controls[WIDTH_PERCENT] : NULL;
    const levels how = {.early_db = early_db ? early_db + start : NULL,
                        .width = width ? width + start : NULL,
                        .early = self->early_level,
                        .side = self->side};
    float *const out[2] = {block->planar_out[0] + start,
                           block->planar_out[self->channels - 1] + start};
    for (size_t c = 0; c < self->channels; c++) {
        memcpy(self->pending[c] + self->filled, block->planar_in[c] + start,
               frames * sizeof(float)); // before `out`, which may be `in`
    }
    put(self, &how, frames, out);
    self->filled += frames;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    reverb *self = state;
    for (size_t start = 0; start < block->frames;) {
        const size_t left = block->frames - start;
        const size_t room = STEP - self->filled;
        const size_t frames = (left < room) ? left : room;
        run_part(self, block, start, frames);
        start += frames;
        if (self->filled == STEP) {
            finish_step(self);
        }
    }
}

const nb_processor NB_KERNEL(nb_reverb) = {
    .name = "reverb",
    .revision = 1,
    .help = "A room of sixteen paths: decay by frequency, size, movement.",
    .form = NB_FORM_PLANAR,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
