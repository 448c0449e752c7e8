// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"

#include "review-cli/pager.h"
#include "review-cli/terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 128, HELP_INDENT = 26 };

static const nb_command *const commands[] = {
    &nb_command_up,
    &nb_command_album_create,
    &nb_command_album_list,
    &nb_command_album_clone,
    &nb_command_album_usage,
    &nb_command_status,
    &nb_command_push,
    &nb_command_pull,
    &nb_command_log,
    &nb_command_show,
    &nb_command_fetch,
    &nb_command_render,
    &nb_command_report,
    &nb_command_diff,
    &nb_command_compare,
    &nb_command_play,
    &nb_command_note_add,
    &nb_command_note_list,
    &nb_command_note_reply,
    &nb_command_note_edit,
    &nb_command_note_resolve,
    &nb_command_note_reopen,
    &nb_command_note_delete,
    &nb_command_note_erase,
    &nb_command_note_log,
    &nb_command_note_export,
    &nb_command_note_import,
    &nb_command_approve,
    &nb_command_request_changes,
    &nb_command_withdraw,
    &nb_command_submit_master,
    &nb_command_inbox,
    &nb_command_plan,
    &nb_command_render_album,
    &nb_command_jobs,
    &nb_command_job,
    &nb_command_why,
    &nb_command_cancel,
    &nb_command_pause,
    &nb_command_resume,
    &nb_command_retry,
    &nb_command_priority,
    &nb_command_limit,
    &nb_command_nodes,
    &nb_command_node_drain,
    &nb_command_node_resume,
    &nb_command_node_set_aside,
    &nb_command_node_label,
    &nb_command_node_hours,
    &nb_command_metrics,
    &nb_command_incidents,
    &nb_command_incident_keep,
    &nb_command_incident_dismiss,
    &nb_command_invite,
    &nb_command_invite_list,
    &nb_command_invite_revoke,
    &nb_command_join,
    &nb_command_people,
    &nb_command_role,
    &nb_command_keys,
    &nb_command_keys_name,
    &nb_command_keys_revoke,
    &nb_command_audit,
    &nb_command_help,
    &nb_command_version,
};

/// The overview's headings, each before the command that is named.
static const struct {
    const nb_command *first;
    const char *title;
} groups[] = {
    {&nb_command_up, "a farm of one's own"},
    {&nb_command_album_create, "albums"},
    {&nb_command_status, "mixes"},
    {&nb_command_note_add, "notes"},
    {&nb_command_approve, "versions people agree on"},
    {&nb_command_plan, "what the farm makes"},
    {&nb_command_nodes, "the farm"},
    {&nb_command_invite, "people and keys"},
    {&nb_command_help, "help"},
};

static const nb_option global_options[] = {
    {"farm", 0, "FILE|ADDRESS", "the farm: its farm.json, or tcp://HOST:PORT/KEY", 0},
    {"album", 'A', "NAME", "the album, where the folder does not say it", 0},
    {"json", 'j', NULL, "JSON instead of a table", 0},
    {"no-pager", 0, NULL, "print long output as it is", 0},
    {"help", 'h', NULL, "this help", 0},
};

const nb_command *const *nb_commands(size_t *out_count)
{
    *out_count = NB_COUNT(commands);
    return commands;
}

const nb_option *nb_global_options(size_t *out_count)
{
    *out_count = NB_COUNT(global_options);
    return global_options;
}

