// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a mix document; what parses goes on to its digest and to graphs of known and unknown
// files, which must have the same keys.
#include "base/text.h"
#include "mix/graph.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static nb_status find_digest(void *context, const char *path, nb_digest *out, nb_error *err)
{
    (void)context;
    (void)err;
    *out = nb_digest_of(path, strlen(path));
    return NB_OK;
}

static nb_status find_unknown(void *context, const char *path, nb_asset *out, nb_error *err)
{
    *out = (nb_asset){0};
    return find_digest(context, path, &out->digest, err);
}

static nb_status find_known(void *context, const char *path, nb_asset *out, nb_error *err)
{
    *out = (nb_asset){.rate_hz = 44100, .channels = 1 + strlen(path) % 2, .frames = 44100 * 600};
    return find_digest(context, path, &out->digest, err);
}

static void follow_lanes(const nb_graph *graph)
{
    double values[64];
    for (size_t n = 0; n < graph->node_count; n++) {
        for (size_t i = 0; i < graph->nodes[n].lane_count; i++) {
            const nb_graph_lane *lane = &graph->nodes[n].lanes[i];
            nb_graph_lane_fill(lane, lane->points[lane->point_count / 2].frame - 32, 64, 1, values);
        }
    }
}

static void build(const nb_document *document)
{
    const nb_fingerprint fingerprint = {.core_revision = 1, .cpu_class = "x86-64"};
    NB_SCOPED(nb_graph_destroy) nb_graph *unknown = NULL;
    NB_SCOPED(nb_graph_destroy) nb_graph *known = NULL;
    nb_digest song;
    if (nb_document_digest(document, find_digest, NULL, &song, NULL) != NB_OK) {
        abort();
    }
    const nb_status status =
        nb_graph_build(document, find_unknown, NULL, &fingerprint, NULL, &unknown, NULL);
    if (nb_graph_build(document, find_known, NULL, &fingerprint, NULL, &known, NULL) != NB_OK) {
        return;
    }
    if (status != NB_OK || unknown->node_count != known->node_count) {
        abort();
    }
    for (size_t i = 0; i < known->node_count; i++) {
        if (!nb_digest_equal(&known->nodes[i].key, &unknown->nodes[i].key)) {
            abort();
        }
    }
    follow_lanes(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    nb_error err = {0};
    const nb_status status =
        nb_document_parse("mix.yaml", (const char *)data, size, NULL, &document, &err);
    if (status == NB_OK) {
        build(document);
    } else if (!nb_text_is_utf8(err.text, strlen(err.text), NULL)) {
        abort(); // it goes to a terminal
    }
    return 0;
}
