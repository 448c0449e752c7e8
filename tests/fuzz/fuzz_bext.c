// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a WAV file whose broadcast chunk is looked for.
#include "audio/bext.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[40];
    nb_bext bext;
    bool found = false;
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const nb_status status = nb_bext_read(path, &bext, &found, NULL);
    close(fd);
    if (status != NB_OK) {
        abort();
    }
    if (found && (!nb_text_is_utf8(bext.description, strlen(bext.description), NULL) ||
                  !nb_text_is_utf8(bext.originator, strlen(bext.originator), NULL))) {
        abort(); // they go to a terminal
    }
    return 0;
}
