// SPDX-License-Identifier: GPL-3.0-or-later
// Blobs that are sent while they are still made. The file is there from the start; what is shown of
// it grows with each look, so that nothing here hangs on who is quicker.
#include "unit/protocol/farm.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "protocol/blob_writer.h"
#include "protocol/uploads.h"

#include <dirent.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const nb_blob_scope scope = {NULL, 7};

enum { MEGA = 1 << 20, LARGE = 20 * MEGA + 12345, WINDOW = NB_WINDOW_CHUNKS_MAX * NB_CHUNK_SIZE };

typedef struct growing {
    farm *host;
    char path[128];
    nb_digest name; ///< What is said of it in the end
    uint64_t shown; ///< Bytes so far
    uint64_t step;
    bool ends_early; ///< It is given up half-way
    bool half_came;
    void (*at_half)(struct growing *self);
    nb_public_key key;
    pthread_t thread;
} growing;

static void growing_init(growing *self, farm *host, uint64_t seed)
{
    *self = (growing){.host = host, .step = 700000};
    snprintf(self->path, sizeof self->path, "%s/mix.wav", host->folder);
    self->name = farm_write_noise(self->path, LARGE, seed);
}

static nb_growth_state look(void *context, uint64_t *out_there, nb_digest *out_digest)
{
    growing *self = context;
    if (self->shown >= LARGE / 2 && !self->half_came) {
        self->half_came = true;
        if (self->at_half) {
            self->at_half(self);
        }
    }
    if (self->half_came && self->ends_early) {
        return NB_GROWTH_GIVEN_UP;
    }
    self->shown = (self->shown + self->step < LARGE) ? self->shown + self->step : LARGE;
    *out_there = self->shown;
    *out_digest = self->name;
    return self->shown == LARGE ? NB_GROWN : NB_GROWING;
}

static nb_status send_growing(growing *self, nb_client *client, nb_error *err)
{
    return nb_client_upload_growing(client, scope, self->path, LARGE, look, self, err);
}

static nb_client *connect_to(farm *host, nb_public_key *out_key)
{
    const nb_farm_address address = farm_invite(host, "one", true);
    nb_key_pair keys;
    nb_client *client = NULL;
    assert_ok(nb_key_pair_load(address.key_path, &keys, err));
    assert_ok(farm_connect(&address, &client, err));
    *out_key = keys.public_key;
    return client;
}

static unsigned count_drafts(const farm *host)
{
    char path[128];
    snprintf(path, sizeof path, "%s/store/incoming", host->folder);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    unsigned count = 0;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}

static void assert_stored(const growing *self)
{
    char *path = NULL;
    nb_digest found;
    uint64_t size = 0;
    assert_ok(nb_blob_store_path(self->host->store, &self->name, &path, err));
    assert_ok(nb_digest_of_file(path, &found, &size, err));
    free(path);
    assert_true(nb_digest_equal(&found, &self->name));
    assert_int_equal(size, LARGE);
    assert_int_equal(atomic_load(&self->host->stored_count), 1);
    assert_int_equal(count_drafts(self->host), 0);
}

/// Nothing of it can be seen, and in the end not even its draft.
static void assert_not_stored(const growing *self)
{
    assert_false(nb_blob_store_has(self->host->store, &self->name, NULL));
    assert_int_equal(atomic_load(&self->host->stored_count), 0);
}

static void see_a_draft_alone(growing *self)
{
    // Chunks were asked for as soon as they were there: the draft has come into being.
    for (int i = 0; i < 600 && count_drafts(self->host) == 0; i++) {
        nb_clock_sleep_ms(100);
    }
    assert_int_equal(count_drafts(self->host), 1);
    assert_false(nb_blob_store_has(self->host->store, &self->name, NULL));
}

