// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/keys.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { KEY_FILE_BYTES_MAX = 4096, KEY_FILE_MODE = 0600 };

static const char format_line[] = "nightbus-key/1";

nb_status nb_key_pair_make(nb_key_pair *out, nb_error *err)
{
    *out = (nb_key_pair){0};
    if (zmq_curve_keypair(out->public_key.text, out->secret_text) != 0) {
        return nb_fail(err, NB_E_INVALID, "this libzmq has no CURVE: %s", zmq_strerror(errno));
    }
    return NB_OK;
}

/// Give the file its name only if that is free, and only when it is whole and on disk.
static nb_status publish_new(const char *draft, int fd, const char *path, nb_error *err)
{
    if (fsync(fd) != 0) {
        return nb_fail_errno(err, errno, "%s", draft);
    }
    if (link(draft, path) != 0) {
        if (errno == EEXIST) {
            return nb_fail(err, NB_E_EXISTS, "%s: a key is there already", path);
        }
        return nb_fail_errno(err, errno, "%s", path);
    }
    return nb_file_sync_folder_of(path, err);
}

nb_status nb_key_pair_save(const nb_key_pair *self, const char *path, nb_error *err)
{
    nb_status status = nb_file_make_parents(path, 0700, err);
    if (status != NB_OK) {
        return status;
    }
    char text[256];
    const int length = snprintf(text, sizeof text, "%s\npublic %s\nsecret %s\n", format_line,
                                self->public_key.text, self->secret_text);
    NB_SCOPED(nb_text_free) char *draft = nb_text_format("%s.XXXXXX", path);
    if (!draft) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    }
    NB_SCOPED(nb_file_close_fd) int fd = mkostemp(draft, O_CLOEXEC); // 0600 from the start
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    const bool written =
        fchmod(fd, KEY_FILE_MODE) == 0 && write(fd, text, (size_t)length) == (ssize_t)length;
    status = written ? publish_new(draft, fd, path, err) : nb_fail_errno(err, errno, "%s", path);
    explicit_bzero(text, sizeof text);
    unlink(draft);
    return status;
}

static nb_status check_private(const char *path, nb_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return nb_fail_errno(err, errno, "key %s", path);
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return nb_fail(err, NB_E_PERMISSION, "key %s: others may read it (mode %03o): chmod 600 %s",
                       path, (unsigned)(info.st_mode & 0777), path);
    }
    return NB_OK;
}

/// Check that the two halves belong together.
static nb_status check_pair(const nb_key_pair *pair, const char *path, nb_error *err)
{
    char derived[NB_KEY_TEXT_SIZE] = {0};
    if (zmq_curve_public(derived, pair->secret_text) != 0 ||
        strcmp(derived, pair->public_key.text) != 0) {
        return nb_fail(err, NB_E_CORRUPT, "key %s: its public key is not that of its secret key",
                       path);
    }
    return NB_OK;
}

nb_status nb_key_pair_load(const char *path, nb_key_pair *out, nb_error *err)
{
    *out = (nb_key_pair){0};
    nb_status status = check_private(path, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *text = NULL;
    size_t size = 0;
    status = nb_file_read(path, KEY_FILE_BYTES_MAX, &text, &size, err);
    if (status != NB_OK) {
        return status;
    }
    nb_key_pair pair = {0};
    char format[32] = {0};
    const int fields = sscanf(text, "%31s public %40s secret %40s", format, pair.public_key.text,
                              pair.secret_text);
    explicit_bzero(text, size);
    if (fields != 3 || strcmp(format, format_line) != 0 ||
        strlen(pair.public_key.text) != NB_KEY_TEXT_SIZE - 1 ||
        strlen(pair.secret_text) != NB_KEY_TEXT_SIZE - 1) {
        return nb_fail(err, NB_E_INVALID, "key %s: is not a key file of Nightbus (%s)", path,
                       format_line);
    }
    status = check_pair(&pair, path, err);
    if (status == NB_OK) {
        *out = pair;
    }
    explicit_bzero(&pair, sizeof pair);
    return status;
}

nb_status nb_key_pair_ensure(const char *path, nb_key_pair *out, nb_error *err)
{
    if (!nb_file_exists(path)) {
        nb_status status = nb_key_pair_make(out, err);
        if (status == NB_OK) {
            status = nb_key_pair_save(out, path, err);
        }
        if (status != NB_E_EXISTS) {
            return status;
        }
        // Another process was first: its key is the one.
    }
    return nb_key_pair_load(path, out, err);
}

nb_status nb_public_key_to_bytes(const nb_public_key *self, uint8_t out[NB_KEY_SIZE], nb_error *err)
{
    if (strlen(self->text) != NB_KEY_TEXT_SIZE - 1 || !zmq_z85_decode(out, self->text)) {
        return nb_fail(err, NB_E_INVALID, "'%.40s' is not a public key", self->text);
    }
    return NB_OK;
}

void nb_public_key_from_bytes(const uint8_t bytes[NB_KEY_SIZE], nb_public_key *out)
{
    zmq_z85_encode(out->text, bytes, NB_KEY_SIZE);
}

nb_status nb_public_key_to_hex(const nb_public_key *self, char out[65], nb_error *err)
{
    uint8_t bytes[NB_KEY_SIZE] = {0};
    out[0] = '\0';
    const nb_status status = nb_public_key_to_bytes(self, bytes, err);
    if (status != NB_OK) {
        return status;
    }
    nb_text_hex(bytes, sizeof bytes, out);
    return NB_OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'f') ? lower - 'a' + 10 : -1;
}

nb_status nb_public_key_from_hex(const char *hex, nb_public_key *out, nb_error *err)
{
    uint8_t bytes[NB_KEY_SIZE];
    bool good = strlen(hex) == 2 * sizeof bytes;
    for (size_t i = 0; good && i < sizeof bytes; i++) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        good = high >= 0 && low >= 0;
        bytes[i] = (uint8_t)(good ? high * 16 + low : 0);
    }
    if (!good) {
        return nb_fail(err, NB_E_INVALID, "'%.80s' is not a server key (64 hex digits)", hex);
    }
    zmq_z85_encode(out->text, bytes, sizeof bytes);
    return NB_OK;
}
