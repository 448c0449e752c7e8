// SPDX-License-Identifier: GPL-3.0-or-later
// Steady noise taken away: hiss, fans, hum, room. docs/dsp/noise-reduction.md
//
// Short spectra of 43 ms under square roots of Hann windows, four overlapping. What is *taken away*
// is transformed back and subtracted from the signal, not what is left: so the share that
// `reduction_db` says moves sample by sample, and at 0 dB the output is the input, bit by bit.
#include "dsp/fft.h"
#include "dsp/kernel.h"
#include "dsp/noise_floor.h"
#include "dsp/noise_gain.h"

extern const nb_processor NB_KERNEL(nb_noise_reduction);

enum { REDUCTION_DB, SENSITIVITY_DB, SMOOTHING_HZ, PROFILE_FROM_S, PROFILE_TO_S, PARAM_COUNT };
enum { OVERLAP = 4, CHANNELS_MAX = 2 };

// Hops that the frame in work lies behind the newest, and slots of a line that holds them.
enum { AHEAD = NB_NOISE_FLOOR_AHEAD, SLOTS = AHEAD + OVERLAP + 1 };

static const char *const libraries[] = {"fftw3f", NULL};

static const nb_param params[] = {
    [REDUCTION_DB] = {"reduction_db", "dB", NB_SCALE_DB, 0.0, 40.0, 20.0, .automatable = true,
                      .help = "How far down noise is turned where nothing else is; 0 changes "
                              "nothing."},
    [SENSITIVITY_DB] = {"sensitivity_db", "dB", NB_SCALE_DB, -12.0, 12.0, 0.0,
                        .help = "Raises the level that counts as noise."},
    [SMOOTHING_HZ] = {"smoothing_hz", "Hz", NB_SCALE_LINEAR, 0.0, 4000.0, 1000.0,
                      .help = "Width over which gains are averaged where there is hardly any "
                              "signal, against single tones of noise that come and go; 0 is none."},
    [PROFILE_FROM_S] = {"profile_from_s", "s", NB_SCALE_LINEAR, 0.0, 3600.0, 0.0,
                        .help = "Where in the file its noise begins."},
    [PROFILE_TO_S] = {"profile_to_s", "s", NB_SCALE_LINEAR, 0.0, 3600.0, 3600.0,
                      .help = "Where it ends; beyond the file means its end."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double prior_least = 0.0031622776601683794; // -25 dB
static const double prior_memory = 0.98; // decision-directed, Ephraim and Malah 1984
static const double post_most = 1e8;     // holds the squares of anything
static const float power_most = 1e37F;
static const float inverse_most = 1e30F;
// A line at this gain or under it is noise alone: -18 dB.
static const double noise_gain = 0.125;
// Smoothing fades in where less than this share of the neighbourhood's power is signal.
static const double signal_share = 0.4;
static const double profile_least_s = 0.2;

typedef struct channel {
    float *line;    ///< SLOTS hops of input
    float *power;   ///< Of the newest spectrum made
    float *inverse; ///< One over the noise's power, of each spectral line
    float *spectrum;
    float *taken; ///< Overlapped sum of what is taken away, a frame long
    nb_noise_floor floor;
} channel;

/// Sums over all lines below one.
typedef struct gain_sums {
    double gain;
    double kept; ///< G^2 gamma
    double seen; ///< gamma
} gain_sums;

typedef struct noise_reduction {
    const nb_fft *fft;
    size_t size, hop, bins;
    size_t channel_count;
    bool blind;
    bool idle; ///< Reduces by 0 dB for ever
    double reduction_db;
    double noise_factor; ///< Of the noise's power, by `sensitivity_db`
    size_t smoothing;    ///< Half of the widest average, in spectral lines
    channel channels[CHANNELS_MAX];
    float *window;
    float *work;                      ///< A frame of samples
    double *carried;                  ///< G^2 gamma of the frame before
    double *post;                     ///< gamma of each line
    double *gain;                     ///< Of each line
    gain_sums *sums;                  ///< To average gains
    bool silent[SLOTS][CHANNELS_MAX]; ///< Hops of digital silence
    size_t slot;                      ///< Of the line, being filled
    size_t filled;                    ///< Frames in it
} noise_reduction;

// 43 ms, as far as powers of two go: constant time at all rates, so that one set of constants does.
static size_t frame_size(unsigned rate_hz)
{
    size_t size = 256;
    while (size < NB_FFT_SIZE_MAX && (double)size * 65000.0 < 2048.0 * rate_hz) {
        size *= 2;
    }
    return size;
}

// The part of the file that is noise, as far as the file is known.
static size_t profile_start(const nb_settings *settings)
{
    return nb_frames_of_ms(1000.0 * settings->values[PROFILE_FROM_S], settings->rate_hz);
}

static size_t profile_end(const nb_settings *settings)
{
    const size_t end = nb_frames_of_ms(1000.0 * settings->values[PROFILE_TO_S], settings->rate_hz);
    return (end < settings->audio_frames) ? end : settings->audio_frames;
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    const double from_s = settings->values[PROFILE_FROM_S];
    const double to_s = settings->values[PROFILE_TO_S];
    if (!(to_s - from_s >= profile_least_s)) {
        return nb_fail(err, NB_E_INVALID,
                       "profile_from_s %g to profile_to_s %g: at least %g s of noise are needed",
                       from_s, to_s, profile_least_s);
    }
    if (settings->audio_channels > CHANNELS_MAX) {
        return nb_fail(err, NB_E_INVALID, "a sample of noise has 1 or 2 channels, this one has %zu",
                       settings->audio_channels);
    }
    const size_t start = profile_start(settings);
    const size_t end = profile_end(settings);
    const double least = profile_least_s * settings->rate_hz - 1.0; // both ends were rounded
    if (settings->audio_channels > 0 && (end <= start || (double)(end - start) < least)) {
        return nb_fail(err, NB_E_INVALID,
                       "the sample of noise, %g s long, has under %g s from profile_from_s %g",
                       (double)settings->audio_frames / settings->rate_hz, profile_least_s, from_s);
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    const size_t size = frame_size(settings->rate_hz);
    return size + AHEAD * (size / OVERLAP);
}

static size_t tail(const nb_settings *settings) { return frame_size(settings->rate_hz); }

static float *take_floats(nb_arena *arena, size_t count)
{
    return nb_arena_take(arena, count, sizeof(float));
}

static bool take_channel(nb_arena *arena, noise_reduction *self, channel *it)
{
    it->line = take_floats(arena, SLOTS * self->hop);
    it->power = take_floats(arena, self->bins);
    it->inverse = take_floats(arena, self->bins);
    it->spectrum = take_floats(arena, 2 * self->bins);
    it->taken = take_floats(arena, self->size);
    return it->line && it->power && it->inverse && it->spectrum && it->taken &&
           (!self->blind || nb_noise_floor_init(&it->floor, arena, self->bins));
}

static nb_status take_buffers(nb_arena *arena, noise_reduction *self, nb_error *err)
{
    bool complete = true;
    for (size_t c = 0; c < self->channel_count; c++) {
        complete = complete && take_channel(arena, self, &self->channels[c]);
    }
    self->window = take_floats(arena, self->size);
    self->work = take_floats(arena, self->size);
    self->carried = nb_arena_take(arena, self->bins, sizeof *self->carried);
    self->post = nb_arena_take(arena, self->bins, sizeof *self->post);
    self->post = nb_arena_take(arena, self->bins, sizeof *self->post);
    self->gain = nb_arena_take(arena, self->bins, sizeof *self->gain);
    self->sums = nb_arena_take(arena, self->bins + 1, sizeof *self->sums);
    complete = complete && self->window && self->work && self->carried && self->post &&
               self->gain && self->sums;
    return complete ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "noise-reduction: no memory");
}

// The square root of a Hann window: sin(pi i / size).
static void fill_window(noise_reduction *self)
{
    for (size_t i = 0; i <= self->size / 2; i++) {
        const double x = NB_PI * (double)i / (double)self->size;
        self->window[i] = (float)nb_lanes_sin(nb_lanes_set(x))[0];
        self->window[(self->size - i) % self->size] = self->window[i];
    }
}

static void find_power(const noise_reduction *self, const float *restrict spectrum,
                       float *restrict power)
{
    const float *imaginary = spectrum + self->bins;
    for (size_t i = 0; i < self->bins; i++) {
        const float sum = spectrum[i] * spectrum[i] + imaginary[i] * imaginary[i];
        power[i] = (sum < power_most) ? sum : power_most; // also where it is not a number
    }
}

// The profile of one channel of the file: the mean power of frames half overlapping.
static size_t learn(noise_reduction *self, channel *it, const float *audio, size_t frames,
                    double *mean)
{
    size_t count = 0;
    for (size_t start = 0; start + self->size <= frames; start += self->size / 2) {
        bool silent = true;
        for (size_t i = 0; i < self->size; i++) {
            self->work[i] = audio[start + i] * self->window[i];
            silent = silent && audio[start + i] == 0.0F;
        }
        if (silent) {
            continue;
        }
        nb_fft_run_forward(self->fft, self->work, it->spectrum);
        find_power(self, it->spectrum, it->power);
        for (size_t i = 0; i < self->bins; i++) {
            mean[i] += (double)it->power[i];
        }
        count++;
    }
    return count;
}

// A mono strip takes the mean of a stereo file's profiles, a stereo strip a mono file's for both
// sides.
static nb_status set_profile(noise_reduction *self, const nb_settings *settings, nb_error *err)
{
    const size_t start = profile_start(settings);
    const size_t frames = profile_end(settings) - start;
    for (size_t c = 0; c < self->channel_count; c++) {
        channel *it = &self->channels[c];
        const bool both = settings->channels == 1 && settings->audio_channels == 2;
        const size_t first = (c < settings->audio_channels) ? c : 0;
        double *mean = self->gain; // not in use yet
        memset(mean, 0, self->bins * sizeof *mean);
        size_t count = learn(self, it, settings->audio[first] + start, frames, mean);
        count += both ? learn(self, it, settings->audio[1] + start, frames, mean) : 0;
        if (count == 0) {
            return nb_fail(err, NB_E_INVALID, "the sample of noise is digital silence");
        }
        for (size_t i = 0; i < self->bins; i++) {
            const double inverse = (double)count / (mean[i] + 1e-300);
            it->inverse[i] = (inverse < (double)inverse_most) ? (float)inverse : inverse_most;
        }
    }
    return NB_OK;
}

static void reset(void *state)
{
    noise_reduction *self = state;
    for (size_t c = 0; c < self->channel_count; c++) {
        channel *it = &self->channels[c];
        memset(it->line, 0, SLOTS * self->hop * sizeof *it->line);
        memset(it->taken, 0, self->size * sizeof *it->taken);
        if (self->blind) {
            nb_noise_floor_reset(&it->floor);
        }
    }
    memset(self->carried, 0, self->bins * sizeof *self->carried);
    for (size_t s = 0; s < SLOTS; s++) {
        for (size_t c = 0; c < CHANNELS_MAX; c++) {
            self->silent[s][c] = true;
        }
    }
    self->slot = 0;
    self->filled = 0;
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    (void)voice_count; // planar: one voice
    const nb_settings *settings = &voices[0];
    nb_status status = check(settings, err);
    if (status != NB_OK) {
        return status;
    }
    noise_reduction *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "noise-reduction: no memory");
    }
    self->size = frame_size(settings->rate_hz);
    self->hop = self->size / OVERLAP;
    self->bins = nb_fft_bins(self->size);
    self->channel_count = settings->channels;
    self->blind = settings->audio_channels == 0;
    self->reduction_db = settings->values[REDUCTION_DB];
    self->idle = self->reduction_db == 0.0 && !nb_settings_moves(settings, REDUCTION_DB);
    self->noise_factor = nb_lanes_from_db(nb_lanes_set(-2.0 * settings->values[SENSITIVITY_DB]))[0];
    self->smoothing = (size_t)(0.5 * settings->values[SMOOTHING_HZ] * (double)self->size /
                                   (double)settings->rate_hz +
                               0.5);
    status = nb_fft_of_size(self->size, &self->fft, err);
    status = (status == NB_OK) ? take_buffers(arena, self, err) : status;
    if (status != NB_OK) {
        return status;
    }
    fill_window(self);
    status = self->blind ? NB_OK : set_profile(self, settings, err);
    if (status != NB_OK) {
        return status;
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

// The slot that is `age` hops older than the one just filled.
static size_t slot_behind(const noise_reduction *self, size_t age)
{
    return (self->slot + SLOTS - age) % SLOTS;
}

static bool frame_is_silent(const noise_reduction *self, size_t c, size_t age)
{
    bool silent = true;
    for (size_t h = 0; h < OVERLAP; h++) {
        silent = silent && self->silent[slot_behind(self, age + h)][c];
    }
    return silent;
}

static bool frame_has_silence(const noise_reduction *self, size_t c, size_t age)
{
    bool silent = false;
    for (size_t h = 0; h < OVERLAP; h++) {
        silent = silent || self->silent[slot_behind(self, age + h)][c];
    }
    return silent;
}

// The spectrum of the frame that ends with the hop `age` hops ago, and its power.
static void transform(noise_reduction *self, channel *it, size_t age)
{
    for (size_t h = 0; h < OVERLAP; h++) {
        const float *from = it->line + slot_behind(self, age + OVERLAP - 1 - h) * self->hop;
        const float *window = self->window + h * self->hop;
        float *to = self->work + h * self->hop;
        for (size_t i = 0; i < self->hop; i++) {
            to[i] = from[i] * window[i];
        }
    }
    nb_fft_run_forward(self->fft, self->work, it->spectrum);
    find_power(self, it->spectrum, it->power);
}

static void track_noise(noise_reduction *self, size_t c)
{
    channel *it = &self->channels[c];
    const bool noise = !frame_has_silence(self, c, 0);
    if (noise) {
        transform(self, it, 0);
    }
    nb_noise_floor_push(&it->floor, noise ? it->power : NULL);
}

// One gain for both sides, so that nothing wanders between them: by the mean of how far each stands
// over its own noise.
static void find_gains(noise_reduction *self)
{
    const nb_lanes share = nb_lanes_set(self->noise_factor / (double)self->channel_count);
    const channel *left = &self->channels[0];
    const channel *right = (self->channel_count == 2) ? &self->channels[1] : NULL;
    for (size_t i = 0; i * NB_LANES < self->bins; i++) {
        nb_lanes post = nb_frame_load(left->power, i) * nb_frame_load(left->inverse, i);
        if (right) {
            post = post + nb_frame_load(right->power, i) * nb_frame_load(right->inverse, i);
        }
        post = nb_lanes_min(post * share, nb_lanes_set(post_most));
        const nb_lanes fresh = nb_lanes_max(post - 1.0, nb_lanes_set(0.0));
        const nb_lanes carried = nb_lanes_load(self->carried, i);
        const nb_lanes prior = nb_lanes_max(prior_memory * carried + (1.0 - prior_memory) * fresh,
                                            nb_lanes_set(prior_least));
        const nb_lanes gain = nb_noise_lsa_gain(prior, post);
        *(nb_lanes *)(void *)(self->carried + i * NB_LANES) = gain * gain * post;
        *(nb_lanes *)(void *)(self->post + i * NB_LANES) = post;
        *(nb_lanes *)(void *)(self->gain + i * NB_LANES) = gain;
    }
}

// Where the neighbourhood of a line holds hardly any signal, its gain becomes their mean (after
// Esch and Vary 2009): a peak of noise that looks like signal for a moment would sound as a tone.
static void smooth_gains(noise_reduction *self)
{
    const size_t lines = self->size / 2 + 1;
    gain_sums *sums = self->sums;
    gain_sums sum = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < lines; i++) {
        sums[i] = sum;
        sum.gain += self->gain[i];
        sum.kept += self->carried[i];
        sum.seen += self->post[i];
    }
    sums[lines] = sum;
    for (size_t i = 0; i < lines; i++) {
        const size_t low = (i > self->smoothing) ? i - self->smoothing : 0;
        const size_t high = (i + self->smoothing < lines) ? i + self->smoothing + 1 : lines;
        const double kept = sums[high].kept - sums[low].kept;
        const double signal = signal_share * (sums[high].seen - sums[low].seen);
        if (kept < signal) {
            const double mean = (sums[high].gain - sums[low].gain) / (double)(high - low);
            const double own = kept / signal;
            self->gain[i] = own * self->gain[i] + (1.0 - own) * mean;
        }
    }
}

// Spectrum of what is taken away: the whole line where the gain is that of noise alone.
static void take_away(const noise_reduction *self, channel *it)
{
    float *restrict real = it->spectrum;
    float *restrict imaginary = it->spectrum + self->bins;
    const double *restrict gain = self->gain;
    // The transform there and back multiplies by its size, the windows add up to 2.
    const double scale = 0.5 / (double)self->size / (1.0 - noise_gain);
    for (size_t i = 0; i < self->bins; i++) {
        const double kept = (gain[i] > noise_gain) ? gain[i] : noise_gain;
        const float share = (float)((1.0 - kept) * scale);
        real[i] *= share;
        imaginary[i] *= share;
    }
    nb_fft_run_inverse(self->fft, it->spectrum, self->work);
    for (size_t i = 0; i < self->size; i++) {
        it->taken[i] += self->work[i] * self->window[i];
    }
}

static void reduce(noise_reduction *self)
{
    bool silent = true;
    for (size_t c = 0; c < self->channel_count; c++) {
        silent = silent && frame_is_silent(self, c, AHEAD);
    }
    if (silent) {
        memset(self->carried, 0, self->bins * sizeof *self->carried);
        return;
    }
    for (size_t c = 0; c < self->channel_count; c++) {
        channel *it = &self->channels[c];
        transform(self, it, AHEAD);
        if (self->blind) {
            nb_noise_floor_inverse(&it->floor, it->inverse);
        }
    }
    find_gains(self);
    if (self->smoothing > 0) {
        smooth_gains(self);
    }
    for (size_t c = 0; c < self->channel_count; c++) {
        take_away(self, &self->channels[c]);
    }
}

static void work_on_hop(noise_reduction *self)
{
    for (size_t c = 0; c < self->channel_count; c++) {
        channel *it = &self->channels[c];
        const float *hop = it->line + self->slot * self->hop;
        bool silent = true;
        for (size_t i = 0; i < self->hop; i++) {
            silent = silent && hop[i] == 0.0F;
        }
        self->silent[self->slot][c] = silent;
        memmove(it->taken, it->taken + self->hop, (self->size - self->hop) * sizeof *it->taken);
        memset(it->taken + self->size - self->hop, 0, self->hop * sizeof *it->taken);
        if (self->blind) {
            track_noise(self, c);
        }
    }
    reduce(self);
}

static void finish_hop(noise_reduction *self)
{
    if (!self->idle) {
        work_on_hop(self);
    }
    self->slot = (self->slot + 1) % SLOTS;
    self->filled = 0;
}

// Share of what is noise that is taken away.
static double share_of(double reduction_db)
{
    return 1.0 - nb_lanes_from_db(nb_lanes_set(-reduction_db))[0];
}

// The frames [start, start + frames) of the call lie within one hop.
static void run_part(noise_reduction *self, const nb_block *block, size_t start, size_t frames)
{
    const double *moved = block->controls ? block->controls[REDUCTION_DB] : NULL;
    const double fixed = share_of(self->reduction_db);
    // The oldest hop of the frame in work stands in the slot after the one being filled.
    const size_t oldest = (self->slot + 1) % SLOTS;
    for (size_t c = 0; c < self->channel_count; c++) {
        channel *it = &self->channels[c];
        const float *in = block->planar_in[c] + start;
        float *out = block->planar_out[c] + start;
        const float *delayed = it->line + oldest * self->hop + self->filled;
        const float *taken = it->taken + self->filled;
        float *newest = it->line + self->slot * self->hop + self->filled;
        memcpy(newest, in, frames * sizeof *newest); // before out, which may be in
        for (size_t i = 0; i < frames; i++) {
            const double share = moved ? share_of(moved[start + i]) : fixed;
            out[i] = (float)((double)delayed[i] - share * (double)taken[i]);
        }
    }
    self->filled += frames;
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    noise_reduction *self = state;
    for (size_t start = 0; start < block->frames;) {
        const size_t left = block->frames - start;
        const size_t room = self->hop - self->filled;
        const size_t frames = (left < room) ? left : room;
        run_part(self, block, start, frames);
        start += frames;
        if (self->filled == self->hop) {
            finish_hop(self);
        }
    }
}

const nb_processor NB_KERNEL(nb_noise_reduction) = {
    .name = "noise-reduction",
    .revision = 1,
    .cost_ns = 56,
    .help = "Reduces steady noise, learned from a file or found under the signal.",
    .libraries = libraries,
    .form = NB_FORM_PLANAR,
    .takes_audio = true,
    .audio_optional = true,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
