// SPDX-License-Identifier: GPL-3.0-or-later
/// @file decode.c  The floor of any mixer that reads with libsndfile: every file decoded to floats.
///
///     bench_decode FILE...

#include <sndfile.h>
#include <stdio.h>

enum { BLOCK_FRAMES = 4096, CHANNELS_MAX = 2 };

/// Decode all of a file; the loudest sample is kept so that nothing can be left out.
static int decode(const char *path, float *loudest)
{
    static _Thread_local float samples[BLOCK_FRAMES * CHANNELS_MAX];
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file || info.channels > CHANNELS_MAX) {
        fprintf(stderr, "bench_decode: %s: %s\n", path, sf_strerror(file));
        sf_close(file);
        return 1;
    }
    sf_count_t frames = BLOCK_FRAMES;
    sf_count_t total = 0;
    while (frames == BLOCK_FRAMES) {
        frames = sf_readf_float(file, samples, BLOCK_FRAMES);
        *loudest = frames > 0 && samples[0] > *loudest ? samples[0] : *loudest;
        total += frames;
    }
    sf_close(file);
    return total != info.frames;
}

int main(int argc, char **argv)
{
    int faults = argc < 2;
    float loudest = -1.0F;
#pragma omp parallel for schedule(dynamic) reduction(+ : faults) reduction(max : loudest)
    for (int i = 1; i < argc; i++) {
        faults += decode(argv[i], &loudest);
    }
    printf("%g\n", (double)loudest);
    return faults > 0;
}
