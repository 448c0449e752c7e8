// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "protocol/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FARM_JSON_BYTES_MAX = 1 << 20 };

/// Copy into a field of fixed size, or say that it does not fit.
static nb_status copy_field(const char *what, const char *text, char *out, size_t size,
                            nb_error *err)
{
    if (snprintf(out, size, "%s", text) >= (int)size) {
        return nb_fail(err, NB_E_LIMIT, "%s: longer than %zu bytes", what, size - 1);
    }
    return NB_OK;
}

static nb_status check_control(const char *what, const char *control, nb_error *err)
{
    const char *colon = strrchr(control, ':');
    int64_t port = 0;
    if (strncmp(control, "tcp://", 6) != 0 || !colon || colon <= control + 6 ||
        nb_text_parse_integer(colon + 1, 1, UINT16_MAX, &port, NULL) != NB_OK) {
        return nb_fail(err, NB_E_INVALID, "%s: '%.100s' is not tcp://HOST:PORT", what, control);
    }
    return NB_OK;
}

/// A key's path in farm.json counts from the folder of farm.json.
static nb_status resolve_key_path(const char *farm_json_path, const char *key, nb_farm_address *out,
                                  nb_error *err)
{
    const char *slash = strrchr(farm_json_path, '/');
    NB_SCOPED(nb_text_free)
    char *path = key[0] == '/' || !slash ? strdup(key)
                                         : nb_text_format("%.*s/%s", (int)(slash - farm_json_path),
                                                          farm_json_path, key);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", farm_json_path);
    }
    return copy_field(farm_json_path, path, out->key_path, sizeof out->key_path, err);
}

nb_status nb_farm_address_read(const char *farm_json_path, nb_farm_address *out, nb_error *err)
{
    *out = (nb_farm_address){0};
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    const char *control = NULL;
    const char *server = NULL;
    const char *key = NULL;
    nb_status status = nb_json_read(farm_json_path, FARM_JSON_BYTES_MAX, &json, err);
    if (status == NB_OK) {
        status = nb_json_get_string(farm_json_path, json, "control", &control, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_string(farm_json_path, json, "server_key", &server, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_string(farm_json_path, json, "key", &key, err);
    }
    if (status == NB_OK) {
        status = check_control(farm_json_path, control, err);
    }
    if (status == NB_OK) {
        status = copy_field(farm_json_path, control, out->control, sizeof out->control, err);
    }
    if (status == NB_OK) {
        status = nb_public_key_from_hex(server, &out->server, err);
    }
    return status == NB_OK ? resolve_key_path(farm_json_path, key, out, err) : status;
}

/// NIGHTBUS_KEY, else ~/.config/nightbus/key.
static nb_status find_own_key(nb_farm_address *out, nb_error *err)
{
    const char *named = getenv("NIGHTBUS_KEY");
    if (named && named[0]) {
        return copy_field("NIGHTBUS_KEY", named, out->key_path, sizeof out->key_path, err);
    }
    const char *home = getenv("HOME");
    if (!home || !home[0]) {
        return nb_fail(err, NB_E_USAGE, "no key: set NIGHTBUS_KEY to the file of your key pair");
    }
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/.config/nightbus/key", home);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    return copy_field("HOME", path, out->key_path, sizeof out->key_path, err);
}

nb_status nb_farm_address_parse(const char *address, const char *key_path, nb_farm_address *out,
                                nb_error *err)
{
    *out = (nb_farm_address){0};
    const char *slash = strrchr(address, '/');
    const size_t length = slash ? (size_t)(slash - address) : 0;
    if (strncmp(address, "tcp://", 6) != 0 || length < 6 || length >= sizeof out->control) {
        return nb_fail(err, NB_E_INVALID,
                       "'%.200s' is not tcp://HOST:PORT/KEY (the farm's key, 64 hex digits)",
                       address);
    }
    memcpy(out->control, address, length);
    nb_status status = check_control("the farm's address", out->control, err);
    if (status == NB_OK) {
        status = nb_public_key_from_hex(slash + 1, &out->server, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return key_path ? copy_field("key", key_path, out->key_path, sizeof out->key_path, err)
                    : find_own_key(out, err);
}
