// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/guard.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "protocol/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    WATCHED_MAX = 2,
    POLL_MS = 100,
    FDS_MAX = 1 << 16,
    FDS_SPARE = 256, ///< Descriptors that connections leave for files
    ADDRESSES = 256, ///< Remembered at once; the one not seen for longest goes
    /// Past it a connection that said nothing has shaken hands: libzmq closes others.
    HALF_OPEN_MS = NB_HANDSHAKE_MS + 1000,
    TELL_MS = 10000, ///< A flood is told of so often
};

/// Where a connection comes from. IPv4 as ::ffff:a.b.c.d.
typedef struct origin {
    uint8_t bytes[16];
    uint16_t port;
} origin;

typedef struct connection {
    bool is_open;
    bool heard; ///< A whole message came, ever
    bool fresh; ///< And since the last sweep
    uint8_t watched;
    origin from;
    nb_public_key key;
    int64_t accepted_ms;
    uint64_t heard_bytes; ///< Of the connection, at the last sweep that found it fresh
} connection;

/// How many connections an address may still make.
typedef struct bucket {
    uint8_t network[16]; ///< The address; of IPv6 its /64, which one person has
    double tokens;
    int64_t since_ms;
} bucket;

struct nb_guard {
    pthread_mutex_t lock; ///< Guards `connections` and what counts them
    size_t connection_count;
    connection *connections; ///< By descriptor
    size_t open_max;
    size_t open_count;
    uint64_t cut_count;
    // The thread's own:
    void *monitors[WATCHED_MAX];
    uint64_t unheard_max[WATCHED_MAX];
    size_t watched_count;
    bucket buckets[ADDRESSES];
    int64_t tell_ms;
    int64_t sweep_ms;
    pthread_t thread;
    bool started;
    atomic_bool stop;
};

nb_status nb_guard_new(nb_guard **out_guard, nb_error *err)
{
    nb_guard *self = calloc(1, sizeof *self);
    *out_guard = self;
    if (!self || pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        *out_guard = NULL;
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to guard the ports");
    }
    struct rlimit files = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &files);
    const size_t limit = files.rlim_cur < FDS_MAX ? (size_t)files.rlim_cur : FDS_MAX;
    self->open_max = limit > 2 * FDS_SPARE ? limit - FDS_SPARE : limit / 2;
    return NB_OK;
}

