// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/trial/trial.h"
#include "dsp/level.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VOICES_MAX = 8,
    CHANNELS_MAX = 8,
    BANDS_MAX = 8,
    VALUES_MAX = 512,
    CONTROLS_MAX = 512,
    TEMPOS_MAX = 4,
    AUDIO_CHANNELS_MAX = 4,
    AUDIO_FRAMES_MAX = 12000,
    LATENCY_MAX = 20000, // a longer one leaves its output silent
    MEMORY_MAX = 1 << 29,
    LOUD_FRAMES = 3000, // of a tail's trial
    TAIL_MAX = 150000
};

// ---- Choices

static uint32_t next_number(trial_source *self)
{
    uint32_t drawn = 0;
    if (self->size >= 2) {
        drawn = (uint32_t)self->bytes[0] << 8 | self->bytes[1];
        self->bytes += 2;
        self->size -= 2;
        self->seed = self->seed * 31 + drawn;
        return drawn * 0x9e3779b1U; // spread over all bits, so that a part of them will do
    }
    // splitmix64, S. Vigna
    uint64_t z = self->seed += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    drawn = (uint32_t)(z >> 32);
    return drawn;
}

static uint32_t below(trial_source *self, uint32_t count)
{
    return (uint32_t)((uint64_t)next_number(self) * count >> 32);
}

static double fraction(trial_source *self) { return (double)next_number(self) / 4294967295.0; }

static bool one_in(trial_source *self, uint32_t count) { return below(self, count) == 0; }

// ---- Settings

/// One voice, with the storage that its settings point to.
typedef struct voice {
    nb_settings settings;
    double values[VALUES_MAX];
    double band_values[VALUES_MAX];
} voice;

typedef struct trial {
    const nb_processor *processor;
    trial_source source;
    voice voices[VOICES_MAX]; ///< The first is the one that is looked at
    size_t voice_count;
    bool moving[CONTROLS_MAX];
    size_t controls;
    nb_tempo tempos[TEMPOS_MAX];
    size_t tempo_count;
    float *audio[AUDIO_CHANNELS_MAX];
    size_t audio_channels, audio_frames;
    int64_t start_frame;
    size_t frames;
    bool keyed;
    float *in[CHANNELS_MAX];  ///< Channel after channel, voice after voice
    float *key[CHANNELS_MAX]; ///< As `in`
    double *moved[CHANNELS_MAX][CONTROLS_MAX];
} trial;

// Somewhere between, in the parameter's own scale.
static double value_at(const nb_param *param, double where)
{
    if (param->scale == NB_SCALE_LOG) {
        return fmin(fmax(param->min * pow(param->max / param->min, where), param->min), param->max);
    }
    const double value = param->min + where * (param->max - param->min);
    const bool whole = param->scale == NB_SCALE_WHOLE || param->scale == NB_SCALE_CHOICE ||
                       param->scale == NB_SCALE_SWITCH;
    return whole ? fmin(floor(value + 0.5), param->max) : value;
}

static double choose_value(trial_source *source, const nb_param *param)
{
    switch (below(source, 8)) {
    case 0:
    case 1:
    case 2:
        return param->initial;
    case 3:
        return param->min;
    case 4:
        return param->max;
    case 5:
        return param->off ? -INFINITY : value_at(param, fraction(source));
    default:
        return value_at(param, fraction(source));
    }
}

static void choose_values(trial *self, voice *it, size_t bands)
{
    const nb_processor *processor = self->processor;
    for (size_t p = 0; p < processor->param_count; p++) {
        it->values[p] = choose_value(&self->source, &processor->params[p]);
    }
    for (size_t v = 0; v < bands * processor->band_param_count; v++) {
        it->band_values[v] =
            choose_value(&self->source, &processor->band_params[v % processor->band_param_count]);
    }
    it->settings = (nb_settings){
        .processor = processor,
        .rate_hz = self->voices[0].settings.rate_hz,
        .channels = 1 + below(&self->source, 2),
        .values = it->values,
        .band_count = bands,
        .band_values = it->band_values,
        .moving = self->moving,
        .tempos = self->tempos,
        .tempo_count = self->tempo_count,
        .audio = self->audio_channels ? (const float *const *)self->audio : NULL,
        .audio_channels = self->audio_channels,
        .audio_frames = self->audio_frames,
    };
    it->settings.input_is_mono = it->settings.channels == 2 && one_in(&self->source, 4);
}

