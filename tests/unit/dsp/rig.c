// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/dsp/rig.h"
#include "tests/test.h"

#include <complex.h>
#include <math.h>

static const double pi = 3.14159265358979323846;
static const nb_tempo tempo_120 = {0, 120.0};

void rig_voice_init(rig_voice *self, const char *processor, unsigned channels)
{
    memset(self, 0, sizeof *self);
    const nb_processor *it = nb_processor_find(processor);
    assert_non_null(it);
    assert_true(it->param_count <= RIG_PARAMS_MAX);
    for (size_t p = 0; p < it->param_count; p++) {
        self->values[p] = it->params[p].initial;
    }
    self->settings = (nb_settings){
        .processor = it,
        .rate_hz = 48000,
        .channels = channels,
        .tempos = &tempo_120,
        .tempo_count = 1,
    };
}

nb_settings rig_settings(const rig_voice *self)
{
    nb_settings settings = self->settings;
    settings.values = self->values;
    settings.band_values = self->band_values;
    settings.moving = self->moving;
    return settings;
}

size_t rig_latency(const rig_voice *self)
{
    const nb_settings settings = rig_settings(self);
    return settings.processor->latency(&settings);
}

nb_status rig_check(const rig_voice *self, nb_error *err)
{
    const nb_settings settings = rig_settings(self);
    return settings.processor->check(&settings, err);
}

nb_status rig_start(const rig_voice *self, nb_error *err)
{
    const nb_settings settings = rig_settings(self);
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    void *made = NULL;
    return settings.processor->init(arena, &settings, 1, &made, err);
}

FILE *rig_open_table(const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", NB_EXPECTED_DIR, name);
    FILE *table = fopen(path, "r");
    if (!table) {
        print_message("%s is not here: skipped\n", path);
        skip();
    }
    return table;
}

static size_t index_of(const nb_param *params, size_t count, const char *name)
{
    const int index = nb_param_find(params, count, name);
    if (index < 0) {
        fail_msg("no parameter %s", name);
    }
    return (size_t)index;
}

void rig_set(rig_voice *self, const char *param, double value)
{
    const nb_processor *it = self->settings.processor;
    self->values[index_of(it->params, it->param_count, param)] = value;
}

double rig_choice(const nb_param *param, const char *word)
{
    for (size_t i = 0; param->choices[i]; i++) {
        if (strcmp(param->choices[i], word) == 0) {
            return (double)i;
        }
    }
    fail_msg("%s has no choice %s", param->name, word);
    return 0.0;
}

void rig_band(rig_voice *self, const char *type, double freq_hz, double gain_db, double q,
              const char *slope)
{
    const nb_processor *it = self->settings.processor;
    double *values = self->band_values + self->settings.band_count++ * it->band_param_count;
    const nb_param *params = it->band_params;
    const size_t count = it->band_param_count;
    for (size_t p = 0; p < count; p++) {
        values[p] = params[p].initial;
    }
    const size_t type_at = index_of(params, count, "type");
    const size_t slope_at = index_of(params, count, "slope_db_oct");
    values[type_at] = rig_choice(&params[type_at], type);
    values[slope_at] = rig_choice(&params[slope_at], slope);
    values[index_of(params, count, "freq_hz")] = freq_hz;
    values[index_of(params, count, "gain_db")] = gain_db;
    values[index_of(params, count, "q")] = q;
}

void rig_set_band(rig_voice *self, size_t band, const char *param, double value)
{
    const nb_processor *it = self->settings.processor;
    const size_t at = index_of(it->band_params, it->band_param_count, param);
    self->band_values[band * it->band_param_count + at] = value;
}

void rig_move(rig_voice *self, const char *param)
{
    const nb_processor *it = self->settings.processor;
    self->moving[index_of(it->params, it->param_count, param)] = true;
}

void rig_move_band(rig_voice *self, size_t band, const char *param)
{
    const nb_processor *it = self->settings.processor;
    self->moving[it->param_count + band * it->band_param_count +
                 index_of(it->band_params, it->band_param_count, param)] = true;
}

static void *take(size_t count, size_t size)
{
    const size_t bytes = (count * size + 127) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    assert_non_null(memory);
    memset(memory, 0, bytes);
    return memory;
}

/// The buffers of one run.
typedef struct bench {
    const nb_processor *processor;
    size_t lanes, channels, frames, controls;
    size_t first_lane[RIG_CHANNELS_MAX];
    float *in, *out, *key;
    double **moved;
} bench;

static const nb_processor *at_width(const nb_processor *processor, size_t lanes)
{
    for (size_t i = 0; lanes && i < nb_processor_count(); i++) {
        const nb_processor *it = nb_processor_at_level(i, lanes);
        if (it && strcmp(it->name, processor->name) == 0) {
            return it;
        }
    }
    return processor;
}

static void interleave(const bench *self, const float *const *planar, float *out)
{
    for (size_t c = 0; c < self->channels; c++) {
        for (size_t i = 0; i < self->frames; i++) {
            out[i * self->lanes + self->first_lane[c]] = planar[c][i];
        }
    }
}

static void fill_controls(bench *self, const rig_run *how, const nb_settings *voice)
{
    const size_t latency = self->processor->latency(voice);
    for (size_t k = 0; k < self->controls; k++) {
        if (!voice->moving[k]) {
            continue;
        }
        assert_non_null(how->curve);
        self->moved[k] = take(self->frames * self->lanes, sizeof(double));
        for (size_t i = 0; i < self->frames; i++) {
            const int64_t frame = how->start_frame + (int64_t)i - (int64_t)latency;
            for (size_t c = 0; c < self->channels; c++) {
                self->moved[k][i * self->lanes + self->first_lane[c]] = how->curve(k, frame);
            }
        }
    }
}

