// SPDX-License-Identifier: GPL-3.0-or-later
// The handlers, called directly: what a client and two renderers would send, without sockets.
#include "base/log.h"
#include "coordinator/coordinator_private.h"

#include "coordinator/farm_ledger.h"
#include "coordinator/incident_ledger.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/sql.h"
#include "coordinator/wish_ledger.h"
#include "mix/plan.h"
#include "protocol/manifest.h"
#include "scratch.h"

#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REPLIES_MAX = 64 };

static const char fingerprint[] = "core=1 cpu=x86-64-v3";
static const nb_peer ada = {{1}, 1, {"ada-key-ada-key-ada-key-ada-key-ada-key-"}};
static const nb_peer one = {{2}, 1, {"one-key-one-key-one-key-one-key-one-key-"}};
static const nb_peer two = {{3}, 1, {"two-key-two-key-two-key-two-key-two-key-"}};
static const nb_peer eve = {{4}, 1, {"eve-key-eve-key-eve-key-eve-key-eve-key-"}};

/// A coordinator and all replies that it sent.
typedef struct desk {
    const char *folder;
    const char *album; ///< That is made and pushed to
    nb_coordinator *coordinator;
    int64_t now_ms;
    bool batching;
    nb_sql *outside;  ///< A connection of its own: sees what is committed
    uint64_t watched; ///< A task that must be done, seen from outside, when a reply is sent
    uint64_t request;
    size_t reply_count;
    Nightbus__Reply *replies[REPLIES_MAX];
} desk;

static int64_t committed(const desk *self, const char *question, uint64_t key)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    assert_ok(
        nb_sql_query(self->outside, question, NB_SQL_VALUES(nb_sql_int((int64_t)key)), &rows, err));
    assert_ok(nb_sql_next(&rows, &row, err));
    assert_true(row);
    return nb_sql_get_int(&rows, 0);
}

static int64_t committed_state(const desk *self, uint64_t task)
{
    return committed(self, "SELECT state FROM tasks WHERE id = ?", task);
}

static nb_status keep_reply(void *context, const nb_peer *peer, const Nightbus__Reply *reply,
                            nb_error *err)
{
    (void)peer;
    desk *self = context;
    void *bytes = NULL;
    if (self->watched != 0) {
        assert_int_equal(committed_state(self, self->watched), NB_TASK_DONE);
    }
    size_t size = 0;
    // Through the wire format, so that every reply is one that a peer would take.
    nb_status status = nb_wire_pack_reply(reply, &bytes, &size, err);
    assert_true(self->reply_count < REPLIES_MAX);
    if (status == NB_OK) {
        status = nb_wire_unpack_reply(bytes, size, &self->replies[self->reply_count++], err);
    }
    free(bytes);
    if (status != NB_OK) {
        fail_msg("a reply that no peer would take: %s", err->text);
    }
    return status;
}

static nb_status give_session(void *context, const nb_public_key *key,
                              uint8_t out_session[NB_SESSION_SIZE], nb_error *err)
{
    (void)context;
    (void)key;
    (void)err;
    memset(out_session, 7, NB_SESSION_SIZE);
    return NB_OK;
}

static uint16_t give_port(void *context)
{
    (void)context;
    return 5571;
}

static void put_member(nb_ledger *ledger, const nb_peer *peer, const char *name, unsigned roles)
{
    nb_member member = {.roles = roles, .local = true};
    snprintf(member.name, sizeof member.name, "%s", name);
    assert_ok(nb_ledger_put_member(ledger, &peer->key, &member, err));
}

static void enrol(const char *folder)
{
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    put_member(ledger, &ada, "ada", NB_ROLE_OWNER | NB_ROLE_OPERATOR);
    put_member(ledger, &one, "one", NB_ROLE_RENDERER);
    put_member(ledger, &two, "two", NB_ROLE_RENDERER);
    nb_ledger_close(&ledger);
}

static void open_desk(desk *self, const char *folder)
{
    *self = (desk){.folder = folder, .album = "night", .now_ms = 1000};
    const nb_coordinator_options options = {.data_path = folder, .incarnation = 99};
    const nb_coordinator_link link = {self, keep_reply, give_session, give_port};
    enrol(folder);
    assert_ok(nb_coordinator_open(&options, self->now_ms, &self->coordinator, err));
    nb_coordinator_connect(self->coordinator, &link);
}

static void close_desk(desk *self)
{
    nb_sql_close(&self->outside);
    nb_coordinator_destroy(&self->coordinator);
    for (size_t i = 0; i < self->reply_count; i++) {
        nb_wire_free_reply(&self->replies[i]);
    }
    self->reply_count = 0;
}

static const Nightbus__Reply *reply_to(const desk *self, uint64_t request)
{
    for (size_t i = 0; i < self->reply_count; i++) {
        if (self->replies[i]->id == request) {
            return self->replies[i];
        }
    }
    return NULL;
}

// Send; the reply, or null where the answer is held. While batching, the commit is the test's.
static const Nightbus__Reply *ask(desk *self, const nb_peer *peer, Nightbus__Request__BodyCase body,
                                  void *message)
{
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.id = ++self->request;
    request.body_case = body;
    request.hello = message; // all bodies share their place
    if (self->batching) {
        nb_coordinator_hear(self->coordinator, peer, &request, self->now_ms);
    } else {
        nb_coordinator_hear(self->coordinator, peer, &request, self->now_ms);
        nb_coordinator_advance(self->coordinator, self->now_ms);
    }
    return reply_to(self, request.id);
}

static void assert_answer(const Nightbus__Reply *reply)
{
    assert_non_null(reply);
    if (reply->failure) {
        fail_msg("refused: %s", reply->failure->text);
    }
}

static void assert_refusal(const Nightbus__Reply *reply, nb_status expected, const char *words)
{
    assert_non_null(reply);
    assert_non_null(reply->failure);
    assert_contains(reply->failure->text, words);
    assert_int_equal(reply->failure->status, expected);
}

static const Nightbus__Reply *greet(desk *self, const nb_peer *peer, const char *role,
                                    const char *name)
{
    Nightbus__Hello hello = NIGHTBUS__HELLO__INIT;
    char program[] = "test";
    char text[sizeof fingerprint];
    memcpy(text, fingerprint, sizeof text);
    NB_SCOPED(nb_text_free) char *role_copy = strdup(role);
    NB_SCOPED(nb_text_free) char *name_copy = strdup(name);
    hello.program = program;
    hello.version = program;
    hello.role = role_copy;
    hello.name = name_copy;
    hello.fingerprint = text;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_HELLO, &hello);
}

static ProtobufCBinaryData bytes_of(void *bytes, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = bytes};
}

static void make_album(desk *self)
{
    uint8_t id[NB_CLIENT_ID_SIZE] = {0xa1, (uint8_t)self->album[0]};
    NB_SCOPED(nb_text_free) char *name = strdup(self->album);
    Nightbus__AlbumCreate create = NIGHTBUS__ALBUM_CREATE__INIT;
    create.album = name;
    create.client_id = bytes_of(id, sizeof id);
    assert_answer(ask(self, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, &create));
    assert_answer(ask(self, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, &create)); // a repeat
    id[0]++;
    assert_refusal(ask(self, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, &create), NB_E_EXISTS,
                   "exists already");
}

// As the bulk thread does it.
static void upload(desk *self, const char *text, nb_digest *out)
{
    assert_ok(
        nb_blob_store_put(nb_coordinator_store(self->coordinator), text, strlen(text), out, err));
    assert_ok(
        nb_coordinator_stored(self->coordinator, &ada.key, self->album, 0, out, strlen(text), err));
}

static void add_file(desk *self, nb_manifest *manifest, const char *path, const char *text)
{
    nb_digest digest;
    upload(self, text, &digest);
    assert_ok(nb_manifest_add(manifest, path, &digest, strlen(text), err));
}

