// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/invite.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { PARTS = 4, PART_SIZE = NB_INVITE_CONTROL_SIZE - sizeof "tcp://" + 1, KEY_HEX_LENGTH = 64 };

static const char scheme[] = "nightbus://";
static const char tcp[] = "tcp://";

char *nb_invite_format(const nb_invite *self)
{
    char server[KEY_HEX_LENGTH + 1];
    char secret[KEY_HEX_LENGTH + 1];
    nb_public_key as_key = {""}; // a secret has the same form
    memcpy(as_key.text, self->guest.secret_text, sizeof as_key.text);
    char *made = NULL;
    if (strncmp(self->control, tcp, sizeof tcp - 1) == 0 &&
        nb_public_key_to_hex(&self->server, server, NULL) == NB_OK &&
        nb_public_key_to_hex(&as_key, secret, NULL) == NB_OK) {
        made = nb_text_format("%s%s/%s/%s/%s", scheme, self->control + sizeof tcp - 1, server,
                              secret, self->role);
    }
    explicit_bzero(&as_key, sizeof as_key);
    explicit_bzero(secret, sizeof secret);
    return made;
}

/// Cut `text` at its slashes. False unless there are exactly four parts that fit.
static bool split(const char *text, size_t length, char parts[PARTS][PART_SIZE])
{
    size_t count = 0;
    const char *end = text + length;
    for (const char *at = text;; at++) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const size_t size = (size_t)((slash ? slash : end) - at);
        if (count == PARTS || size == 0 || size >= PART_SIZE) {
            return false;
        }
        memcpy(parts[count], at, size);
        parts[count++][size] = '\0';
        if (!slash) {
            return count == PARTS;
        }
        at = slash;
    }
}

static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    if (!colon || colon == text ||
        nb_text_parse_integer(colon + 1, 1, UINT16_MAX, &port, NULL) != NB_OK) {
        return false;
    }
    for (const char *at = text; at < colon; at++) {
        // Names, IPv4, [IPv6%zone]: what could mean something to a terminal or ZeroMQ is none of
        // it.
        if (!isalnum((unsigned char)*at) && !strchr(".-_:[]%", *at)) {
            return false;
        }
    }
    return true;
}

static bool is_role(const char *text)
{
    const size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    return length > 0 && length < NB_INVITE_ROLE_SIZE && text[length] == '\0';
}

static bool read_secret(const char *hex, nb_key_pair *out)
{
    nb_public_key secret;
    const bool good = nb_public_key_from_hex(hex, &secret, NULL) == NB_OK &&
                      zmq_curve_public(out->public_key.text, secret.text) == 0;
    if (good) {
        memcpy(out->secret_text, secret.text, sizeof out->secret_text);
    }
    explicit_bzero(&secret, sizeof secret);
    return good;
}

static nb_status read_parts(char parts[PARTS][PART_SIZE], nb_invite *out, nb_error *err)
{
    if (!is_address(parts[0])) {
        return nb_fail(err, NB_E_INVALID, "the invite names no farm: HOST:PORT is not right in it");
    }
    if (nb_public_key_from_hex(parts[1], &out->server, NULL) != NB_OK) {
        return nb_fail(err, NB_E_INVALID,
                       "the invite is damaged: the farm's key is not 64 hex "
                       "digits");
    }
    if (!read_secret(parts[2], &out->guest)) {
        return nb_fail(err, NB_E_INVALID,
                       "the invite is damaged: its own key is not 64 hex digits");
    }
    if (!is_role(parts[3])) {
        return nb_fail(err, NB_E_INVALID, "the invite is damaged: it ends with no role");
    }
    snprintf(out->control, sizeof out->control, "%s%s", tcp, parts[0]);
    memcpy(out->role, parts[3], strlen(parts[3]) + 1);
    return NB_OK;
}

nb_status nb_invite_parse(const char *text, nb_invite *out, nb_error *err)
{
    *out = (nb_invite){0};
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1])) {
        length--;
    }
    char parts[PARTS][PART_SIZE] = {{0}};
    nb_status status =
        length > sizeof scheme - 1 && strncmp(text, scheme, sizeof scheme - 1) == 0 &&
                split(text + sizeof scheme - 1, length - (sizeof scheme - 1), parts)
            ? read_parts(parts, out, err)
            : nb_fail(
                  err, NB_E_INVALID,
                  "not an invite: one is a line nightbus://HOST:PORT/KEY/KEY/ROLE, as 'nightbus "
                  "invite' prints it");
    explicit_bzero(parts, sizeof parts);
    if (status != NB_OK) {
        explicit_bzero(out, sizeof *out);
    }
    return status;
}
