// SPDX-License-Identifier: GPL-3.0-or-later
// What means harm to a coordinator, for t0400-strangers.sh. Strangers come from 127.0.0.66, which
// is not where the test's own people come from.
//
//     stranger flood tcp://HOST:PORT/KEY SECONDS        connects, sends rubbish, leaves, again
//     stranger half tcp://HOST:PORT/KEY COUNT           begins greetings, waits until all are cut
//     stranger knock tcp://HOST:PORT/KEY SECONDS        shakes hands with keys that nobody knows
//     stranger rubbish tcp://HOST:PORT/KEY KEYFILE      known, and sends what is no message
//     stranger steal tcp://HOST:PORT/KEY KEYFILE MINE   takes the routing id of KEYFILE's
//     connection
#include "base/clock.h"
#include "protocol/client.h"
#include "protocol/limits.h"
#include "protocol/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKETS_MAX = 4000, PATIENCE_MS = 60000 };

static const char source[] = "127.0.0.66";

static int dial(const nb_farm_address *farm)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET};
    inet_pton(AF_INET, source, &from.sin_addr);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    to.sin_port = htons((uint16_t)strtoul(strrchr(farm->control, ':') + 1, NULL, 10));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
                    connect(fd, (struct sockaddr *)&to, sizeof to) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int flood(const nb_farm_address *farm, long seconds)
{
    const int64_t until_ms = nb_clock_ms() + seconds * 1000;
    unsigned long count = 0;
    while (nb_clock_ms() < until_ms) {
        uint8_t rubbish[64];
        if (getrandom(rubbish, sizeof rubbish, 0) < 0) {
            return 1;
        }
        const int fd = dial(farm);
        if (fd >= 0) {
            count++;
            send(fd, rubbish, sizeof rubbish, MSG_NOSIGNAL);
            close(fd);
        }
    }
    printf("connected %lu times\n", count);
    return 0;
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

/// How many are open, once it is no more than `wanted` or time is up.
static long wait_open(const int *fds, long count, long wanted)
{
    const int64_t until_ms = nb_clock_ms() + PATIENCE_MS;
    for (;;) {
        long open = 0;
        for (long i = 0; i < count; i++) {
            open += fds[i] >= 0 && is_open(fds[i]) ? 1 : 0;
        }
        if (open <= wanted || nb_clock_ms() > until_ms) {
            return open;
        }
        nb_clock_sleep_ms(20);
    }
}

static int half(const nb_farm_address *farm, long count)
{
    static const uint8_t greeting[10] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f};
    static int fds[SOCKETS_MAX];
    const long most = count < SOCKETS_MAX ? count : SOCKETS_MAX;
    for (long i = 0; i < most; i++) {
        fds[i] = dial(farm);
        if (fds[i] >= 0) {
            send(fds[i], greeting, sizeof greeting, MSG_NOSIGNAL);
        }
    }
    const long open_first = wait_open(fds, most, NB_HALF_OPEN_ADDRESS_MAX);
    const long open_last = wait_open(fds, most, 0);
    printf("open %ld, then %ld\n", open_first, open_last);
    return 0;
}

/// A DEALER of that key and routing id, dialling from where strangers are.
static void *open_dealer(void *zmq, const nb_farm_address *farm, const nb_key_pair *keys,
                         const char *routing_id)
{
    static const nb_socket_option options[] = {{"LINGER", ZMQ_LINGER, 0},
                                               {"SNDHWM", ZMQ_SNDHWM, 1000}};
    char address[320];
    nb_error err = {0};
    void *socket = zmq_socket(zmq, ZMQ_DEALER);
    snprintf(address, sizeof address, "tcp://%s:0;%s", source, farm->control + strlen("tcp://"));
    if (!socket || nb_socket_set(socket, options, NB_COUNT(options), &err) != NB_OK ||
        nb_socket_secure_client(socket, keys, &farm->server, &err) != NB_OK ||
        (routing_id &&
         zmq_setsockopt(socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id)) != 0) ||
        zmq_connect(socket, address) != 0) {
        fprintf(stderr, "stranger: %s\n", err.text[0] ? err.text : zmq_strerror(errno));
        exit(1);
    }
    return socket;
}

static int knock(void *zmq, const nb_farm_address *farm, long seconds)
{
    enum { AT_ONCE = 40 };
    const int64_t until_ms = nb_clock_ms() + seconds * 1000;
    unsigned long count = 0;
    while (nb_clock_ms() < until_ms) {
        void *sockets[AT_ONCE];
        for (size_t i = 0; i < AT_ONCE; i++) {
            nb_key_pair keys;
            if (nb_key_pair_make(&keys, NULL) != NB_OK) {
                return 1;
            }
            sockets[i] = open_dealer(zmq, farm, &keys, NULL);
            count++;
        }
        nb_clock_sleep_ms(50);
        for (size_t i = 0; i < AT_ONCE; i++) {
            zmq_close(sockets[i]);
        }
    }
    printf("knocked %lu times\n", count);
    return 0;
}