const nb_command *nb_command_by_name(const char *name)
{
    for (size_t i = 0; i < NB_COUNT(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/// The global options and the command's own.
static size_t all_options(const nb_command *command, nb_option *out)
{
    size_t count = 0;
    for (size_t i = 0; i < command->option_count && count < NB_ARGS_OPTIONS_MAX; i++) {
        out[count++] = command->options[i];
    }
    for (size_t i = 0; i < NB_COUNT(global_options) && count < NB_ARGS_OPTIONS_MAX; i++) {
        if (command->has_json || strcmp(global_options[i].name, "json") != 0) {
            out[count++] = global_options[i];
        }
    }
    return count;
}

bool nb_command_option_takes_next(const char *word)
{
    for (size_t c = 0; c <= NB_COUNT(commands); c++) {
        const nb_option *options = c < NB_COUNT(commands) ? commands[c]->options : global_options;
        const size_t count =
            c < NB_COUNT(commands) ? commands[c]->option_count : NB_COUNT(global_options);
        for (size_t i = 0; i < count; i++) {
            const bool same = word[1] == '-'
                                  ? strcmp(word + 2, options[i].name) == 0
                                  : (word[1] == options[i].letter || word[1] == options[i].also) &&
                                        word[2] == '\0';
            if (same) {
                return options[i].value != NULL;
            }
        }
    }
    return false;
}

/// Places of the first two words that are no options; `argc` for none.
static void find_words(int argc, const char *const *argv, int *out_first, int *out_second)
{
    *out_first = *out_second = argc;
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            i += strcmp(argv[i], "--") != 0 && nb_command_option_takes_next(argv[i]) ? 1 : 0;
        } else if (*out_first == argc) {
            *out_first = i;
        } else {
            *out_second = i;
            return;
        }
    }
}

/// "note" alone: say what can stand behind it.
static nb_status fail_half(const char *first, const char *const *names, size_t count, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text list = {0};
    for (size_t i = 0; i < count; i++) {
        nb_text_addf(&list, "%s%s", i > 0 ? ", " : "", names[i] + strlen(first) + 1);
    }
    return nb_fail(err, NB_E_USAGE, "%s what? %s", first, list.chars ? list.chars : "");
}

static nb_status fail_unknown(const char *first, const char *second, nb_error *err)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    char wanted[120];
    snprintf(wanted, sizeof wanted, "%.60s", first);
    for (size_t i = 0; i < NB_COUNT(commands); i++) {
        // "album" or "album crate": name what can stand behind.
        const size_t length = strlen(first);
        if (strncmp(commands[i]->name, first, length) == 0 && commands[i]->name[length] == ' ') {
            names[count++] = commands[i]->name;
        }
    }
    if (count > 0 && !second) {
        return fail_half(first, names, count, err);
    }
    if (count > 0) {
        snprintf(wanted, sizeof wanted, "%.60s%s%.50s", first, second ? " " : "",
                 second ? second : "");
    } else {
        for (size_t i = 0; i < NB_COUNT(commands); i++) {
            names[count++] = commands[i]->name;
        }
    }
    nb_text_make_printable(wanted);
    const char *nearest = nb_text_nearest(wanted, names, count);
    return nearest ? nb_fail(err, NB_E_USAGE, "there is no command \"%s\"; did you mean \"%s\"?",
                             wanted, nearest)
                   : nb_fail(err, NB_E_USAGE,
                             "there is no command \"%s\"; `nightbus help` lists them all", wanted);
}

static nb_status check_word_count(const nb_command *command, const nb_args *args, nb_error *err)
{
    if (nb_args_has(args, "help")) {
        return NB_OK;
    }
    if (args->word_count < command->words_min || args->word_count > command->words_max) {
        const bool few = args->word_count < command->words_min;
        return nb_fail(err, NB_E_USAGE, "too %s words%s; usage: nightbus %s %s",
                       few ? "few" : "many",
                       !few && strstr(command->usage, "TEXT") ? " (a text goes in quotes)" : "",
                       command->name, command->usage);
    }
    return NB_OK;
}

nb_status nb_command_find(int argc, const char *const *argv, const nb_command **out_command,
                          nb_args *out_args, nb_error *err)
{
    *out_command = NULL;
    *out_args = (nb_args){0};
    int first = 0;
    int second = 0;
    find_words(argc, argv, &first, &second);
    if (first == argc) {
        const bool version = argc > 0 && strcmp(argv[0], "--version") == 0;
        *out_command = version ? &nb_command_version : NULL;
        return argc == 0 || version ? NB_OK
                                    : nb_args_parse(argc, argv, global_options,
                                                    NB_COUNT(global_options), out_args, err);
    }
    char name[64];
    snprintf(name, sizeof name, "%s %s", argv[first], second < argc ? argv[second] : "");
    const nb_command *command = nb_command_by_name(name);
    const bool two_words = command != NULL;
    if (!command) {
        command = nb_command_by_name(argv[first]);
    }
    if (!command) {
        return fail_unknown(argv[first], second < argc ? argv[second] : NULL, err);
    }
    const char **rest = calloc((size_t)argc + 1, sizeof *rest);
    if (!rest) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the command line");
    }
    int count = 0;
    for (int i = 0; i < argc; i++) {
        if (i != first && !(two_words && i == second)) {
            rest[count++] = argv[i];
        }
    }
    nb_option options[NB_ARGS_OPTIONS_MAX];
    nb_status status =
        nb_args_parse(count, rest, options, all_options(command, options), out_args, err);
    free(rest);
    *out_command = command;
    return status == NB_OK ? check_word_count(command, out_args, err) : status;
}

