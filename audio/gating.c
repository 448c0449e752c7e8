// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/gating.h"

#include <math.h>
#include <stdlib.h>

static const double absolute_gate_lufs = -70.0;
static const double integrated_gate_lu = -10.0;
static const double range_gate_lu = -20.0;

/// LUFS; -INFINITY without a block at or over the gate.
static double mean_over(const float *lufs, size_t count, double gate_lufs)
{
    double energy = 0.0;
    size_t blocks = 0;
    for (size_t i = 0; i < count; i++) {
        if ((double)lufs[i] >= gate_lufs) {
            energy += pow(10.0, 0.1 * (double)lufs[i]);
            blocks++;
        }
    }
    return (blocks > 0) ? 10.0 * log10(energy / (double)blocks) : -INFINITY;
}

static double relative_gate(const float *lufs, size_t count, double under_lu)
{
    return fmax(absolute_gate_lufs, mean_over(lufs, count, absolute_gate_lufs) + under_lu);
}

double nb_integrated_loudness(const float *momentary_lufs, size_t count)
{
    return mean_over(momentary_lufs, count,
                     relative_gate(momentary_lufs, count, integrated_gate_lu));
}

static int compare_floats(const void *a, const void *b)
{
    const float left = *(const float *)a;
    const float right = *(const float *)b;
    return (left > right) - (left < right);
}

double nb_loudness_range(const float *short_term_lufs, size_t count)
{
    const double gate = relative_gate(short_term_lufs, count, range_gate_lu);
    float *sorted = malloc((count ? count : 1) * sizeof *sorted);
    if (!sorted) {
        return NAN;
    }
    size_t blocks = 0;
    for (size_t i = 0; i < count; i++) {
        if ((double)short_term_lufs[i] >= gate) {
            sorted[blocks++] = short_term_lufs[i];
        }
    }
    double range = -INFINITY;
    if (blocks > 0) {
        qsort(sorted, blocks, sizeof *sorted, compare_floats);
        const double last = (double)(blocks - 1);
        const size_t low = (size_t)(last * 0.10 + 0.5);
        const size_t high = (size_t)(last * 0.95 + 0.5);
        range = (double)sorted[high] - (double)sorted[low];
    }
    free(sorted);
    return range;
}
