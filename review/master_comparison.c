// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/master_comparison.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { CELL_SIZE = 40 };

/// The rows of the comparison: in the JSON and on the screen alike.
static const struct row {
    const char *key;
    const char *label;
    const char *unit;
    size_t offset;
    int decimals;
} rows[] = {
    {"duration_s", "length", "s", offsetof(nb_master_figures, duration_s), 2},
    {"sound_s", "of it sounding", "s", offsetof(nb_master_figures, sound_s), 2},
    {"integrated_lufs", "loudness", "LUFS", offsetof(nb_master_figures, integrated_lufs), 1},
    {"loudness_range_lu", "loudness range", "LU", offsetof(nb_master_figures, loudness_range_lu),
     1},
    {"true_peak_dbtp", "true peak", "dBTP", offsetof(nb_master_figures, true_peak_dbtp), 1},
    {"plr_lu", "peak to loudness", "LU", offsetof(nb_master_figures, plr_lu), 1},
};

static double figure(const nb_master_figures *figures, const struct row *row)
{
    double value = 0.0;
    memcpy(&value, (const char *)figures + row->offset, sizeof value);
    return value;
}

void nb_master_figures_of(const nb_report *report, nb_master_figures *out)
{
    // A silent file is all head and all tail.
    const double sound_s = report->duration_s - report->silence_head_s - report->silence_tail_s;
    *out = (nb_master_figures){
        .duration_s = report->duration_s,
        .sound_s = fmax(sound_s, 0.0),
        .integrated_lufs = report->integrated_lufs,
        .loudness_range_lu = report->loudness_range_lu,
        .true_peak_dbtp = report->true_peak_dbtp,
        .plr_lu = report->plr_lu,
    };
}

size_t nb_master_doubts(const nb_master_comparison *self,
                        char out[NB_MASTER_DOUBTS_MAX][NB_MASTER_DOUBT_SIZE])
{
    size_t count = 0;
    if (!isfinite(self->after.integrated_lufs)) {
        snprintf(out[count++], NB_MASTER_DOUBT_SIZE, "the file is silent");
        return count;
    }
    if (!self->matches) {
        snprintf(out[count++], NB_MASTER_DOUBT_SIZE,
                 "it does not hold the music of %s (correlation %.2f)", self->mix,
                 self->confidence);
    }
    const double longer_s = self->after.sound_s - self->before.sound_s;
    if (fabs(longer_s) > NB_MASTER_LENGTH_DIFFERENCE_S) {
        snprintf(out[count++], NB_MASTER_DOUBT_SIZE,
                 "it is %.1f s %s than %s (%.1f s of sound where the mix has %.1f s)",
                 fabs(longer_s), longer_s > 0 ? "longer" : "shorter", self->mix,
                 self->after.sound_s, self->before.sound_s);
    }
    return count;
}

static json_t *figures_to_json(const nb_master_figures *figures)
{
    json_t *json = json_object();
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        json_object_set_new(json, rows[i].key, nb_json_number(figure(figures, &rows[i])));
    }
    return json;
}

json_t *nb_master_comparison_to_json(const nb_master_comparison *self)
{
    return json_pack("{s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "mix", self->mix, "before",
                     figures_to_json(&self->before), "after", figures_to_json(&self->after),
                     "matches", self->matches, "offset_s",
                     self->matches ? nb_json_number(self->offset_s) : json_null(), "steady",
                     self->matches ? json_boolean(self->steady) : json_null(), "inverted",
                     self->matches ? json_boolean(self->inverted) : json_null(), "confidence",
                     nb_json_number(self->confidence));
}

static nb_status read_figures(const char *what, const json_t *json, const char *key,
                              nb_master_figures *out, nb_error *err)
{
    const json_t *figures = json_object_get(json, key);
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        const json_t *value = json_object_get(figures, rows[i].key);
        if (!value || (!json_is_number(value) && !json_is_null(value))) {
            return nb_fail(err, NB_E_INVALID, "%s: %s.%s is no number", what, key, rows[i].key);
        }
        const double number = json_is_number(value) ? json_number_value(value) : -INFINITY;
        memcpy((char *)out + rows[i].offset, &number, sizeof number);
    }
    return NB_OK;
}

nb_status nb_master_comparison_from_json(const char *what, const json_t *json,
                                         nb_master_comparison *out, nb_error *err)
{
    *out = (nb_master_comparison){0};
    const char *mix = NULL;
    nb_status status = nb_json_get_string(what, json, "mix", &mix, err);
    if (status == NB_OK && strlen(mix) >= sizeof out->mix) {
        status = nb_fail(err, NB_E_INVALID, "%s: mix is no version", what);
    }
    if (status == NB_OK) {
        snprintf(out->mix, sizeof out->mix, "%s", mix);
        status = read_figures(what, json, "before", &out->before, err);
    }
    if (status == NB_OK) {
        status = read_figures(what, json, "after", &out->after, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_number(what, json, "confidence", &out->confidence, err);
    }
    out->matches = json_is_true(json_object_get(json, "matches"));
    out->steady = json_is_true(json_object_get(json, "steady"));
    out->inverted = json_is_true(json_object_get(json, "inverted"));
    return status == NB_OK && out->matches
               ? nb_json_get_number(what, json, "offset_s", &out->offset_s, err)
               : status;
}

// ---- For people ----

static void format_cell(const struct row *row, double value, char out[CELL_SIZE])
{
    if (isfinite(value)) {
        snprintf(out, CELL_SIZE, "%.*f %s", row->decimals, value, row->unit);
    } else {
        snprintf(out, CELL_SIZE, "none");
    }
}

static void print_row(const nb_master_comparison *self, const struct row *row, nb_text *out)
{
    const double before = figure(&self->before, row);
    const double after = figure(&self->after, row);
    char cells[2][CELL_SIZE];
    format_cell(row, before, cells[0]);
    format_cell(row, after, cells[1]);
    nb_text_addf(out, "  %-18s %14s %14s", row->label, cells[0], cells[1]);
    if (isfinite(before) && isfinite(after)) {
        const double limit = row->decimals == 2 ? 0.005 : 0.05; // what rounds to nothing
        const double change = fabs(after - before) < limit ? 0.0 : after - before;
        nb_text_addf(out, "  %+.*f", row->decimals, change);
    }
    nb_text_add(out, "\n");
}

static void print_place(const nb_master_comparison *self, nb_text *out)
{
    if (!isfinite(self->after.integrated_lufs)) {
        nb_text_add(out, "  the file is silent\n");
        return;
    }
    if (!self->matches) {
        nb_text_addf(out, "  does not hold the music of %s (correlation %.2f)\n", self->mix,
                     self->confidence);
        return;
    }
    nb_text_addf(out, "  holds the music of %s (correlation %.2f), ", self->mix, self->confidence);
    if (fabs(self->offset_s) < 5e-7) {
        nb_text_add(out, "to the sample in its place\n");
    } else {
        nb_text_addf(out, "%.4f s %s\n", fabs(self->offset_s),
                     self->offset_s > 0 ? "later" : "earlier");
    }
    nb_text_add(out, self->inverted ? "  its polarity is the mix's turned over\n" : "");
    nb_text_add(out, self->steady ? "" : "  parts of it lie elsewhere than the rest: edited?\n");
}

void nb_master_comparison_print(const nb_master_comparison *self, bool colour, nb_text *out)
{
    nb_text_addf(out, "%s  %-18s %14s %14s%s\n", colour ? "\033[1m" : "", "", self->mix, "master",
                 colour ? "\033[0m" : "");
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        print_row(self, &rows[i], out);
    }
    print_place(self, out);
}
