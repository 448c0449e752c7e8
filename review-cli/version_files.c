// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/version_files.h"

#include "base/text.h"
#include "review-cli/batch.h"
#include "review-cli/follow.h"
#include "review/event.h"

#include <stdio.h>
#include <string.h>

static nb_status follow_one(nb_farm *farm, uint64_t job, nb_error *err)
{
    nb_followed followed = {0};
    const nb_status status = nb_follow(farm, &job, 1, NULL, NULL, &followed, err);
    if (status == NB_OK && !followed.done) {
        return nb_fail(err, NB_E_INVALID, "%s could not be rendered: %s", followed.name,
                       followed.error);
    }
    return status;
}

nb_status nb_version_render_again(nb_farm *farm, const nb_version_name *name, nb_render_wish wish,
                                  nb_error *err)
{
    nb_version_name copy = *name; // messages borrow without const
    Nightbus__Render body = NIGHTBUS__RENDER__INIT;
    body.album = farm->album;
    body.song = copy.song;
    body.version = copy.version;
    body.has_stems = body.stems = wish == NB_RENDER_STEMS;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_RENDER;
    request.render = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status =
        nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_JOB_STARTED, 0, &reply, err);
    return status == NB_OK ? follow_one(farm, reply->job_started->job, err) : status;
}

static bool is_done(const Nightbus__VersionInfo *info)
{
    return strcmp(info->state, "done") == 0 && info->n_outputs > 0;
}

nb_status nb_version_wait(nb_farm *farm, nb_version_name *name, Nightbus__Reply **out_reply,
                          nb_error *err)
{
    nb_status status = nb_farm_show(farm, name, out_reply, err);
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__VersionInfo *info = (*out_reply)->version_info;
    snprintf(name->version, sizeof name->version, "%s", info->version);
    if (is_done(info)) {
        return NB_OK;
    }
    if (strcmp(info->state, "failed") == 0) {
        status = nb_fail(err, NB_E_INVALID, "%s@%s could not be rendered: %s", name->song,
                         name->version, info->error ? info->error : "the farm does not say why");
        nb_text_make_printable(err->text);
    } else {
        status = info->has_job && strcmp(info->state, "done") != 0
                     ? follow_one(farm, info->job, err)
                     : nb_version_render_again(farm, name, NB_RENDER_MIXES, err);
    }
    nb_wire_free_reply(out_reply);
    if (status == NB_OK) {
        status = nb_farm_show(farm, name, out_reply, err);
    }
    if (status == NB_OK && !is_done((*out_reply)->version_info)) {
        nb_wire_free_reply(out_reply);
        return nb_fail(err, NB_E_NOT_FOUND, "%s@%s has no rendered files", name->song,
                       name->version);
    }
    return status;
}

const Nightbus__OutputRow *nb_version_output(const Nightbus__VersionInfo *info, const char *name)
{
    for (size_t i = 0; i < info->n_outputs; i++) {
        if (strcmp(info->outputs[i]->name, name) == 0) {
            return info->outputs[i];
        }
    }
    return NULL;
}

const Nightbus__OutputRow *nb_version_audio(const Nightbus__VersionInfo *info)
{
    for (size_t i = 0; i < info->n_outputs; i++) {
        if (nb_event_is_main_audio(info->outputs[i]->name)) {
            return info->outputs[i];
        }
    }
    return NULL;
}

const char *nb_version_ending(const char *output)
{
    const char *dot = strrchr(output, '.');
    return dot ? dot : "";
}

nb_status nb_version_report(nb_farm *farm, nb_version_name *name, char **out_bytes,
                            size_t *out_size, nb_error *err)
{
    *out_bytes = NULL;
    for (unsigned round = 0;; round++) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        nb_status status = nb_version_wait(farm, name, &reply, err);
        const Nightbus__OutputRow *row =
            status == NB_OK ? nb_version_output(reply->version_info, "report.json") : NULL;
        if (status == NB_OK && !row) {
            return nb_fail(err, NB_E_NOT_FOUND, "%s@%s has no report", name->song, name->version);
        }
        if (status == NB_OK) {
            const nb_digest digest = nb_wire_to_digest(row->digest);
            status = nb_batch_bytes(farm, &digest, row->size, out_bytes, out_size, err);
        }
        if (status != NB_E_NOT_FOUND || !row || round > 0) {
            return status;
        }
        status = nb_version_render_again(farm, name, NB_RENDER_MIXES, err); // it was collected
        if (status != NB_OK) {
            return status;
        }
    }
}
