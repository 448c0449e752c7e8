// SPDX-License-Identifier: GPL-3.0-or-later
// Echoes, free or by the tempo map. docs/dsp/delay.md
//
// A note's length is rarely a whole number of frames. Rounded once, the error would add up from
// echo to echo; so the line is read between frames, and echo n comes at n times the exact length.
#include "dsp/kernel.h"
#include "dsp/lanes_math.h"
#include "dsp/sinc.h"

#include <math.h>
#include <string.h>

extern const nb_processor NB_KERNEL(nb_delay);

enum {
    TIME_MS,
    NOTE,
    FEEDBACK_PERCENT,
    MIX_PERCENT,
    LOW_CUT_HZ,
    HIGH_CUT_HZ,
    PING_PONG,
    DUCK_DB,
    DUCK_THRESHOLD_DB,
    DUCK_RELEASE_MS,
    PARAM_COUNT
};
enum {
    CHUNK_FRAMES = 128,
    TAPS = 32, // of the interpolator: 15 frames behind the place, itself, 16 before it
    TAPS_AFTER = 15,
};

static const char *const notes[] = {
    "off", "1/1",  "1/1d", "1/1t", "1/2",   "1/2d",  "1/2t", "1/4",   "1/4d",  "1/4t",
    "1/8", "1/8d", "1/8t", "1/16", "1/16d", "1/16t", "1/32", "1/32d", "1/32t", NULL,
};

static const nb_param params[] = {
    [TIME_MS] = {"time_ms", "ms", NB_SCALE_LOG, 5.0, 10000.0, 350.0,
                 .help = "Time between echoes, to the nearest frame."},
    [NOTE] = {"note", "", NB_SCALE_CHOICE, 0.0, 18.0, 0.0, .choices = notes,
              .help = "Time by the tempo map instead of time_ms; d is dotted, t a triplet."},
    [FEEDBACK_PERCENT] = {"feedback_percent", "%", NB_SCALE_LINEAR, 0.0, 95.0, 30.0,
                          .automatable = true, .help = "Level of each echo by the one before."},
    [MIX_PERCENT] = {"mix_percent", "%", NB_SCALE_LINEAR, 0.0, 100.0, 100.0, .automatable = true,
                     .help = "Share of the echoes; 100 on a send's bus."},
    [LOW_CUT_HZ] = {"low_cut_hz", "Hz", NB_SCALE_LOG, 10.0, 2000.0, 10.0,
                    .help = "Each echo passes this 6 dB/octave high-pass once more; 10 is none."},
    [HIGH_CUT_HZ] = {"high_cut_hz", "Hz", NB_SCALE_LOG, 500.0, 20000.0, 20000.0,
                     .help = "Each echo passes this 6 dB/octave low-pass once more; 20000 is "
                             "none."},
    [PING_PONG] = {"ping_pong", "", NB_SCALE_SWITCH, 0.0, 1.0, 0.0,
                   .help = "Echoes of both channels' middle, left and right in turn."},
    [DUCK_DB] = {"duck_db", "dB", NB_SCALE_LINEAR, 0.0, 40.0, 0.0, .automatable = true,
                 .help = "The echoes step back so far while the key (the input, or the "
                         "sidechain) sounds."},
    [DUCK_THRESHOLD_DB] = {"duck_threshold_db", "dB", NB_SCALE_DB, -60.0, 0.0, -30.0,
                           .help = "From this level of the key on they do; 12 dB over it, "
                                   "wholly."},
    [DUCK_RELEASE_MS] = {"duck_release_ms", "ms", NB_SCALE_LOG, 10.0, 3000.0, 300.0,
                         .help = "Time constant of their return."},
};
_Static_assert(NB_COUNT(params) == PARAM_COUNT, "a row for each parameter");

static const double longest_s = 20.0;
static const double fade_s = 0.05; // from one tempo's line to the next one's
static const double duck_knee_db = 12.0;
static const double duck_attack_s = 0.01;
static const double duck_hold_s = 0.03; // time constant of the key's envelope: over a bass's period