static char *mix_text(const char *file, double fader_db)
{
    return nb_text_format("format: nightbus-mix/1\ntitle: Song\nrate_hz: 48000\ntracks:\n"
                          "  - id: vox\n    fader_db: %.1f\n    clips:\n"
                          "      - id: a\n        file: %s\n        at: 0\n"
                          "        length: 1\n",
                          fader_db, file);
}

/// One push: what differs between those of a test.
typedef struct push {
    const char *base;
    const char *folder; ///< The song's
    double fader_db;
    const char *file; ///< That the clip names
    uint8_t client;
} push;

static const Nightbus__Reply *send_push(desk *self, const push *what)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    NB_SCOPED(nb_text_free)
    char *mix = mix_text(what->file ? what->file : "audio/vox.wav", what->fader_db);
    NB_SCOPED(nb_text_free) char *path = nb_text_format("songs/%s/mix.yaml", what->folder);
    NB_SCOPED(nb_text_free) char *base = what->base ? strdup(what->base) : NULL;
    add_file(self, &manifest, "album.yaml", "title: Night\n");
    add_file(self, &manifest, "audio/vox.wav", "samples");
    add_file(self, &manifest, path, mix);
    NB_SCOPED(nb_text_free) char *text = nb_manifest_format(&manifest);
    nb_digest digest;
    upload(self, text, &digest);

    uint8_t id[NB_CLIENT_ID_SIZE] = {what->client};
    NB_SCOPED(nb_text_free) char *album = strdup(self->album);
    char message[] = "vocal up";
    Nightbus__Push said = NIGHTBUS__PUSH__INIT;
    said.album = album;
    said.base_commit = base;
    said.message = message;
    said.manifest = bytes_of(digest.bytes, sizeof digest.bytes);
    said.client_id = bytes_of(id, sizeof id);
    return ask(self, &ada, NIGHTBUS__REQUEST__BODY_PUSH, &said);
}

static const Nightbus__Reply *sync_idle(desk *self, const nb_peer *peer, uint32_t wait_ms)
{
    Nightbus__Sync sync = NIGHTBUS__SYNC__INIT;
    sync.has_wait_ms = 1;
    sync.wait_ms = wait_ms;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_SYNC, &sync);
}

static const Nightbus__Reply *sync_busy(desk *self, const nb_peer *peer,
                                        const Nightbus__Orders *orders)
{
    char line[] = "rendering";
    char *lines[] = {line};
    Nightbus__Sync sync = NIGHTBUS__SYNC__INIT;
    sync.has_task = sync.has_attempt = sync.has_epoch = 1;
    sync.task = orders->task;
    sync.attempt = orders->attempt;
    sync.epoch = orders->epoch;
    sync.has_done_frames = sync.has_total_frames = 1;
    sync.done_frames = 10;
    sync.total_frames = 48000;
    sync.lines = lines;
    sync.n_lines = 1;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_SYNC, &sync);
}

static nb_plan read_plan(desk *self, const Nightbus__Orders *orders)
{
    const nb_digest digest = nb_wire_to_digest(orders->plan);
    nb_plan plan = {0};
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(
        nb_blob_store_get(nb_coordinator_store(self->coordinator), &digest, &bytes, &size, err));
    assert_ok(nb_plan_parse(bytes, size, &plan, err));
    free(bytes);
    return plan;
}

static const Nightbus__Reply *finish(desk *self, const nb_peer *peer,
                                     const Nightbus__Orders *orders, const char *bytes)
{
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(self, orders);
    nb_digest digest;
    char name[] = "mix.wav";
    assert_ok(nb_blob_store_put(nb_coordinator_store(self->coordinator), bytes, strlen(bytes),
                                &digest, err));
    Nightbus__OutputRow row = NIGHTBUS__OUTPUT_ROW__INIT;
    Nightbus__OutputRow *rows[] = {&row};
    row.name = name;
    row.digest = bytes_of(digest.bytes, sizeof digest.bytes);
    row.size = strlen(bytes);
    Nightbus__TaskFinish said = NIGHTBUS__TASK_FINISH__INIT;
    said.task = orders->task;
    said.attempt = orders->attempt;
    said.epoch = orders->epoch;
    said.mix_key = bytes_of(plan.mix_key.bytes, sizeof plan.mix_key.bytes);
    said.outputs = rows;
    said.n_outputs = 1;
    said.duration_s = 1.0;
    said.rate_hz = 48000;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_TASK_FINISH, &said);
}

static const Nightbus__Reply *show(desk *self, const char *version)
{
    char album[] = "night";
    char song[] = "song";
    NB_SCOPED(nb_text_free) char *name = strdup(version);
    Nightbus__Show said = NIGHTBUS__SHOW__INIT;
    said.album = album;
    said.song = song;
    said.version = name;
    return ask(self, &ada, NIGHTBUS__REQUEST__BODY_SHOW, &said);
}

static void start(desk *self, const char *folder)
{
    open_desk(self, folder);
    assert_answer(greet(self, &ada, "client", "x"));
    make_album(self);
}

static const push first_push = {.folder = "song", .client = 1};

// ---- Tests ----

static void nobody_is_heard_without_a_key_a_hello_and_the_role(void **state)
{
    desk here;
    open_desk(&here, *state);
    Nightbus__AlbumList list = NIGHTBUS__ALBUM_LIST__INIT;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_STALE,
                   "Hello first");
    assert_refusal(greet(&here, &eve, "client", "x"), NB_E_PERMISSION, "not known");
    assert_refusal(greet(&here, &ada, "renderer", "x"), NB_E_PERMISSION, "not one for a renderer");
    assert_refusal(greet(&here, &one, "client", "x"), NB_E_PERMISSION, "not one for a client");
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_refusal(ask(&here, &one, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_PERMISSION,
                   "AlbumList takes a role");
    assert_answer(greet(&here, &ada, "client", "x"));
    // Another key with the same routing id is somebody else.
    nb_peer thief = ada;
    thief.key = eve.key;
    assert_refusal(ask(&here, &thief, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_PERMISSION,
                   "not known");
    thief.key = one.key;
    assert_refusal(ask(&here, &thief, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list), NB_E_PERMISSION,
                   "AlbumList takes a role");
    close_desk(&here);
}

static void a_push_is_rendered_and_shown_and_a_repeat_gets_the_first_answer(void **state)
{
    desk here;
    start(&here, *state);
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    assert_answer(pushed);
    assert_int_equal(pushed->pushed->n_versions, 1);
    assert_string_equal(pushed->pushed->versions[0], "song@v1");
    const Nightbus__Reply *again = send_push(&here, &first_push);
    assert_answer(again);
    assert_string_equal(again->pushed->commit, pushed->pushed->commit);
    assert_int_equal(again->pushed->jobs[0], pushed->pushed->jobs[0]);

    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Reply *orders = sync_idle(&here, &one, 5000);
    assert_answer(orders);
    assert_string_equal(orders->orders->label, "song@v1");
    assert_string_equal(show(&here, "latest")->version_info->state, "running");
    assert_true(sync_busy(&here, &one, orders->orders)->orders->keep);
    assert_answer(finish(&here, &one, orders->orders, "the mix"));
    assert_answer(finish(&here, &one, orders->orders, "the mix")); // doubled
    const Nightbus__Reply *shown = show(&here, "v1");
    assert_answer(shown);
    assert_string_equal(shown->version_info->state, "done");
    assert_int_equal(shown->version_info->n_outputs, 1);
    assert_int_equal(shown->version_info->rate_hz, 48000);
    const nb_digest output = nb_wire_to_digest(shown->version_info->outputs[0]->digest);
    assert_ok(nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &output, err));
    close_desk(&here);
}

