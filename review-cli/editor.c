// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/editor.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// A text that came close to any limit of ours, with hints around it.
enum { FILE_BYTES_MAX = 1 << 20, READ_BYTES = 64 << 10 };

void nb_editor_text_accept(nb_editor_text *self)
{
    if (self->path) {
        (void)unlink(self->path);
    }
    nb_text_free(&self->path);
}

void nb_editor_text_fini(nb_editor_text *self)
{
    if (self->path) {
        fprintf(stderr, "what you wrote is kept in %s (take it with -F)\n", self->path);
    }
    nb_text_free(&self->path);
    nb_text_free(&self->text);
}

// ---- Pure ----

static bool is_set(const char *text) { return text && text[0] != '\0'; }

const char *nb_editor_choose(const nb_editor_environment *environment)
{
    const bool dumb = !is_set(environment->terminal) || strcmp(environment->terminal, "dumb") == 0;
    if (is_set(environment->nightbus_editor)) {
        return environment->nightbus_editor;
    }
    if (!environment->has_terminal) {
        return NULL; // an editor would wait for keys that nobody can press
    }
    if (is_set(environment->visual) && !dumb) {
        return environment->visual;
    }
    if (is_set(environment->editor)) {
        return environment->editor;
    }
    return dumb ? NULL : "vi";
}

static bool is_hint(const char *line, size_t length)
{
    return length > 0 && line[0] == '#' && (length == 1 || line[1] == ' ');
}

static size_t without_trailing_blanks(const char *line, size_t length)
{
    while (length > 0 && strchr(" \t\r", line[length - 1])) {
        length--;
    }
    return length;
}

void nb_editor_clean(char *text, bool hints)
{
    size_t kept = 0;        // bytes of `text` that are the result so far
    size_t blank_lines = 0; // owed: written only if a line follows
    for (const char *line = text; *line;) {
        const size_t whole = strcspn(line, "\n");
        const size_t length = without_trailing_blanks(line, whole);
        const char *next = line + whole + (line[whole] == '\n' ? 1 : 0);
        if (length == 0) {
            blank_lines += kept > 0 ? 1 : 0;
        } else if (!(hints && is_hint(line, length))) {
            // The result never grows past the place that is read: each line brought its line feed.
            const size_t feeds = kept > 0 ? 1 + blank_lines : 0;
            memset(text + kept, '\n', feeds);
            memmove(text + kept + feeds, line, length);
            kept += feeds + length;
            blank_lines = 0;
        }
        line = next;
    }
    text[kept] = '\0';
}

// ---- Files ----

static nb_status read_standard_input(char **out_text, size_t *out_size, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    char *buffer = malloc(READ_BYTES);
    size_t got = buffer ? fread(buffer, 1, READ_BYTES, stdin) : 0;
    while (got > 0 && text.length <= FILE_BYTES_MAX) {
        nb_text_add_bytes(&text, buffer, got);
        got = fread(buffer, 1, READ_BYTES, stdin);
    }
    const bool failed = !buffer || text.failed;
    free(buffer);
    if (failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the text");
    }
    if (ferror(stdin)) {
        return nb_fail_errno(err, errno, "standard input");
    }
    if (text.length > FILE_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "standard input has more than %d bytes", FILE_BYTES_MAX);
    }
    *out_size = text.length;
    *out_text = text.chars ? nb_text_take(&text) : strdup("");
    if (!*out_text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the text");
    }
    return NB_OK;
}

/// Of a file or standard input: no zero byte hides what stands behind it.
static nb_status read_file(const char *path, char **out_text, nb_error *err)
{
    size_t size = 0;
    *out_text = NULL;
    const nb_status status = strcmp(path, "-") == 0
                                 ? read_standard_input(out_text, &size, err)
                                 : nb_file_read(path, FILE_BYTES_MAX, out_text, &size, err);
    if (status == NB_OK && *out_text && strlen(*out_text) != size) {
        nb_text_free(out_text);
        return nb_fail(err, NB_E_INVALID, "%s is no text: there is a zero byte in it",
                       strcmp(path, "-") == 0 ? "standard input" : path);
    }
    return status;
}

static nb_status check(const nb_editor_wish *wish, const char *text, nb_error *err)
{
    size_t offset = 0;
    const size_t size = strlen(text);
    if (!nb_text_is_utf8(text, size, &offset)) {
        return nb_fail(err, NB_E_INVALID, "the %s is not UTF-8: byte %zu is wrong", wish->what,
                       offset + 1);
    }
    const char *control = nb_text_find_control(text, "\n\t");
    if (control) {
        return nb_fail(
            err, NB_E_INVALID,
            "the %s has a control character at byte %zu; only line feeds and tabs can be "
            "kept",
            wish->what, (size_t)(control - text) + 1);
    }
    if (size > wish->bytes_most) {
        return nb_fail(err, NB_E_LIMIT, "the %s has %zu bytes; at most %zu are kept", wish->what,
                       size, wish->bytes_most);
    }
    return NB_OK;
}

// ---- The editor ----

