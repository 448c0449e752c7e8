// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/pairing.h"

#include "base/file.h"
#include "review-cli/stop.h"
#include "review/markers.h"

#include <math.h>
#include <stdio.h>

// For the header and the cues, of 40 bytes each.
static const int64_t head_room = 8 << 20;
static const double seconds_usual = 8.0;
static const double seconds_least = 0.25;
static const double seconds_most = 3600.0;

void nb_pairing_fini(nb_pairing *self)
{
    nb_recording_destroy(&self->a);
    nb_recording_destroy(&self->b);
    nb_heard_fini(&self->a_heard);
    nb_heard_fini(&self->b_heard);
}

static void on_progress(void *context, int64_t done_frames, int64_t total_frames)
{
    nb_pairing *self = context;
    self->progress.total = (uint64_t)total_frames;
    nb_progress_update(&self->progress, (uint64_t)done_frames);
}

/// A bar of its own for each of the steps.
static void begin(nb_pairing *self, const char *title, nb_progress_unit unit)
{
    nb_progress_start(&self->progress, title, unit, 0, self->a ? nb_recording_rate_hz(self->a) : 0);
}

static nb_status end(nb_pairing *self, nb_status status, nb_error *err)
{
    nb_progress_finish(&self->progress, self->progress.total);
    return status == NB_E_CANCELLED
               ? nb_fail(err, NB_E_INTERRUPTED, "interrupted; nothing was written")
               : status;
}

static nb_status open_both(nb_pairing *self, nb_error *err)
{
    nb_status status =
        nb_recording_open(self->a_heard.path, self->a_heard.title, 0, &self->watch, &self->a, err);
    if (status == NB_OK) {
        status = nb_recording_open(self->b_heard.path, self->b_heard.title,
                                   nb_recording_rate_hz(self->a), &self->watch, &self->b, err);
    }
    return end(self, status, err);
}

static nb_status lay_together(nb_pairing *self, nb_error *err)
{
    begin(self, "comparing", NB_PROGRESS_FRAMES);
    nb_status status = nb_null_is_identical(self->a, self->b, &self->watch, &self->identical, err);
    status = end(self, status, err);
    if (status == NB_OK && self->identical) {
        self->alignment = (nb_alignment){.matches = true, .confidence = 1.0, .steady = true};
    } else if (status == NB_OK) {
        begin(self, "aligning", NB_PROGRESS_COUNT); // sections
        status = end(self, nb_align(self->a, self->b, &self->watch, &self->alignment, err), err);
    }
    const int64_t offset = self->alignment.matches ? self->alignment.offset_frames : 0;
    self->shared = nb_shared_part_of(self->a, self->b, offset);
    return status;
}

nb_status nb_pairing_open(const nb_cli *cli, const char *a_word, const char *b_word,
                          nb_pairing *out, nb_error *err)
{
    *out = (nb_pairing){.watch = {nb_stop_flag(), on_progress, out}};
    nb_status status = nb_heard_find(cli, a_word, &out->a_heard, err);
    if (status == NB_OK) {
        status = nb_heard_find(cli, b_word, &out->b_heard, err);
    }
    if (status == NB_OK) {
        status = open_both(out, err);
    }
    return status == NB_OK ? lay_together(out, err) : status;
}

nb_status nb_pairing_period(const nb_cli *cli, const nb_pairing *self, int64_t *out_frames,
                            nb_error *err)
{
    const char *text = nb_args_get(&cli->args, "seconds");
    double seconds = seconds_usual;
    nb_error why = {0};
    if (text && nb_text_parse_number(text, &seconds, &why) != NB_OK) {
        return nb_fail(err, NB_E_USAGE, "--seconds: %s", why.text);
    }
    if (!(seconds >= seconds_least && seconds <= seconds_most)) {
        return nb_fail(err, NB_E_USAGE, "--seconds %g is not between %g and %g", seconds,
                       seconds_least, seconds_most);
    }
    *out_frames = llround(seconds * nb_recording_rate_hz(self->a));
    return NB_OK;
}