static size_t choose_bands(trial *self)
{
    const size_t most = self->processor->bands_max;
    return below(&self->source, (uint32_t)(most < BANDS_MAX ? most : BANDS_MAX) + 1);
}

static const nb_param *param_of_control(const nb_processor *it, size_t control)
{
    return control < it->param_count
               ? &it->params[control]
               : &it->band_params[(control - it->param_count) % it->band_param_count];
}

static void choose_moving(trial *self, size_t bands)
{
    self->controls = nb_processor_controls(self->processor, bands);
    assert(self->controls <= CONTROLS_MAX);
    const uint32_t one_of = 1 + below(&self->source, 6);
    const bool still = one_in(&self->source, 3);
    for (size_t k = 0; k < self->controls; k++) {
        const bool may = param_of_control(self->processor, k)->automatable;
        self->moving[k] = may && !still && one_in(&self->source, one_of);
    }
}

static bool accepted(const nb_settings *settings, nb_error *err)
{
    const nb_processor *it = settings->processor;
    return !it->check || it->check(settings, err) == NB_OK;
}

// Neighbours of the first voice: with its moving parameters and its latency, as the engine does.
static void choose_neighbours(trial *self)
{
    const nb_settings *first = &self->voices[0].settings;
    bool any_moves = false;
    for (size_t k = 0; k < self->controls; k++) {
        any_moves = any_moves || self->moving[k];
    }
    size_t lanes = first->channels;
    self->voice_count = 1;
    while (self->processor->form == NB_FORM_LANES && lanes < CHANNELS_MAX) {
        voice *it = &self->voices[self->voice_count];
        choose_values(self, it, any_moves ? first->band_count : choose_bands(self));
        nb_error err = {0};
        if (!accepted(&it->settings, &err) ||
            self->processor->latency(&it->settings) != self->processor->latency(first)) {
            memcpy(it, &self->voices[0], sizeof *it);
            it->settings.values = it->values;
            it->settings.band_values = it->band_values;
        }
        lanes += (it->settings.channels == 2) ? lanes % 2 : 0;
        if (lanes + it->settings.channels > CHANNELS_MAX) {
            break;
        }
        lanes += it->settings.channels;
        self->voice_count++;
    }
}

// ---- Signals

static void *take(size_t count, size_t size)
{
    const size_t bytes = (count * size + 127) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    if (!memory) {
        abort();
    }
    memset(memory, 0, bytes);
    return memory;
}

static void fill_signal(trial_source *source, float *out, size_t frames)
{
    static const double peaks[] = {1.0, 1.0, 0.1, 1e-3, 4.0, 1e6, 1e-7, 1e-40};
    const uint32_t kind = below(source, 8);
    const double peak = peaks[below(source, 8)];
    const double step = fraction(source) * fraction(source);
    const uint32_t sparse = 1 + below(source, 3000);
    for (size_t i = 0; i < frames; i++) {
        double x = 0.0;
        switch (kind) {
        case 0:
            break;
        case 1:
            x = sin(3.14159265358979 * step * (double)i);
            break;
        case 2:
            x = sin(3.14159265358979 * step * (double)i) < 0.0 ? -1.0 : 1.0;
            break;
        case 3:
            x = one_in(source, sparse) ? 1.0 : 0.0;
            break;
        case 4:
            x = (i / sparse) % 2 ? 2.0 * fraction(source) - 1.0 : 0.0;
            break;
        case 5:
            x = 1.0;
            break;
        default:
            x = 2.0 * fraction(source) - 1.0;
            break;
        }
        out[i] = (float)(x * peak);
    }
}

