// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/status.h"
#include "deploy/demo-album/filter.h"
#include "deploy/demo-album/instruments.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { OVERSAMPLING = 4, KERNEL_SIDE = 48, KERNEL = 2 * KERNEL_SIDE + 1 };

/// A low-pass at the original Nyquist frequency for the oversampled rate: windowed sinc (Blackman).
static void fill_kernel(double kernel[KERNEL])
{
    for (int i = -KERNEL_SIDE; i <= KERNEL_SIDE; i++) {
        const double x = nb_pi * i * 0.92 / OVERSAMPLING;
        const double w = nb_pi * i / (KERNEL_SIDE + 1.0);
        const double window = 0.42 + 0.5 * cos(w) + 0.08 * cos(2.0 * w);
        kernel[i + KERNEL_SIDE] = 0.92 / OVERSAMPLING * window * (i ? sin(x) / x : 1.0);
    }
}

/// The oversampled frame `at`: only every fourth product is not with a zero.
static double raised(const double *in, size_t frames, const double kernel[KERNEL], int64_t at)
{
    double sum = 0.0;
    const int64_t first = (at - KERNEL_SIDE + OVERSAMPLING - 1) / OVERSAMPLING;
    for (int64_t i = (first > 0) ? first : 0;
         i * OVERSAMPLING <= at + KERNEL_SIDE && i < (int64_t)frames; i++) {
        sum += in[i] * kernel[at - i * OVERSAMPLING + KERNEL_SIDE];
    }
    return OVERSAMPLING * sum;
}

static void drive_channel(nb_take *take, unsigned channel, double drive, double *dry,
                          double *driven)
{
    double kernel[KERNEL];
    fill_kernel(kernel);
    nb_svf speaker = {0}, cone = {0};
    nb_svf_tune(&speaker, 4300.0, 0.8, take->rate_hz);
    nb_svf_tune(&cone, 85.0, 0.9, take->rate_hz);
    for (size_t i = 0; i < take->frames; i++) {
        dry[i] = (double)take->samples[i * take->channels + channel];
    }
    const int64_t count = (int64_t)take->frames * OVERSAMPLING;
    for (int64_t at = 0; at < count; at++) {
        // The offset makes even harmonics, as a single valve does.
        const double in = drive * raised(dry, take->frames, kernel, at) + 0.15;
        driven[at] = nb_saturate(in) + 0.25 * nb_saturate(0.3 * in);
    }
    for (int64_t i = 0; i < (int64_t)take->frames; i++) {
        double sum = 0.0;
        for (int64_t k = -KERNEL_SIDE; k <= KERNEL_SIDE; k++) {
            const int64_t at = i * OVERSAMPLING + k;
            sum += (at >= 0 && at < count) ? driven[at] * kernel[k + KERNEL_SIDE] : 0.0;
        }
        nb_svf_step(&speaker, sum);
        nb_svf_step(&cone, speaker.low);
        take->samples[(size_t)i * take->channels + channel] = (float)cone.high;
    }
}

nb_status nb_take_amplify(nb_take *take, double drive, nb_error *err)
{
    double *dry = calloc(take->frames, sizeof *dry);
    double *driven = calloc(take->frames * OVERSAMPLING, sizeof *driven);
    const bool enough = dry && driven;
    for (unsigned c = 0; enough && c < take->channels; c++) {
        drive_channel(take, c, drive, dry, driven);
    }
    free(dry);
    free(driven);
    return enough ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for an amplifier");
}

void nb_take_tremolo(nb_take *take, double swing_hz, double depth)
{
    for (size_t i = 0; i < take->frames && take->channels == 2; i++) {
        const double swing = depth * sin(2.0 * nb_pi * swing_hz * (double)i / take->rate_hz);
        take->samples[2 * i] = (float)((double)take->samples[2 * i] * (1.0 + swing));
        take->samples[2 * i + 1] = (float)((double)take->samples[2 * i + 1] * (1.0 - swing));
    }
}

/// The reverberant end: noise whose highs are lost first.
static void add_diffuse(nb_take *take, const nb_room *room, double *out)
{
    const double rate = take->rate_hz;
    double low = 0.0, lower = 0.0, rumble = 0.0;
    const double floor_share = nb_onepole_share(140.0, rate);
    for (size_t i = 0; i < take->frames; i++) {
        const double time_s = (double)i / rate - room->before_s;
        if (time_s < 0.0) {
            continue;
        }
        const double part = (double)i / (double)take->frames;
        const double cutoff_hz = room->bright_hz * pow(room->dark_hz / room->bright_hz, part);
        const double share = nb_onepole_share(cutoff_hz, rate);
        low += share * (nb_random_signed(&take->random) - low);
        lower += share * (low - lower);
        rumble += floor_share * (lower - rumble);
        // Density and level build up over the first hundredth of a second.
        const double rise = 1.0 - exp(-time_s / 0.008);
        out[i] += rise * (lower - rumble) * exp(-6.908 * time_s / room->decay_s);
    }
}

void nb_take_room(nb_take *take, const nb_room *room)
{
    for (unsigned c = 0; c < take->channels; c++) {
        double *out = nb_take_note(take, take->frames);
        add_diffuse(take, room, out);
        for (size_t i = 0; i < room->echoes; i++) {
            const double time_s = room->before_s + 0.06 * nb_random_unit(&take->random);
            const size_t frame = nb_take_note_frames(take, time_s);
            const double sign = (nb_random_unit(&take->random) < 0.5) ? -1.0 : 1.0;
            out[frame] += sign * 1.1 * exp(-time_s / 0.03);
        }
        double energy = 0.0;
        for (size_t i = 0; i < take->frames; i++) {
            energy += out[i] * out[i];
        }
        for (size_t i = 0; i < take->frames; i++) {
            take->samples[i * take->channels + c] = (float)(out[i] / sqrt(energy));
        }
    }
}
