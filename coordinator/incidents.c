// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about what is not as it should be: two results of one key with different bytes, and
// blobs that their reader found damaged.
#include "coordinator/incident_ledger.h"

#include "base/clock.h"
#include "base/log.h"
#include "coordinator/freezes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { INCIDENTS_DEFAULT = 50, INCIDENTS_MAX = 200 };

static nb_status fill_outputs(const nb_result *result, Nightbus__IncidentRow *row,
                              const nb_answer *answer, nb_error *err)
{
    row->outputs = nb_answer_take(answer, result->output_count, sizeof *row->outputs);
    for (size_t i = 0; row->outputs && i < result->output_count; i++) {
        Nightbus__OutputRow *output = nb_answer_take(answer, 1, sizeof *output);
        if (!output) {
            return nb_answer_no_memory(err);
        }
        nightbus__output_row__init(output);
        output->name = nb_answer_string(answer, result->outputs[i].name);
        output->digest = nb_answer_digest(answer, &result->outputs[i].digest);
        output->size = result->outputs[i].size;
        if (!output->name) {
            return nb_answer_no_memory(err);
        }
        row->outputs[row->n_outputs++] = output;
    }
    return row->outputs ? NB_OK : nb_answer_no_memory(err);
}

static bool is_edge(const nb_result *result)
{
    static const char prefix[] = "freeze/";
    return result->output_count == 1 &&
           strncmp(result->outputs[0].name, prefix, sizeof prefix - 1) == 0;
}

/// Are the files of what came first still there: a result, or an edge that is kept?
static nb_status is_first_gone(nb_coordinator *self, const nb_incident *incident, bool *out_gone,
                               nb_error *err)
{
    NB_SCOPED(nb_result_fini) nb_result first = {0};
    nb_plan_freeze kept = {.key = incident->result.mix_key};
    if (is_edge(&incident->result)) {
        const nb_status status = nb_freezes_look_up(self, &kept, err);
        *out_gone = !kept.is_kept;
        return status;
    }
    const nb_status status =
        nb_ledger_get_result(self->ledger, &incident->result.mix_key, &first, err);
    *out_gone = !nb_coordinator_has_outputs(self, &first);
    return (status == NB_E_NOT_FOUND) ? NB_OK : status;
}

static nb_status fill_row(nb_coordinator *self, uint64_t id, Nightbus__IncidentRow *row,
                          const nb_answer *answer, nb_error *err)
{
    NB_SCOPED(nb_incident_fini) nb_incident incident = {0};
    bool gone = false;
    nightbus__incident_row__init(row);
    nb_status status = nb_ledger_get_incident(self->ledger, id, &incident, err);
    if (status == NB_OK) {
        status = is_first_gone(self, &incident, &gone, err);
    }
    if (status != NB_OK) {
        return status;
    }
    row->incident = incident.id;
    row->time_ms = (uint64_t)incident.time_ms;
    row->task = incident.task;
    row->node = nb_answer_string(answer, incident.result.node);
    row->text = nb_answer_string(answer, incident.text);
    row->first_is_there = !gone;
    row->has_settled_ms = incident.settled_ms > 0;
    row->settled_ms = (uint64_t)incident.settled_ms;
    row->settled_by = incident.settled_by[0] ? nb_answer_string(answer, incident.settled_by) : NULL;
    return (row->node && row->text) ? fill_outputs(&incident.result, row, answer, err)
                                    : nb_answer_no_memory(err);
}

nb_status nb_handle_incident_list(nb_coordinator *self, const nb_caller *caller,
                                  const Nightbus__Request *request, nb_answer *answer,
                                  nb_error *err)
{
    (void)caller;
    const Nightbus__IncidentList *said = request->incident_list;
    size_t limit = said->has_limit ? said->limit : INCIDENTS_DEFAULT;
    limit = (limit < INCIDENTS_MAX) ? limit : INCIDENTS_MAX;
    uint64_t ids[INCIDENTS_MAX];
    size_t count = 0;
    nb_status status = nb_ledger_list_incidents(self->ledger, said->has_before ? said->before : 0,
                                                limit, ids, &count, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__IncidentListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__IncidentRow **rows = nb_answer_take(answer, count, sizeof *rows);
    if (!listing || !rows) {
        return nb_answer_no_memory(err);
    }
    nightbus__incident_listing__init(listing);
    listing->rows = rows;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        rows[i] = nb_answer_take(answer, 1, sizeof *rows[i]);
        status = rows[i] ? fill_row(self, ids[i], rows[i], answer, err) : nb_answer_no_memory(err);
        listing->n_rows++;
    }
    listing->has_next = count > 0 && count == limit;
    listing->next = (count > 0) ? ids[count - 1] : 0;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_INCIDENT_LISTING;
    answer->reply.incident_listing = listing;
    return status;
}

/// The incidents that are settled together, so that a version gets one rendering of a task and not
/// one for each of its outputs.
typedef struct bundle {
    size_t count;
    nb_incident *incidents; ///< At most one of each key
} bundle;

