// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/protocol/farm.h"

#include "base/clock.h"
#include "base/file.h"
#include "protocol/server_parts.h"
#include "protocol/sessions.h"
#include "protocol/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/// A socket without the manners of nb_client.
typedef struct raw {
    void *zmq;
    void *socket;
} raw;

static raw raw_open(const farm *host, const nb_key_pair *keys, const char *routing_id)
{
    raw self = {zmq_ctx_new(), NULL};
    self.socket = zmq_socket(self.zmq, ZMQ_DEALER);
    static const nb_socket_option options[] = {{"LINGER", ZMQ_LINGER, 0}};
    assert_ok(nb_socket_set(self.socket, options, 1, err));
    assert_ok(nb_socket_set_bytes(self.socket, ZMQ_ROUTING_ID, "ROUTING_ID", routing_id,
                                  strlen(routing_id), err));
    if (keys) {
        assert_ok(nb_socket_secure_client(self.socket, keys, &host->keys.public_key, err));
    }
    assert_int_equal(zmq_connect(self.socket, host->control), 0);
    return self;
}

static void raw_close(raw *self)
{
    nb_socket_close(&self->socket);
    zmq_ctx_term(self->zmq);
}

/// The reply that comes within `wait_ms`, or null.
static Nightbus__Reply *raw_receive(raw *self, long wait_ms)
{
    zmq_pollitem_t item = {self->socket, 0, ZMQ_POLLIN, 0};
    nb_frames frames;
    Nightbus__Reply *reply = NULL;
    if (zmq_poll(&item, 1, wait_ms) > 0 && nb_frames_receive(self->socket, &frames)) {
        assert_ok(nb_wire_unpack_reply(zmq_msg_data(&frames.parts[0]),
                                       zmq_msg_size(&frames.parts[0]), &reply, err));
        nb_frames_fini(&frames);
    }
    return reply;
}

static void raw_send_node_list(raw *self, uint64_t id)
{
    Nightbus__NodeList list = NIGHTBUS__NODE_LIST__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.id = id;
    request.body_case = NIGHTBUS__REQUEST__BODY_NODE_LIST;
    request.node_list = &list;
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_wire_pack_request(&request, &bytes, &size, err));
    assert_int_equal(zmq_send(self->socket, bytes, size, 0), size);
    free(bytes);
}

static nb_key_pair load_keys(const nb_farm_address *address)
{
    nb_key_pair pair;
    assert_ok(nb_key_pair_load(address->key_path, &pair, err));
    return pair;
}

static void a_call_is_answered_and_a_failure_comes_back_as_one(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    assert_string_equal(nb_client_welcome(client)->person, host.known[0].text);
    Nightbus__Render render = NIGHTBUS__RENDER__INIT;
    render.album = render.song = render.version = nb_wire_string("x");
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_RENDER;
    request.render = &render;
    Nightbus__Reply *reply = NULL;
    assert_ok(nb_client_call(client, &request, 0, &reply, err));
    assert_int_equal(reply->job_started->job, 7);
    nb_wire_free_reply(&reply);
    Nightbus__NodeList list = NIGHTBUS__NODE_LIST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NODE_LIST;
    request.node_list = &list;
    assert_fails(NB_E_NOT_FOUND, host.known[0].text,
                 nb_client_call(client, &request, 0, &reply, err));
    assert_null(reply);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void an_unknown_key_is_turned_away_in_words(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "stranger", false);
    nb_client *client = NULL;
    const int64_t before_ms = nb_clock_ms();
    assert_fails(NB_E_PERMISSION, "does not know your key", farm_connect(&address, &client, err));
    assert_true(nb_clock_ms() - before_ms < FARM_WAIT_MS / 2); // not after the whole time-out
    assert_null(client);
    farm_close(&host);
}

static void a_wrong_server_key_is_said_to_be_one(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    nb_farm_address address = farm_invite(&host, "one", true);
    nb_key_pair other;
    assert_ok(nb_key_pair_make(&other, err));
    address.server = other.public_key;
    nb_client *client = NULL;
    assert_fails(NB_E_UNREACHABLE, "server key", farm_connect(&address, &client, err));
    farm_close(&host);
}

