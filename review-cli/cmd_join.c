// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "protocol/client.h"
#include "protocol/invite.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/stop.h"
#include "review-cli/trust.h"
#include "review-cli/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// One who joins.
typedef struct joiner {
    nb_invite invite;
    nb_farm_address address; ///< With the path of our own key
    nb_key_pair own;
    bool renderer;
    char name[NB_TRUST_NAME_SIZE];
    char where[sizeof((nb_farm_address *)0)->control + 80]; ///< As --farm takes it
} joiner;

static void joiner_fini(joiner *self)
{
    explicit_bzero(&self->invite, sizeof self->invite);
    explicit_bzero(&self->own, sizeof self->own);
}

static nb_status find_key(const nb_cli *cli, joiner *self, nb_error *err)
{
    char hex[65];
    const char *given = nb_args_get(&cli->args, "key");
    const char *home = getenv("HOME");
    NB_SCOPED(nb_text_free) char *path = NULL;
    nb_status status = nb_public_key_to_hex(&self->invite.server, hex, err);
    if (status != NB_OK) {
        return status;
    }
    snprintf(self->where, sizeof self->where, "%s/%s", self->invite.control, hex);
    if (!given && self->renderer) {
        if (!home || !home[0]) {
            return nb_fail(err, NB_E_USAGE, "where shall the key go? --key FILE");
        }
        path = nb_text_format("%s/.config/nightbus/renderer.key", home);
        if (!path) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
    }
    status = nb_farm_address_parse(self->where, given ? given : path, &self->address, err);
    if (status == NB_OK) {
        status = nb_file_make_parents(self->address.key_path, 0700, err);
    }
    return (status == NB_OK) ? nb_key_pair_ensure(self->address.key_path, &self->own, err) : status;
}

static nb_status read_words(const nb_cli *cli, joiner *self, nb_error *err)
{
    const char *name = nb_args_get(&cli->args, "name");
    nb_status status = nb_invite_parse(cli->args.words[0], &self->invite, err);
    if (status != NB_OK) {
        return status;
    }
    self->renderer = strcmp(self->invite.role, "renderer") == 0;
    if (name) {
        if (strlen(name) >= sizeof self->name) {
            return nb_fail(err, NB_E_USAGE, "--name: at most %zu bytes", sizeof self->name - 1);
        }
        snprintf(self->name, sizeof self->name, "%s", name);
    } else if (self->renderer) {
        gethostname(self->name, sizeof self->name - 1);
    } else {
        nb_trust_person_here(self->name);
    }
    return find_key(cli, self, err);
}

