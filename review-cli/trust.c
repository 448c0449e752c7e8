// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/trust.h"

#include "base/file.h"
#include "base/text.h"
#include "protocol/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRUST_BYTES_MAX = 4 << 20, KEY_HEX_SIZE = 65 };

void nb_trust_fini(nb_trust *self)
{
    free(self->folder);
    json_decref(self->rows);
    *self = (nb_trust){0};
}

nb_status nb_trust_open(const char *folder, nb_trust *out, nb_error *err)
{
    *out = (nb_trust){.folder = strdup(folder)};
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "trusted.json");
    if (!out->folder || !path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the trusted keys");
    }
    nb_status status = NB_OK;
    if (nb_file_exists(path)) {
        status = nb_json_read(path, TRUST_BYTES_MAX, &out->rows, err);
    } else {
        out->rows = json_array();
    }
    if (status == NB_OK && !json_is_array(out->rows)) {
        status = nb_fail(err, NB_E_INVALID, "%s: not a JSON array of keys", path);
    }
    return status;
}

static bool has_key(const nb_trust *self, const char *hex)
{
    for (size_t i = 0; i < json_array_size(self->rows); i++) {
        const char *key = json_string_value(json_object_get(json_array_get(self->rows, i), "key"));
        if (key && strcmp(key, hex) == 0) {
            return true;
        }
    }
    return false;
}

nb_status nb_trust_ensure(nb_trust *self, const char *file, const char *name, const char *role,
                          nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(self->folder, file);
    nb_key_pair pair;
    char hex[KEY_HEX_SIZE];
    nb_status status = path ? nb_key_pair_ensure(path, &pair, err)
                            : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    if (status == NB_OK) {
        status = nb_public_key_to_hex(&pair.public_key, hex, err);
    }
    explicit_bzero(&pair, sizeof pair);
    if (status != NB_OK || has_key(self, hex)) {
        return status;
    }
    self->changed = true;
    json_t *row =
        json_pack("{s:s, s:[s], s:s, s:b}", "name", name, "roles", role, "key", hex, "local", 1);
    return json_array_append_new(self->rows, row) == 0
               ? NB_OK
               : nb_fail(err, NB_E_NO_MEMORY, "no memory for the trusted keys");
}

nb_status nb_trust_save(const nb_trust *self, nb_error *err)
{
    if (!self->changed) {
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *path = nb_file_join(self->folder, "trusted.json");
    NB_SCOPED(nb_text_free) char *text = nb_json_pretty(self->rows);
    if (!path || !text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the trusted keys");
    }
    return nb_file_write(path, text, strlen(text), 0600, err);
}

static void close_pipe(FILE **pipe_p)
{
    if (*pipe_p) {
        pclose(*pipe_p);
    }
}

static bool is_name(const char *text) { return nb_text_check_name("name", text, NULL) == NB_OK; }

void nb_trust_person_here(char out[NB_TRUST_NAME_SIZE])
{
    NB_SCOPED(close_pipe) FILE *git = popen("git config --get user.name 2>/dev/null", "re");
    if (git && fgets(out, NB_TRUST_NAME_SIZE, git)) {
        out[strcspn(out, "\n")] = '\0';
        if (is_name(out)) {
            return;
        }
    }
    const char *user = getenv("USER");
    snprintf(out, NB_TRUST_NAME_SIZE, "%s", user && is_name(user) ? user : "owner");
}
