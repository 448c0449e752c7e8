// SPDX-License-Identifier: GPL-3.0-or-later
/// @file processor.h  What every processor is: one parameter table and seven functions.
///
/// The table is the single source for parsing, checks, documents, the JSON Schema, automation, keys
/// and differences. The functions turn samples into samples; the engine alone calls them.
///
/// A *voice* is one use of a processor on one strip: one channel (mono) or two (stereo, detectors
/// linked). A processor of form NB_FORM_LANES runs several voices side by side, one channel to a
/// lane of a SIMD register; a stereo voice sits on an even lane and the one behind it. A voice
/// gives the same bits whatever its neighbours, the register's width, and however its frames are
/// cut into calls. A processor of form NB_FORM_PLANAR (FFTs) runs one voice, a channel to an array.
///
/// Adding a processor touches its own file and the registry line, nothing else.

#ifndef NB_DSP_PROCESSOR_H
#define NB_DSP_PROCESSOR_H
#include "base/arena.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How a parameter moves: in what scale automation draws straight lines and pictures are drawn.
typedef enum nb_scale {
    NB_SCALE_LINEAR,
    NB_SCALE_DB,     ///< A level or gain in dB: linear in dB; -infinity ("off") where `off` is set
    NB_SCALE_LOG,    ///< Frequencies and times: linear in the logarithm; min > 0
    NB_SCALE_WHOLE,  ///< Whole numbers
    NB_SCALE_CHOICE, ///< An index into `choices`
    NB_SCALE_SWITCH  ///< 0 or 1, written false and true
} nb_scale;

typedef struct nb_param {
    const char *name; ///< As documents write it, the unit in it: "threshold_db"
    const char *unit; ///< "dB", "Hz", "ms", "%", "" for none
    nb_scale scale;
    double min, max, initial;   ///< In the unit; `initial` is the default
    bool automatable;           ///< A lane may move it
    bool off;                   ///< "off" (silence, -infinity dB) is allowed beside [min, max]
    const char *const *choices; ///< Null-terminated, for NB_SCALE_CHOICE
    const char *help;           ///< One sentence for the reference
} nb_param;

/// From this frame on the song has this tempo.
typedef struct nb_tempo {
    int64_t frame;
    double bpm; ///< Quarter notes a minute
} nb_tempo;

typedef struct nb_processor nb_processor;

/// One voice's settings. Plain values, borrowed for the call.
typedef struct nb_settings {
    const nb_processor *processor;
    unsigned rate_hz;
    unsigned channels;    ///< 1 or 2: of input and output alike (a mono input is doubled before)
    bool input_is_mono;   ///< The two channels are one, doubled: pan instead of balance
    const double *values; ///< One for each of the processor's params, in its order
    size_t band_count;
    const double *band_values; ///< band_count times band_param_count, band after band
    /// One for each control (see nb_block): true where a lane moves it. Null: nothing moves.
    const bool *moving;
    const nb_tempo *tempos; ///< At least one, ascending, the first at frame 0
    size_t tempo_count;
    const float *const *audio; ///< The file of a processor with takes_audio, at rate_hz
    size_t audio_channels;
    size_t audio_frames;
    /// A place in common with voices of the same settings and audio: the first one's `init` leaves
    /// there what all of them only read. Null: there is no such place.
    void **shared;
} nb_settings;

/// One call's samples. Frame i of the input stands at song time start_frame + i; the output frame
/// made by that call and index stands at start_frame + i - latency.
typedef struct nb_block {
    int64_t start_frame;
    size_t frames;
    /// NB_FORM_LANES: frames times as many floats as the kernel has lanes (nb_lane_count(), or what
    /// nb_processor_narrow said), lanes side by side, 64-byte aligned.
    /// `out` may be `in`. Unused lanes hold zeros.
    const float *in;
    const float *key; ///< The sidechain, as `in`; null if no voice has one: then `in` is the key
    float *out;
    /// NB_FORM_PLANAR: a pointer for each channel; out[c] may be in[c].
    const float *const *planar_in;
    const float *const *planar_key;
    float *const *planar_out;
    /// Values of moved parameters, a pointer for each *control*, null where none moves: control p
    /// is params[p]; control param_count + b * band_param_count + q is band b's band_params[q]. A
    /// value belongs to the *output's* song time (start_frame + i - latency). Form LANES: a double
    /// for each lane and frame, as `in`; form PLANAR: a double for each frame.
    const double *const *controls;
} nb_block;

