// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/fft.h"

#include <assert.h>
#include <fftw3.h>
#include <pthread.h>
#include <stdbool.h>

struct nb_fft {
    size_t imaginary; ///< Where a spectrum's imaginary parts begin
    fftwf_plan forward;
    fftwf_plan inverse;
};

enum { SIZES = 21 }; // by the logarithm of the size

_Static_assert((size_t)1 << (SIZES - 1) == NB_FFT_SIZE_MAX, "a row for each size");

static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;
static nb_fft plans[SIZES];

static void make_plans(nb_fft *self, size_t size)
{
    const fftwf_iodim dim = {.n = (int)size, .is = 1, .os = 1};
    self->imaginary = nb_fft_bins(size);
    // fftwf_malloc's alignment becomes the plans'; the arena's is no less.
    float *samples = fftwf_alloc_real(size);
    float *spectrum = fftwf_alloc_real(2 * self->imaginary);
    if (samples && spectrum && !self->forward) {
        self->forward = fftwf_plan_guru_split_dft_r2c(1, &dim, 0, NULL, samples, spectrum,
                                                      spectrum + self->imaginary,
                                                      FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
    }
    if (samples && spectrum && !self->inverse) {
        self->inverse =
            fftwf_plan_guru_split_dft_c2r(1, &dim, 0, NULL, spectrum, spectrum + self->imaginary,
                                          samples, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
    }
    fftwf_free(samples);
    fftwf_free(spectrum);
}

nb_status nb_fft_of_size(size_t size, const nb_fft **out_fft, nb_error *err)
{
    *out_fft = NULL;
    assert(size >= NB_FFT_SIZE_MIN && size <= NB_FFT_SIZE_MAX && (size & (size - 1)) == 0);
    nb_fft *self = &plans[__builtin_ctzl(size)];
    (void)pthread_mutex_lock(&plan_lock);
    if (!self->forward || !self->inverse) {
        make_plans(self, size);
    }
    const bool made = self->forward && self->inverse;
    (void)pthread_mutex_unlock(&plan_lock);
    if (!made) {
        return nb_fail(err, NB_E_NO_MEMORY, "FFTW made no plan of %zu samples", size);
    }
    *out_fft = self;
    return NB_OK;
}

void nb_fft_run_forward(const nb_fft *self, float *samples, float *spectrum)
{
    fftwf_execute_split_dft_r2c(self->forward, samples, spectrum, spectrum + self->imaginary);
}

void nb_fft_run_inverse(const nb_fft *self, float *spectrum, float *samples)
{
    fftwf_execute_split_dft_c2r(self->inverse, spectrum, spectrum + self->imaginary, samples);
}
