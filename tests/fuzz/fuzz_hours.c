// SPDX-License-Identifier: GPL-3.0-or-later
// Hours, labels and zone files as anybody may hand them in: the first byte says which.
#include "base/window.h"
#include "base/zone.h"
#include "coordinator/labels.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void try_zone(const uint8_t *bytes, size_t size)
{
    nb_zone *zone = NULL;
    if (nb_zone_parse("fuzz", bytes, size, &zone, NULL) == NB_OK) {
        for (int64_t at = -3000000000; at < 6000000000; at += 123456789) {
            (void)nb_zone_offset(zone, at);
        }
    }
    nb_zone_destroy(&zone);
}

static void try_window(const char *text)
{
    nb_window window;
    if (nb_window_parse(text, &window, NULL) == NB_OK) {
        const int64_t now_ms = 1774742400000;
        const int64_t next_ms = nb_window_next_ms(&window, now_ms);
        if (next_ms <= now_ms || next_ms > now_ms + INT64_C(2) * 24 * 3600 * 1000) {
            abort();
        }
    }
    nb_window_fini(&window);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    char *text = malloc(size);
    if (!text) {
        return 0;
    }
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = '\0';
    if (bytes[0] % 3 == 0) {
        try_zone(bytes + 1, size - 1);
    } else if (bytes[0] % 3 == 1) {
        try_window(text);
    } else if (nb_labels_check(text, NULL) == NB_OK && !nb_labels_match(text, text)) {
        abort(); // a list that does not meet itself
    }
    free(text);
    return 0;
}
