// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "protocol/invite.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/span.h"
#include "review-cli/table.h"
#include "review-cli/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char default_span[] = "7d";

// ---- invite ----

/// What is asked for, and what goes into the link.
typedef struct wish {
    nb_words roles;
    char *album;
    char *name;
    int64_t valid_ms;
    nb_invite link;
} wish;

static void wish_fini(wish *self)
{
    free(self->album);
    free(self->name);
    explicit_bzero(&self->link, sizeof self->link);
}

static bool is_of_farm(const nb_words *roles)
{
    for (size_t i = 0; i < roles->count; i++) {
        if (strcmp(roles->words[i], "operator") == 0 || strcmp(roles->words[i], "renderer") == 0) {
            return true;
        }
    }
    return roles->count == 0;
}

static nb_status read_wish(const nb_cli *cli, wish *out, nb_error *err)
{
    const char *expires = nb_args_get(&cli->args, "expires");
    const char *name = nb_args_get(&cli->args, "name");
    nb_status status = nb_words_parse("role", nb_args_get(&cli->args, "role"), &out->roles, err);
    if (status == NB_OK) {
        status = nb_span_parse("expires", expires ? expires : default_span, &out->valid_ms, err);
    }
    if (status == NB_OK && name && !(out->name = strdup(name))) {
        status = nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    return status;
}

/// The farm, and the album where the roles need one.
static nb_status open_farm(const nb_cli *cli, wish *what, nb_farm *out, nb_error *err)
{
    const char *given = nb_args_get(&cli->args, "album");
    if (given || is_of_farm(&what->roles)) {
        const nb_status status = nb_farm_open(cli, out, err);
        if (status == NB_OK && given && !(what->album = strdup(given))) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
        }
        return status;
    }
    const nb_status status = nb_farm_open_album(cli, out, err);
    if (status == NB_OK && !(what->album = strdup(out->album))) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    return status;
}

/// Where the others find the farm: as we do, or as --address says.
static nb_status find_address(const nb_cli *cli, const nb_farm *farm, nb_invite *out, nb_error *err)
{
    const nb_farm_address *ours = nb_client_address(farm->client);
    const char *given = nb_args_get(&cli->args, "address");
    const char *port = strrchr(ours->control, ':');
    const char *colon = given ? strrchr(given, ':') : NULL;
    const bool has_port = colon && colon[1] && !strchr(colon, ']');
    const int length = given ? snprintf(out->control, sizeof out->control, "tcp://%s%s", given,
                                        has_port ? "" : port)
                             : snprintf(out->control, sizeof out->control, "%s", ours->control);
    if (length >= (int)sizeof out->control) {
        return nb_fail(err, NB_E_USAGE, "--address: longer than any host's name");
    }
    out->server = ours->server;
    return NB_OK;
}

static bool is_here_only(const char *control)
{
    const char *host = control + strlen("tcp://");
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost:", 10) == 0 ||
           strncmp(host, "[::1]:", 6) == 0;
}

