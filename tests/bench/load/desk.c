// SPDX-License-Identifier: GPL-3.0-or-later
#include "desk.h"

#include "seed.h"

#include <stdio.h>

nb_status nb_desk_connect(const char *control, const nb_public_key *server, const char *folder,
                          nb_client **out_client, nb_error *err)
{
    nb_farm_address address = {.server = *server};
    snprintf(address.control, sizeof address.control, "%s", control);
    snprintf(address.key_path, sizeof address.key_path, "%s/desk.key", folder);
    const nb_client_options options = {.program = "bench", .role = "client"};
    return nb_client_connect(&address, &options, out_client, err);
}

nb_status nb_desk_make_album(nb_client *client, nb_error *err)
{
    uint8_t id[NB_CLIENT_ID_SIZE] = {1};
    Nightbus__AlbumCreate create = NIGHTBUS__ALBUM_CREATE__INIT;
    create.album = nb_wire_string(nb_seed_album);
    create.client_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_CREATE;
    request.album_create = &create;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    return nb_client_call(client, &request, 0, &reply, err);
}

nb_status nb_desk_open(const nb_coordinator_process *coordinator, const char *folder,
                       const nb_key_pair *pair, nb_client **out_client, nb_error *err)
{
    char path[1200];
    *out_client = NULL;
    snprintf(path, sizeof path, "%s/desk.key", folder);
    NB_SCOPED(nb_client_destroy) nb_client *client = NULL;
    nb_status status = nb_key_pair_save(pair, path, err);
    if (status == NB_OK) {
        status = nb_desk_connect(coordinator->control, &coordinator->server, folder, &client, err);
    }
    if (status == NB_OK) {
        status = nb_desk_make_album(client, err);
    }
    if (status == NB_OK) {
        *out_client = client;
        client = NULL; // the caller's now
    }
    return status;
}

nb_status nb_desk_ask(nb_client *client, nb_error *err)
{
    Nightbus__AlbumList list = NIGHTBUS__ALBUM_LIST__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_LIST;
    request.album_list = &list;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    return nb_client_call(client, &request, 0, &reply, err);
}
