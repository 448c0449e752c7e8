// SPDX-License-Identifier: GPL-3.0-or-later
// Saturation: drive, emphasis, a curve without aliases, the emphasis taken back.
// docs/dsp/saturation.md
#include "dsp/kernel.h"
#include "dsp/oversampler.h"
#include "dsp/saturation_curve.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_saturation);

enum { CURVE, DRIVE_DB, BIAS_PERCENT, LOW_DRIVE_DB, HIGH_DRIVE_DB, OUTPUT_DB, QUALITY };
enum { TAPE, TUBE, TRANSFORMER, TANH, HARD, CUBIC };
enum { DRAFT, GOOD, BEST, QUALITIES };

static const char *const curves[] = {"tape", "tube", "transformer", "tanh", "hard", "cubic", NULL};
static const char *const qualities[] = {"draft", "good", "best", NULL};

static const nb_param params[] = {
    [CURVE] = {"curve", "", NB_SCALE_CHOICE, 0.0, 5.0, 0.0, .choices = curves,
               .help = "Tape drives high, transformer low frequencies harder; tube is uneven: even "
                       "harmonics; tanh, cubic and hard are the bare curves."},
    [DRIVE_DB] = {"drive_db", "dB", NB_SCALE_DB, -24.0, 48.0, 6.0, .automatable = true,
                  .help = "Gain ahead of the curve, which is linear in quiet and full at 0 dBFS."},
    [BIAS_PERCENT] = {"bias_percent", "%", NB_SCALE_LINEAR, -100.0, 100.0, 0.0,
                      .help = "Moves the curve's working point: even harmonics; the offset is "
                              "taken out."},
    [LOW_DRIVE_DB] = {"low_drive_db", "dB", NB_SCALE_DB, -24.0, 24.0, 0.0,
                      .help = "More drive under 70 Hz, taken back after the curve; adds to the "
                              "transformer's own."},
    [HIGH_DRIVE_DB] = {"high_drive_db", "dB", NB_SCALE_DB, -24.0, 24.0, 0.0,
                       .help = "More drive over 4.5 kHz, taken back after the curve; adds to the "
                               "tape's own."},
    [OUTPUT_DB] = {"output_db", "dB", NB_SCALE_DB, -60.0, 24.0, 0.0, .automatable = true,
                   .off = true, .help = "Gain behind the curve."},
    [QUALITY] = {"quality", "", NB_SCALE_CHOICE, 0.0, 2.0, 2.0, .choices = qualities,
                 .help = "Against aliases: draft computes at 2 times the rate, good at 4, best "
                         "averages the curve there."},
};

// What is the curve's own. Sources: docs/dsp/saturation.md
static const double tape_high_db = 9.0;
static const double transformer_low_db = 18.0;
static const double tape_steepness = 3.0; // L'(0) = 1/3
static const double cubic_steepness = 1.0;
static const double tube_bias = 0.2;
static const double tube_cutoff = 0.75; // steepness of the negative side

static const double low_hz = 70.0;
static const double high_hz = 4547.284; // 1 / (2 pi 35 us)
static const double highest_part = 0.4; // of the rate: where the high shelf may stand at most
static const double dc_hz = 5.0;

/// First-order section and, with its two halves exchanged, its inverse.
typedef struct shelf {
    nb_lanes top0, top1, bottom0, bottom1; ///< (top0 + top1 z^-1) / (bottom0 + bottom1 z^-1)
    nb_masks used;
    bool any;
    nb_lanes before, behind; ///< States ahead of the curve and after it
} shelf;

/// The voices of one quality: they pass one oversampler.
typedef struct path {
    nb_masks lanes;
    bool used;
    nb_oversampler *oversampler;
    nb_lanes offset;                  ///< The curve at rest
    curve_point past[CURVE_KINDS][2]; ///< The two samples before, for the average
} path;

