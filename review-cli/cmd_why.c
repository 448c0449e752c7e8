// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/job_words.h"

static json_t *to_json(const Nightbus__JobReasons *said)
{
    json_t *json = nb_job_to_json(said->row);
    json_t *reasons = json_array();
    for (size_t i = 0; i < said->n_reasons; i++) {
        json_array_append_new(reasons, nb_cli_json_string(said->reasons[i]));
    }
    json_object_set_new(json, "reasons", reasons);
    return json;
}

static nb_status run_why(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    Nightbus__JobWhy body = NIGHTBUS__JOB_WHY__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOB_WHY;
    request.job_why = &body;
    nb_status status = nb_job_word(cli->args.words[0], &body.job, err);
    if (status == NB_OK) {
        status = nb_farm_open(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_JOB_REASONS, 0, &reply, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__JobReasons *said = reply->job_reasons;
    if (cli->json) {
        return nb_cli_print_json(to_json(said), err);
    }
    status = nb_jobs_print(cli, &said->row, 1, err);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (size_t i = 0; i < said->n_reasons; i++) {
        nb_text_make_printable(said->reasons[i]);
        nb_text_addf(&text, "  %s\n", said->reasons[i]);
    }
    return status == NB_OK ? nb_cli_print(&text, err) : status;
}

const nb_command nb_command_why = {
    .name = "why",
    .usage = "ID [--json]",
    .summary = "why a job waits: what goes before it, each renderer's reason",
    .examples = "  nightbus why 12",
    .words_min = 1,
    .words_max = 1,
    .has_json = true,
    .run = run_why,
};