static void a_done_job_has_its_files_before_the_review_says_so(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Reply *orders = sync_idle(&here, &one, 0);
    // The review cannot be written: another holds its reference.
    NB_SCOPED(nb_text_free)
    char *lock = nb_text_format("%s/albums/night.git/refs/notes/review.lock", here.folder);
    assert_ok(nb_file_make_parents(lock, 0700, err));
    FILE *held = fopen(lock, "w");
    assert_non_null(held);
    fclose(held);
    assert_answer(finish(&here, &one, orders->orders, "the mix"));
    const nb_digest mix = nb_digest_of("the mix", 7);
    for (int i = 0; i < 2; i++) {
        const Nightbus__Reply *shown = show(&here, "v1");
        assert_answer(shown);
        assert_string_equal(shown->version_info->state, "done");
        assert_int_equal(shown->version_info->n_outputs, 1);
        const nb_digest output = nb_wire_to_digest(shown->version_info->outputs[0]->digest);
        assert_true(nb_digest_equal(&output, &mix));
        assert_int_equal(unlink(lock), i == 0 ? 0 : -1); // then it is written after all
        here.now_ms += 60000;
        nb_coordinator_tick(here.coordinator, here.now_ms);
    }
    close_desk(&here);
}

// nftw callback.
static int damage(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)where;
    if (kind == FTW_F) {
        assert_int_equal(chmod(path, 0600), 0);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs("not what git wrote", file);
        fclose(file);
    }
    return 0;
}

static void an_album_that_cannot_be_read_does_not_hold_up_the_others(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    NB_SCOPED(nb_text_free)
    char *objects = nb_text_format("%s/albums/night.git/objects", here.folder);
    assert_int_equal(nftw(objects, damage, 16, FTW_PHYS), 0);
    here.album = "dawn";
    make_album(&here);
    const push other = {.folder = "other", .client = 2};
    assert_answer(send_push(&here, &other));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Reply *orders = sync_idle(&here, &one, 0);
    assert_answer(orders);
    assert_true(orders->orders->has_task);
    assert_string_equal(orders->orders->label, "other@v1");
    close_desk(&here);
}

static unsigned count_reviews(const char *folder, const char *album)
{
    NB_SCOPED(nb_text_free)
    char *command =
        nb_text_format("git -C $D/albums/%s.git rev-list --count refs/notes/review", album);
    NB_SCOPED(nb_text_free) char *said = scratch_run(folder, command);
    return (unsigned)strtoul(said, NULL, 10);
}

static void a_damaged_album_does_not_hold_up_the_reviews_of_others(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *first = sync_idle(&here, &one, 0)->orders;
    assert_string_equal(first->label, "song@v1");
    here.album = "dawn";
    make_album(&here);
    const push other = {.folder = "other", .client = 2, .fader_db = -3.0};
    assert_answer(send_push(&here, &other));
    NB_SCOPED(nb_text_free)
    char *objects = nb_text_format("%s/albums/night.git/objects", here.folder);
    assert_answer(finish(&here, &one, first, "the mix"));
    assert_int_equal(nftw(objects, damage, 16, FTW_PHYS), 0);
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the other mix"));
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    assert_int_equal(count_reviews(*state, "dawn"), 1);
    close_desk(&here);
}

static void what_waits_for_the_review_is_written_in_one_go(void **state)
{
    enum { SONGS = 12 };
    desk here;
    start(&here, *state);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    char head[NB_COMMIT_SIZE] = "";
    for (unsigned i = 0; i < SONGS; i++) {
        char folder[16];
        snprintf(folder, sizeof folder, "song%u", i);
        const push what = {.base = head[0] ? head : NULL,
                           .folder = folder,
                           .client = (uint8_t)(i + 1),
                           .fader_db = -(double)i};
        const Nightbus__Reply *pushed = send_push(&here, &what);
        assert_answer(pushed);
        snprintf(head, sizeof head, "%s", pushed->pushed->commit);
        assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, folder));
    }
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    assert_int_equal(count_reviews(*state, "night"), 1);
    NB_SCOPED(nb_text_free)
    char *notes = scratch_run(*state, "git -C $D/albums/night.git log --notes=review --format=%N");
    size_t events = 0;
    for (const char *at = notes; (at = strstr(at, "rendered")) != NULL; at++) {
        events++;
    }
    assert_int_equal(events, SONGS);
    free(scratch_run(*state, "git -C $D/albums/night.git fsck --full --strict"));
    close_desk(&here);
}

static void all_jobs_of_a_task_end_with_it_however_many(void **state)
{
    enum { JOBS = 2500 };
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_begin(ledger, err));
    for (unsigned i = 0; i < JOBS; i++) {
        nb_job job = {.album = "night", .song = "song", .version = "v1"};
        assert_ok(nb_ledger_add_job(ledger, &job, err));
        job.task = orders->task;
        assert_ok(nb_ledger_update_job(ledger, &job, err));
    }
    assert_ok(nb_ledger_end(ledger, NB_OK, err));
    assert_answer(finish(&here, &one, orders, "the mix"));
    nb_job *open_jobs = NULL;
    size_t count = 1;
    assert_ok(nb_ledger_list_jobs(ledger, NB_JOBS_OPEN_OF_TASK, orders->task, 1, &open_jobs, &count,
                                  err));
    assert_int_equal(count, 0);
    free(open_jobs);
    nb_ledger_close(&ledger);
    close_desk(&here);
}

static void what_was_rendered_before_is_not_rendered_again(void **state)
{
    desk here;
    start(&here, *state);
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the mix"));
    const push louder = {pushed->pushed->commit, "song", 3.0, NULL, 2};
    pushed = send_push(&here, &louder);
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the louder mix"));
    const push back = {pushed->pushed->commit, "song", 0.0, NULL, 3};
    pushed = send_push(&here, &back);
    assert_answer(pushed);
    assert_string_equal(pushed->pushed->versions[0], "song@v3");
    assert_false(sync_idle(&here, &one, 0)->orders->has_task);
    const Nightbus__Reply *shown = show(&here, "v3");
    assert_string_equal(shown->version_info->state, "done");
    Nightbus__JobWatch watch = NIGHTBUS__JOB_WATCH__INIT;
    watch.job = pushed->pushed->jobs[0];
    const Nightbus__Reply *job = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_WATCH, &watch);
    assert_answer(job);
    assert_true(job->job_state->row->cached);
    close_desk(&here);
}

static void a_push_on_an_older_revision_is_told_who_was_first(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    const push late = {NULL, "song", 2.0, NULL, 2};
    assert_refusal(send_push(&here, &late), NB_E_CONFLICT,
                   "ada pushed 'vocal up' just now (song@v1); run nightbus pull, listen");
    close_desk(&here);
}

static void bad_pushes_are_refused_in_words_and_leave_nothing(void **state)
{
    desk here;
    start(&here, *state);
    const push no_audio = {NULL, "song", 0.0, "audio/gone.wav", 1};
    assert_refusal(send_push(&here, &no_audio), NB_E_INVALID, "songs/song/mix.yaml:9:");
    const push bad_id = {NULL, "Song", 0.0, NULL, 2};
    assert_refusal(send_push(&here, &bad_id), NB_E_INVALID, "songs/Song");
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    assert_answer(pushed);
    const push other = {pushed->pushed->commit, "other", 0.0, NULL, 4}; // song is gone
    pushed = send_push(&here, &other);
    assert_answer(pushed);
    const push reused = {pushed->pushed->commit, "song", 1.0, NULL, 5};
    assert_refusal(send_push(&here, &reused), NB_E_INVALID, "never used again");
    close_desk(&here);
}

static void a_push_of_nothing_new_makes_no_version(void **state)
{
    desk here;
    start(&here, *state);
    const Nightbus__Reply *pushed = send_push(&here, &first_push);
    const push same = {pushed->pushed->commit, "song", 0.0, NULL, 2};
    const Nightbus__Reply *again = send_push(&here, &same);
    assert_answer(again);
    assert_string_equal(again->pushed->commit, pushed->pushed->commit);
    assert_int_equal(again->pushed->n_versions, 0);
    close_desk(&here);
}

