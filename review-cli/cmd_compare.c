// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "review-cli/command.h"
#include "review-cli/pairing.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct compare {
    nb_pairing pairing;
    const char *output;
    char *draft; ///< Becomes the output when it is whole
    bool drafted;
    int64_t period;
    nb_level_match levels;
    int64_t switches;
    nb_null null;
} compare;

static void compare_fini(compare *self)
{
    if (self->drafted) {
        unlink(self->draft);
    }
    nb_text_free(&self->draft);
    nb_pairing_fini(&self->pairing);
}

/// An earlier comparison is written over; what is compared, a folder or a device is not.
static nb_status check_output(const compare *self, nb_error *err)
{
    struct stat facts;
    if (stat(self->output, &facts) != 0) {
        return NB_OK;
    }
    if (!S_ISREG(facts.st_mode)) {
        return nb_fail(err, NB_E_INVALID, "%s: is no file: name the WAV file to write",
                       self->output);
    }
    if (nb_file_is_same(self->output, self->pairing.a_heard.path) ||
        nb_file_is_same(self->output, self->pairing.b_heard.path)) {
        return nb_fail(err, NB_E_INVALID, "%s: is what is compared: write to another file",
                       self->output);
    }
    return NB_OK;
}

static nb_status write_file(compare *self, bool wants_null, nb_error *err)
{
    self->draft = nb_text_format("%s.draft-%d", self->output, (int)getpid());
    if (!self->draft) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    self->drafted = true;
    nb_status status = wants_null
                           ? nb_pairing_write_null(&self->pairing, self->draft, &self->null, err)
                           : nb_pairing_write_switching(&self->pairing, self->period, self->draft,
                                                        &self->levels, &self->switches, err);
    if (status == NB_OK) {
        status = nb_file_publish(self->draft, self->output, err);
        self->drafted = status != NB_OK;
    }
    return status;
}

static double seconds_of(const compare *self, int64_t frames)
{
    return (double)frames / nb_recording_rate_hz(self->pairing.a);
}

/// What both kinds of file have in common.
static json_t *to_json(const compare *self)
{
    const nb_pairing *pair = &self->pairing;
    const nb_alignment *alignment = &pair->alignment;
    json_t *offset = alignment->matches ? json_integer(alignment->offset_frames) : json_null();
    json_t *offset_s = alignment->matches
                           ? nb_json_number(seconds_of(self, alignment->offset_frames))
                           : json_null();
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:b, s:o, s:i, s:o, s:o}", "file",
                     nb_cli_json_string(self->output), "a", nb_cli_json_string(pair->a_heard.title),
                     "b", nb_cli_json_string(pair->b_heard.title), "identical", pair->identical,
                     "matches", alignment->matches, "offset_frames", offset, "offset_s", offset_s,
                     "steady", alignment->steady, "correlation",
                     nb_json_number(alignment->confidence), "rate_hz",
                     (int)nb_recording_rate_hz(pair->a), "from_s",
                     nb_json_number(seconds_of(self, pair->shared.a_first)), "length_s",
                     nb_json_number(seconds_of(self, pair->shared.frames)));
}

static nb_status print_json(const compare *self, bool wants_null, nb_error *err)
{
    json_t *json = to_json(self);
    json_t *more = wants_null ? json_pack("{s:o, s:b, s:o, s:o, s:o, s:o}", "gain_db",
                                          nb_json_number(self->null.gain_db), "inverted",
                                          self->pairing.alignment.inverted, "rms_dbfs",
                                          nb_json_number(self->null.rms_dbfs), "peak_dbfs",
                                          nb_json_number(self->null.peak_dbfs), "peak_at_s",
                                          nb_json_number(seconds_of(self, self->null.peak_frame)),
                                          "a_rms_dbfs", nb_json_number(self->null.a_rms_dbfs))
                              : json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "seconds",
                                          nb_json_number(seconds_of(self, self->period)), "a_lufs",
                                          nb_json_number(self->levels.a_lufs), "b_lufs",
                                          nb_json_number(self->levels.b_lufs), "a_gain_db",
                                          nb_json_number(self->levels.a_gain_db), "b_gain_db",
                                          nb_json_number(self->levels.b_gain_db), "switches",
                                          (json_int_t)self->switches);
    if (!json || !more || json_object_update(json, more) != 0) {
        nb_json_free(&json);
    }
    nb_json_free(&more);
    return nb_cli_print_json(json, err);
}

static nb_status print_words(const compare *self, bool wants_null, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    NB_SCOPED(nb_text_free) char *shown = nb_text_format("%s", self->output);
    if (!shown) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_text_make_printable(shown);
    if (wants_null) {
        nb_pairing_print_null(&self->pairing, &self->null, &text);
        nb_text_addf(&text, "\nthe difference is in %s\n", shown);
    } else {
        nb_pairing_print(&self->pairing, &self->levels, &text);
        nb_text_addf(&text, "\n%s begins with A and switches every %g s, %lld time%s\n", shown,
                     seconds_of(self, self->period), (long long)self->switches,
                     self->switches == 1 ? "" : "s");
    }
    return nb_cli_print(&text, err);
}

static nb_status run_compare(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(compare_fini) compare self = {.output = nb_args_get(&cli->args, "output")};
    const bool wants_null = nb_args_has(&cli->args, "null");
    if (!self.output || !self.output[0]) {
        return nb_fail(err, NB_E_USAGE, "say where to: -o FILE");
    }
    if (wants_null && nb_args_has(&cli->args, "seconds")) {
        return nb_fail(err, NB_E_USAGE, "--null has no switches: leave --seconds out");
    }
    nb_status status =
        nb_pairing_open(cli, cli->args.words[0], cli->args.words[1], &self.pairing, err);
    if (status == NB_OK) {
        status = nb_pairing_period(cli, &self.pairing, &self.period, err);
    }
    if (status == NB_OK) {
        status = check_output(&self, err);
    }
    if (status == NB_OK) {
        status = write_file(&self, wants_null, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return cli->json ? print_json(&self, wants_null, err) : print_words(&self, wants_null, err);
}

static const nb_option options[] = {
    {"output", 'o', "FILE", "the WAV file to write, 32-bit float"},
    {"seconds", 0, "N", "from one switch to the next (default 8)"},
    {"null", 0, NULL, "write what differs instead, and describe it"},
};

const nb_command nb_command_compare = {
    .name = "compare",
    .usage = "A B -o FILE [--seconds N | --null] [--json]",
    .summary = "two versions or files in one, switching at equal loudness",
    .details = "A and B are SONG@V or audio files, mono or stereo; files need no farm. B is\n"
               "aligned with A to the sample, up to 10 s to either side, and converted where\n"
               "its rate is another. The louder one is lowered, nothing is raised; cues \"A\"\n"
               "and \"B\" mark the switches. With --null B is brought to A's level and polarity\n"
               "and taken away from it.",
    .examples = "  nightbus compare night@v1 night@v2 -o what-changed.wav\n"
                "  nightbus compare night@v2 bounce.wav -o ab.wav --seconds 4\n"
                "  nightbus compare bounce.wav print.wav --null -o difference.wav",
    .words_min = 2,
    .words_max = 2,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_compare,
};
