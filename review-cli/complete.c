// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE = 64 };

// ---- Which command ----

static bool is_option(const char *word) { return word[0] == '-' && word[1] != '\0'; }

/// Is it the first of the two words of some command: "note", "album"?
static bool begins_command(const char *word)
{
    size_t count = 0;
    const nb_command *const *commands = nb_commands(&count);
    const size_t length = strlen(word);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(commands[i]->name, word, length) == 0 && commands[i]->name[length] == ' ') {
            return true;
        }
    }
    return false;
}

/// The words before the one that is completed: the command's own, and how many more.
typedef struct scan {
    const char *own[2];
    size_t own_count;
    const nb_command *command;
    size_t argument_count;
    const char *pending; ///< The option whose value comes next; null for none
    bool options_end;
} scan;

static void take_word(scan *self, const char *word)
{
    if (self->command) {
        self->argument_count++;
        return;
    }
    if (self->own_count < NB_COUNT(self->own)) {
        self->own[self->own_count++] = word;
    }
    char name[2 * TOKEN_SIZE];
    snprintf(name, sizeof name, "%s%s%s", self->own[0], self->own_count > 1 ? " " : "",
             self->own_count > 1 ? self->own[1] : "");
    self->command = nb_command_by_name(name);
    if (!self->command && self->own_count == 2) { // "job 7": the second word is an argument
        self->command = nb_command_by_name(self->own[0]);
        self->argument_count = self->command ? 1 : 0;
    } else if (self->command && self->own_count == 1 && begins_command(word)) {
        self->command = NULL; // "note" may go on, and so does "job"
    }
}

static scan read_words(const char *const *words, size_t count)
{
    scan found = {0};
    for (size_t i = 0; i + 1 < count; i++) {
        if (found.pending) {
            found.pending = NULL;
        } else if (!found.options_end && strcmp(words[i], "--") == 0) {
            found.options_end = true;
        } else if (!found.options_end && is_option(words[i])) {
            found.pending = nb_command_option_takes_next(words[i]) ? words[i] : NULL;
        } else {
            take_word(&found, words[i]);
        }
    }
    return found;
}

// ---- What stands where, from the usage ----

/// The next word of a usage line, without its brackets; false at the end.
static bool next_token(const char **at, char out[TOKEN_SIZE])
{
    size_t length = 0;
    *at += strspn(*at, " ");
    for (; **at != '\0' && **at != ' '; (*at)++) {
        if (!strchr("[]", **at) && length + 1 < TOKEN_SIZE) {
            out[length++] = **at;
        }
    }
    out[length] = '\0';
    return length > 0;
}

static unsigned kinds_of_token(const nb_command *command, const char *token)
{
    unsigned kinds = 0;
    const bool is_side = strcmp(token, "A") == 0 || strcmp(token, "B") == 0;
    const bool has_song = strstr(token, "SONG") != NULL;
    if (is_side || strstr(token, "@V")) {
        kinds |= NB_COMPLETE_VERSIONS;
    } else if (strstr(token, "#N")) {
        kinds |= NB_COMPLETE_NOTES;
    } else if (has_song) {
        kinds |= NB_COMPLETE_SONGS;
    }
    if (is_side || strstr(token, "FILE") || strcmp(token, "PATH") == 0 ||
        strcmp(token, "DIR") == 0) {
        kinds |= NB_COMPLETE_FILES;
    }
    if (strstr(token, "ALBUM") ||
        (strcmp(token, "NAME") == 0 && strcmp(command->name, "album clone") == 0)) {
        kinds |= NB_COMPLETE_ALBUMS;
    }
    if (strcmp(token, "NAME") == 0 && strncmp(command->name, "node", 4) == 0) {
        kinds |= NB_COMPLETE_NODES;
    }
    if (strcmp(token, "ID") == 0 && strncmp(command->name, "incident", 8) != 0) {
        kinds |= NB_COMPLETE_JOBS;
    }
    return strcmp(token, "COMMAND") == 0 ? kinds | NB_COMPLETE_COMMANDS : kinds;
}

/// What the usage has at place `index` of the words behind the command's own. "A | B" are
/// alternatives for one place; options and their values are none of it; "FILE..." goes on.
static unsigned kinds_at(const nb_command *command, size_t index)
{
    char token[TOKEN_SIZE];
    const char *at = command->usage;
    size_t place = 0;
    unsigned kinds = 0;
    bool or_next = false;
    bool skip_value = false;
    while (next_token(&at, token)) {
        if (strcmp(token, "|") == 0) {
            or_next = true;
            continue;
        }
        if (is_option(token)) {
            skip_value = nb_command_option_takes_next(token);
            or_next = false;
            continue;
        }
        if (skip_value) {
            skip_value = false;
            continue;
        }
        place += or_next && place > 0 ? 0 : 1;
        or_next = false;
        if (place == index + 1 || (place <= index && strstr(token, "..."))) {
            kinds |= kinds_of_token(command, token);
        }
    }
    return kinds;
}

// ---- Values of options ----

