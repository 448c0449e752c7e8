// SPDX-License-Identifier: GPL-3.0-or-later
// The report as people read it: figures, what stands out, and a picture of the loudness.
#include "review/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PLOT_COLUMNS = 68,
    PLOT_ROWS = 6,
    EIGHTHS = 8,
    PLOT_SPAN_LU = PLOT_ROWS * 4, ///< Four LU a row
    AXIS_MARKS = 4,
};

typedef struct palette {
    const char *bold, *dim, *good, *warn, *bad, *end;
} palette;

static const palette plain = {"", "", "", "", "", ""};
static const palette colours = {"\033[1m",  "\033[2m",  "\033[32m",
                                "\033[33m", "\033[31m", "\033[0m"};

/// "-14.2 LUFS", or a dash where there is no value.
static void format_value(double value, int digits, const char *unit, char *out, size_t size)
{
    if (isfinite(value)) {
        snprintf(out, size, "%.*f %s", digits, value, unit);
    } else {
        snprintf(out, size, "-");
    }
}

static void add_pair(nb_text *out, const palette *p, const char *left, const char *left_value,
                     const char *right, const char *right_value)
{
    nb_text_addf(out, "  %s%-18s%s %-16s  %s%-18s%s %s\n", p->dim, left, p->end, left_value, p->dim,
                 right, p->end, right_value);
}

static void add_figures(const nb_report *self, const palette *p, nb_text *out)
{
    char a[40];
    char b[40];
    format_value(self->integrated_lufs, 1, "LUFS", a, sizeof a);
    format_value(self->true_peak_dbtp, 1, "dBTP", b, sizeof b);
    nb_text_addf(out, "  %s%-18s%s %s%-16s%s  %s%-18s%s %s%s%s\n", p->dim, "integrated", p->end,
                 p->bold, a, p->end, p->dim, "true peak", p->end, p->bold, b, p->end);
    format_value(self->loudness_range_lu, 1, "LU", a, sizeof a);
    format_value(self->sample_peak_dbfs, 1, "dBFS", b, sizeof b);
    add_pair(out, p, "range (LRA)", a, "sample peak", b);
    format_value(self->short_term_max_lufs, 1, "LUFS", a, sizeof a);
    format_value(self->plr_lu, 1, "LU", b, sizeof b);
    add_pair(out, p, "short-term max", a, "peak to loudness", b);
    format_value(self->momentary_max_lufs, 1, "LUFS", a, sizeof a);
    format_value(self->stereo_correlation, 2, "", b, sizeof b);
    add_pair(out, p, "momentary max", a, "correlation", b);
    char length[NB_TEXT_TIME_SIZE];
    nb_text_format_time(self->duration_s, length);
    snprintf(b, sizeof b, "%u Hz, %s", self->sample_rate_hz,
             self->channels == 1   ? "mono"
             : self->channels == 2 ? "stereo"
                                   : "many channels");
    if (self->channels > 2) {
        snprintf(b, sizeof b, "%u Hz, %u channels", self->sample_rate_hz, self->channels);
    }
    add_pair(out, p, "length", length, "format", b);
}

static void warn(nb_text *out, const palette *p, const char *format, ...) NB_PRINTF(3, 4);
static void warn(nb_text *out, const palette *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nb_text_addf(out, "  %s!%s ", p->warn, p->end);
    nb_text_addv(out, format, args);
    nb_text_add(out, "\n");
    va_end(args);
}