static void run_block(const bench *self, const rig_run *how, void *state, size_t start,
                      size_t frames)
{
    const size_t offset = start * self->lanes;
    const double **controls = take(self->controls + 1, sizeof *controls);
    for (size_t k = 0; k < self->controls; k++) {
        controls[k] = self->moved[k] ? self->moved[k] + offset : NULL;
    }
    const bool planar = self->processor->form == NB_FORM_PLANAR;
    const float *planar_in[RIG_CHANNELS_MAX];
    float *planar_out[RIG_CHANNELS_MAX];
    for (size_t c = 0; c < self->channels; c++) {
        planar_in[c] = self->in + c * self->frames + start;
        planar_out[c] = self->out + c * self->frames + start;
    }
    const nb_block block = {
        .start_frame = how->start_frame + (int64_t)start,
        .frames = frames,
        .in = self->in + offset,
        .key = how->key ? self->key + offset : NULL,
        .out = self->out + offset,
        .planar_in = planar ? planar_in : NULL,
        .planar_out = planar ? planar_out : NULL,
        .controls = controls,
    };
    self->processor->process(state, &block);
    free(controls);
}

static void run_all(const bench *self, const rig_run *how, void *state)
{
    size_t block = how->first_block ? 1 : self->frames;
    for (size_t done = 0; done < self->frames;) {
        const size_t left = self->frames - done;
        const size_t frames = (block < left) ? block : left;
        run_block(self, how, state, done, frames);
        done += frames;
        block = how->first_block ? (block * 7 + 3) % how->first_block + 1 : self->frames;
    }
}

static void place_signals(bench *self, const rig_run *how, const float *const *in)
{
    if (self->processor->form == NB_FORM_LANES) {
        interleave(self, in, self->in);
        if (how->key) {
            interleave(self, how->key, self->key);
        }
        return;
    }
    for (size_t c = 0; c < self->channels; c++) {
        memcpy(self->in + c * self->frames, in[c], self->frames * sizeof(float));
    }
}

static void take_results(const bench *self, float *const *out)
{
    const bool planar = self->processor->form == NB_FORM_PLANAR;
    for (size_t c = 0; c < self->channels; c++) {
        for (size_t i = 0; i < self->frames; i++) {
            out[c][i] = planar ? self->out[c * self->frames + i]
                               : self->out[i * self->lanes + self->first_lane[c]];
        }
    }
}

static void bench_fini(bench *self)
{
    for (size_t k = 0; k < self->controls; k++) {
        free(self->moved[k]);
    }
    free((void *)self->moved);
    free(self->in);
    free(self->out);
    free(self->key);
}

void rig_process(const rig_run *how, const rig_voice *voices, size_t voice_count, size_t frames,
                 const float *const *in, float *const *out)
{
    nb_settings settings[RIG_CHANNELS_MAX];
    NB_SCOPED(bench_fini)
    bench self = {.processor = at_width(voices[0].settings.processor, how->lanes),
                  .lanes = how->lanes ? how->lanes : nb_lane_count(),
                  .frames = frames};
    for (size_t v = 0; v < voice_count; v++) {
        settings[v] = rig_settings(&voices[v]);
        settings[v].processor = self.processor;
        const size_t lane = nb_voice_lane(settings, v);
        for (size_t c = 0; c < settings[v].channels; c++) {
            self.first_lane[self.channels++] = lane + c;
        }
    }
    self.lanes = (self.processor->form == NB_FORM_PLANAR) ? 1 : self.lanes;
    self.controls = nb_processor_controls(self.processor, settings[0].band_count);
    self.moved = take(self.controls + 1, sizeof *self.moved);
    const size_t width = (self.processor->form == NB_FORM_PLANAR) ? self.channels : self.lanes;
    self.in = take(frames * width, sizeof(float));
    self.out = take(frames * width, sizeof(float));
    self.key = take(frames * width, sizeof(float));
    place_signals(&self, how, in);
    fill_controls(&self, how, &settings[0]);

    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    void *state = NULL;
    assert_ok(self.processor->init(arena, settings, voice_count, &state, err));
    run_all(&self, how, state);
    if (how->twice) {
        self.processor->reset(state);
        run_all(&self, how, state);
    }
    take_results(&self, out);
}

void rig_process_one(const rig_voice *voice, size_t frames, const float *const *in,
                     float *const *out)
{
    rig_process(&(rig_run){0}, voice, 1, frames, in, out);
}

void rig_noise(float *out, size_t frames, double peak, uint32_t seed)
{
    uint32_t state = seed * 2654435761U + 1;
    for (size_t i = 0; i < frames; i++) {
        state = state * 1664525U + 1013904223U;
        out[i] = (float)(peak * ((double)state / 2147483648.0 - 1.0));
    }
}

void rig_sine(float *out, size_t frames, double freq_hz, double rate_hz, double peak, double phase)
{
    for (size_t i = 0; i < frames; i++) {
        out[i] = (float)(peak * sin(2.0 * pi * freq_hz / rate_hz * (double)i + phase));
    }
}

double rig_magnitude_db(const float *response, size_t frames, double freq_hz, double rate_hz)
{
    double complex sum = 0.0;
    for (size_t i = 0; i < frames; i++) {
        sum += (double)response[i] * cexp(-I * 2.0 * pi * freq_hz / rate_hz * (double)i);
    }
    return 20.0 * log10(fmax(cabs(sum), 1e-30));
}
