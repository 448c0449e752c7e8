// SPDX-License-Identifier: GPL-3.0-or-later
// Everything runs in steps, each line shorter than none of them, so that all but the absorption is
// without recursion inside a step and goes along time in SIMD; the absorption goes across lines.
// Sums have one order, element by element, so the width never shows. docs/dsp/reverb.md
#include "dsp/reverb_network.h"

#include "dsp/lanes_math.h"
#include "dsp/quad.h"
#include "dsp/sinc.h"

#include <math.h>
#include <string.h>

enum {
    STEP = NB_STEP,
    LINES = NB_REVERB_LINES,
    MOVING = LINES / 2, // every other line moves
    GROUPS = LINES / NB_LANES,
    MOVING_GROUPS = MOVING / NB_LANES,
    WIDE = 2 * NB_LANES, // floats in a register
};

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

struct nb_reverb_network {
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
};

static nb_status take_rings(nb_arena *arena, nb_reverb_network *self, nb_error *err)
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

static void set_absorption(nb_reverb_network *self, const nb_reverb_decay *decay)
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

static void set_lengths(nb_reverb_network *self, const nb_reverb_room *room)
{
    const double rate_hz = room->decay.rate_hz;
    self->depth = room->depth_frames;
    self->rate = room->mod_rate_hz * STEP / rate_hz;
    self->predelay = room->predelay_frames;
    nb_reverb_line_frames(rate_hz, room->size, room->depth_frames, self->line_frames);
    for (size_t s = 0; s < NB_REVERB_DIFFUSERS; s++) {
        nb_reverb_diffuser_frames(rate_hz, room->size, s, self->diffuser_frames[s]);
    }
}

static void set_reading(const nb_reverb_network *self, double place, reading *out)
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
static void place_lines(nb_reverb_network *self, int64_t steps)
{
    reading *readings = self->readings[steps % 2];
    for (size_t g = 0; g < MOVING_GROUPS; g++) {
        nb_lanes turns = {0};
        for (size_t lane = 0; lane < NB_LANES; lane++) {
            const double m = (double)(g * NB_LANES + lane);
            const double spread = 1.0 + 0.04 * (m - (MOVING - 1) / 2.0);
            turns[lane] = self->rate * spread * (double)steps + m / MOVING;
        }
        const nb_lanes sine = nb_lanes_sin_turns(turns);
        for (size_t lane = 0; lane < NB_LANES; lane++) {
            const size_t m = g * NB_LANES + lane;
            const double place = (double)self->line_frames[2 * m + 1] + self->depth * sine[lane];
            set_reading(self, place, &readings[m]);
        }
    }
}

void NB_KERNEL(nb_reverb_network_reset)(nb_reverb_network *self)
{
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
    self->steps = 0;
    self->awake = false;
    if (self->sinc) {
        place_lines(self, 0);
    }
}

nb_status NB_KERNEL(nb_reverb_network_init)(nb_arena *arena, const nb_reverb_room *room,
                                            nb_reverb_network **out_self, nb_error *err)
{
    *out_self = NULL;
    nb_reverb_network *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "reverb: no memory");
    }
    self->channels = room->channels;
    set_lengths(self, room);
    set_absorption(self, &room->decay);
    self->late_gain = (float)nb_reverb_output_gain(&room->decay, self->line_frames);
    self->early_gain = 2.0F * 1.41421356F; // of the 16 channels' energy 2 P one has P / 8
    for (size_t i = 0; i < STEP; i++) {
        self->ramp[i] = (float)i / STEP;
    }
    const nb_status status = take_rings(arena, self, err);
    if (status != NB_OK) {
        return status;
    }
    NB_KERNEL(nb_reverb_network_reset)(self);
    *out_self = self;
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
static void diffuse(nb_reverb_network *self, size_t stage, lines x)
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

static void read_inputs(nb_reverb_network *self, const float (*in)[STEP], lines x)
{
    for (size_t c = 0; c < self->channels; c++) {
        nb_step_ring_write(&self->inputs[c], in[c]);
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
static void read_moving(const nb_reverb_network *self, size_t line, float *out)
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

static void read_lines(nb_reverb_network *self, lines x)
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
static void absorb_pair(nb_reverb_network *self, size_t group, float *frames)
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
static void absorb(nb_reverb_network *self, lines x)
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

static void sum_lines(const nb_reverb_network *self, const float (*x)[STEP], float (*out)[STEP])
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
            out[c][i] = sum[i] * self->late_gain;
        }
    }
}

static void run_step(nb_reverb_network *self, const float (*in)[STEP], float (*out_late)[STEP],
                     float (*out_early)[STEP])
{
    lines fresh __attribute__((aligned(64)));
    lines turning __attribute__((aligned(64)));
    read_inputs(self, in, fresh);
    for (size_t s = 0; s < NB_REVERB_DIFFUSERS; s++) {
        diffuse(self, s, fresh);
    }
    for (size_t c = 0; c < self->channels; c++) {
        for (size_t i = 0; i < STEP; i++) {
            out_early[c][i] = fresh[early_channels[c]][i] * self->early_gain;
        }
    }
    read_lines(self, turning);
    sum_lines(self, turning, out_late);
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

static bool any_sound(const float *frames)
{
    bool any = false;
    for (size_t i = 0; i < STEP; i++) {
        any = any || frames[i] != 0.0F;
    }
    return any;
}

// Until something comes in all stays zero; only time goes on.
void NB_KERNEL(nb_reverb_network_run)(nb_reverb_network *self, const float (*in)[NB_STEP],
                                      float (*out_late)[NB_STEP], float (*out_early)[NB_STEP])
{
    for (size_t c = 0; c < self->channels && !self->awake; c++) {
        self->awake = any_sound(in[c]);
    }
    if (self->awake) {
        run_step(self, in, out_late, out_early);
    } else {
        memset(out_late, 0, self->channels * sizeof *out_late);
        memset(out_early, 0, self->channels * sizeof *out_early);
        if (self->sinc) {
            place_lines(self, self->steps + 1);
        }
    }
    self->steps++;
}
