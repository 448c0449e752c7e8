// SPDX-License-Identifier: GPL-3.0-or-later
// Width, mono bass, rotation and Haas delay of a stereo signal. docs/dsp/image.md
//
// Between the first and last step a pair's even lane holds the middle (L + R) / 2 and its odd one
// the side (L - R) / 2.
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_image);

enum { WIDTH_PERCENT, ROTATION_PERCENT, MONO_BELOW_HZ, HAAS_MS };

static const nb_param params[] = {
    [WIDTH_PERCENT] = {"width_percent", "%", NB_SCALE_LINEAR, 0.0, 200.0, 100.0,
                       .automatable = true,
                       .help = "Gain of the side (L - R): 0 is mono, 100 leaves it, 200 doubles "
                               "it."},
    [ROTATION_PERCENT] = {"rotation_percent", "%", NB_SCALE_LINEAR, -100.0, 100.0, 0.0,
                          .automatable = true,
                          .help = "Turns the whole image at constant power: 100 by 45 degrees, so "
                                  "that what was in the centre is right, -100 left."},
    [MONO_BELOW_HZ] = {"mono_below_hz", "Hz", NB_SCALE_LINEAR, 0.0, 500.0, 0.0,
                       .help = "Takes the side out below, 24 dB an octave; 0 is off."},
    [HAAS_MS] = {"haas_ms", "ms", NB_SCALE_LINEAR, -40.0, 40.0, 0.0,
                 .help = "Delays the right channel, or the left one where negative."},
};

/// State-variable filter of which three taps are mixed: any second-order response.
typedef struct section {
    nb_lanes a1, a2, a3; ///< docs/dsp/equaliser.md
    nb_lanes m0, m1, m2;
    nb_lanes s1, s2; ///< States
} section;

/// Frames late, one channel.
typedef struct late {
    size_t frames; ///< 0: no delay, no memory
    size_t at;
    float *ring;
} late;

typedef struct image {
    nb_lanes width, rotation;
    nb_lanes side_sign; ///< -1 in left lanes, 1 in right ones
    nb_masks is_right;
    nb_masks neutral; ///< Lanes whose samples pass unchanged
    nb_masks filtered;
    bool any_filtered;
    section first, second;
    late late[NB_LANES];
} image;

static bool is_neutral(const nb_settings *voice)
{
    return !nb_settings_moves(voice, WIDTH_PERCENT) &&
           !nb_settings_moves(voice, ROTATION_PERCENT) && voice->values[WIDTH_PERCENT] == 100.0 &&
           voice->values[ROTATION_PERCENT] == 0.0 && voice->values[MONO_BELOW_HZ] == 0.0;
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    if (settings->channels != 2) {
        return nb_fail(err, NB_E_INVALID, "image needs two channels, not %u", settings->channels);
    }
    const double freq_hz = settings->values[MONO_BELOW_HZ];
    return (freq_hz == 0.0 || freq_hz >= 10.0)
               ? NB_OK
               : nb_fail(err, NB_E_INVALID, "mono_below_hz %g is neither 0 (off) nor at least 10",
                         freq_hz);
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static size_t tail(const nb_settings *settings)
{
    size_t frames = nb_frames_of_ms(fabs(settings->values[HAAS_MS]), settings->rate_hz);
    const double freq_hz = settings->values[MONO_BELOW_HZ];
    if (freq_hz > 0.0) {
        // Double poles with real part -w / sqrt(2): t e^-at is under -120 dB, with 6 dB of width
        // and the double pole's own rise to spare, after 20 of its time constants.
        frames += (size_t)(20.0 * settings->rate_hz / (sqrt(2.0) * NB_PI * freq_hz));
    }
    return frames;
}

/// Middle: the all-pass that Linkwitz-Riley's halves sum to. Side: its high half, two Butterworths.
static void set_filters(image *self, size_t lane, double freq_hz, unsigned rate_hz)
{
    if (freq_hz == 0.0) {
        return;
    }
    const double k = sqrt(2.0);
    const double g = tan(NB_PI * freq_hz / rate_hz);
    const double a1 = 1.0 / (1.0 + g * (g + k));
    for (size_t c = 0; c < 2; c++) {
        section *sections[] = {&self->first, &self->second};
        for (size_t i = 0; i < 2; i++) {
            section *it = sections[i];
            it->a1[lane + c] = a1;
            it->a2[lane + c] = g * a1;
            it->a3[lane + c] = g * g * a1;
            const bool passes = c == 0 && i == 1;
            it->m1[lane + c] = passes ? 0.0 : (c == 0) ? -2.0 * k : -k;
            it->m2[lane + c] = (c == 0) ? 0.0 : -1.0;
        }
        self->filtered[lane + c] = -1;
    }
    self->any_filtered = true;
}

static nb_status set_late(image *self, size_t lane, const nb_settings *voice, nb_arena *arena,
                          nb_error *err)
{
    const double time_ms = voice->values[HAAS_MS];
    late *it = &self->late[lane + ((time_ms > 0.0) ? 1 : 0)];
    it->frames = nb_frames_of_ms(fabs(time_ms), voice->rate_hz);
    if (it->frames > 0) {
        it->ring = nb_arena_take(arena, it->frames, sizeof *it->ring);
        if (!it->ring) {
            return nb_fail(err, NB_E_NO_MEMORY, "image: no memory");
        }
    }
    return NB_OK;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    image *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "image: no memory");
    }
    self->width = nb_lanes_of_param(voices, voice_count, WIDTH_PERCENT);
    self->rotation = nb_lanes_of_param(voices, voice_count, ROTATION_PERCENT);
    self->first.m0 = self->second.m0 = nb_lanes_set(1.0);
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        self->is_right[lane] = -(int64_t)(lane % 2);
        self->side_sign[lane] = (lane % 2) ? 1.0 : -1.0;
    }
    for (size_t v = 0; v < voice_count; v++) {
        const size_t lane = nb_voice_lane(voices, v);
        set_filters(self, lane, voices[v].values[MONO_BELOW_HZ], voices[v].rate_hz);
        self->neutral[lane] = self->neutral[lane + 1] = -(int64_t)is_neutral(&voices[v]);
        const nb_status status = set_late(self, lane, &voices[v], arena, err);
        if (status != NB_OK) {
            return status;
        }
    }
    *out_state = self;
    return NB_OK;
}