typedef struct saturation {
    nb_lanes drive_db, output_db, bias;
    curve_shape shape;
    nb_masks kinds[CURVE_KINDS];
    bool kind_used[CURVE_KINDS];
    shelf low, high;
    nb_masks uneven; ///< Lanes whose curve makes an offset
    nb_lanes dc_pole;
    nb_lanes dc_in, dc_out; ///< The offset filter's last input and output
    size_t silent_frames;   ///< Since the curve's input was last other than zero
    path paths[QUALITIES];
    nb_lanes *base;   ///< NB_OVERSAMPLER_CHUNK
    nb_lanes *wet;    ///< As above
    nb_lanes *dense;  ///< 4 NB_OVERSAMPLER_CHUNK
    nb_lanes *shaped; ///< As above
} saturation;

static bool is_uneven(const nb_settings *voice)
{
    return voice->values[CURVE] == TUBE || voice->values[BIAS_PERCENT] != 0.0;
}

static double low_drive_db(const nb_settings *voice)
{
    return voice->values[LOW_DRIVE_DB] +
           ((voice->values[CURVE] == TRANSFORMER) ? transformer_low_db : 0.0);
}

static double high_drive_db(const nb_settings *voice)
{
    return voice->values[HIGH_DRIVE_DB] + ((voice->values[CURVE] == TAPE) ? tape_high_db : 0.0);
}

static size_t latency(const nb_settings *settings)
{
    return (settings->values[QUALITY] == DRAFT) ? NB_OVERSAMPLER_LATENCY_2
                                                : NB_OVERSAMPLER_LATENCY_4;
}

/// Frames in which a pole at `freq_hz` falls from `peak_db` to -120 dB.
static double ring_frames(const nb_settings *settings, double freq_hz, double peak_db)
{
    const double nepers = (120.0 + fmax(peak_db, 0.0)) / 20.0 * log(10.0);
    return nepers * settings->rate_hz / (2.0 * NB_PI * freq_hz);
}

static size_t tail(const nb_settings *settings)
{
    const double low_db = low_drive_db(settings);
    const double high_db = high_drive_db(settings);
    const double drive_db =
        nb_settings_moves(settings, DRIVE_DB) ? params[DRIVE_DB].max : settings->values[DRIVE_DB];
    const double output_db = nb_settings_moves(settings, OUTPUT_DB) ? params[OUTPUT_DB].max
                                                                    : settings->values[OUTPUT_DB];
    const double peak_db =
        fmax(drive_db, 0.0) + fabs(low_db) + fabs(high_db) + fmax(output_db, 0.0);
    double frames = (double)latency(settings) + 4.0; // symmetric: it rings as long as it waits
    // A shelf's pole and its inverse's, each as low as it stands, ring one into the other.
    const double low_pole_hz = low_hz * pow(10.0, -fabs(low_db) / 40.0);
    const double high_pole_hz =
        fmin(high_hz, highest_part * settings->rate_hz) * pow(10.0, -fabs(high_db) / 40.0) * 0.5;
    frames += (low_db != 0.0) ? 1.5 * ring_frames(settings, low_pole_hz, peak_db) : 0.0;
    frames += (high_db != 0.0) ? 1.5 * ring_frames(settings, high_pole_hz, peak_db) : 0.0;
    frames += is_uneven(settings) ? ring_frames(settings, dc_hz, peak_db) : 0.0;
    return (size_t)frames;
}

/// H(s) = (1 + s r / w) / (1 + s / (r w)) up, r^2 the gain; low: (s + w r) / (s + w / r).
static void shelf_set(shelf *self, size_t lane, double gain_db, double prewarped, bool low)
{
    const double r = pow(10.0, gain_db / 40.0);
    const double g = prewarped;
    self->top0[lane] = low ? 1.0 + g * r : g + r;
    self->top1[lane] = low ? g * r - 1.0 : g - r;
    self->bottom0[lane] = low ? 1.0 + g / r : g + 1.0 / r;
    self->bottom1[lane] = low ? g / r - 1.0 : g - 1.0 / r;
    self->used[lane] = -(gain_db != 0.0);
    self->any = self->any || gain_db != 0.0;
}

