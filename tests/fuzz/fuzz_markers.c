// SPDX-License-Identifier: GPL-3.0-or-later
// Marker files as anybody may hand them in: the first byte says which format, the rest is the file.
// What was read must keep a note's rules, and be written and read again with as many markers.
#include "base/text.h"
#include "review/markers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const nb_markers *markers)
{
    for (size_t i = 0; i < markers->count; i++) {
        const nb_marker *marker = &markers->items[i];
        if (marker->at_ns < 0 || marker->end_ns < marker->at_ns || !marker->text ||
            strlen(marker->text) > NB_MARKER_TEXT_MAX ||
            !nb_text_is_utf8(marker->text, strlen(marker->text), NULL)) {
            abort();
        }
    }
}

static void write_again(const nb_markers *markers, nb_marker_format format)
{
    char *text = NULL;
    size_t size = 0;
    nb_markers again = {0};
    nb_error err = {0};
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return;
    }
    const nb_status written = nb_markers_write(markers, format, NULL, out, &err);
    fclose(out);
    if (written != NB_OK && written != NB_E_LIMIT) {
        abort();
    }
    // A text may outgrow its limit where signs become several letters.
    const nb_status status =
        written == NB_OK ? nb_markers_parse("again", text, size, format, &again, &err) : NB_OK;
    if (written == NB_OK && ((status != NB_OK && status != NB_E_LIMIT) ||
                             (status == NB_OK && again.count != markers->count))) {
        abort();
    }
    check(&again);
    nb_markers_fini(&again);
    free(text);
}

/// A note put into a copy of the file, where it is a session: it is there behind what was.
static void write_into(const nb_markers *had, nb_marker_format format, const uint8_t *bytes,
                       size_t size)
{
    char text[] = "put in";
    char path[64];
    char *copy = NULL;
    size_t copy_size = 0;
    nb_markers notes = {0};
    nb_markers has = {0};
    nb_error err = {0};
    const nb_marker note = {.at_ns = 1500000000, .end_ns = 2000000000, .text = text, .colour = -1};
    const int file = memfd_create("session", MFD_CLOEXEC);
    FILE *out = open_memstream(&copy, &copy_size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file < 0 || !out || write(file, bytes, size) != (ssize_t)size ||
        nb_markers_add(&notes, &note, &err) != NB_OK) {
        abort();
    }
    const nb_status status = nb_markers_write(&notes, format, path, out, &err);
    fclose(out);
    if (status == NB_OK &&
        (nb_markers_parse("copy", copy, copy_size, format, &has, &err) != NB_OK ||
         has.count != had->count + 1)) {
        abort();
    }
    nb_markers_fini(&notes);
    nb_markers_fini(&has);
    free(copy);
    close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    nb_markers markers = {0};
    nb_error err = {0};
    const nb_marker_format format =
        size > 0 ? (nb_marker_format)(bytes[0] % NB_MARKER_FORMATS) : NB_MARKER_CSV;
    if (size == 0 ||
        nb_markers_parse("file", bytes + 1, size - 1, format, &markers, &err) != NB_OK) {
        return 0;
    }
    check(&markers);
    if (nb_marker_format_is_written(format) && nb_marker_format_is_read(format)) {
        write_again(&markers, format);
    }
    if (nb_marker_format_takes_session(format)) {
        write_into(&markers, format, bytes + 1, size - 1);
    }
    nb_markers_fini(&markers);
    return 0;
}
