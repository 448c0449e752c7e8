// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/protocol/farm.h"

#include "base/clock.h"
#include "base/file.h"
#include "protocol/blob_writer.h"

#include <unistd.h>

static const nb_blob_scope scope = {"album", 0};

enum { MEGA = 1 << 20, LARGE = 64 * MEGA + 12345, WINDOW = NB_WINDOW_CHUNKS_MAX * NB_CHUNK_SIZE };

/// The file NAME in the farm's folder.
static const char *at(const farm *self, const char *name)
{
    static char paths[4][160];
    static unsigned turn;
    char *path = paths[turn++ % NB_COUNT(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", self->folder, name);
    return path;
}

static void assert_blob_is(const farm *self, const nb_digest *digest, uint64_t size)
{
    char *path = NULL;
    nb_digest found;
    uint64_t there = 0;
    assert_ok(nb_blob_store_path(self->store, digest, &path, err));
    assert_ok(nb_digest_of_file(path, &found, &there, err));
    free(path);
    assert_true(nb_digest_equal(&found, digest));
    assert_int_equal(there, size);
}

static void a_large_blob_goes_up_and_comes_down(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    const char *path = at(&host, "up.wav");
    const nb_digest digest = farm_write_noise(path, LARGE, 1);
    assert_ok(nb_client_upload(client, scope, path, &digest, LARGE, NULL, NULL, err));
    assert_blob_is(&host, &digest, LARGE);
    assert_int_equal(atomic_load(&host.stored_count), 1);
    assert_int_equal(nb_client_sent_bytes(client), LARGE);
    const char *down = at(&host, "down.wav");
    assert_ok(nb_client_download(client, scope, &digest, LARGE, down, NULL, NULL, err));
    assert_int_equal(nb_client_received_bytes(client), LARGE);
    nb_digest found;
    assert_ok(nb_digest_of_file(down, &found, NULL, err));
    assert_true(nb_digest_equal(&found, &digest));
    assert_false(nb_file_exists(at(&host, "down.wav.part")));
    nb_client_destroy(&client);
    farm_close(&host);
}

/// Connects, and ends the test's client in the middle of a transfer.
typedef struct cut {
    volatile bool stop;
    uint64_t after;
    uint64_t first; ///< What the first call said
    bool called;
} cut;

static void stop_after(void *context, uint64_t done)
{
    cut *self = context;
    if (!self->called) {
        self->called = true;
        self->first = done;
    }
    if (self->after > 0 && done >= self->after) {
        self->stop = true;
    }
}

static nb_client *connect_stoppable(const nb_farm_address *address, cut *when)
{
    const nb_client_options options = {
        .program = "test", .role = "client", .timeout_ms = FARM_WAIT_MS, .stop = &when->stop};
    nb_client *client = NULL;
    assert_ok(nb_client_connect(address, &options, &client, err));
    return client;
}

static void a_cut_upload_goes_on_where_it_stopped(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const char *path = at(&host, "up.wav");
    const nb_digest digest = farm_write_noise(path, LARGE, 2);
    cut first = {.after = 30 * MEGA};
    nb_client *client = connect_stoppable(&address, &first);
    assert_fails(NB_E_INTERRUPTED, "stopped",
                 nb_client_upload(client, scope, path, &digest, LARGE, stop_after, &first, err));
    const uint64_t sent = nb_client_sent_bytes(client);
    nb_client_destroy(&client);
    cut second = {0};
    client = connect_stoppable(&address, &second);
    assert_ok(nb_client_upload(client, scope, path, &digest, LARGE, stop_after, &second, err));
    // What was under way when the first one died may come twice: a window at most.
    assert_true(second.first > 0);
    assert_true(sent + nb_client_sent_bytes(client) <= LARGE + WINDOW);
    assert_int_equal(second.first + nb_client_sent_bytes(client), LARGE);
    assert_blob_is(&host, &digest, LARGE);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void what_one_key_has_sent_does_not_count_for_another(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address one = farm_invite(&host, "one", true);
    const nb_farm_address other = farm_invite(&host, "other", true);
    const char *path = at(&host, "up.wav");
    const nb_digest digest = farm_write_noise(path, LARGE, 8);
    cut first = {.after = 30 * MEGA};
    nb_client *client = connect_stoppable(&one, &first);
    assert_fails(NB_E_INTERRUPTED, "stopped",
                 nb_client_upload(client, scope, path, &digest, LARGE, stop_after, &first, err));
    nb_client_destroy(&client);
    cut second = {0};
    client = connect_stoppable(&other, &second);
    assert_ok(nb_client_upload(client, scope, path, &digest, LARGE, stop_after, &second, err));
    assert_int_equal(second.first, 0);
    assert_int_equal(nb_client_sent_bytes(client), LARGE);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void a_cut_download_goes_on_where_it_stopped(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const char *path = at(&host, "up.wav");
    const nb_digest made = farm_write_noise(path, LARGE, 3);
    nb_digest digest;
    assert_ok(nb_blob_store_put_file(host.store, path, NB_PUT_COPY, &digest, NULL, err));
    assert_true(nb_digest_equal(&made, &digest));
    const char *down = at(&host, "down.wav");
    cut first = {.after = 20 * MEGA};
    nb_client *client = connect_stoppable(&address, &first);
    assert_fails(NB_E_INTERRUPTED, "stopped",
                 nb_client_download(client, scope, &digest, LARGE, down, stop_after, &first, err));
    nb_client_destroy(&client);
    assert_false(nb_file_exists(down));
    uint64_t part = 0;
    assert_ok(nb_file_size(at(&host, "down.wav.part"), &part, err));
    cut second = {0};
    client = connect_stoppable(&address, &second);
    assert_ok(nb_client_download(client, scope, &digest, LARGE, down, stop_after, &second, err));
    assert_int_equal(second.first, part);
    assert_int_equal(nb_client_received_bytes(client), LARGE - part);
    nb_digest found;
    assert_ok(nb_digest_of_file(down, &found, NULL, err));
    assert_true(nb_digest_equal(&found, &digest));
    nb_client_destroy(&client);
    farm_close(&host);
}

/// Restarts the server once, from another thread, while a transfer goes on.
typedef struct restart {
    farm *host;
    pthread_t thread;
    bool begun;
} restart;

static void *restart_now(void *argument)
{
    farm_stop(argument);
    nb_clock_sleep_ms(300);
    farm_restart(argument);
    return NULL;
}

static void restart_once(void *context, uint64_t done)
{
    restart *self = context;
    if (!self->begun && done >= 10 * (uint64_t)MEGA) {
        self->begun = true;
        assert_int_equal(pthread_create(&self->thread, NULL, restart_now, self->host), 0);
    }
}

static void transfers_outlive_a_restart_of_the_coordinator(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const char *path = at(&host, "up.wav");
    const nb_digest digest = farm_write_noise(path, LARGE, 4);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    restart up = {.host = &host};
    assert_ok(nb_client_upload(client, scope, path, &digest, LARGE, restart_once, &up, err));
    assert_true(up.begun);
    pthread_join(up.thread, NULL);
    assert_true(nb_client_sent_bytes(client) <= LARGE + WINDOW);
    assert_blob_is(&host, &digest, LARGE);
    restart down = {.host = &host};
    assert_ok(nb_client_download(client, scope, &digest, LARGE, at(&host, "down.wav"), restart_once,
                                 &down, err));
    assert_true(down.begun);
    pthread_join(down.thread, NULL);
    assert_int_equal(nb_client_received_bytes(client), LARGE);
    assert_true(atomic_load(&host.hello_count) >= 3);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void an_empty_blob_goes_up_and_comes_down(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    nb_digest digest;
    assert_ok(nb_client_upload_bytes(client, scope, "", 0, &digest, err));
    assert_blob_is(&host, &digest, 0);
    assert_ok(nb_client_download(client, scope, &digest, 0, at(&host, "empty"), NULL, NULL, err));
    assert_true(nb_file_exists(at(&host, "empty")));
    nb_client_destroy(&client);
    farm_close(&host);
}

static void small_blobs_go_through_memory(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    for (int i = 0; i < 50; i++) {
        char text[64];
        const int size = snprintf(text, sizeof text, "blob number %d", i);
        nb_digest digest;
        assert_ok(nb_client_upload_bytes(client, scope, text, (size_t)size, &digest, err));
        void *back = NULL;
        size_t back_size = 0;
        assert_ok(nb_client_download_bytes(client, scope, &digest, (uint64_t)size, &back,
                                           &back_size, err));
        assert_int_equal(back_size, size);
        assert_string_equal(back, text);
        free(back);
    }
    nb_client_destroy(&client);
    farm_close(&host);
}

static void bytes_that_are_not_the_digests_are_refused(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    const char *path = at(&host, "wrong");
    farm_write_noise(path, 3 * MEGA, 5);
    const nb_digest promised = nb_digest_of("other", 5);
    assert_fails(NB_E_CORRUPT, "hash to something else",
                 nb_client_upload(client, scope, path, &promised, 3 * MEGA, NULL, NULL, err));
    assert_false(nb_blob_store_has(host.store, &promised, NULL));
    assert_int_equal(atomic_load(&host.stored_count), 0);
    // The connection is as good as before.
    nb_digest digest;
    assert_ok(nb_client_upload_bytes(client, scope, "good", 4, &digest, err));
    nb_client_destroy(&client);
    farm_close(&host);
}

static void a_damaged_draft_is_sent_again_from_the_start(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const char *path = at(&host, "up.wav");
    const nb_digest digest = farm_write_noise(path, 5 * MEGA, 6);
    nb_blob_draft *draft = NULL;
    char owner[NB_DIGEST_HEX_SIZE];
    const nb_digest key = nb_digest_of(host.known[0].text, strlen(host.known[0].text));
    nb_digest_to_hex(&key, owner);
    owner[NB_DRAFT_OWNER_SIZE] = '\0';
    assert_ok(nb_blob_draft_open_for(host.store, &digest, 5 * MEGA, owner, &draft, err));
    assert_ok(nb_blob_draft_write(draft, "these bytes are of something else", 33, err));
    nb_blob_draft_destroy(&draft);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    cut seen = {0};
    assert_ok(nb_client_upload(client, scope, path, &digest, 5 * MEGA, stop_after, &seen, err));
    assert_int_equal(seen.first, 33);
    assert_blob_is(&host, &digest, 5 * MEGA);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void a_damaged_part_file_is_fetched_again(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const char *path = at(&host, "up.wav");
    farm_write_noise(path, 5 * MEGA, 7);
    nb_digest digest;
    assert_ok(nb_blob_store_put_file(host.store, path, NB_PUT_TAKE, &digest, NULL, err));
    assert_ok(nb_file_write(at(&host, "down.wav.part"), "rubbish", 7, 0644, err));
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    assert_ok(nb_client_download(client, scope, &digest, 5 * MEGA, at(&host, "down.wav"), NULL,
                                 NULL, err));
    nb_client_destroy(&client);
    farm_close(&host);
}

static void what_the_coordinator_refuses_is_said_in_its_words(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    nb_digest digest;
    atomic_store(&host.may_write, false);
    assert_fails(NB_E_NO_SPACE, "nearly full",
                 nb_client_upload_bytes(client, scope, "x", 1, &digest, err));
    atomic_store(&host.may_read, false);
    digest = nb_digest_of("x", 1);
    assert_fails(NB_E_PERMISSION, "not for you",
                 nb_client_download(client, scope, &digest, 1, at(&host, "x"), NULL, NULL, err));
    atomic_store(&host.may_read, true);
    assert_fails(NB_E_NOT_FOUND, "no such blob",
                 nb_client_download(client, scope, &digest, 1, at(&host, "x"), NULL, NULL, err));
    nb_client_destroy(&client);
    farm_close(&host);
}

static void a_blob_known_to_the_album_is_not_sent(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    atomic_store(&host.writes_exist, true);
    nb_digest digest;
    assert_ok(nb_client_upload_bytes(client, scope, "known", 5, &digest, err));
    assert_int_equal(nb_client_sent_bytes(client), 0);
    // One that the store has but the album has not is sent in full: a digest is no right.
    atomic_store(&host.writes_exist, false);
    assert_ok(nb_blob_store_put(host.store, "there", 5, &digest, err));
    assert_ok(nb_client_upload_bytes(client, scope, "there", 5, &digest, err));
    assert_int_equal(nb_client_sent_bytes(client), 5);
    nb_client_destroy(&client);
    farm_close(&host);
}

/// One client of several at once, with a blob of its own and one that all send.
typedef struct worker {
    farm *host;
    nb_farm_address address;
    pthread_t thread;
    uint64_t seed;
    char shared[160], own[160];
    nb_digest shared_digest, own_digest;
    nb_status status;
    nb_error err;
} worker;

static void *work(void *argument)
{
    worker *self = argument;
    nb_client *client = NULL;
    self->status = farm_connect(&self->address, &client, &self->err);
    if (self->status == NB_OK) {
        self->status = nb_client_upload(client, scope, self->shared, &self->shared_digest,
                                        8 * MEGA + 1, NULL, NULL, &self->err);
    }
    if (self->status == NB_OK) {
        self->status = nb_client_upload(client, scope, self->own, &self->own_digest, 6 * MEGA, NULL,
                                        NULL, &self->err);
    }
    nb_client_destroy(&client);
    return NULL;
}

static void several_clients_send_at_once_also_the_same_blob(void **state)
{
    (void)state;
    enum { WORKERS = 4 };
    farm host;
    farm_open(&host);
    worker workers[WORKERS];
    const char *shared = at(&host, "shared");
    const nb_digest shared_digest = farm_write_noise(shared, 8 * MEGA + 1, 100);
    for (unsigned i = 0; i < WORKERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "own-%u", i);
        workers[i] = (worker){.host = &host, .seed = i, .shared_digest = shared_digest};
        workers[i].address = farm_invite(&host, i < 2 ? "both" : name, true);
        snprintf(workers[i].shared, sizeof workers[i].shared, "%s", shared);
        snprintf(workers[i].own, sizeof workers[i].own, "%s", at(&host, name));
        workers[i].own_digest = farm_write_noise(workers[i].own, 6 * MEGA, i);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].status != NB_OK) {
            fail_msg("worker %u: %s", i, workers[i].err.text);
        }
        assert_blob_is(&host, &workers[i].own_digest, 6 * MEGA);
    }
    assert_blob_is(&host, &shared_digest, 8 * MEGA + 1);
    assert_int_equal(atomic_load(&host.stored_count), 2 * WORKERS);
    farm_close(&host);
}

static void a_key_that_is_forgotten_is_out_at_once(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "ada", true);
    nb_client *client = NULL;
    nb_key_pair keys;
    nb_digest digest;
    assert_ok(nb_key_pair_load(address.key_path, &keys, err));
    assert_ok(farm_connect(&address, &client, err));
    assert_ok(nb_client_upload_bytes(client, scope, "first", 5, &digest, err));
    // The key is taken from the list: connections that are open would go on.
    atomic_store(&host.known_count, 0);
    assert_ok(nb_client_upload_bytes(client, scope, "second", 6, &digest, err));
    nb_server_forget_key(host.server, &keys.public_key);
    assert_fails(NB_E_PERMISSION, "does not know your key",
                 nb_client_upload_bytes(client, scope, "third", 5, &digest, err));
    digest = nb_digest_of("third", 5);
    assert_false(nb_blob_store_has(host.store, &digest, NULL));
    nb_client_destroy(&client);
    farm_close(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_is_forgotten_is_out_at_once),
        cmocka_unit_test(a_large_blob_goes_up_and_comes_down),
        cmocka_unit_test(a_cut_upload_goes_on_where_it_stopped),
        cmocka_unit_test(what_one_key_has_sent_does_not_count_for_another),
        cmocka_unit_test(a_cut_download_goes_on_where_it_stopped),
        cmocka_unit_test(transfers_outlive_a_restart_of_the_coordinator),
        cmocka_unit_test(an_empty_blob_goes_up_and_comes_down),
        cmocka_unit_test(small_blobs_go_through_memory),
        cmocka_unit_test(bytes_that_are_not_the_digests_are_refused),
        cmocka_unit_test(a_damaged_draft_is_sent_again_from_the_start),
        cmocka_unit_test(a_damaged_part_file_is_fetched_again),
        cmocka_unit_test(what_the_coordinator_refuses_is_said_in_its_words),
        cmocka_unit_test(a_blob_known_to_the_album_is_not_sent),
        cmocka_unit_test(several_clients_send_at_once_also_the_same_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
