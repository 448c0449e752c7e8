// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/sinc.h"

#include <math.h>

static const double pi = 3.14159265358979323846;
static const double kaiser_beta = 8.0;

// I0 by its series; 40 terms are enough for arguments up to 12.
static double bessel_i0(double x)
{
    double sum = 1.0;
    double term = 1.0;
    for (int n = 1; n <= 40; n++) {
        const double factor = x / (2.0 * n);
        term *= factor * factor;
        sum += term;
    }
    return sum;
}

void nb_sinc_taps(double fraction, size_t after, size_t count, double beta, double *out_taps)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        const double t = (double)k - (double)after - fraction;
        const double position = t / ((double)count / 2.0);
        const double inside = fmax(0.0, 1.0 - position * position);
        const double sinc = (t == 0.0) ? 1.0 : sin(pi * t) / (pi * t);
        out_taps[k] = bessel_i0(beta * sqrt(inside)) * sinc;
        sum += out_taps[k];
    }
    for (size_t k = 0; k < count; k++) {
        out_taps[k] /= sum; // exactly unity at 0 Hz, so that feedback means what it says
    }
}

const nb_sinc_row *nb_sinc_table_new(nb_arena *arena)
{
    nb_sinc_row *rows = nb_arena_take(arena, NB_SINC_PHASES, sizeof *rows);
    for (size_t p = 0; rows && p < NB_SINC_PHASES; p++) {
        double here[NB_SINC_TAPS];
        double next[NB_SINC_TAPS];
        const double step = 1.0 / NB_SINC_PHASES;
        nb_sinc_taps((double)p * step, NB_SINC_AFTER, NB_SINC_TAPS, kaiser_beta, here);
        nb_sinc_taps((double)(p + 1) * step, NB_SINC_AFTER, NB_SINC_TAPS, kaiser_beta, next);
        for (size_t k = 0; k < NB_SINC_TAPS; k++) {
            rows[p].taps[k] = (float)here[k];
            rows[p].slopes[k] = (float)(next[k] - here[k]);
        }
    }
    return rows;
}
