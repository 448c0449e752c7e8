// SPDX-License-Identifier: GPL-3.0-or-later
// Notes, decisions, the inbox, and what is kept for them.
#include "unit/coordinator/desk.h"

static void a_note_is_kept_once_and_in_the_song_s_frames(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    char album[] = "night";
    char song[] = "song";
    char latest[] = "latest";
    char text[] = "vocal up a touch";
    uint8_t id[NB_CLIENT_ID_SIZE] = {0x77};
    Nightbus__NoteAdd add = NIGHTBUS__NOTE_ADD__INIT;
    add.album = album;
    add.song = song;
    add.version = latest;
    add.has_at_ns = add.has_end_ns = true;
    add.at_ns = 92000000000;
    add.end_ns = 92500000000;
    add.text = text;
    add.client_id = bytes_of(id, sizeof id);
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_NOTE_ADD, &add));
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_NOTE_ADD, &add));
    Nightbus__NoteList list = NIGHTBUS__NOTE_LIST__INIT;
    list.album = album;
    list.song = song;
    list.version = latest;
    const Nightbus__Reply *notes = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_NOTE_LIST, &list);
    assert_answer(notes);
    assert_int_equal(notes->note_listing->n_rows, 1);
    const Nightbus__NoteRow *row = notes->note_listing->rows[0];
    assert_string_equal(notes->note_listing->version, "v1");
    assert_string_equal(row->person, "ada");
    assert_string_equal(row->text, text);
    assert_int_equal(row->at_frame, 92 * 48000);
    assert_int_equal(row->end_frame, 92 * 48000 + 24000);
    add.end_ns = 0;
    id[0]++;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_NOTE_ADD, &add), NB_E_INVALID,
                   "its end does not lie before");
    close_desk(&here);
}

/// One decision: what differs between those of a test.
typedef struct decision {
    const nb_peer *peer;
    const char *kind;
    const char *version;
    const char *heard; ///< The bytes; null: "the mix"
    const char *replaces;
    const char *newest;
    const char *text;
    uint8_t client;
} decision;

static const Nightbus__Reply *decide(desk *self, const decision *what)
{
    uint8_t id[NB_CLIENT_ID_SIZE] = {0xde, what->client};
    const char *heard = what->heard ? what->heard : "the mix";
    nb_digest digest = nb_digest_of(heard, strlen(heard));
    char album[] = "night";
    char song[] = "song";
    NB_SCOPED(nb_text_free) char *kind = strdup(what->kind);
    NB_SCOPED(nb_text_free) char *version = strdup(what->version);
    NB_SCOPED(nb_text_free) char *replaces = what->replaces ? strdup(what->replaces) : NULL;
    NB_SCOPED(nb_text_free) char *newest = what->newest ? strdup(what->newest) : NULL;
    NB_SCOPED(nb_text_free) char *text = what->text ? strdup(what->text) : NULL;
    Nightbus__Decide said = NIGHTBUS__DECIDE__INIT;
    said.album = album;
    said.song = song;
    said.version = version;
    said.kind = kind;
    said.digest = bytes_of(digest.bytes, sizeof digest.bytes);
    said.replaces = replaces;
    said.newest = newest;
    said.text = text;
    said.client_id = bytes_of(id, sizeof id);
    return ask(self, what->peer, NIGHTBUS__REQUEST__BODY_DECIDE, &said);
}

