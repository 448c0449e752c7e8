// SPDX-License-Identifier: GPL-3.0-or-later
// nightbus-demo-album DIR: plays two songs from their scores and writes them as an album. The seed
// is fixed, so the same program writes the same bytes every time.
#include "base/file.h"
#include "base/progress.h"
#include "base/status.h"
#include "base/text.h"
#include "deploy/demo-album/song.h"

#include <omp.h>
#include <sndfile.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t album_seed = 20240617;

static const char usage[] =
    "usage: nightbus-demo-album DIR\n"
    "Write the demo album into DIR: album.yaml, songs/*/mix.yaml and the stems in audio/.\n";

static const nb_song *const songs[] = {&nb_song_rooms, &nb_song_last_bus_home, &nb_song_neon_rain};

/// One stem to be made; all of them can be made at once.
typedef struct work {
    const nb_song *song;
    const nb_stem *stem;
    nb_status status;
    nb_error error;
} work;

static void close_sound(SNDFILE **file_p)
{
    if (*file_p) {
        sf_close(*file_p);
        *file_p = NULL;
    }
}

static nb_status write_wav(const char *path, const nb_take *take, nb_stem_format format,
                           nb_error *err)
{
    static const int subtypes[] = {[NB_STEM_16] = SF_FORMAT_PCM_16,
                                   [NB_STEM_24] = SF_FORMAT_PCM_24,
                                   [NB_STEM_FLOAT] = SF_FORMAT_FLOAT};
    SF_INFO info = {.samplerate = (int)take->rate_hz,
                    .channels = (int)take->channels,
                    .format = SF_FORMAT_WAV | subtypes[format]};
    NB_SCOPED(close_sound) SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file) {
        return nb_fail(err, NB_E_IO, "%s: %s", path, sf_strerror(NULL));
    }
    sf_command(file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); // it would hold the time of day
    sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    const sf_count_t frames = (sf_count_t)take->frames;
    if (sf_writef_float(file, take->samples, frames) != frames) {
        return nb_fail(err, NB_E_IO, "%s: %s", path, sf_strerror(file));
    }
    SNDFILE *whole = file;
    file = NULL;
    return (sf_close(whole) == 0) ? NB_OK : nb_fail(err, NB_E_IO, "%s: cannot be closed", path);
}

static nb_status make_stem(const char *folder, const nb_song *song, const nb_stem *stem,
                           nb_error *err)
{
    NB_SCOPED(nb_text_free)
    char *path = nb_text_format("%s/audio/%s/%s", folder, song->id, stem->file);
    NB_SCOPED(nb_text_free) char *name = nb_text_format("%s/%s", song->id, stem->file);
    if (!path || !name) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for %s", stem->file);
    }
    const double length_s =
        (stem->length_s > 0.0) ? stem->length_s : song->length_s - stem->start_s;
    NB_SCOPED(nb_take_fini) nb_take take = {0};
    nb_status status = nb_take_init(&take, stem->rate_hz, stem->channels, stem->start_s, length_s,
                                    nb_random_named(album_seed, name), err);
    if (status == NB_OK) {
        status = stem->perform(&take, song->score, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_take_fade_end(&take, 0.05);
    if (stem->peak_db < 0.0) {
        nb_take_normalise(&take, stem->peak_db);
    }
    return write_wav(path, &take, stem->format, err);
}

static nb_status make_folders(const char *folder, nb_error *err)
{
    for (size_t s = 0; s < NB_COUNT(songs); s++) {
        NB_SCOPED(nb_text_free) char *audio = nb_text_format("%s/audio/%s", folder, songs[s]->id);
        if (!audio) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
        const nb_status status = nb_file_make_folders(audio, 0777, err);
        if (status != NB_OK) {
            return status;
        }
    }
    return NB_OK;
}

static nb_status write_text(const char *folder, const char *name, const char *text, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/%s", folder, name);
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    const nb_status status = nb_file_make_parents(path, 0777, err);
    return (status != NB_OK) ? status : nb_file_write(path, text, strlen(text), 0666, err);
}

static nb_status write_documents(const char *folder, nb_error *err)
{
    nb_status status = write_text(folder, "album.yaml", nb_document_album, err);
    for (size_t s = 0; status == NB_OK && s < NB_COUNT(songs); s++) {
        if (songs[s]->document) {
            NB_SCOPED(nb_text_free) char *name = nb_text_format("songs/%s/mix.yaml", songs[s]->id);
            status = name ? write_text(folder, name, songs[s]->document, err)
                          : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
        }
    }
    return status;
}

static nb_status make_stems(const char *folder, nb_error *err)
{
    work queue[64] = {0};
    size_t count = 0;
    for (size_t s = 0; s < NB_COUNT(songs); s++) {
        for (size_t i = 0; i < songs[s]->stem_count; i++) {
            queue[count++] = (work){.song = songs[s], .stem = &songs[s]->stems[i]};
        }
    }
    nb_progress progress;
    nb_progress_start(&progress, "playing", NB_PROGRESS_COUNT, count, 0);
    atomic_size_t done = 0;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < count; i++) {
        queue[i].status = make_stem(folder, queue[i].song, queue[i].stem, &queue[i].error);
        const size_t now = atomic_fetch_add(&done, 1) + 1;
        if (omp_get_thread_num() == 0) {
            nb_progress_update(&progress, now);
        }
    }
    nb_progress_finish(&progress, count);
    for (size_t i = 0; i < count; i++) {
        if (queue[i].status != NB_OK) {
            return nb_fail(err, queue[i].status, "%s", queue[i].error.text);
        }
    }
    return NB_OK;
}

static nb_status make_album(const char *folder, nb_error *err)
{
    nb_status status = make_folders(folder, err);
    if (status == NB_OK) {
        status = make_stems(folder, err);
    }
    // The documents come last: an album that has them is whole.
    return (status == NB_OK) ? write_documents(folder, err) : status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc != 2 || argv[1][0] == '-' || argv[1][0] == '\0') {
        fputs(usage, stderr);
        return nb_status_exit_code(NB_E_USAGE);
    }
    nb_error err = {0};
    const nb_status status = make_album(argv[1], &err);
    if (status != NB_OK) {
        fprintf(stderr, "nightbus-demo-album: %s\n", err.text);
        return nb_status_exit_code(status);
    }
    for (size_t s = 0; s < NB_COUNT(songs); s++) {
        if (songs[s]->document) {
            printf("%-14s %2zu stems, %2.0f s\n", songs[s]->id, songs[s]->stem_count,
                   songs[s]->length_s);
        }
    }
    return EXIT_SUCCESS;
}