static void fill_moved(trial_source *source, const nb_param *param, double *out, size_t frames)
{
    const uint32_t kind = below(source, 5);
    const double step = fraction(source) * 0.01;
    const double from = fraction(source);
    double value = choose_value(source, param);
    for (size_t i = 0; i < frames; i++) {
        if (kind == 0) {
            value = value_at(param, 0.5 + 0.5 * sin(step * (double)i + from));
        } else if (kind == 1 || (kind == 2 && one_in(source, 50))) {
            value = value_at(param, fraction(source));
        } else if (kind == 3 && one_in(source, 200)) {
            value = choose_value(source, param);
        }
        out[i] = value;
    }
}

static void choose_length(trial *self)
{
    const size_t latency = self->processor->latency(&self->voices[0].settings);
    self->frames = 300 + below(&self->source, 3000);
    self->frames += latency < LATENCY_MAX ? latency : LATENCY_MAX;
    self->start_frame = (int64_t)below(&self->source, 3) * below(&self->source, 1000000);
    self->keyed = self->processor->takes_sidechain && one_in(&self->source, 2);
}

static void choose_signals(trial *self)
{
    size_t channel = 0;
    for (size_t v = 0; v < self->voice_count; v++) {
        for (size_t c = 0; c < self->voices[v].settings.channels; c++, channel++) {
            self->in[channel] = take(self->frames, sizeof(float));
            self->key[channel] = take(self->frames, sizeof(float));
            if (c == 1 && self->voices[v].settings.input_is_mono) {
                memcpy(self->in[channel], self->in[channel - 1], self->frames * sizeof(float));
            } else {
                fill_signal(&self->source, self->in[channel], self->frames);
            }
            fill_signal(&self->source, self->key[channel], self->frames);
            for (size_t k = 0; k < self->controls; k++) {
                if (!self->moving[k]) {
                    continue;
                }
                self->moved[channel][k] = take(self->frames, sizeof(double));
                // Both sides of a voice move alike: automation is the strip's.
                if (c == 1) {
                    memcpy(self->moved[channel][k], self->moved[channel - 1][k],
                           self->frames * sizeof(double));
                } else {
                    fill_moved(&self->source, param_of_control(self->processor, k),
                               self->moved[channel][k], self->frames);
                }
            }
        }
    }
}

static void choose_audio(trial *self)
{
    const nb_processor *it = self->processor;
    if (!it->takes_audio || (it->audio_optional && one_in(&self->source, 2))) {
        return;
    }
    self->audio_channels = (size_t[]){1, 1, 2, 4}[below(&self->source, 4)];
    self->audio_frames = 1 + below(&self->source, AUDIO_FRAMES_MAX);
    for (size_t c = 0; c < self->audio_channels; c++) {
        self->audio[c] = take(self->audio_frames, sizeof(float));
        fill_signal(&self->source, self->audio[c], self->audio_frames);
    }
}

static void choose_tempos(trial *self)
{
    self->tempo_count = 1 + below(&self->source, TEMPOS_MAX);
    int64_t frame = 0;
    for (size_t t = 0; t < self->tempo_count; t++) {
        self->tempos[t] = (nb_tempo){frame, 20.0 + 380.0 * fraction(&self->source)};
        frame += 1 + below(&self->source, 3000);
    }
}

// False if the processor refuses.
static bool choose_settings(trial *self, nb_error *err)
{
    static const unsigned rates[] = {8000, 44100, 48000, 8000, 22050, 96000, 192000, 8000};
    assert(self->processor->param_count <= VALUES_MAX &&
           BANDS_MAX * self->processor->band_param_count <= VALUES_MAX);
    choose_tempos(self);
    choose_audio(self);
    self->voices[0].settings.rate_hz = rates[below(&self->source, 8)];
    const size_t bands = choose_bands(self);
    choose_moving(self, bands);
    choose_values(self, &self->voices[0], bands);
    return accepted(&self->voices[0].settings, err);
}

static void trial_fini(trial *self)
{
    for (size_t c = 0; c < CHANNELS_MAX; c++) {
        free(self->in[c]);
        free(self->key[c]);
        for (size_t k = 0; k < CONTROLS_MAX; k++) {
            free(self->moved[c][k]);
        }
    }
    for (size_t c = 0; c < AUDIO_CHANNELS_MAX; c++) {
        free(self->audio[c]);
    }
}

