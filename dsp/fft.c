// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/fft.h"

#include <fftw3.h>
#include <pthread.h>

static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;
static fftwf_plan forward_plan;
static fftwf_plan inverse_plan;

static nb_status make_plans(nb_error *err)
{
    if (forward_plan && inverse_plan) {
        return NB_OK;
    }
    const fftwf_iodim dim = {.n = NB_FFT_SIZE, .is = 1, .os = 1};
    // fftwf_malloc's alignment becomes the plans'; the arena's is no less.
    float *samples = fftwf_alloc_real(NB_FFT_SIZE);
    float *spectrum = fftwf_alloc_real(NB_FFT_SPECTRUM);
    if (samples && spectrum && !forward_plan) {
        forward_plan = fftwf_plan_guru_split_dft_r2c(1, &dim, 0, NULL, samples, spectrum,
                                                     spectrum + NB_FFT_BINS,
                                                     FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
    }
    if (samples && spectrum && !inverse_plan) {
        inverse_plan =
            fftwf_plan_guru_split_dft_c2r(1, &dim, 0, NULL, spectrum, spectrum + NB_FFT_BINS,
                                          samples, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
    }
    fftwf_free(samples);
    fftwf_free(spectrum);
    return (forward_plan && inverse_plan)
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "FFTW made no plan of %d samples", NB_FFT_SIZE);
}

nb_status nb_fft_prepare(nb_error *err)
{
    (void)pthread_mutex_lock(&plan_lock);
    const nb_status status = make_plans(err);
    (void)pthread_mutex_unlock(&plan_lock);
    return status;
}

void nb_fft_forward(float *samples, float *spectrum)
{
    fftwf_execute_split_dft_r2c(forward_plan, samples, spectrum, spectrum + NB_FFT_BINS);
}

void nb_fft_inverse(float *spectrum, float *samples)
{
    fftwf_execute_split_dft_c2r(inverse_plan, spectrum, spectrum + NB_FFT_BINS, samples);
}