static void nobody_there_is_said_long_before_the_time_out(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    nb_farm_address address = farm_invite(&host, "one", true);
    farm_stop(&host);
    nb_client *client = NULL;
    const int64_t before_ms = nb_clock_ms();
    assert_fails(NB_E_UNREACHABLE, "nightbus up", farm_connect(&address, &client, err));
    assert_true(nb_clock_ms() - before_ms < FARM_WAIT_MS / 2);
    snprintf(address.control, sizeof address.control, "tcp://no-such-host.invalid:5570");
    assert_fails(NB_E_UNREACHABLE, "no-such-host", farm_connect(&address, &client, err));
    farm_close(&host);
}

/// A port whose queue of connections is full: the kernel drops what comes, as a lossy network does.
static void where_the_network_is_silent_the_whole_time_out_is_waited_for(void **state)
{
    enum { QUEUED = 8, TIMEOUT_MS = 2500 };
    (void)state;
    farm host;
    farm_open(&host);
    nb_farm_address address = farm_invite(&host, "one", true);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    const int deaf = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(deaf, (struct sockaddr *)&where, size), 0);
    assert_int_equal(listen(deaf, 0), 0);
    assert_int_equal(getsockname(deaf, (struct sockaddr *)&where, &size), 0);
    int queued[QUEUED];
    for (size_t i = 0; i < QUEUED; i++) {
        queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(queued[i], (struct sockaddr *)&where, size); // few of them succeed
    }
    snprintf(address.control, sizeof address.control, "tcp://127.0.0.1:%u", ntohs(where.sin_port));
    const nb_client_options options = {
        .program = "test", .role = "client", .timeout_ms = TIMEOUT_MS};
    nb_client *client = NULL;
    const int64_t before_ms = nb_clock_ms();
    assert_fails(NB_E_UNREACHABLE, "nobody answers",
                 nb_client_connect(&address, &options, &client, err));
    assert_true(nb_clock_ms() - before_ms >= TIMEOUT_MS);
    for (size_t i = 0; i < QUEUED; i++) {
        close(queued[i]);
    }
    close(deaf);
    farm_close(&host);
}

static void a_client_without_curve_gets_nothing(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    raw null = raw_open(&host, NULL, "null-client-0001");
    raw_send_node_list(&null, 1);
    assert_null(raw_receive(&null, 700));
    raw_close(&null);
    raw plain = {zmq_ctx_new(), NULL};
    plain.socket = zmq_socket(plain.zmq, ZMQ_DEALER);
    assert_ok(nb_socket_set(plain.socket, &(nb_socket_option){"LINGER", ZMQ_LINGER, 0}, 1, err));
    assert_ok(nb_socket_set_bytes(plain.socket, ZMQ_PLAIN_USERNAME, "USERNAME", "a", 1, err));
    assert_ok(nb_socket_set_bytes(plain.socket, ZMQ_PLAIN_PASSWORD, "PASSWORD", "b", 1, err));
    assert_int_equal(zmq_connect(plain.socket, host.control), 0);
    raw_send_node_list(&plain, 1);
    assert_null(raw_receive(&plain, 700));
    raw_close(&plain);
    farm_close(&host);
}

