// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/audio_file.h"
#include "base/file.h"
#include "review-cli/command.h"
#include "review-cli/pairing.h"
#include "review-cli/player.h"
#include "review-cli/version_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAV_ENDING = 4 }; ///< Of ".wav"

/// A file that is gone when the player is.
typedef struct temporary {
    char *path;
} temporary;

static void temporary_fini(temporary *self)
{
    if (self->path) {
        unlink(self->path);
    }
    nb_text_free(&self->path);
}

static nb_status temporary_make(temporary *self, nb_error *err)
{
    const char *folder = getenv("TMPDIR");
    NB_SCOPED(nb_text_free)
    char *path = nb_file_join(folder && folder[0] ? folder : "/tmp", "nightbus-XXXXXX.wav");
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    NB_SCOPED(nb_file_close_fd) int fd = mkostemps(path, WAV_ENDING, O_CLOEXEC);
    if (fd < 0) {
        return nb_fail_errno(err, errno, "%s", path);
    }
    self->path = path;
    path = NULL;
    return NB_OK;
}

static nb_status check_start(double start_s, double end_s, nb_error *err)
{
    char end[NB_TEXT_TIME_SIZE];
    char start[NB_TEXT_TIME_SIZE];
    nb_text_format_time(end_s, end);
    nb_text_format_time(start_s, start);
    return start_s < end_s
               ? NB_OK
               : nb_fail(err, NB_E_USAGE, "--from %s is not before the end, %s", start, end);
}

static nb_status play_one(const nb_cli *cli, const nb_player *player, double start_s, nb_error *err)
{
    NB_SCOPED(nb_heard_fini) nb_heard heard = {0};
    nb_audio_info info;
    nb_status status = nb_heard_find(cli, cli->args.words[0], &heard, err);
    if (status == NB_OK) {
        status = nb_audio_file_probe(heard.path, heard.title, &info, err);
    }
    if (status == NB_OK) {
        status = check_start(start_s, (double)info.frames / info.rate_hz, err);
    }
    if (status == NB_OK) {
        status = nb_cli_printf(err, "%s, with %s\n", heard.title, player->name);
    }
    return status == NB_OK ? nb_player_run(player, heard.path, start_s, err) : status;
}

static nb_status print_pairing(const nb_pairing *pairing, const nb_level_match *levels,
                               const nb_player *player, double period_s, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_pairing_print(pairing, levels, &text);
    nb_text_addf(&text, "\nA first, a switch every %g s, with %s%s\n", period_s, player->name,
                 player->name[0] == 'm' ? "; Page Up and Page Down go from switch to switch" : "");
    return nb_cli_print(&text, err);
}

/// What --against names in new memory: "v2" is a version of the song that is played.
static nb_status choose_other(const char *played, const char *against, char **out, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_text_free) char *of_song = NULL;
    if (!nb_file_exists(against) && !strchr(against, '@') && !nb_file_exists(played) &&
        nb_version_name_parse(played, &name, NULL) == NB_OK) {
        of_song = nb_text_format("%s@%s", name.song, against);
        const bool is_version = of_song && nb_version_name_parse(of_song, &name, NULL) == NB_OK;
        if (is_version) {
            *out = of_song;
            of_song = NULL;
            return NB_OK;
        }
    }
    *out = nb_text_format("%s", against);
    return *out ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
}

static nb_status play_two(const nb_cli *cli, const nb_player *player, const char *against,
                          double start_s, nb_error *err)
{
    NB_SCOPED(nb_pairing_fini) nb_pairing pairing = {0};
    NB_SCOPED(temporary_fini) temporary file = {0};
    nb_level_match levels = {0};
    int64_t period = 0;
    int64_t switches = 0;
    NB_SCOPED(nb_text_free) char *other = NULL;
    nb_status status = choose_other(cli->args.words[0], against, &other, err);
    if (status == NB_OK) {
        status = nb_pairing_open(cli, cli->args.words[0], other, &pairing, err);
    }
    if (status == NB_OK) {
        status = nb_pairing_period(cli, &pairing, &period, err);
    }
    if (status != NB_OK) {
        return status;
    }
    // Times are A's; the file begins where both are.
    const double rate_hz = nb_recording_rate_hz(pairing.a);
    const double first_s = (double)pairing.shared.a_first / rate_hz;
    status = check_start(start_s, first_s + (double)pairing.shared.frames / rate_hz, err);
    if (status == NB_OK) {
        status = temporary_make(&file, err);
    }
    if (status == NB_OK) {
        status = nb_pairing_write_switching(&pairing, period, file.path, &levels, &switches, err);
    }
    if (status == NB_OK) {
        status = print_pairing(&pairing, &levels, player, (double)period / rate_hz, err);
    }
    const double into_s = start_s > first_s ? start_s - first_s : 0.0;
    return status == NB_OK ? nb_player_run(player, file.path, into_s, err) : status;
}

static nb_status run_play(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(nb_player_fini) nb_player player = {0};
    const char *against = nb_args_get(&cli->args, "against");
    int64_t from_ns = 0;
    if (!against && nb_args_has(&cli->args, "seconds")) {
        return nb_fail(err, NB_E_USAGE, "--seconds is from switch to switch: it needs --against");
    }
    nb_status status = nb_args_get_time(&cli->args, "from", 0, &from_ns, err);
    if (status == NB_OK) {
        status = nb_player_find(&player, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const double start_s = (double)from_ns / 1e9;
    return against ? play_two(cli, &player, against, start_s, err)
                   : play_one(cli, &player, start_s, err);
}

static const nb_option options[] = {
    {"from", 0, "TIME", "begin here (default: the start)"},
    {"against", 0, "V|FILE", "switch between the two at equal loudness"},
    {"seconds", 0, "N", "from one switch to the next (default 8)"},
};

const nb_command nb_command_play = {
    .name = "play",
    .usage = "SONG@V|FILE [--from TIME] [--against V|FILE] [--seconds N]",
    .summary = "hear a version or file through mpv or ffplay, or two by turns",
    .details = "Uses mpv, or ffplay where there is no mpv. --against makes the same as\n"
               "`nightbus compare`, aligned and level-matched, in a temporary file. \"v2\" is\n"
               "that version of the same song.",
    .examples = "  nightbus play night@v3 --from 1:32\n"
                "  nightbus play night@v3 --against v2\n"
                "  nightbus play night@v3 --against reference.wav --seconds 4",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .run = run_play,
};