// ---- Runs

/// One way to run a trial.
typedef struct way {
    const char *what;
    const nb_processor *kernel;
    size_t lanes;
    bool neighbours; ///< As many as there is room for, the first voice in front
    bool behind;     ///< The first voice behind them instead
    bool cut;        ///< Into random calls
    bool in_place;
    bool again; ///< Run, reset, run again: the second run counts
} way;

/// What a run needs; `out` holds the first voice's channels, one after the other.
typedef struct run {
    const trial *trial;
    const way *how;
    size_t order[VOICES_MAX]; ///< Voices of the trial, as they sit
    size_t voice_count;
    size_t width;              ///< Floats a frame
    size_t lane[CHANNELS_MAX]; ///< Of each channel of the voices as they sit
    size_t from[CHANNELS_MAX]; ///< And which of the trial's it is
    size_t channels;
    float *in, *key, *out;
    double *moved[CONTROLS_MAX];
    void *state;
} run;

static size_t first_channel(const trial *self, size_t index)
{
    size_t channel = 0;
    for (size_t v = 0; v < index; v++) {
        channel += self->voices[v].settings.channels;
    }
    return channel;
}

// Who sits where; returns the settings in that order.
static void seat(run *self, nb_settings settings[VOICES_MAX])
{
    const trial *it = self->trial;
    size_t lanes = 0;
    for (size_t n = 0; n < (self->how->neighbours ? it->voice_count : 1); n++) {
        const size_t channels = it->voices[n].settings.channels;
        // Behind, each voice may need a lane more to start on an even one.
        const size_t room = lanes + channels + (self->how->behind ? n : lanes % 2);
        if (room > self->how->lanes && n > 0) {
            break;
        }
        lanes += channels + (channels == 2 ? lanes % 2 : 0);
        self->voice_count++;
    }
    for (size_t i = 0; i < self->voice_count; i++) {
        self->order[i] = self->how->behind ? self->voice_count - 1 - i : i;
        settings[i] = it->voices[self->order[i]].settings;
        settings[i].processor = self->how->kernel;
    }
    for (size_t i = 0; i < self->voice_count; i++) {
        const size_t lane = nb_voice_lane(settings, i);
        for (size_t c = 0; c < settings[i].channels; c++) {
            self->lane[self->channels] = lane + c;
            self->from[self->channels++] = first_channel(it, self->order[i]) + c;
        }
    }
}

static void place(run *self)
{
    const trial *it = self->trial;
    const bool planar = it->processor->form == NB_FORM_PLANAR;
    const size_t frames = it->frames;
    self->width = planar ? self->channels : self->how->lanes;
    self->in = take(frames * self->width, sizeof(float));
    self->key = take(frames * self->width, sizeof(float));
    self->out = self->how->in_place ? self->in : take(frames * self->width, sizeof(float));
    const size_t step = planar ? 1 : self->width;
    for (size_t c = 0; c < self->channels; c++) {
        const size_t at = planar ? c * frames : self->lane[c];
        for (size_t i = 0; i < frames; i++) {
            self->in[at + i * step] = it->in[self->from[c]][i];
            self->key[at + i * step] = it->key[self->from[c]][i];
        }
    }
    for (size_t k = 0; k < it->controls; k++) {
        if (!it->moving[k]) {
            continue;
        }
        const size_t lanes = planar ? 1 : self->width;
        self->moved[k] = take(frames * lanes, sizeof(double));
        for (size_t c = 0; c < (planar ? 1 : self->channels); c++) {
            for (size_t i = 0; i < frames; i++) {
                self->moved[k][i * lanes + (planar ? 0 : self->lane[c])] =
                    it->moved[self->from[c]][k][i];
            }
        }
    }
}

static void run_fini(run *self)
{
    free(self->in);
    free(self->key);
    if (!self->how->in_place) {
        free(self->out);
    }
    for (size_t k = 0; k < CONTROLS_MAX; k++) {
        free(self->moved[k]);
    }
}

