// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/report_diff.h"

#include <math.h>
#include <string.h>

// Reports show tenths: what moved less, nobody sees there.
static const double moved_min = 0.1;

static const struct {
    const char *key;
    const char *title;
    const char *unit;
    size_t offset;
} figures[] = {
    {"integrated_lufs", "integrated", "LUFS", offsetof(nb_report, integrated_lufs)},
    {"loudness_range_lu", "loudness range", "LU", offsetof(nb_report, loudness_range_lu)},
    {"short_term_max_lufs", "short-term max", "LUFS", offsetof(nb_report, short_term_max_lufs)},
    {"true_peak_dbtp", "true peak", "dBTP", offsetof(nb_report, true_peak_dbtp)},
    {"plr_lu", "peak to loudness", "LU", offsetof(nb_report, plr_lu)},
};

static double figure_of(const nb_report *report, size_t index)
{
    double value = 0.0;
    memcpy(&value, (const char *)report + figures[index].offset, sizeof value);
    return value;
}

static void add_level(double level, nb_text *out)
{
    const double shown = round(level * 10.0) / 10.0;
    if (isfinite(level)) {
        nb_text_addf(out, "%.1f", shown == 0.0 ? 0.0 : shown);
    } else {
        nb_text_add(out, "none");
    }
}

static void add_figure(size_t index, double before, double after, nb_text *out)
{
    nb_text_addf(out, "  %-17s ", figures[index].title);
    add_level(before, out);
    nb_text_add(out, " \u2192 ");
    add_level(after, out);
    nb_text_addf(out, " %s", figures[index].unit);
    if (isfinite(before) && isfinite(after)) {
        nb_text_addf(out, " (%+.1f)", after - before);
    }
    nb_text_add(out, "\n");
}

void nb_report_diff_print(const nb_report *before, const nb_report *after, bool colour,
                          nb_text *out)
{
    bool any = false;
    nb_text_addf(out, "%sMeasured%s\n", colour ? "\033[1m" : "", colour ? "\033[0m" : "");
    for (size_t i = 0; i < NB_COUNT(figures); i++) {
        const double left = figure_of(before, i);
        const double right = figure_of(after, i);
        const bool moved = isfinite(left) && isfinite(right) ? fabs(right - left) > moved_min
                                                             : isfinite(left) != isfinite(right);
        if (moved) {
            add_figure(i, left, right, out);
            any = true;
        }
    }
    nb_text_add(out, any ? "" : "  loudness, range and peak within 0.1 of what they were\n");
}

json_t *nb_report_diff_to_json(const nb_report *before, const nb_report *after)
{
    json_t *object = json_object();
    for (size_t i = 0; i < NB_COUNT(figures) && object; i++) {
        json_t *pair = json_pack("{s:o, s:o}", "old", nb_json_number(figure_of(before, i)), "new",
                                 nb_json_number(figure_of(after, i)));
        if (json_object_set_new(object, figures[i].key, pair) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}
