// SPDX-License-Identifier: GPL-3.0-or-later
// A library's version says what its makers think changed; the probe says what it does: the digest
// of its answer to fixed noise. Two builds with one version and other bits get other fingerprints.
#include "renderer/engine/float_mode.h"
#include "renderer/engine/render.h"

#include <fftw3.h>
#include <gnu/libc-version.h>
#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NOISE_FRAMES = 4096,
    // All sizes of transforms that processors make, and the gap that dsp/ leaves between two parts.
    REAL_MIN = 256, // noise reduction
    REAL_MAX = 16384,
    PAIR_MIN = 2048, // the linear-phase equaliser
    PAIR_MAX = 262144,
    FFT_GAP = 16,
    RATE_HZ = 48000,
    WAV_HEADER_BYTES = 44,
    WAV_FRAMES = 256,
    PROBE_DIGITS = 16,
};

typedef nb_status probe(nb_fingerprint_library *library, nb_hasher *hasher, nb_error *err);

/// The same noise everywhere: a linear congruential generator, its upper bits as [-1, 1).
static void fill_noise(float *out, size_t count)
{
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525U + 1013904223U;
        out[i] = (float)((int32_t)(state & 0xFFFFFF00U)) * 0x1p-31F;
    }
}

static void add_floats(nb_hasher *hasher, const float *samples, size_t count)
{
    nb_hasher_add(hasher, samples, count * sizeof *samples);
}

static void free_floats(float **samples_p) { free(*samples_p); }

static void set_version(nb_fingerprint_library *library, const char *version)
{
    (void)snprintf(library->version, sizeof library->version, "%s", version);
    for (char *c = library->version; *c; c++) {
        if (*c == ' ' || *c == '/') { // what the fingerprint's line is parted by
            *c = '-';
        }
    }
}

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory to probe the libraries");
}

// "fftw-3.3.10-sse2-avx": what it can do belongs to it.
static void set_fftw_version(nb_fingerprint_library *library, const char *version)
{
    set_version(library, version + (strncmp(version, "fftw-", 5) == 0 ? 5 : 0));
}

/// Two signals at once, in place, as linear phase does it. Backwards it is the same with the two
/// exchanged.
static bool run_pair(nb_hasher *hasher, size_t size, const float *noise, double *buffer)
{
    const fftw_iodim dim = {.n = (int)size, .is = 1, .os = 1};
    double *second = buffer + size + FFT_GAP;
    fftw_plan forward =
        fftw_plan_guru_split_dft(1, &dim, 0, NULL, buffer, second, buffer, second, FFTW_ESTIMATE);
    if (!forward) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        buffer[i] = (double)noise[i];
        second[i] = (double)noise[size - 1 - i];
    }
    fftw_execute(forward);
    nb_hasher_add(hasher, buffer, size * sizeof *buffer);
    nb_hasher_add(hasher, second, size * sizeof *second);
    fftw_destroy_plan(forward);
    return true;
}

/// The double precision is a library of its own.
static nb_status probe_fftw_double(nb_fingerprint_library *library, nb_hasher *hasher,
                                   nb_error *err)
{
    set_fftw_version(library, fftw_version);
    NB_SCOPED(free_floats) float *noise = calloc(PAIR_MAX, sizeof *noise);
    double *buffer = fftw_alloc_real(2 * (PAIR_MAX + FFT_GAP));
    bool done = noise && buffer;
    if (done) {
        fill_noise(noise, PAIR_MAX);
    }
    for (size_t size = PAIR_MIN; done && size <= PAIR_MAX; size *= 2) {
        done = run_pair(hasher, size, noise, buffer);
    }
    fftw_free(buffer);
    return done ? NB_OK : no_memory(err);
}