/// The line's length from a frame of the song on.
typedef struct segment {
    int64_t start;
    int64_t fade; ///< Frames of the cross-fade from the segment before
    size_t frames;
    bool between; ///< Read between frames, by `taps`
    float taps[TAPS];
} segment;

typedef struct line {
    size_t lane;
    const segment *segments; ///< Both lines of a voice share them
    size_t segment_count;
    float *ring;
    size_t mask;
} line;

typedef struct delay {
    line lines[NB_LANES];
    size_t line_count;
    size_t step;    ///< Frames at once: none of them reads what they write
    size_t written; ///< Frames so far
    nb_lanes feedback, mix;
    nb_masks ping_pong, left, cuts_high;
    bool cuts;                    ///< Any lane has a filter
    nb_lanes low_gain, high_gain; ///< The one-poles' G = g / (1 + g)
    nb_lanes low_state, high_state;
    bool ducks;    ///< Any lane does, or may
    nb_masks pair; ///< Lanes of stereo voices: one key for both
    nb_lanes duck_db, threshold_db, release;
    double attack, hold;
    nb_lanes key_level, ducked; ///< The key's envelope; how far the echoes have stepped back, 0..1
    nb_lanes echoes[CHUNK_FRAMES]; ///< Lanes without a line stay zero
} delay;

// Quarter notes of a choice other than "off": each length is straight, dotted, triplet.
static double note_beats(double choice)
{
    static const double kinds[] = {1.0, 1.5, 2.0 / 3.0};
    const unsigned index = (unsigned)choice - 1;
    return 4.0 / (double)(1U << (index / 3)) * kinds[index % 3];
}

static double segment_frames(const nb_settings *settings, size_t tempo)
{
    if (settings->values[NOTE] == 0.0) {
        return (double)nb_frames_of_ms(settings->values[TIME_MS], settings->rate_hz);
    }
    const double beats = note_beats(settings->values[NOTE]);
    return 60.0 * settings->rate_hz * beats / settings->tempos[tempo].bpm;
}

static size_t segment_count(const nb_settings *settings)
{
    return (settings->values[NOTE] == 0.0) ? 1 : settings->tempo_count;
}

static nb_status check(const nb_settings *settings, nb_error *err)
{
    if (settings->values[PING_PONG] != 0.0 && settings->channels != 2) {
        return nb_fail(err, NB_E_INVALID,
                       "ping_pong needs a stereo strip: put the delay behind the pan, on a bus");
    }
    const double low_hz = settings->values[LOW_CUT_HZ];
    const double high_hz = settings->values[HIGH_CUT_HZ];
    if (low_hz > high_hz) {
        return nb_fail(err, NB_E_INVALID, "low_cut_hz %g is over high_cut_hz %g", low_hz, high_hz);
    }
    if (!(2.0 * low_hz < settings->rate_hz)) {
        return nb_fail(err, NB_E_INVALID, "low_cut_hz %g is not under half the sample rate %u",
                       low_hz, settings->rate_hz);
    }
    for (size_t t = 0; t < segment_count(settings); t++) {
        const double frames = segment_frames(settings, t);
        const double delay_s = frames / settings->rate_hz;
        if (!(delay_s <= longest_s && frames > TAPS)) {
            return nb_fail(err, NB_E_INVALID,
                           "a delay of %g s (note %s): it lasts from %d frames to %g s", delay_s,
                           notes[(size_t)settings->values[NOTE]], TAPS + 1, longest_s);
        }
    }
    return NB_OK;
}

static size_t latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static double longest_frames(const nb_settings *settings)
{
    double longest = 0.0;
    for (size_t t = 0; t < segment_count(settings); t++) {
        longest = fmax(longest, segment_frames(settings, t));
    }
    return longest;
}