static void of_two_who_decide_at_once_the_second_is_told(void **state)
{
    desk here;
    start_deciding(&here, *state);
    const decision yes = {.peer = &ada, .kind = "approve", .version = "latest", .client = 1};
    const decision no = {.peer = &eve,
                         .kind = "request-changes",
                         .version = "v1",
                         .text = "the bass is late",
                         .client = 2};
    assert_refusal(decide(&here, &yes), NB_E_INVALID, "not rendered (queued)");
    render_one(&here, "the mix");
    const Nightbus__VersionRow *before = show(&here, "v1")->version_info->standing;
    assert_string_equal(before->standing, "open");
    assert_null(before->decision);
    const Nightbus__Reply *done = decide(&here, &yes);
    assert_answer(done);
    assert_string_equal(done->version_row->standing, "approved");
    assert_string_equal(done->version_row->decided_by, "ada");
    assert_answer(decide(&here, &yes)); // a repeat
    // Bo saw none.
    assert_refusal(decide(&here, &no), NB_E_CONFLICT, "ada approved song@v1 before you, at 20");
    const Nightbus__VersionInfo *info = show(&here, "v1")->version_info;
    assert_int_equal(info->n_decisions, 1);
    // Having looked again, Bo may.
    decision informed = no;
    informed.replaces = info->standing->decision;
    const Nightbus__Reply *changes = decide(&here, &informed);
    assert_answer(changes);
    assert_string_equal(changes->version_row->standing, "changes-requested");
    assert_string_equal(changes->version_row->decided_text, "the bass is late");
    // And a repeat of Ada's, long overtaken, is still the same decision and changes nothing.
    assert_string_equal(decide(&here, &yes)->version_row->standing, "changes-requested");
    assert_int_equal(show(&here, "v1")->version_info->n_decisions, 2);
    close_desk(&here);
    // It is in the album, so a restart knows it.
    open_desk(&here, *state);
    assert_answer(greet(&here, &ada, "client", "x"));
    assert_string_equal(show(&here, "v1")->version_info->standing->decided_by, "bo");
    close_desk(&here);
}

static void decisions_that_make_no_sense_are_refused_in_words(void **state)
{
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    const struct {
        decision what;
        nb_status status;
        const char *words;
    } cases[] = {
        {{.kind = "bless"}, NB_E_INVALID, "approve, request-changes or withdraw"},
        {{.kind = "withdraw"}, NB_E_INVALID, "no decision to withdraw"},
        {{.kind = "request-changes"}, NB_E_INVALID, "say which changes"},
        {{.kind = "approve", .heard = "other"}, NB_E_CONFLICT, "listen again"},
        {{.kind = "approve", .version = "v2"}, NB_E_NOT_FOUND, "no song@v2"},
        {{.kind = "approve", .newest = "v0"}, NB_E_CONFLICT, "song@v1 was pushed meanwhile"},
        {{.kind = "approve", .replaces = "0123456789abcdef0123456789abcdef"},
         NB_E_CONFLICT,
         "nobody has decided"},
        {{.kind = "request-changes", .text = "\u202e"}, NB_E_INVALID, "invisible"},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        decision what = cases[i].what;
        what.peer = &ada;
        what.version = what.version ? what.version : "v1";
        what.client = (uint8_t)(10 + i);
        assert_refusal(decide(&here, &what), cases[i].status, cases[i].words);
    }
    assert_int_equal(show(&here, "v1")->version_info->n_decisions, 0);
    close_desk(&here);
}

static void a_decision_is_withdrawn_and_the_version_is_open_again(void **state)
{
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    const decision yes = {.peer = &ada, .kind = "approve", .version = "v1", .client = 1};
    const Nightbus__Reply *done = decide(&here, &yes);
    assert_answer(done);
    const decision back = {.peer = &ada,
                           .kind = "withdraw",
                           .version = "v1",
                           .replaces = done->version_row->decision,
                           .client = 2};
    decision of_another = back;
    of_another.peer = &eve;
    of_another.client = 3;
    assert_refusal(decide(&here, &of_another), NB_E_PERMISSION, "is ada's");
    const Nightbus__Reply *withdrawn = decide(&here, &back);
    assert_answer(withdrawn);
    assert_string_equal(withdrawn->version_row->standing, "open");
    const Nightbus__VersionInfo *info = show(&here, "v1")->version_info;
    assert_int_equal(info->n_decisions, 2);
    assert_string_equal(info->decisions[0]->kind, "approve");
    assert_string_equal(info->decisions[1]->kind, "withdraw");
    // Bo's own, by the owner.
    const decision bo_says = {.peer = &eve,
                              .kind = "approve",
                              .version = "v1",
                              .replaces = withdrawn->version_row->decision,
                              .client = 4};
    const Nightbus__Reply *his = decide(&here, &bo_says);
    assert_answer(his);
    const decision owner_says = {.peer = &ada,
                                 .kind = "withdraw",
                                 .version = "v1",
                                 .replaces = his->version_row->decision,
                                 .client = 5};
    assert_string_equal(decide(&here, &owner_says)->version_row->standing, "open");
    close_desk(&here);
}

