// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"
#include "review-cli/farm.h"

static nb_status run_metrics(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    Nightbus__MetricsGet body = NIGHTBUS__METRICS_GET__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_METRICS_GET;
    request.metrics_get = &body;
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        status = nb_farm_ask(&farm, &request, NIGHTBUS__REPLY__BODY_METRICS_TEXT, 0, &reply, err);
    }
    return status == NB_OK ? nb_cli_printf(err, "%s", reply->metrics_text->text) : status;
}

const nb_command nb_command_metrics = {
    .name = "metrics",
    .usage = "",
    .summary = "what the farm counts, in Prometheus's text format",
    .details = "For a collector that reads files, nightbus-coordinator --metrics-file writes the\n"
               "same every 15 s. docs/operations.md explains each metric.",
    .examples = "  nightbus metrics\n"
                "  nightbus metrics | grep nightbus_tasks",
    .run = run_metrics,
};