static void a_held_renderer_gets_work_as_soon_as_there_is_some(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_null(sync_idle(&here, &one, 5000));
    const uint64_t held = here.request;
    assert_answer(send_push(&here, &first_push));
    const Nightbus__Reply *last = here.replies[here.reply_count - 1];
    assert_int_equal(last->id, held);
    assert_true(last->orders->has_task);
    // And without work the answer comes at its time.
    assert_answer(greet(&here, &two, "renderer", "r2"));
    assert_null(sync_idle(&here, &two, 5000));
    here.now_ms += 5000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    last = here.replies[here.reply_count - 1];
    assert_int_equal(last->id, here.request);
    assert_false(last->orders->has_task);
    close_desk(&here);
}

// Two renderers at work on two songs, what they hold, and a look at the ledger from outside.
static void start_two(desk *here, const char *folder, const Nightbus__Orders **out_first,
                      const Nightbus__Orders **out_second)
{
    start(here, folder);
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_sql_open(path, &here->outside, err));
    const Nightbus__Reply *pushed = send_push(here, &first_push);
    assert_answer(pushed);
    here->album = "dawn";
    make_album(here);
    const push other = {.folder = "other", .fader_db = 1.0, .client = 2};
    assert_answer(send_push(here, &other));
    assert_answer(greet(here, &one, "renderer", "r1"));
    assert_answer(greet(here, &two, "renderer", "r2"));
    *out_first = sync_idle(here, &one, 0)->orders;
    *out_second = sync_idle(here, &two, 0)->orders;
    assert_true((*out_first)->has_task && (*out_second)->has_task);
}

static void the_answers_of_a_batch_follow_its_one_commit(void **state)
{
    desk here;
    const Nightbus__Orders *first = NULL;
    const Nightbus__Orders *second = NULL;
    start_two(&here, *state, &first, &second);
    here.batching = true;
    assert_null(finish(&here, &one, first, "the mix"));
    assert_null(sync_busy(&here, &two, second));
    assert_null(finish(&here, &two, second, "the other"));
    assert_int_equal(committed_state(&here, first->task), NB_TASK_QUEUED);
    here.watched = second->task; // looked at with every reply from here on
    nb_coordinator_commit(here.coordinator, here.now_ms);
    here.watched = 0;
    for (uint64_t request = here.request - 2; request <= here.request; request++) {
        assert_answer(reply_to(&here, request));
    }
    assert_int_equal(committed_state(&here, first->task), NB_TASK_DONE);
    close_desk(&here);
}

static void a_request_that_fails_takes_nothing_of_its_batch_with_it(void **state)
{
    desk here;
    const Nightbus__Orders *first = NULL;
    const Nightbus__Orders *second = NULL;
    start_two(&here, *state, &first, &second);
    // One result's second row cannot be written: found out when its first one was.
    const nb_digest digest = nb_digest_of("the other", 9);
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&digest, hex);
    NB_SCOPED(nb_text_free)
    char *trigger = nb_text_format("CREATE TRIGGER refuse BEFORE INSERT ON outputs WHEN NEW.digest "
                                   "= x'%s' BEGIN SELECT RAISE(ABORT, 'refused'); END",
                                   hex);
    assert_ok(nb_sql_script(here.outside, trigger, err));
    here.batching = true;
    finish(&here, &one, first, "the mix");
    finish(&here, &two, second, "the other");
    nb_coordinator_commit(here.coordinator, here.now_ms);
    assert_answer(reply_to(&here, here.request - 1));
    assert_refusal(reply_to(&here, here.request), NB_E_EXISTS, "refused");
    assert_int_equal(committed_state(&here, first->task), NB_TASK_DONE);
    assert_int_equal(committed_state(&here, second->task), NB_TASK_QUEUED);
    // Nothing of it was left behind: it may come again.
    here.batching = false;
    assert_ok(nb_sql_script(here.outside, "DROP TRIGGER refuse", err));
    assert_answer(finish(&here, &two, second, "the other"));
    assert_int_equal(committed_state(&here, second->task), NB_TASK_DONE);
    assert_int_equal(committed(&here, "SELECT count(*) FROM incidents WHERE id > ?", 0), 0);
    close_desk(&here);
}

static void a_batch_that_cannot_be_committed_is_forgotten_whole(void **state)
{
    desk here;
    const Nightbus__Orders *first = NULL;
    const Nightbus__Orders *second = NULL;
    start_two(&here, *state, &first, &second);
    // As on a full disk: no file grows.
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit full = {4096, before.rlim_max};
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    here.batching = true;
    finish(&here, &one, first, "the mix");
    finish(&here, &two, second, "the other");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    nb_coordinator_commit(here.coordinator, here.now_ms);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(reply_to(&here, here.request - 1)->failure);
    assert_non_null(reply_to(&here, here.request)->failure);
    assert_int_equal(committed_state(&here, first->task), NB_TASK_QUEUED);
    // The renderers come back as to a new coordinator, and their work is taken after all.
    here.batching = false;
    assert_refusal(finish(&here, &one, first, "the mix"), NB_E_STALE, "Hello first");
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, first, "the mix"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    assert_true(sync_busy(&here, &two, second)->orders->keep);
    assert_answer(finish(&here, &two, second, "the other"));
    assert_int_equal(committed_state(&here, first->task), NB_TASK_DONE);
    assert_int_equal(committed_state(&here, second->task), NB_TASK_DONE);
    close_desk(&here);
}

static void a_dead_renderer_s_task_goes_to_the_other_one(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    const Nightbus__Orders *lost = sync_idle(&here, &one, 0)->orders;
    assert_null(sync_idle(&here, &two, 15000));
    here.now_ms += NB_LEASE_MS;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    const Nightbus__Orders *taken = here.replies[here.reply_count - 1]->orders;
    assert_true(taken->has_task && taken->attempt == 2);
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, taken);
    assert_ok(nb_coordinator_may_read(here.coordinator, &two.key, NULL, taken->task,
                                      &plan.files[0].digest, err));
    assert_fails(NB_E_STALE, "lease",
                 nb_coordinator_may_read(here.coordinator, &one.key, NULL, taken->task,
                                         &plan.files[0].digest, err));
    assert_false(sync_busy(&here, &one, lost)->orders->keep);
    assert_answer(finish(&here, &two, taken, "the mix"));
    assert_string_equal(show(&here, "v1")->version_info->state, "done");
    close_desk(&here);
}

// A straggler and its second attempt: both may read, the first result counts, and the other's is
// thanked for.
static void a_straggler_s_second_attempt_wins_and_the_first_one_does_no_harm(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    const Nightbus__Orders *slow = sync_idle(&here, &one, 0)->orders;
    for (int i = 0; i < NB_STRAGGLER_MS / 5000; i++) { // it lives, and stands still
        assert_true(sync_busy(&here, &one, slow)->orders->keep);
        assert_false(sync_idle(&here, &two, 0)->orders->has_task);
        here.now_ms += 5000;
    }
    assert_true(sync_busy(&here, &one, slow)->orders->keep);
    here.now_ms += 5000;
    const Nightbus__Orders *second = sync_idle(&here, &two, 0)->orders;
    assert_true(second->has_task && second->attempt == 2);
    assert_true(sync_busy(&here, &one, slow)->orders->keep);
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, second);
    assert_ok(nb_coordinator_may_read(here.coordinator, &one.key, NULL, slow->task,
                                      &plan.files[0].digest, err));
    assert_ok(nb_coordinator_may_read(here.coordinator, &two.key, NULL, slow->task,
                                      &plan.files[0].digest, err));
    assert_answer(finish(&here, &two, second, "the mix"));
    assert_string_equal(show(&here, "v1")->version_info->state, "done");
    assert_false(sync_busy(&here, &one, slow)->orders->keep);
    assert_answer(finish(&here, &one, slow, "the mix")); // late, and the same
    assert_fails(NB_E_STALE, "lease",
                 nb_coordinator_may_read(here.coordinator, &one.key, NULL, slow->task,
                                         &plan.files[0].digest, err));
    close_desk(&here);
}