static void reset(void *state)
{
    image *self = state;
    const nb_lanes zero = nb_lanes_set(0.0);
    self->first.s1 = self->first.s2 = self->second.s1 = self->second.s2 = zero;
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        late *it = &self->late[lane];
        it->at = 0;
        if (it->frames > 0) {
            memset(it->ring, 0, it->frames * sizeof *it->ring);
        }
    }
}

static inline nb_lanes section_step(section *self, nb_lanes x)
{
    const nb_lanes v3 = x - self->s2;
    const nb_lanes v1 = self->a1 * self->s1 + self->a2 * v3;
    const nb_lanes v2 = self->s2 + self->a2 * self->s1 + self->a3 * v3;
    self->s1 = 2.0 * v1 - self->s1;
    self->s2 = 2.0 * v2 - self->s2;
    return self->m0 * x + self->m1 * v1 + self->m2 * v2;
}

/// What a pair becomes; `near` and `far` are the rotation's shares of a channel and its partner.
static inline nb_lanes turn(const image *self, nb_lanes x, nb_lanes side_gain, nb_lanes near,
                            nb_lanes far, section *first, section *second)
{
    const nb_lanes partner = nb_lanes_partner(x);
    const nb_lanes one = nb_lanes_set(1.0);
    nb_lanes parts = nb_lanes_select(self->is_right, partner - x, x + partner) * 0.5;
    if (self->any_filtered) {
        const nb_lanes passed = section_step(second, section_step(first, parts));
        parts = nb_lanes_select(self->filtered, passed, parts);
    }
    parts *= nb_lanes_select(self->is_right, side_gain, one);
    const nb_lanes other = nb_lanes_partner(parts);
    const nb_lanes y = nb_lanes_select(self->is_right, other - parts, parts + other);
    const nb_lanes turned = y * near + nb_lanes_partner(y) * far;
    return nb_lanes_select(self->neutral, x, turned);
}

/// Shares of a channel and of its partner after a turn by percent of 45 degrees.
static inline void rotation_shares(const image *self, nb_lanes percent, nb_lanes *out_near,
                                   nb_lanes *out_far)
{
    const nb_lanes angle = nb_lanes_clamp(percent, -100.0, 100.0) * (NB_PI / 400.0);
    const nb_lanes size = nb_lanes_abs(angle);
    const nb_lanes sine = nb_lanes_sin(size);
    const nb_masks back = (nb_masks)(angle < nb_lanes_set(0.0));
    const nb_lanes still = nb_lanes_set(1.0);
    const nb_lanes cosine = nb_lanes_sin(NB_PI / 2.0 - size);
    const nb_masks rests = (nb_masks)(angle == nb_lanes_set(0.0));
    *out_near = nb_lanes_select(rests, still, cosine);
    *out_far = nb_lanes_select(back, -sine, sine) * self->side_sign;
}

static void delay_lane(late *self, float *samples, size_t frames)
{
    size_t at = self->at;
    for (size_t i = 0; i < frames; i++) {
        float *sample = &samples[i * NB_LANES];
        const float was = self->ring[at];
        self->ring[at] = *sample;
        *sample = was;
        at = (at + 1 == self->frames) ? 0 : at + 1;
    }
    self->at = at;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    image *self = state;
    const nb_control width = nb_control_of(block, WIDTH_PERCENT, self->width);
    const nb_control rotation = nb_control_of(block, ROTATION_PERCENT, self->rotation);
    section first = self->first;
    section second = self->second;
    nb_lanes near;
    nb_lanes far;
    rotation_shares(self, self->rotation, &near, &far);
    for (size_t i = 0; i < block->frames; i++) {
        if (rotation.moved) {
            rotation_shares(self, nb_lanes_load(rotation.moved, i), &near, &far);
        }
        const nb_lanes gain = nb_control_at(&width, i) * 0.01;
        const nb_lanes x = nb_frame_load(block->in, i);
        nb_frame_store(block->out, i, turn(self, x, gain, near, far, &first, &second));
    }
    self->first = first;
    self->second = second;
    for (size_t lane = 0; lane < NB_LANES; lane++) {
        if (self->late[lane].frames > 0) {
            delay_lane(&self->late[lane], block->out + lane, block->frames);
        }
    }
}

const nb_processor NB_KERNEL(nb_image) = {
    .name = "image",
    .revision = 1,
    .cost_ns = 2,
    .moving_cost_ns = 4,
    .help = "Width, mono bass, rotation and Haas delay.",
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
