// SPDX-License-Identifier: GPL-3.0-or-later
/// @file mix_helpers.h  Documents and graphs from text, with files that exist by name only.

#ifndef NB_TESTS_MIX_HELPERS_H
#define NB_TESTS_MIX_HELPERS_H
#include "mix/graph.h"
#include "tests/test.h"

#define HEAD "format: nightbus-mix/1\ntitle: T\n"

static const nb_fingerprint fingerprint = {
    .core_revision = 1,
    .cpu_class = "x86-64-v3",
    .library_count = 4,
    .libraries = {{"fftw3f", "3.3.10", "0123456789abcdef"},
                  {"libm", "2.36", "8899aabbccddeeff"},
                  {"sndfile", "1.2.0", "00112233445566aa"},
                  {"soxr", "0.1.3", "ffeeddccbbaa9988"}},
};

static inline nb_document *parsed(const char *text)
{
    nb_document *document = NULL;
    assert_ok(nb_document_parse("mix.yaml", text, strlen(text), NULL, &document, err));
    return document;
}

/// A file's digest is that of its path; "missing..." is not there.
static inline nb_status find_digest(void *context, const char *path, nb_digest *out, nb_error *err)
{
    (void)context;
    if (strncmp(path, "missing", 7) == 0) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: no such file", path);
    }
    *out = nb_digest_of(path, strlen(path));
    return NB_OK;
}

static inline nb_status find_unknown(void *context, const char *path, nb_asset *out, nb_error *err)
{
    *out = (nb_asset){0};
    return find_digest(context, path, &out->digest, err);
}

/// Ten seconds at 44.1 kHz; mono, but stereo where the path begins with 's', six channels with '6'.
static inline nb_status find_known(void *context, const char *path, nb_asset *out, nb_error *err)
{
    const unsigned channels = path[0] == 's' ? 2 : path[0] == '6' ? 6 : 1;
    *out = (nb_asset){.rate_hz = 44100, .channels = channels, .frames = 441000};
    return find_digest(context, path, &out->digest, err);
}

static inline nb_graph *built(const char *text, nb_asset_lookup *lookup)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
    nb_graph *graph = NULL;
    assert_ok(nb_graph_build(document, lookup, NULL, &fingerprint, NULL, &graph, err));
    return graph;
}

/// The node of that name, or -1.
static inline int node_of(const nb_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        if (strcmp(graph->nodes[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

#endif // NB_TESTS_MIX_HELPERS_H
