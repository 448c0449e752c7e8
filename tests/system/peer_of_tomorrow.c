// SPDX-License-Identifier: GPL-3.0-or-later
// A coordinator that speaks protocol 9: prints its address and answers whatever comes with a header
// of that version and bytes that nobody can read today. Ends when its standard input does.
#include "protocol/keys.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

static void answer(void *router)
{
    static const unsigned char tomorrow[] = {'N', 'B', 9, 0, 0xff, 0xff, 0xff};
    char identity[256];
    char body[1024];
    const int identity_size = zmq_recv(router, identity, sizeof identity, 0);
    const int body_size = zmq_recv(router, body, sizeof body, 0);
    if (identity_size > 0 && identity_size <= (int)sizeof identity && body_size >= 0) {
        zmq_send(router, identity, (size_t)identity_size, ZMQ_SNDMORE);
        zmq_send(router, tomorrow, sizeof tomorrow, 0);
    }
}

int main(void)
{
    nb_error err = {0};
    nb_key_pair keys;
    char hex[65];
    char endpoint[256];
    size_t endpoint_size = sizeof endpoint;
    const int yes = 1;
    void *context = zmq_ctx_new();
    void *router = zmq_socket(context, ZMQ_ROUTER);
    if (nb_key_pair_make(&keys, &err) != NB_OK ||
        nb_public_key_to_hex(&keys.public_key, hex, &err) != NB_OK ||
        zmq_setsockopt(router, ZMQ_CURVE_SERVER, &yes, sizeof yes) != 0 ||
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, keys.secret_text, NB_KEY_TEXT_SIZE) != 0 ||
        zmq_bind(router, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_size) != 0) {
        fprintf(stderr, "peer_of_tomorrow: %s\n", err.text[0] ? err.text : zmq_strerror(errno));
        return 1;
    }
    printf("%s/%s\n", endpoint, hex);
    fflush(stdout);
    zmq_pollitem_t items[] = {{router, 0, ZMQ_POLLIN, 0}, {NULL, STDIN_FILENO, ZMQ_POLLIN, 0}};
    while (zmq_poll(items, 2, -1) >= 0 && !items[1].revents) {
        answer(router);
    }
    zmq_close(router);
    zmq_ctx_term(context);
    return 0;
}