static void what_grows_is_sent_meanwhile_and_there_once_it_is_whole(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    growing mix;
    growing_init(&mix, &host, 1);
    mix.at_half = see_a_draft_alone;
    nb_client *client = connect_to(&host, &mix.key);
    assert_ok(send_growing(&mix, client, err));
    assert_true(mix.half_came);
    assert_int_equal(nb_client_sent_bytes(client), LARGE);
    assert_stored(&mix);
    // The same file, whole, goes the same way; and so does what comes after it.
    nb_digest digest;
    assert_ok(nb_client_upload(client, scope, mix.path, &mix.name, LARGE, NULL, NULL, err));
    assert_ok(nb_client_upload_bytes(client, scope, "report", 6, &digest, err));
    nb_client_destroy(&client);
    farm_close(&host);
}

static void another_digest_than_the_bytes_have_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    growing mix;
    growing_init(&mix, &host, 2);
    const nb_digest right = mix.name;
    mix.name = nb_digest_of("another", 7);
    nb_client *client = connect_to(&host, &mix.key);
    assert_fails(NB_E_CORRUPT, "hash to something else", send_growing(&mix, client, err));
    assert_not_stored(&mix);
    assert_false(nb_blob_store_has(host.store, &right, NULL));
    assert_int_equal(count_drafts(&host), 0);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void *restart_now(void *argument)
{
    farm_stop(argument);
    nb_clock_sleep_ms(200);
    farm_restart(argument);
    return NULL;
}

static void restart_host(growing *self)
{
    assert_int_equal(pthread_create(&self->thread, NULL, restart_now, self->host), 0);
}

static void a_restart_of_the_coordinator_half_way_costs_a_window_at_most(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    growing mix;
    growing_init(&mix, &host, 3);
    mix.at_half = restart_host;
    nb_client *client = connect_to(&host, &mix.key);
    assert_ok(send_growing(&mix, client, err));
    pthread_join(mix.thread, NULL);
    assert_true(atomic_load(&host.hello_count) >= 2);
    assert_true(nb_client_sent_bytes(client) <= LARGE + WINDOW);
    assert_stored(&mix);
    nb_client_destroy(&client);
    farm_close(&host);
}

/// Ends the key's sessions and connections; it stays known.
static void cut_link(growing *self) { nb_server_forget_key(self->host->server, &self->key); }

