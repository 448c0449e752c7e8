// SPDX-License-Identifier: GPL-3.0-or-later
// Plans as a coordinator that means harm could send them. What is taken must be written back as a
// plan that is taken again and is the same.
#include "base/text.h"
#include "mix/plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    nb_error err = {0};
    if (nb_plan_parse((const char *)bytes, size, &plan, &err) != NB_OK) {
        return 0;
    }
    NB_SCOPED(nb_plan_fini) nb_plan again = {0};
    NB_SCOPED(nb_text_free) char *text = nb_plan_format(&plan);
    if (!text || nb_plan_parse(text, strlen(text), &again, &err) != NB_OK) {
        abort();
    }
    NB_SCOPED(nb_text_free) char *second = nb_plan_format(&again);
    if (!second || strcmp(text, second) != 0) {
        abort();
    }
    return 0;
}
