// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/farm.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "review-cli/folder.h"
#include "review-cli/stop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { RETRY_MS = 30000, RETRY_PAUSE_MS = 500, LAST_BYTES_MAX = 4096 };

static const char address_scheme[] = "tcp://";

void nb_farm_fini(nb_farm *self)
{
    nb_client_destroy(&self->client);
    free(self->where);
    free(self->album);
    *self = (nb_farm){0};
}

char *nb_farm_last_path(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    if (state && state[0] == '/') {
        return nb_text_format("%s/nightbus/farm", state);
    }
    const char *home = getenv("HOME");
    return home && home[0] ? nb_text_format("%s/.local/state/nightbus/farm", home) : NULL;
}

/// The farm that `up` last started for this user; null if there was none.
static char *read_last(void)
{
    NB_SCOPED(nb_text_free) char *path = nb_farm_last_path();
    char *line = NULL;
    size_t size = 0;
    if (!path || nb_file_read(path, LAST_BYTES_MAX, &line, &size, NULL) != NB_OK) {
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static char *farm_of_folder(void)
{
    NB_SCOPED(nb_text_free) char *folder = nb_folder_find(NULL);
    return folder ? nb_folder_farm(folder) : NULL;
}

/// An address as it is; a file with its path made absolute, since it will be written down.
static char *normalise(const char *where)
{
    if (strncmp(where, address_scheme, strlen(address_scheme)) == 0) {
        return strdup(where);
    }
    char *real = realpath(where, NULL);
    return real ? real : nb_file_absolute(where);
}

static nb_status find_where(const nb_cli *cli, char **out_where, nb_error *err)
{
    const char *given = nb_args_get(&cli->args, "farm");
    const char *environment = getenv("NIGHTBUS_FARM");
    if (given) {
        *out_where = normalise(given);
    } else if (environment && environment[0]) {
        *out_where = normalise(environment);
    } else {
        *out_where = farm_of_folder();
        if (!*out_where) {
            *out_where = read_last();
        }
        if (!*out_where) {
            return nb_fail(
                err, NB_E_UNREACHABLE,
                "no farm is known here: start one with `nightbus up --data DIR`, or name "
                "one with --farm FILE|ADDRESS or NIGHTBUS_FARM");
        }
    }
    return *out_where ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the farm's address");
}

/// A farm elsewhere knows us by our own key, which is made when it is first needed.
static nb_status parse_address(const char *where, nb_farm_address *out, nb_error *err)
{
    nb_key_pair pair;
    nb_status status = nb_farm_address_parse(where, NULL, out, err);
    if (status == NB_OK) {
        status = nb_file_make_parents(out->key_path, 0700, err);
    }
    if (status == NB_OK) {
        status = nb_key_pair_ensure(out->key_path, &pair, err);
    }
    explicit_bzero(&pair, sizeof pair);
    return status;
}

static nb_status read_address(const char *where, nb_farm_address *out, nb_error *err)
{
    if (strncmp(where, address_scheme, strlen(address_scheme)) == 0) {
        return parse_address(where, out, err);
    }
    NB_SCOPED(nb_text_free)
    char *path = nb_file_is_folder(where) ? nb_file_join(where, "farm.json") : strdup(where);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the farm's address");
    }
    if (!nb_file_exists(path)) {
        return nb_fail(err, NB_E_UNREACHABLE,
                       "%s: no such file, so no farm runs there: start it with `nightbus up --data "
                       "DIR`, or name another with --farm",
                       path);
    }
    return nb_farm_address_read(path, out, err);
}

static nb_status connect_to(const nb_farm_address *address, nb_client **out_client, nb_error *err)
{
    const nb_client_options options = {
        .program = "nightbus",
        .role = "client",
        .stop = nb_stop_flag(),
    };
    nb_error why = {0};
    const nb_status status = nb_client_connect(address, &options, out_client, &why);
    nb_key_pair pair;
    char hex[65];
    if (status == NB_E_PERMISSION && nb_key_pair_load(address->key_path, &pair, NULL) == NB_OK &&
        nb_public_key_to_hex(&pair.public_key, hex, NULL) == NB_OK) {
        explicit_bzero(&pair, sizeof pair);
        return nb_fail(err, status, "%s; your public key, for the farm's owner: %s", why.text, hex);
    }
    return status == NB_OK ? NB_OK : nb_fail(err, status, "%s", why.text);
}

nb_status nb_farm_open(const nb_cli *cli, nb_farm *out, nb_error *err)
{
    *out = (nb_farm){0};
    NB_SCOPED(nb_farm_fini) nb_farm self = {0};
    nb_farm_address address = {0};
    nb_status status = find_where(cli, &self.where, err);
    if (status == NB_OK) {
        status = read_address(self.where, &address, err);
    }
    if (status == NB_OK) {
        status = connect_to(&address, &self.client, err);
    }
    if (status == NB_OK) {
        *out = self;
        self = (nb_farm){0}; // the caller's now
    }
    return status;
}

static nb_status find_album(const nb_cli *cli, char **out_album, nb_error *err)
{
    *out_album = NULL;
    const char *given = nb_args_get(&cli->args, "album");
    if (given) {
        *out_album = strdup(given);
        return *out_album ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's name");
    }
    NB_SCOPED(nb_folder_fini) nb_folder folder = {0};
    const nb_status status = nb_folder_open(&folder, err);
    if (status == NB_E_NOT_FOUND) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "which album? go to its folder, or say --album NAME (`nightbus album list` "
                       "has them)");
    }
    if (status == NB_OK) {
        *out_album = folder.album;
        folder.album = NULL; // the caller's now
    }
    return status;
}

