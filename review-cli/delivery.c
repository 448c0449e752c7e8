// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/delivery.h"

#include "base/file.h"
#include "review-cli/batch.h"
#include "review-cli/version_files.h"

#include <stdlib.h>
#include <string.h>

void nb_delivery_fini(nb_delivery *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->list[i].path);
        free(self->list[i].bytes);
    }
    free(self->list);
    free(self->root);
    *self = (nb_delivery){0};
}

// ---- What is brought ----

/// A place in the list; null without memory.
static nb_delivered *add(nb_delivery *self, char *path)
{
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity ? 2 * self->capacity : 32;
        nb_delivered *grown = reallocarray(self->list, capacity, sizeof *grown);
        self->list = grown ? grown : self->list;
        self->capacity = grown ? capacity : self->capacity;
    }
    if (!path || self->count == self->capacity) {
        free(path);
        return NULL;
    }
    nb_delivered *file = &self->list[self->count++];
    *file = (nb_delivered){.path = path};
    return file;
}

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of files");
}

nb_status nb_delivery_add_output(nb_delivery *self, const nb_version_name *version,
                                 const Nightbus__OutputRow *output, char *path, nb_error *err)
{
    nb_delivered *file = add(self, path);
    if (!file) {
        return no_memory(err);
    }
    file->digest = nb_wire_to_digest(output->digest);
    file->size = output->size;
    file->version = *version;
    return NB_OK;
}

nb_status nb_delivery_add_bytes(nb_delivery *self, char *path, char *bytes, size_t size,
                                nb_error *err)
{
    nb_delivered *file = add(self, path);
    if (!file || !bytes) {
        free(bytes);
        return no_memory(err);
    }
    file->bytes = bytes;
    file->size = size;
    file->digest = nb_digest_of(bytes, size);
    return NB_OK;
}

// ---- Bringing it ----

static nb_status look(nb_delivery *self, uint64_t *out_total, nb_error *err)
{
    nb_status status = nb_file_make_folders(self->root, 0777, err);
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        nb_delivered *file = &self->list[i];
        NB_SCOPED(nb_text_free) char *path = nb_file_join(self->root, file->path);
        if (!path) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
        file->there = nb_digest_is_of_file(&file->digest, file->size, path);
        *out_total += file->there || file->bytes ? 0 : file->size;
        status = nb_file_make_parents(path, 0777, err);
    }
    return status;
}

/// One file; where the farm has not kept it, once more after it was rendered again.
static nb_status bring(nb_delivery *self, nb_batch *batch, const nb_delivered *file, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(self->root, file->path);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    if (file->bytes) {
        return nb_file_write(path, file->bytes, file->size, 0666, err);
    }
    nb_status status = nb_batch_download(batch, &file->digest, file->size, path, err);
    if (status == NB_E_NOT_FOUND) {
        status = nb_version_render_again(self->farm, &file->version, NB_RENDER_MIXES, err);
        if (status == NB_OK) {
            status = nb_batch_download(batch, &file->digest, file->size, path, err);
        }
    }
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const nb_delivered *)a)->path, ((const nb_delivered *)b)->path);
}

static nb_status write_sums(const nb_delivery *self, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (size_t i = 0; i < self->count; i++) {
        char hex[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(&self->list[i].digest, hex);
        nb_text_addf(&text, "%s  %s\n", hex, self->list[i].path);
    }
    NB_SCOPED(nb_text_free) char *path = nb_file_join(self->root, NB_DELIVERY_SUMS);
    return path && !text.failed && text.chars
               ? nb_file_write(path, text.chars, text.length, 0666, err)
               : nb_fail(err, NB_E_NO_MEMORY, "no memory for %s", NB_DELIVERY_SUMS);
}

nb_status nb_delivery_run(nb_delivery *self, nb_error *err)
{
    uint64_t total = 0;
    if (self->count > 1) {
        qsort(self->list, self->count, sizeof *self->list, by_path);
    }
    nb_status status = look(self, &total, err);
    nb_batch batch;
    nb_batch_start(&batch, self->farm, "fetching", total);
    for (size_t i = 0; status == NB_OK && i < self->count; i++) {
        if (!self->list[i].there) {
            status = bring(self, &batch, &self->list[i], err);
        }
    }
    nb_batch_finish(&batch);
    return status == NB_OK ? write_sums(self, err) : status;
}

// ---- Telling ----

void nb_delivery_print(const nb_delivery *self, nb_text *out)
{
    const char *root = strncmp(self->root, "./", 2) == 0 ? self->root + 2 : self->root;
    nb_text_add_lines(out, root, 0);
    nb_text_add(out, "/\n");
    for (size_t i = 0; i < self->count; i++) {
        char size[NB_TEXT_SIZE_SIZE];
        NB_SCOPED(nb_text_free) char *path = strdup(self->list[i].path);
        nb_text_format_size(self->list[i].size, size);
        if (path) {
            nb_text_make_printable(path);
            nb_text_addf(out, "  %s, %s%s\n", path, size,
                         self->list[i].there ? " (was here already)" : "");
        }
    }
    nb_text_add(out, "  " NB_DELIVERY_SUMS ": check with sha256sum -c\n");
}

json_t *nb_delivery_to_json(const nb_delivery *self)
{
    json_t *array = json_array();
    for (size_t i = 0; i < self->count; i++) {
        const nb_delivered *file = &self->list[i];
        char hex[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(&file->digest, hex);
        json_array_append_new(array,
                              json_pack("{s:o, s:s, s:I, s:b}", "file",
                                        nb_cli_json_string(file->path), "sha256", hex, "size",
                                        (json_int_t)file->size, "was_here", file->there));
    }
    return array;
}