static void after_a_restart_a_running_render_goes_on(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    desk next;
    nb_coordinator_destroy(&here.coordinator);
    open_desk(&next, *state);
    assert_answer(greet(&next, &one, "renderer", "r1"));
    assert_true(sync_busy(&next, &one, orders)->orders->keep);
    assert_answer(finish(&next, &one, orders, "the mix"));
    assert_answer(greet(&next, &ada, "client", "x"));
    assert_string_equal(show(&next, "v1")->version_info->state, "done");
    close_desk(&here);
    close_desk(&next);
}

static void tags_and_jobs_that_a_crash_cost_are_made_again(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    close_desk(&here);
    // As if the process had ended right behind the commit.
    free(scratch_run(*state, "git -C $D/albums/night.git update-ref -d refs/tags/song/v1"));
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_set_settled(ledger, "night", "", err));
    nb_ledger_close(&ledger);
    open_desk(&here, *state);
    assert_answer(greet(&here, &ada, "client", "x"));
    assert_string_equal(show(&here, "v1")->version_info->state, "queued");
    const Nightbus__Reply *again = send_push(&here, &first_push);
    assert_answer(again);
    assert_string_equal(again->pushed->versions[0], "song@v1");
    free(scratch_run(*state, "git -C $D/albums/night.git fsck --full"));
    close_desk(&here);
}

static void a_failed_render_says_why(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    char text[] = "audio/vox.wav: not a WAV file";
    Nightbus__TaskFail fail = NIGHTBUS__TASK_FAIL__INIT;
    fail.task = orders->task;
    fail.attempt = orders->attempt;
    fail.epoch = orders->epoch;
    fail.status = NB_E_CORRUPT;
    fail.text = text;
    fail.has_fault_of_input = fail.fault_of_input = 1;
    assert_answer(ask(&here, &one, NIGHTBUS__REQUEST__BODY_TASK_FAIL, &fail));
    const Nightbus__Reply *shown = show(&here, "v1");
    assert_string_equal(shown->version_info->state, "failed");
    assert_contains(shown->version_info->error, "r1: audio/vox.wav: not a WAV file");
    close_desk(&here);
}

static uint64_t count_incidents(const char *folder)
{
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    uint64_t incidents = 0;
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_count_open_incidents(ledger, &incidents, err));
    nb_ledger_close(&ledger);
    return incidents;
}

static void the_same_key_with_other_bytes_is_an_incident_and_the_first_stands(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "the mix"));
    assert_answer(finish(&here, &one, orders, "another mix"));
    const nb_digest first = nb_digest_of("the mix", 7);
    const nb_digest shown = nb_wire_to_digest(show(&here, "v1")->version_info->outputs[0]->digest);
    assert_true(nb_digest_equal(&shown, &first));
    close_desk(&here);
    assert_int_equal(count_incidents(*state), 1);
}

// The only file that the store has of these bytes is lost.
static void lose(const desk *self, const char *bytes)
{
    const nb_digest digest = nb_digest_of(bytes, strlen(bytes));
    NB_SCOPED(nb_text_free) char *path = NULL;
    assert_ok(nb_blob_store_path(nb_coordinator_store(self->coordinator), &digest, &path, err));
    assert_int_equal(unlink(path), 0);
}

static const Nightbus__Reply *render_again(desk *self)
{
    char album[] = "night";
    char song[] = "song";
    char version[] = "v1";
    Nightbus__Render render = NIGHTBUS__RENDER__INIT;
    render.album = album;
    render.song = song;
    render.version = version;
    return ask(self, &ada, NIGHTBUS__REQUEST__BODY_RENDER, &render);
}

static void a_lost_result_that_comes_back_with_other_bytes_is_an_operator_s_to_keep(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the mix"));
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    lose(&here, "the mix");
    assert_answer(greet(&here, &one, "renderer", "r1")); // it was silent for long
    assert_answer(render_again(&here));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "another mix"));
    Nightbus__JobList jobs = NIGHTBUS__JOB_LIST__INIT;
    const Nightbus__Reply *reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_LIST, &jobs);
    assert_string_equal(reply->job_listing->rows[0]->state, "failed");
    assert_contains(reply->job_listing->rows[0]->error, "nightbus incident keep 1");

    Nightbus__IncidentList list = NIGHTBUS__INCIDENT_LIST__INIT;
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_LIST, &list);
    assert_answer(reply);
    assert_int_equal(reply->incident_listing->n_rows, 1);
    assert_false(reply->incident_listing->rows[0]->first_is_there);
    assert_int_equal(reply->incident_listing->rows[0]->n_outputs, 1);
    Nightbus__IncidentKeep keep = NIGHTBUS__INCIDENT_KEEP__INIT;
    keep.incident = reply->incident_listing->rows[0]->incident;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep));
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep)); // a repeat
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    const Nightbus__VersionInfo *shown = show(&here, "v1")->version_info;
    assert_string_equal(shown->state, "done");
    assert_string_equal(shown->rendering, "r2");
    const nb_digest output = nb_wire_to_digest(shown->outputs[0]->digest);
    const nb_digest second = nb_digest_of("another mix", 11);
    assert_true(nb_digest_equal(&output, &second));
    assert_ok(nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &output, err));
    NB_SCOPED(nb_text_free)
    char *notes = scratch_run(*state, "git -C $D/albums/night.git log --notes=review --format=%N");
    assert_contains(notes, "\"r1\"");
    assert_contains(notes, "\"r2\"");
    close_desk(&here);
}

static void of_several_results_the_one_that_was_asked_for_is_kept(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(finish(&here, &one, sync_idle(&here, &one, 0)->orders, "the mix"));
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    lose(&here, "the mix");
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(render_again(&here));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_answer(finish(&here, &one, orders, "a third mix"));
    assert_int_equal(count_incidents(*state), 2);
    // One more job of the version, that somebody does not want.
    const Nightbus__Reply *reply = render_again(&here);
    assert_answer(reply);
    Nightbus__JobChange cancel = NIGHTBUS__JOB_CHANGE__INIT;
    cancel.job = 3;
    cancel.has_cancel = cancel.cancel = 1;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_CHANGE, &cancel));

    Nightbus__IncidentKeep keep = NIGHTBUS__INCIDENT_KEEP__INIT;
    keep.incident = 1;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep));
    assert_int_equal(count_incidents(*state), 0); // the other one was not it
    keep.incident = 2;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_CONFLICT,
                   "another result stands");
    Nightbus__JobList jobs = NIGHTBUS__JOB_LIST__INIT;
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_LIST, &jobs);
    assert_string_equal(reply->job_listing->rows[0]->state, "cancelled");
    assert_string_equal(reply->job_listing->rows[1]->state, "done");
    here.now_ms += 60000;
    nb_coordinator_tick(here.coordinator, here.now_ms);
    const Nightbus__VersionInfo *shown = show(&here, "v1")->version_info;
    const nb_digest output = nb_wire_to_digest(shown->outputs[0]->digest);
    const nb_digest second = nb_digest_of("another mix", 11);
    assert_true(nb_digest_equal(&output, &second));
    close_desk(&here);
}