/// The file that the editor opens: what is there already, then the hints.
static nb_status write_draft(const nb_editor_wish *wish, char **out_path, nb_error *err)
{
    const char *folder = getenv("TMPDIR");
    char *path =
        nb_text_format("%s/nightbus-%s-XXXXXX.txt", is_set(folder) ? folder : "/tmp", wish->what);
    *out_path = NULL;
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    const int file = mkstemps(path, (int)strlen(".txt"));
    FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;
    if (!stream) {
        const nb_status status = nb_fail_errno(err, errno, "%s", path);
        nb_text_free(&path);
        return status;
    }
    fprintf(stream, "%s\n", wish->initial ? wish->initial : "");
    for (const char *line = wish->hints ? wish->hints : ""; *line;) {
        const int length = (int)strcspn(line, "\n");
        fprintf(stream, "#%s%.*s\n", length > 0 ? " " : "", length, line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    *out_path = path;
    return fclose(stream) == 0 ? NB_OK : nb_fail_errno(err, errno, "%s", path);
}

static nb_status spawn(const char *editor, const char *path, pid_t *out_pid, nb_error *err)
{
    // The shell splits "emacsclient -t"; the path arrives whole, whatever is in it.
    NB_SCOPED(nb_text_free) char *script = nb_text_format("%s \"$@\"", editor);
    NB_SCOPED(nb_text_free) char *name = strdup(editor);
    NB_SCOPED(nb_text_free) char *file = strdup(path);
    if (!script || !name || !file) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to start an editor");
    }
    char shell[] = "sh";
    char from_text[] = "-c";
    char *const args[] = {shell, from_text, script, name, file, NULL};
    posix_spawnattr_t how;
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGQUIT);
    sigaddset(&usual, SIGPIPE);
    int problem = posix_spawnattr_init(&how);
    if (problem == 0) {
        posix_spawnattr_setsigdefault(&how, &usual);
        posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
        problem = posix_spawn(out_pid, "/bin/sh", NULL, &how, args, environ);
        posix_spawnattr_destroy(&how);
    }
    return problem == 0 ? NB_OK : nb_fail_errno(err, problem, "%s", editor);
}

static nb_status run(const char *editor, const char *path, nb_error *err)
{
    // Ctrl-C in the editor is the editor's.
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction interrupt;
    struct sigaction quit;
    pid_t pid = 0;
    int how = 0;
    fflush(stdout);
    sigaction(SIGINT, &ignore, &interrupt);
    sigaction(SIGQUIT, &ignore, &quit);
    nb_status status = spawn(editor, path, &pid, err);
    while (status == NB_OK && waitpid(pid, &how, 0) < 0) {
        if (errno != EINTR) {
            status = nb_fail_errno(err, errno, "%s", editor);
        }
    }
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGQUIT, &quit, NULL);
    if (status == NB_OK && !(WIFEXITED(how) && WEXITSTATUS(how) == 0)) {
        status = nb_fail(err, NB_E_CANCELLED, "the editor \"%s\" ended with an error", editor);
    }
    return status;
}

static const char *choose(void)
{
    const nb_editor_environment environment = {
        .nightbus_editor = getenv("NIGHTBUS_EDITOR"),
        .visual = getenv("VISUAL"),
        .editor = getenv("EDITOR"),
        .terminal = getenv("TERM"),
        .has_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
    };
    return nb_editor_choose(&environment);
}

static nb_status from_editor(const nb_editor_wish *wish, nb_editor_text *out, nb_error *err)
{
    const char *editor = choose();
    if (!editor) {
        return nb_fail(err, NB_E_USAGE,
                       "the %s has no text, and there is no terminal to write it on: give it on "
                       "the command line or with -F FILE (-F - reads standard input)",
                       wish->what);
    }
    nb_status status = write_draft(wish, &out->path, err);
    if (status != NB_OK || !out->path) {
        return status;
    }
    status = run(editor, out->path, err);
    if (status == NB_OK) {
        status = read_file(out->path, &out->text, err);
    }
    if (status != NB_OK || !out->text) {
        return status;
    }
    nb_editor_clean(out->text, true);
    if (out->text[0] == '\0') {
        nb_editor_text_accept(out); // there is nothing to keep
        return nb_fail(err, NB_E_CANCELLED, "nothing was written, so nothing was done");
    }
    return NB_OK;
}

nb_status nb_editor_get(const nb_editor_wish *wish, nb_editor_text *out, nb_error *err)
{
    *out = (nb_editor_text){0};
    if (wish->given && wish->file) {
        return nb_fail(err, NB_E_USAGE, "the %s is given twice: as text and with -F", wish->what);
    }
    nb_status status = NB_OK;
    if (!wish->given && !wish->file) {
        status = from_editor(wish, out, err);
        return status == NB_OK ? check(wish, out->text, err) : status;
    }
    if (wish->file) {
        status = read_file(wish->file, &out->text, err);
    } else {
        out->text = strdup(wish->given);
    }
    if (status != NB_OK) {
        return status;
    }
    if (!out->text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the text");
    }
    nb_editor_clean(out->text, false);
    return out->text[0] == '\0' ? nb_fail(err, NB_E_INVALID, "the %s has no text", wish->what)
                                : check(wish, out->text, err);
}