nb_status nb_guard_watch(nb_guard *self, void *zmq, void *router, uint64_t unheard_bytes_max,
                         nb_error *err)
{
    // An event that finds no room would block the thread that moves all bytes.
    static const nb_socket_option options[] = {{"LINGER", ZMQ_LINGER, 0},
                                               {"RCVHWM", ZMQ_RCVHWM, 0}};
    const size_t number = self->watched_count;
    char name[64];
    snprintf(name, sizeof name, "inproc://nightbus.guard.%zu", number);
    NB_SCOPED(nb_socket_close) void *monitor = zmq_socket(zmq, ZMQ_PAIR);
    if (number == WATCHED_MAX || !monitor) {
        return nb_fail(err, NB_E_IO, "guard: %s", zmq_strerror(errno));
    }
    const nb_status status = nb_socket_set(monitor, options, NB_COUNT(options), err);
    if (status != NB_OK) {
        return status;
    }
    if (zmq_socket_monitor(router, name, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0 ||
        zmq_connect(monitor, name) != 0) {
        nb_socket_stop_monitor(router);
        return nb_fail(err, NB_E_IO, "guard: %s", zmq_strerror(errno));
    }
    self->monitors[number] = monitor;
    self->unheard_max[number] = unheard_bytes_max;
    self->watched_count++;
    monitor = NULL; // the guard's now
    return NB_OK;
}

// ---- Connections ----

static bool read_origin(int fd, origin *out)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    *out = (origin){{0}, 0};
    if (getpeername(fd, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    if (address.ss_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, &address, sizeof four);
        out->bytes[10] = out->bytes[11] = 0xff;
        memcpy(out->bytes + 12, &four.sin_addr, 4);
        out->port = four.sin_port;
        return true;
    }
    struct sockaddr_in6 six;
    memcpy(&six, &address, sizeof six);
    memcpy(out->bytes, &six.sin6_addr, sizeof out->bytes);
    out->port = six.sin6_port;
    return address.ss_family == AF_INET6;
}

static bool is_same_origin(const origin *a, const origin *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0 && a->port == b->port;
}

static void origin_to_text(const origin *self, char out[INET6_ADDRSTRLEN])
{
    static const uint8_t four[12] = {[10] = 0xff, [11] = 0xff};
    const bool is_four = memcmp(self->bytes, four, sizeof four) == 0;
    if (!inet_ntop(is_four ? AF_INET : AF_INET6, self->bytes + (is_four ? 12 : 0), out,
                   INET6_ADDRSTRLEN)) {
        snprintf(out, INET6_ADDRSTRLEN, "?");
    }
}

/// Shut it down, if the descriptor still is that connection: ZeroMQ may have closed it since, and
/// the number may be another's.
static void cut(nb_guard *self, int fd, const connection *one)
{
    origin now;
    if (read_origin(fd, &now) && is_same_origin(&now, &one->from) && shutdown(fd, SHUT_RDWR) == 0) {
        self->cut_count++;
    }
}

/// The row of a descriptor, made if need be; null without memory. The lock is held.
static connection *row_of(nb_guard *self, int fd)
{
    if (fd < 0 || fd >= FDS_MAX) {
        return NULL;
    }
    if ((size_t)fd >= self->connection_count) {
        const size_t count = ((size_t)fd / 1024 + 1) * 1024;
        connection *grown = reallocarray(self->connections, count, sizeof *grown);
        if (!grown) {
            return NULL;
        }
        memset(grown + self->connection_count, 0, (count - self->connection_count) * sizeof *grown);
        self->connections = grown;
        self->connection_count = count;
    }
    return &self->connections[fd];
}

void nb_guard_heard(nb_guard *self, zmq_msg_t *body, const nb_public_key *key)
{
    const int fd = zmq_msg_get(body, ZMQ_SRCFD);
    pthread_mutex_lock(&self->lock);
    if (fd >= 0 && (size_t)fd < self->connection_count && self->connections[fd].is_open) {
        connection *one = &self->connections[fd];
        one->heard = true;
        one->fresh = true;
        one->key = *key;
    }
    pthread_mutex_unlock(&self->lock);
}

void nb_guard_cut(nb_guard *self, const nb_public_key *key)
{
    pthread_mutex_lock(&self->lock);
    for (size_t fd = 0; fd < self->connection_count; fd++) {
        const connection *one = &self->connections[fd];
        if (one->is_open && one->heard && strcmp(one->key.text, key->text) == 0) {
            cut(self, (int)fd, one);
        }
    }
    pthread_mutex_unlock(&self->lock);
}

uint64_t nb_guard_count(nb_guard *self)
{
    pthread_mutex_lock(&self->lock);
    const uint64_t count = self->cut_count;
    pthread_mutex_unlock(&self->lock);
    return count;
}

// ---- Who comes ----

/// Take one from what the address may still do. False: it comes too often.
static bool take_token(nb_guard *self, const origin *from, int64_t now_ms)
{
    static const uint8_t four[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t network[16];
    memcpy(network, from->bytes, sizeof network);
    if (memcmp(network, four, sizeof four) != 0) {
        memset(network + 8, 0, 8);
    }
    bucket *found = &self->buckets[0];
    for (size_t i = 0; i < ADDRESSES; i++) {
        bucket *one = &self->buckets[i];
        if (one->since_ms != 0 && memcmp(one->network, network, sizeof network) == 0) {
            found = one;
            break;
        }
        found = one->since_ms < found->since_ms ? one : found;
    }
    if (found->since_ms == 0 || memcmp(found->network, network, sizeof network) != 0) {
        memcpy(found->network, network, sizeof network);
        found->tokens = NB_CONNECTS_BURST;
        found->since_ms = now_ms;
    }
    found->tokens += (double)(now_ms - found->since_ms) / 1000.0 * NB_CONNECTS_PER_S;
    found->tokens = found->tokens < NB_CONNECTS_BURST ? found->tokens : NB_CONNECTS_BURST;
    found->since_ms = now_ms;
    if (found->tokens < 1.0) {
        return false;
    }
    found->tokens -= 1.0;
    return true;
}

/// Half-open connections in all, and from that address. The lock is held.
static void count_half_open(const nb_guard *self, const origin *from, int64_t now_ms,
                            size_t *out_all, size_t *out_theirs)
{
    *out_all = *out_theirs = 0;
    for (size_t fd = 0; fd < self->connection_count; fd++) {
        const connection *one = &self->connections[fd];
        if (one->is_open && !one->heard && now_ms - one->accepted_ms < HALF_OPEN_MS) {
            (*out_all)++;
            *out_theirs += memcmp(one->from.bytes, from->bytes, sizeof from->bytes) == 0 ? 1 : 0;
        }
    }
}

/// Why a connection is not let in; null if it is. The lock is held.
static const char *judge(nb_guard *self, const origin *from, int64_t now_ms)
{
    size_t all = 0;
    size_t theirs = 0;
    if (!take_token(self, from, now_ms)) {
        return "too many connections a second from there";
    }
    if (self->open_count >= self->open_max) {
        return "too many connections in all";
    }
    // Counting is only worth it where there are many.
    if (self->open_count >= NB_HALF_OPEN_ADDRESS_MAX) {
        count_half_open(self, from, now_ms, &all, &theirs);
    }
    if (theirs >= NB_HALF_OPEN_ADDRESS_MAX) {
        return "too many half-open connections from there";
    }
    return all >= NB_HALF_OPEN_MAX ? "too many half-open connections" : NULL;
}

static void tell(nb_guard *self, const origin *from, const char *why, int64_t now_ms)
{
    char text[INET6_ADDRSTRLEN];
    if (now_ms - self->tell_ms < TELL_MS && self->tell_ms != 0) {
        return;
    }
    self->tell_ms = now_ms;
    origin_to_text(from, text);
    nb_log_warn("%s: %s; turned away (%" PRIu64 " until now)", text, why, self->cut_count);
}

/// The two sockets' monitors are read in turn, so an event may speak of a connection whose number
/// is another's by now: it then finds the other's origin, there already on its own socket's word.
static void accepted(nb_guard *self, size_t watched, int fd)
{
    const int64_t now_ms = nb_clock_ms();
    origin from;
    if (!read_origin(fd, &from)) {
        return; // gone already
    }
    pthread_mutex_lock(&self->lock);
    connection *one = row_of(self, fd);
    if (one && !(one->is_open && is_same_origin(&one->from, &from))) {
        self->open_count += one->is_open ? 0 : 1;
        *one = (connection){
            .is_open = true, .watched = (uint8_t)watched, .from = from, .accepted_ms = now_ms};
        const char *why = judge(self, &from, now_ms);
        if (why) {
            cut(self, fd, one);
            tell(self, &from, why, now_ms);
        }
    }
    pthread_mutex_unlock(&self->lock);
}

/// Here too the number may be another connection's, of the other socket.
static void disconnected(nb_guard *self, size_t watched, int fd)
{
    pthread_mutex_lock(&self->lock);
    if (fd >= 0 && (size_t)fd < self->connection_count && self->connections[fd].is_open &&
        self->connections[fd].watched == watched) {
        self->connections[fd] = (connection){0};
        self->open_count--;
    }
    pthread_mutex_unlock(&self->lock);
}

/// Take all events of a monitor: the event's number and value lead the first frame.
static void take_events(nb_guard *self, size_t watched)
{
    nb_frames frames;
    while (nb_frames_receive(self->monitors[watched], &frames)) {
        uint16_t event = 0;
        int32_t fd = -1;
        if (zmq_msg_size(&frames.parts[0]) >= sizeof event + sizeof fd) {
            const char *bytes = zmq_msg_data(&frames.parts[0]);
            memcpy(&event, bytes, sizeof event);
            memcpy(&fd, bytes + sizeof event, sizeof fd);
        }
        nb_frames_fini(&frames);
        if (event == ZMQ_EVENT_ACCEPTED) {
            accepted(self, watched, fd);
        } else if (event == ZMQ_EVENT_DISCONNECTED) {
            disconnected(self, watched, fd);
        }
    }
}

// ---- What they send ----

static bool read_received(int fd, uint64_t *out_bytes)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    *out_bytes = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) {
        return false;
    }
    *out_bytes = info.tcpi_bytes_received;
    return true;
}

