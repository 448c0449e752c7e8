// SPDX-License-Identifier: GPL-3.0-or-later
/// @file scratch.h  A folder of its own for a test, removed behind it.

#ifndef NB_TESTS_COORDINATOR_SCRATCH_H
#define NB_TESTS_COORDINATOR_SCRATCH_H
#include "base/file.h"
#include "base/text.h"

#include "test.h"

static inline int scratch_make(void **state)
{
    const char *parent = getenv("TMPDIR");
    char *path = nb_text_format("%s/nightbus-test-XXXXXX", parent ? parent : "/tmp");
    *state = path;
    return (path && mkdtemp(path)) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
    char *path = *state;
    const nb_status status = nb_file_remove_all(path, NULL);
    free(path);
    return status == NB_OK ? 0 : -1;
}

/// Run a shell command with the folder in $D; what it prints comes back. It must succeed.
static inline char *scratch_run(const char *folder, const char *command)
{
    char *line = nb_text_format("export D='%s' HOME='%s' GIT_CONFIG_NOSYSTEM=1; { %s; } 2>&1",
                                folder, folder, command);
    FILE *pipe = popen(line, "r"); // NOLINT(cert-env33-c): the command is the test's own
    nb_text text = {0};
    char bytes[4096];
    assert_non_null(pipe);
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, pipe)) > 0;) {
        nb_text_add_bytes(&text, bytes, size);
    }
    const int code = pclose(pipe);
    char *output = nb_text_take(&text);
    if (code != 0) {
        fail_msg("%s: exit %d: %s", command, code, output);
    }
    free(line);
    return output;
}

#define assert_contains(text, words)                                                               \
    do {                                                                                           \
        if (!strstr((text), (words))) {                                                            \
            fail_msg("'%s' is not in: %s", (words), (text));                                       \
        }                                                                                          \
    } while (0)

#endif // NB_TESTS_COORDINATOR_SCRATCH_H