// The cuts never lift a frequency, so echo n is at most feedback^(n-1) of the first, and all from
// there on 1 / (1 - feedback) of that; a factor of 8 is for what the low cut makes of edges. The
// last echo's low cut rings out at 10 Hz in a quarter of a second.
static size_t tail(const nb_settings *settings)
{
    const bool moves = nb_settings_moves(settings, FEEDBACK_PERCENT);
    const double percent =
        moves ? params[FEEDBACK_PERCENT].max : settings->values[FEEDBACK_PERCENT];
    const double feedback = percent * 0.01;
    const double level = 1e-6 / 8.0 * (1.0 - feedback);
    const double echoes = (feedback > 0.0) ? ceil(log(level) / log(feedback)) : 0.0;
    const bool cuts = settings->values[LOW_CUT_HZ] > params[LOW_CUT_HZ].min ||
                      settings->values[HIGH_CUT_HZ] < params[HIGH_CUT_HZ].max;
    const double ring_s = cuts ? 1.0 : 0.0;
    return (size_t)ceil((echoes + 1.0) * (longest_frames(settings) + 1.0) + TAPS +
                        ring_s * settings->rate_hz);
}

// Kaiser-windowed sinc, beta 8: flat within 0.01 dB to 0.31 of the rate, 0.13 dB at 0.375.
static void set_taps(segment *self, double fraction)
{
    double taps[TAPS];
    nb_sinc_taps(fraction, TAPS_AFTER, TAPS, 8.0, taps);
    for (size_t k = 0; k < TAPS; k++) {
        self->taps[k] = (float)taps[TAPS - 1 - k]; // in the line's order, oldest first
    }
}

static segment *take_segments(nb_arena *arena, const nb_settings *settings)
{
    const size_t count = segment_count(settings);
    segment *all = nb_arena_take(arena, count, sizeof *all);
    const int64_t fade = (int64_t)(fade_s * settings->rate_hz);
    for (size_t t = 0; all && t < count; t++) {
        const double frames = segment_frames(settings, t);
        all[t].frames = (size_t)floor(frames);
        const double fraction = frames - floor(frames);
        all[t].between = fraction > 0.0;
        set_taps(&all[t], fraction);
        all[t].start = (count > 1) ? settings->tempos[t].frame : 0;
        // The next change waits for no one: a fade ends where it begins.
        const int64_t room = (t + 1 < count) ? settings->tempos[t + 1].frame - all[t].start : fade;
        all[t].fade = (t == 0) ? 0 : (room < fade) ? room : fade;
    }
    return all;
}

static double one_pole_gain(double freq_hz, unsigned rate_hz)
{
    const double g = tan(NB_PI * fmin(freq_hz, 0.49 * rate_hz) / rate_hz);
    return g / (1.0 + g);
}

static void set_lane(delay *self, const nb_settings *voice, size_t lane, size_t channel)
{
    self->ping_pong[lane] = -(voice->values[PING_PONG] != 0.0);
    self->left[lane] = -(channel == 0);
    const double low_hz = voice->values[LOW_CUT_HZ];
    const double high_hz = voice->values[HIGH_CUT_HZ];
    const bool cuts_low = low_hz > params[LOW_CUT_HZ].min;
    self->low_gain[lane] = cuts_low ? one_pole_gain(low_hz, voice->rate_hz) : 0.0;
    const bool cuts_high = high_hz < params[HIGH_CUT_HZ].max;
    self->cuts_high[lane] = -cuts_high;
    self->cuts = self->cuts || cuts_low || cuts_high;
    self->high_gain[lane] = one_pole_gain(high_hz, voice->rate_hz);
}

// How much of the way to its goal an envelope goes in a frame.
static double share_of(double time_s, unsigned rate_hz)
{
    return 1.0 - exp(-1.0 / (time_s * rate_hz));
}

static void set_ducking(delay *self, const nb_settings *voice, size_t lane)
{
    self->pair[lane] = -(voice->channels == 2);
    self->ducks = self->ducks || voice->values[DUCK_DB] > 0.0 || nb_settings_moves(voice, DUCK_DB);
    self->release[lane] = share_of(voice->values[DUCK_RELEASE_MS] * 0.001, voice->rate_hz);
    self->attack = share_of(duck_attack_s, voice->rate_hz);
    self->hold = 1.0 - share_of(duck_hold_s, voice->rate_hz);
}

