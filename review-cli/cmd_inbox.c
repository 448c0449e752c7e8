// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/since.h"
#include "review-cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_MAX = 10000 };

/// One page of what was said in one album's review.
typedef struct inbox_page {
    char *album;
    Nightbus__Reply *reply;
} inbox_page;

/// A row, and the album it is of. Borrowed from its page.
typedef struct inbox_item {
    const char *album;
    const Nightbus__InboxRow *row;
} inbox_item;

typedef struct inbox {
    nb_cli *cli;
    nb_farm farm;
    size_t page_count;
    inbox_page *pages;
    size_t item_count;
    inbox_item *items; ///< Album by album, the oldest first
    size_t shown_from; ///< Items before it are past the limit
} inbox;

static void drop_pages(inbox *self, size_t keep)
{
    while (self->page_count > keep) {
        inbox_page *page = &self->pages[--self->page_count];
        free(page->album);
        nb_wire_free_reply(&page->reply);
    }
}

static void inbox_fini(inbox *self)
{
    drop_pages(self, 0);
    free(self->pages);
    free(self->items);
    nb_farm_fini(&self->farm);
}

static bool looks_back(const inbox *self)
{
    return nb_args_has(&self->cli->args, "all") || nb_args_has(&self->cli->args, "since");
}

// ---- Asking ----

/// The next page of an album's; *page is the place for it, `before` the one before or null.
static nb_status fetch_page(inbox *self, char *album, const Nightbus__InboxListing *before,
                            inbox_page *page, nb_error *err)
{
    Nightbus__InboxList body = NIGHTBUS__INBOX_LIST__INIT;
    body.album = album;
    body.has_all = 1;
    body.all = looks_back(self);
    if (before) {
        body.until = before->until;
        body.has_skip = 1;
        body.skip = before->next;
    }
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_INBOX_LIST;
    request.inbox_list = &body;
    page->album = strdup(album);
    return page->album ? nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_INBOX_LISTING, 0,
                                     &page->reply, err)
                       : nb_fail(err, NB_E_NO_MEMORY, "no memory for the inbox");
}

static nb_status fetch_album(inbox *self, char *album, nb_error *err)
{
    const Nightbus__InboxListing *before = NULL;
    do {
        inbox_page *grown = reallocarray(self->pages, self->page_count + 1, sizeof *grown);
        if (!grown || self->page_count == PAGES_MAX) {
            self->pages = grown ? grown : self->pages;
            return nb_fail(err, NB_E_LIMIT, "the inbox is too large; name an album: --album NAME");
        }
        self->pages = grown;
        inbox_page *page = &self->pages[self->page_count++];
        *page = (inbox_page){0};
        const nb_status status = fetch_page(self, album, before, page, err);
        if (status != NB_OK || !page->reply) {
            return status;
        }
        before = page->reply->inbox_listing;
    } while (before->has_next && before->n_rows > 0);
    return NB_OK;
}

/// The one that --album names, or all.
static nb_status fetch_all(inbox *self, nb_error *err)
{
    const char *only = nb_args_get(&self->cli->args, "album");
    char *after = NULL;
    if (only) {
        NB_SCOPED(nb_text_free) char *album = strdup(only);
        return album ? fetch_album(self, album, err)
                     : nb_fail(err, NB_E_NO_MEMORY, "no memory for the inbox");
    }
    nb_status status = NB_OK;
    do {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        Nightbus__AlbumList body = NIGHTBUS__ALBUM_LIST__INIT;
        body.after = after;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_LIST;
        request.album_list = &body;
        status =
            nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_ALBUM_LISTING, 0, &reply, err);
        for (size_t i = 0; status == NB_OK && i < reply->album_listing->n_rows; i++) {
            const size_t before = self->page_count;
            status = fetch_album(self, reply->album_listing->rows[i]->album, err);
            if (status == NB_E_PERMISSION) { // an operator sees its name, not what is said on it
                drop_pages(self, before);
                status = NB_OK;
            }
        }
        nb_text_free(&after);
        const char *next = status == NB_OK ? reply->album_listing->next : NULL;
        after = next ? strdup(next) : NULL;
    } while (after);
    return status;
}

