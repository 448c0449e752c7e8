// SPDX-License-Identifier: GPL-3.0-or-later
// A report as people read it in a terminal of 80 columns.
#include "review/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PICTURE_COLUMNS = 66,
    PICTURE_ROWS = 8,
    BLOCKS = 8, // levels that one character can show
    POINTS_PER_SECOND = 10,
    VALUE_SIZE = 48
};

// A file shorter than this shows too little of a 3 s window.
static const double short_file_s = 30.0;

typedef struct ansi_style {
    const char *bold, *dim, *bar, *warn, *off;
} ansi_style;

static const ansi_style plain = {"", "", "", "", ""};
static const ansi_style coloured = {"\033[1m", "\033[2m", "\033[36m", "\033[33m", "\033[0m"};

static void format_level(char out[VALUE_SIZE], double level, const char *unit)
{
    if (isfinite(level)) {
        const double shown = round(level * 10.0) / 10.0;
        snprintf(out, VALUE_SIZE, "%7.1f %s", (shown == 0.0) ? 0.0 : shown, unit);
    } else {
        snprintf(out, VALUE_SIZE, "%7s", "none");
    }
}

static void add_row(nb_text *out, const char *left, const char *left_value, const char *right,
                    const char *right_value)
{
    nb_text_addf(out, "  %-17s%-16s  %-20s%s\n", left, left_value, right, right_value);
}

static void format_channels(char out[VALUE_SIZE], const nb_report *self)
{
    const unsigned rate = self->sample_rate_hz;
    char places[24];
    snprintf(places, sizeof places, "%u channels", self->channels);
    const char *name = (self->channels == 1) ? "mono" : (self->channels == 2) ? "stereo" : places;
    snprintf(out, VALUE_SIZE, "%u.%u kHz, %s", rate / 1000, rate % 1000 / 100, name);
}

static void add_figures(const nb_report *self, const ansi_style *style, nb_text *out)
{
    char left[VALUE_SIZE];
    char right[VALUE_SIZE];
    char integrated[VALUE_SIZE];
    nb_text_format_time(self->duration_s, right);
    format_level(integrated, self->integrated_lufs, "LUFS");
    nb_text_addf(out, "  %-17s%s%-16s%s  %-20s%s\n", "Integrated", style->bold, integrated,
                 style->off, "Length", right);
    format_level(left, self->loudness_range_lu, "LU");
    format_channels(right, self);
    add_row(out, "Loudness range", left, "Format", right);
    format_level(left, self->short_term_max_lufs, "LUFS");
    snprintf(right, sizeof right, "%lld", (long long)self->clipped_samples);
    add_row(out, "Short-term max", left, "Clipped samples", right);
    format_level(left, self->momentary_max_lufs, "LUFS");
    snprintf(right, sizeof right, "%.4f %%", 100.0 * fabs(self->dc_offset));
    add_row(out, "Momentary max", left, "DC offset", right);
    format_level(left, self->true_peak_dbtp, "dBTP");
    snprintf(right, sizeof right, "%.2f", self->stereo_correlation);
    add_row(out, "True peak", left, "Stereo correlation",
            isfinite(self->stereo_correlation) ? right : "none");
    format_level(left, self->sample_peak_dbfs, "dBFS");
    snprintf(right, sizeof right, "%.2f s", self->silence_head_s);
    add_row(out, "Sample peak", left, "Silence at head", right);
    format_level(left, self->plr_lu, "LU");
    snprintf(right, sizeof right, "%.2f s", self->silence_tail_s);
    add_row(out, "Peak to loudness", left, "Silence at tail", right);
}

static void warn(nb_text *out, const ansi_style *style, const char *format, ...) NB_PRINTF(3, 4);

static void warn(nb_text *out, const ansi_style *style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nb_text_addf(out, "  %s! ", style->warn);
    nb_text_addv(out, format, args);
    nb_text_addf(out, "%s\n", style->off);
    va_end(args);
}

static void warn_of_levels(const nb_report *self, const ansi_style *style, nb_text *out)
{
    static const double delivery_peak_dbtp = -1.0; // EBU R 128, and what streaming asks for
    static const double offset_heard = 0.001;      // -60 dBFS: a click at each edit
    if (!isfinite(self->integrated_lufs)) {
        warn(out, style, "%s",
             isfinite(self->sample_peak_dbfs) ? "Too quiet or too short to have a loudness."
                                              : "Silent from start to end.");
    }
    if (self->clipped_samples > 0) {
        warn(out, style, "Clipping: %lld sample%s at or over full scale.",
             (long long)self->clipped_samples, (self->clipped_samples == 1) ? "" : "s");
    }
    if (self->true_peak_dbtp > 0.0) {
        warn(out, style, "Over full scale between the samples: %+.1f dBTP distorts on playback.",
             self->true_peak_dbtp);
    } else if (self->true_peak_dbtp >= delivery_peak_dbtp + 0.05) { // what is shown as over it
        warn(out, style, "True peak is over -1 dBTP, which most deliveries ask for.");
    }
    if (fabs(self->dc_offset) > offset_heard) {
        warn(out, style, "DC offset of %.1f %% of full scale.", 100.0 * fabs(self->dc_offset));
    }
}

