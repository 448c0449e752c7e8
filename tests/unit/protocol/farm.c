// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/protocol/farm.h"

#include "base/file.h"

#include <unistd.h>

static bool knows_key(void *context, const nb_public_key *key)
{
    const farm *self = context;
    for (unsigned i = 0; i < atomic_load(&self->known_count); i++) {
        if (strcmp(self->known[i].text, key->text) == 0) {
            return true;
        }
    }
    return false;
}

static nb_status may_read(void *context, const nb_public_key *key, const char *album, uint64_t task,
                          const nb_digest *digest, nb_error *err)
{
    (void)key;
    (void)album;
    (void)task;
    const farm *self = context;
    if (!atomic_load(&self->may_read)) {
        return nb_fail(err, NB_E_PERMISSION, "not for you");
    }
    return nb_blob_store_has(self->store, digest, NULL)
               ? NB_OK
               : nb_fail(err, NB_E_NOT_FOUND, "no such blob");
}

static nb_status may_write(void *context, const nb_public_key *key, const char *album,
                           uint64_t task, const nb_digest *digest, uint64_t size, nb_error *err)
{
    (void)key;
    (void)album;
    (void)task;
    (void)digest;
    (void)size;
    farm *self = context;
    atomic_fetch_add(&self->write_count, 1);
    if (atomic_load(&self->writes_exist)) {
        return NB_E_EXISTS;
    }
    return atomic_load(&self->may_write) ? NB_OK
                                         : nb_fail(err, NB_E_NO_SPACE, "the disk is nearly full");
}

static nb_status stored(void *context, const nb_public_key *key, const char *album, uint64_t task,
                        const nb_digest *digest, uint64_t size, nb_error *err)
{
    (void)key;
    (void)err;
    farm *self = context;
    uint64_t there = 0;
    // Cannot be asserted on this thread: a count that stays behind fails the test.
    if (nb_blob_store_has(self->store, digest, &there) && there == size &&
        (album ? strcmp(album, "album") == 0 : task == 7)) {
        atomic_fetch_add(&self->stored_count, 1);
    }
    return NB_OK;
}

/// How many lines "(7 lines left out: they came too quickly)" speaks of; 0 for other lines.
static unsigned left_out(const char *line)
{
    unsigned count = 0;
    return strstr(line, "lines left out") && sscanf(line, "(%u", &count) == 1 ? count : 0;
}

static void count_sync(farm *self, const Nightbus__Sync *said)
{
    for (size_t i = 0; i < said->n_lines; i++) {
        atomic_fetch_add(&self->line_count, left_out(said->lines[i]) > 0 ? 0 : 1);
        atomic_fetch_add(&self->left_out_count, left_out(said->lines[i]));
    }
    atomic_fetch_add(&self->stopping_count, said->has_stopping && said->stopping ? 1 : 0);
    atomic_fetch_add(&self->busy_count, said->has_task ? 1 : 0);
}

/// Answer Hello with Welcome and all else with the name of the key that asked.
static void answer(farm *self, const nb_peer *peer, const Nightbus__Request *request)
{
    Nightbus__Reply reply = NIGHTBUS__REPLY__INIT;
    Nightbus__Welcome welcome = NIGHTBUS__WELCOME__INIT;
    Nightbus__JobStarted started = NIGHTBUS__JOB_STARTED__INIT;
    Nightbus__Failure failure = NIGHTBUS__FAILURE__INIT;
    Nightbus__Orders orders = NIGHTBUS__ORDERS__INIT;
    nb_digest plan = {{0}};
    uint8_t session[NB_SESSION_SIZE] = {0};
    char person[NB_KEY_TEXT_SIZE];
    nb_error err = {0};
    reply.id = request->id;
    memcpy(person, peer->key.text, sizeof person);
    if (request->body_case == NIGHTBUS__REQUEST__BODY_HELLO) {
        atomic_fetch_add(&self->hello_count, 1);
        atomic_store(&self->forgets, false);
        if (nb_server_open_session(self->server, &peer->key, session, &err) != NB_OK) {
            return;
        }
        welcome.version = nb_wire_string("test");
        welcome.session = (ProtobufCBinaryData){sizeof session, session};
        welcome.bulk_port = nb_server_bulk_port(self->server);
        welcome.person = person;
        welcome.heartbeat_ms = atomic_load(&self->lease_ms) / 5;
        welcome.lease_ms = atomic_load(&self->lease_ms);
        reply.body_case = NIGHTBUS__REPLY__BODY_WELCOME;
        reply.welcome = &welcome;
    } else if (atomic_load(&self->forgets)) {
        failure.status = NB_E_STALE;
        failure.text = nb_wire_string("say Hello first");
        reply.failure = &failure;
    } else if (request->body_case == NIGHTBUS__REQUEST__BODY_SYNC &&
               atomic_load(&self->refuses_syncs)) {
        atomic_fetch_add(&self->refused_line_count, (unsigned)request->sync->n_lines);
        failure.status = NB_E_NO_SPACE;
        failure.text = nb_wire_string("no room for the ledger");
        reply.failure = &failure;
    } else if (request->body_case == NIGHTBUS__REQUEST__BODY_SYNC) {
        orders.keep = !atomic_load(&self->drops_task);
        orders.has_task = !request->sync->has_task && atomic_load(&self->gives_task);
        orders.task = 7;
        orders.has_attempt = orders.has_epoch = orders.has_plan = orders.has_plan_size =
            orders.has_task;
        orders.attempt = 1;
        orders.epoch = (ProtobufCBinaryData){sizeof session, session};
        orders.plan = (ProtobufCBinaryData){sizeof plan.bytes, plan.bytes};
        count_sync(self, request->sync);
        reply.body_case = NIGHTBUS__REPLY__BODY_ORDERS;
        reply.orders = &orders;
    } else if (request->body_case == NIGHTBUS__REQUEST__BODY_RENDER) {
        started.job = 7;
        reply.body_case = NIGHTBUS__REPLY__BODY_JOB_STARTED;
        reply.job_started = &started;
    } else {
        failure.status = NB_E_NOT_FOUND;
        failure.text = person;
        reply.failure = &failure;
    }
    const nb_status status = nb_server_reply(self->server, peer, &reply, &err);
    (void)status; // a client that left is none of our concern
}