nb_status nb_farm_open_album(const nb_cli *cli, nb_farm *out, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *album = NULL;
    nb_status status = find_album(cli, &album, err);
    *out = (nb_farm){0};
    if (status == NB_OK) {
        status = nb_farm_open(cli, out, err);
    }
    if (status == NB_OK) {
        out->album = album;
        album = NULL; // the farm's now
    }
    return status;
}

bool nb_farm_may_retry(nb_status status, int64_t start_ms)
{
    if ((status != NB_E_UNREACHABLE && status != NB_E_TIMEOUT) || *nb_stop_flag() ||
        nb_clock_ms() - start_ms > RETRY_MS) {
        return false;
    }
    nb_clock_sleep_ms(RETRY_PAUSE_MS);
    return true;
}

nb_status nb_farm_ask(nb_farm *self, Nightbus__Request *request, int wanted, int64_t extra_wait_ms,
                      Nightbus__Reply **out_reply, nb_error *err)
{
    *out_reply = NULL;
    const int64_t start_ms = nb_clock_ms();
    bool told = false;
    nb_status status = NB_OK;
    for (;;) {
        status = nb_client_call(self->client, request, extra_wait_ms, out_reply, err);
        if (status == NB_OK || !nb_farm_may_retry(status, start_ms)) {
            break;
        }
        if (!told && isatty(STDERR_FILENO)) {
            fputs("the farm does not answer; waiting for it ...\n", stderr);
        }
        told = true;
    }
    if (status == NB_OK && (int)(*out_reply)->body_case != wanted) {
        nb_wire_free_reply(out_reply);
        return nb_fail(err, NB_E_INVALID, "the coordinator answered something else than was asked");
    }
    return status;
}

nb_status nb_farm_show(nb_farm *self, const nb_version_name *name, Nightbus__Reply **out_reply,
                       nb_error *err)
{
    nb_version_name copy = *name; // messages borrow without const
    Nightbus__Show body = NIGHTBUS__SHOW__INIT;
    body.album = self->album;
    body.song = copy.song;
    body.version = copy.version;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_SHOW;
    request.show = &body;
    return nb_farm_ask(self, &request, NIGHTBUS__REPLY__BODY_VERSION_INFO, 0, out_reply, err);
}

nb_status nb_farm_head(nb_farm *self, const char *commit, Nightbus__Reply **out_reply,
                       nb_error *err)
{
    NB_SCOPED(nb_text_free) char *copy = commit ? strdup(commit) : NULL;
    Nightbus__AlbumHead body = NIGHTBUS__ALBUM_HEAD__INIT;
    body.album = self->album;
    body.commit = copy;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_HEAD;
    request.album_head = &body;
    return nb_farm_ask(self, &request, NIGHTBUS__REPLY__BODY_ALBUM_STATE, 0, out_reply, err);
}

nb_status nb_farm_make_id(uint8_t out[NB_CLIENT_ID_SIZE], nb_error *err)
{
    if (getrandom(out, NB_CLIENT_ID_SIZE, 0) != NB_CLIENT_ID_SIZE) {
        return nb_fail_errno(err, errno, "random bytes");
    }
    return NB_OK;
}
