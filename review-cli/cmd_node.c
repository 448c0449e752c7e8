// SPDX-License-Identifier: GPL-3.0-or-later
// node drain, resume, set-aside, label, hours: what is wished for a renderer.
#include "review-cli/hours.h"
#include "review-cli/node_words.h"
#include "review-cli/words.h"

#include <string.h>

static nb_status change(nb_cli *cli, Nightbus__NodeChange *body, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    NB_SCOPED(nb_text_free) char *name = strdup(cli->args.words[0]);
    if (!name) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
    }
    body->name = name;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NODE_CHANGE;
    request.node_change = body;
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_NODE_LISTING, 0, &reply, err);
    }
    return status == NB_OK ? nb_nodes_print(cli, reply->node_listing, err) : status;
}

static nb_status run_drain(nb_cli *cli, nb_error *err)
{
    Nightbus__NodeChange body = NIGHTBUS__NODE_CHANGE__INIT;
    body.has_drained = body.drained = true;
    return change(cli, &body, err);
}

const nb_command nb_command_node_drain = {
    .name = "node drain",
    .usage = "NAME [--json]",
    .summary = "let a renderer finish what it does, and then rest",
    .examples = "  nightbus node drain renderer-2\n"
                "  nightbus node resume renderer-2",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_drain,
};

static nb_status run_resume(nb_cli *cli, nb_error *err)
{
    Nightbus__NodeChange body = NIGHTBUS__NODE_CHANGE__INIT;
    body.has_drained = body.has_aside = true;
    return change(cli, &body, err);
}

const nb_command nb_command_node_resume = {
    .name = "node resume",
    .usage = "NAME [--json]",
    .summary = "give a renderer work again that was drained or set aside",
    .examples = "  nightbus node resume renderer-2",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_resume,
};

static nb_status run_set_aside(nb_cli *cli, nb_error *err)
{
    Nightbus__NodeChange body = NIGHTBUS__NODE_CHANGE__INIT;
    body.has_aside = body.aside = true;
    return change(cli, &body, err);
}

const nb_command nb_command_node_set_aside = {
    .name = "node set-aside",
    .usage = "NAME [--json]",
    .summary = "give a renderer no work, as it is not trusted",
    .details = "The farm does this by itself with a renderer that failed three tasks in a row\n"
               "which others rendered, and never with the last one.",
    .examples = "  nightbus node set-aside renderer-2",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_set_aside,
};

static nb_status run_label(nb_cli *cli, nb_error *err)
{
    Nightbus__NodeChange body = NIGHTBUS__NODE_CHANGE__INIT;
    char labels[NB_WORD_MAX + 1];
    const nb_status status = nb_words_take_labels(cli->args.words[1], labels, err);
    body.labels = labels;
    return status == NB_OK ? change(cli, &body, err) : status;
}

const nb_command nb_command_node_label = {
    .name = "node label",
    .usage = "NAME LABELS [--json]",
    .summary = "say what a renderer has, for jobs that ask for it",
    .details = "LABELS are NAME or NAME=VALUE, with commas between them, and take the place of\n"
               "those before; \"none\" takes all away. A job asks: `nightbus limit ID --label`.",
    .examples = "  nightbus node label renderer-2 gpu=a100,room\n"
                "  nightbus node label renderer-2 none",
    .words_min = 2,
    .words_max = 2,
    .has_json = true,
    .run = run_label,
};

static nb_status run_window(nb_cli *cli, nb_error *err)
{
    Nightbus__NodeChange body = NIGHTBUS__NODE_CHANGE__INIT;
    char window[NB_WINDOW_TEXT_SIZE];
    bool given = false;
    const nb_status status = nb_hours_get(&cli->args, window, &given, err);
    if (status == NB_OK && !given) {
        return nb_fail(err, NB_E_USAGE, "say --window HH:MM-HH:MM, or --window none");
    }
    body.window = window;
    return status == NB_OK ? change(cli, &body, err) : status;
}

static const nb_option window_options[] = {
    {"window", 0, "HOURS", "only in these, as 22:00-06:00; none: at any time"},
    {"zone", 0, "NAME", "their time zone (default: that of this machine)"},
};

const nb_command nb_command_node_hours = {
    .name = "node hours",
    .usage = "NAME --window HOURS [--json]",
    .summary = "give a renderer work in some hours of the day only",
    .details = "For a workstation that renders at night. When its hours end it finishes what it\n"
               "does. Hours are those of the clock there, also when summer time begins and ends.",
    .examples = "  nightbus node hours studio-b --window 20:00-08:00\n"
                "  nightbus node hours studio-b --window none",
    .words_min = 1,
    .words_max = 1,
    .options = window_options,
    .option_count = NB_COUNT(window_options),
    .has_json = true,
    .run = run_window,
};
