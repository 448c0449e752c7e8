// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.h"
#include "base/file.h"
#include "base/text.h"
#include "test.h"

#include <unistd.h>

static char folder[] = "/tmp/nightbus-audio-XXXXXX";

static void remove_folder(void)
{
    nb_error err;
    if (nb_file_remove_all(folder, &err) != NB_OK) {
        fprintf(stderr, "%s\n", err.text);
    }
}

const char *rig_folder(void)
{
    static int made;
    if (!made) {
        assert_non_null(mkdtemp(folder));
        made = atexit(remove_folder) == 0;
    }
    return folder;
}

const char *rig_path(const char *name)
{
    static char paths[16][256];
    static unsigned next;
    char *path = paths[next++ % NB_COUNT(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", rig_folder(), name);
    return path;
}

void rig_put(rig_bytes *self, const void *bytes, size_t size)
{
    self->bytes = realloc(self->bytes, self->size + size + 1);
    assert_non_null(self->bytes);
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

void rig_put_id(rig_bytes *self, const char *id) { rig_put(self, id, 4); }

void rig_put_little(rig_bytes *self, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const unsigned char byte = (unsigned char)(value >> 8 * i);
        rig_put(self, &byte, 1);
    }
}

void rig_put_big(rig_bytes *self, uint64_t value, unsigned count)
{
    for (unsigned i = count; i > 0; i--) {
        const unsigned char byte = (unsigned char)(value >> 8 * (i - 1));
        rig_put(self, &byte, 1);
    }
}

const char *rig_save(rig_bytes *self, const char *name)
{
    const char *path = rig_path(name);
    assert_ok(nb_file_write(path, self->bytes, self->size, 0600, err));
    free(self->bytes);
    *self = (rig_bytes){0};
    return path;
}

rig_wav rig_good_wav(void) { return (rig_wav){1, 2, 48000, 16, 4, RIG_DATA_BYTES}; }

rig_bytes rig_make_wav(const rig_wav *wav, size_t size)
{
    rig_bytes out = {0};
    rig_put_id(&out, "RIFF");
    rig_put_little(&out, 36 + size, 4);
    rig_put_id(&out, "WAVE");
    rig_put_id(&out, "fmt ");
    rig_put_little(&out, 16, 4);
    rig_put_little(&out, wav->tag, 2);
    rig_put_little(&out, wav->channels, 2);
    rig_put_little(&out, wav->rate_hz, 4);
    rig_put_little(&out, (uint64_t)wav->rate_hz * wav->frame_bytes, 4);
    rig_put_little(&out, wav->frame_bytes, 2);
    rig_put_little(&out, wav->bits, 2);
    rig_put_id(&out, "data");
    rig_put_little(&out, wav->data_size, 4);
    uint64_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        rig_put_little(&out, state >> 56, 1);
    }
    return out;
}

const char *rig_write(const char *name, unsigned rate_hz, unsigned channels, const float *samples,
                      size_t frames)
{
    const char *path = rig_path(name);
    NB_SCOPED(nb_audio_writer_destroy) nb_audio_writer *writer = NULL;
    assert_ok(nb_audio_writer_open(path, rate_hz, channels, (int64_t)frames, &writer, err));
    assert_ok(nb_audio_writer_write(writer, samples, frames, err));
    assert_ok(nb_audio_writer_close(&writer, err));
    return path;
}

void rig_noise(float *out, size_t count, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        out[i] = (float)((double)(int32_t)(state >> 32) / 2147483648.0 * 0.25);
    }
}
