// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/measure.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>

static ptrdiff_t find(const nb_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        if (strcmp(plan->files[i].path, path) == 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

const nb_plan_file *nb_measure_file(const nb_plan *plan, const nb_print *print, size_t index)
{
    const ptrdiff_t found = find(plan, print->files[index].path);
    return found >= 0 ? &plan->files[found] : NULL;
}

static nb_status check_key(const nb_plan *plan, const nb_print *print,
                           const nb_fingerprint *fingerprint, nb_error *err)
{
    nb_digest digests[NB_PRINT_FILES_MAX];
    for (size_t i = 0; i < print->file_count; i++) {
        const nb_plan_file *file = nb_measure_file(plan, print, i);
        if (!file) {
            return nb_fail(err, NB_E_NOT_FOUND, "%s: the plan does not have this file",
                           print->files[i].path);
        }
        digests[i] = file->digest;
    }
    const nb_digest key = nb_print_key(print, digests, fingerprint);
    if (!nb_digest_equal(&key, &plan->mix_key)) {
        return nb_fail(err, NB_E_VERSION,
                       "the plan's key of %s is not the one that this renderer computes: the two "
                       "programs differ, upgrade the older one",
                       plan->version);
    }
    return NB_OK;
}

nb_status nb_measure_read(const nb_plan *plan, const char *bytes, size_t size,
                          const nb_fingerprint *fingerprint, nb_print **out, nb_error *err)
{
    *out = NULL;
    const bool is_master = plan->kind == NB_PLAN_MASTER;
    NB_SCOPED(nb_text_free)
    char *name =
        nb_text_format("songs/%s/%s", plan->song, is_master ? "master.yaml" : "print.yaml");
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    nb_status status =
        nb_print_parse(name ? name : "print.yaml", bytes, size,
                       is_master ? NB_PRINT_MASTER : NB_PRINT_MIX, NULL, &print, err);
    if (status == NB_OK) {
        status = check_key(plan, print, fingerprint, err);
    }
    if (status == NB_OK) {
        *out = print;
        print = NULL; // the caller's now
    }
    return status;
}

nb_status nb_measure_run(const nb_plan *plan, const nb_print *print, char *const *paths,
                         const nb_audio_watch *watch, nb_report *out, char **out_text,
                         nb_error *err)
{
    *out_text = NULL;
    const char *files[NB_PRINT_FILES_MAX];
    for (size_t i = 0; i < print->file_count; i++) {
        const ptrdiff_t found = find(plan, print->files[i].path);
        if (found < 0) {
            return nb_fail(err, NB_E_NOT_FOUND, "%s: the plan does not have this file",
                           print->files[i].path);
        }
        files[i] = paths[found];
    }
    const ptrdiff_t mix = find(plan, NB_PLAN_MIX_PATH);
    if (print->kind == NB_PRINT_MASTER && mix < 0) {
        return nb_fail(err, NB_E_NOT_FOUND, "the plan does not have the mix that was mastered");
    }
    const nb_print_source source = {
        .print = print,
        .paths = files,
        .mix_path = mix >= 0 ? paths[mix] : NULL,
        .watch = watch,
    };
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    const nb_status status = nb_print_measure(&source, out, &json, err);
    if (status != NB_OK) {
        return status;
    }
    *out_text = nb_json_to_text(json);
    return *out_text ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a report");
}
