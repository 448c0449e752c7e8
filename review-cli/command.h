// SPDX-License-Identifier: GPL-3.0-or-later
/// @file command.h  What a command is: its words, its help, its function. Each has a file cmd_*.c
/// and a line in the table of commands.c.

#ifndef NB_REVIEW_CLI_COMMAND_H
#define NB_REVIEW_CLI_COMMAND_H
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"
#include "review-cli/args.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nb_command nb_command;

/// One run of one command.
typedef struct nb_cli {
    const nb_command *command;
    nb_args args; ///< Without the command's own words
    bool json;
    bool colour; ///< stdout is a terminal that wants colours
} nb_cli;

typedef nb_status nb_command_run(nb_cli *cli, nb_error *err);

struct nb_command {
    const char *name;     ///< "push", "note add"
    const char *usage;    ///< Its words and options: "-m TEXT [--no-wait]"
    const char *summary;  ///< One line, for the overview
    const char *details;  ///< What else to know; lines of at most 80 columns, may be null
    const char *examples; ///< Two or three, one a line
    size_t words_min, words_max;
    const nb_option *options; ///< Besides the global ones
    size_t option_count;
    bool has_json;
    bool pages; ///< What it prints may be long: it goes through a pager
    nb_command_run *run;
};

/// All commands, in the order of the overview.
const nb_command *const *nb_commands(size_t *out_count);

/// The options that every command takes.
const nb_option *nb_global_options(size_t *out_count);

/// Find the command that `argv` (without the program's name) asks for, and its arguments. Errors
/// are NB_E_USAGE with the nearest name. Without any words `*out_command` is null.
NB_NODISCARD nb_status nb_command_find(int argc, const char *const *argv,
                                       const nb_command **out_command, nb_args *out_args,
                                       nb_error *err);

/// The command of that name, or null.
const nb_command *nb_command_by_name(const char *name);

/// Does the option at `word` ("-m", "--message") take the next word as its value? The same name
/// means the same in every command, so this can be known before the command is.
bool nb_command_option_takes_next(const char *word);

/// Usage, options, examples, exit codes.
void nb_command_print_help(const nb_command *self, bool colour, nb_text *out);
/// What `nightbus` alone says.
void nb_command_print_overview(bool colour, nb_text *out);

/// Write to stdout. A closed pipe or full disk is a failure of the command.
NB_NODISCARD nb_status nb_cli_print(const nb_text *text, nb_error *err);
NB_NODISCARD nb_status nb_cli_printf(nb_error *err, const char *format, ...) NB_PRINTF(2, 3);
/// Print indented and free; null is "no memory".
NB_NODISCARD nb_status nb_cli_print_json(json_t *json, nb_error *err);

/// A string of a peer as JSON: made printable; null where there is none.
json_t *nb_cli_json_string(const char *text);

// Options that several commands take, and that mean the same in each.
#define NB_OPTION_FILE                                                                             \
    {                                                                                              \
        "file", 'F', "FILE", "the text from a file; - is standard input", 0                        \
    }
#define NB_OPTION_LIMIT                                                                            \
    {                                                                                              \
        "limit", 'L', "N", "how many, the newest first (default 30)", 'n'                          \
    }

enum { NB_LIMIT_DEFAULT = 30 };

extern const nb_command nb_command_submit_master, nb_command_up, nb_command_album_create,
    nb_command_album_list, nb_command_album_clone, nb_command_status, nb_command_push,
    nb_command_pull, nb_command_log, nb_command_show, nb_command_fetch, nb_command_render,
    nb_command_report, nb_command_note_add, nb_command_note_list, nb_command_note_export,
    nb_command_note_reply, nb_command_note_edit, nb_command_note_resolve, nb_command_note_reopen,
    nb_command_note_delete, nb_command_note_erase, nb_command_note_log, nb_command_note_import,
    nb_command_jobs, nb_command_job, nb_command_nodes, nb_command_why, nb_command_cancel,
    nb_command_pause, nb_command_resume, nb_command_retry, nb_command_priority, nb_command_limit,
    nb_command_metrics, nb_command_album_usage, nb_command_node_drain, nb_command_node_resume,
    nb_command_node_set_aside, nb_command_node_label, nb_command_node_hours, nb_command_incidents,
    nb_command_incident_keep, nb_command_incident_dismiss, nb_command_help, nb_command_version,
    nb_command_diff, nb_command_compare, nb_command_play, nb_command_approve,
    nb_command_request_changes, nb_command_withdraw;
extern const nb_command nb_command_inbox;
extern const nb_command nb_command_invite, nb_command_invite_list, nb_command_invite_revoke,
    nb_command_join, nb_command_people, nb_command_role, nb_command_keys, nb_command_keys_name,
    nb_command_keys_revoke, nb_command_audit;
extern const nb_command nb_command_render_album, nb_command_plan;

#endif // NB_REVIEW_CLI_COMMAND_H
