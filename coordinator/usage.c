// SPDX-License-Identifier: GPL-3.0-or-later
// How much each album takes in the store.
#include "coordinator/coordinator_private.h"
#include "coordinator/wish_ledger.h"

#include <stdlib.h>
#include <string.h>

static nb_status add_row(nb_coordinator *self, const char *album, Nightbus__UsageListing *listing,
                         const nb_answer *answer, nb_error *err)
{
    nb_album_usage usage;
    const nb_status status = nb_ledger_album_usage(self->ledger, album, &usage, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__UsageRow *row = nb_answer_take(answer, 1, sizeof *row);
    if (!row) {
        return nb_answer_no_memory(err);
    }
    nightbus__usage_row__init(row);
    row->album = nb_answer_string(answer, album);
    row->bytes = usage.bytes;
    row->blobs = usage.blobs;
    row->own_bytes = usage.own_bytes;
    row->output_bytes = usage.output_bytes;
    listing->rows[listing->n_rows++] = row;
    return row->album ? NB_OK : nb_answer_no_memory(err);
}

nb_status nb_handle_album_usage(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__AlbumUsage *said = request->album_usage;
    nb_album_row *albums = NULL;
    size_t count = 0;
    nb_status status =
        nb_ledger_list_albums(self->ledger, said->after ? said->after : "", &albums, &count, err);
    Nightbus__UsageListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__UsageRow **rows = nb_answer_take(answer, count + 1, sizeof *rows);
    if (status == NB_OK && (!listing || !rows)) {
        status = nb_answer_no_memory(err);
    }
    if (status == NB_OK) {
        nightbus__usage_listing__init(listing);
        listing->rows = rows;
        listing->next =
            (count == NB_ROWS_MAX) ? nb_answer_string(answer, albums[count - 1].name) : NULL;
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        const bool wanted = !said->album || strcmp(said->album, albums[i].name) == 0;
        if (wanted && nb_caller_sees(self, caller, albums[i].name)) {
            status = add_row(self, albums[i].name, listing, answer, err);
        }
    }
    free(albums);
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_USAGE_LISTING;
    answer->reply.usage_listing = listing;
    return status;
}