static void another_key_with_the_same_routing_id_cannot_act_as_the_first(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address first_address = farm_invite(&host, "first", true);
    const nb_farm_address second_address = farm_invite(&host, "second", true);
    const nb_key_pair first_keys = load_keys(&first_address);
    const nb_key_pair second_keys = load_keys(&second_address);
    raw first = raw_open(&host, &first_keys, "one-routing-id-1");
    raw_send_node_list(&first, 1);
    Nightbus__Reply *reply = raw_receive(&first, FARM_WAIT_MS);
    assert_non_null(reply);
    assert_string_equal(reply->failure->text, first_keys.public_key.text);
    nb_wire_free_reply(&reply);
    // While the first is there, the second is not heard, and gets nothing that is not its own.
    raw second = raw_open(&host, &second_keys, "one-routing-id-1");
    raw_send_node_list(&second, 2);
    raw_send_node_list(&first, 3);
    reply = raw_receive(&first, FARM_WAIT_MS);
    assert_non_null(reply);
    assert_int_equal(reply->id, 3);
    assert_string_equal(reply->failure->text, first_keys.public_key.text);
    nb_wire_free_reply(&reply);
    assert_null(raw_receive(&second, 500));
    raw_close(&second);
    // Once the first has left, the routing id is free; who uses it is still only himself. The
    // server may see the second come before it has seen the first go: then it does not hear him.
    raw_close(&first);
    const int64_t until_ms = nb_clock_ms() + FARM_WAIT_MS;
    do {
        second = raw_open(&host, &second_keys, "one-routing-id-1");
        raw_send_node_list(&second, 4);
        reply = raw_receive(&second, 1000);
        if (!reply) {
            raw_close(&second);
        }
    } while (!reply && nb_clock_ms() < until_ms);
    assert_non_null(reply);
    assert_string_equal(reply->failure->text, second_keys.public_key.text);
    nb_wire_free_reply(&reply);
    raw_close(&second);
    farm_close(&host);
}

static void without_a_live_key_check_nobody_gets_in(void **state)
{
    (void)state;
    void *zmq = zmq_ctx_new();
    assert_fails(NB_E_TIMEOUT, "nothing is opened", nb_zap_self_test(zmq, err));
    zmq_ctx_term(zmq);
}

static bool knows_everybody(void *context, const nb_public_key *key)
{
    (void)context;
    (void)key;
    return true;
}

static void a_key_check_that_lets_strangers_in_fails_the_self_test(void **state)
{
    (void)state;
    void *zmq = zmq_ctx_new();
    nb_zap *zap = NULL;
    assert_ok(nb_zap_start(zmq, knows_everybody, NULL, &zap, err));
    assert_fails(NB_E_PERMISSION, "strangers", nb_zap_self_test(zmq, err));
    nb_zap_destroy(&zap);
    zmq_ctx_term(zmq);
}

static void the_ports_close_when_the_key_check_ends(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_zap_stop(nb_server_zap(host.server));
    const int64_t until_ms = nb_clock_ms() + FARM_WAIT_MS;
    while (atomic_load(&host.receive_status) == NB_OK && nb_clock_ms() < until_ms) {
        nb_clock_sleep_ms(5);
    }
    assert_int_equal(atomic_load(&host.receive_status), NB_E_PERMISSION);
    nb_client *client = NULL;
    assert_fails(NB_E_UNREACHABLE, "nobody answers", farm_connect(&address, &client, err));
    farm_close(&host);
}

static void another_major_version_is_answered_in_words(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const nb_key_pair keys = load_keys(&address);
    raw peer = raw_open(&host, &keys, "peer-of-tomorrow");
    for (int i = 0; i < 2 * NB_FAULTS_MAX; i++) { // each time: it is no fault that silences a key
        assert_int_equal(zmq_send(peer.socket, "NB\x02\x00hello", 9, 0), 9);
        Nightbus__Reply *reply = raw_receive(&peer, FARM_WAIT_MS);
        assert_non_null(reply);
        assert_int_equal(reply->id, 0);
        assert_int_equal(reply->failure->status, NB_E_VERSION);
        assert_non_null(strstr(reply->failure->text, "upgrade the coordinator"));
        nb_wire_free_reply(&reply);
    }
    raw_close(&peer);
    farm_close(&host);
}