static void bundle_fini(bundle *self)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_incident_fini(&self->incidents[i]);
    }
    free(self->incidents);
    *self = (bundle){0};
}

static nb_status read_bundle(nb_coordinator *self, const nb_incident *asked, bundle *out,
                             nb_error *err)
{
    uint64_t ids[NB_PLAN_OUTPUTS_MAX];
    size_t count = 0;
    nb_status status =
        nb_ledger_open_incidents_with(self->ledger, asked, ids, NB_COUNT(ids), &count, err);
    out->incidents = calloc(count ? count : 1, sizeof *out->incidents);
    if (!out->incidents) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for an incident");
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        nb_incident *incident = &out->incidents[out->count];
        bool gone = false;
        status = nb_ledger_get_incident(self->ledger, ids[i], incident, err);
        if (status != NB_OK) {
            return status;
        }
        out->count++;
        status = is_first_gone(self, incident, &gone, err);
        if (status == NB_OK && (!gone || is_edge(&incident->result))) {
            nb_incident_fini(incident);
            out->count--;
        } else if (status == NB_OK && !nb_coordinator_has_outputs(self, &incident->result)) {
            status = nb_fail(err, NB_E_NOT_FOUND,
                             "incident %" PRIu64 ": its files are gone as well: render it again",
                             incident->id);
        }
    }
    return status;
}

static nb_status keep(nb_coordinator *self, const nb_caller *caller, const nb_incident *asked,
                      nb_error *err)
{
    NB_SCOPED(bundle_fini) bundle kept = {0};
    bool gone = false;
    nb_status status = is_first_gone(self, asked, &gone, err);
    if (status == NB_OK && is_edge(&asked->result)) {
        return nb_fail(err, NB_E_CONFLICT,
                       "incident %" PRIu64
                       " is of an edge, which is made again where it is not kept "
                       "('nightbus incident dismiss' settles it)",
                       asked->id);
    }
    if (status == NB_OK && !gone) {
        return nb_fail(err, NB_E_CONFLICT,
                       "the files of the first rendering are there, so it stands ('nightbus "
                       "incident dismiss' settles it)");
    }
    if (status == NB_OK) {
        status = read_bundle(self, asked, &kept, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_keep_incidents(self->ledger, kept.incidents, kept.count,
                                          caller->member.name, nb_clock_wall_ms(), err);
    }
    for (size_t i = 0; status == NB_OK && i < kept.count; i++) {
        self->unreviewed = true; // the rendering goes into the reviews
        nb_log_info("incident %" PRIu64 ": kept as the next rendering, says %s",
                    kept.incidents[i].id, caller->member.name);
    }
    return status;
}

/// The repeat of a word that was heard, unless another one was given instead.
static nb_status check_settled(nb_coordinator *self, const nb_incident *asked, nb_error *err)
{
    NB_SCOPED(nb_result_fini) nb_result stands = {0};
    const nb_status status =
        nb_ledger_get_result(self->ledger, &asked->result.mix_key, &stands, err);
    if (status == NB_E_NOT_FOUND ||
        (status == NB_OK && !nb_result_equal(&stands, &asked->result))) {
        return nb_fail(err, NB_E_CONFLICT,
                       "incident %" PRIu64 " was settled by %s, and another result stands",
                       asked->id, asked->settled_by);
    }
    return status;
}

nb_status nb_handle_incident_keep(nb_coordinator *self, const nb_caller *caller,
                                  const Nightbus__Request *request, nb_answer *answer,
                                  nb_error *err)
{
    const Nightbus__IncidentKeep *said = request->incident_keep;
    NB_SCOPED(nb_incident_fini) nb_incident asked = {0};
    const bool dismiss = said->has_dismiss && said->dismiss;
    nb_status status = nb_ledger_get_incident(self->ledger, said->incident, &asked, err);
    if (status == NB_OK && asked.settled_ms > 0) {
        status = dismiss ? NB_OK : check_settled(self, &asked, err);
    } else if (status == NB_OK) {
        status = dismiss ? nb_ledger_dismiss_incident(self->ledger, asked.id, caller->member.name,
                                                      nb_clock_wall_ms(), err)
                         : keep(self, caller, &asked, err);
    }
    return (status == NB_OK) ? nb_answer_ack(answer, err) : status;
}

// ---- Doubts ----

/// The asker got bytes that are not what the blob's name says. Answered once it was read again
/// here; until then with NB_E_TIMEOUT.
nb_status nb_handle_doubt(nb_coordinator *self, const nb_caller *caller,
                          const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__Doubt *said = request->doubt;
    const nb_digest digest = nb_wire_to_digest(said->digest);
    uint64_t size = 0;
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        status = nb_ledger_get_blob(self->ledger, album->name, &digest, &size, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const bool again = said->has_again && said->again;
    if ((!again && !nb_inspection_ask(self->inspection, &digest)) ||
        nb_inspection_is_at(self->inspection, &digest)) {
        return nb_fail(err, NB_E_TIMEOUT, "the farm reads that file again: ask a little later");
    }
    return nb_answer_ack(answer, err);
}
