// SPDX-License-Identifier: GPL-3.0-or-later
#include "bare.h"

#include "base/file.h"
#include "protocol/limits.h"
#include "protocol/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { IN_FLIGHT = 8, SEND_TIMEOUT_MS = 20000 };

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void keep(void *bytes, void *hint)
{
    (void)bytes; // one buffer serves all messages
    (void)hint;
}

// The child: connect, send, wait until all is gone.
static int send_all(const char *address, const nb_key_pair *server, uint64_t size)
{
    nb_key_pair own;
    nb_error err = {0};
    void *zmq = zmq_ctx_new();
    void *socket = zmq_socket(zmq, ZMQ_PUSH);
    uint8_t *bytes = malloc(NB_CHUNK_SIZE);
    const nb_socket_option options[] = {{"SNDHWM", ZMQ_SNDHWM, IN_FLIGHT},
                                        {"SNDTIMEO", ZMQ_SNDTIMEO, SEND_TIMEOUT_MS},
                                        {"LINGER", ZMQ_LINGER, SEND_TIMEOUT_MS}};
    if (!bytes || nb_key_pair_make(&own, &err) != NB_OK ||
        nb_socket_set(socket, options, NB_COUNT(options), &err) != NB_OK ||
        nb_socket_secure_client(socket, &own, &server->public_key, &err) != NB_OK ||
        zmq_connect(socket, address) != 0) {
        return 1;
    }
    memset(bytes, 0x5a, NB_CHUNK_SIZE);
    int failed = 0;
    for (uint64_t sent = 0; sent < size && !failed; sent += NB_CHUNK_SIZE) {
        zmq_msg_t message;
        zmq_msg_init_data(&message, bytes, NB_CHUNK_SIZE, keep, NULL);
        failed = zmq_msg_send(&message, socket, 0) < 0;
    }
    zmq_close(socket);
    zmq_ctx_term(zmq);
    free(bytes);
    return failed;
}

static nb_status receive_all(void *socket, uint64_t size, const char *path, double *out_seconds,
                             nb_error *err)
{
    double start_s = 0.0;
    NB_SCOPED(nb_file_close_fd)
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    for (uint64_t got = 0; got < size;) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, 0) < 0) {
            zmq_msg_close(&message);
            return nb_fail(err, NB_E_IO, "the bare loop: %s", zmq_strerror(errno));
        }
        start_s = (got == 0) ? now_s() : start_s; // not the handshake
        const size_t part = zmq_msg_size(&message);
        const bool written =
            !path || pwrite(fd, zmq_msg_data(&message), part, (off_t)got) == (ssize_t)part;
        got += part;
        zmq_msg_close(&message);
        if (!written) {
            return nb_fail_errno(err, errno, "%s", path);
        }
    }
    // The first message's own time is missing from the span: give it its share.
    const double chunks = (double)size / NB_CHUNK_SIZE;
    *out_seconds = (now_s() - start_s) * chunks / (chunks - 1);
    return NB_OK;
}

static nb_status bind_pull(void *zmq, const nb_key_pair *keys, void **out_socket, char address[128],
                           nb_error *err)
{
    const nb_socket_option options[] = {{"RCVHWM", ZMQ_RCVHWM, IN_FLIGHT},
                                        {"RCVTIMEO", ZMQ_RCVTIMEO, SEND_TIMEOUT_MS},
                                        {"LINGER", ZMQ_LINGER, 0},
                                        {"CURVE_SERVER", ZMQ_CURVE_SERVER, 1}};
    size_t length = 128;
    *out_socket = zmq_socket(zmq, ZMQ_PULL);
    nb_status status = nb_socket_set(*out_socket, options, NB_COUNT(options), err);
    if (status == NB_OK) {
        status = nb_socket_set_bytes(*out_socket, ZMQ_CURVE_SECRETKEY, "CURVE_SECRETKEY",
                                     keys->secret_text, strlen(keys->secret_text), err);
    }
    if (status == NB_OK &&
        (zmq_bind(*out_socket, "tcp://127.0.0.1:*") != 0 ||
         zmq_getsockopt(*out_socket, ZMQ_LAST_ENDPOINT, address, &length) != 0)) {
        status = nb_fail(err, NB_E_IO, "the bare loop: %s", zmq_strerror(errno));
    }
    return status;
}

nb_status nb_bare_loop(uint64_t size, const char *path, double *out_seconds, nb_error *err)
{
    nb_key_pair keys;
    nb_status status = nb_key_pair_make(&keys, err);
    int pipe_fds[2];
    if (status != NB_OK || pipe(pipe_fds) != 0) {
        return status != NB_OK ? status : nb_fail_errno(err, errno, "pipe");
    }
    // Forked before there is a ZeroMQ context: one must not cross a fork.
    const pid_t child = fork();
    if (child == 0) {
        char address[128] = {0};
        close(pipe_fds[1]);
        const bool told = read(pipe_fds[0], address, sizeof address) == (ssize_t)sizeof address;
        _exit(told ? send_all(address, &keys, size) : 1);
    }
    close(pipe_fds[0]);
    void *zmq = zmq_ctx_new();
    void *socket = NULL;
    char address[128] = {0};
    status = bind_pull(zmq, &keys, &socket, address, err);
    if (status == NB_OK && write(pipe_fds[1], address, sizeof address) != (ssize_t)sizeof address) {
        status = nb_fail_errno(err, errno, "pipe");
    }
    if (status == NB_OK) {
        status = receive_all(socket, size, path, out_seconds, err);
    }
    close(pipe_fds[1]);
    nb_socket_close(&socket);
    zmq_ctx_term(zmq);
    waitpid(child, NULL, 0);
    return status;
}