static void ten_bad_messages_silence_a_key_and_no_other(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address bad_address = farm_invite(&host, "bad", true);
    const nb_farm_address good_address = farm_invite(&host, "good", true);
    const nb_key_pair bad_keys = load_keys(&bad_address);
    raw bad = raw_open(&host, &bad_keys, "sends-only-trash");
    for (int i = 0; i < NB_FAULTS_MAX; i++) {
        assert_int_equal(zmq_send(bad.socket, "trash", 5, 0), 5);
        Nightbus__Reply *reply = raw_receive(&bad, FARM_WAIT_MS);
        assert_non_null(reply);
        assert_int_equal(reply->failure->status, NB_E_INVALID);
        nb_wire_free_reply(&reply);
    }
    raw_send_node_list(&bad, 1);
    assert_null(raw_receive(&bad, 500));
    nb_client *client = NULL;
    assert_ok(farm_connect(&good_address, &client, err));
    nb_client_destroy(&client);
    raw_close(&bad);
    farm_close(&host);
}

static void messages_of_many_parts_are_read_to_their_end(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const nb_key_pair keys = load_keys(&address);
    raw peer = raw_open(&host, &keys, "sends-many-parts");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(zmq_send(peer.socket, "part", 4, ZMQ_SNDMORE), 4);
    }
    assert_int_equal(zmq_send(peer.socket, "end", 3, 0), 3);
    Nightbus__Reply *reply = raw_receive(&peer, FARM_WAIT_MS);
    assert_non_null(reply);
    assert_non_null(strstr(reply->failure->text, "one frame"));
    nb_wire_free_reply(&reply);
    raw_send_node_list(&peer, 5);
    reply = raw_receive(&peer, FARM_WAIT_MS);
    assert_non_null(reply);
    assert_int_equal(reply->id, 5);
    nb_wire_free_reply(&reply);
    raw_close(&peer);
    farm_close(&host);
}

