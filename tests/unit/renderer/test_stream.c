// SPDX-License-Identifier: GPL-3.0-or-later
// An output that is sent while a writer of audio still writes it: the real writer, the real server.
#include "renderer/node/stream.h"

#include "base/clock.h"
#include "base/file.h"
#include "unit/protocol/farm.h"

enum { RATE = 48000, BLOCK = 4096, BLOCKS = 300, FRAMES = BLOCK * BLOCKS }; // 10 MB

static const nb_blob_scope scope = {NULL, 7};

typedef struct studio {
    farm host;
    nb_client *client;
    char path[128];
    nb_audio_growth growth;
    nb_audio_writer *writer;
    nb_stream *stream;
} studio;

static void open_studio(studio *self)
{
    memset(self, 0, sizeof *self);
    farm_open(&self->host);
    const nb_farm_address address = farm_invite(&self->host, "renderer-1", true);
    assert_ok(farm_connect(&address, &self->client, err));
    snprintf(self->path, sizeof self->path, "%s/mix.wav", self->host.folder);
    // As in a task: the stream is there before the file is.
    self->stream = nb_stream_new(self->client, scope, self->path, &self->growth);
    assert_non_null(self->stream);
    const nb_audio_writer_options options = {.rate_hz = RATE,
                                             .channels = 2,
                                             .frames_expected = FRAMES,
                                             .keep = NB_AUDIO_SCRATCH,
                                             .growth = &self->growth};
    assert_ok(nb_audio_writer_open_as(self->path, &options, &self->writer, err));
}

static void close_studio(studio *self)
{
    nb_audio_writer_destroy(&self->writer);
    nb_stream_destroy(&self->stream);
    nb_client_destroy(&self->client);
    farm_close(&self->host);
}

static void write_blocks(studio *self, int count)
{
    static float samples[BLOCK * 2];
    for (int i = 0; i < count; i++) {
        for (size_t n = 0; n < NB_COUNT(samples); n++) {
            samples[n] = (float)((n * 7919U + (size_t)i) % 65536U) / 65536.0F;
        }
        assert_ok(nb_audio_writer_write(self->writer, samples, BLOCK, err));
    }
}

static void what_is_written_is_stored_when_it_is_finished(void **state)
{
    (void)state;
    studio here;
    open_studio(&here);
    write_blocks(&here, BLOCKS);
    assert_ok(nb_audio_writer_close(&here.writer, err));
    nb_stream_finish(here.stream);
    assert_ok(nb_stream_wait(here.stream, err));
    nb_digest digest;
    assert_ok(nb_digest_of_file(here.path, &digest, NULL, err));
    assert_true(nb_digest_equal(&digest, &here.growth.digest));
    assert_true(nb_blob_store_has(here.host.store, &digest, NULL));
    assert_int_equal(atomic_load(&here.host.stored_count), 1);
    assert_int_equal(nb_client_sent_bytes(here.client), here.growth.size);
    close_studio(&here);
}

static void most_of_it_is_there_before_the_end(void **state)
{
    (void)state;
    studio here;
    open_studio(&here);
    write_blocks(&here, BLOCKS / 2);
    // A draft that has grown although nobody knows yet what it will be.
    char command[256];
    snprintf(command, sizeof command,
             "find %s/store/incoming -name 'growing-*' -size +3M | grep -q .", here.host.folder);
    int tries = 0;
    while (system(command) != 0 && tries++ < 600) {
        nb_clock_sleep_ms(100);
    }
    assert_true(tries < 600);
    write_blocks(&here, BLOCKS - BLOCKS / 2);
    assert_ok(nb_audio_writer_close(&here.writer, err));
    nb_stream_finish(here.stream);
    assert_ok(nb_stream_wait(here.stream, err));
    assert_int_equal(atomic_load(&here.host.stored_count), 1);
    close_studio(&here);
}

static void a_render_that_fails_ends_its_stream_and_stores_nothing(void **state)
{
    (void)state;
    studio here;
    open_studio(&here);
    write_blocks(&here, BLOCKS / 2);
    nb_stream_destroy(&here.stream);
    assert_null(here.stream);
    assert_int_equal(atomic_load(&here.host.stored_count), 0);
    close_studio(&here);
    // Also one that never began.
    open_studio(&here);
    nb_stream_destroy(&here.stream);
    close_studio(&here);
}

static void a_file_of_another_length_is_not_what_was_streamed(void **state)
{
    (void)state;
    studio here;
    open_studio(&here);
    write_blocks(&here, BLOCKS / 2);
    assert_ok(nb_audio_writer_close(&here.writer, err));
    nb_stream_finish(here.stream);
    assert_fails(NB_E_CANCELLED, "given up", nb_stream_wait(here.stream, err));
    assert_int_equal(atomic_load(&here.host.stored_count), 0);
    close_studio(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_stored_when_it_is_finished),
        cmocka_unit_test(most_of_it_is_there_before_the_end),
        cmocka_unit_test(a_render_that_fails_ends_its_stream_and_stores_nothing),
        cmocka_unit_test(a_file_of_another_length_is_not_what_was_streamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