static void an_incident_whose_first_result_is_there_is_not_kept(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "the mix"));
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_answer(finish(&here, &one, orders, "another mix")); // told once
    assert_int_equal(count_incidents(*state), 1);
    Nightbus__IncidentKeep keep = NIGHTBUS__INCIDENT_KEEP__INIT;
    keep.incident = 1;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_CONFLICT,
                   "so it stands");
    keep.incident = 2;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_NOT_FOUND,
                   "no incident 2");
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    const nb_digest second = nb_digest_of("another mix", 11);
    bool needed = false;
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_is_needed(ledger, &second, here.now_ms, &needed, err));
    assert_true(needed); // its bytes are kept while it is open
    keep.incident = 1;
    keep.has_dismiss = keep.dismiss = 1;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep));
    assert_int_equal(count_incidents(*state), 0);
    assert_ok(nb_ledger_is_needed(ledger, &second, here.now_ms, &needed, err));
    assert_false(needed);
    keep.has_dismiss = 0;
    assert_refusal(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, &keep), NB_E_CONFLICT,
                   "another result stands");
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_int_equal(count_incidents(*state), 0); // it was said what to think of that
    lose(&here, "the mix");
    assert_answer(finish(&here, &one, orders, "another mix"));
    assert_int_equal(count_incidents(*state), 1); // now it may be wanted after all
    nb_ledger_close(&ledger);
    close_desk(&here);
}

static void a_late_report_that_is_not_its_renderer_s_is_no_incident(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(greet(&here, &two, "renderer", "r2"));
    Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    assert_answer(finish(&here, &one, orders, "the mix"));
    assert_refusal(finish(&here, &two, orders, "another mix"), NB_E_STALE, "never this renderer's");
    orders->epoch.data[0] ^= 1; // as of another life of the coordinator
    assert_refusal(finish(&here, &one, orders, "another mix"), NB_E_STALE, "never this renderer's");
    orders->epoch.data[0] ^= 1;
    orders->attempt = 2;
    assert_refusal(finish(&here, &one, orders, "another mix"), NB_E_STALE, "never this renderer's");
    assert_int_equal(count_incidents(*state), 0);
    close_desk(&here);
}

static const Nightbus__Reply *render_album(desk *self, unsigned priority, char *window)
{
    char album[] = "night";
    uint8_t id[NB_CLIENT_ID_SIZE] = {(uint8_t)priority};
    Nightbus__AlbumRender body = NIGHTBUS__ALBUM_RENDER__INIT;
    body.album = album;
    body.client_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    body.has_priority = 1;
    body.priority = priority;
    body.window = window;
    return ask(self, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_RENDER, &body);
}

static void lines_about_a_task_say_which_as_fields(void **state)
{
    desk here;
    start(&here, *state);
    assert_answer(send_push(&here, &first_push));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "log");
    FILE *file = fopen(path, "w+");
    const int kept = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    assert_ok(nb_log_set_form("json", err));
    const Nightbus__Reply *reply = finish(&here, &one, sync_idle(&here, &one, 0)->orders, "a mix");
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_ok(nb_log_set_form("text", err));
    assert_answer(reply);
    char line[4096];
    unsigned found = 0;
    rewind(file);
    while (fgets(line, sizeof line, file)) {
        found += strstr(line, "\"task\":1,\"attempt\":1,\"node\":\"r1\"") ? 1 : 0;
    }
    fclose(file);
    assert_int_equal(found, 2); // given to r1, done by r1
    close_desk(&here);
}

static void kept_edges_of_other_albums_are_not_told(void **state)
{
    desk here;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    nb_ledger *ledger = NULL;
    start(&here, *state);
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(send_push(&here, &first_push));
    here.album = "dawn";
    make_album(&here);
    nb_freeze_row edge = {.key = {{5}}, .size = 4, .made_ms = 1, .used_ms = 1};
    assert_ok(
        nb_blob_store_put(nb_coordinator_store(here.coordinator), "edge", 4, &edge.digest, err));
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_put_freeze(ledger, &edge, err));
    ProtobufCBinaryData key = {.len = sizeof edge.key.bytes, .data = edge.key.bytes};
    char albums[2][8] = {"night", "dawn"};
    for (unsigned shared = 0; shared < 2; shared++) {
        for (size_t i = 0; i < 2; i++) {
            Nightbus__KeyAsk body = NIGHTBUS__KEY_ASK__INIT;
            body.album = albums[i];
            body.n_edges = 1;
            body.edges = &key;
            const Nightbus__Reply *reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_KEY_ASK, &body);
            assert_answer(reply);
            assert_int_equal(reply->key_answer->n_edges, shared && i == 0 ? 1 : 0);
        }
        assert_ok(nb_ledger_share_freeze(ledger, &edge.key, 1, err)); // of night's task
    }
    nb_ledger_close(&ledger);
    close_desk(&here);
}

static void a_wish_that_is_not_written_down_is_not_followed(void **state)
{
    desk here;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    start(&here, *state);
    assert_ok(nb_sql_open(path, &here.outside, err));
    assert_answer(greet(&here, &one, "renderer", "r1"));
    assert_answer(send_push(&here, &first_push));
    const nb_task *task = nb_scheduler_task(here.coordinator->scheduler, 1);
    assert_non_null(task);
    assert_int_equal(task->priority, NB_PRIORITY_DEFAULT);
    // The last thing that it writes can't be written.
    assert_ok(nb_sql_script(here.outside,
                            "CREATE TRIGGER no_answer BEFORE INSERT ON answers BEGIN"
                            " SELECT raise(ABORT, 'no more'); END;",
                            err));
    assert_refusal(render_album(&here, 90, NULL), NB_E_EXISTS, "no more");
    assert_int_equal(nb_scheduler_task(here.coordinator->scheduler, 1)->priority,
                     NB_PRIORITY_DEFAULT);
    assert_ok(nb_sql_script(here.outside, "DROP TRIGGER no_answer;", err));
    assert_answer(render_album(&here, 91, NULL));
    assert_int_equal(nb_scheduler_task(here.coordinator->scheduler, 1)->priority, 91);
    close_desk(&here);
}

static void an_album_s_hours_are_those_of_its_jobs_now(void **state)
{
    char never[] = "00:00-00:01 UTC";
    char always[] = "";
    desk here;
    start(&here, *state);
    const time_t now = time(NULL);
    if (now % 86400 < 120) { // those hours
        snprintf(never, sizeof never, "12:00-12:01 UTC");
    }
    assert_answer(send_push(&here, &first_push));
    const Nightbus__Reply *reply = render_album(&here, 50, never);
    assert_answer(reply);
    assert_true(reply->album_rendering->has_opens_ms);
    Nightbus__JobChange change = NIGHTBUS__JOB_CHANGE__INIT;
    change.job = 1;
    change.window = always;
    assert_answer(ask(&here, &ada, NIGHTBUS__REQUEST__BODY_JOB_CHANGE, &change));
    char album[] = "night";
    Nightbus__AlbumRenderShow shown = NIGHTBUS__ALBUM_RENDER_SHOW__INIT;
    shown.album = album;
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_RENDER_SHOW, &shown);
    assert_answer(reply);
    assert_false(reply->album_rendering->has_opens_ms);
    close_desk(&here);
}

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

// song@v1, to be rendered to "the mix", seen by ada, its owner, and bo, an artist.
static void start_deciding(desk *self, const char *folder)
{
    start(self, folder);
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    put_member(ledger, &eve, "bo", NB_ROLE_ARTIST);
    nb_ledger_close(&ledger);
    assert_answer(greet(self, &eve, "client", "x"));
    assert_answer(send_push(self, &first_push));
    assert_answer(greet(self, &one, "renderer", "r1"));
}

static void render_one(desk *self, const char *bytes)
{
    assert_answer(finish(self, &one, sync_idle(self, &one, 0)->orders, bytes));
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

// As if 91 days had passed for every file and row.
static void age(const char *folder, const char *script)
{
    nb_sql *sql = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_sql_open(path, &sql, err));
    assert_ok(nb_sql_script(sql, script, err));
    nb_sql_close(&sql);
    free(scratch_run(folder, "find $D/store/objects -type f -exec touch -d '91 days ago' {} +"));
}