static nb_status open_writer(const nb_pairing *self, const char *path, nb_audio_writer **out,
                             nb_error *err)
{
    return nb_audio_writer_open(path, nb_recording_rate_hz(self->a),
                                nb_switching_channels(self->a, self->b), self->shared.frames, out,
                                err);
}

static nb_status name_switches(const nb_pairing *self, int64_t period, int64_t switches,
                               nb_markers *out, nb_error *err)
{
    static char a_label[] = "A"; // markers do not borrow const
    static char b_label[] = "B";
    nb_status status = NB_OK;
    out->rate_hz = nb_recording_rate_hz(self->a);
    for (int64_t i = 0; status == NB_OK && i <= switches; i++) {
        nb_marker marker = {.text = i % 2 ? b_label : a_label, .colour = NB_MARKER_NO_COLOUR};
        marker.at_ns = marker.end_ns = nb_markers_frame_to_ns(i * period, out->rate_hz);
        status = nb_markers_add(out, &marker, err);
    }
    return status;
}

/// Put the file with its cues in the place of the one without.
static nb_status add_cues(const nb_pairing *self, int64_t period, int64_t switches,
                          const char *path, nb_error *err)
{
    NB_SCOPED(nb_markers_fini) nb_markers markers = {0};
    NB_SCOPED(nb_file_draft_fini) nb_file_draft draft = {0};
    nb_status status = name_switches(self, period, switches, &markers, err);
    if (status == NB_OK) {
        status = nb_file_draft_open(path, &draft, err);
    }
    if (status == NB_OK) {
        status = nb_markers_write(&markers, NB_MARKER_WAV_CUE, path, draft.stream, err);
    }
    return status == NB_OK ? nb_file_draft_commit(&draft, err) : status;
}

/// What can't have its cues is refused before hours are written.
static nb_status check_room(const nb_pairing *self, int64_t period, nb_error *err)
{
    const int64_t frame_bytes = (int64_t)sizeof(float) * nb_switching_channels(self->a, self->b);
    if (self->shared.frames > (UINT32_MAX - head_room) / frame_bytes) {
        return nb_fail(
            err, NB_E_LIMIT,
            "the file would be over 4 GB, which a WAV with cues can't be: compare parts");
    }
    if (self->shared.frames / period >= NB_MARKERS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "over %d switches: give a larger --seconds",
                       NB_MARKERS_MAX);
    }
    return NB_OK;
}

nb_status nb_pairing_write_switching(nb_pairing *self, int64_t period, const char *path,
                                     nb_level_match *out_levels, int64_t *out_switches,
                                     nb_error *err)
{
    NB_SCOPED(nb_audio_writer_destroy) nb_audio_writer *writer = NULL;
    nb_status status = check_room(self, period, err);
    if (status != NB_OK) {
        return status;
    }
    begin(self, "measuring", NB_PROGRESS_FRAMES);
    status = nb_level_match_find(self->a, self->b, &self->shared, &self->watch, out_levels, err);
    status = end(self, status, err);
    if (status == NB_OK) {
        status = open_writer(self, path, &writer, err);
    }
    if (status == NB_OK) {
        begin(self, "writing", NB_PROGRESS_FRAMES);
        status = nb_switching_write(self->a, self->b, &self->shared, out_levels, period, writer,
                                    &self->watch, out_switches, err);
        status = end(self, status, err);
    }
    if (status == NB_OK) {
        status = nb_audio_writer_close(&writer, err);
    }
    return status == NB_OK ? add_cues(self, period, *out_switches, path, err) : status;
}

nb_status nb_pairing_write_null(nb_pairing *self, const char *path, nb_null *out, nb_error *err)
{
    if (!self->alignment.matches) {
        return nb_fail(err, NB_E_INVALID,
                       "%s and %s do not match (correlation %.2f): they are silent, other music, "
                       "or more than %d s apart",
                       self->a_heard.title, self->b_heard.title, self->alignment.confidence,
                       NB_ALIGN_OFFSET_MAX_S);
    }
    NB_SCOPED(nb_audio_writer_destroy) nb_audio_writer *writer = NULL;
    nb_status status = open_writer(self, path, &writer, err);
    if (status == NB_OK) {
        begin(self, "writing", NB_PROGRESS_FRAMES);
        status = nb_null_run(self->a, self->b, &self->alignment, writer, &self->watch, out, err);
        status = end(self, status, err);
    }
    return status == NB_OK ? nb_audio_writer_close(&writer, err) : status;
}

