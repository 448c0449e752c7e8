// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/progress.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int64_t first_ms = 1000; // what is over sooner needs no bar
static const int64_t redraw_ms = 100;
static const int64_t line_ms = 10000;

enum { BAR_CELLS = 24 };

void nb_progress_start(nb_progress *self, const char *title, nb_progress_unit unit, uint64_t total,
                       unsigned rate_hz)
{
    *self = (nb_progress){.unit = unit, .total = total, .rate_hz = rate_hz};
    snprintf(self->title, sizeof self->title, "%s", title);
    self->start_ms = nb_clock_ms();
    self->shown_ms = self->start_ms + first_ms - redraw_ms;
    self->terminal = isatty(STDERR_FILENO) == 1;
    if (!self->terminal) {
        self->shown_ms = self->start_ms;
    }
}

void nb_progress_skip(nb_progress *self, uint64_t done) { self->start_done = done; }

static void format_speed(const nb_progress *self, double per_second, char *out, size_t size)
{
    switch (self->unit) {
    case NB_PROGRESS_BYTES:
        snprintf(out, size, "%.1f MB/s", per_second / 1e6);
        break;
    case NB_PROGRESS_FRAMES:
        snprintf(out, size, "%.0f x realtime", per_second / (self->rate_hz ? self->rate_hz : 1));
        break;
    case NB_PROGRESS_COUNT:
        snprintf(out, size, "%.1f/s", per_second);
        break;
    }
}

/// Cells in eighths, so that a slow bar is seen to move.
static void format_bar(double share, char *out, size_t size)
{
    static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    const int filled = (int)(share * BAR_CELLS * 8);
    size_t length = 0;
    for (int cell = 0; cell < BAR_CELLS; cell++) {
        int part = filled - cell * 8;
        part = part < 0 ? 0 : part > 8 ? 8 : part;
        length += (size_t)snprintf(out + length, size - length, "%s", eighths[part]);
    }
}

static void show(nb_progress *self, uint64_t done, int64_t now_ms)
{
    const double seconds = (double)(now_ms - self->start_ms) / 1000.0;
    const uint64_t fresh = done > self->start_done ? done - self->start_done : 0;
    const double per_second = seconds > 0 ? (double)fresh / seconds : 0.0;
    char speed[48];
    format_speed(self, per_second, speed, sizeof speed);
    char left[32] = "";
    double share = 0.0;
    if (self->total > 0) {
        share = done >= self->total ? 1.0 : (double)done / (double)self->total;
        const double rest = done >= self->total ? 0.0 : (double)(self->total - done);
        if (per_second > 0) {
            const long seconds_left = (long)(rest / per_second + 0.999);
            snprintf(left, sizeof left, "%ld:%02ld left", seconds_left / 60, seconds_left % 60);
        }
    }
    if (self->terminal) {
        char bar[BAR_CELLS * 4 + 1] = "";
        format_bar(share, bar, sizeof bar);
        fprintf(stderr, "\r\033[K%-18.40s %s %3.0f %%  %s  %s", self->title, bar, share * 100.0,
                speed, left);
    } else {
        fprintf(stderr, "%s: %.0f %%, %s%s%s\n", self->title, share * 100.0, speed,
                left[0] ? ", " : "", left);
    }
    fflush(stderr);
    self->shown = true;
    self->shown_ms = now_ms;
}

void nb_progress_update(nb_progress *self, uint64_t done)
{
    const int64_t now_ms = nb_clock_ms();
    if (!self->quiet && now_ms - self->shown_ms >= (self->terminal ? redraw_ms : line_ms)) {
        show(self, done, now_ms);
    }
}

void nb_progress_finish(nb_progress *self, uint64_t done)
{
    if (!self->shown) {
        return;
    }
    if (self->terminal) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    } else {
        show(self, done, nb_clock_ms());
    }
}