static void a_call_is_made_again_after_the_coordinator_was(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    farm_stop(&host);
    farm_restart(&host);
    Nightbus__Render render = NIGHTBUS__RENDER__INIT;
    render.album = render.song = render.version = nb_wire_string("x");
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_RENDER;
    request.render = &render;
    Nightbus__Reply *reply = NULL;
    assert_ok(nb_client_call(client, &request, 0, &reply, err));
    nb_wire_free_reply(&reply);
    assert_int_equal(atomic_load(&host.hello_count), 2);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void a_connection_that_was_forgotten_says_hello_again(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    nb_client *client = NULL;
    assert_ok(farm_connect(&address, &client, err));
    atomic_store(&host.forgets, true);
    Nightbus__Render render = NIGHTBUS__RENDER__INIT;
    render.album = render.song = render.version = nb_wire_string("x");
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_RENDER;
    request.render = &render;
    Nightbus__Reply *reply = NULL;
    assert_ok(nb_client_call(client, &request, 0, &reply, err));
    nb_wire_free_reply(&reply);
    assert_int_equal(atomic_load(&host.hello_count), 2);
    nb_client_destroy(&client);
    farm_close(&host);
}

static void a_coordinator_that_does_not_answer_is_a_time_out(void **state)
{
    (void)state;
    farm host;
    farm_open(&host);
    const nb_farm_address address = farm_invite(&host, "one", true);
    const nb_client_options options = {.program = "test", .role = "client", .timeout_ms = 3000};
    nb_client *client = NULL;
    assert_ok(nb_client_connect(&address, &options, &client, err));
    atomic_store(&host.silent, true);
    Nightbus__NodeList list = NIGHTBUS__NODE_LIST__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NODE_LIST;
    request.node_list = &list;
    Nightbus__Reply *reply = NULL;
    assert_fails(NB_E_TIMEOUT, "no answer", nb_client_call(client, &request, 0, &reply, err));
    nb_client_destroy(&client);
    farm_close(&host);
}

static void a_session_is_good_for_its_own_key_only(void **state)
{
    (void)state;
    nb_sessions *sessions = nb_sessions_new();
    nb_key_pair one, other;
    uint8_t session[NB_SESSION_SIZE];
    assert_ok(nb_key_pair_make(&one, err));
    assert_ok(nb_key_pair_make(&other, err));
    assert_ok(nb_sessions_open(sessions, &one.public_key, session, err));
    assert_true(nb_sessions_use(sessions, &one.public_key, session));
    assert_false(nb_sessions_use(sessions, &other.public_key, session));
    session[3] ^= 1;
    assert_false(nb_sessions_use(sessions, &one.public_key, session));
    // A full table forgets the oldest, never the newest.
    uint8_t last[NB_SESSION_SIZE];
    nb_public_key many = {""};
    for (int i = 0; i <= NB_SESSIONS_MAX; i++) {
        snprintf(many.text, sizeof many.text, "%040d", i);
        assert_ok(nb_sessions_open(sessions, &many, last, err));
    }
    assert_true(nb_sessions_use(sessions, &many, last));
    session[3] ^= 1;
    assert_false(nb_sessions_use(sessions, &one.public_key, session));
    nb_sessions_destroy(&sessions);
}

static void an_address_is_read_from_farm_json_and_from_words(void **state)
{
    (void)state;
    nb_key_pair pair;
    char hex[65];
    assert_ok(nb_key_pair_make(&pair, err));
    assert_ok(nb_public_key_to_hex(&pair.public_key, hex, err));
    char folder[] = "/tmp/nightbus-address-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64], text[512];
    snprintf(path, sizeof path, "%s/farm.json", folder);
    const int size = snprintf(text, sizeof text,
                              "{\"control\": \"tcp://127.0.0.1:5570\", \"bulk\": "
                              "\"tcp://127.0.0.1:5571\", \"server_key\": \"%s\", \"key\": "
                              "\"keys/me\", \"pids\": {}}",
                              hex);
    assert_ok(nb_file_write(path, text, (size_t)size, 0600, err));
    nb_farm_address address;
    assert_ok(nb_farm_address_read(path, &address, err));
    assert_string_equal(address.control, "tcp://127.0.0.1:5570");
    assert_string_equal(address.server.text, pair.public_key.text);
    char key[64];
    snprintf(key, sizeof key, "%s/keys/me", folder);
    assert_string_equal(address.key_path, key);
    snprintf(text, sizeof text, "tcp://[::1]:99/%s", hex);
    assert_ok(nb_farm_address_parse(text, "/k", &address, err));
    assert_string_equal(address.control, "tcp://[::1]:99");
    assert_string_equal(address.key_path, "/k");
    static const char *const wrong[] = {
        "", "tcp://", "http://a:1/00", "tcp://a:1/0011", "tcp://a/00", "tcp://a:70000/00"};
    for (size_t i = 0; i < NB_COUNT(wrong); i++) {
        assert_int_equal(nb_farm_address_parse(wrong[i], "/k", &address, NULL), NB_E_INVALID);
    }
    assert_ok(nb_file_remove_all(folder, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_answered_and_a_failure_comes_back_as_one),
        cmocka_unit_test(an_unknown_key_is_turned_away_in_words),
        cmocka_unit_test(a_wrong_server_key_is_said_to_be_one),
        cmocka_unit_test(nobody_there_is_said_long_before_the_time_out),
        cmocka_unit_test(where_the_network_is_silent_the_whole_time_out_is_waited_for),
        cmocka_unit_test(a_client_without_curve_gets_nothing),
        cmocka_unit_test(another_key_with_the_same_routing_id_cannot_act_as_the_first),
        cmocka_unit_test(without_a_live_key_check_nobody_gets_in),
        cmocka_unit_test(a_key_check_that_lets_strangers_in_fails_the_self_test),
        cmocka_unit_test(the_ports_close_when_the_key_check_ends),
        cmocka_unit_test(another_major_version_is_answered_in_words),
        cmocka_unit_test(ten_bad_messages_silence_a_key_and_no_other),
        cmocka_unit_test(messages_of_many_parts_are_read_to_their_end),
        cmocka_unit_test(a_call_is_made_again_after_the_coordinator_was),
        cmocka_unit_test(a_connection_that_was_forgotten_says_hello_again),
        cmocka_unit_test(a_coordinator_that_does_not_answer_is_a_time_out),
        cmocka_unit_test(a_session_is_good_for_its_own_key_only),
        cmocka_unit_test(an_address_is_read_from_farm_json_and_from_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