/// A message shows only when it is whole. What a connection sent since its last one is in memory,
/// or on its way there.
static void sweep(nb_guard *self)
{
    const int64_t now_ms = nb_clock_ms();
    if (now_ms - self->sweep_ms < POLL_MS) {
        return;
    }
    self->sweep_ms = now_ms;
    pthread_mutex_lock(&self->lock);
    for (size_t fd = 0; fd < self->connection_count; fd++) {
        connection *one = &self->connections[fd];
        uint64_t bytes = 0;
        if (!one->is_open || !read_received((int)fd, &bytes)) {
            continue;
        }
        if (one->fresh) {
            one->fresh = false;
            one->heard_bytes = bytes;
        } else if (bytes - one->heard_bytes > self->unheard_max[one->watched]) {
            cut(self, (int)fd, one);
            tell(self, &one->from, "a message without end", now_ms);
        }
    }
    pthread_mutex_unlock(&self->lock);
}

static void *run(void *argument)
{
    nb_guard *self = argument;
    while (!atomic_load(&self->stop)) {
        zmq_pollitem_t items[WATCHED_MAX];
        for (size_t i = 0; i < self->watched_count; i++) {
            items[i] = (zmq_pollitem_t){self->monitors[i], 0, ZMQ_POLLIN, 0};
        }
        if (zmq_poll(items, (int)self->watched_count, POLL_MS) < 0 && errno != EINTR) {
            break;
        }
        for (size_t i = 0; i < self->watched_count; i++) {
            take_events(self, i);
        }
        sweep(self);
    }
    return NULL;
}

nb_status nb_guard_start(nb_guard *self, nb_error *err)
{
    const int errnum = nb_thread_start(&self->thread, run, self);
    self->started = errnum == 0;
    return self->started ? NB_OK : nb_fail_errno(err, errnum, "the guard of the ports");
}

void nb_guard_destroy(nb_guard **self_p)
{
    nb_guard *self = *self_p;
    if (!self) {
        return;
    }
    atomic_store(&self->stop, true);
    if (self->started) {
        pthread_join(self->thread, NULL);
    }
    for (size_t i = 0; i < self->watched_count; i++) {
        nb_socket_close(&self->monitors[i]);
    }
    pthread_mutex_destroy(&self->lock);
    free(self->connections);
    free(self);
    *self_p = NULL;
}
