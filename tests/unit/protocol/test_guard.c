// SPDX-License-Identifier: GPL-3.0-or-later
// Connections that go too far. The peers are bare TCP that speaks ZMTP 3 without CURVE: libzmq
// sends no message before its end, so it can't play somebody who never ends one.
#include "protocol/guard.h"

#include "base/clock.h"
#include "protocol/limits.h"
#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UNHEARD_MAX = 1 << 20, WAIT_MS = 60000, FRAME = 4096 };

/// A ROUTER on a port of its own.
typedef struct door {
    void *router;
    uint16_t port;
} door;

/// A guarded one; and a second beside it, where a test opens it.
typedef struct house {
    void *zmq;
    nb_guard *guard;
    door front, back;
} house;

static void door_open(house *self, door *out)
{
    static const nb_socket_option options[] = {{"LINGER", ZMQ_LINGER, 0},
                                               {"BACKLOG", ZMQ_BACKLOG, 1024}};
    char endpoint[64] = "";
    size_t size = sizeof endpoint;
    out->router = zmq_socket(self->zmq, ZMQ_ROUTER);
    assert_ok(nb_socket_set(out->router, options, NB_COUNT(options), err));
    assert_ok(nb_guard_watch(self->guard, self->zmq, out->router, UNHEARD_MAX, err));
    assert_int_equal(zmq_bind(out->router, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(out->router, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    out->port = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
}

static void door_close(door *self)
{
    if (self->router) {
        nb_socket_stop_monitor(self->router);
        nb_socket_close(&self->router);
    }
}

static void house_build(house *self)
{
    *self = (house){.zmq = zmq_ctx_new()};
    assert_ok(nb_guard_new(&self->guard, err));
    door_open(self, &self->front);
}

static void house_open(house *self)
{
    house_build(self);
    assert_ok(nb_guard_start(self->guard, err));
}

static void house_close(house *self)
{
    door_close(&self->front);
    door_close(&self->back);
    nb_guard_destroy(&self->guard);
    zmq_ctx_term(self->zmq);
}

static int dial(const door *self)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(self->port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

// Greeting and READY of a DEALER, as ZeroMQ RFC 23 has them.
static void shake_hands(int fd)
{
    static const uint8_t ready[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                                   "DEALER";
    uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    assert_int_equal(send(fd, greeting, sizeof greeting, MSG_NOSIGNAL), sizeof greeting);
    assert_int_equal(send(fd, ready, sizeof ready - 1, MSG_NOSIGNAL), sizeof ready - 1);
    nb_clock_sleep_ms(100);
}

/// Send one frame that says whether more of the message follow. False if the connection is closed.
static bool send_frame(int fd, bool more)
{
    uint8_t bytes[9 + FRAME] = {(uint8_t)(2 | (more ? 1 : 0)), 0, 0, 0, 0, 0, 0, FRAME >> 8, 0};
    return send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes;
}

static bool is_open(int fd)
{
    uint8_t bytes[256];
    for (;;) {
        const ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
    }
}

/// Take whole messages as a server does; how many came.
static unsigned hear(house *self, const door *at, const nb_public_key *key)
{
    unsigned count = 0;
    nb_frames frames;
    while (nb_frames_receive(at->router, &frames)) {
        nb_guard_heard(self->guard, &frames.parts[1], key);
        nb_frames_fini(&frames);
        count++;
    }
    return count;
}

static void a_message_without_end_is_cut_and_whole_ones_are_not(void **state)
{
    enum { AHEAD_MAX = 64 }; // frames that the server's own thread may leave lying
    (void)state;
    static const nb_public_key key = {"somebody"};
    house here;
    house_open(&here);
    const int good = dial(&here.front);
    const int bad = dial(&here.front);
    shake_hands(good);
    shake_hands(bad);
    uint64_t sent = 0;
    const int64_t until_ms = nb_clock_ms() + WAIT_MS;
    unsigned good_sent = 0;
    unsigned heard = 0;
    bool cut = false;
    while ((!cut || heard <= UNHEARD_MAX / FRAME) && nb_clock_ms() < until_ms) {
        cut = cut || !send_frame(bad, true);
        sent += cut ? 0 : FRAME;
        if (good_sent - heard < AHEAD_MAX) { // as many bytes, each a message
            assert_true(send_frame(good, false));
            good_sent++;
        }
        heard += hear(&here, &here.front, &key);
        nb_clock_sleep_ms(1);
    }
    assert_true(cut);
    assert_true(is_open(good));
    assert_true(sent > UNHEARD_MAX);
    assert_true(heard > UNHEARD_MAX / FRAME);
    assert_int_equal(nb_guard_count(here.guard), 1);
    close(good);
    close(bad);
    house_close(&here);
}

static void the_connections_of_a_key_are_cut_and_no_others(void **state)
{
    (void)state;
    static const nb_public_key gone = {"gone"};
    static const nb_public_key stays = {"stays"};
    house here;
    house_open(&here);
    const int first = dial(&here.front);
    const int second = dial(&here.front);
    const int64_t until_ms = nb_clock_ms() + WAIT_MS;
    shake_hands(first);
    assert_true(send_frame(first, false));
    while (hear(&here, &here.front, &gone) == 0 && nb_clock_ms() < until_ms) {
        nb_clock_sleep_ms(5);
    }
    shake_hands(second);
    assert_true(send_frame(second, false));
    while (hear(&here, &here.front, &stays) == 0 && nb_clock_ms() < until_ms) {
        nb_clock_sleep_ms(5);
    }
    nb_guard_cut(here.guard, &gone);
    while (is_open(first) && nb_clock_ms() < until_ms) {
        nb_clock_sleep_ms(5);
    }
    assert_false(is_open(first));
    assert_true(is_open(second));
    close(first);
    close(second);
    house_close(&here);
}

/// Say something on a connection and have it cut for that, until it is.
static bool is_cut(house *self, const door *at, int fd, const nb_public_key *key)
{
    const int64_t until_ms = nb_clock_ms() + WAIT_MS;
    while (is_open(fd) && nb_clock_ms() < until_ms) {
        (void)send_frame(fd, false);
        nb_clock_sleep_ms(5);
        (void)hear(self, at, key);
        nb_guard_cut(self->guard, key);
    }
    return !is_open(fd);
}

/// The number that our end of the connection has, once it said something.
static int number_of(const door *at)
{
    const int64_t until_ms = nb_clock_ms() + WAIT_MS;
    nb_frames frames;
    while (!nb_frames_receive(at->router, &frames)) {
        assert_true(nb_clock_ms() < until_ms);
        nb_clock_sleep_ms(5);
    }
    const int number = zmq_msg_get(&frames.parts[1], ZMQ_SRCFD);
    nb_frames_fini(&frames);
    return number;
}

static void a_connection_whose_number_was_another_sockets_before_is_still_known(void **state)
{
    (void)state;
    static const nb_public_key gone = {"gone"};
    static const nb_public_key last = {"last"};
    house here;
    house_build(&here);
    door_open(&here, &here.back);
    // All of this waits in the monitors, the front's to be read before the back's.
    const int first = dial(&here.back);
    shake_hands(first);
    assert_true(send_frame(first, false));
    const int number = number_of(&here.back);
    close(first);
    const int64_t until_ms = nb_clock_ms() + WAIT_MS;
    while (fcntl(number, F_GETFD) != -1 && nb_clock_ms() < until_ms) {
        nb_clock_sleep_ms(5);
    }
    const int second = dial(&here.front);
    shake_hands(second);
    assert_true(send_frame(second, false));
    assert_int_equal(number_of(&here.front), number);
    const int third = dial(&here.back);
    shake_hands(third);
    assert_ok(nb_guard_start(here.guard, err));
    assert_true(is_cut(&here, &here.back, third, &last)); // all that waited was read
    assert_true(is_cut(&here, &here.front, second, &gone));
    close(second);
    close(third);
    house_close(&here);
}

static void one_address_opens_only_so_many_at_once(void **state)
{
    enum { KEPT = 200 }; // open at once: one that is gone before the guard looks does not count
    (void)state;
    house here;
    house_open(&here);
    const int64_t until_ms = nb_clock_ms() + WAIT_MS;
    unsigned long count = 0;
    int fds[KEPT];
    memset(fds, -1, sizeof fds);
    while (nb_guard_count(here.guard) == 0 && nb_clock_ms() < until_ms) {
        int *fd = &fds[count++ % KEPT];
        close(*fd);
        *fd = dial(&here.front);
        // Closed with a reset, so that no port is left waiting.
        const struct linger hard = {1, 0};
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    for (size_t i = 0; i < KEPT; i++) {
        close(fds[i]);
    }
    assert_true(nb_guard_count(here.guard) > 0);
    assert_true(count > NB_CONNECTS_BURST / 2);
    house_close(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_without_end_is_cut_and_whole_ones_are_not),
        cmocka_unit_test(the_connections_of_a_key_are_cut_and_no_others),
        cmocka_unit_test(a_connection_whose_number_was_another_sockets_before_is_still_known),
        cmocka_unit_test(one_address_opens_only_so_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