static void print_offset(const nb_pairing *self, nb_text *out)
{
    const int64_t offset = self->alignment.offset_frames;
    const long long frames = offset < 0 ? -offset : offset;
    const double ms = 1000.0 * (double)frames / nb_recording_rate_hz(self->a);
    if (offset == 0) {
        nb_text_addf(out, "offset     none\n");
    } else {
        nb_text_addf(out, "offset     B is %lld sample%s (%.3f ms) %s\n", frames,
                     frames == 1 ? "" : "s", ms, offset > 0 ? "later" : "earlier");
    }
    if (!self->alignment.steady) {
        nb_text_addf(out, "           not the same all along: one of them was cut or moved\n");
    }
}

static void print_heads(const nb_pairing *self, nb_text *out)
{
    const unsigned rate_hz = nb_recording_rate_hz(self->a);
    const unsigned own_hz = nb_recording_own_rate_hz(self->b);
    nb_text_addf(out, "A          %s\nB          %s\n", self->a_heard.title, self->b_heard.title);
    if (own_hz != rate_hz) {
        nb_text_addf(out, "           converted from %u to %u Hz\n", own_hz, rate_hz);
    }
    if (self->identical) {
        nb_text_addf(out, "           identical: every sample is the same\n");
    }
}

static void print_lowered(const char *who, double gain_db, nb_text *out)
{
    if (gain_db < 0.0) {
        nb_text_addf(out, "           %s is lowered by %.2f dB\n", who, -gain_db);
    }
}

void nb_pairing_print(const nb_pairing *self, const nb_level_match *levels, nb_text *out)
{
    print_heads(self, out);
    if (self->alignment.matches) {
        print_offset(self, out);
    } else {
        nb_text_addf(out, "offset     not found (correlation %.2f): heard from both starts\n",
                     self->alignment.confidence);
    }
    if (!levels->matched) {
        nb_text_addf(out, "loudness   not matched: one is silent or too short to measure\n");
        return;
    }
    nb_text_addf(out, "loudness   A %.2f LUFS, B %.2f LUFS\n", levels->a_lufs, levels->b_lufs);
    print_lowered("A", levels->a_gain_db, out);
    print_lowered("B", levels->b_gain_db, out);
}

void nb_pairing_print_null(const nb_pairing *self, const nb_null *null, nb_text *out)
{
    print_heads(self, out);
    if (self->identical) {
        return;
    }
    const unsigned rate_hz = nb_recording_rate_hz(self->a);
    char from[NB_TEXT_TIME_SIZE];
    char peak[NB_TEXT_TIME_SIZE];
    char length[NB_TEXT_TIME_SIZE];
    nb_text_format_time((double)null->shared.a_first / rate_hz, from);
    nb_text_format_time((double)null->peak_frame / rate_hz, peak);
    nb_text_format_time((double)null->shared.frames / rate_hz, length);
    print_offset(self, out);
    if (fabs(null->gain_db) < 0.005) {
        nb_text_addf(out, "gain       the same\n");
    } else {
        nb_text_addf(out, "gain       B is %+.2f dB\n", null->gain_db);
    }
    nb_text_addf(out, "polarity   %s\n", self->alignment.inverted ? "inverted" : "the same");
    nb_text_addf(out, "compared   %s from %s of A (correlation %.4f)\n", length, from,
                 self->alignment.confidence);
    if (isinf(null->peak_dbfs)) {
        nb_text_addf(out, "difference none: identical where both are\n");
        return;
    }
    nb_text_addf(out, "difference %.1f dBFS RMS, %.1f dB under A\n", null->rms_dbfs,
                 null->a_rms_dbfs - null->rms_dbfs);
    nb_text_addf(out, "           largest at %s: %.1f dBFS%s\n", peak, null->peak_dbfs,
                 nb_switching_channels(self->a, self->b) < 2 ? ""
                 : null->peak_channel == 0                   ? ", left"
                                                             : ", right");
}