static void call(const run *self, size_t start, size_t frames)
{
    const trial *it = self->trial;
    const bool planar = it->processor->form == NB_FORM_PLANAR;
    const size_t offset = start * self->width;
    const float *planar_in[CHANNELS_MAX] = {0};
    const float *planar_key[CHANNELS_MAX] = {0};
    float *planar_out[CHANNELS_MAX] = {0};
    for (size_t c = 0; planar && c < self->channels; c++) {
        planar_in[c] = self->in + c * it->frames + start;
        planar_key[c] = self->key + c * it->frames + start;
        planar_out[c] = self->out + c * it->frames + start;
    }
    const double *controls[CONTROLS_MAX] = {0};
    for (size_t k = 0; k < it->controls; k++) {
        controls[k] = self->moved[k] ? self->moved[k] + start * (planar ? 1 : self->width) : NULL;
    }
    const nb_block block = {
        .start_frame = it->start_frame + (int64_t)start,
        .frames = frames,
        .in = planar ? NULL : self->in + offset,
        .key = !planar && it->keyed ? self->key + offset : NULL,
        .out = planar ? NULL : self->out + offset,
        .planar_in = planar ? planar_in : NULL,
        .planar_key = planar && it->keyed ? planar_key : NULL,
        .planar_out = planar ? planar_out : NULL,
        .controls = controls,
    };
    self->how->kernel->process(self->state, &block);
}

static void call_all(const run *self)
{
    trial_source cuts = self->trial->source;
    for (size_t done = 0; done < self->trial->frames;) {
        const size_t left = self->trial->frames - done;
        size_t frames = left;
        if (self->how->cut) {
            frames = one_in(&cuts, 4) ? 1 + below(&cuts, 5) : 1 + below(&cuts, 2000);
        }
        frames = frames < left ? frames : left;
        call(self, done, frames);
        done += frames;
    }
}

// Fills `got`, the first voice's channels; false with an error.
static bool run_one(const trial *it, const way *how, float *const *got, nb_error *err)
{
    run self = {.trial = it, .how = how};
    nb_settings settings[VOICES_MAX];
    seat(&self, settings);
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new_limited(MEMORY_MAX);
    if (how->kernel->init(arena, settings, self.voice_count, &self.state, err) != NB_OK) {
        return false;
    }
    place(&self);
    if (how->again) {
        call_all(&self);
        how->kernel->reset(self.state);
        if (how->in_place) {
            run_fini(&self);
            memset((void *)self.moved, 0, sizeof self.moved);
            place(&self);
        }
    }
    call_all(&self);
    const bool planar = it->processor->form == NB_FORM_PLANAR;
    for (size_t c = 0; c < self.channels; c++) {
        if (self.from[c] >= it->voices[0].settings.channels) {
            continue;
        }
        const size_t at = planar ? c * it->frames : self.lane[c];
        for (size_t i = 0; i < it->frames; i++) {
            got[self.from[c]][i] = self.out[at + i * (planar ? 1 : self.width)];
        }
    }
    run_fini(&self);
    return true;
}

// ---- Verdicts

static int describe(const trial *it, char *out, size_t size)
{
    const nb_settings *first = &it->voices[0].settings;
    int used =
        snprintf(out, size, "%s, %u Hz, %u channels, %zu bands, %zu frames:", it->processor->name,
                 first->rate_hz, first->channels, first->band_count, it->frames);
    for (size_t p = 0; p < it->processor->param_count && used < (int)size - 60; p++) {
        if (it->voices[0].values[p] != it->processor->params[p].initial || it->moving[p]) {
            used += snprintf(out + used, size - (size_t)used, " %.30s=%g%s",
                             it->processor->params[p].name, it->voices[0].values[p],
                             it->moving[p] ? "(moves)" : "");
        }
    }
    return used < (int)size ? used : (int)size - 1;
}

