// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/pushed.h"

#include "base/text.h"
#include "review-cli/answered.h"
#include "review-cli/follow.h"
#include "review-cli/version_files.h"
#include "review/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *nb_pushed_to_json(const nb_pushed *self)
{
    const Nightbus__Pushed *pushed = self->reply;
    json_t *versions = json_array();
    json_t *jobs = json_array();
    for (size_t i = 0; pushed && i < pushed->n_versions; i++) {
        json_array_append_new(versions, nb_cli_json_string(pushed->versions[i]));
    }
    for (size_t i = 0; pushed && i < pushed->n_jobs; i++) {
        json_array_append_new(jobs, json_integer((json_int_t)pushed->jobs[i]));
    }
    json_t *json = json_pack("{s:b, s:o, s:o, s:o, s:I}", "pushed", pushed != NULL, "commit",
                             nb_cli_json_string(self->commit), "versions", versions, "jobs", jobs,
                             "sent_bytes", (json_int_t)self->sent_bytes);
    if (json && self->more) {
        json_object_update(json, self->more);
    }
    if (json) {
        json_object_set_new(json, "fixed", json_array()); // filled by nb_pushed_tell
        json_object_set_new(json, "open", json_array());
    }
    return json;
}

static nb_status print(const nb_pushed *self, const nb_answered *notes, nb_error *err)
{
    const Nightbus__Pushed *pushed = self->reply;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    char sent[NB_TEXT_SIZE_SIZE];
    nb_text_format_size(self->sent_bytes, sent);
    nb_text_addf(&text, "revision %.8s, %s sent\n", pushed->commit, sent);
    for (size_t i = 0; i < pushed->n_versions; i++) {
        nb_text_make_printable(pushed->versions[i]);
        nb_text_addf(&text, "  %s", pushed->versions[i]);
        if (i < pushed->n_jobs) {
            nb_text_addf(&text, "  job %" PRIu64, pushed->jobs[i]);
        }
        nb_text_add(&text, "\n");
    }
    nb_text_add(&text,
                pushed->n_versions == 0 ? "  no song sounds different: no new version\n" : "");
    nb_text_add(&text, self->details ? self->details : "");
    nb_answered_print(notes->fixed, "fixes", &text);
    nb_answered_print(notes->open, "open:", &text);
    return nb_cli_print(&text, err);
}

static void format_level(double value, const char *unit, char *out, size_t size)
{
    if (isfinite(value)) {
        snprintf(out, size, "%.1f %s", value, unit);
    } else {
        snprintf(out, size, "silent");
    }
}

/// "  night@v3  -14.2 LUFS, -1.0 dBTP   nightbus fetch night@v3"
static nb_status print_version(const nb_pushed *self, const nb_followed *followed, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    size_t size = 0;
    nb_status status = nb_version_name_parse(followed->name, &name, err);
    if (status == NB_OK) {
        status = nb_version_report(self->farm, &name, &bytes, &size, err);
    }
    if (status == NB_OK) {
        status = nb_json_parse("the report", bytes, size, &json, err);
    }
    if (status == NB_OK) {
        status = nb_report_from_json("the report", json, &report, err);
    }
    if (status != NB_OK) {
        return status;
    }
    char loudness[32];
    char peak[32];
    format_level(report.integrated_lufs, "LUFS", loudness, sizeof loudness);
    format_level(report.true_peak_dbtp, "dBTP", peak, sizeof peak);
    return nb_cli_printf(err, "  %s  %s, %s%s   nightbus fetch %s\n", followed->name, loudness,
                         peak, followed->cached ? ", known already" : "", followed->name);
}

static nb_status follow(const nb_pushed *self, nb_followed *followed, nb_error *err)
{
    const Nightbus__Pushed *pushed = self->reply;
    const size_t count = pushed->n_jobs < NB_FOLLOW_JOBS_MAX ? pushed->n_jobs : NB_FOLLOW_JOBS_MAX;
    nb_status status = nb_follow(self->farm, pushed->jobs, count, NULL, NULL, followed, err);
    size_t failed_count = 0;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        if (!followed[i].done) {
            fprintf(stderr, "  %s failed: %s\n", followed[i].name, followed[i].error);
            failed_count++;
        } else if (!self->cli->json) {
            status = print_version(self, &followed[i], err);
        }
    }
    if (status == NB_OK && failed_count > 0) {
        return nb_fail(err, NB_E_INVALID,
                       "pushed, but %zu of %zu versions could not be rendered (`nightbus jobs`)",
                       failed_count, count);
    }
    return status;
}

static nb_status print_json(const nb_pushed *self, const nb_answered *notes, nb_error *err)
{
    json_t *json = nb_pushed_to_json(self);
    if (json) {
        json_object_set(json, "fixed", notes->fixed);
        json_object_set(json, "open", notes->open);
    }
    return nb_cli_print_json(json, err);
}

nb_status nb_pushed_tell(const nb_pushed *self, nb_error *err)
{
    NB_SCOPED(nb_answered_fini) nb_answered notes = {0};
    nb_error why = {0};
    if (nb_answered_by_push(self->farm, self->reply->versions, self->reply->n_versions,
                            self->message ? self->message : "", &notes, &why) != NB_OK) {
        fprintf(stderr, "nightbus push: pushed, but its notes can't be told: %s\n", why.text);
    }
    nb_status status = self->cli->json ? print_json(self, &notes, err) : print(self, &notes, err);
    if (status == NB_OK && notes.missed.chars) {
        fputs(notes.missed.chars, stderr);
    }
    if (status != NB_OK || nb_args_has(&self->cli->args, "no-wait")) {
        return status;
    }
    nb_followed *followed = calloc(NB_FOLLOW_JOBS_MAX, sizeof *followed);
    if (!followed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to follow the jobs");
    }
    status = follow(self, followed, err);
    free(followed);
    return status;
}
