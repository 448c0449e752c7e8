// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/trusted.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "coordinator/members.h"

#include <stdio.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20 };

static nb_status read_roles(const char *path, const json_t *entry, unsigned *out, nb_error *err)
{
    json_t *list = NULL;
    const nb_status status = nb_json_get_array(path, entry, "roles", &list, err);
    if (status != NB_OK) {
        return status;
    }
    *out = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        unsigned role = 0;
        nb_error problem = {0};
        if (nb_role_parse(name ? name : "(no text)", &role, &problem) != NB_OK) {
            return nb_fail(err, NB_E_INVALID, "%s: %s", path, problem.text);
        }
        // Who is enrolled by the file as an owner runs this machine: the farm is theirs too.
        *out |= role | (role == NB_ROLE_OWNER ? NB_ROLE_OPERATOR : 0);
    }
    if ((*out & NB_ROLE_RENDERER) && *out != NB_ROLE_RENDERER) {
        return nb_fail(err, NB_E_INVALID, "%s: a renderer's key has no other role", path);
    }
    return NB_OK;
}

static nb_status read_entry(const char *path, const json_t *entry, nb_ledger *ledger, nb_error *err)
{
    const char *name = NULL;
    const char *hex = NULL;
    nb_public_key key;
    nb_member member = {.local = json_is_true(json_object_get(entry, "local"))};
    nb_status status = nb_json_get_string(path, entry, "name", &name, err);
    if (status == NB_OK) {
        status = nb_text_check_name("name", name, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_string(path, entry, "key", &hex, err);
    }
    if (status == NB_OK) {
        status = nb_public_key_from_hex(hex, &key, err);
    }
    if (status == NB_OK) {
        status = read_roles(path, entry, &member.roles, err);
    }
    if (status != NB_OK) {
        return status;
    }
    snprintf(member.name, sizeof member.name, "%s", name);
    return nb_ledger_put_trusted(ledger, &key, &member, err);
}

nb_status nb_trusted_read(const char *data_path, nb_ledger *ledger, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/keys/trusted.json", data_path);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to read the trusted keys");
    }
    if (!nb_file_exists(path)) {
        return NB_OK;
    }
    NB_SCOPED(nb_json_free) json_t *list = NULL;
    nb_status status = nb_json_read(path, FILE_BYTES_MAX, &list, err);
    if (status == NB_OK && !json_is_array(list)) {
        status = nb_fail(err, NB_E_INVALID, "%s: not a list of keys", path);
    }
    if (status == NB_OK) {
        status = nb_ledger_begin(ledger, err);
    }
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; status == NB_OK && i < json_array_size(list); i++) {
        status = read_entry(path, json_array_get(list, i), ledger, err);
    }
    return nb_ledger_end(ledger, status, err);
}
