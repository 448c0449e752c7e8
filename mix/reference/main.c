// SPDX-License-Identifier: GPL-3.0-or-later
// The part of the documents that the tables say: the key and parameter tables in docs/mix-format.md
// and docs/mix.schema.json.
//
//     nightbus-mix-reference write DOCS     after a table has changed
//     nightbus-mix-reference check DOCS     what the tests call
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "mix/reference/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES_MAX = 1 << 20 };
static const char begin_mark[] = "<!-- tables: begin -->\n";
static const char end_mark[] = "<!-- tables: end -->\n";

/// The page with what stands between its marks made anew.
static nb_status renew_page(const char *path, char **out, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *page = NULL;
    size_t size = 0;
    const nb_status status = nb_file_read(path, PAGE_BYTES_MAX, &page, &size, err);
    if (status != NB_OK) {
        return status;
    }
    const char *begin = strstr(page, begin_mark);
    const char *end = begin ? strstr(begin, end_mark) : NULL;
    if (!end) {
        return nb_fail(err, NB_E_INVALID, "%s: lacks the marks around its tables", path);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add_bytes(&text, page, (size_t)(begin - page) + strlen(begin_mark));
    nb_reference_tables(&text);
    nb_text_add(&text, end);
    *out = nb_text_take(&text);
    if (!*out) {
        nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", path);
        return NB_E_NO_MEMORY;
    }
    return NB_OK;
}

static nb_status make_schema(char **out, nb_error *err)
{
    NB_SCOPED(nb_json_free) json_t *schema = nb_reference_schema();
    NB_SCOPED(nb_text_free) char *pretty = schema ? nb_json_pretty(schema) : NULL;
    *out = pretty ? nb_text_format("%s\n", pretty) : NULL;
    if (!*out) {
        nb_fail(err, NB_E_NO_MEMORY, "no memory for the schema");
        return NB_E_NO_MEMORY;
    }
    return NB_OK;
}

static nb_status put(const char *path, const char *text, const char *verb, nb_error *err)
{
    if (strcmp(verb, "write") == 0) {
        return nb_file_write(path, text, strlen(text), 0666, err);
    }
    NB_SCOPED(nb_text_free) char *there = NULL;
    size_t size = 0;
    const nb_status status = nb_file_read(path, PAGE_BYTES_MAX, &there, &size, err);
    if (status == NB_OK && (size != strlen(text) || memcmp(there, text, size) != 0)) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: not what the tables say; run nightbus-mix-reference write docs", path);
    }
    return status;
}

static nb_status run(const char *verb, const char *docs, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *page_path = nb_file_join(docs, "mix-format.md");
    NB_SCOPED(nb_text_free) char *schema_path = nb_file_join(docs, "mix.schema.json");
    if (!page_path || !schema_path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory");
    }
    NB_SCOPED(nb_text_free) char *page = NULL;
    NB_SCOPED(nb_text_free) char *schema = NULL;
    nb_status status = renew_page(page_path, &page, err);
    status = status == NB_OK ? make_schema(&schema, err) : status;
    if (status != NB_OK || !page || !schema) {
        return status;
    }
    status = put(page_path, page, verb, err);
    return status == NB_OK ? put(schema_path, schema, verb, err) : status;
}

int main(int argc, char **argv)
{
    if (argc != 3 || (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "check") != 0)) {
        fprintf(stderr, "usage: nightbus-mix-reference write|check DOCS\n");
        return 2;
    }
    nb_error err = {0};
    const nb_status status = run(argv[1], argv[2], &err);
    if (status != NB_OK) {
        fprintf(stderr, "%s\n", err.text);
    }
    return nb_status_exit_code(status);
}
