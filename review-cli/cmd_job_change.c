// SPDX-License-Identifier: GPL-3.0-or-later
// cancel, pause, resume, priority, retry, limit: what is wished for a job.
#include "review-cli/hours.h"
#include "review-cli/job_words.h"
#include "review-cli/words.h"

#include <string.h>

static nb_status change(nb_cli *cli, Nightbus__JobChange *body, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOB_CHANGE;
    request.job_change = body;
    nb_status status = nb_job_word(cli->args.words[0], &body->job, err);
    if (status == NB_OK) {
        status = nb_farm_open(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_JOB_STATE, 0, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? nb_cli_print_json(nb_job_to_json(reply->job_state->row), err)
                     : nb_jobs_print(cli, &reply->job_state->row, 1, err);
}

static nb_status run_cancel(nb_cli *cli, nb_error *err)
{
    Nightbus__JobChange body = NIGHTBUS__JOB_CHANGE__INIT;
    body.has_cancel = body.cancel = true;
    return change(cli, &body, err);
}

const nb_command nb_command_cancel = {
    .name = "cancel",
    .usage = "ID [--json]",
    .summary = "end a job, also while it renders",
    .details = "The renderer hears of it at its next heartbeat (2 s) and stops. What another job\n"
               "wants too goes on.",
    .examples = "  nightbus cancel 12",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_cancel,
};

static nb_status run_pause(nb_cli *cli, nb_error *err)
{
    Nightbus__JobChange body = NIGHTBUS__JOB_CHANGE__INIT;
    body.has_paused = body.paused = true;
    return change(cli, &body, err);
}

const nb_command nb_command_pause = {
    .name = "pause",
    .usage = "ID [--json]",
    .summary = "begin nothing new of a job; what runs goes on",
    .examples = "  nightbus pause 12\n"
                "  nightbus resume 12",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_pause,
};

static nb_status run_resume(nb_cli *cli, nb_error *err)
{
    Nightbus__JobChange body = NIGHTBUS__JOB_CHANGE__INIT;
    body.has_paused = true;
    return change(cli, &body, err);
}

const nb_command nb_command_resume = {
    .name = "resume",
    .usage = "ID [--json]",
    .summary = "let a paused job go on",
    .examples = "  nightbus resume 12",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_resume,
};

static nb_status run_retry(nb_cli *cli, nb_error *err)
{
    Nightbus__JobChange body = NIGHTBUS__JOB_CHANGE__INIT;
    body.has_retry = body.retry = true;
    return change(cli, &body, err);
}

const nb_command nb_command_retry = {
    .name = "retry",
    .usage = "ID [--json]",
    .summary = "try a failed or cancelled job again",
    .examples = "  nightbus retry 12 && nightbus job 12 --follow",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_retry,
};

static nb_status run_priority(nb_cli *cli, nb_error *err)
{
    Nightbus__JobChange body = NIGHTBUS__JOB_CHANGE__INIT;
    int64_t priority = 0;
    nb_error why = {0};
    if (nb_text_parse_integer(cli->args.words[1], 0, NB_PRIORITY_LIMIT, &priority, &why) != NB_OK) {
        return nb_fail(err, NB_E_USAGE, "a priority is a number from 0 to %d, not \"%s\"",
                       NB_PRIORITY_LIMIT, cli->args.words[1]);
    }
    body.has_priority = true;
    body.priority = (uint32_t)priority;
    return change(cli, &body, err);
}

const nb_command nb_command_priority = {
    .name = "priority",
    .usage = "ID N [--json]",
    .summary = "let a job go before those of lower priority (0 to 100; 50)",
    .examples = "  nightbus priority 12 90",
    .words_min = 2,
    .words_max = 2,
    .has_json = true,
    .run = run_priority,
};

static nb_status run_limit(nb_cli *cli, nb_error *err)
{
    Nightbus__JobChange body = NIGHTBUS__JOB_CHANGE__INIT;
    char window[NB_WINDOW_TEXT_SIZE];
    char label[NB_WORD_MAX + 1];
    bool given = false;
    const char *wanted = nb_args_get(&cli->args, "label");
    nb_status status = nb_hours_get(&cli->args, window, &given, err);
    if (status == NB_OK && wanted) {
        status = nb_words_take_labels(wanted, label, err);
        body.label = label;
    }
    if (status != NB_OK) {
        return status;
    }
    if (!given && !wanted) {
        return nb_fail(err, NB_E_USAGE, "say --window or --label, each with \"none\" for no limit");
    }
    body.window = given ? window : NULL;
    return change(cli, &body, err);
}

static const nb_option limit_options[] = {
    {"window", 0, "HOURS", "only in these, as 22:00-06:00; none: at any time"},
    {"zone", 0, "NAME", "their time zone (default: that of this machine)"},
    {"label", 0, "LABELS", "only on renderers that have these; none: on any"},
};

const nb_command nb_command_limit = {
    .name = "limit",
    .usage = "ID [--window HOURS] [--label LABELS] [--json]",
    .summary = "let a job begin only in some hours, or on some renderers",
    .details = "Outside its hours nothing new of the job begins; what runs goes on.",
    .examples = "  nightbus limit 12 --window 22:00-06:00 --zone Europe/Berlin\n"
                "  nightbus limit 12 --label gpu\n"
                "  nightbus limit 12 --window none",
    .words_min = 1,
    .words_max = 1,
    .options = limit_options,
    .option_count = NB_COUNT(limit_options),
    .has_json = true,
    .run = run_limit,
};