static trial_report broken(const trial *it, const char *what, size_t channel, size_t frame,
                           float got, float expected)
{
    trial_report report = {.result = TRIAL_BROKEN};
    char settings[320];
    (void)describe(it, settings, sizeof settings);
    (void)snprintf(report.text, sizeof report.text,
                   "%s: channel %zu frame %zu: %g, %g expected; %s", what, channel, frame,
                   (double)got, (double)expected, settings);
    return report;
}

static bool is_good_sample(float x)
{
    return isfinite(x) && (x == 0.0F || fabsf(x) >= 1.17549435e-38F);
}

static uint32_t bits_of(float x)
{
    uint32_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static trial_report compare(const trial *it, const char *what, float *const *expected,
                            float *const *got)
{
    for (size_t c = 0; c < it->voices[0].settings.channels; c++) {
        for (size_t i = 0; i < it->frames; i++) {
            if (!is_good_sample(got[c][i])) {
                return broken(it, what, c, i, got[c][i], expected[c][i]);
            }
            if (bits_of(got[c][i]) != bits_of(expected[c][i])) {
                return broken(it, what, c, i, got[c][i], expected[c][i]);
            }
        }
    }
    return (trial_report){.result = TRIAL_HOLDS};
}

static const nb_processor *at_level(const nb_processor *processor, size_t lanes)
{
    for (size_t i = 0; i < nb_processor_count(); i++) {
        const nb_processor *it = nb_processor_at_level(i, lanes);
        if (it && strcmp(it->name, processor->name) == 0) {
            return it;
        }
    }
    return NULL;
}

static size_t list_ways(const trial *it, way ways[12])
{
    size_t count = 0;
    const nb_processor *narrow = at_level(it->processor, 2);
    size_t lanes = 0;
    const nb_processor *alone = nb_processor_narrow(it->processor, 2, &lanes);
    ways[count++] = (way){"alone", narrow, 2, .neighbours = false};
    ways[count++] = (way){"cut", narrow, 2, .cut = true};
    ways[count++] = (way){"in place", narrow, 2, .in_place = true};
    ways[count++] = (way){"after reset", narrow, 2, .cut = true, .again = true};
    ways[count++] = (way){"two lanes in wide code", alone, lanes, .cut = true};
    for (size_t wide = 4; wide <= 8; wide *= 2) {
        const nb_processor *kernel = at_level(it->processor, wide);
        if (kernel) {
            ways[count++] = (way){"wide, in front", kernel, wide, .neighbours = true};
            ways[count++] = (way){"wide, behind, in place, cut",
                                  kernel,
                                  wide,
                                  .neighbours = true,
                                  .behind = true,
                                  .cut = true,
                                  .in_place = true};
        }
    }
    return count;
}

static trial_report try_all(const trial *it, float *const *expected, float *const *got)
{
    way ways[12];
    const size_t count = list_ways(it, ways);
    for (size_t w = 0; w < count; w++) {
        nb_error err = {0};
        trial_report report = {.result = TRIAL_REFUSED};
        if (!run_one(it, &ways[w], w == 0 ? expected : got, &err)) {
            (void)snprintf(report.text, sizeof report.text, "%s: %.200s", it->processor->name,
                           err.text);
            if (w > 0 && ways[w].neighbours == false) {
                report.result = TRIAL_BROKEN; // was taken before
            }
            return report;
        }
        report = compare(it, ways[w].what, expected, w == 0 ? expected : got);
        if (report.result != TRIAL_HOLDS) {
            return report;
        }
    }
    return (trial_report){.result = TRIAL_HOLDS};
}

static trial_report refused(const trial *self, const char *why)
{
    trial_report report = {.result = *why ? TRIAL_REFUSED : TRIAL_BROKEN}; // a refusal says why
    (void)snprintf(report.text, sizeof report.text, "%s: refused: %.200s", self->processor->name,
                   why);
    return report;
}

/// Room for one run's first voice.
typedef struct result {
    float *channels[2];
} result;

static result result_of(const trial *self)
{
    return (result){{take(self->frames, sizeof(float)), take(self->frames, sizeof(float))}};
}

static void result_fini(result *self)
{
    free(self->channels[0]);
    free(self->channels[1]);
}

static trial *trial_new(size_t index, trial_source source)
{
    trial *self = take(1, sizeof *self);
    self->processor = nb_processor_at_level(index, 2);
    self->source = source;
    return self;
}

static void trial_destroy(trial **self_p)
{
    trial_fini(*self_p);
    free(*self_p);
    *self_p = NULL;
}

trial_report trial_settings(size_t index, trial_source source,
                            trial_report (*use)(const nb_settings *voice))
{
    NB_SCOPED(trial_destroy) trial *self = trial_new(index, source);
    nb_error err = {0};
    if (!choose_settings(self, &err)) {
        return refused(self, err.text);
    }
    return use(&self->voices[0].settings);
}

trial_report trial_run(size_t index, trial_source source)
{
    NB_SCOPED(trial_destroy) trial *self = trial_new(index, source);
    nb_error err = {0};
    if (!choose_settings(self, &err)) {
        return refused(self, err.text);
    }
    choose_neighbours(self);
    choose_length(self);
    choose_signals(self);
    NB_SCOPED(result_fini) result expected = result_of(self);
    NB_SCOPED(result_fini) result got = result_of(self);
    return try_all(self, expected.channels, got.channels);
}

static void make_loud_start(trial *self)
{
    for (size_t c = 0; c < self->voices[0].settings.channels; c++) {
        for (size_t i = 0; i < self->frames; i++) {
            self->in[c][i] = i < LOUD_FRAMES ? (float)(2.0 * fraction(&self->source) - 1.0) : 0.0F;
        }
        memcpy(self->key[c], self->in[c], self->frames * sizeof(float));
    }
    if (self->voices[0].settings.input_is_mono) {
        memcpy(self->in[1], self->in[0], self->frames * sizeof(float));
    }
}

trial_report trial_tail(size_t index, trial_source source)
{
    NB_SCOPED(trial_destroy) trial *self = trial_new(index, source);
    nb_error err = {0};
    if (!choose_settings(self, &err)) {
        return refused(self, err.text);
    }
    memset(self->moving, 0, sizeof self->moving);
    if (!accepted(&self->voices[0].settings, &err)) {
        return refused(self, err.text);
    }
    self->voice_count = 1;
    const nb_settings *settings = &self->voices[0].settings;
    const size_t latency = self->processor->latency(settings);
    const size_t tail = self->processor->tail(settings);
    if (latency > TAIL_MAX || tail > TAIL_MAX) {
        return refused(self, "too long for a test");
    }
    const size_t end = LOUD_FRAMES + latency + tail;
    choose_length(self);
    self->frames = end + 2000;
    choose_signals(self);
    make_loud_start(self);
    const way how = {"tail", self->processor, 2, .neighbours = false};
    NB_SCOPED(result_fini) result loud = result_of(self);
    NB_SCOPED(result_fini) result silent = result_of(self);
    if (!run_one(self, &how, loud.channels, &err)) {
        return refused(self, err.text);
    }
    for (size_t c = 0; c < settings->channels; c++) {
        memset(self->in[c], 0, self->frames * sizeof(float));
        memset(self->key[c], 0, self->frames * sizeof(float));
    }
    if (!run_one(self, &how, silent.channels, &err)) {
        return refused(self, err.text);
    }
    // A transform's rounding is as loud as what it transforms: it may outlast a loud answer.
    double loudest = 1.0;
    for (size_t i = 0; self->processor->form == NB_FORM_PLANAR && i < end; i++) {
        loudest = fmax(loudest, fabs((double)loud.channels[0][i]));
        loudest = fmax(loudest, fabs((double)loud.channels[1][i]));
    }
    for (size_t c = 0; c < settings->channels; c++) {
        for (size_t i = end; i < self->frames; i++) {
            const float *got = &loud.channels[c][i];
            if (!(fabs((double)*got - (double)silent.channels[c][i]) < 1e-6 * loudest)) {
                return broken(self, "after the tail", c, i - end, *got, silent.channels[c][i]);
            }
        }
    }
    return (trial_report){.result = TRIAL_HOLDS};
}