static void set_shape(saturation *self, size_t lane, const nb_settings *voice)
{
    const int curve = (int)voice->values[CURVE];
    const curve_kind kind = (curve == TAPE)                            ? CURVE_LANGEVIN
                            : (curve == TRANSFORMER || curve == CUBIC) ? CURVE_CUBIC
                            : (curve == HARD)                          ? CURVE_HARD
                                                                       : CURVE_TANH;
    const double steepness = (kind == CURVE_LANGEVIN) ? tape_steepness : cubic_steepness;
    self->kinds[kind][lane] = -1;
    self->kind_used[kind] = true;
    self->shape.steepness[0][lane] = steepness;
    self->shape.steepness[1][lane] = (curve == TUBE) ? tube_cutoff : steepness;
    self->shape.height[1][lane] = (curve == TUBE) ? 1.0 / tube_cutoff : 1.0;
    self->bias[lane] = voice->values[BIAS_PERCENT] * 0.01 + ((curve == TUBE) ? tube_bias : 0.0);
    self->uneven[lane] = -(int64_t)is_uneven(voice);
}

static void set_lane(saturation *self, size_t lane, const nb_settings *voice)
{
    const double rate_hz = voice->rate_hz;
    const double corner_hz = fmin(high_hz, highest_part * rate_hz);
    set_shape(self, lane, voice);
    shelf_set(&self->low, lane, low_drive_db(voice), tan(NB_PI * low_hz / rate_hz), true);
    shelf_set(&self->high, lane, high_drive_db(voice), tan(NB_PI * corner_hz / rate_hz), false);
    self->dc_pole[lane] = 1.0 - 2.0 * NB_PI * dc_hz / rate_hz;
    path *it = &self->paths[(size_t)voice->values[QUALITY]];
    it->lanes[lane] = -1;
    it->used = true;
}

/// One frame of one kind of curve; `past` are the two before it.
static inline nb_lanes shape_one(curve_kind kind, const curve_shape *shape, bool average,
                                 curve_point past[2], nb_lanes x)
{
    if (!average) {
        return curve_value(kind, shape, x);
    }
    curve_point points[3] = {past[0], past[1], {.x = x}};
    const nb_lanes y =
        (kind == CURVE_HARD) ? curve_hard_mean(points) : curve_mean(kind, shape, points);
    past[0] = points[1];
    past[1] = points[2];
    return y;
}

static inline void shape_all(curve_kind kind, const saturation *self, bool average, path *it,
                             const nb_lanes *in, nb_lanes *out, size_t count)
{
    const curve_shape shape = self->shape;
    const nb_masks lanes = self->kinds[kind];
    const nb_lanes bias = self->bias;
    const nb_lanes offset = it->offset;
    curve_point past[2] = {it->past[kind][0], it->past[kind][1]};
    for (size_t n = 0; n < count; n++) {
        const nb_lanes y = shape_one(kind, &shape, average, past, in[n] + bias) - offset;
        out[n] = nb_lanes_select(lanes, y, out[n]);
    }
    it->past[kind][0] = past[0];
    it->past[kind][1] = past[1];
}

static void shape_kind(curve_kind kind, const saturation *self, bool average, path *it,
                       const nb_lanes *in, nb_lanes *out, size_t count)
{
    // Each combination is a loop of its own.
#define SHAPE(kind)                                                                                \
    (average ? shape_all(kind, self, true, it, in, out, count)                                     \
             : shape_all(kind, self, false, it, in, out, count))
    switch (kind) {
    case CURVE_TANH:
        SHAPE(CURVE_TANH);
        break;
    case CURVE_HARD:
        SHAPE(CURVE_HARD);
        break;
    case CURVE_CUBIC:
        SHAPE(CURVE_CUBIC);
        break;
    default:
        SHAPE(CURVE_LANGEVIN);
        break;
    }
#undef SHAPE
}

static void shape(const saturation *self, path *it, const nb_lanes *in, nb_lanes *out, size_t count)
{
    const bool average = it->oversampler->kind == NB_OVERSAMPLER_4_AVERAGE;
    for (size_t kind = 0; kind < CURVE_KINDS; kind++) {
        if (self->kind_used[kind]) {
            shape_kind((curve_kind)kind, self, average, it, in, out, count);
        }
    }
}

