// SPDX-License-Identifier: GPL-3.0-or-later
// Every processor with settings, automation and samples as they come: the first byte says which.
#include "tests/trial/trial.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const trial_source source = {.bytes = bytes + 2, .size = size - 2, .seed = bytes[1]};
    const trial_report report = trial_run(bytes[0] % nb_processor_count(), source);
    if (report.result == TRIAL_BROKEN) {
        (void)fprintf(stderr, "%s\n", report.text);
        abort();
    }
    return 0;
}
