// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of the review as a pushed or damaged repository could hold them. What is taken must be
// written back as a line that is taken again and is the same.
#include "base/text.h"
#include "review/event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    nb_error err = {0};
    if (nb_event_parse((const char *)bytes, size, &event, &err) != NB_OK) {
        return 0;
    }
    NB_SCOPED(nb_event_fini) nb_event again = {0};
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    if (!line || strchr(line, '\n') || nb_event_parse(line, strlen(line), &again, &err) != NB_OK) {
        abort();
    }
    NB_SCOPED(nb_text_free) char *second = nb_event_format(&again);
    if (!second || strcmp(line, second) != 0) {
        abort();
    }
    return 0;
}
