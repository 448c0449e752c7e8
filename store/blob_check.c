// SPDX-License-Identifier: GPL-3.0-or-later
// Disks forget: a blob whose bytes are not what its name says any more is set aside.
#include "base/file.h"
#include "base/text.h"
#include "store/blob_files.h"
#include "store/blob_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static nb_status set_aside(const nb_blob_store *self, const char *object, const char *hex,
                           nb_error *err)
{
    NB_SCOPED(nb_text_free) char *target = nb_text_format("%s/damaged/%s", self->root, hex);
    if (!target) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory", object);
    }
    nb_status status = nb_file_make_parents(target, NB_BLOB_FOLDER_MODE, err);
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    if (status == NB_OK) {
        status = nb_blob_files_lock(self, NB_STORE_EXCLUSIVE, &lock, err);
    }
    // Collection removes it by its date, which counts from now.
    if (status == NB_OK &&
        (utimensat(AT_FDCWD, object, NULL, 0) != 0 || rename(object, target) != 0)) {
        status = nb_fail_errno(err, errno, "%s", target);
    }
    if (status == NB_OK) {
        status = nb_file_sync_folder_of(target, err);
    }
    return (status == NB_OK) ? nb_file_sync_folder_of(object, err) : status;
}

nb_status nb_blob_store_check(nb_blob_store *self, const nb_digest *id, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *object = NULL;
    nb_digest found;
    char hex[NB_DIGEST_HEX_SIZE];
    nb_status status = nb_blob_store_path(self, id, &object, err);
    if (status == NB_OK) {
        status = nb_digest_of_file(object, &found, NULL, err);
    }
    if (status != NB_OK || nb_digest_equal(&found, id)) {
        return status;
    }
    nb_digest_to_hex(id, hex);
    status = set_aside(self, object, hex, err);
    return (status == NB_OK)
               ? nb_fail(err, NB_E_CORRUPT,
                         "%s: its bytes do not hash to its name; it lies in damaged/ now", object)
               : status;
}