static nb_status add_voice(nb_arena *arena, delay *self, const nb_settings *voice, size_t lane,
                           nb_error *err)
{
    const segment *segments = take_segments(arena, voice);
    const size_t wanted = (size_t)longest_frames(voice) + TAPS + CHUNK_FRAMES;
    size_t capacity = 1;
    while (capacity < wanted) {
        capacity *= 2;
    }
    for (size_t c = 0; c < voice->channels; c++) {
        line *it = &self->lines[self->line_count++];
        *it = (line){.lane = lane + c,
                     .segments = segments,
                     .segment_count = segment_count(voice),
                     .ring = nb_arena_take(arena, capacity, sizeof(float)),
                     .mask = capacity - 1};
        if (!segments || !it->ring) {
            return nb_fail(err, NB_E_NO_MEMORY, "delay: no memory for %zu frames", capacity);
        }
        set_lane(self, voice, lane + c, c);
        set_ducking(self, voice, lane + c);
    }
    for (size_t t = 0; t < segment_count(voice); t++) {
        const size_t free_frames = segments[t].frames - TAPS_AFTER;
        self->step = (free_frames < self->step) ? free_frames : self->step;
    }
    return NB_OK;
}

static void reset(void *state)
{
    delay *self = state;
    for (size_t l = 0; l < self->line_count; l++) {
        memset(self->lines[l].ring, 0, (self->lines[l].mask + 1) * sizeof(float));
    }
    self->written = 0;
    self->low_state = self->high_state = (nb_lanes){0};
    self->key_level = self->ducked = (nb_lanes){0};
    memset(self->echoes, 0, sizeof self->echoes);
}

static nb_status init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err)
{
    *out_state = NULL;
    delay *self = nb_arena_take(arena, 1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "delay: no memory");
    }
    self->feedback = nb_lanes_of_param(voices, voice_count, FEEDBACK_PERCENT);
    self->mix = nb_lanes_of_param(voices, voice_count, MIX_PERCENT);
    self->duck_db = nb_lanes_of_param(voices, voice_count, DUCK_DB);
    self->threshold_db = nb_lanes_of_param(voices, voice_count, DUCK_THRESHOLD_DB);
    self->step = CHUNK_FRAMES;
    for (size_t v = 0; v < voice_count; v++) {
        const nb_status status = add_voice(arena, self, &voices[v], nb_voice_lane(voices, v), err);
        if (status != NB_OK) {
            return status;
        }
    }
    reset(self);
    *out_state = self;
    return NB_OK;
}

// The ring's frames from `first` on, in one piece: in place, or copied to `room`.
static const float *ring_read(const line *self, size_t first, size_t frames, float *room)
{
    const size_t at = first & self->mask;
    const size_t to_end = self->mask + 1 - at;
    if (to_end >= frames) {
        return self->ring + at;
    }
    memcpy(room, self->ring + at, to_end * sizeof *room);
    memcpy(room + to_end, self->ring, (frames - to_end) * sizeof *room);
    return room;
}

// What the line holds `from->frames` ahead of each of `frames` frames.
static void read_line(const line *self, const segment *from, size_t written, size_t frames,
                      float *restrict out)
{
    float room[CHUNK_FRAMES + TAPS];
    if (!from->between) {
        const float *x = ring_read(self, written - from->frames, frames, room);
        memcpy(out, x, frames * sizeof *out);
        return;
    }
    const size_t oldest = written - from->frames - (TAPS - 1 - TAPS_AFTER);
    const float *restrict x = ring_read(self, oldest, frames + TAPS - 1, room);
    memset(out, 0, frames * sizeof *out);
    for (size_t k = 0; k < TAPS; k += 4) {
        const float *taps = from->taps + k;
        for (size_t i = 0; i < frames; i++) {
            out[i] += (x[i + k] * taps[0] + x[i + k + 1] * taps[1]) +
                      (x[i + k + 2] * taps[2] + x[i + k + 3] * taps[3]);
        }
    }
}

