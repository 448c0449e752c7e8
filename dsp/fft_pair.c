// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/fft_pair.h"

#include <assert.h>
#include <fftw3.h>
#include <pthread.h>
#include <stdbool.h>

struct nb_fft_pair {
    size_t stride;
    fftw_plan forward;
    fftw_plan inverse;
};

enum { SIZES = 19 }; // by the logarithm of the size

_Static_assert((size_t)1 << (SIZES - 1) == NB_FFT_PAIR_MAX, "a row for each size");

static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;
static nb_fft_pair plans[SIZES];

static fftw_plan make_plan(const fftw_iodim *dim, double *real, double *imaginary)
{
    return fftw_plan_guru_split_dft(1, dim, 0, NULL, real, imaginary, real, imaginary,
                                    FFTW_ESTIMATE);
}

static void make_plans(nb_fft_pair *self, size_t size)
{
    const fftw_iodim dim = {.n = (int)size, .is = 1, .os = 1};
    self->stride = nb_fft_pair_stride(size);
    double *buffer = fftw_alloc_real(2 * self->stride);
    if (buffer && !self->forward) {
        self->forward = make_plan(&dim, buffer, buffer + self->stride);
    }
    if (buffer && !self->inverse) {
        // With its parts exchanged the transform runs backwards.
        self->inverse = make_plan(&dim, buffer + self->stride, buffer);
    }
    fftw_free(buffer);
}

nb_status nb_fft_pair_of_size(size_t size, const nb_fft_pair **out_pair, nb_error *err)
{
    *out_pair = NULL;
    assert(size >= NB_FFT_PAIR_MIN && size <= NB_FFT_PAIR_MAX && (size & (size - 1)) == 0);
    nb_fft_pair *self = &plans[__builtin_ctzl(size)];
    (void)pthread_mutex_lock(&plan_lock);
    if (!self->forward || !self->inverse) {
        make_plans(self, size);
    }
    const bool made = self->forward && self->inverse;
    (void)pthread_mutex_unlock(&plan_lock);
    if (!made) {
        return nb_fail(err, NB_E_NO_MEMORY, "FFTW made no plan of %zu pairs", size);
    }
    *out_pair = self;
    return NB_OK;
}

void nb_fft_pair_forward(const nb_fft_pair *self, double *buffer)
{
    double *second = buffer + self->stride;
    fftw_execute_split_dft(self->forward, buffer, second, buffer, second);
}

void nb_fft_pair_inverse(const nb_fft_pair *self, double *buffer)
{
    double *second = buffer + self->stride;
    fftw_execute_split_dft(self->inverse, second, buffer, second, buffer);
}