/// What an engineer would want to be told without asking.
static void add_warnings(const nb_report *self, const palette *p, nb_text *out)
{
    static const double dc_noticed = 0.001; // -60 dBFS
    static const double silence_noticed_s = 2.0;
    if (!isfinite(self->integrated_lufs)) {
        warn(out, p, "silence: nothing is over the loudness gate of -70 LUFS");
    }
    if (self->clipped_samples > 0) {
        warn(out, p, "clipping: %lld samples at or over full scale",
             (long long)self->clipped_samples);
    }
    if (self->true_peak_dbtp > -1.0 && self->clipped_samples == 0) {
        warn(out, p, "true peak %.1f dBTP: platforms ask for -1 or less", self->true_peak_dbtp);
    }
    if (fabs(self->dc_offset) > dc_noticed) {
        warn(out, p, "DC offset %.4f of full scale: a high pass takes it out", self->dc_offset);
    }
    if (isfinite(self->stereo_correlation) && self->stereo_correlation < 0.0) {
        warn(out, p, "correlation %.2f: in mono much of it will cancel", self->stereo_correlation);
    }
    if (self->stereo_correlation > 0.9999) {
        warn(out, p, "both channels are alike: it is mono in a stereo file");
    }
    if (isfinite(self->integrated_lufs) && self->silence_head_s > silence_noticed_s) {
        warn(out, p, "%.1f s of silence at the start", self->silence_head_s);
    }
    if (isfinite(self->integrated_lufs) && self->silence_tail_s > silence_noticed_s) {
        warn(out, p, "%.1f s of silence at the end", self->silence_tail_s);
    }
}

/// The loudest momentary value of each column, which is what an eye would pick.
static void fold_into_columns(const nb_report *self, size_t columns, double *out)
{
    for (size_t c = 0; c < columns; c++) {
        const size_t first = c * self->loudness_count / columns;
        const size_t last = (c + 1) * self->loudness_count / columns;
        out[c] = -INFINITY;
        for (size_t i = first; i < last || i == first; i++) {
            out[c] = fmax(out[c], self->momentary_lufs[i]);
        }
    }
}

static void add_axis(const nb_report *self, const palette *p, size_t columns, nb_text *out)
{
    char axis[PLOT_COLUMNS + NB_TEXT_TIME_SIZE + 1];
    memset(axis, ' ', sizeof axis);
    size_t end = 0;
    for (size_t mark = 0; mark <= AXIS_MARKS; mark++) {
        char when[NB_TEXT_TIME_SIZE];
        nb_text_format_time(self->duration_s * (double)mark / AXIS_MARKS, when);
        char *dot = strchr(when, '.');
        if (dot) {
            *dot = '\0';
        }
        const size_t length = strlen(when);
        size_t at = columns * mark / AXIS_MARKS;
        if (mark == AXIS_MARKS && at >= length) {
            at -= length; // the last one ends with the picture
        }
        if (mark > 0 && at <= end) {
            continue;
        }
        memcpy(axis + at, when, length);
        end = at + length;
    }
    axis[end] = '\0';
    nb_text_addf(out, "  %s      %s%s\n", p->dim, axis, p->end);
}

static void add_plot(const nb_report *self, const palette *p, nb_text *out)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const size_t columns =
        self->loudness_count < PLOT_COLUMNS ? self->loudness_count : (size_t)PLOT_COLUMNS;
    if (columns < 4 || !isfinite(self->momentary_max_lufs)) {
        return;
    }
    double level[PLOT_COLUMNS];
    fold_into_columns(self, columns, level);
    const double top = ceil(self->momentary_max_lufs / 4.0) * 4.0;
    nb_text_addf(out, "\n  %smomentary loudness, LUFS%s\n", p->dim, p->end);
    for (int row = 0; row < PLOT_ROWS; row++) {
        const double row_top = top - row * (double)PLOT_SPAN_LU / PLOT_ROWS;
        nb_text_addf(out, "  %s%4.0f ┤%s%s", p->dim, row_top, p->end, p->good);
        for (size_t c = 0; c < columns; c++) {
            const double above = level[c] - (row_top - (double)PLOT_SPAN_LU / PLOT_ROWS);
            const double eighths = above / PLOT_SPAN_LU * PLOT_ROWS * EIGHTHS;
            const int filled = eighths > EIGHTHS ? EIGHTHS : eighths > 0.0 ? (int)eighths : 0;
            nb_text_add(out, blocks[filled]);
        }
        nb_text_addf(out, "%s\n", p->end);
    }
    add_axis(self, p, columns, out);
}

void nb_report_print(const nb_report *self, bool colour, nb_text *out)
{
    const palette *p = colour ? &colours : &plain;
    add_figures(self, p, out);
    add_warnings(self, p, out);
    add_plot(self, p, out);
}