static void the_desk_has_the_newest_mix_and_the_newest_approved_one(void **state)
{
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    const decision yes = {.peer = &ada, .kind = "approve", .version = "v1", .client = 1};
    assert_answer(decide(&here, &yes));
    char album[] = "night";
    Nightbus__VersionList said = NIGHTBUS__VERSION_LIST__INIT;
    said.album = album;
    const Nightbus__VersionListing *one_row =
        ask(&here, &ada, NIGHTBUS__REQUEST__BODY_VERSION_LIST, &said)->version_listing;
    assert_int_equal(one_row->n_rows, 1); // the newest is the approved one
    for (uint8_t i = 2; i <= 3; i++) {
        const push next = {.folder = "song",
                           .base = show(&here, "latest")->version_info->commit,
                           .fader_db = -1.0 * i,
                           .client = i};
        assert_answer(send_push(&here, &next));
    }
    const Nightbus__VersionListing *listing =
        ask(&here, &ada, NIGHTBUS__REQUEST__BODY_VERSION_LIST, &said)->version_listing;
    assert_int_equal(listing->n_rows, 2);
    assert_string_equal(listing->rows[0]->version, "v1");
    assert_string_equal(listing->rows[0]->standing, "approved");
    assert_string_equal(listing->rows[0]->newest, "v3");
    assert_string_equal(listing->rows[1]->version, "v3");
    assert_string_equal(listing->rows[1]->state, "queued");
    char song[] = "song";
    char after[] = "song@v1";
    said.song = song;
    said.after = after;
    const Nightbus__VersionListing *all =
        ask(&here, &ada, NIGHTBUS__REQUEST__BODY_VERSION_LIST, &said)->version_listing;
    assert_int_equal(all->n_rows, 2);
    assert_string_equal(all->rows[0]->version, "v2");
    // The log of the song says the same.
    Nightbus__Log log = NIGHTBUS__LOG__INIT;
    log.album = album;
    log.song = song;
    const Nightbus__LogListing *told =
        ask(&here, &ada, NIGHTBUS__REQUEST__BODY_LOG, &log)->log_listing;
    assert_int_equal(told->n_rows, 3);
    assert_string_equal(told->rows[2]->details[0]->standing, "approved");
    close_desk(&here);
}

static void what_was_approved_is_kept_for_ever_and_the_rest_for_90_days(void **state)
{
    static const char days_pass[] = "UPDATE blobs SET pinned_until_ms = 1;"
                                    "UPDATE results SET created_ms = created_ms - 7862400000;";
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    const push next = {.folder = "song",
                       .base = show(&here, "v1")->version_info->commit,
                       .fader_db = -3.0,
                       .client = 2};
    assert_answer(send_push(&here, &next));
    render_one(&here, "a softer mix");
    const decision yes = {
        .peer = &ada, .kind = "approve", .version = "v1", .newest = "v2", .client = 1};
    const Nightbus__Reply *done = decide(&here, &yes);
    assert_answer(done);
    const decision back = {.peer = &ada,
                           .kind = "withdraw",
                           .version = "v1",
                           .replaces = done->version_row->decision,
                           .client = 2};
    assert_answer(decide(&here, &back)); // what was built on it still needs it
    // Young: nothing goes.
    free(scratch_run(*state, "find $D/store/objects -type f -exec touch -d '3 days ago' {} +"));
    assert_ok(nb_coordinator_collect(here.coordinator, err));
    assert_true(has_bytes(&here, "the mix") && has_bytes(&here, "a softer mix"));
    age(*state, days_pass);
    assert_ok(nb_coordinator_collect(here.coordinator, err));
    assert_true(has_bytes(&here, "the mix"));
    assert_false(has_bytes(&here, "a softer mix"));
    // Even where the ledger has forgotten it: the review says so.
    age(*state, "UPDATE blobs SET kept = 0 WHERE size = 7;");
    assert_ok(nb_coordinator_collect(here.coordinator, err));
    assert_true(has_bytes(&here, "the mix"));
    // What is gone is not approved unheard.
    const decision late = {
        .peer = &ada, .kind = "approve", .version = "v2", .heard = "a softer mix", .client = 3};
    assert_refusal(decide(&here, &late), NB_E_NOT_FOUND, "has them rendered again");
    close_desk(&here);
}

