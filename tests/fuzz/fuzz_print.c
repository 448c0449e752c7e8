// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as print.yaml and as master.yaml; what parses is written, read again and means the
// same.
#include "base/text.h"
#include "mix/print.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static nb_status find_digest(void *context, const char *path, nb_digest *out, nb_error *err)
{
    (void)context;
    (void)err;
    *out = nb_digest_of(path, strlen(path));
    return NB_OK;
}

static nb_digest digest_of(const nb_print *print)
{
    nb_digest digest;
    if (nb_print_digest(print, find_digest, NULL, &digest, NULL) != NB_OK) {
        abort();
    }
    return digest;
}

static void go_around(const nb_print *print)
{
    NB_SCOPED(nb_text_free) char *text = nb_print_format(print);
    NB_SCOPED(nb_print_destroy) nb_print *back = NULL;
    char name[101];
    if (!text ||
        nb_print_parse("print.yaml", text, strlen(text), print->kind, NULL, &back, NULL) != NB_OK) {
        abort();
    }
    const nb_digest before = digest_of(print);
    const nb_digest after = digest_of(back);
    if (!nb_digest_equal(&before, &after)) {
        abort();
    }
    for (size_t i = 1; i < print->file_count; i++) {
        if (!nb_print_output_name(print, i, name, sizeof name)) {
            abort(); // the farm has no room for a longer one
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int kind = NB_PRINT_MIX; kind <= NB_PRINT_MASTER; kind++) {
        NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
        nb_error err = {0};
        const nb_status status = nb_print_parse("print.yaml", (const char *)data, size,
                                                (nb_print_kind)kind, NULL, &print, &err);
        if (status == NB_OK) {
            go_around(print);
        } else if (!nb_text_is_utf8(err.text, strlen(err.text), NULL)) {
            abort(); // it goes to a terminal
        }
    }
    return 0;
}
