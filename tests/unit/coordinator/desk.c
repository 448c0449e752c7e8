// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/coordinator/desk.h"

static const char fingerprint[] = "core=1 cpu=x86-64-v3";

const nb_peer ada = {{1}, 1, {"ada-key-ada-key-ada-key-ada-key-ada-key-"}};

const nb_peer one = {{2}, 1, {"one-key-one-key-one-key-one-key-one-key-"}};

const nb_peer two = {{3}, 1, {"two-key-two-key-two-key-two-key-two-key-"}};

const nb_peer eve = {{4}, 1, {"eve-key-eve-key-eve-key-eve-key-eve-key-"}};

int64_t committed(const desk *self, const char *question, uint64_t key)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool row = false;
    assert_ok(
        nb_sql_query(self->outside, question, NB_SQL_VALUES(nb_sql_int((int64_t)key)), &rows, err));
    assert_ok(nb_sql_next(&rows, &row, err));
    assert_true(row);
    return nb_sql_get_int(&rows, 0);
}

int64_t committed_state(const desk *self, uint64_t task)
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

void put_member(nb_ledger *ledger, const nb_peer *peer, const char *name, unsigned roles)
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

void open_desk(desk *self, const char *folder)
{
    *self = (desk){.folder = folder, .album = "night", .now_ms = 1000};
    const nb_coordinator_options options = {.data_path = folder, .incarnation = 99};
    const nb_coordinator_link link = {self, keep_reply, give_session, give_port};
    enrol(folder);
    assert_ok(nb_coordinator_open(&options, self->now_ms, &self->coordinator, err));
    nb_coordinator_connect(self->coordinator, &link);
}

void close_desk(desk *self)
{
    nb_sql_close(&self->outside);
    nb_coordinator_destroy(&self->coordinator);
    for (size_t i = 0; i < self->reply_count; i++) {
        nb_wire_free_reply(&self->replies[i]);
    }
    self->reply_count = 0;
}

const Nightbus__Reply *reply_to(const desk *self, uint64_t request)
{
    for (size_t i = 0; i < self->reply_count; i++) {
        if (self->replies[i]->id == request) {
            return self->replies[i];
        }
    }
    return NULL;
}

const Nightbus__Reply *ask(desk *self, const nb_peer *peer, Nightbus__Request__BodyCase body,
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

void assert_answer(const Nightbus__Reply *reply)
{
    assert_non_null(reply);
    if (reply->failure) {
        fail_msg("refused: %s", reply->failure->text);
    }
}

void assert_refusal(const Nightbus__Reply *reply, nb_status expected, const char *words)
{
    assert_non_null(reply);
    assert_non_null(reply->failure);
    assert_contains(reply->failure->text, words);
    assert_int_equal(reply->failure->status, expected);
}

const Nightbus__Reply *greet(desk *self, const nb_peer *peer, const char *role, const char *name)
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

ProtobufCBinaryData bytes_of(void *bytes, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = bytes};
}

void make_album(desk *self)
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

void upload(desk *self, const char *text, nb_digest *out)
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

const Nightbus__Reply *send_push(desk *self, const push *what)
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

const Nightbus__Reply *sync_idle(desk *self, const nb_peer *peer, uint32_t wait_ms)
{
    Nightbus__Sync sync = NIGHTBUS__SYNC__INIT;
    sync.has_wait_ms = 1;
    sync.wait_ms = wait_ms;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_SYNC, &sync);
}

const Nightbus__Reply *sync_busy(desk *self, const nb_peer *peer, const Nightbus__Orders *orders)
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

nb_plan read_plan(desk *self, const Nightbus__Orders *orders)
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

const Nightbus__Reply *finish_followed(desk *self, const nb_peer *peer,
                                       const Nightbus__Orders *orders, const char *bytes,
                                       int is_followed)
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
    said.has_freezes_follow = said.freezes_follow = is_followed;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_TASK_FINISH, &said);
}

const Nightbus__Reply *finish(desk *self, const nb_peer *peer, const Nightbus__Orders *orders,
                              const char *bytes)
{
    return finish_followed(self, peer, orders, bytes, 0);
}

const Nightbus__Reply *show(desk *self, const char *version)
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

void start(desk *self, const char *folder)
{
    open_desk(self, folder);
    assert_answer(greet(self, &ada, "client", "x"));
    make_album(self);
}

const push first_push = {.folder = "song", .client = 1};

void start_deciding(desk *self, const char *folder)
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

void render_one(desk *self, const char *bytes)
{
    assert_answer(finish(self, &one, sync_idle(self, &one, 0)->orders, bytes));
}

void age(const char *folder, const char *script)
{
    nb_sql *sql = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_sql_open(path, &sql, err));
    assert_ok(nb_sql_script(sql, script, err));
    nb_sql_close(&sql);
    free(scratch_run(folder, "find $D/store/objects -type f -exec touch -d '91 days ago' {} +"));
}

bool has_bytes(const desk *self, const char *bytes)
{
    const nb_digest digest = nb_digest_of(bytes, strlen(bytes));
    return nb_blob_store_has(nb_coordinator_store(self->coordinator), &digest, NULL);
}