// The last segment that has begun.
static size_t segment_at(const line *self, int64_t frame)
{
    size_t low = 0;
    size_t high = self->segment_count;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (self->segments[middle].start <= frame) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// Up to `frames` frames of one line within one segment; returns how many.
static size_t read_segment(const line *self, size_t written, int64_t song_frame, size_t frames,
                           float *out)
{
    const size_t index = segment_at(self, song_frame);
    const segment *now = &self->segments[index];
    if (index + 1 < self->segment_count) {
        const int64_t left = self->segments[index + 1].start - song_frame;
        frames = (left < (int64_t)frames) ? (size_t)left : frames;
    }
    read_line(self, now, written, frames, out);
    if (song_frame - now->start >= now->fade) {
        return frames;
    }
    float before[CHUNK_FRAMES];
    read_line(self, now - 1, written, frames, before);
    for (size_t i = 0; i < frames; i++) {
        const int64_t since = song_frame + (int64_t)i - now->start;
        const double t = (since < now->fade) ? (double)since / (double)now->fade : 1.0;
        const double share = t * t * (3.0 - 2.0 * t);
        out[i] = (float)((double)before[i] + share * ((double)out[i] - (double)before[i]));
    }
    return frames;
}

static void read_lines(delay *self, int64_t song_frame, size_t frames)
{
    for (size_t l = 0; l < self->line_count; l++) {
        const line *it = &self->lines[l];
        float read[CHUNK_FRAMES];
        for (size_t done = 0; done < frames;) {
            done += read_segment(it, self->written + done, song_frame + (int64_t)done,
                                 frames - done, read + done);
        }
        double *to = (double *)self->echoes + it->lane;
        for (size_t i = 0; i < frames; i++) {
            to[i * NB_LANES] = (double)read[i];
        }
    }
}

// Trapezoidal one-poles, written so that a frame waits for one product and one sum of the last.
static void filter(delay *self, size_t frames)
{
    const nb_lanes low_gain = self->low_gain;
    const nb_lanes high_gain = self->high_gain;
    nb_lanes low_state = self->low_state;
    nb_lanes high_state = self->high_state;
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes in = self->echoes[i];
        const nb_lanes x = in - (low_gain * in + (1.0 - low_gain) * low_state);
        low_state = 2.0 * low_gain * in + (1.0 - 2.0 * low_gain) * low_state;
        const nb_lanes high = high_gain * x + (1.0 - high_gain) * high_state;
        high_state = 2.0 * high_gain * x + (1.0 - 2.0 * high_gain) * high_state;
        self->echoes[i] = nb_lanes_select(self->cuts_high, high, x);
    }
    self->low_state = low_state;
    self->high_state = high_state;
}

// What goes into the lines: the input, or the middle of both channels on the left.
static inline nb_lanes line_input(const delay *self, nb_lanes in)
{
    const nb_lanes middle = (in + nb_lanes_partner(in)) * 0.5;
    const nb_lanes ping = nb_lanes_select(self->left, middle, (nb_lanes){0});
    return nb_lanes_select(self->ping_pong, ping, in);
}

// Gains of the echoes under the key. The key's envelope holds its peaks over a bass's period.
static void duck(delay *self, const nb_block *block, size_t start, size_t frames, nb_lanes *gains)
{
    const nb_control depth_db = nb_control_of(block, DUCK_DB, self->duck_db);
    const float *key = block->key ? block->key : block->in;
    const double per_db = 1.0 / duck_knee_db;
    nb_lanes level = self->key_level;
    nb_lanes ducked = self->ducked;
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes own = nb_lanes_abs(nb_frame_load(key, start + i));
        const nb_lanes both = nb_lanes_max(own, nb_lanes_partner(own));
        level = nb_lanes_max(nb_lanes_select(self->pair, both, own), level * self->hold);
        const nb_lanes level_db = nb_lanes_to_db(nb_lanes_max(level, nb_lanes_set(1e-10)));
        const nb_lanes goal = nb_lanes_clamp((level_db - self->threshold_db) * per_db, 0.0, 1.0);
        const nb_lanes share =
            nb_lanes_select((nb_masks)(goal > ducked), nb_lanes_set(self->attack), self->release);
        ducked = ducked + (goal - ducked) * share;
        const nb_lanes depth =
            nb_lanes_clamp(nb_control_at(&depth_db, start + i), 0.0, params[DUCK_DB].max);
        gains[i] = nb_lanes_exp2(depth * ducked * -NB_OCTAVES_PER_DB);
    }
    self->key_level = level;
    self->ducked = ducked;
}