static const Nightbus__InboxListing *look_into_inbox(desk *self, const nb_peer *peer, bool all,
                                                     uint32_t skip)
{
    char album[] = "night";
    Nightbus__InboxList said = NIGHTBUS__INBOX_LIST__INIT;
    said.album = album;
    said.has_all = said.all = all;
    said.has_skip = 1;
    said.skip = skip;
    const Nightbus__Reply *reply = ask(self, peer, NIGHTBUS__REQUEST__BODY_INBOX_LIST, &said);
    assert_answer(reply);
    return reply->inbox_listing;
}

static const Nightbus__Reply *see(desk *self, const nb_peer *peer, const char *until)
{
    char album[] = "night";
    NB_SCOPED(nb_text_free) char *commit = strdup(until);
    Nightbus__InboxSeen said = NIGHTBUS__INBOX_SEEN__INIT;
    said.album = album;
    said.until = commit;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_INBOX_SEEN, &said);
}

static void an_inbox_has_what_others_said_since_one_s_last_look(void **state)
{
    desk here;
    start_deciding(&here, *state);
    assert_int_equal(look_into_inbox(&here, &ada, false, 0)->n_rows, 0); // not even a review
    render_one(&here, "the mix");
    const decision yes = {.peer = &ada, .kind = "approve", .version = "v1", .client = 1};
    const Nightbus__Reply *done = decide(&here, &yes);
    assert_answer(done);
    // One's own words are no news, and neither are the farm's.
    assert_int_equal(look_into_inbox(&here, &ada, false, 0)->n_rows, 0);
    assert_int_equal(look_into_inbox(&here, &ada, true, 0)->n_rows, 1);
    const Nightbus__InboxListing *news = look_into_inbox(&here, &eve, false, 0);
    assert_int_equal(news->n_rows, 1);
    assert_string_equal(news->rows[0]->kind, "approve");
    assert_string_equal(news->rows[0]->person, "ada");
    assert_int_equal(look_into_inbox(&here, &eve, false, 1)->n_rows, 0); // the next page
    // Looked at twice before it is seen, it is there twice; then no more.
    assert_int_equal(look_into_inbox(&here, &eve, false, 0)->n_rows, 1);
    const char *first = look_into_inbox(&here, &eve, false, 0)->until;
    assert_answer(see(&here, &eve, first));
    assert_int_equal(look_into_inbox(&here, &eve, false, 0)->n_rows, 0);
    const decision back = {.peer = &ada,
                           .kind = "withdraw",
                           .version = "v1",
                           .text = "a click at 1:32",
                           .replaces = done->version_row->decision,
                           .client = 2};
    assert_answer(decide(&here, &back));
    news = look_into_inbox(&here, &eve, false, 0);
    assert_int_equal(news->n_rows, 1);
    assert_string_equal(news->rows[0]->text, "a click at 1:32");
    assert_answer(see(&here, &eve, news->until));
    // An older look, late: nothing comes back.
    assert_answer(see(&here, &eve, first));
    assert_int_equal(look_into_inbox(&here, &eve, false, 0)->n_rows, 0);
    assert_refusal(see(&here, &eve, "0123456789012345678901234567890123456789"), NB_E_INVALID,
                   "no commit of the review");
    close_desk(&here);
    // And over a restart, and where the album's review was begun anew: the time must do then.
    open_desk(&here, *state);
    assert_answer(greet(&here, &eve, "client", "x"));
    assert_int_equal(look_into_inbox(&here, &eve, false, 0)->n_rows, 0);
    free(scratch_run(*state, "cd $D/albums/night.git && git update-ref refs/notes/review"
                             " $(git -c user.name=x -c user.email=x@y commit-tree -m Review"
                             " refs/notes/review^{tree})"));
    assert_int_equal(look_into_inbox(&here, &eve, false, 0)->n_rows, 0);
    assert_int_equal(look_into_inbox(&here, &eve, true, 0)->n_rows, 2);
    close_desk(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(a_note_is_kept_once_and_in_the_song_s_frames),
        in_scratch(of_two_who_decide_at_once_the_second_is_told),
        in_scratch(decisions_that_make_no_sense_are_refused_in_words),
        in_scratch(a_decision_is_withdrawn_and_the_version_is_open_again),
        in_scratch(the_desk_has_the_newest_mix_and_the_newest_approved_one),
        in_scratch(what_was_approved_is_kept_for_ever_and_the_rest_for_90_days),
        in_scratch(an_inbox_has_what_others_said_since_one_s_last_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