static void *run(void *argument)
{
    farm *self = argument;
    while (!atomic_load(&self->stop)) {
        nb_peer peer;
        Nightbus__Request *request = NULL;
        nb_error err = {0};
        const nb_status status = nb_server_receive(self->server, 20, &peer, &request, &err);
        atomic_store(&self->receive_status, (int)status);
        if (status != NB_OK) {
            break;
        }
        if (request && !atomic_load(&self->silent)) {
            answer(self, &peer, request);
        }
        nb_wire_free_request(&request);
    }
    return NULL;
}

static void start(farm *self)
{
    const nb_server_options options = {
        .control = self->control,
        .bulk = self->bulk,
        .keys = &self->keys,
        .store = self->store,
        .knows_key = knows_key,
        .may_read = may_read,
        .may_write = may_write,
        .stored = stored,
        .context = self,
    };
    assert_ok(nb_server_start(&options, &self->server, err));
    snprintf(self->control, sizeof self->control, "%s", nb_server_control(self->server));
    snprintf(self->bulk, sizeof self->bulk, "%s", nb_server_bulk(self->server));
    atomic_store(&self->stop, false);
    assert_int_equal(pthread_create(&self->thread, NULL, run, self), 0);
}

void farm_open(farm *self)
{
    memset(self, 0, sizeof *self);
    snprintf(self->folder, sizeof self->folder, "/tmp/nightbus-farm-XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    char path[128];
    snprintf(path, sizeof path, "%s/store", self->folder);
    assert_ok(nb_blob_store_open(path, &self->store, err));
    assert_ok(nb_key_pair_make(&self->keys, err));
    snprintf(self->control, sizeof self->control, "tcp://127.0.0.1:*");
    snprintf(self->bulk, sizeof self->bulk, "tcp://127.0.0.1:*");
    atomic_store(&self->lease_ms, NB_LEASE_MS);
    atomic_store(&self->may_read, true);
    atomic_store(&self->may_write, true);
    start(self);
}

void farm_stop(farm *self)
{
    atomic_store(&self->stop, true);
    pthread_join(self->thread, NULL);
    nb_server_destroy(&self->server);
}

void farm_restart(farm *self) { start(self); }

void farm_close(farm *self)
{
    if (self->server) {
        farm_stop(self);
    }
    nb_blob_store_destroy(&self->store);
    assert_ok(nb_file_remove_all(self->folder, err));
}

nb_farm_address farm_invite(farm *self, const char *name, bool known)
{
    nb_farm_address address = {.server = self->keys.public_key};
    snprintf(address.control, sizeof address.control, "%s", self->control);
    snprintf(address.key_path, sizeof address.key_path, "%s/%s.key", self->folder, name);
    nb_key_pair pair;
    assert_ok(nb_key_pair_ensure(address.key_path, &pair, err));
    const unsigned count = atomic_load(&self->known_count);
    if (known) {
        assert_true(count < FARM_KEYS_MAX);
        self->known[count] = pair.public_key;
        atomic_store(&self->known_count, count + 1);
    }
    return address;
}

nb_status farm_connect(const nb_farm_address *address, nb_client **out, nb_error *err)
{
    const nb_client_options options = {
        .program = "test", .role = "client", .timeout_ms = FARM_WAIT_MS};
    return nb_client_connect(address, &options, out, err);
}

nb_digest farm_write_noise(const char *path, uint64_t size, uint64_t seed)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint64_t state = seed * 2 + 1;
    uint64_t block[1024];
    for (uint64_t done = 0; done < size;) {
        for (size_t i = 0; i < NB_COUNT(block); i++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            block[i] = state ^ state >> 29;
        }
        const size_t part = size - done < sizeof block ? (size_t)(size - done) : sizeof block;
        assert_int_equal(fwrite(block, 1, part, file), part);
        done += part;
    }
    assert_int_equal(fclose(file), 0);
    nb_digest digest;
    assert_ok(nb_digest_of_file(path, &digest, NULL, err));
    return digest;
}
