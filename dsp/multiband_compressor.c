// SPDX-License-Identifier: GPL-3.0-or-later
// Multiband compressor. docs/dsp/multiband-compressor.md
//
// Linkwitz-Riley crossovers split the lowest band off first. A crossover's two sides add up to an
// all-pass, so every band below a crossover passes that all-pass too: the bands' sum is then the
// cascade of all of them, flat. The all-passes run on the growing sum, one for each crossover.
#include "dsp/detector.h"

#include <math.h>

extern const nb_processor NB_KERNEL(nb_multiband_compressor);

enum {
    THRESHOLD_DB,
    RATIO,
    KNEE_DB,
    ATTACK_MS,
    RELEASE_MS,
    MAKEUP_DB,
    UPTO_HZ,
    STATE,
    BAND_PARAM_COUNT
};
enum { DETECTOR, PARAM_COUNT };
enum { BANDS_MIN = 2, BANDS_MAX = 5, CHUNK_FRAMES = 64 };
_Static_assert((int)CHUNK_FRAMES <= (int)NB_DETECTOR_FRAMES, "a chunk is one block of a detector");
_Static_assert((int)THRESHOLD_DB == NB_DETECTOR_THRESHOLD_DB && (int)RATIO == NB_DETECTOR_RATIO &&
                   (int)KNEE_DB == NB_DETECTOR_KNEE_DB && (int)ATTACK_MS == NB_DETECTOR_ATTACK_MS &&
                   (int)RELEASE_MS == NB_DETECTOR_RELEASE_MS,
               "the detector's parameters stand first");

static const char *const detectors[] = {"peak", "rms", NULL};
static const char *const states[] = {"on", "bypass", "mute", "solo", NULL};
enum { STATE_ON, STATE_BYPASS, STATE_MUTE, STATE_SOLO };

