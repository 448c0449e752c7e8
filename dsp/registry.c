// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/level.h"
#include "dsp/processor.h"

#include <string.h>

// The one line a new processor adds here, besides its source in CMakeLists.txt.
#define PROCESSORS(X)                                                                              \
    X(gain)                                                                                        \
    X(blend)                                                                                       \
    X(pan)                                                                                         \
    X(equaliser)                                                                                   \
    X(linear_equaliser)                                                                            \
    X(compressor)                                                                                  \
    X(multiband_compressor)                                                                        \
    X(gate)                                                                                        \
    X(de_esser)                                                                                    \
    X(transient_shaper)                                                                            \
    X(delay)                                                                                       \
    X(chorus)                                                                                      \
    X(reverb)                                                                                      \
    X(convolution)                                                                                 \
    X(limiter)                                                                                     \
    X(noise_reduction)                                                                             \
    X(hum_removal)                                                                                 \
    X(dc_removal)                                                                                  \
    X(saturation)                                                                                  \
    X(image)                                                                                       \
    X(bit_depth)

#if defined(__x86_64__)
#define LEVELS(name) {&nb_##name##_x2, &nb_##name##_x2_v3, &nb_##name##_x4, &nb_##name##_x8},
#define DECLARE(name)                                                                              \
    extern const nb_processor nb_##name##_x2, nb_##name##_x2_v3, nb_##name##_x4, nb_##name##_x8;
#else
#define LEVELS(name)  {&nb_##name##_x2},
#define DECLARE(name) extern const nb_processor nb_##name##_x2;
#endif

PROCESSORS(DECLARE)

// The columns of the registry.
enum { X2, X2_V3, X4, X8, LEVEL_COUNT };

static const nb_processor *const registry[][LEVEL_COUNT] = {PROCESSORS(LEVELS)};

const nb_processor *nb_processor_at_level(size_t index, size_t lanes)
{
    if (index >= NB_COUNT(registry) || !nb_level_runs(lanes)) {
        return NULL;
    }
    return registry[index][lanes == 2 ? X2 : lanes == 4 ? X4 : X8];
}

const nb_processor *nb_processor_narrow(const nb_processor *self, size_t lanes, size_t *out_lanes)
{
    const size_t most = nb_lane_count();
    size_t width = 2;
    while (width < lanes && width < most) {
        width *= 2;
    }
    *out_lanes = width;
    for (size_t i = 0; i < NB_COUNT(registry); i++) {
        if (strcmp(registry[i][X2]->name, self->name) == 0) {
            return (width == 2 && most > 2) ? registry[i][X2_V3] : nb_processor_at_level(i, width);
        }
    }
    *out_lanes = most; // a test's own, made for the whole register
    return self;
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
