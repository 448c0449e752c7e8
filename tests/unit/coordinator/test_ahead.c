// SPDX-License-Identifier: GPL-3.0-or-later
// A song whose dear edges are made before it on other renderers: from the push to the result, with
// two renderers that say what real ones would.
#include "coordinator/ahead.h"
#include "coordinator/incident_ledger.h"
#include "coordinator/plan_ledger.h"
#include "coordinator/wishes.h"
#include "protocol/manifest.h"
#include "reception.h"

enum { SONG_SECONDS = 900, CLIENT_ID = 1 };

/// What a renderer was given.
typedef struct order {
    uint64_t task; ///< 0: nothing
    uint32_t attempt;
    nb_epoch epoch;
    nb_plan plan;
} order;

typedef struct farm {
    desk desk;
    const char *folder;
    nb_peer ada, one, two;
    int64_t now_ms;
    uint8_t client;
} farm;

static const Nightbus__Reply *ask(farm *self, const nb_peer *peer, int body, void *message)
{
    const Nightbus__Reply *reply = desk_ask(&self->desk, peer, body, message, self->now_ms);
    assert_non_null(reply);
    if (reply->failure) {
        fail_msg("refused: %s", reply->failure->text);
    }
    return reply;
}

static nb_ledger *ledger_of(const farm *self) { return self->desk.coordinator->ledger; }

static void put_member(nb_ledger *ledger, const nb_peer *peer, const char *name, unsigned roles)
{
    nb_member member = {.roles = roles, .local = true};
    snprintf(member.name, sizeof member.name, "%s", name);
    assert_ok(nb_ledger_put_member(ledger, &peer->key, &member, err));
}

static void greet_as(farm *self, const nb_peer *peer, const char *role, const char *name)
{
    char role_text[16];
    char name_text[16];
    char text[sizeof desk_fingerprint];
    char program[] = "test";
    snprintf(role_text, sizeof role_text, "%s", role);
    snprintf(name_text, sizeof name_text, "%s", name);
    memcpy(text, desk_fingerprint, sizeof text);
    Nightbus__Hello hello = NIGHTBUS__HELLO__INIT;
    hello.program = hello.version = program;
    hello.role = role_text;
    hello.name = name_text;
    hello.fingerprint = text;
    (void)ask(self, peer, NIGHTBUS__REQUEST__BODY_HELLO, &hello);
}

static void open_farm(farm *self, const char *folder)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    nb_ledger *ledger = NULL;
    *self = (farm){.folder = folder,
                   .ada = desk_peer("ada"),
                   .one = desk_peer("one"),
                   .two = desk_peer("two"),
                   .now_ms = 1000,
                   .client = CLIENT_ID};
    assert_ok(nb_ledger_open(path, &ledger, err));
    put_member(ledger, &self->ada, "ada", NB_ROLE_OWNER | NB_ROLE_OPERATOR);
    put_member(ledger, &self->one, "one", NB_ROLE_RENDERER);
    put_member(ledger, &self->two, "two", NB_ROLE_RENDERER);
    nb_ledger_close(&ledger);
    desk_open(&self->desk, folder);
    greet_as(self, &self->ada, "client", "x");
}

static void order_fini(order *self) { nb_plan_fini(&self->plan); }

static nb_plan read_plan(const farm *self, const nb_digest *digest)
{
    nb_plan plan = {0};
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_blob_store_get(nb_coordinator_store(self->desk.coordinator), digest, &bytes, &size,
                                err));
    assert_ok(nb_plan_parse(bytes, size, &plan, err));
    free(bytes);
    return plan;
}

/// "I have nothing to do."
static order sync_idle(farm *self, const nb_peer *peer)
{
    order out = {0};
    Nightbus__Sync sync = NIGHTBUS__SYNC__INIT;
    const Nightbus__Orders *said = ask(self, peer, NIGHTBUS__REQUEST__BODY_SYNC, &sync)->orders;
    if (said->has_task) {
        const nb_digest digest = nb_wire_to_digest(said->plan);
        out.task = said->task;
        out.attempt = said->attempt;
        memcpy(out.epoch.bytes, said->epoch.data, NB_EPOCH_SIZE);
        out.plan = read_plan(self, &digest);
    }
    return out;
}

static ProtobufCBinaryData bytes_of(void *bytes, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = bytes};
}

static void store(const farm *self, const char *text, nb_digest *out)
{
    nb_coordinator *coordinator = self->desk.coordinator;
    assert_ok(nb_blob_store_put(nb_coordinator_store(coordinator), text, strlen(text), out, err));
    assert_ok(
        nb_coordinator_stored(coordinator, &self->ada.key, "night", 0, out, strlen(text), err));
}