static void warn_of_shape(const nb_report *self, const ansi_style *style, nb_text *out)
{
    static const double same = 0.9999;
    static const double opposed = -0.2;
    static const double head_max_s = 1.0;
    static const double tail_max_s = 3.0;
    if (self->channels == 2 && self->stereo_correlation > same) {
        warn(out, style, "Mono: both channels play the same.");
    }
    if (self->channels == 2 && isfinite(self->stereo_correlation) &&
        self->stereo_correlation < opposed) {
        warn(out, style, "Out of phase: much of it is lost in mono.");
    }
    if (!isfinite(self->sample_peak_dbfs)) {
        return; // said already
    }
    if (self->silence_head_s > head_max_s) {
        warn(out, style, "Begins with %.1f s of silence.", self->silence_head_s);
    }
    if (self->silence_tail_s > tail_max_s) {
        warn(out, style, "Ends with %.1f s of silence.", self->silence_tail_s);
    }
}

/// The loudness of each column, -INFINITY for silence: the mean energy of its points.
static void reduce(const float *points, size_t count, double columns[PICTURE_COLUMNS])
{
    for (size_t c = 0; c < PICTURE_COLUMNS; c++) {
        const size_t first = c * count / PICTURE_COLUMNS;
        const size_t last = (c + 1) * count / PICTURE_COLUMNS;
        const size_t end = (last > first) ? last : first + 1;
        double energy = 0.0;
        for (size_t i = first; i < end; i++) {
            energy += pow(10.0, (double)points[i] / 10.0);
        }
        energy /= (double)(end - first);
        columns[c] = (energy > 0.0) ? 10.0 * log10(energy) : -INFINITY;
    }
}

typedef struct level_scale {
    double top;  ///< LUFS at the upper edge of the highest row
    double step; ///< LU a row
} level_scale;

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

/// Rows of whole LU that hold the loudest column, the integrated loudness and all but the quietest
/// tenth.
static bool choose_scale(const double columns[PICTURE_COLUMNS], double integrated, level_scale *out)
{
    static const double steps[] = {2, 3, 4, 5, 6, 8, 10};
    double sorted[PICTURE_COLUMNS];
    size_t count = 0;
    for (size_t c = 0; c < PICTURE_COLUMNS; c++) {
        if (columns[c] > -70.0) { // under the gate of BS.1770
            sorted[count++] = columns[c];
        }
    }
    if (count == 0) {
        return false;
    }
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    const double highest = fmax(sorted[count - 1], integrated);
    for (size_t i = 0; i < NB_COUNT(steps); i++) {
        out->step = steps[i];
        out->top = ceil(highest / steps[i]) * steps[i];
        if (out->top - steps[i] * (PICTURE_ROWS - 1) <= sorted[count / 10]) {
            break;
        }
    }
    return true;
}

static void add_bar_row(const double columns[PICTURE_COLUMNS], const level_scale *scale,
                        unsigned row, nb_text *out)
{
    static const char *const blocks[BLOCKS + 1] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                                   "\u2585", "\u2586", "\u2587", "\u2588"};
    const double bottom = scale->top - scale->step * (row + 1);
    for (size_t c = 0; c < PICTURE_COLUMNS; c++) {
        const double part = (columns[c] - bottom) / scale->step * BLOCKS;
        const int block = !(part > 0.0) ? 0 : (part >= BLOCKS) ? BLOCKS : (int)part;
        nb_text_add(out, blocks[block]);
    }
}

/// Seconds between two marks of the time axis, which are at least ten columns apart.
static double choose_tick(double duration_s)
{
    static const double ticks[] = {0.5, 1,   2,   5,   10,   15,   30,
                                   60,  120, 300, 600, 1800, 3600, 3 * 3600.0};
    size_t i = 0;
    while (i + 1 < NB_COUNT(ticks) && ticks[i] / duration_s * PICTURE_COLUMNS < 10.0) {
        i++;
    }
    return ticks[i];
}

static void format_clock(double seconds, char out[16])
{
    const long whole = lround(seconds * 10.0);
    if (whole % 10 != 0) {
        snprintf(out, 16, "%ld.%ld", whole / 10 % 1000, whole % 10);
    } else if (whole >= 36000) {
        snprintf(out, 16, "%ld:%02ld:%02ld", whole / 36000 % 100, whole / 600 % 60,
                 whole / 10 % 60);
    } else {
        snprintf(out, 16, "%ld:%02ld", whole / 600 % 60, whole / 10 % 60);
    }
}