static nb_status send_join(const joiner *self, Nightbus__Reply **out_reply, nb_error *err)
{
    const nb_client_options options = {
        .program = "nightbus", .keys = &self->invite.guest, .stop = nb_stop_flag()};
    NB_SCOPED(nb_client_destroy) nb_client *client = NULL;
    uint8_t key[NB_KEY_SIZE];
    char name[NB_TRUST_NAME_SIZE];
    memcpy(name, self->name, sizeof name);
    nb_status status = nb_public_key_to_bytes(&self->own.public_key, key, err);
    if (status == NB_OK) {
        status = nb_client_connect(&self->address, &options, &client, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__Join body = NIGHTBUS__JOIN__INIT;
    body.key = (ProtobufCBinaryData){.len = sizeof key, .data = key};
    body.name = name;
    body.renderer = self->renderer;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOIN;
    request.join = &body;
    status = nb_client_call(client, &request, 0, out_reply, err);
    if (status == NB_OK && (*out_reply)->body_case != NIGHTBUS__REPLY__BODY_JOINED) {
        return nb_fail(err, NB_E_INVALID, "the coordinator answered something else than was asked");
    }
    return status;
}

/// Does the farm know our own key? So it is when an earlier try's answer was lost.
static bool is_known(const joiner *self)
{
    const nb_client_options options = {
        .program = "nightbus", .keys = &self->own, .stop = nb_stop_flag()};
    NB_SCOPED(nb_client_destroy) nb_client *client = NULL;
    return nb_client_connect(&self->address, &options, &client, NULL) == NB_OK;
}

static nb_status join(const joiner *self, Nightbus__Reply **out_reply, nb_error *err)
{
    nb_error why = {0};
    const nb_status status = send_join(self, out_reply, &why);
    if (status == NB_E_PERMISSION && is_known(self)) {
        return nb_fail(err, NB_E_EXISTS, "this farm knows your key already (%s): nothing to join",
                       self->address.key_path);
    }
    if (status == NB_E_PERMISSION && strstr(why.text, "does not know your key")) {
        return nb_fail(err, status,
                       "%s lets nobody in by this invite: it was used already, has run out or was "
                       "taken back; ask for another",
                       self->invite.control);
    }
    return status == NB_OK ? NB_OK : nb_fail(err, status, "%s", why.text);
}

/// Commands that are not told which farm take this one from now on.
static nb_status remember(const joiner *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_farm_last_path();
    NB_SCOPED(nb_text_free) char *line = nb_text_format("%s\n", self->where);
    if (!path || !line) {
        return NB_OK; // no home: nothing to remember in
    }
    const nb_status status = nb_file_make_parents(path, 0777, err);
    return status == NB_OK ? nb_file_write(path, line, strlen(line), 0666, err) : status;
}

static nb_status print_joined(const nb_cli *cli, const joiner *self, const Nightbus__Joined *joined,
                              nb_error *err)
{
    char roles[NB_WORDS_SIZE];
    NB_SCOPED(nb_text_free) char *name = strdup(joined->name);
    NB_SCOPED(nb_text_free) char *album = strdup(joined->album ? joined->album : "");
    if (!name || !album) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the answer");
    }
    nb_text_make_printable(name);
    nb_text_make_printable(album);
    NB_SCOPED(nb_json_free) json_t *list = nb_words_to_json(joined->roles, joined->n_roles);
    nb_words_join(list, "what you are already", roles, sizeof roles);
    if (cli->json) {
        return nb_cli_print_json(json_pack("{s:s, s:o, s:o, s:s, s:s}", "name", name, "roles",
                                           json_incref(list), "album",
                                           nb_cli_json_string(joined->album), "farm", self->where,
                                           "key", self->address.key_path),
                                 err);
    }
    if (self->renderer) {
        return nb_cli_printf(err,
                             "this machine renders for the farm as '%s'; start it with\n"
                             "  nightbus-renderer --farm %s --key '%s' --name '%s' --cache DIR\n",
                             name, self->where, self->address.key_path, name);
    }
    return nb_cli_printf(err, "you are %s here: %s%s%s%s\nyour key is %s\n", name, roles,
                         album[0] ? " on album '" : "", album, album[0] ? "'" : "",
                         self->address.key_path);
}

static nb_status run_join(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(joiner_fini) joiner self = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = read_words(cli, &self, err);
    if (status == NB_OK) {
        status = join(&self, &reply, err);
    }
    if (status == NB_OK && !self.renderer) {
        status = remember(&self, err);
    }
    if (status != NB_OK || !reply) {
        return status;
    }
    return print_joined(cli, &self, reply->joined, err);
}

static const nb_option options[] = {
    {"name", 0, "NAME", "what to be called, where the invite leaves it open", 0},
    {"key", 0, "FILE", "one's own key; made if absent", 0},
};

const nb_command nb_command_join = {
    .name = "join",
    .usage = "LINK [--name NAME] [--key FILE] [--json]",
    .summary = "join a farm by an invite",
    .details = "Makes your key if there is none (NIGHTBUS_KEY, else ~/.config/nightbus/key;\n"
               "a renderer's is ~/.config/nightbus/renderer.key) and gives its public half to\n"
               "the farm. The secret half never leaves this machine.",
    .examples = "  nightbus join nightbus://studio.local:5570/0c7a.../91fe.../artist",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_join,
};