static void add_file(const farm *self, nb_manifest *manifest, const char *path, const char *text)
{
    nb_digest digest;
    store(self, text, &digest);
    assert_ok(nb_manifest_add(manifest, path, &digest, strlen(text), err));
}

/// Three tracks with noise reduction; the faders are those of the `take`.
static char *mix_text(int take)
{
    nb_text text = {0};
    nb_text_addf(&text, "format: nightbus-mix/1\ntitle: Song\nrate_hz: 48000\ntracks:\n");
    for (int i = 1; i <= 3; i++) {
        nb_text_addf(&text,
                     "  - id: t%d\n    fader_db: -%d\n    clips:\n      - {id: c%d, file: "
                     "audio/t%d.wav, at: 0, length: %d}\n    inserts:\n      - {id: hiss%d, "
                     "processor: noise-reduction, reduction_db: 6}\n",
                     i, take, i, i, SONG_SECONDS, i);
    }
    return nb_text_take(&text);
}

static void make_album(farm *self)
{
    char album[] = "night";
    uint8_t id[NB_CLIENT_ID_SIZE] = {0xa1};
    Nightbus__AlbumCreate create = NIGHTBUS__ALBUM_CREATE__INIT;
    create.album = album;
    create.client_id = bytes_of(id, sizeof id);
    (void)ask(self, &self->ada, NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, &create);
}

/// Push songs with these mixes; the first one's job is the album's newest but for the others.
static void push(farm *self, const char *const *songs, size_t count, int take, const char *base)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    NB_SCOPED(nb_text_free) char *mix = mix_text(take);
    NB_SCOPED(nb_text_free) char *base_text = base ? strdup(base) : NULL;
    add_file(self, &manifest, "album.yaml", "title: Night\n");
    for (int i = 1; i <= 3; i++) {
        NB_SCOPED(nb_text_free) char *path = nb_text_format("audio/t%d.wav", i);
        add_file(self, &manifest, path, path);
    }
    for (size_t i = 0; i < count; i++) {
        NB_SCOPED(nb_text_free) char *path = nb_text_format("songs/%s/mix.yaml", songs[i]);
        add_file(self, &manifest, path, mix);
    }
    NB_SCOPED(nb_text_free) char *text = nb_manifest_format(&manifest);
    nb_digest digest;
    store(self, text, &digest);
    uint8_t id[NB_CLIENT_ID_SIZE] = {self->client++};
    char album[] = "night";
    char message[] = "less hiss";
    Nightbus__Push said = NIGHTBUS__PUSH__INIT;
    said.album = album;
    said.base_commit = base_text;
    said.message = message;
    said.manifest = bytes_of(digest.bytes, sizeof digest.bytes);
    said.client_id = bytes_of(id, sizeof id);
    (void)ask(self, &self->ada, NIGHTBUS__REQUEST__BODY_PUSH, &said);
}

static const char *const song[] = {"song"};

static nb_job job_of(const farm *self, uint64_t id)
{
    nb_job job;
    assert_ok(nb_ledger_get_job(ledger_of(self), id, &job, err));
    return job;
}

static const nb_task *task_of(const farm *self, uint64_t id)
{
    return nb_scheduler_task(self->desk.coordinator->scheduler, id);
}

/// Two renderers that wait for work, and one song.
static void start(farm *self, const char *folder)
{
    open_farm(self, folder);
    make_album(self);
    greet_as(self, &self->one, "renderer", "r1");
    greet_as(self, &self->two, "renderer", "r2");
    assert_int_equal(sync_idle(self, &self->one).task, 0);
    assert_int_equal(sync_idle(self, &self->two).task, 0);
    push(self, song, 1, 1, NULL);
}