static void a_link_that_is_cut_half_way_costs_a_window_at_most(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    growing mix;
    growing_init(&mix, &host, 4);
    mix.at_half = cut_link;
    nb_client *client = connect_to(&host, &mix.key);
    assert_ok(send_growing(&mix, client, err));
    assert_true(atomic_load(&host.hello_count) >= 2);
    assert_true(nb_client_sent_bytes(client) <= LARGE + WINDOW);
    assert_stored(&mix);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void end_lease(growing *self) { atomic_store(&self->host->may_write, false); }

static void a_lease_that_ends_half_way_ends_it(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    growing mix;
    growing_init(&mix, &host, 5);
    mix.at_half = end_lease;
    nb_client *client = connect_to(&host, &mix.key);
    assert_fails(NB_E_NO_SPACE, "nearly full", send_growing(&mix, client, err));
    assert_not_stored(&mix);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void what_is_given_up_is_not_there_and_its_connection_as_good_as_before(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    growing mix;
    growing_init(&mix, &host, 6);
    mix.ends_early = true;
    nb_client *client = connect_to(&host, &mix.key);
    assert_fails(NB_E_CANCELLED, "given up", send_growing(&mix, client, err));
    assert_not_stored(&mix);
    assert_ok(nb_client_upload(client, scope, mix.path, &mix.name, LARGE, NULL, NULL, err));
    assert_int_equal(atomic_load(&host.stored_count), 1);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void only_the_results_of_tasks_are_taken_while_they_grow(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    growing mix;
    growing_init(&mix, &host, 7);
    nb_client *client = connect_to(&host, &mix.key);
    const nb_blob_scope album = {"album", 0};
    assert_fails(NB_E_INVALID, "for a task",
                 nb_client_upload_growing(client, album, mix.path, LARGE, look, &mix, err));
    assert_int_equal(count_drafts(&host), 0);
    nb_client_destroy(&client);
    farm_close(&host);
}

// ---- The coordinator's side alone, with a clock of ours ----

static nb_status never_stored(void *context, const nb_upload_claim *claim, nb_error *err)
{
    (void)context;
    (void)claim;
    return nb_fail(err, NB_E_IO, "nothing should get here");
}

/// Let the writer do what was ordered until it has given `count` results.
static void take_results(nb_uploads *uploads, nb_blob_writer *writer, unsigned count)
{
    for (int i = 0; i < 600 && count > 0; i++) {
        nb_write_result *result = nb_blob_writer_take(writer);
        if (result) {
            nb_uploads_result(uploads, result);
            free(result);
            count--;
        } else {
            nb_clock_sleep_ms(100);
        }
    }
    assert_int_equal(count, 0);
}

static void a_sender_that_never_comes_back_leaves_no_draft_and_a_slow_one_keeps_it(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    void *zmq = zmq_ctx_new();
    void *socket = zmq_socket(zmq, ZMQ_ROUTER); // nobody is connected: what is sent gets nowhere
    const int mandatory = 1;
    zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &mandatory, sizeof mandatory);
    const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    nb_blob_writer *writer = NULL;
    assert_ok(nb_blob_writer_start(host.store, never_stored, NULL, event, &writer, err));
    nb_uploads *uploads = nb_uploads_new(socket, writer);
    const nb_peer peer = {.routing_id = "p", .routing_id_size = 1, .key = host.keys.public_key};
    const nb_bulk_target from = {&peer, {1}};
    nb_upload_claim claim = {.key = peer.key, .task = 7, .size = LARGE, .is_growing = true};
    claim.digest = nb_digest_of("any", 3);
    nb_uploads_offer(uploads, &from, &claim);
    take_results(uploads, writer, 1);
    assert_int_equal(count_drafts(&host), 1);
    const int64_t now_ms = nb_clock_ms();
    // Nothing has come for longer than a blob that has a name could wait, but it was heard of.
    nb_uploads_pump(uploads, now_ms + NB_TRANSFER_IDLE_MS + 5000);
    claim.there = 1;
    nb_uploads_offer(uploads, &from, &claim);
    nb_uploads_pump(uploads, now_ms + NB_GROWING_IDLE_MS - 5000);
    nb_upload_claim other = claim;
    other.digest = nb_digest_of("other", 5);
    nb_uploads_offer(uploads, &from, &other);
    take_results(uploads, writer, 1);
    assert_int_equal(count_drafts(&host), 2);
    nb_uploads_pump(uploads, nb_clock_ms() + NB_GROWING_IDLE_MS + 1);
    for (int i = 0; i < 600 && count_drafts(&host) > 0; i++) {
        nb_clock_sleep_ms(100);
    }
    assert_int_equal(count_drafts(&host), 0);
    nb_blob_writer_destroy(&writer);
    nb_uploads_destroy(&uploads);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    close(event);
    farm_close(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_grows_is_sent_meanwhile_and_there_once_it_is_whole),
        cmocka_unit_test(another_digest_than_the_bytes_have_is_refused_and_leaves_nothing),
        cmocka_unit_test(a_restart_of_the_coordinator_half_way_costs_a_window_at_most),
        cmocka_unit_test(a_link_that_is_cut_half_way_costs_a_window_at_most),
        cmocka_unit_test(a_lease_that_ends_half_way_ends_it),
        cmocka_unit_test(what_is_given_up_is_not_there_and_its_connection_as_good_as_before),
        cmocka_unit_test(only_the_results_of_tasks_are_taken_while_they_grow),
        cmocka_unit_test(a_sender_that_never_comes_back_leaves_no_draft_and_a_slow_one_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
