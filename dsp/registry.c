// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/level.h"
#include "dsp/processor.h"

#include <string.h>

// The one line a new processor adds here, besides its source in CMakeLists.txt.
#define PROCESSORS(X)                                                                              \
    X(gain)                                                                                        \
    X(pan)                                                                                         \
    X(equaliser)                                                                                   \
    X(compressor)                                                                                  \
    X(delay)                                                                                       \
    X(convolution)                                                                                 \
    X(limiter)

#if defined(__x86_64__)
#define LEVELS(name)  {&nb_##name##_x2, &nb_##name##_x4, &nb_##name##_x8},
#define DECLARE(name) extern const nb_processor nb_##name##_x2, nb_##name##_x4, nb_##name##_x8;
#else
#define LEVELS(name)  {&nb_##name##_x2},
#define DECLARE(name) extern const nb_processor nb_##name##_x2;
#endif

PROCESSORS(DECLARE)

static const nb_processor *const registry[][3] = {PROCESSORS(LEVELS)};

const nb_processor *nb_processor_at_level(size_t index, size_t lanes)
{
    if (index >= NB_COUNT(registry) || !nb_level_runs(lanes)) {
        return NULL;
    }
    return registry[index][lanes == 2 ? 0 : lanes == 4 ? 1 : 2];
}

size_t nb_processor_count(void) { return NB_COUNT(registry); }

const nb_processor *nb_processor_at(size_t index)
{
    return nb_processor_at_level(index, nb_lane_count());
}

const nb_processor *nb_processor_find(const char *name)
{
    for (size_t i = 0; i < nb_processor_count(); i++) {
        const nb_processor *processor = nb_processor_at(i);
        if (strcmp(processor->name, name) == 0) {
            return processor;
        }
    }
    return NULL;
}

int nb_param_find(const nb_param *params, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(params[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

size_t nb_voice_lane(const nb_settings *voices, size_t index)
{
    size_t lane = 0;
    for (size_t v = 0;; v++) {
        lane += (voices[v].channels == 2) ? lane % 2 : 0;
        if (v == index) {
            return lane;
        }
        lane += voices[v].channels;
    }
}
