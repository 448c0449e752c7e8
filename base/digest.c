// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/digest.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct nb_hasher {
    EVP_MD_CTX *context;
};

/// libcrypto without SHA-256, or no memory for 200 bytes: nothing of Nightbus can go on.
static void must(bool worked)
{
    if (!worked) {
        nb_log_error("libcrypto cannot compute SHA-256");
        abort();
    }
}

bool nb_digest_equal(const nb_digest *a, const nb_digest *b)
{
    return memcmp(a->bytes, b->bytes, NB_DIGEST_SIZE) == 0;
}

int nb_digest_compare(const nb_digest *a, const nb_digest *b)
{
    return memcmp(a->bytes, b->bytes, NB_DIGEST_SIZE);
}

bool nb_digest_is_zero(const nb_digest *self)
{
    static const nb_digest zero;
    return nb_digest_equal(self, &zero);
}

void nb_digest_to_hex(const nb_digest *self, char out[NB_DIGEST_HEX_SIZE])
{
    nb_text_hex(self->bytes, NB_DIGEST_SIZE, out);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}

nb_status nb_digest_from_hex(const char *hex, nb_digest *out, nb_error *err)
{
    nb_digest digest = {{0}};
    bool good = strlen(hex) == NB_DIGEST_HEX_SIZE - 1;
    for (size_t i = 0; good && i < NB_DIGEST_SIZE; i++) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        good = high >= 0 && low >= 0;
        digest.bytes[i] = (uint8_t)(good ? high * 16 + low : 0);
    }
    if (!good) {
        return nb_fail(err, NB_E_INVALID, "'%.80s' is not a SHA-256 (64 digits 0-9 a-f)", hex);
    }
    *out = digest;
    return NB_OK;
}

nb_status nb_digest_from_bytes(const void *bytes, size_t size, nb_digest *out, nb_error *err)
{
    if (size != NB_DIGEST_SIZE) {
        return nb_fail(err, NB_E_INVALID, "a digest of %zu bytes; SHA-256 has 32", size);
    }
    memcpy(out->bytes, bytes, NB_DIGEST_SIZE);
    return NB_OK;
}

nb_digest nb_digest_of(const void *bytes, size_t size)
{
    nb_digest digest;
    must(EVP_Digest(bytes, size, digest.bytes, NULL, EVP_sha256(), NULL) == 1);
    return digest;
}

nb_status nb_digest_of_file(const char *path, nb_digest *out, uint64_t *out_size, nb_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    enum { BLOCK = 1 << 20 };
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    void *block = malloc(BLOCK);
    uint64_t size = 0;
    nb_status status = block ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
    while (status == NB_OK) {
        const ssize_t got = read(fd, block, BLOCK);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = nb_fail_errno(err, errno, "%s", path);
        }
        if (got <= 0) {
            break;
        }
        nb_hasher_add(hasher, block, (size_t)got);
        size += (uint64_t)got;
    }
    free(block);
    close(fd);
    if (status == NB_OK) {
        *out = nb_hasher_finish(hasher);
        if (out_size) {
            *out_size = size;
        }
    }
    return status;
}

bool nb_digest_is_of_file(const nb_digest *self, uint64_t size, const char *path)
{
    uint64_t found = 0;
    nb_digest digest;
    return nb_file_size(path, &found, NULL) == NB_OK && found == size &&
           nb_digest_of_file(path, &digest, NULL, NULL) == NB_OK && nb_digest_equal(&digest, self);
}

nb_hasher *nb_hasher_new(void)
{
    nb_hasher *self = calloc(1, sizeof *self);
    must(self != NULL);
    self->context = EVP_MD_CTX_new();
    must(self->context && EVP_DigestInit_ex(self->context, EVP_sha256(), NULL) == 1);
    return self;
}

void nb_hasher_destroy(nb_hasher **self_p)
{
    if (*self_p) {
        EVP_MD_CTX_free((*self_p)->context);
        free(*self_p);
        *self_p = NULL;
    }
}

void nb_hasher_add(nb_hasher *self, const void *bytes, size_t size)
{
    must(EVP_DigestUpdate(self->context, bytes, size) == 1);
}

void nb_hasher_add_u64(nb_hasher *self, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    nb_hasher_add(self, bytes, sizeof bytes);
}

void nb_hasher_add_i64(nb_hasher *self, int64_t value) { nb_hasher_add_u64(self, (uint64_t)value); }

void nb_hasher_add_double(nb_hasher *self, double value)
{
    const double positive_zero = value == 0.0 ? 0.0 : value;
    uint64_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    nb_hasher_add_u64(self, bits);
}

void nb_hasher_add_string(nb_hasher *self, const char *text)
{
    const size_t length = strlen(text);
    nb_hasher_add_u64(self, length);
    nb_hasher_add(self, text, length);
}

void nb_hasher_add_digest(nb_hasher *self, const nb_digest *digest)
{
    nb_hasher_add(self, digest->bytes, NB_DIGEST_SIZE);
}

nb_digest nb_hasher_finish(nb_hasher *self)
{
    nb_digest digest;
    must(EVP_DigestFinal_ex(self->context, digest.bytes, NULL) == 1);
    must(EVP_DigestInit_ex(self->context, EVP_sha256(), NULL) == 1);
    return digest;
}
