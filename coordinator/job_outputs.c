// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/job_outputs.h"

#include "base/clock.h"
#include "coordinator/plan_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nb_outputs_fini(nb_outputs *self)
{
    free(self->list);
    *self = (nb_outputs){0};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const nb_plan_output *)a)->name, ((const nb_plan_output *)b)->name);
}

static nb_status make_room(nb_outputs *self, size_t count, nb_error *err)
{
    self->list = calloc(count ? count : 1, sizeof *self->list);
    return self->list ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for %zu outputs", count);
}

nb_status nb_outputs_of_graph(const nb_graph *graph, bool stems, nb_outputs *out, nb_error *err)
{
    nb_status status = make_room(out, graph->sink_count, err);
    for (size_t i = 0; status == NB_OK && i < graph->sink_count; i++) {
        if (graph->sinks[i].kind != NB_SINK_STEM || stems) {
            nb_plan_output *output = &out->list[out->count++];
            nb_output_name(&graph->sinks[i], output->name);
            nb_graph_output_key(graph, i, &output->key);
        }
    }
    if (status == NB_OK && out->count > NB_PLAN_OUTPUTS_MAX) {
        status = nb_fail(err, NB_E_LIMIT,
                         "the song has %zu outputs, and at most %d are made at once: render it "
                         "without its stems",
                         out->count, NB_PLAN_OUTPUTS_MAX);
    }
    if (status == NB_OK) {
        qsort(out->list, out->count, sizeof *out->list, by_name);
    }
    return status;
}

static nb_status is_known(nb_coordinator *self, const nb_digest *key, bool *out, nb_error *err)
{
    NB_SCOPED(nb_result_fini) nb_result result = {0};
    const nb_status status = nb_ledger_get_result(self->ledger, key, &result, err);
    *out = status == NB_OK && nb_coordinator_has_outputs(self, &result);
    return (status == NB_E_NOT_FOUND) ? NB_OK : status;
}

nb_status nb_outputs_find_missing(nb_coordinator *self, const nb_outputs *all,
                                  nb_outputs *out_missing, nb_error *err)
{
    nb_status status = make_room(out_missing, all->count, err);
    for (size_t i = 0; status == NB_OK && i < all->count; i++) {
        bool known = false;
        status = is_known(self, &all->list[i].key, &known, err);
        if (status == NB_OK && !known) {
            out_missing->list[out_missing->count++] = all->list[i];
        }
    }
    return status;
}

nb_status nb_coordinator_read_plan(nb_coordinator *self, const nb_task_row *task, nb_plan *out,
                                   nb_error *err)
{
    *out = (nb_plan){0};
    void *bytes = NULL;
    size_t size = 0;
    nb_status status = nb_blob_store_get(self->store, &task->plan, &bytes, &size, err);
    if (status == NB_OK) {
        status = nb_plan_parse(bytes, size, out, err);
    }
    free(bytes);
    return status;
}

nb_status nb_outputs_are_of_task(nb_coordinator *self, uint64_t id, const nb_outputs *wanted,
                                 bool *out_all, nb_error *err)
{
    *out_all = false;
    NB_SCOPED(nb_task_row_fini) nb_task_row task = {0};
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    nb_status status = nb_ledger_get_task(self->ledger, id, &task, err);
    if (status == NB_OK) {
        status = nb_coordinator_read_plan(self, &task, &plan, err);
    }
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i < wanted->count; i++) {
        const nb_plan_output *found = bsearch(&wanted->list[i], plan.outputs, plan.output_count,
                                              sizeof *plan.outputs, by_name);
        if (!found || !nb_digest_equal(&found->key, &wanted->list[i].key)) {
            return NB_OK;
        }
    }
    *out_all = true;
    return NB_OK;
}

/// A result's files are called as a mix's are, whose alternate or stem it may be as well.
static void name_here(const char *output, const char *there, char out[NB_OUTPUT_NAME_SIZE])
{
    const size_t length = strlen(there);
    if (length > 4 && strcmp(there + length - 4, ".wav") == 0) {
        nb_output_wav_name(output, out);
    } else {
        nb_output_report_name(output, out);
    }
}

static nb_status visit_result(nb_coordinator *self, const nb_plan_output *output,
                              nb_output_visit *visit, void *context, nb_error *err)
{
    NB_SCOPED(nb_result_fini) nb_result result = {0};
    nb_status status = nb_ledger_get_result(self->ledger, &output->key, &result, err);
    if (status == NB_E_NOT_FOUND) {
        return NB_OK;
    }
    for (size_t i = 0; status == NB_OK && i < result.output_count; i++) {
        nb_output file = result.outputs[i];
        name_here(output->name, result.outputs[i].name, file.name);
        status = visit(context, output->name, &file, err);
    }
    return status;
}

/// A job without a list of outputs has one result, whose files have their own names.
static nb_status visit_only(nb_coordinator *self, const nb_job *job, nb_output_visit *visit,
                            void *context, nb_error *err)
{
    NB_SCOPED(nb_result_fini) nb_result result = {0};
    nb_status status = nb_ledger_get_result(self->ledger, &job->mix_key, &result, err);
    for (size_t i = 0; status == NB_OK && i < result.output_count; i++) {
        status = visit(context, "mix", &result.outputs[i], err);
    }
    return (status == NB_E_NOT_FOUND) ? NB_OK : status;
}

nb_status nb_coordinator_visit_outputs(nb_coordinator *self, const nb_job *job,
                                       nb_output_visit *visit, void *context, nb_error *err)
{
    NB_SCOPED(nb_outputs_fini) nb_outputs outputs = {0};
    nb_status status =
        nb_ledger_list_job_outputs(self->ledger, job->id, &outputs.list, &outputs.count, err);
    for (size_t i = 0; status == NB_OK && i < outputs.count; i++) {
        status = visit_result(self, &outputs.list[i], visit, context, err);
    }
    return (status == NB_OK && outputs.count == 0) ? visit_only(self, job, visit, context, err)
                                                   : status;
}

typedef struct keeping {
    nb_coordinator *self;
    const nb_job *job;
} keeping;

static nb_status keep_one(void *context, const char *output, const nb_output *file, nb_error *err)
{
    (void)output;
    const keeping *keep = context;
    return nb_ledger_pin_blob(keep->self->ledger, keep->job->album, &file->digest, file->size,
                              nb_clock_wall_ms() + nb_output_kept_ms, err);
}

nb_status nb_coordinator_keep_outputs(nb_coordinator *self, const nb_job *job, nb_error *err)
{
    keeping keep = {self, job};
    return nb_coordinator_visit_outputs(self, job, keep_one, &keep, err);
}
