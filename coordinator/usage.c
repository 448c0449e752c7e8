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

// Rows of the albums that the caller sees, or of the one that was asked for.
static nb_status fill_rows(nb_coordinator *self, const nb_caller *caller, const char *wanted,
                           const nb_album_row *albums, size_t count,
                           Nightbus__UsageListing *listing, const nb_answer *answer, nb_error *err)
{
    nb_status status = NB_OK;
    listing->rows = nb_answer_take(answer, count + 1, sizeof(Nightbus__UsageRow *));
    if (!listing->rows) {
        return nb_answer_no_memory(err);
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        const bool is_wanted = !wanted || strcmp(wanted, albums[i].name) == 0;
        if (is_wanted && nb_caller_sees(self, caller, albums[i].name)) {
            status = add_row(self, albums[i].name, listing, answer, err);
        }
    }
    return status;
}

nb_status nb_handle_album_usage(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__AlbumUsage *said = request->album_usage;
    Nightbus__UsageListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    nb_album_row *albums = NULL;
    size_t count = 0;
    if (!listing) {
        return nb_answer_no_memory(err);
    }
    nightbus__usage_listing__init(listing);
    nb_status status =
        nb_ledger_list_albums(self->ledger, said->after ? said->after : "", &albums, &count, err);
    if (status == NB_OK && count == NB_ROWS_MAX) {
        listing->next = nb_answer_string(answer, albums[count - 1].name);
    }
    if (status == NB_OK) {
        status = fill_rows(self, caller, said->album, albums, count, listing, answer, err);
    }
    free(albums);
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_USAGE_LISTING;
    answer->reply.usage_listing = listing;
    return status;
}