static nb_status ask_for_invite(nb_farm *farm, wish *what, Nightbus__Reply **out_reply,
                                nb_error *err)
{
    uint8_t key[NB_KEY_SIZE];
    nb_status status = nb_key_pair_make(&what->link.guest, err);
    if (status == NB_OK) {
        status = nb_public_key_to_bytes(&what->link.guest.public_key, key, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__InviteMake body = NIGHTBUS__INVITE_MAKE__INIT;
    // Without a role it is another key of one's own.
    char *self = nb_client_welcome(farm->client)->person;
    body.key = (ProtobufCBinaryData){.len = sizeof key, .data = key};
    body.n_roles = what->roles.count;
    body.roles = what->roles.words;
    body.album = what->album;
    body.name = what->roles.count == 0 && !what->name ? self : what->name;
    body.valid_ms = (uint64_t)what->valid_ms;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_INVITE_MAKE;
    request.invite_make = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_INVITED, 0, out_reply, err);
}

static void format_moment(int64_t wall_ms, char *out, size_t size)
{
    const time_t at = (time_t)(wall_ms / 1000);
    struct tm local;
    if (!localtime_r(&at, &local) || strftime(out, size, "%Y-%m-%d %H:%M", &local) == 0) {
        snprintf(out, size, "%" PRId64, wall_ms / 1000);
    }
}

static nb_status print_invite(const nb_cli *cli, const wish *what, const Nightbus__Invited *made,
                              nb_error *err)
{
    NB_SCOPED(nb_text_free) char *link = nb_invite_format(&what->link);
    if (!link) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the invite");
    }
    if (is_here_only(what->link.control)) {
        fprintf(stderr, "note: good on this machine only; --address HOST says where others reach "
                        "the farm\n");
    }
    if (cli->json) {
        return nb_cli_print_json(
            json_pack("{s:I, s:s, s:o, s:o, s:o, s:I}", "invite", (json_int_t)made->invite, "link",
                      link, "roles", nb_words_to_json(what->roles.words, what->roles.count),
                      "album", nb_cli_json_string(what->album), "name",
                      nb_cli_json_string(what->name), "expires_ms", (json_int_t)made->expires_ms),
            err);
    }
    char until[32];
    format_moment((int64_t)made->expires_ms, until, sizeof until);
    fprintf(stderr, "invite %" PRIu64 ", good once, until %s; they run: nightbus join LINK\n",
            made->invite, until);
    return nb_cli_printf(err, "%s\n", link);
}

static nb_status run_invite(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(wish_fini) wish what = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = read_wish(cli, &what, err);
    if (status == NB_OK) {
        status = open_farm(cli, &what, &farm, err);
    }
    if (status == NB_OK) {
        status = find_address(cli, &farm, &what.link, err);
    }
    if (status == NB_OK) {
        snprintf(what.link.role, sizeof what.link.role, "%.16s",
                 what.roles.count > 0 ? what.roles.words[0] : "key");
        nb_invite parsed; // what --address made of it must be readable, before it is on record
        nb_key_pair throwaway;
        status = nb_key_pair_make(&throwaway, err);
        what.link.guest = throwaway;
        NB_SCOPED(nb_text_free) char *link = nb_invite_format(&what.link);
        if (status == NB_OK) {
            status = nb_invite_parse(link ? link : "", &parsed, err);
        }
    }
    if (status == NB_OK) {
        status = ask_for_invite(&farm, &what, &reply, err);
    }
    return (status == NB_OK) ? print_invite(cli, &what, reply->invited, err) : status;
}

static const nb_option invite_options[] = {
    {"role", 0, "ROLE,...", "owner, engineer, artist, mastering; operator", 0},
    {"name", 0, "NAME", "what they are called here; else they choose", 0},
    {"expires", 0, "SPAN", "how long it is good: 12h, 7d (the default), 4w", 0},
    {"address", 0, "HOST[:PORT]", "where others reach the farm, if not as you do", 0},
};

const nb_command nb_command_invite = {
    .name = "invite",
    .usage = "[--role ROLE,...] [-A ALBUM] [--name NAME] [--json] ...",
    .summary = "a link with which somebody joins, once",
    .details = "Prints the link. Whoever has it can join as what it says: pass it on as you\n"
               "would a password. Without --role it is for another key of your own, on\n"
               "another machine. Roles of albums take -A NAME; -A '*' is all albums.",
    .examples = "  nightbus invite --role artist -A late-trains --name \"Mia Song\"\n"
                "  nightbus invite --role renderer --name attic --address studio.local",
    .options = invite_options,
    .option_count = NB_COUNT(invite_options),
    .has_json = true,
    .run = run_invite,
};

// ---- invite list ----