/// Those that were asked for, of all pages.
static nb_status gather(inbox *self, int64_t since_ms, nb_error *err)
{
    const char *me = nb_client_welcome(self->farm.client)->person;
    const bool own_too = nb_args_has(&self->cli->args, "all");
    size_t count = 0;
    for (size_t p = 0; p < self->page_count; p++) {
        count += self->pages[p].reply->inbox_listing->n_rows;
    }
    self->items = calloc(count + 1, sizeof *self->items);
    if (!self->items) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the inbox");
    }
    for (size_t p = 0; p < self->page_count; p++) {
        const Nightbus__InboxListing *listing = self->pages[p].reply->inbox_listing;
        for (size_t i = 0; i < listing->n_rows; i++) {
            const Nightbus__InboxRow *row = listing->rows[i];
            if ((int64_t)row->time_ms >= since_ms && (own_too || strcmp(row->person, me) != 0)) {
                self->items[self->item_count++] = (inbox_item){self->pages[p].album, row};
            }
        }
    }
    return NB_OK;
}

/// The farm may forget them: they were shown.
static nb_status mark_seen(inbox *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t p = 0; p < self->page_count && status == NB_OK; p++) {
        const Nightbus__InboxListing *listing = self->pages[p].reply->inbox_listing;
        if (!listing->until || listing->has_next) {
            continue; // nothing was said ever, or the last page says it
        }
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        Nightbus__InboxSeen body = NIGHTBUS__INBOX_SEEN__INIT;
        body.album = self->pages[p].album;
        body.until = listing->until;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_INBOX_SEEN;
        request.inbox_seen = &body;
        status = nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_ACK, 0, &reply, err);
    }
    return status;
}

// ---- Telling ----

static double seconds(int64_t frame, uint32_t rate_hz)
{
    return rate_hz > 0 ? (double)frame / (double)rate_hz : 0.0;
}

/// What somebody did: "#12 at 1:32.000: vocal up", "approved".
static void describe(const Nightbus__InboxRow *row, nb_text *out)
{
    static const struct {
        const char *kind;
        const char *words; ///< A '#' stands for the note's number
    } kinds[] = {
        {"note", "#"},
        {"reply", "on #"},
        {"edit", "changed #"},
        {"resolve", "resolved #"},
        {"reopen", "reopened #"},
        {"delete", "deleted #"},
        {"erase", "erased #"},
        {"approve", "approved"},
        {"request-changes", "requested changes"},
        {"withdraw", "withdrew the decision"},
    };
    const char *words = row->kind;
    for (size_t i = 0; i < NB_COUNT(kinds); i++) {
        words = strcmp(kinds[i].kind, row->kind) == 0 ? kinds[i].words : words;
    }
    const int plain = (int)strcspn(words, "#");
    nb_text_addf(out, "%.*s", plain, words);
    if (words[plain] == '#' && row->has_number) {
        nb_text_addf(out, "#%u", row->number);
    } else if (words[plain] == '#') {
        nb_text_add(out, "a note");
    }
    if (row->has_at_frame) {
        char at[NB_TEXT_TIME_SIZE];
        nb_text_format_time(seconds(row->at_frame, row->rate_hz), at);
        nb_text_addf(out, " at %s", at);
    }
    if (row->has_end_frame && row->end_frame > row->at_frame) {
        char end[NB_TEXT_TIME_SIZE];
        nb_text_format_time(seconds(row->end_frame, row->rate_hz), end);
        nb_text_addf(out, "-%s", end);
    }
    if (row->text) {
        nb_text_addf(out, ": %s", row->text);
    }
    for (size_t i = 0; i < out->length; i++) {
        out->chars[i] = out->chars[i] == '\n' || out->chars[i] == '\t' ? ' ' : out->chars[i];
    }
}

static nb_style style_of(const char *kind)
{
    if (strcmp(kind, "approve") == 0 || strcmp(kind, "resolve") == 0) {
        return NB_STYLE_GOOD;
    }
    return strcmp(kind, "request-changes") == 0 || strcmp(kind, "reopen") == 0 ? NB_STYLE_ATTENTION
                                                                               : NB_STYLE_PLAIN;
}

/// The table of one album: items [from, to).
static void print_album(const inbox *self, size_t from, size_t to, nb_text *out)
{
    static const nb_table_column columns[] = {
        {"VERSION", NB_TABLE_LEFT},
        {"WHEN", NB_TABLE_LEFT},
        {"WHO", NB_TABLE_FLEX},
        {"WHAT", NB_TABLE_WRAP},
    };
    const int64_t now_ms = nb_clock_wall_ms();
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    for (size_t i = from; i < to && self->items[i].row; i++) {
        const Nightbus__InboxRow *row = self->items[i].row;
        char when[NB_AGO_SIZE];
        NB_SCOPED(nb_text_free) char *name = nb_text_format("%s@%s", row->song, row->version);
        NB_SCOPED(nb_text_fini) nb_text what = {0};
        nb_ago_format((int64_t)row->time_ms, now_ms, when);
        describe(row, &what);
        const char *const cells[] = {name, when, row->person, what.chars};
        nb_table_add(&table, cells);
        nb_table_style(&table, 0, NB_STYLE_STRONG);
        nb_table_style(&table, 1, NB_STYLE_FAINT);
        nb_table_style(&table, 3, style_of(row->kind));
    }
    nb_style_add(out, self->cli->colour, NB_STYLE_STRONG, self->items[from].album);
    nb_text_add(out, "\n");
    nb_table_print(&table, self->cli->colour, out);
}

