// SPDX-License-Identifier: GPL-3.0-or-later
/// @file edge_kernel.h  What the engine does to samples between processors: turning channels into
/// lanes and back, sums, constant gains, parts of a signal, and looking for samples that are none.
///
/// One source compiled for each register width, as processors are, and chosen once. Every result is
/// the same at every width: each output sample is made of its own inputs alone.

#ifndef NB_DSP_EDGE_KERNEL_H
#define NB_DSP_EDGE_KERNEL_H
#include <stdbool.h>
#include <stddef.h>

enum { NB_EDGE_TERMS = 4 }; ///< Edges that are added to a sum in one pass, at most

typedef struct nb_edge_kernel {
    /// out[i * width + lane] = in[lane][i]. `width` is 2, 4 or 8.
    void (*interleave)(const float *const *in, size_t width, size_t frames, float *out);
    /// out[lane][i] = in[i * width + lane].
    void (*deinterleave)(const float *in, size_t width, size_t frames, float *const *out);
    /// Zero the lanes where `live` is false; is all that is left finite?
    bool (*settle)(float *lanes, size_t width, size_t frames, const bool *live);
    bool (*all_finite)(const float *samples, size_t frames);
    /// out[i] = in[i] * factor, multiplied in 64 bit and rounded to 32. `out` may be `in`.
    void (*scale)(const float *in, double factor, float *out, size_t frames);
    /// As scale, kept as the doubles that the rounded samples are. `out` may be `in`.
    void (*scale_wide)(const float *in, double factor, double *out, size_t frames);
    void (*rescale_wide)(const double *in, double factor, double *out, size_t frames);
    /// sums[i] += in[t][i] * factors[t], term after term, 1 to NB_EDGE_TERMS of them; the products
    /// are rounded to 32 bits as by scale. `factors` null: without any.
    void (*add)(const float *const *in, const double *factors, size_t terms, double *sums,
                size_t frames);
    void (*add_wide)(const double *const *in, const double *factors, size_t terms, double *sums,
                     size_t frames);
    /// out[i] = sums[i], rounded.
    void (*round)(const double *sums, float *out, size_t frames);
    /// out[i] = (a[i] + sign * b[i]) / 2, in 64 bit.
    void (*half_sum)(const float *a, const float *b, double sign, float *out, size_t frames);
    /// The same in 32 bit, as a mono voice hears a stereo key.
    void (*mean)(const float *a, const float *b, float *out, size_t frames);
    /// out[i] = signs[0] * part[i] + signs[1] * (a[i] + signs[2] * b[i]) / 2, in 64 bit. `out` may
    /// be any of the inputs.
    void (*join)(const float *part, const float *a, const float *b, const double signs[3],
                 float *out, size_t frames);
} nb_edge_kernel;

/// That of this machine: of nb_lane_count() lanes.
const nb_edge_kernel *nb_edge_kernel_get(void);

#endif // NB_DSP_EDGE_KERNEL_H