/// The result of what it was given: files with `bytes`, made distinct by their name.
static void finish(farm *self, const nb_peer *peer, const order *done, const char *bytes)
{
    enum { FILES_MAX = 8 };
    Nightbus__OutputRow rows[FILES_MAX];
    Nightbus__OutputRow *list[FILES_MAX];
    char names[FILES_MAX][NB_OUTPUT_NAME_SIZE];
    nb_digest digests[FILES_MAX];
    size_t count = 0;
    if (done->plan.output_count > 0) {
        snprintf(names[count++], sizeof names[0], "mix.wav");
    }
    for (size_t i = 0; i < done->plan.freeze_count; i++) {
        if (!done->plan.freezes[i].is_kept) {
            nb_freeze_name(&done->plan.freezes[i].key, names[count++]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        NB_SCOPED(nb_text_free) char *text = nb_text_format("%s of %s", bytes, names[i]);
        store(self, text, &digests[i]);
        nightbus__output_row__init(&rows[i]);
        rows[i].name = names[i];
        rows[i].digest = bytes_of(digests[i].bytes, sizeof digests[i].bytes);
        rows[i].size = strlen(text);
        list[i] = &rows[i];
    }
    nb_digest key = done->plan.mix_key;
    nb_epoch epoch = done->epoch;
    Nightbus__TaskFinish said = NIGHTBUS__TASK_FINISH__INIT;
    said.task = done->task;
    said.attempt = done->attempt;
    said.epoch = bytes_of(epoch.bytes, NB_EPOCH_SIZE);
    said.mix_key = bytes_of(key.bytes, sizeof key.bytes);
    said.outputs = list;
    said.n_outputs = count;
    said.duration_s = SONG_SECONDS;
    said.rate_hz = 48000;
    (void)ask(self, peer, NIGHTBUS__REQUEST__BODY_TASK_FINISH, &said);
}

static void fail_it(farm *self, const nb_peer *peer, const order *failed)
{
    char text[] = "the converter is out of order";
    nb_epoch epoch = failed->epoch;
    Nightbus__TaskFail said = NIGHTBUS__TASK_FAIL__INIT;
    said.task = failed->task;
    said.attempt = failed->attempt;
    said.epoch = bytes_of(epoch.bytes, NB_EPOCH_SIZE);
    said.status = NB_E_INVALID;
    said.text = text;
    (void)ask(self, peer, NIGHTBUS__REQUEST__BODY_TASK_FAIL, &said);
}

static size_t count_kept(const nb_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->freeze_count; i++) {
        count += plan->freezes[i].is_kept;
    }
    return count;
}

// ---- Tests ----

static void two_renderers_make_the_edges_and_one_the_song_from_them(void **state)
{
    farm here;
    start(&here, *state);
    NB_SCOPED(order_fini) order first = sync_idle(&here, &here.one);
    NB_SCOPED(order_fini) order second = sync_idle(&here, &here.two);
    assert_true(first.task != 0 && second.task != 0 && first.task != second.task);
    assert_int_equal(first.plan.kind, NB_PLAN_FREEZE);
    assert_int_equal(second.plan.kind, NB_PLAN_FREEZE);
    assert_int_equal(first.plan.freeze_count + second.plan.freeze_count, 3);
    assert_int_equal(task_of(&here, job_of(&here, 1).task)->state, NB_TASK_BLOCKED);
    finish(&here, &here.one, &first, "edges");
    assert_int_equal(sync_idle(&here, &here.one).task, 0); // the song waits for the other one
    finish(&here, &here.two, &second, "edges");
    NB_SCOPED(order_fini) order last = sync_idle(&here, &here.one);
    assert_int_equal(last.task, job_of(&here, 1).task);
    assert_int_equal(last.plan.kind, NB_PLAN_RENDER);
    assert_int_equal(count_kept(&last.plan), 3);
    finish(&here, &here.one, &last, "the mix");
    assert_int_equal(job_of(&here, 1).state, NB_JOB_DONE);
    desk_close(&here.desk);
}

static void a_lone_renderer_gets_the_song_whole(void **state)
{
    farm here;
    open_farm(&here, *state);
    make_album(&here);
    greet_as(&here, &here.one, "renderer", "r1");
    assert_int_equal(sync_idle(&here, &here.one).task, 0);
    push(&here, song, 1, 1, NULL);
    NB_SCOPED(order_fini) order whole = sync_idle(&here, &here.one);
    assert_int_equal(whole.task, job_of(&here, 1).task);
    assert_int_equal(whole.plan.freeze_count, 3);
    assert_int_equal(count_kept(&whole.plan), 0);
    desk_close(&here.desk);
}

/// Two songs for two renderers: each has one for itself, and nothing is gained by more tasks.
static void songs_for_all_renderers_stay_whole(void **state)
{
    static const char *const songs[] = {"dawn", "dusk"};
    farm here;
    open_farm(&here, *state);
    make_album(&here);
    greet_as(&here, &here.one, "renderer", "r1");
    greet_as(&here, &here.two, "renderer", "r2");
    assert_int_equal(sync_idle(&here, &here.one).task, 0);
    assert_int_equal(sync_idle(&here, &here.two).task, 0);
    push(&here, songs, 2, 1, NULL);
    NB_SCOPED(order_fini) order first = sync_idle(&here, &here.one);
    assert_int_equal(first.plan.kind, NB_PLAN_RENDER);
    desk_close(&here.desk);
}

/// However often it fails, only its edges have to be made elsewhere.
static void a_failed_freeze_task_does_not_fail_the_song(void **state)
{
    farm here;
    start(&here, *state);
    NB_SCOPED(order_fini) order first = sync_idle(&here, &here.one);
    NB_SCOPED(order_fini) order second = sync_idle(&here, &here.two);
    finish(&here, &here.two, &second, "edges");
    fail_it(&here, &here.one, &first);
    NB_SCOPED(order_fini) order again = sync_idle(&here, &here.two);
    assert_int_equal(again.task, first.task);
    fail_it(&here, &here.two, &again);
    assert_null(task_of(&here, first.task));
    assert_int_equal(job_of(&here, 1).state, NB_JOB_OPEN);
    NB_SCOPED(order_fini) order last = sync_idle(&here, &here.one);
    assert_int_equal(last.task, job_of(&here, 1).task);
    assert_int_equal(count_kept(&last.plan), second.plan.freeze_count);
    finish(&here, &here.one, &last, "the mix");
    assert_int_equal(job_of(&here, 1).state, NB_JOB_DONE);
    desk_close(&here.desk);
}

static void change(farm *self, Nightbus__JobChange *said)
{
    said->job = 1;
    (void)ask(self, &self->ada, NIGHTBUS__REQUEST__BODY_JOB_CHANGE, said);
}

static void pause_priority_and_cancel_reach_the_freeze_tasks(void **state)
{
    farm here;
    start(&here, *state);
    const uint64_t last = job_of(&here, 1).task;
    Nightbus__JobChange said = NIGHTBUS__JOB_CHANGE__INIT;
    said.has_paused = said.paused = 1;
    said.has_priority = 1;
    said.priority = 80;
    change(&here, &said);
    assert_int_equal(sync_idle(&here, &here.one).task, 0);
    said.paused = 0;
    change(&here, &said);
    NB_SCOPED(order_fini) order first = sync_idle(&here, &here.one);
    assert_int_equal(first.plan.kind, NB_PLAN_FREEZE);
    assert_int_equal(task_of(&here, first.task)->priority, 80);
    said = (Nightbus__JobChange)NIGHTBUS__JOB_CHANGE__INIT;
    said.has_cancel = said.cancel = 1;
    change(&here, &said);
    assert_int_equal(nb_scheduler_task_count(here.desk.coordinator->scheduler), 0);
    said = (Nightbus__JobChange)NIGHTBUS__JOB_CHANGE__INIT;
    said.has_retry = said.retry = 1;
    change(&here, &said);
    NB_SCOPED(order_fini) order again = sync_idle(&here, &here.one);
    assert_int_equal(again.plan.kind, NB_PLAN_FREEZE);
    assert_true(job_of(&here, 1).task > last);
    desk_close(&here.desk);
}

/// The same edges for two versions: made once, and the one that goes takes nothing from the other.
static void a_version_that_needs_the_same_edges_waits_for_the_same_tasks(void **state)
{
    farm here;
    start(&here, *state);
    const nb_job before = job_of(&here, 1);
    push(&here, song, 1, 2, before.commit);
    const nb_job after = job_of(&here, 2);
    uint64_t first[NB_NEEDS_MAX];
    uint64_t second[NB_NEEDS_MAX];
    size_t first_count = 0;
    size_t second_count = 0;
    assert_ok(nb_ahead_list(here.desk.coordinator, before.task, first, &first_count, err));
    assert_ok(nb_ahead_list(here.desk.coordinator, after.task, second, &second_count, err));
    assert_int_equal(first_count, 2);
    assert_int_equal(second_count, 2);
    assert_memory_equal(first, second, 2 * sizeof *first);
    Nightbus__JobChange said = NIGHTBUS__JOB_CHANGE__INIT;
    said.has_cancel = said.cancel = 1;
    change(&here, &said);
    assert_null(task_of(&here, before.task));
    assert_non_null(task_of(&here, first[0]));
    assert_int_equal(task_of(&here, after.task)->state, NB_TASK_BLOCKED);
    NB_SCOPED(order_fini) order one = sync_idle(&here, &here.one);
    NB_SCOPED(order_fini) order two = sync_idle(&here, &here.two);
    finish(&here, &here.one, &one, "edges");
    finish(&here, &here.two, &two, "edges");
    NB_SCOPED(order_fini) order last = sync_idle(&here, &here.two);
    assert_int_equal(last.task, after.task);
    assert_int_equal(count_kept(&last.plan), 3);
    desk_close(&here.desk);
}

static void a_restart_keeps_what_waits_for_what(void **state)
{
    farm here;
    start(&here, *state);
    NB_SCOPED(order_fini) order first = sync_idle(&here, &here.one);
    NB_SCOPED(order_fini) order second = sync_idle(&here, &here.two);
    finish(&here, &here.one, &first, "edges");
    desk_close(&here.desk);
    open_farm(&here, *state);
    const uint64_t last = job_of(&here, 1).task;
    assert_int_equal(task_of(&here, last)->state, NB_TASK_BLOCKED);
    assert_null(task_of(&here, first.task));
    greet_as(&here, &here.one, "renderer", "r1");
    greet_as(&here, &here.two, "renderer", "r2");
    assert_int_equal(sync_idle(&here, &here.one).task, 0);
    finish(&here, &here.two, &second, "edges");
    NB_SCOPED(order_fini) order made = sync_idle(&here, &here.one);
    assert_int_equal(made.task, last);
    assert_int_equal(count_kept(&made.plan), 3);
    desk_close(&here.desk);
}

/// Whoever makes it: the same bits. Others are shown, and the first ones stand.
static void an_edge_with_other_bytes_is_an_incident(void **state)
{
    farm here;
    start(&here, *state);
    uint64_t incidents = 0;
    nb_freeze_row kept;
    nb_freeze_row after;
    NB_SCOPED(order_fini) order first = sync_idle(&here, &here.one);
    finish(&here, &here.one, &first, "edges");
    assert_ok(nb_ledger_get_freeze(ledger_of(&here), &first.plan.freezes[0].key, &kept, err));
    finish(&here, &here.one, &first, "edges"); // a repeat
    assert_ok(nb_ledger_count_open_incidents(ledger_of(&here), &incidents, err));
    assert_int_equal(incidents, 0);
    finish(&here, &here.one, &first, "other edges");
    assert_ok(nb_ledger_count_open_incidents(ledger_of(&here), &incidents, err));
    assert_int_equal(incidents, first.plan.freeze_count);
    assert_ok(nb_ledger_get_freeze(ledger_of(&here), &first.plan.freezes[0].key, &after, err));
    assert_true(nb_digest_equal(&kept.digest, &after.digest));
    Nightbus__IncidentList said = NIGHTBUS__INCIDENT_LIST__INIT;
    const Nightbus__Reply *reply =
        ask(&here, &here.ada, NIGHTBUS__REQUEST__BODY_INCIDENT_LIST, &said);
    assert_true(reply->incident_listing->rows[0]->first_is_there);
    assert_contains(reply->incident_listing->rows[0]->text, "r1 made an edge of song@v1");
    desk_close(&here.desk);
}

static void a_waiting_song_says_what_it_waits_for(void **state)
{
    farm here;
    start(&here, *state);
    NB_SCOPED(order_fini) order first = sync_idle(&here, &here.one);
    assert_int_not_equal(first.task, 0);
    Nightbus__JobWhy said = NIGHTBUS__JOB_WHY__INIT;
    said.job = 1;
    const Nightbus__JobReasons *why =
        ask(&here, &here.ada, NIGHTBUS__REQUEST__BODY_JOB_WHY, &said)->job_reasons;
    assert_string_equal(why->row->state, "running");
    assert_int_equal(why->row->freeze_tasks, 2);
    assert_int_equal(why->row->freeze_tasks_left, 2);
    assert_contains(why->reasons[0], "its dear edges are made first");
    assert_contains(why->reasons[1], "song@v1 (freeze 1 of 2): r1 makes it, attempt 1");
    assert_contains(why->reasons[2], "song@v1 (freeze 2 of 2) waits");
    desk_close(&here.desk);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(two_renderers_make_the_edges_and_one_the_song_from_them),
        WITH_FOLDER(a_lone_renderer_gets_the_song_whole),
        WITH_FOLDER(songs_for_all_renderers_stay_whole),
        WITH_FOLDER(a_failed_freeze_task_does_not_fail_the_song),
        WITH_FOLDER(pause_priority_and_cancel_reach_the_freeze_tasks),
        WITH_FOLDER(a_version_that_needs_the_same_edges_waits_for_the_same_tasks),
        WITH_FOLDER(a_restart_keeps_what_waits_for_what),
        WITH_FOLDER(an_edge_with_other_bytes_is_an_incident),
        WITH_FOLDER(a_waiting_song_says_what_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
