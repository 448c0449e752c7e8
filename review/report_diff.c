// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/report_diff.h"

#include <math.h>
#include <string.h>

// Reports show tenths: what moved less, nobody sees there.
static const double moved_min = 0.1;
static const double band_moved_min = 0.5;

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

/// dB that a band moved; 0 where one of the two has nothing there, or too little to be heard.
static double band_move(const nb_report *before, const nb_report *after, size_t band)
{
    static const double heard_min_db = -90.0;
    const double old = before->spectrum_db[band];
    const double new = after->spectrum_db[band];
    const bool heard = old > heard_min_db || new > heard_min_db;
    return (heard && isfinite(old) && isfinite(new)) ? new - old : 0.0;
}

static int move_direction(double move)
{
    return (move > band_moved_min) ? 1 : (move < -band_moved_min) ? -1 : 0;
}

static void add_hz(double hz, nb_text *out)
{
    nb_text_addf(out, (hz < 1000.0) ? "%g Hz" : "%.3g kHz", (hz < 1000.0) ? hz : hz / 1000.0);
}

/// "80 Hz", "80-160 Hz", "800 Hz-2 kHz", "2-3.15 kHz".
static void add_band_range(size_t first, size_t last, nb_text *out)
{
    const double low = nb_report_band_hz[first];
    const double high = nb_report_band_hz[last];
    if (first < last && (low < 1000.0) == (high < 1000.0)) {
        nb_text_addf(out, "%.3g-", (low < 1000.0) ? low : low / 1000.0);
    } else if (first < last) {
        add_hz(low, out);
        nb_text_add(out, "-");
    }
    add_hz(high, out);
}

/// Bands [first, end), which moved the same way: "80-160 Hz  +0.8 to +1.9 dB".
static void add_bands(const double *moves, size_t first, size_t end, nb_text *out)
{
    double least = moves[first];
    double most = moves[first];
    for (size_t i = first; i < end; i++) {
        least = (fabs(moves[i]) < fabs(least)) ? moves[i] : least;
        most = (fabs(moves[i]) > fabs(most)) ? moves[i] : most;
    }
    NB_SCOPED(nb_text_fini) nb_text range = {0};
    add_band_range(first, end - 1, &range);
    nb_text_addf(out, "  %-17s ", range.failed ? "" : range.chars);
    if (fabs(most - least) >= moved_min) {
        nb_text_addf(out, "%+.1f to %+.1f dB\n", least, most);
    } else {
        nb_text_addf(out, "%+.1f dB\n", most);
    }
}

static bool add_spectrum(const nb_report *before, const nb_report *after, nb_text *out)
{
    const size_t count = (before->spectrum_count < after->spectrum_count) ? before->spectrum_count
                                                                          : after->spectrum_count;
    double moves[NB_REPORT_BANDS] = {0};
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        moves[i] = band_move(before, after, i);
    }
    for (size_t first = 0, end = 0; first < count; first = end) {
        const int direction = move_direction(moves[first]);
        end = first + 1;
        while (end < count && move_direction(moves[end]) == direction) {
            end++;
        }
        if (direction != 0) {
            add_bands(moves, first, end, out);
            any = true;
        }
    }
    return any;
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
    any = add_spectrum(before, after, out) || any;
    nb_text_add(out, any ? "" : "  loudness, range and peak within 0.1 of what they were\n");
}

static json_t *spectrum_to_json(const nb_report *before, const nb_report *after)
{
    NB_SCOPED(nb_json_free) json_t *array = json_array();
    const size_t count = (before->spectrum_count > after->spectrum_count) ? before->spectrum_count
                                                                          : after->spectrum_count;
    for (size_t i = 0; i < count && array; i++) {
        const bool old = i < before->spectrum_count;
        const bool new = i < after->spectrum_count;
        json_t *band =
            json_pack("{s:o, s:o, s:o}", "centre_hz", nb_json_number(nb_report_band_hz[i]), "old",
                      nb_json_number(old ? before->spectrum_db[i] : -INFINITY), "new",
                      nb_json_number(new ? after->spectrum_db[i] : -INFINITY));
        if (json_array_append_new(array, band) != 0) {
            return NULL;
        }
    }
    return json_incref(array);
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
    if (object && json_object_set_new(object, "spectrum", spectrum_to_json(before, after)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