static void print_option(const nb_option *option, nb_text *out)
{
    char left[80];
    char letter[16] = "    ";
    if (option->letter && option->also) {
        snprintf(letter, sizeof letter, "-%c, -%c, ", option->letter, option->also);
    } else if (option->letter) {
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name, option->value ? " " : "",
             option->value ? option->value : "");
    nb_text_addf(out, "%-*s  %s\n", HELP_INDENT, left, option->help);
}

void nb_command_print_help(const nb_command *self, bool colour, nb_text *out)
{
    const char *bold = colour ? "\033[1m" : "";
    const char *plain = colour ? "\033[0m" : "";
    nb_text_addf(out, "%snightbus %s%s: %s\n\n", bold, self->name, plain, self->summary);
    nb_text_addf(out, "usage: nightbus %s %s\n", self->name, self->usage);
    if (self->details) {
        nb_text_addf(out, "\n%s\n", self->details);
    }
    nb_text_addf(out, "\n%soptions%s\n", bold, plain);
    nb_option options[NB_ARGS_OPTIONS_MAX];
    const size_t count = all_options(self, options);
    for (size_t i = 0; i < count; i++) {
        // Taken everywhere, as git takes it; told where it changes anything.
        if (self->pages || strcmp(options[i].name, "no-pager") != 0) {
            print_option(&options[i], out);
        }
    }
    nb_text_addf(out, "\n%sexamples%s\n%s\n", bold, plain, self->examples);
    nb_text_addf(out,
                 "\n%sexit codes%s\n  0 done, 1 failed, 2 wrong usage, 3 refused (permission, "
                 "conflict), 4 no farm\n",
                 bold, plain);
}

void nb_command_print_overview(bool colour, nb_text *out)
{
    nb_style_add(out, colour, NB_STYLE_STRONG, "nightbus");
    nb_text_add(out, " renders, versions and reviews music mixes.\n"
                     "\n"
                     "usage: nightbus COMMAND ... [--farm FILE|ADDRESS] [--album NAME] [--json]\n");
    for (size_t i = 0; i < NB_COUNT(commands); i++) {
        for (size_t g = 0; g < NB_COUNT(groups); g++) {
            if (groups[g].first == commands[i]) {
                nb_text_add(out, "\n");
                nb_style_add(out, colour, NB_STYLE_STRONG, groups[g].title);
                nb_text_add(out, "\n");
            }
        }
        nb_text_addf(out, "  %-15s %s\n", commands[i]->name, commands[i]->summary);
    }
    nb_text_add(out, "\n`nightbus help COMMAND` says more, with examples. To begin:\n"
                     "\n"
                     "  nightbus render songs/night        hear a mix, no farm needed\n"
                     "  nightbus up --data ~/nightbus      start a farm on this machine\n");
}

nb_status nb_cli_print(const nb_text *text, nb_error *err)
{
    if (text->failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the output");
    }
    const bool whole =
        text->length == 0 || fwrite(text->chars, 1, text->length, stdout) == text->length;
    if (whole && fflush(stdout) == 0) {
        return NB_OK;
    }
    // Whoever closes the pager has seen enough.
    return errno == EPIPE && nb_pager_is_running() ? NB_OK
                                                   : nb_fail_errno(err, errno, "standard output");
}

nb_status nb_cli_printf(nb_error *err, const char *format, ...)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    va_list args;
    va_start(args, format);
    nb_text_addv(&text, format, args);
    va_end(args);
    return nb_cli_print(&text, err);
}

nb_status nb_cli_print_json(json_t *json, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *pretty = json ? nb_json_pretty(json) : NULL;
    json_decref(json);
    if (!pretty) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the JSON");
    }
    const size_t length = strlen(pretty);
    return nb_cli_printf(err, "%s%s", pretty, length > 0 && pretty[length - 1] == '\n' ? "" : "\n");
}

json_t *nb_cli_json_string(const char *text)
{
    if (!text) {
        return json_null();
    }
    NB_SCOPED(nb_text_free) char *copy = strdup(text);
    if (!copy) {
        return NULL;
    }
    nb_text_make_printable(copy);
    return json_string(copy);
}
