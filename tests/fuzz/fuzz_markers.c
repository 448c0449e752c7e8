// SPDX-License-Identifier: GPL-3.0-or-later
// Marker files as anybody may hand them in: the first byte says which format, the rest is the file.
// What was read must keep a note's rules, and be written and read again with as many markers.
#include "base/text.h"
#include "review/markers.h"

#include <stdlib.h>
#include <string.h>

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
    nb_markers_fini(&markers);
    return 0;
}
