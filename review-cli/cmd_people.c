// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/table.h"
#include "review-cli/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- people ----

static nb_status ask_people(nb_farm *farm, Nightbus__PeopleList *body, Nightbus__Reply **out_reply,
                            nb_error *err)
{
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_PEOPLE_LIST;
    request.people_list = body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_PEOPLE_LISTING, 0, out_reply, err);
}

static nb_status add_page(json_t *rows, const Nightbus__PeopleListing *page, nb_error *err)
{
    for (size_t i = 0; i < page->n_rows; i++) {
        const Nightbus__PersonRow *row = page->rows[i];
        json_t *made = json_pack("{s:o, s:o, s:o}", "name", nb_cli_json_string(row->name), "album",
                                 nb_cli_json_string(row->album), "roles",
                                 nb_words_to_json(row->roles, row->n_roles));
        if (json_array_append_new(rows, made) != 0) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of people");
        }
    }
    return NB_OK;
}

static nb_status fetch_people(nb_farm *farm, const char *album, json_t *rows, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *after = NULL;
    NB_SCOPED(nb_text_free) char *after_album = NULL;
    nb_status status = NB_OK;
    for (bool more = true; status == NB_OK && more;) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        Nightbus__PeopleList body = NIGHTBUS__PEOPLE_LIST__INIT;
        body.album = nb_wire_string(album);
        body.after = after;
        body.after_album = after_album;
        status = ask_people(farm, &body, &reply, err);
        if (status == NB_OK) {
            const Nightbus__PeopleListing *page = reply->people_listing;
            status = add_page(rows, page, err);
            more = page->next && page->next_album;
            nb_text_free(&after);
            nb_text_free(&after_album);
            after = more ? strdup(page->next) : NULL;
            after_album = more ? strdup(page->next_album) : NULL;
        }
    }
    return status;
}

static nb_status print_table(const nb_cli *cli, const json_t *rows, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"WHO", NB_TABLE_FLEX}, {"ALBUM", NB_TABLE_FLEX}, {"ROLES", NB_TABLE_FLEX}};
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *album = json_string_value(json_object_get(row, "album"));
        char roles[NB_WORDS_SIZE];
        nb_words_join(json_object_get(row, "roles"), "", roles, sizeof roles);
        const char *const cells[] = {json_string_value(json_object_get(row, "name")),
                                     !album                    ? "(the farm)"
                                     : strcmp(album, "*") == 0 ? "(all albums)"
                                                               : album,
                                     roles};
        nb_table_add(&table, cells);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, json_array_size(rows) == 0 ? "nobody was given a role there\n" : "");
    return nb_cli_print(&text, err);
}

static nb_status run_people(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_json_free) json_t *rows = json_array();
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        status = fetch_people(&farm, nb_args_get(&cli->args, "album"), rows, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? nb_cli_print_json(json_pack("{s:O}", "people", rows), err)
                     : print_table(cli, rows, err);
}

const nb_command nb_command_people = {
    .name = "people",
    .usage = "[-A ALBUM] [--json]",
    .summary = "who has which roles",
    .details = "Of the albums you have a role on; all of them for the farm's operators.",
    .examples = "  nightbus people\n"
                "  nightbus people -A late-trains",
    .has_json = true,
    .pages = true,
    .run = run_people,
};

// ---- role ----

static bool is_of_farm(const nb_words *roles)
{
    for (size_t i = 0; i < roles->count; i++) {
        if (strcmp(roles->words[i], "operator") == 0) {
            return true;
        }
    }
    return false;
}

static nb_status send_change(const nb_cli *cli, nb_words *add, nb_words *remove, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    NB_SCOPED(nb_text_free) char *name = strdup(cli->args.words[0]);
    nb_status status = is_of_farm(add) || is_of_farm(remove) ? nb_farm_open(cli, &farm, err)
                                                             : nb_farm_open_album(cli, &farm, err);
    if (status == NB_OK && !name) {
        status = nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__RoleChange body = NIGHTBUS__ROLE_CHANGE__INIT;
    body.name = name;
    body.album = farm.album ? farm.album : nb_wire_string(nb_args_get(&cli->args, "album"));
    body.n_add = add->count;
    body.add = add->words;
    body.n_remove = remove->count;
    body.remove = remove->words;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ROLE_CHANGE;
    request.role_change = &body;
    return nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_ACK, 0, &reply, err);
}

static nb_status run_role(nb_cli *cli, nb_error *err)
{
    nb_words add = {0};
    nb_words remove = {0};
    nb_status status = nb_words_parse("add", nb_args_get(&cli->args, "add"), &add, err);
    if (status == NB_OK) {
        status = nb_words_parse("remove", nb_args_get(&cli->args, "remove"), &remove, err);
    }
    if (status == NB_OK && add.count + remove.count == 0) {
        status = nb_fail(err, NB_E_USAGE, "say what changes: --add ROLE,... or --remove ROLE,...");
    }
    return (status == NB_OK) ? send_change(cli, &add, &remove, err) : status;
}

static const nb_option role_options[] = {
    {"add", 0, "ROLE,...", "owner, engineer, artist, mastering; or operator", 0},
    {"remove", 0, "ROLE,...", "the same", 0},
};

const nb_command nb_command_role = {
    .name = "role",
    .usage = "PERSON [-A ALBUM] [--add ROLE,...] [--remove ROLE,...]",
    .summary = "give a person roles, or take them away",
    .details = "On the folder's album, or -A NAME; -A '*' is all albums. Operator is a role\n"
               "of the farm. It counts from the next request on.",
    .examples = "  nightbus role \"Mia Song\" --add mastering\n"
                "  nightbus role \"Mia Song\" -A late-trains --remove artist",
    .words_min = 1,
    .words_max = 1,
    .options = role_options,
    .option_count = NB_COUNT(role_options),
    .run = run_role,
};