static const nb_option *find_option(const nb_command *command, const char *word)
{
    size_t global_count = 0;
    const nb_option *global = nb_global_options(&global_count);
    const size_t own_count = command ? command->option_count : 0;
    for (size_t i = 0; i < own_count + global_count; i++) {
        const nb_option *option = i < own_count ? &command->options[i] : &global[i - own_count];
        const bool same = word[1] == '-' ? strcmp(word + 2, option->name) == 0
                                         : word[1] == option->letter || word[1] == option->also;
        if (same) {
            return option;
        }
    }
    return NULL;
}

static void plan_value(nb_complete_plan *plan, const char *word)
{
    static const struct {
        const char *option, *words;
    } known[] = {
        {"bits", "16 24 32f"},
        {"dither", "tpdf shaped lipshitz none"},
        {"for", "mastering"},
        {"format", "reaper-csv rpp audacity ardour protools midi wav-cue audition csv markdown"},
        {"state", "open resolved deleted erased"},
    };
    const nb_option *option = find_option(plan->command, word);
    if (!option || !option->value) {
        return;
    }
    for (size_t i = 0; i < NB_COUNT(known); i++) {
        if (strcmp(known[i].option, option->name) == 0) {
            plan->kinds = NB_COMPLETE_WORDS;
            plan->words = known[i].words;
            return;
        }
    }
    if (strcmp(option->name, "album") == 0) {
        plan->kinds = NB_COMPLETE_ALBUMS;
    } else if (strstr(option->value, "FILE") || strcmp(option->value, "DIR") == 0) {
        plan->kinds = NB_COMPLETE_FILES;
    }
}

nb_complete_plan nb_complete_plan_make(const char *const *words, size_t count)
{
    const scan found = read_words(words, count);
    const char *current = words[count - 1];
    nb_complete_plan plan = {.command = found.command};
    const nb_command *one_word =
        found.own_count == 1 && !found.command ? nb_command_by_name(found.own[0]) : NULL;
    if (found.pending) {
        plan.command = plan.command ? plan.command : one_word;
        plan_value(&plan, found.pending);
    } else if (!found.options_end && current[0] == '-') {
        plan.command = plan.command ? plan.command : one_word;
        plan.kinds = NB_COMPLETE_OPTIONS;
    } else if (!found.command) {
        plan.first = found.own_count > 0 ? found.own[0] : NULL;
        plan.kinds = NB_COMPLETE_COMMANDS;
        if (one_word) { // "job" alone is a command too
            plan.command = one_word;
            plan.kinds |= kinds_at(one_word, 0);
        }
    } else {
        plan.kinds = kinds_at(found.command, found.argument_count);
    }
    return plan;
}

// ---- Candidates without a farm ----

static void add(nb_text *out, const char *current, const char *candidate, const char *what)
{
    if (strncmp(candidate, current, strlen(current)) == 0) {
        nb_text_addf(out, "%s%s%s\n", candidate, what ? "\t" : "", what ? what : "");
    }
}

/// First words, each once; or the second words of the commands that begin with `first`.
static void add_commands(const nb_complete_plan *plan, const char *current, nb_text *out)
{
    size_t count = 0;
    const nb_command *const *commands = nb_commands(&count);
    char last[TOKEN_SIZE] = "";
    const size_t first_length = plan->first ? strlen(plan->first) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = commands[i]->name;
        const char *space = strchr(name, ' ');
        if (plan->first) {
            if (space && (size_t)(space - name) == first_length &&
                strncmp(name, plan->first, first_length) == 0) {
                add(out, current, space + 1, commands[i]->summary);
            }
            continue;
        }
        char word[TOKEN_SIZE];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(name, " "), name);
        if (strcmp(word, last) != 0) { // they stand together
            add(out, current, word, space ? NULL : commands[i]->summary);
        }
        memcpy(last, word, sizeof last);
    }
}

static void add_options(const nb_complete_plan *plan, const char *current, nb_text *out)
{
    size_t global_count = 0;
    const nb_option *global = nb_global_options(&global_count);
    const size_t own_count = plan->command ? plan->command->option_count : 0;
    for (size_t i = 0; i < own_count + global_count; i++) {
        const nb_option *option =
            i < own_count ? &plan->command->options[i] : &global[i - own_count];
        if (plan->command && !plan->command->has_json && strcmp(option->name, "json") == 0) {
            continue;
        }
        char word[TOKEN_SIZE];
        snprintf(word, sizeof word, "--%s", option->name);
        add(out, current, word, option->help);
    }
}

void nb_complete_static(const nb_complete_plan *plan, const char *current, nb_text *out)
{
    if (plan->kinds & NB_COMPLETE_COMMANDS) {
        add_commands(plan, current, out);
    }
    if (plan->kinds & NB_COMPLETE_OPTIONS) {
        add_options(plan, current, out);
    }
    for (const char *at = plan->words ? plan->words : ""; *at;) {
        char word[TOKEN_SIZE];
        const size_t length = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        add(out, current, word, NULL);
        at += length + strspn(at + length, " ");
    }
    if (plan->kinds & NB_COMPLETE_FILES) {
        nb_text_add(out, ":files\n");
    }
}
