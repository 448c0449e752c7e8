// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/take.h"

#include "deploy/demo-album/filter.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

nb_status nb_take_init(nb_take *self, unsigned rate_hz, unsigned channels, double start_s,
                       double length_s, nb_random random, nb_error *err)
{
    *self =
        (nb_take){.rate_hz = rate_hz, .channels = channels, .start_s = start_s, .random = random};
    self->frames = (size_t)(length_s * rate_hz);
    self->note_frames = (size_t)NB_TAKE_NOTE_S * rate_hz;
    self->samples = calloc(self->frames * channels, sizeof(float));
    self->note = calloc(self->note_frames, sizeof(double));
    if (!self->samples || !self->note) {
        nb_take_fini(self);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a stem of %.0f s", length_s);
    }
    return NB_OK;
}

void nb_take_fini(nb_take *self)
{
    free(self->samples);
    free(self->note);
    *self = (nb_take){0};
}

size_t nb_take_note_frames(const nb_take *self, double seconds)
{
    const size_t frames = (seconds > 0.0) ? (size_t)(seconds * self->rate_hz) : 0;
    return (frames < self->note_frames) ? frames : self->note_frames;
}

double *nb_take_note(nb_take *self, size_t frames)
{
    assert(frames <= self->note_frames);
    memset(self->note, 0, frames * sizeof(double));
    return self->note;
}

void nb_take_add(nb_take *self, double at_s, size_t frames, double gain, double pan)
{
    const double angle = (pan + 1.0) * nb_pi / 4.0;
    const double left = gain * ((self->channels == 2) ? cos(angle) : 1.0);
    const double right = gain * sin(angle);
    const int64_t start = (int64_t)floor((at_s - self->start_s) * self->rate_hz + 0.5);
    for (size_t i = 0; i < frames; i++) {
        const int64_t frame = start + (int64_t)i;
        if (frame < 0 || frame >= (int64_t)self->frames) {
            continue;
        }
        float *out = self->samples + (size_t)frame * self->channels;
        out[0] += (float)(left * self->note[i]);
        if (self->channels == 2) {
            out[1] += (float)(right * self->note[i]);
        }
    }
}

void nb_take_normalise(nb_take *self, double peak_db)
{
    const size_t count = self->frames * self->channels;
    float peak = 0.0F;
    for (size_t i = 0; i < count; i++) {
        const float height = fabsf(self->samples[i]);
        peak = (height > peak) ? height : peak;
    }
    const double gain = (peak > 0.0F) ? pow(10.0, peak_db / 20.0) / (double)peak : 0.0;
    for (size_t i = 0; i < count; i++) {
        self->samples[i] = (float)(gain * (double)self->samples[i]);
    }
}

void nb_take_fade_end(nb_take *self, double seconds)
{
    const size_t length = (size_t)(seconds * self->rate_hz);
    for (size_t i = 0; i < length && i < self->frames; i++) {
        float *frame = self->samples + (self->frames - 1 - i) * self->channels;
        for (unsigned c = 0; c < self->channels; c++) {
            frame[c] = (float)((double)frame[c] * (double)i / (double)length);
        }
    }
}

void nb_note_fade(const nb_take *self, double *note, size_t frames, double seconds)
{
    const size_t length = (size_t)(seconds * self->rate_hz);
    for (size_t i = 0; i < length && i < frames; i++) {
        note[frames - 1 - i] *= (double)i / (double)length;
    }
}