typedef enum nb_form { NB_FORM_LANES, NB_FORM_PLANAR } nb_form;

struct nb_processor {
    const char *name;  ///< As documents write it: "compressor"
    unsigned revision; ///< Part of every key: raise it when output bits change
    /// Nanoseconds of CPU that a stereo frame takes, about, with default settings and where a value
    /// moves (0: the same). For estimates, and for what is worth keeping; no bit hangs on it.
    unsigned cost_ns, moving_cost_ns;
    const char *help;             ///< One sentence
    const char *const *libraries; ///< Whose bits matter ("fftw3f"), null-terminated; null for none
    nb_form form;
    bool hidden; ///< The graph's own: documents can't name it
    bool takes_sidechain;
    bool takes_audio;    ///< Takes a `file` (an impulse response, a noise sample)
    bool audio_optional; ///< Does without one too; then settings have no `audio`
    bool audio_widens;   ///< A file of several channels makes stereo of a mono input
    const nb_param *params;
    size_t param_count;
    const nb_param *band_params; ///< Repeated under `bands`; null for none
    size_t band_param_count;
    size_t bands_max;

    /// Relations between values that the table cannot say, and the rate ("freq_hz 20000 is not
    /// under half the rate"). Null if there are none. Ranges were checked before.
    nb_status (*check)(const nb_settings *settings, nb_error *err);
    /// Output lag in frames, a pure function of the settings, of fixed values only.
    size_t (*latency)(const nb_settings *settings);
    /// Frames after its last input at which the response to full scale stays under -120 dBFS
    /// (moving values: the longest possible).
    size_t (*tail)(const nb_settings *settings);
    /// A state in `arena` for voices that have equal `moving` and whose channels fit the lanes.
    nb_status (*init)(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                      void **out_state, nb_error *err);
    void (*reset)(void *state); ///< Forget past input, keep the settings
    void (*process)(void *state, const nb_block *block);
    /// Null, or: is all that `process` does with these settings to multiply channel c by out[c] in
    /// 64 bit and round to 32? Then a reader may do it, and the edge needs no memory.
    bool (*factors)(const nb_settings *settings, double out[2]);
};

/// Lanes of this machine's register: 2, 4 or 8 doubles. Chosen once at start by the CPU; the
/// environment's NIGHTBUS_LANES lowers it, which changes no bit.
size_t nb_lane_count(void);

/// The registered processor of that name, or null.
const nb_processor *nb_processor_find(const char *name);

/// The same processor in code for the narrowest register that holds `lanes` channels (at most
/// nb_lane_count()); its blocks have `out_lanes` lanes. Bits are the same; a bus alone costs less.
const nb_processor *nb_processor_narrow(const nb_processor *self, size_t lanes, size_t *out_lanes);

/// All processors, in the order of the reference.
size_t nb_processor_count(void);
const nb_processor *nb_processor_at(size_t index);

/// Index of the parameter in a table, or -1.
int nb_param_find(const nb_param *params, size_t count, const char *name);

/// Number of controls of settings with that many bands.
static inline size_t nb_processor_controls(const nb_processor *self, size_t band_count)
{
    return self->param_count + band_count * self->band_param_count;
}

/// First lane of voice `index`: each starts where the one before ended, stereo on an even lane.
size_t nb_voice_lane(const nb_settings *voices, size_t index);

#endif // NB_DSP_PROCESSOR_H