static bool has_bytes(const desk *self, const char *bytes)
{
    const nb_digest digest = nb_digest_of(bytes, strlen(bytes));
    return nb_blob_store_has(nb_coordinator_store(self->coordinator), &digest, NULL);
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

// ---- Prints and masters ----

/// One submission: a document, and one file beside it.
typedef struct submission {
    const nb_peer *peer;
    bool master;
    const char *document; ///< Its text
    const char *path;     ///< Of the file
    const char *bytes;
    uint8_t client;
} submission;

static const Nightbus__Reply *submit(desk *self, const submission *what)
{
    char album[] = "night";
    char song[] = "song";
    char message[] = "from the console";
    char document[60];
    NB_SCOPED(nb_text_free) char *path = strdup(what->path);
    nb_digest digests[2];
    uint8_t id[NB_CLIENT_ID_SIZE] = {what->client};
    snprintf(document, sizeof document, "songs/song/%s.yaml", what->master ? "master" : "print");
    upload(self, what->document, &digests[0]);
    upload(self, what->bytes, &digests[1]);
    Nightbus__SubmittedFile files[2] = {NIGHTBUS__SUBMITTED_FILE__INIT,
                                        NIGHTBUS__SUBMITTED_FILE__INIT};
    Nightbus__SubmittedFile *list[] = {&files[0], &files[1]};
    files[0].path = document;
    files[1].path = path;
    files[0].size = strlen(what->document);
    files[1].size = strlen(what->bytes);
    for (size_t i = 0; i < NB_COUNT(files); i++) {
        files[i].digest = bytes_of(digests[i].bytes, sizeof digests[i].bytes);
    }
    Nightbus__SubmitPrint print = NIGHTBUS__SUBMIT_PRINT__INIT;
    Nightbus__SubmitMaster master = NIGHTBUS__SUBMIT_MASTER__INIT;
    print.album = master.album = album;
    print.song = master.song = song;
    print.message = master.message = message;
    print.files = master.files = list;
    print.n_files = master.n_files = NB_COUNT(list);
    print.client_id = master.client_id = bytes_of(id, sizeof id);
    return what->master ? ask(self, what->peer, NIGHTBUS__REQUEST__BODY_SUBMIT_MASTER, &master)
                        : ask(self, what->peer, NIGHTBUS__REQUEST__BODY_SUBMIT_PRINT, &print);
}

/// Report a measurement: the audio has these bytes, and there is a report.
static const Nightbus__Reply *finish_measured(desk *self, const nb_peer *peer,
                                              const Nightbus__Orders *orders, const char *name,
                                              const char *bytes)
{
    static const char report[] = "{}";
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(self, orders);
    nb_digest digests[2];
    char audio_name[20];
    char report_name[] = "report.json";
    snprintf(audio_name, sizeof audio_name, "%s", name);
    nb_blob_store *store = nb_coordinator_store(self->coordinator);
    assert_ok(nb_blob_store_put(store, bytes, strlen(bytes), &digests[0], err));
    assert_ok(nb_blob_store_put(store, report, strlen(report), &digests[1], err));
    Nightbus__OutputRow rows[] = {NIGHTBUS__OUTPUT_ROW__INIT, NIGHTBUS__OUTPUT_ROW__INIT};
    Nightbus__OutputRow *list[] = {&rows[0], &rows[1]};
    rows[0].name = audio_name;
    rows[1].name = report_name;
    rows[0].size = strlen(bytes);
    rows[1].size = strlen(report);
    rows[1].has_duration_s = 1;
    rows[1].duration_s = 2.5;
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        rows[i].digest = bytes_of(digests[i].bytes, sizeof digests[i].bytes);
    }
    Nightbus__TaskFinish said = NIGHTBUS__TASK_FINISH__INIT;
    said.task = orders->task;
    said.attempt = orders->attempt;
    said.epoch = orders->epoch;
    said.mix_key = bytes_of(plan.mix_key.bytes, sizeof plan.mix_key.bytes);
    said.outputs = list;
    said.n_outputs = NB_COUNT(list);
    said.duration_s = 2.5;
    said.rate_hz = 44100;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_TASK_FINISH, &said);
}

static char *master_text(const char *mix, const char *bytes)
{
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest digest = nb_digest_of(bytes, strlen(bytes));
    nb_digest_to_hex(&digest, hex);
    return nb_text_format("format: nightbus-master/1\nmix: %s\nmix_sha256: %s\nrate_hz: 44100\n"
                          "files: [songs/song/master/loud.wav]\n",
                          mix, hex);
}

static const char print_text[] = "format: nightbus-print/1\nfile: songs/song/print/v2.wav\n"
                                 "rate_hz: 44100\nstarts_at_frame: 158760000\n";

/// v1 is rendered, v2 a print that is measured.
static void start_with_print(desk *self, const char *folder)
{
    start_deciding(self, folder);
    render_one(self, "the mix");
    const submission print = {.peer = &ada,
                              .document = print_text,
                              .path = "songs/song/print/v2.wav",
                              .bytes = "the print",
                              .client = 2};
    const Nightbus__Reply *pushed = submit(self, &print);
    assert_answer(pushed);
    assert_int_equal(pushed->pushed->n_versions, 1);
    assert_string_equal(pushed->pushed->versions[0], "song@v2");
    const Nightbus__Reply *again = submit(self, &print);
    assert_answer(again);
    assert_string_equal(again->pushed->commit, pushed->pushed->commit);
}

static void a_print_is_measured_and_heard_as_the_bytes_that_were_pushed(void **state)
{
    desk here;
    start_with_print(&here, *state);
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, orders);
    assert_int_equal(plan.kind, NB_PLAN_PRINT);
    assert_int_equal(plan.file_count, 1);
    assert_refusal(finish_measured(&here, &one, orders, "mix.wav", "other bytes"), NB_E_INVALID,
                   "not the file that was pushed");
    assert_refusal(finish_measured(&here, &one, orders, "../mix.wav", "the print"), NB_E_INVALID,
                   "not a name");
    assert_refusal(finish_measured(&here, &one, orders, "song.wav", "the print"), NB_E_INVALID,
                   "no audio");
    assert_answer(finish_measured(&here, &one, orders, "mix.wav", "the print"));
    const Nightbus__VersionInfo *info = show(&here, "latest")->version_info;
    assert_string_equal(info->version, "v2");
    assert_string_equal(info->source, "print");
    assert_string_equal(info->state, "done");
    assert_int_equal(info->rate_hz, 44100);
    assert_int_equal(info->starts_at_frame, 158760000);
    const nb_digest heard = nb_wire_to_digest(info->outputs[0]->digest);
    const nb_digest pushed = nb_digest_of("the print", 9);
    assert_string_equal(info->outputs[0]->name, "mix.wav");
    assert_true(nb_digest_equal(&heard, &pushed));
    close_desk(&here);
}

static void a_print_gives_way_to_the_mix_document_once_it_is_gone(void **state)
{
    desk here;
    start_with_print(&here, *state);
    const push back = {.folder = "song",
                       .base = show(&here, "v2")->version_info->commit,
                       .fader_db = -6.0,
                       .client = 3};
    const Nightbus__Reply *pushed = send_push(&here, &back); // without print.yaml
    assert_answer(pushed);
    assert_string_equal(pushed->pushed->versions[0], "song@v3");
    assert_string_equal(show(&here, "v3")->version_info->source, "mix");
    assert_string_equal(show(&here, "v2")->version_info->source, "print");
    close_desk(&here);
}