/// There and back with the spectrum's parts apart, as noise reduction does it.
static bool run_real(nb_hasher *hasher, size_t size, float *samples, float *spectrum)
{
    const fftwf_iodim dim = {.n = (int)size, .is = 1, .os = 1};
    float *second = spectrum + size / 2 + FFT_GAP;
    const unsigned how = FFTW_ESTIMATE | FFTW_DESTROY_INPUT;
    fftwf_plan forward =
        fftwf_plan_guru_split_dft_r2c(1, &dim, 0, NULL, samples, spectrum, second, how);
    fftwf_plan back =
        fftwf_plan_guru_split_dft_c2r(1, &dim, 0, NULL, spectrum, second, samples, how);
    const bool planned = forward && back;
    if (planned) {
        fill_noise(samples, size);
        fftwf_execute(forward);
        add_floats(hasher, spectrum, size / 2 + 1);
        add_floats(hasher, second, size / 2 + 1);
        fftwf_execute(back);
        add_floats(hasher, samples, size);
    }
    fftwf_destroy_plan(forward);
    fftwf_destroy_plan(back);
    return planned;
}

static nb_status probe_fftw(nb_fingerprint_library *library, nb_hasher *hasher, nb_error *err)
{
    set_fftw_version(library, fftwf_version);
    float *samples = fftwf_alloc_real(REAL_MAX);
    float *spectrum = fftwf_alloc_real(REAL_MAX + 2 * FFT_GAP);
    bool done = samples && spectrum;
    for (size_t size = REAL_MIN; done && size <= REAL_MAX; size *= 2) {
        done = run_real(hasher, size, samples, spectrum);
    }
    fftwf_free(samples);
    fftwf_free(spectrum);
    return done ? NB_OK : no_memory(err);
}

static nb_status probe_libm(nb_fingerprint_library *library, nb_hasher *hasher, nb_error *err)
{
    (void)err; // cannot fail
    set_version(library, gnu_get_libc_version());
    float noise[64];
    fill_noise(noise, NB_COUNT(noise));
    for (size_t i = 0; i < NB_COUNT(noise); i++) {
        const double x = (double)noise[i];
        nb_hasher_add_double(hasher, pow(10.0, x * 3.0));
        nb_hasher_add_double(hasher, exp(x * 5.0));
        nb_hasher_add_double(hasher, log(fabs(x) + 0.001));
        nb_hasher_add_double(hasher, sin(x * 3.0));
        nb_hasher_add_double(hasher, cos(x * 3.0));
        nb_hasher_add_double(hasher, tan(x * 1.5));
    }
    return NB_OK;
}

/// A WAV file in memory, as libsndfile's virtual file.
typedef struct memory_file {
    unsigned char bytes[WAV_HEADER_BYTES + 3 * WAV_FRAMES];
    sf_count_t at;
} memory_file;

static sf_count_t memory_size(void *context)
{
    const memory_file *self = context;
    return (sf_count_t)sizeof self->bytes;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *context)
{
    memory_file *self = context;
    const sf_count_t base =
        (whence == SEEK_SET) ? 0 : ((whence == SEEK_CUR) ? self->at : memory_size(self));
    const sf_count_t at = base + offset;
    if (at < 0 || at > memory_size(self)) {
        return -1;
    }
    self->at = at;
    return at;
}

static sf_count_t memory_read(void *to, sf_count_t count, void *context)
{
    memory_file *self = context;
    const sf_count_t left = memory_size(self) - self->at;
    const sf_count_t got = (count < left) ? count : left;
    memcpy(to, self->bytes + self->at, (size_t)got);
    self->at += got;
    return got;
}

static sf_count_t memory_tell(void *context) { return ((const memory_file *)context)->at; }