static json_t *row_to_json(const Nightbus__InviteRow *row)
{
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "invite", (json_int_t)row->invite, "state",
        nb_cli_json_string(row->state), "roles", nb_words_to_json(row->roles, row->n_roles),
        "album", nb_cli_json_string(row->album), "name", nb_cli_json_string(row->name), "person",
        nb_cli_json_string(row->person), "created_ms", (json_int_t)row->created_ms, "expires_ms",
        (json_int_t)row->expires_ms, "joined", nb_cli_json_string(row->joined));
}

static nb_status print_table(const nb_cli *cli, const Nightbus__InviteListing *listing,
                             nb_error *err)
{
    static const nb_table_column columns[] = {
        {"ID", NB_TABLE_RIGHT},   {"STATE", NB_TABLE_LEFT}, {"ROLE", NB_TABLE_FLEX},
        {"ALBUM", NB_TABLE_FLEX}, {"FOR", NB_TABLE_FLEX},   {"BY", NB_TABLE_FLEX},
        {"MADE", NB_TABLE_LEFT},  {"UNTIL", NB_TABLE_LEFT},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    const int64_t now_ms = nb_clock_wall_ms();
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__InviteRow *row = listing->rows[i];
        char id[24];
        char roles[NB_WORDS_SIZE];
        char made[NB_AGO_SIZE];
        char until[32];
        snprintf(id, sizeof id, "%" PRIu64, row->invite);
        NB_SCOPED(nb_json_free) json_t *list = nb_words_to_json(row->roles, row->n_roles);
        nb_words_join(list, "own key", roles, sizeof roles);
        nb_ago_format((int64_t)row->created_ms, now_ms, made);
        format_moment((int64_t)row->expires_ms, until, sizeof until);
        const char *whom = row->joined ? row->joined : row->name ? row->name : "";
        const char *const cells[] = {id,   row->state,  roles, row->album ? row->album : "",
                                     whom, row->person, made,  until};
        nb_table_add(&table, cells);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, listing->n_rows == 0 ? "no invites\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status run_list(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        Nightbus__InviteList body = NIGHTBUS__INVITE_LIST__INIT;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_INVITE_LIST;
        request.invite_list = &body;
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_INVITE_LISTING, 0, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__InviteListing *listing = reply->invite_listing;
    if (!cli->json) {
        return print_table(cli, listing, err);
    }
    json_t *rows = json_array();
    for (size_t i = 0; i < listing->n_rows; i++) {
        json_array_append_new(rows, row_to_json(listing->rows[i]));
    }
    return nb_cli_print_json(json_pack("{s:o}", "invites", rows), err);
}

const nb_command nb_command_invite_list = {
    .name = "invite list",
    .usage = "[--json]",
    .summary = "invites that are open, used, expired or revoked",
    .examples = "  nightbus invite list\n"
                "  nightbus invite list --json | jq '.invites[] | select(.state == \"open\")'",
    .has_json = true,
    .pages = true,
    .run = run_list,
};

// ---- invite revoke ----

static nb_status run_revoke(nb_cli *cli, nb_error *err)
{
    int64_t number = 0;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    if (nb_text_parse_integer(cli->args.words[0], 1, INT64_MAX, &number, NULL) != NB_OK) {
        return nb_fail(err, NB_E_USAGE, "'%.40s' is not an invite's number: 'nightbus invite list'",
                       cli->args.words[0]);
    }
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        Nightbus__InviteRevoke body = NIGHTBUS__INVITE_REVOKE__INIT;
        body.invite = (uint64_t)number;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_INVITE_REVOKE;
        request.invite_revoke = &body;
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_ACK, 0, &reply, err);
    }
    return (status == NB_OK) ? nb_cli_printf(err, "invite %" PRId64 " is good no more\n", number)
                             : status;
}

const nb_command nb_command_invite_revoke = {
    .name = "invite revoke",
    .usage = "ID",
    .summary = "take an invite back that was not used yet",
    .examples = "  nightbus invite revoke 3",
    .words_min = 1,
    .words_max = 1,
    .run = run_revoke,
};