// Put the output; the echoes become what goes back into the lines.
static inline void mix_echoes(delay *self, const nb_block *block, size_t start, size_t frames,
                              const nb_control *feedback, const nb_control *mix,
                              const nb_lanes *gains)
{
    nb_lanes *echoes = self->echoes;
    for (size_t i = 0; i < frames; i++) {
        const nb_lanes in = nb_frame_load(block->in, start + i);
        const nb_lanes echo = echoes[i];
        const nb_lanes crossed = nb_lanes_select(self->ping_pong, nb_lanes_partner(echo), echo);
        const nb_lanes level =
            nb_lanes_clamp(nb_control_at(feedback, start + i), 0.0, params[FEEDBACK_PERCENT].max) *
            0.01;
        const nb_lanes wet = nb_lanes_clamp(nb_control_at(mix, start + i), 0.0, 100.0) * 0.01;
        const nb_lanes heard = gains ? echo * gains[i] : echo;
        echoes[i] = line_input(self, in) + crossed * level;
        nb_frame_store(block->out, start + i, in * (1.0 - wet) + heard * wet);
    }
}

static void write_lines(delay *self, size_t frames)
{
    for (size_t l = 0; l < self->line_count; l++) {
        const line *it = &self->lines[l];
        const double *from = (const double *)self->echoes + it->lane;
        const size_t at = self->written & it->mask;
        const size_t to_end = it->mask + 1 - at;
        const size_t before = (frames < to_end) ? frames : to_end;
        for (size_t i = 0; i < before; i++) {
            it->ring[at + i] = (float)from[i * NB_LANES];
        }
        for (size_t i = before; i < frames; i++) {
            it->ring[i - before] = (float)from[i * NB_LANES];
        }
    }
    self->written += frames;
}

static void run_step(delay *self, const nb_block *block, size_t start, size_t frames)
{
    const nb_control feedback = nb_control_of(block, FEEDBACK_PERCENT, self->feedback);
    const nb_control mix = nb_control_of(block, MIX_PERCENT, self->mix);
    nb_lanes gains[CHUNK_FRAMES];
    read_lines(self, block->start_frame + (int64_t)start, frames);
    if (self->cuts) {
        filter(self, frames);
    }
    if (self->ducks) {
        duck(self, block, start, frames, gains);
    }
    if (feedback.moved || mix.moved || self->ducks) {
        mix_echoes(self, block, start, frames, &feedback, &mix, self->ducks ? gains : NULL);
    } else { // the compiler takes the same values out of the loop
        const nb_control still_feedback = {.fixed = self->feedback};
        const nb_control still_mix = {.fixed = self->mix};
        mix_echoes(self, block, start, frames, &still_feedback, &still_mix, NULL);
    }
    write_lines(self, frames);
}

static void process(void *state, const nb_block *block)
{
    NB_NO_DENORMALS;
    delay *self = state;
    for (size_t start = 0; start < block->frames; start += self->step) {
        const size_t left = block->frames - start;
        run_step(self, block, start, (left < self->step) ? left : self->step);
    }
}

const nb_processor NB_KERNEL(nb_delay) = {
    .name = "delay",
    .revision = 2,
    .cost_ns = 2,
    .moving_cost_ns = 10,
    .help = "Echoes, free or by the tempo map.",
    .form = NB_FORM_LANES,
    .takes_sidechain = true,
    .params = params,
    .param_count = NB_COUNT(params),
    .check = check,
    .latency = latency,
    .tail = tail,
    .init = init,
    .reset = reset,
    .process = process,
};
