// SPDX-License-Identifier: GPL-3.0-or-later
/// @file print.h  Documents of audio that was made elsewhere: print.yaml names a mix out of a DAW,
/// master.yaml pins a mix version and names its master's files. docs/masters.md is the format.
///
/// Such audio is kept as it was pushed; only its report is made here. Values are checked against
/// each other; what needs the audio itself is the renderer's to check. Immutable once parsed.

#ifndef NB_MIX_PRINT_H
#define NB_MIX_PRINT_H
#include "base/arena.h"
#include "base/digest.h"
#include "base/status.h"
#include "mix/document.h"
#include "mix/fingerprint.h"
#include "mix/problems.h"

#include <stddef.h>
#include <stdint.h>

#define NB_PRINT_FORMAT  "nightbus-print/1"
#define NB_MASTER_FORMAT "nightbus-master/1"

enum {
    NB_PRINT_BYTES_MAX = 64 << 10,
    NB_PRINT_FILES_MAX = 32,   ///< Of a master: one for each rate, depth and format
    NB_PRINT_VERSION_SIZE = 12 ///< "v2147483647"
};

typedef enum nb_print_kind {
    NB_PRINT_MIX,   ///< print.yaml: one stereo file
    NB_PRINT_MASTER ///< master.yaml: one or more, of the mix that it pins
} nb_print_kind;

typedef struct nb_print_file {
    const char *path; ///< From the album's folder
    nb_place place;
} nb_print_file;

typedef struct nb_print {
    nb_arena *arena; ///< Owns all below
    nb_print_kind kind;
    const char *title;          ///< Null where none is given
    size_t file_count;          ///< At least 1
    const nb_print_file *files; ///< The first is what is heard, measured and noted on
    unsigned rate_hz;           ///< Of the first file
    int64_t starts_at_frame;    ///< Where it starts in the session, at that rate
    // Of a master
    char mix[NB_PRINT_VERSION_SIZE]; ///< "v4"
    nb_place mix_place;
    nb_digest mix_digest; ///< Of the audio that was mastered
} nb_print;

/// Parse `size` bytes of the file that people know as `file_name`. Every mistake found is added to
/// `problems` (which may be null) and the first is in `err` with the number of the others.
NB_NODISCARD nb_status nb_print_parse(const char *file_name, const char *bytes, size_t size,
                                      nb_print_kind kind, nb_problems *problems, nb_print **out,
                                      nb_error *err);
void nb_print_destroy(nb_print **self_p);

/// The song digest of a print, or the digest of a master: its files' bytes, rate and start (a wrong
/// one that was mended is a new version), and the mix it was made of.
NB_NODISCARD nb_status nb_print_digest(const nb_print *self, nb_digest_lookup *lookup,
                                       void *context, nb_digest *out, nb_error *err);

/// The key of what measuring it gives, which stands where a mix has the key of its sink "mix".
/// `files` are the digests of its files in their order.
nb_digest nb_print_key(const nb_print *self, const nb_digest *files,
                       const nb_fingerprint *fingerprint);

/// What the output that holds a file of it is called: "mix.wav" or "master.wav" for the first, with
/// the file's own ending; "master-NAME" for the others. False where the name would not fit.
bool nb_print_output_name(const nb_print *self, size_t index, char *out, size_t size);

/// Where a file starts, by its broadcast chunk's time reference; 0 where no session starts there.
int64_t nb_print_start(uint64_t time_reference_frame);

/// The document as text in new memory; null without memory. `arena` of `self` is not looked at.
char *nb_print_format(const nb_print *self);

#endif // NB_MIX_PRINT_H