static bool is_same_album(const inbox_item *a, const inbox_item *b)
{
    return a->album && b->album && strcmp(a->album, b->album) == 0;
}

static nb_status print_tables(const inbox *self, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (size_t from = self->shown_from; from < self->item_count;) {
        size_t to = from + 1;
        while (to < self->item_count && is_same_album(&self->items[to], &self->items[from])) {
            to++;
        }
        nb_text_add(&text, from > self->shown_from ? "\n" : "");
        print_album(self, from, to, &text);
        from = to;
    }
    if (self->item_count == 0) {
        nb_text_add(&text, looks_back(self) ? "nothing was said\n"
                                            : "nothing new (--all shows what was there)\n");
    }
    if (self->shown_from > 0) {
        nb_text_addf(&text, "and %zu more: a higher -L shows them\n", self->shown_from);
    }
    return nb_cli_print(&text, err);
}

static nb_status print_json(const inbox *self, bool marks, nb_error *err)
{
    json_t *events = json_array();
    for (size_t i = self->shown_from; i < self->item_count && self->items[i].row; i++) {
        const Nightbus__InboxRow *row = self->items[i].row;
        json_array_append_new(
            events,
            json_pack(
                "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:s?}", "album",
                nb_cli_json_string(self->items[i].album), "song", nb_cli_json_string(row->song),
                "version", nb_cli_json_string(row->version), "id", nb_cli_json_string(row->id),
                "kind", nb_cli_json_string(row->kind), "number",
                row->has_number ? json_integer(row->number) : json_null(), "person",
                nb_cli_json_string(row->person), "time_ms", (json_int_t)row->time_ms, "at_s",
                row->has_at_frame ? json_real(seconds(row->at_frame, row->rate_hz)) : json_null(),
                "end_s",
                row->has_end_frame ? json_real(seconds(row->end_frame, row->rate_hz)) : json_null(),
                "text", row->text));
    }
    return nb_cli_print_json(json_pack("{s:o, s:b}", "events", events, "seen", marks), err);
}

static nb_status run_inbox(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(inbox_fini) inbox self = {.cli = cli};
    const char *since = nb_args_get(&cli->args, "since");
    int64_t since_ms = 0;
    int64_t limit = 0;
    nb_status status = since ? nb_since_parse(since, nb_clock_wall_ms(), &since_ms, err) : NB_OK;
    if (status == NB_OK) {
        status = nb_args_get_integer(&cli->args, "limit", 1, NB_ROWS_MAX,
                                     looks_back(&self) ? NB_LIMIT_DEFAULT : INT32_MAX, &limit, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open(cli, &self.farm, err);
    }
    if (status == NB_OK) {
        status = fetch_all(&self, err);
    }
    if (status == NB_OK) {
        status = gather(&self, since_ms, err);
    }
    if (status != NB_OK) {
        return status;
    }
    self.shown_from = self.item_count > (size_t)limit ? self.item_count - (size_t)limit : 0;
    // Only what was shown counts as seen.
    const bool marks =
        !looks_back(&self) && !nb_args_has(&cli->args, "keep") && self.shown_from == 0;
    status = cli->json ? print_json(&self, marks, err) : print_tables(&self, err);
    return status == NB_OK && marks ? mark_seen(&self, err) : status;
}

static const nb_option options[] = {
    {"all", 'a', NULL, "whatever was said ever, your own words too", 0},
    {"since", 0, "WHEN", "what was said since 3h, 2d, 1w or 2026-11-01", 0},
    {"keep", 'k', NULL, "show it again next time", 0},
    {"limit", 'L', "N", "the last N (else all; 30 with --all, --since)", 'n'},
};

const nb_command nb_command_inbox = {
    .name = "inbox",
    .usage = "[--all | --since WHEN] [-L N] [--keep] [--json]",
    .summary = "notes and decisions since you last looked, on all albums",
    .details = "What others said, the oldest first. The farm remembers what you have seen, so it\n"
               "is the same on each of your machines. --all and --since leave that as it is.",
    .examples = "  nightbus inbox\n"
                "  nightbus inbox --since 2d --album night-service\n"
                "  nightbus inbox --keep --json | jq -r '.events[].text'",
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .pages = true,
    .run = run_inbox,
};