static const nb_param params[] = {
    [DETECTOR] = {"detector", "", NB_SCALE_CHOICE, 0.0, 1.0, 0.0, .choices = detectors,
                  .help = "Peak follows the waveform, rms its mean square over 10 ms."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const nb_param band_params[] = {
    [THRESHOLD_DB] = {"threshold_db", "dB", NB_SCALE_DB, -80.0, 0.0, -20.0, .automatable = true,
                      .help = "Level of the band over which its gain falls."},
    [RATIO] = {"ratio", "", NB_SCALE_LOG, 1.0, 100.0, 2.0, .automatable = true,
               .help = "So many dB over the threshold become one."},
    [KNEE_DB] = {"knee_db", "dB", NB_SCALE_LINEAR, 0.0, 24.0, 6.0, .automatable = true,
                 .help = "Width of the bend around the threshold."},
    [ATTACK_MS] = {"attack_ms", "ms", NB_SCALE_LOG, 0.05, 500.0, 10.0, .automatable = true,
                   .help = "Time constant of falling gain."},
    [RELEASE_MS] = {"release_ms", "ms", NB_SCALE_LOG, 1.0, 5000.0, 100.0, .automatable = true,
                    .help = "Time constant of the gain's way back, in series with the attack's."},
    [MAKEUP_DB] = {"makeup_db", "dB", NB_SCALE_DB, -24.0, 36.0, 0.0, .automatable = true,
                   .help = "Gain of the band behind the compression."},
    [UPTO_HZ] = {"upto_hz", "Hz", NB_SCALE_LOG, 20.0, 20000.0, 20000.0,
                 .help = "Where the next band begins; the last band has no use for it."},
    [STATE] = {"state", "", NB_SCALE_CHOICE, 0.0, 3.0, 0.0, .choices = states,
               .help = "Bypass leaves the band as it is; solo mutes the bands that are not solo."},
};
_Static_assert(NB_COUNT(band_params) == BAND_PARAM_COUNT, "a row for each parameter");

static const double highest_of_rate = 0.45;     // crossovers over it are refused
static const double k = 1.41421356237309504880; // 1 / Q of a Butterworth filter

/// State of one trapezoidal state variable filter.
typedef struct integrators {
    nb_lanes s1, s2;
} integrators;

/// Splits at one frequency; lanes that have no such crossover hand all to the low side.
/// The filter is kept as its state's step: half of what it adds to s1 and s2 are the band-pass and
/// the low-pass of the textbook's form, one addition shorter from frame to frame.
typedef struct crossover {
    nb_masks wanted;
    nb_lanes keep;             ///< 2 a1 - 1
    nb_lanes cross;            ///< 2 a2
    nb_lanes take;             ///< 2 a3
    integrators first, second; ///< Low-pass twice
    integrators below;         ///< All-pass of the bands under it
} crossover;

typedef struct band {
    nb_detector detector;
    nb_lanes makeup_db;
    nb_group makeup; ///< In octaves, of what does not move
    nb_group_bits bypassed, silent;
    bool moves[BAND_PARAM_COUNT]; ///< Where a block's controls are looked for
    bool all_neutral;             ///< Nothing but a reduction changes this band
} band;

typedef struct multiband {
    size_t band_count; ///< Of the voice with most
    crossover crossovers[BANDS_MAX - 1];
    band bands[BANDS_MAX];
} multiband;

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const size_t count = settings->band_count;
    if (count < BANDS_MIN || count > BANDS_MAX) {
        return nb_fail(err, NB_E_INVALID, "%zu bands, not %d to %d", count, BANDS_MIN, BANDS_MAX);
    }
    const double highest_hz = highest_of_rate * settings->rate_hz;
    double before_hz = 0.0;
    for (size_t b = 0; b + 1 < count; b++) {
        const double upto_hz = nb_band_value(settings, b, UPTO_HZ);
        if (!(upto_hz > before_hz)) {
            return nb_fail(err, NB_E_INVALID,
                           "band %zu: upto_hz %g is not over %g, where the band begins", b + 1,
                           upto_hz, before_hz);
        }
        if (!(upto_hz <= highest_hz)) {
            return nb_fail(err, NB_E_INVALID,
                           "band %zu: upto_hz %g is over %g, 0.45 of the sample rate %u", b + 1,
                           upto_hz, highest_hz, settings->rate_hz);
        }
        before_hz = upto_hz;
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static double warped(double freq_hz, unsigned rate_hz)
{
    static const double half_turn = 3.14159265358979323846;
    return tan(half_turn * freq_hz / rate_hz);
}

// Each crossover rings with the radius of its poles, three pairs in a row; e^-6 are for those and
// for what the response adds up to.
static size_t tail(const nb_settings *settings)
{
    static const double below = 13.8155105579642741 + 6.0; // -ln(1e-6)
    static const double ln_per_db = 0.115129254649702284;
    double loudest_db = 0.0;
    double frames_per_neper = 0.0;
    for (size_t b = 0; b < settings->band_count; b++) {
        const size_t control = nb_control_of_band(settings->processor, b, MAKEUP_DB);
        const double makeup_db = nb_settings_moves(settings, control)
                                     ? band_params[MAKEUP_DB].max
                                     : nb_band_value(settings, b, MAKEUP_DB);
        loudest_db = fmax(loudest_db, makeup_db);
        if (b + 1 < settings->band_count) {
            const double g = warped(nb_band_value(settings, b, UPTO_HZ), settings->rate_hz);
            const double radius_squared = (1.0 - k * g + g * g) / (1.0 + k * g + g * g);
            frames_per_neper += -2.0 / log(radius_squared);
        }
    }
    return (size_t)ceil(frames_per_neper * (below + loudest_db * ln_per_db));
}

static void set_crossover(crossover *self, size_t lane, double freq_hz, unsigned rate_hz)
{
    const double g = warped(freq_hz, rate_hz);
    const double a1 = 1.0 / (1.0 + g * (g + k));
    self->wanted[lane] = -1;
    self->keep[lane] = 2.0 * a1 - 1.0;
    self->cross[lane] = 2.0 * g * a1;
    self->take[lane] = 2.0 * g * g * a1;
}

static bool any_solo(const nb_settings *voice)
{
    for (size_t b = 0; b < voice->band_count; b++) {
        if (nb_band_value(voice, b, STATE) == STATE_SOLO) {
            return true;
        }
    }
    return false;
}

static nb_group octaves_of(nb_lanes makeup_db)
{
    const nb_param *makeup = &band_params[MAKEUP_DB];
    return nb_group_of_lanes(nb_lanes_clamp(makeup_db, makeup->min, makeup->max) *
                             NB_OCTAVES_PER_DB);
}

static void set_band(multiband *self, size_t b, const nb_settings *voices, size_t voice_count)
{
    nb_lanes values[BAND_PARAM_COUNT];
    nb_detector_mode modes[NB_LANES] = {0};
    nb_masks bypassed = {0}, silent = {0};
    for (size_t p = 0; p < BAND_PARAM_COUNT; p++) {
        values[p] = nb_lanes_set(band_params[p].initial);
    }
    for (size_t v = 0; v < voice_count; v++) {
        const nb_settings *voice = &voices[v];
        const size_t first = nb_voice_lane(voices, v);
        for (size_t lane = first; b < voice->band_count && lane < first + voice->channels; lane++) {
            for (size_t p = 0; p < BAND_PARAM_COUNT; p++) {
                values[p][lane] = nb_band_value(voice, b, p);
            }
            const double state = values[STATE][lane];
            modes[lane].stereo = voice->channels == 2;
            modes[lane].rms = voice->values[DETECTOR] == 1.0;
            bypassed[lane] = -(state == STATE_BYPASS);
            silent[lane] = -(state == STATE_MUTE || (any_solo(voice) && state != STATE_SOLO));
            if (b + 1 < voice->band_count) {
                set_crossover(&self->crossovers[b], lane, values[UPTO_HZ][lane], voice->rate_hz);
            }
        }
    }
    band *it = &self->bands[b];
    for (size_t v = 0; v < voice_count; v++) {
        for (size_t p = 0; b < voices[v].band_count && p < BAND_PARAM_COUNT; p++) {
            it->moves[p] |=
                nb_settings_moves(&voices[v], nb_control_of_band(voices[v].processor, b, p));
        }
    }
    nb_detector_init(&it->detector, voices[0].rate_hz, values, modes);
    it->makeup_db = values[MAKEUP_DB];
    it->makeup = octaves_of(it->makeup_db);
    it->bypassed = nb_group_of_masks(bypassed);
    it->silent = nb_group_of_masks(silent);
    it->all_neutral =
        !nb_group_any(it->makeup) && !nb_group_any(__builtin_convertvector(it->silent, nb_group));
}

static void reset(void *state)
{
    multiband *self = state;
    for (size_t b = 0; b < BANDS_MAX; b++) {
        nb_detector_reset(&self->bands[b].detector);
    }
    for (size_t c = 0; c < BANDS_MAX - 1; c++) {
        crossover *it = &self->crossovers[c];
        it->first = it->second = it->below = (integrators){0};
    }
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    multiband *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "multiband-compressor: no memory");
    }
    for (size_t v = 0; v < voice_count; v++) {
        const size_t count = voices[v].band_count;
        self->band_count = (count > self->band_count) ? count : self->band_count;
    }
    for (size_t b = 0; b < self->band_count; b++) {
        set_band(self, b, voices, voice_count);
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

/// What one trapezoidal filter knows of a frame: the double of its band-pass, and its low-pass.
typedef struct passes {
    nb_lanes twice_band, low;
} passes;

static inline __attribute__((always_inline)) passes run_filter(const crossover *by,
                                                               integrators *past, nb_lanes x)
{
    const nb_lanes ahead = x - past->s2;
    const nb_lanes s1 = by->keep * past->s1 + by->cross * ahead;
    const nb_lanes s2 = (past->s2 + by->cross * past->s1) + by->take * ahead;
    const passes out = {s1 + past->s1, 0.5 * (s2 + past->s2)};
    *past = (integrators){s1, s2};
    return out;
}

// Low-pass twice is the low side; the all-pass less that is the high one. `count` is a constant at
// every call: all crossovers of a frame in one go let the CPU overlap their recursions.
static inline __attribute__((always_inline)) void
split(multiband *self, const size_t count, nb_lanes bands[BANDS_MAX][CHUNK_FRAMES], size_t frames)
{
    integrators first[BANDS_MAX - 1], second[BANDS_MAX - 1];
    for (size_t c = 0; c < count; c++) {
        first[c] = self->crossovers[c].first;
        second[c] = self->crossovers[c].second;
    }
    for (size_t i = 0; i < frames; i++) {
        nb_lanes x = bands[0][i];
        for (size_t c = 0; c < count; c++) {
            const crossover *by = &self->crossovers[c];
            const passes once = run_filter(by, &first[c], x);
            const nb_lanes twice = run_filter(by, &second[c], once.low).low;
            const nb_lanes high = x - k * once.twice_band - twice;
            bands[c][i] = nb_lanes_select(by->wanted, twice, x);
            x = nb_lanes_select(by->wanted, high, (nb_lanes){0});
        }
        bands[count][i] = x;
    }
    for (size_t c = 0; c < count; c++) {
        self->crossovers[c].first = first[c];
        self->crossovers[c].second = second[c];
    }
}

// The sum of the bands under a crossover passes its all-pass, and the band above joins; nothing
// passes the lowest one's.
static inline __attribute__((always_inline)) void join(multiband *self, const size_t count,
                                                       nb_lanes bands[BANDS_MAX][CHUNK_FRAMES],
                                                       const nb_block *block, size_t start,
                                                       size_t frames)
{
    integrators below[BANDS_MAX - 1];
    for (size_t c = 1; c < count; c++) {
        below[c] = self->crossovers[c].below;
    }
    for (size_t i = 0; i < frames; i++) {
        nb_lanes sum = bands[0][i];
        for (size_t c = 1; c < count; c++) {
            const crossover *by = &self->crossovers[c];
            const nb_lanes all = sum - k * run_filter(by, &below[c], sum).twice_band;
            sum = nb_lanes_select(by->wanted, all, sum) + bands[c][i];
        }
        // A crossover that a neighbour needs turns -0 into 0: so does this, whoever they are.
        nb_frame_store(block->out, start + i, sum + bands[count][i] + 0.0);
    }
    for (size_t c = 1; c < count; c++) {
        self->crossovers[c].below = below[c];
    }
}

static inline nb_group factor_of(const band *self, nb_group makeup, nb_group reduction)
{
    const nb_group factor = nb_group_exp2(makeup - reduction);
    return nb_group_select(self->silent, (nb_group){0},
                           nb_group_select(self->bypassed, nb_group_set(1.0F), factor));
}

// The factors of a chunk, in place of its reductions.
static void make_factors(const band *self, float *octaves, size_t frames)
{
    for (size_t at = 0; at < frames * NB_LANES; at += NB_GROUP) {
        nb_group_store(octaves + at, factor_of(self, self->makeup, nb_group_load(octaves + at)));
    }
}

static void make_moving_factors(const band *self, const nb_control *makeup_db, size_t start,
                                float *octaves, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        float *at = octaves + i * NB_LANES;
        const nb_group makeup = octaves_of(nb_control_at(makeup_db, start + i));
        nb_group_store_part(at, factor_of(self, makeup, nb_group_load_part(at, NB_LANES)),
                            NB_LANES);
    }
}

static void scale(nb_lanes *samples, const float *factors, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        samples[i] *= nb_frame_load(factors, i);
    }
}

// Voices of fewer bands may have fewer controls: only those that move are there for sure.
static const double *moved_of(const band *self, const nb_block *block, size_t index, size_t param)
{
    const size_t control = nb_control_of_band(&NB_KERNEL(nb_multiband_compressor), index, param);
    return (self->moves[param] && block->controls) ? block->controls[control] : NULL;
}

static void run_band(multiband *self, size_t b, const nb_block *block, size_t start,
                     nb_lanes *samples, size_t frames)
{
    band *it = &self->bands[b];
    const nb_control makeup_db = {moved_of(it, block, b, MAKEUP_DB), it->makeup_db};
    nb_detector_controls controls = {.start = start};
    for (size_t p = 0; p < NB_DETECTOR_PARAMS; p++) {
        controls.moved[p] = moved_of(it, block, b, p);
        controls.any |= controls.moved[p] != NULL;
    }
    nb_detector_block key, factors;
    for (size_t i = 0; i < frames; i++) {
        nb_frame_store(key.at, i, samples[i]);
    }
    const bool reduces = nb_detector_run(&it->detector, &controls, key.at, frames, factors.at);
    if (!reduces && it->all_neutral && !makeup_db.moved) {
        return; // times 1
    }
    if (!reduces) {
        memset(factors.at, 0, sizeof factors.at);
    }
    if (makeup_db.moved) {
        make_moving_factors(it, &makeup_db, start, factors.at, frames);
    } else {
        make_factors(it, factors.at, frames);
    }
    scale(samples, factors.at, frames);
}

// `count` crossovers, a constant at every call.
static inline __attribute__((always_inline)) void
run_chunk(multiband *self, const size_t count, const nb_block *block, size_t start, size_t frames)
{
    nb_lanes bands[BANDS_MAX][CHUNK_FRAMES];
    for (size_t i = 0; i < frames; i++) {
        bands[0][i] = nb_frame_load(block->in, start + i);
    }
    split(self, count, bands, frames);
    for (size_t b = 0; b <= count; b++) {
        run_band(self, b, block, start, bands[b], frames);
    }
    join(self, count, bands, block, start, frames);
}

static void process_chunk(multiband *self, const nb_block *block, size_t start, size_t frames)
{
    switch (self->band_count) {
    case 2:
        run_chunk(self, 1, block, start, frames);
        break;
    case 3:
        run_chunk(self, 2, block, start, frames);
        break;
    case 4:
        run_chunk(self, 3, block, start, frames);
        break;
    default:
        run_chunk(self, 4, block, start, frames);
        break;
    }
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    for (size_t start = 0; start < block->frames; start += CHUNK_FRAMES) {
        const size_t left = block->frames - start;
        process_chunk(state, block, start, (left < CHUNK_FRAMES) ? left : CHUNK_FRAMES);
    }
}

const nb_processor NB_KERNEL(nb_multiband_compressor) = {
    .name = "multiband-compressor",
    .revision = 1,
    .cost_ns = 24,
    .help = "Compressor of 2 to 5 bands that add up flat; stereo is linked band by band.",
    .form = NB_FORM_LANES,
    .params = params,
    .param_count = NB_COUNT(params),
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
