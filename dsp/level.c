// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/level.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

bool nb_level_runs(size_t lanes)
{
    switch (lanes) {
    case 2:
        return true;
#if defined(__x86_64__)
    case 4:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    case 8:
        return nb_level_runs(4) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd");
#endif
    default:
        return false;
    }
}

static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;
static size_t chosen_lanes = 2;

static void choose_lanes(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    const char *wanted = getenv("NIGHTBUS_LANES");
    const size_t limit = wanted && strcmp(wanted, "2") == 0   ? 2
                         : wanted && strcmp(wanted, "4") == 0 ? 4
                                                              : 8;
    for (size_t lanes = 8; lanes >= 2; lanes /= 2) {
        if (lanes <= limit && nb_level_runs(lanes)) {
            chosen_lanes = lanes;
            return;
        }
    }
}

size_t nb_lane_count(void)
{
    (void)pthread_once(&chosen_once, choose_lanes);
    return chosen_lanes;
}