static void put_little(unsigned char *to, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

/// Mono, 24 bit, noise.
static void fill_wav(memory_file *self)
{
    unsigned char *bytes = self->bytes;
    static const char head[] = "RIFF....WAVEfmt ";
    static const char data[] = "data";
    memcpy(bytes, head, sizeof head - 1);
    put_little(bytes + 4, sizeof self->bytes - 8, 4);
    put_little(bytes + 16, 16, 4);          // size of the format
    put_little(bytes + 20, 1, 2);           // PCM
    put_little(bytes + 22, 1, 2);           // channels
    put_little(bytes + 24, RATE_HZ, 4);     // frames a second
    put_little(bytes + 28, RATE_HZ * 3, 4); // bytes a second
    put_little(bytes + 32, 3, 2);           // bytes a frame
    put_little(bytes + 34, 24, 2);          // bits a sample
    memcpy(bytes + 36, data, sizeof data - 1);
    put_little(bytes + 40, 3 * WAV_FRAMES, 4);
    uint32_t state = 1;
    for (size_t i = 0; i < WAV_FRAMES; i++) {
        state = state * 1664525U + 1013904223U;
        put_little(bytes + WAV_HEADER_BYTES + 3 * i, state >> 8, 3);
    }
}

static nb_status probe_sndfile(nb_fingerprint_library *library, nb_hasher *hasher, nb_error *err)
{
    const char *version = sf_version_string(); // "libsndfile-1.2.0"
    set_version(library, version + (strncmp(version, "libsndfile-", 11) == 0 ? 11 : 0));
    memory_file wav = {.at = 0};
    fill_wav(&wav);
    SF_VIRTUAL_IO io = {
        .get_filelen = memory_size, .seek = memory_seek, .read = memory_read, .tell = memory_tell};
    SF_INFO info = {0};
    float samples[WAV_FRAMES] = {0};
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &wav);
    const bool read = file && sf_readf_float(file, samples, WAV_FRAMES) == WAV_FRAMES;
    if (file) {
        (void)sf_close(file);
    }
    add_floats(hasher, samples, WAV_FRAMES);
    return read ? NB_OK : nb_fail(err, NB_E_IO, "libsndfile does not read a plain WAV file");
}

static nb_status probe_soxr(nb_fingerprint_library *library, nb_hasher *hasher, nb_error *err)
{
    const char *version = soxr_version(); // "libsoxr-0.1.3"
    set_version(library, version + (strncmp(version, "libsoxr-", 8) == 0 ? 8 : 0));
    NB_SCOPED(free_floats) float *in = calloc(NOISE_FRAMES, sizeof *in);
    NB_SCOPED(free_floats) float *out = calloc(2 * NOISE_FRAMES, sizeof *out);
    if (!in || !out) {
        return no_memory(err);
    }
    fill_noise(in, NOISE_FRAMES);
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    size_t done = 0;
    const soxr_error_t failed = soxr_oneshot(44100.0, (double)RATE_HZ, 1, in, NOISE_FRAMES, NULL,
                                             out, 2 * NOISE_FRAMES, &done, &io, &quality, &runtime);
    add_floats(hasher, out, done);
    return failed ? nb_fail(err, NB_E_IO, "libsoxr: %s", failed) : NB_OK;
}

/// Ascending by name, as the fingerprint wants them.
static const struct {
    const char *name;
    probe *run;
} probes[] = {
    {"fftw3", probe_fftw_double}, {"fftw3f", probe_fftw}, {"libm", probe_libm},
    {"sndfile", probe_sndfile},   {"soxr", probe_soxr},
};

/// CPUs of one class give the same bits, whatever else they can do.
static const char *cpu_class(void)
{
#if defined(__x86_64__)
    return (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi2"))
               ? "x86-64-v3"
               : "x86-64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "other";
#endif
}

static nb_status probe_all(nb_fingerprint *out, nb_error *err)
{
    NB_IN_FLOAT_MODE;
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    *out = (nb_fingerprint){.core_revision = NB_ENGINE_REVISION};
    (void)snprintf(out->cpu_class, sizeof out->cpu_class, "%s", cpu_class());
    for (size_t i = 0; i < NB_COUNT(probes); i++) {
        nb_fingerprint_library *library = &out->libraries[out->library_count++];
        (void)snprintf(library->name, sizeof library->name, "%s", probes[i].name);
        nb_status status = probes[i].run(library, hasher, err);
        if (status != NB_OK) {
            return status;
        }
        char hex[NB_DIGEST_HEX_SIZE];
        const nb_digest digest = nb_hasher_finish(hasher);
        nb_digest_to_hex(&digest, hex);
        memcpy(library->probe, hex, PROBE_DIGITS);
    }
    return NB_OK;
}

nb_status nb_engine_fingerprint(nb_fingerprint *out, nb_error *err)
{
    // The one lock that FFTW's planner needs here, and the answer they gave: the
    // libraries do not change while the process lives.
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static nb_fingerprint known;
    (void)pthread_mutex_lock(&lock);
    nb_status status = NB_OK;
    if (known.library_count == 0) {
        nb_fingerprint probed;
        status = probe_all(&probed, err);
        if (status == NB_OK) {
            known = probed;
        }
    }
    *out = known;
    (void)pthread_mutex_unlock(&lock);
    return status;
}
