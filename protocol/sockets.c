// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/sockets.h"

#include <errno.h>
#include <string.h>

enum {
    /// ZMQ_ZAP_ENFORCE_DOMAIN: in the library since 4.3.0, but zmq.h names it for drafts only.
    /// Without it CURVE lets every key in while no handler lives (measured on 4.3.4).
    ZAP_ENFORCE_DOMAIN = 93
};

static const char zap_domain[] = "nightbus";

void nb_socket_close(void **socket_p)
{
    if (*socket_p) {
        zmq_close(*socket_p);
        *socket_p = NULL;
    }
}

void nb_socket_stop_monitor(void *socket)
{
    if (socket) {
        zmq_socket_monitor(socket, NULL, 0);
    }
}

nb_status nb_socket_set(void *socket, const nb_socket_option *options, size_t count, nb_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const nb_socket_option *one = &options[i];
        int64_t wide = one->value; // the one option that is not an int
        const bool is_wide = one->option == ZMQ_MAXMSGSIZE;
        if (zmq_setsockopt(socket, one->option, is_wide ? (void *)&wide : (const void *)&one->value,
                           is_wide ? sizeof wide : sizeof one->value) != 0) {
            return nb_fail(err, NB_E_IO, "socket option %s: %s", one->name, zmq_strerror(errno));
        }
    }
    return NB_OK;
}

nb_status nb_socket_set_bytes(void *socket, int option, const char *name, const void *bytes,
                              size_t size, nb_error *err)
{
    if (zmq_setsockopt(socket, option, bytes, size) != 0) {
        return nb_fail(err, NB_E_IO, "socket option %s: %s", name, zmq_strerror(errno));
    }
    return NB_OK;
}

nb_status nb_socket_secure_server(void *socket, const nb_key_pair *keys, nb_error *err)
{
    if (!zmq_has("curve")) {
        return nb_fail(err, NB_E_INVALID, "this libzmq has no CURVE: install one built with it");
    }
    static const nb_socket_option options[] = {
        {"CURVE_SERVER", ZMQ_CURVE_SERVER, 1},
        {"ZAP_ENFORCE_DOMAIN", ZAP_ENFORCE_DOMAIN, 1},
    };
    nb_status status = nb_socket_set_bytes(socket, ZMQ_ZAP_DOMAIN, "ZAP_DOMAIN", zap_domain,
                                           sizeof zap_domain - 1, err);
    if (status == NB_OK) {
        status = nb_socket_set_bytes(socket, ZMQ_CURVE_SECRETKEY, "CURVE_SECRETKEY",
                                     keys->secret_text, NB_KEY_TEXT_SIZE, err);
    }
    return status == NB_OK ? nb_socket_set(socket, options, NB_COUNT(options), err) : status;
}

nb_status nb_socket_secure_client(void *socket, const nb_key_pair *keys,
                                  const nb_public_key *server, nb_error *err)
{
    nb_status status = nb_socket_set_bytes(socket, ZMQ_CURVE_SERVERKEY, "CURVE_SERVERKEY",
                                           server->text, NB_KEY_TEXT_SIZE, err);
    if (status == NB_OK) {
        status = nb_socket_set_bytes(socket, ZMQ_CURVE_PUBLICKEY, "CURVE_PUBLICKEY",
                                     keys->public_key.text, NB_KEY_TEXT_SIZE, err);
    }
    if (status == NB_OK) {
        status = nb_socket_set_bytes(socket, ZMQ_CURVE_SECRETKEY, "CURVE_SECRETKEY",
                                     keys->secret_text, NB_KEY_TEXT_SIZE, err);
    }
    return status;
}

void nb_frames_fini(nb_frames *self)
{
    for (size_t i = 0; i < self->count; i++) {
        zmq_msg_close(&self->parts[i]);
    }
    self->count = 0;
}

bool nb_frames_receive(void *socket, nb_frames *out)
{
    out->count = 0;
    out->too_many = false;
    bool more = true;
    while (more) {
        zmq_msg_t extra = {0};
        const bool kept = out->count < NB_FRAMES_MAX;
        zmq_msg_t *part = kept ? &out->parts[out->count] : &extra;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            const int errnum = errno;
            zmq_msg_close(part);
            nb_frames_fini(out);
            errno = errnum;
            return false;
        }
        more = zmq_msg_more(part);
        if (kept) {
            out->count++;
        } else {
            // All parts of a message are in memory before the first can be read, so this ends.
            out->too_many = true;
            zmq_msg_close(part);
        }
    }
    return true;
}

bool nb_socket_send(void *socket, const void *bytes, size_t size, int flags)
{
    return zmq_send(socket, bytes, size, flags | ZMQ_DONTWAIT) >= 0;
}