/// Everything as after long silence.
static void reset(void *state)
{
    saturation *self = state;
    const nb_lanes zero = nb_lanes_set(0.0);
    self->low.before = self->low.behind = self->high.before = self->high.behind = zero;
    self->dc_in = self->dc_out = zero;
    self->silent_frames = SIZE_MAX / 2;
    for (size_t quality = 0; quality < QUALITIES; quality++) {
        path *it = &self->paths[quality];
        if (it->used) {
            nb_oversampler_reset(it->oversampler);
            for (size_t kind = 0; kind < CURVE_KINDS; kind++) {
                it->past[kind][0] = it->past[kind][1] = (curve_point){.x = self->bias};
            }
        }
    }
}

/// The curve at rest, by the same sums that a resting input takes.
static void find_offset(const saturation *self, path *it)
{
    nb_lanes rest = nb_lanes_set(0.0);
    const nb_lanes zero = nb_lanes_set(0.0);
    it->offset = zero;
    shape(self, it, &zero, &rest, 1);
    it->offset = rest;
}

static bool take_path(nb_arena *arena, path *it, size_t quality)
{
    static const nb_oversampler_kind kinds[] = {NB_OVERSAMPLER_2, NB_OVERSAMPLER_4,
                                                NB_OVERSAMPLER_4_AVERAGE};
    it->oversampler = nb_arena_take(arena, 1, sizeof *it->oversampler);
    if (!it->oversampler) {
        return false;
    }
    it->oversampler->kind = kinds[quality];
    return true;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    saturation *self = nb_arena_take(arena, 1, sizeof *self);
    nb_lanes *work = nb_arena_take(arena, (size_t)10 * NB_OVERSAMPLER_CHUNK, sizeof *work);
    if (!self || !work) {
        return nb_fail(err, NB_E_NO_MEMORY, "saturation: no memory");
    }
    self->base = work;
    self->wet = work + NB_OVERSAMPLER_CHUNK;
    self->dense = self->wet + NB_OVERSAMPLER_CHUNK;
    self->shaped = self->dense + (size_t)4 * NB_OVERSAMPLER_CHUNK;
    self->drive_db = nb_lanes_of_param(voices, voice_count, DRIVE_DB);
    self->output_db = nb_lanes_of_param(voices, voice_count, OUTPUT_DB);
    const nb_lanes one = nb_lanes_set(1.0);
    self->shape = (curve_shape){{one, one}, {one, one}};
    self->low = self->high = (shelf){.top0 = one, .bottom0 = one};
    for (size_t v = 0; v < voice_count; v++) {
        for (size_t c = 0; c < voices[v].channels; c++) {
            set_lane(self, nb_voice_lane(voices, v) + c, &voices[v]);
        }
    }
    for (size_t quality = 0; quality < QUALITIES; quality++) {
        if (self->paths[quality].used && !take_path(arena, &self->paths[quality], quality)) {
            return nb_fail(err, NB_E_NO_MEMORY, "saturation: no memory");
        }
    }
    reset(self);
    for (size_t quality = 0; quality < QUALITIES; quality++) {
        if (self->paths[quality].used) {
            find_offset(self, &self->paths[quality]);
        }
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

/// The shelf in place (transposed direct form 2), or its inverse.
static void shelf_run(const shelf *self, bool inverse, nb_lanes *state_p, nb_lanes *samples,
                      size_t frames)
{
    if (!self->any) {
        return;
    }
    const nb_lanes scale = 1.0 / (inverse ? self->top0 : self->bottom0);
    const nb_lanes b0 = (inverse ? self->bottom0 : self->top0) * scale;
    const nb_lanes b1 = (inverse ? self->bottom1 : self->top1) * scale;
    const nb_lanes a1 = (inverse ? self->top1 : self->bottom1) * scale;
    const nb_masks used = self->used;
    nb_lanes state = *state_p;
    for (size_t n = 0; n < frames; n++) {
        const nb_lanes x = samples[n];
        const nb_lanes y = b0 * x + state;
        state = b1 * x - a1 * y;
        samples[n] = nb_lanes_select(used, y, x);
    }
    *state_p = state;
}

/// Input, driven and emphasised, to `base`.
static void prepare(saturation *self, const nb_block *block, size_t start, size_t frames)
{
    const nb_control drive = nb_control_of(block, DRIVE_DB, self->drive_db);
    nb_lanes *base = self->base;
    if (drive.moved) {
        for (size_t n = 0; n < frames; n++) {
            const nb_lanes factor = nb_lanes_from_db(nb_lanes_load(drive.moved, start + n));
            base[n] = nb_frame_load(block->in, start + n) * factor;
        }
    } else {
        const nb_lanes factor = nb_lanes_from_db(self->drive_db);
        for (size_t n = 0; n < frames; n++) {
            base[n] = nb_frame_load(block->in, start + n) * factor;
        }
    }
    shelf_run(&self->low, false, &self->low.before, base, frames);
    shelf_run(&self->high, false, &self->high.before, base, frames);
}

/// Has the curve's input been zero for longer than the filters remember?
static bool is_silent(saturation *self, size_t frames)
{
    const size_t memory = (size_t)4 * NB_OVERSAMPLER_LATENCY_4;
    nb_masks sounds = {0};
    for (size_t n = 0; n < frames; n++) {
        sounds |= (nb_masks)(self->base[n] != nb_lanes_set(0.0));
    }
    if (curve_any(sounds)) {
        self->silent_frames = 0;
        return false;
    }
    const bool silent = self->silent_frames >= memory;
    self->silent_frames += silent ? 0 : frames;
    return silent;
}

static void run_paths(saturation *self, size_t frames)
{
    memset(self->wet, 0, frames * sizeof *self->wet);
    if (is_silent(self, frames)) {
        return;
    }
    for (size_t quality = 0; quality < QUALITIES; quality++) {
        path *it = &self->paths[quality];
        if (!it->used) {
            continue;
        }
        const size_t count = nb_oversampler_factor(it->oversampler) * frames;
        nb_oversampler_up(it->oversampler, self->base, self->dense, frames);
        memset(self->shaped, 0, count * sizeof *self->shaped);
        shape(self, it, self->dense, self->shaped, count);
        nb_oversampler_down(it->oversampler, self->shaped, self->dense, frames);
        for (size_t n = 0; n < frames; n++) {
            self->wet[n] = nb_lanes_select(it->lanes, self->dense[n], self->wet[n]);
        }
    }
}

/// First-order high pass, gain 1 at half the rate: what an uneven curve adds below all sound.
static void remove_offset(saturation *self, size_t frames)
{
    if (!curve_any(self->uneven)) {
        return;
    }
    const nb_lanes pole = self->dc_pole;
    const nb_lanes scale = (1.0 + pole) * 0.5;
    const nb_masks uneven = self->uneven;
    nb_lanes last = self->dc_in;
    nb_lanes out = self->dc_out;
    for (size_t n = 0; n < frames; n++) {
        const nb_lanes x = self->wet[n];
        out = scale * (x - last) + pole * out;
        last = x;
        self->wet[n] = nb_lanes_select(uneven, out, x);
    }
    self->dc_in = last;
    self->dc_out = out;
}

static void finish(saturation *self, const nb_block *block, size_t start, size_t frames)
{
    const nb_control output = nb_control_of(block, OUTPUT_DB, self->output_db);
    remove_offset(self, frames);
    shelf_run(&self->high, true, &self->high.behind, self->wet, frames);
    shelf_run(&self->low, true, &self->low.behind, self->wet, frames);
    if (output.moved) {
        for (size_t n = 0; n < frames; n++) {
            const nb_lanes factor = nb_lanes_from_db(nb_lanes_load(output.moved, start + n));
            nb_frame_store(block->out, start + n, self->wet[n] * factor);
        }
        return;
    }
    const nb_lanes factor = nb_lanes_from_db(self->output_db);
    for (size_t n = 0; n < frames; n++) {
        nb_frame_store(block->out, start + n, self->wet[n] * factor);
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    saturation *self = state;
    for (size_t start = 0; start < block->frames; start += NB_OVERSAMPLER_CHUNK) {
        const size_t left = block->frames - start;
        const size_t frames = (left < NB_OVERSAMPLER_CHUNK) ? left : NB_OVERSAMPLER_CHUNK;
        prepare(self, block, start, frames);
        run_paths(self, frames);
        finish(self, block, start, frames);
    }
}

const nb_processor NB_KERNEL(nb_saturation) = {
    .name = "saturation",
    .revision = 1,
    .cost_ns = 102,
    .help = "Tape, tube and transformer curves without aliases.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