static void a_master_is_bound_to_the_bytes_of_its_mix(void **state)
{
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    NB_SCOPED(nb_text_free) char *wrong = master_text("v1", "another mix");
    NB_SCOPED(nb_text_free) char *unknown = master_text("v7", "the mix");
    NB_SCOPED(nb_text_free) char *right = master_text("v1", "the mix");
    submission said = {.peer = &ada,
                       .master = true,
                       .document = wrong,
                       .path = "songs/song/master/loud.wav",
                       .bytes = "the mix, louder",
                       .client = 2};
    assert_refusal(submit(&here, &said), NB_E_INVALID, "of other audio than song@v1");
    said.document = unknown;
    assert_refusal(submit(&here, &said), NB_E_NOT_FOUND, "song has no version v7");
    said.document = right;
    const Nightbus__Reply *pushed = submit(&here, &said);
    assert_answer(pushed);
    assert_string_equal(pushed->pushed->versions[0], "song@m1");
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, orders);
    assert_int_equal(plan.kind, NB_PLAN_MASTER);
    assert_int_equal(plan.file_count, 2);
    assert_string_equal(plan.files[1].path, NB_PLAN_MIX_PATH);
    assert_refusal(finish_measured(&here, &one, orders, "master.wav", "the mix"), NB_E_INVALID,
                   "not the file that was pushed"); // the plan has it, but only to hold against
    assert_answer(finish_measured(&here, &one, orders, "master.wav", "the mix, louder"));
    const Nightbus__VersionInfo *info = show(&here, "master")->version_info;
    assert_string_equal(info->version, "m1");
    assert_string_equal(info->standing->mix, "v1");
    assert_string_equal(show(&here, "latest")->version_info->version, "v1");
    // Both are kept for ever, though nobody approved the mix.
    age(*state, "UPDATE blobs SET pinned_until_ms = 1;"
                "UPDATE results SET created_ms = created_ms - 7862400000;");
    assert_ok(nb_coordinator_collect(here.coordinator, err));
    assert_true(has_bytes(&here, "the mix") && has_bytes(&here, "the mix, louder"));
    close_desk(&here);
}

static void a_mastering_engineer_changes_nothing_but_masters(void **state)
{
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    NB_SCOPED(nb_text_free) char *ledger_path = nb_file_join(*state, "ledger.sqlite");
    nb_ledger *ledger = NULL;
    assert_ok(nb_ledger_open(ledger_path, &ledger, err));
    put_member(ledger, &eve, "eve", NB_ROLE_MASTERING);
    nb_ledger_close(&ledger);
    assert_answer(greet(&here, &eve, "client", "x"));
    NB_SCOPED(nb_text_free) char *right = master_text("v1", "the mix");
    submission said = {.peer = &eve,
                       .document = print_text,
                       .path = "songs/song/print/v2.wav",
                       .bytes = "the print",
                       .client = 2};
    assert_refusal(submit(&here, &said), NB_E_PERMISSION, "SubmitPrint");
    static const char *const elsewhere[] = {"songs/song/mix.yaml", "songs/other/master/loud.wav",
                                            "audio/vox.wav", "songs/song/master/a/b.wav",
                                            "songs/song/master/"};
    said.master = true;
    said.document = right;
    for (size_t i = 0; i < NB_COUNT(elsewhere); i++) {
        said.path = elsewhere[i];
        assert_refusal(submit(&here, &said), NB_E_INVALID, "may put in only");
    }
    said.path = "songs/song/master/loud.wav";
    assert_answer(submit(&here, &said));
    close_desk(&here);
}

static void knowing_a_digest_is_no_right(void **state)
{
    desk here;
    start(&here, *state);
    nb_digest digest;
    assert_ok(nb_blob_store_put(nb_coordinator_store(here.coordinator), "secret", 6, &digest, err));
    ProtobufCBinaryData digests[] = {bytes_of(digest.bytes, sizeof digest.bytes)};
    char album[] = "night";
    Nightbus__Missing missing = NIGHTBUS__MISSING__INIT;
    missing.album = album;
    missing.digests = digests;
    missing.n_digests = 1;
    const Nightbus__Reply *reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_MISSING, &missing);
    assert_answer(reply);
    assert_int_equal(reply->missing_listing->n_digests, 1);
    assert_fails(NB_E_NOT_FOUND, "has no blob",
                 nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &digest, err));
    assert_fails(NB_E_PERMISSION, "",
                 nb_coordinator_may_read(here.coordinator, &one.key, "night", 0, &digest, err));
    upload(&here, "secret", &digest);
    reply = ask(&here, &ada, NIGHTBUS__REQUEST__BODY_MISSING, &missing);
    assert_int_equal(reply->missing_listing->n_digests, 0);
    assert_ok(nb_coordinator_may_read(here.coordinator, &ada.key, "night", 0, &digest, err));
    close_desk(&here);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(nobody_is_heard_without_a_key_a_hello_and_the_role),
        in_scratch(a_push_is_rendered_and_shown_and_a_repeat_gets_the_first_answer),
        in_scratch(a_done_job_has_its_files_before_the_review_says_so),
        in_scratch(an_album_that_cannot_be_read_does_not_hold_up_the_others),
        in_scratch(a_damaged_album_does_not_hold_up_the_reviews_of_others),
        in_scratch(what_waits_for_the_review_is_written_in_one_go),
        in_scratch(all_jobs_of_a_task_end_with_it_however_many),
        in_scratch(what_was_rendered_before_is_not_rendered_again),
        in_scratch(a_push_on_an_older_revision_is_told_who_was_first),
        in_scratch(bad_pushes_are_refused_in_words_and_leave_nothing),
        in_scratch(a_push_of_nothing_new_makes_no_version),
        in_scratch(a_held_renderer_gets_work_as_soon_as_there_is_some),
        in_scratch(the_answers_of_a_batch_follow_its_one_commit),
        in_scratch(a_request_that_fails_takes_nothing_of_its_batch_with_it),
        in_scratch(a_batch_that_cannot_be_committed_is_forgotten_whole),
        in_scratch(a_dead_renderer_s_task_goes_to_the_other_one),
        in_scratch(a_straggler_s_second_attempt_wins_and_the_first_one_does_no_harm),
        in_scratch(after_a_restart_a_running_render_goes_on),
        in_scratch(tags_and_jobs_that_a_crash_cost_are_made_again),
        in_scratch(a_failed_render_says_why),
        in_scratch(the_same_key_with_other_bytes_is_an_incident_and_the_first_stands),
        in_scratch(a_lost_result_that_comes_back_with_other_bytes_is_an_operator_s_to_keep),
        in_scratch(of_several_results_the_one_that_was_asked_for_is_kept),
        in_scratch(an_incident_whose_first_result_is_there_is_not_kept),
        in_scratch(a_late_report_that_is_not_its_renderer_s_is_no_incident),
        in_scratch(lines_about_a_task_say_which_as_fields),
        in_scratch(kept_edges_of_other_albums_are_not_told),
        in_scratch(a_wish_that_is_not_written_down_is_not_followed),
        in_scratch(an_album_s_hours_are_those_of_its_jobs_now),
        in_scratch(a_note_is_kept_once_and_in_the_song_s_frames),
        in_scratch(of_two_who_decide_at_once_the_second_is_told),
        in_scratch(decisions_that_make_no_sense_are_refused_in_words),
        in_scratch(a_decision_is_withdrawn_and_the_version_is_open_again),
        in_scratch(the_desk_has_the_newest_mix_and_the_newest_approved_one),
        in_scratch(what_was_approved_is_kept_for_ever_and_the_rest_for_90_days),
        in_scratch(an_inbox_has_what_others_said_since_one_s_last_look),
        in_scratch(a_print_is_measured_and_heard_as_the_bytes_that_were_pushed),
        in_scratch(a_print_gives_way_to_the_mix_document_once_it_is_gone),
        in_scratch(a_master_is_bound_to_the_bytes_of_its_mix),
        in_scratch(a_mastering_engineer_changes_nothing_but_masters),
        in_scratch(knowing_a_digest_is_no_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