static void add_time_axis(double duration_s, const ansi_style *style, nb_text *out)
{
    const double tick = choose_tick(duration_s);
    char labels[PICTURE_COLUMNS + 1];
    bool is_mark[PICTURE_COLUMNS] = {false};
    memset(labels, ' ', PICTURE_COLUMNS);
    labels[PICTURE_COLUMNS] = '\0';
    for (unsigned i = 0; i * tick < duration_s; i++) {
        const size_t column = (size_t)(i * tick / duration_s * PICTURE_COLUMNS);
        char label[16];
        format_clock(i * tick, label);
        const size_t length = strlen(label);
        if (column + length <= PICTURE_COLUMNS) {
            is_mark[column] = true;
            memcpy(labels + column, label, length);
        }
    }
    nb_text_addf(out, "  %s     \u2514", style->dim);
    for (size_t c = 0; c < PICTURE_COLUMNS; c++) {
        nb_text_add(out, is_mark[c] ? "\u2534" : "\u2500");
    }
    nb_text_addf(out, "%s\n  %s      %s%s\n", style->off, style->dim, labels, style->off);
}

static void add_picture(const nb_report *self, const ansi_style *style, nb_text *out)
{
    const bool is_short = self->duration_s < short_file_s;
    double columns[PICTURE_COLUMNS];
    level_scale scale;
    if (self->loudness_count == 0) {
        return;
    }
    reduce(is_short ? self->momentary_lufs : self->short_term_lufs, self->loudness_count, columns);
    if (!choose_scale(columns, self->integrated_lufs, &scale)) {
        return;
    }
    nb_text_addf(out, "\n  Loudness over time (%s), \u25c2 integrated\n",
                 is_short ? "LUFS, 400 ms" : "LUFS, 3 s");
    for (unsigned row = 0; row < PICTURE_ROWS; row++) {
        const double upper = scale.top - scale.step * row;
        const bool has_integrated =
            self->integrated_lufs <= upper && self->integrated_lufs > upper - scale.step;
        nb_text_addf(out, "  %s%4.0f \u2524%s%s", style->dim, upper, style->off, style->bar);
        add_bar_row(columns, &scale, row, out);
        nb_text_addf(out, "%s%s\n", style->off, has_integrated ? " \u25c2" : "");
    }
    add_time_axis((double)self->loudness_count / POINTS_PER_SECOND, style, out);
}

enum { SPECTRUM_ROWS = 5, BAND_COLUMNS = 2, BANDS_A_LABEL = 3 };

static bool spectrum_columns(const nb_report *self, double columns[PICTURE_COLUMNS],
                             level_scale *scale)
{
    static const double step_db = 10.0;
    double highest = -INFINITY;
    for (size_t c = 0; c < PICTURE_COLUMNS; c++) {
        const size_t band = c / BAND_COLUMNS;
        const bool has = band < NB_REPORT_BANDS && band < self->spectrum_count;
        columns[c] = has ? self->spectrum_db[band] : -INFINITY;
        highest = fmax(highest, columns[c]);
    }
    *scale = (level_scale){.top = ceil(highest / step_db) * step_db, .step = step_db};
    return isfinite(highest);
}

static void add_band_axis(const nb_report *self, const ansi_style *style, nb_text *out)
{
    nb_text_addf(out, "  %s     \u2514", style->dim);
    for (size_t band = 0; band < self->spectrum_count; band++) {
        nb_text_add(out, (band % BANDS_A_LABEL == 0) ? "\u2534\u2500" : "\u2500\u2500");
    }
    nb_text_addf(out, "%s\n  %s      ", style->off, style->dim);
    for (size_t band = 0; band < self->spectrum_count; band += BANDS_A_LABEL) {
        char label[16];
        const double hz = nb_report_band_hz[band];
        snprintf(label, sizeof label, (hz < 1000.0) ? "%g" : "%.3gk",
                 (hz < 1000.0) ? hz : hz / 1e3);
        nb_text_addf(out, "%-*s", BAND_COLUMNS * BANDS_A_LABEL, label);
    }
    nb_text_addf(out, "%s\n", style->off);
}

static void add_spectrum(const nb_report *self, const ansi_style *style, nb_text *out)
{
    double columns[PICTURE_COLUMNS];
    level_scale scale;
    if (!spectrum_columns(self, columns, &scale)) {
        return;
    }
    nb_text_add(out, "\n  Spectrum (dBFS in each third of an octave)\n");
    for (unsigned row = 0; row < SPECTRUM_ROWS; row++) {
        nb_text_addf(out, "  %s%4.0f \u2524%s%s", style->dim, scale.top - scale.step * row,
                     style->off, style->bar);
        add_bar_row(columns, &scale, row, out);
        nb_text_addf(out, "%s\n", style->off);
    }
    add_band_axis(self, style, out);
}

void nb_report_print(const nb_report *self, bool colour, nb_text *out)
{
    const ansi_style *style = colour ? &coloured : &plain;
    add_figures(self, style, out);
    const size_t before = out->length;
    nb_text_add(out, "\n");
    const size_t headed = out->length;
    warn_of_levels(self, style, out);
    warn_of_shape(self, style, out);
    if (out->length == headed && !out->failed) { // no warning, no empty line
        out->length = before;
        out->chars[before] = '\0';
    }
    add_picture(self, style, out);
    add_spectrum(self, style, out);
}
