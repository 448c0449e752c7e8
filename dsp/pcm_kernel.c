// SPDX-License-Identifier: GPL-3.0-or-later
// Each sample is made a whole number of 32 bits that stands at the top of its word, so that one
// scale serves all widths. With byte shuffles four are made at a time: to the same bits.
#include "dsp/pcm_kernel.h"
#include "dsp/lanes.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are made in this order");

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef struct layout {
    size_t size; ///< Bytes of a sample
    bool is_float;
    bool is_big; ///< Endian
} layout;

ALWAYS_INLINE uint32_t byte_at(const unsigned char *bytes, const layout how, size_t place)
{
    return bytes[how.is_big ? how.size - 1 - place : place];
}

// `how` is a constant wherever this is inlined, so that nothing is left of the questions.
ALWAYS_INLINE float make_one(const unsigned char *bytes, const layout how)
{
    uint32_t word = byte_at(bytes, how, how.size - 1) << 24;
    word |= byte_at(bytes, how, how.size - 2) << 16;
    word |= (how.size > 2) ? byte_at(bytes, how, how.size - 3) << 8 : 0;
    word |= (how.size > 3) ? byte_at(bytes, how, how.size - 4) : 0;
    if (how.is_float) {
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    return (float)(int32_t)word * 0x1p-31F;
}

#if defined(__SSSE3__)

enum { QUAD = 4 };
typedef int32_t words __attribute__((vector_size(16)));
typedef float quad __attribute__((vector_size(16)));

// Where each byte of four words comes from; -128 makes it 0.
ALWAYS_INLINE __m128i sources(const layout how)
{
    signed char from[16];
    for (int i = 0; i < (int)sizeof from; i++) {
        const int word = i / 4;
        const int place = i % 4 - (4 - (int)how.size); // in the sample, little-endian
        const int in_sample = how.is_big ? (int)how.size - 1 - place : place;
        from[i] = (signed char)((place < 0) ? -128 : word * (int)how.size + in_sample);
    }
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

// Reads 16 bytes, whatever it needs of them.
ALWAYS_INLINE quad make_quad(const unsigned char *bytes, const layout how)
{
    const __m128i loaded = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    const words word = (words)_mm_shuffle_epi8(loaded, sources(how));
    return how.is_float ? (quad)word : __builtin_convertvector(word, quad) * 0x1p-31F;
}

// Frames that were made; the rest is for make_one.
ALWAYS_INLINE size_t read_quads(const layout how, const unsigned char *bytes, size_t frames,
                                float *out)
{
    size_t i = 0;
    for (; (frames - i) * how.size >= sizeof(quad); i += QUAD) {
        const quad made = make_quad(bytes + i * how.size, how);
        memcpy(out + i, &made, sizeof made);
    }
    return i;
}

ALWAYS_INLINE size_t read_quad_pairs(const layout how, const unsigned char *bytes, size_t frames,
                                     float *left, float *right)
{
    size_t i = 0;
    for (; (frames - i) * 2 * how.size >= QUAD * how.size + sizeof(quad); i += QUAD) {
        const unsigned char *at = bytes + i * 2 * how.size;
        const quad a = make_quad(at, how);
        const quad b = make_quad(at + QUAD * how.size, how);
        const quad l = __builtin_shufflevector(a, b, 0, 2, 4, 6);
        const quad r = __builtin_shufflevector(a, b, 1, 3, 5, 7);
        memcpy(left + i, &l, sizeof l);
        memcpy(right + i, &r, sizeof r);
    }
    return i;
}

#else

ALWAYS_INLINE size_t read_quads(const layout how, const unsigned char *bytes, size_t frames,
                                const float *out)
{
    (void)how, (void)bytes, (void)frames, (void)out;
    return 0;
}

ALWAYS_INLINE size_t read_quad_pairs(const layout how, const unsigned char *bytes, size_t frames,
                                     const float *left, const float *right)
{
    (void)how, (void)bytes, (void)frames, (void)left, (void)right;
    return 0;
}

#endif

ALWAYS_INLINE void read_frames(const layout how, const unsigned char *bytes, unsigned channels,
                               size_t frames, float *const *out)
{
    if (channels == 1) {
        float *to = out[0];
        for (size_t i = read_quads(how, bytes, frames, to); i < frames; i++) {
            to[i] = make_one(bytes + i * how.size, how);
        }
        return;
    }
    size_t done = 0;
    if (channels == 2) {
        done = read_quad_pairs(how, bytes, frames, out[0], out[1]);
    }
    for (unsigned c = 0; c < channels; c++) {
        float *to = out[c];
        for (size_t i = done; i < frames; i++) {
            to[i] = make_one(bytes + (i * channels + c) * how.size, how);
        }
    }
}

void NB_KERNEL(nb_pcm_read)(nb_pcm_format format, const unsigned char *bytes, unsigned channels,
                            size_t frames, float *const *out)
{
    switch (format) {
    case NB_PCM_S16LE:
        read_frames((layout){2, false, false}, bytes, channels, frames, out);
        break;
    case NB_PCM_S24LE:
        read_frames((layout){3, false, false}, bytes, channels, frames, out);
        break;
    case NB_PCM_S32LE:
        read_frames((layout){4, false, false}, bytes, channels, frames, out);
        break;
    case NB_PCM_F32LE:
        read_frames((layout){4, true, false}, bytes, channels, frames, out);
        break;
    case NB_PCM_S16BE:
        read_frames((layout){2, false, true}, bytes, channels, frames, out);
        break;
    case NB_PCM_S24BE:
        read_frames((layout){3, false, true}, bytes, channels, frames, out);
        break;
    case NB_PCM_S32BE:
        read_frames((layout){4, false, true}, bytes, channels, frames, out);
        break;
    case NB_PCM_F32BE:
        read_frames((layout){4, true, true}, bytes, channels, frames, out);
        break;
    case NB_PCM_OTHER:
    default:
        break;
    }
}
