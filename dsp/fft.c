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
    // fftwf_malloc's alignment becomes the plans'; the arena's is no less.
    float *samples = fftwf_alloc_real(NB_FFT_SIZE);
    fftwf_complex *spectrum = fftwf_alloc_complex(NB_FFT_BINS);
    if (samples && spectrum) {
        forward_plan = forward_plan ? forward_plan
                                    : fftwf_plan_dft_r2c_1d(NB_FFT_SIZE, samples, spectrum,
                                                            FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
        inverse_plan = inverse_plan ? inverse_plan
                                    : fftwf_plan_dft_c2r_1d(NB_FFT_SIZE, spectrum, samples,
                                                            FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
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

void nb_fft_forward(float *samples, float complex *spectrum)
{
    fftwf_execute_dft_r2c(forward_plan, samples, spectrum);
}

void nb_fft_inverse(float complex *spectrum, float *samples)
{
    fftwf_execute_dft_c2r(inverse_plan, spectrum, samples);
}