/// Is there an answer within that time?
static bool hears(void *socket, int64_t ms)
{
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    return zmq_poll(&item, 1, (long)ms) > 0;
}

static void drain(void *socket, int64_t ms)
{
    while (hears(socket, ms)) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        zmq_msg_recv(&message, socket, 0);
        zmq_msg_close(&message);
    }
}

static int rubbish(void *zmq, const nb_farm_address *farm, const nb_key_pair *keys)
{
    enum { BIG = 900000 };
    static uint8_t bytes[BIG];
    void *socket = open_dealer(zmq, farm, keys, NULL);
    // A header of ours, then fields that hold fields that hold fields.
    memset(bytes, 0x12, sizeof bytes);
    memcpy(bytes, "NB\1\0", 4);
    for (size_t i = 4; i + 4 < BIG; i += 4) {
        memcpy(bytes + i, "\x12\xff\xff\x03", 4); // field 2, as long as almost all of it
    }
    zmq_send(socket, bytes, sizeof bytes, 0);
    zmq_send(socket, "NB\1\0\x13\x13\x13\x13\x13\x13", 10, 0); // groups that never end
    zmq_send(socket, "", 0, 0);
    zmq_send(socket, "NB\1\0", 4, 0);
    for (unsigned i = 0; i < 40; i++) {
        zmq_send(socket, "part", 4, i < 39 ? ZMQ_SNDMORE : 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        if (getrandom(bytes, 200, 0) < 0) {
            return 1;
        }
        zmq_send(socket, bytes, i, 0);
    }
    drain(socket, 1000);
    // More than any message may have: the connection is closed.
    memset(bytes, 0, sizeof bytes);
    zmq_msg_t huge;
    zmq_msg_init_size(&huge, (size_t)8 << 20);
    memset(zmq_msg_data(&huge), 0, (size_t)8 << 20);
    zmq_msg_send(&huge, socket, 0);
    nb_clock_sleep_ms(300);
    zmq_close(socket);
    puts("sent rubbish");
    return 0;
}

static void send_hello(void *socket)
{
    char program[] = "stranger";
    char role[] = "client";
    Nightbus__Hello hello = NIGHTBUS__HELLO__INIT;
    hello.program = hello.version = program;
    hello.role = role;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.id = 1;
    request.body_case = NIGHTBUS__REQUEST__BODY_HELLO;
    request.hello = &hello;
    void *bytes = NULL;
    size_t size = 0;
    if (nb_wire_pack_request(&request, &bytes, &size, NULL) == NB_OK) {
        zmq_send(socket, bytes, size, 0);
    }
    free(bytes);
}

static int steal(void *zmq, const nb_farm_address *farm, const nb_key_pair *theirs,
                 const nb_key_pair *mine)
{
    static const char same[] = "0123456789abcdef";
    void *victim = open_dealer(zmq, farm, theirs, same);
    send_hello(victim);
    const bool greeted = hears(victim, PATIENCE_MS);
    drain(victim, 100);
    void *thief = open_dealer(zmq, farm, mine, same);
    nb_clock_sleep_ms(500);
    send_hello(thief);
    const bool thief_heard = hears(thief, 1000);
    send_hello(victim);
    const bool victim_heard = hears(victim, PATIENCE_MS);
    zmq_close(victim);
    zmq_close(thief);
    puts(greeted && victim_heard && !thief_heard ? "kept" : "stolen");
    return greeted && victim_heard && !thief_heard ? 0 : 1;
}

static int act(void *zmq, int argc, char **argv, const nb_farm_address *farm)
{
    nb_key_pair keys[2] = {{{""}, ""}};
    nb_error err = {0};
    const char *mode = argv[1];
    const bool is_known = strcmp(mode, "rubbish") == 0 || strcmp(mode, "steal") == 0;
    if (is_known && nb_key_pair_load(argv[3], &keys[0], &err) != NB_OK) {
        fprintf(stderr, "stranger: %s\n", err.text);
        return 1;
    }
    if (strcmp(mode, "steal") == 0) {
        return argc > 4 && nb_key_pair_load(argv[4], &keys[1], &err) == NB_OK
                   ? steal(zmq, farm, &keys[0], &keys[1])
                   : 1;
    }
    if (is_known) {
        return rubbish(zmq, farm, &keys[0]);
    }
    const long number = strtol(argv[3], NULL, 10);
    if (strcmp(mode, "flood") == 0) {
        return flood(farm, number);
    }
    if (strcmp(mode, "knock") == 0) {
        return knock(zmq, farm, number);
    }
    return strcmp(mode, "half") == 0 ? half(farm, number) : 2;
}

int main(int argc, char **argv)
{
    nb_farm_address farm;
    nb_error err = {0};
    struct rlimit files;
    if (argc < 4 || nb_farm_address_parse(argv[2], "/dev/null", &farm, &err) != NB_OK) {
        fprintf(stderr, "stranger: %s\n", err.text[0] ? err.text : "see the top of stranger.c");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    void *zmq = zmq_ctx_new();
    const int code = act(zmq, argc, argv, &farm);
    zmq_ctx_term(zmq);
    return code;
}
