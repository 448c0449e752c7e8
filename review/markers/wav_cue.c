// SPDX-License-Identifier: GPL-3.0-or-later
// Cue points of a WAV: a `cue ` chunk with places, and a LIST of type `adtl` with a `labl` for each
// (its name), `note` (a text) and `ltxt` (a length). Of a cue's two places the last field is the
// one that all programs fill. REAPER puts the lengths of regions into the loops of `smpl`.
//
// libsndfile reads names only up to the first chunk of another kind, and ffmpeg loses some too: all
// `labl` are written first. Both take 255 bytes of a name: longer ones stand whole in `note`.
#include "review/markers/format.h"
#include "review/markers/wav_chunks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOP_SIZE = 24,
    SMPL_HEAD_SIZE = 36,
    LTXT_SIZE = 20,
    LABEL_MAX = 255,
    RATE_USUAL_HZ = 48000
};

// ---- reading ----

/// A cue and what the other chunks say of it.
typedef struct cue {
    uint32_t id;
    uint32_t frame;
    uint32_t frames;      ///< Its length; 0 for a point
    const char *texts[3]; ///< labl, note, ltxt; borrowed; null for none
    size_t text_sizes[3];
} cue;

static int by_id(const void *a, const void *b)
{
    const uint32_t x = ((const cue *)a)->id;
    const uint32_t y = ((const cue *)b)->id;
    return (x > y) - (x < y);
}

static cue *find_cue(cue *cues, size_t count, uint32_t id)
{
    const cue key = {.id = id};
    return count > 0 ? bsearch(&key, cues, count, sizeof key, by_id) : NULL;
}

static void add_texts(const nb_wav *self, cue *cues, size_t count)
{
    static const char *const kinds[] = {"labl", "note", "ltxt"};
    const unsigned char *id = NULL;
    const unsigned char *data = NULL;
    size_t size = 0;
    for (size_t at = 0; nb_wav_next_text(self, &at, &id, &data, &size);) {
        for (size_t kind = 0; kind < NB_COUNT(kinds); kind++) {
            const size_t head = kind == 2 ? LTXT_SIZE : 4;
            cue *of = nb_wav_is(id, kinds[kind]) && size >= head
                          ? find_cue(cues, count, nb_wav_number(data, 4))
                          : NULL;
            if (!of) {
                continue;
            }
            of->frames = kind == 2 ? nb_wav_number(data + 4, 4) : of->frames;
            if (size > head && !of->texts[kind]) {
                of->texts[kind] = (const char *)data + head;
                of->text_sizes[kind] = size - head;
            }
        }
    }
}

static void add_loops(const nb_wav *self, cue *cues, size_t count)
{
    if (self->loops.size < SMPL_HEAD_SIZE) {
        return;
    }
    const size_t room = (self->loops.size - SMPL_HEAD_SIZE) / LOOP_SIZE;
    const size_t said = nb_wav_number(self->loops.bytes + 28, 4);
    for (size_t i = 0; i < (said < room ? said : room); i++) {
        const unsigned char *loop = self->loops.bytes + SMPL_HEAD_SIZE + i * LOOP_SIZE;
        const uint32_t start = nb_wav_number(loop + 8, 4);
        const uint32_t end = nb_wav_number(loop + 12, 4);
        cue *of = find_cue(cues, count, nb_wav_number(loop, 4));
        if (of && of->frame == start && end > start) {
            of->frames = end - start;
        }
    }
}

/// The name; where the name is only the beginning or one line of the note, the note; else both.
static nb_status join_texts(const nb_wav *self, const cue *of, char **out, nb_error *err)
{
    char where[NB_MARKER_WHERE_SIZE];
    NB_SCOPED(nb_text_free) char *label = NULL;
    NB_SCOPED(nb_text_free) char *note = NULL;
    snprintf(where, sizeof where, "%.120s: cue %u", self->name, of->id);
    const size_t first = of->texts[0] || !of->texts[2] ? 0 : 2; // some name only the length
    nb_status status =
        nb_marker_text_clean(where, of->texts[first] ? of->texts[first] : "", of->text_sizes[first],
                             NB_MARKER_WINDOWS_1252, &label, err);
    if (status == NB_OK) {
        status = nb_marker_text_clean(where, of->texts[1] ? of->texts[1] : "", of->text_sizes[1],
                                      NB_MARKER_WINDOWS_1252, &note, err);
    }
    if (status != NB_OK) {
        return status;
    }
    size_t same = 0;
    while (label[same] && (label[same] == note[same] ||
                           (label[same] == ' ' && (note[same] == '\n' || note[same] == '\t')))) {
        same++;
    }
    const bool begins = strcmp(label + same, "") == 0 || strcmp(label + same, "\xe2\x80\xa6") == 0;
    *out = *note == '\0' ? strdup(label)
           : begins      ? strdup(note)
                         : nb_text_format("%s\n%s", label, note);
    return *out ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a marker");
}

static nb_status take_cues(const nb_wav *self, cue *cues, size_t count, nb_markers *out,
                           nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        nb_marker marker = {
            .at_ns = nb_markers_frame_to_ns(cues[i].frame, self->rate_hz),
            .end_ns =
                nb_markers_frame_to_ns((int64_t)cues[i].frame + cues[i].frames, self->rate_hz),
            .number = cues[i].id <= INT32_MAX ? cues[i].id : 0,
            .colour = NB_MARKER_NO_COLOUR,
        };
        status = join_texts(self, &cues[i], &marker.text, err);
        if (status == NB_OK) {
            status = nb_markers_take(out, &marker, self->name, err);
        }
    }
    return status;
}

static nb_status read_wav(const char *name, FILE *in, nb_markers *out, nb_error *err)
{
    NB_SCOPED(nb_wav_fini) nb_wav self = {.name = name, .file = in};
    size_t count = 0;
    nb_status status = nb_wav_scan(&self, err);
    if (status == NB_OK) {
        status = nb_wav_count_cues(&self, &count, err);
    }
    if (status != NB_OK) {
        return status;
    }
    out->rate_hz = self.rate_hz;
    cue *cues = calloc(count + 1, sizeof *cues);
    if (!cues) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for its cues", name);
    }
    for (size_t i = 0; i < count; i++) {
        const unsigned char *record = self.cues.bytes + 4 + i * NB_WAV_CUE_SIZE;
        cues[i].id = nb_wav_number(record, 4);
        cues[i].frame = nb_wav_number(record + 20, 4);
    }
    qsort(cues, count, sizeof *cues, by_id);
    add_loops(&self, cues, count);
    add_texts(&self, cues, count);
    status = take_cues(&self, cues, count, out, err);
    free(cues);
    return status;
}

// ---- writing ----

static void add_little_endian(nb_text *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        nb_text_add_bytes(out, &(char){(char)(value >> (8 * i) & 0xff)}, 1);
    }
}

static void add_sub_chunk(nb_text *out, const char *kind, uint32_t id, const char *text,
                          size_t size)
{
    nb_text_add(out, kind);
    add_little_endian(out, (uint32_t)(4 + size + 1), 4);
    add_little_endian(out, id, 4);
    nb_text_add_bytes(out, text, size);
    add_little_endian(out, 0, (4 + size + 1) & 1 ? 2 : 1); // the text's end, and a pad byte
}

/// How much of a label fits, without half a character.
static size_t fitting(const char *label, size_t most)
{
    size_t size = strlen(label);
    if (size <= most) {
        return size;
    }
    size = most;
    while (size > 0 && ((unsigned char)label[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}

/// The name of a cue into `labels`; all of the text and the length into `others`.
static nb_status add_cue_texts(const nb_marker *marker, uint32_t id, uint32_t frames,
                               nb_text *labels, nb_text *others, nb_error *err)
{
    static const char ellipsis[] = "\xe2\x80\xa6";
    NB_SCOPED(nb_text_free) char *line = nb_marker_label_line(marker);
    NB_SCOPED(nb_text_free) char *whole = nb_marker_label(marker);
    if (!line || !whole) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
    }
    const bool fits = strlen(line) <= LABEL_MAX;
    if (fits) {
        add_sub_chunk(labels, "labl", id, line, strlen(line));
    } else {
        NB_SCOPED(nb_text_free)
        char *start = nb_text_format("%.*s%s", (int)fitting(line, LABEL_MAX - strlen(ellipsis)),
                                     line, ellipsis);
        if (!start) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        add_sub_chunk(labels, "labl", id, start, strlen(start));
    }
    if (!fits || strcmp(line, whole) != 0) {
        add_sub_chunk(others, "note", id, whole, strlen(whole));
    }
    if (frames > 0) {
        nb_text_add(others, "ltxt");
        add_little_endian(others, LTXT_SIZE, 4);
        add_little_endian(others, id, 4);
        add_little_endian(others, frames, 4);
        nb_text_add(others, "rgn ");
        add_little_endian(others, 0, 4); // country, language
        add_little_endian(others, 0, 4); // dialect, code page
    }
    return NB_OK;
}

/// The two chunks in the making.
typedef struct cue_chunks {
    uint32_t count;
    nb_text records;
    nb_text labels;
    nb_text others;
} cue_chunks;

static void cue_chunks_fini(cue_chunks *self)
{
    nb_text_fini(&self->records);
    nb_text_fini(&self->labels);
    nb_text_fini(&self->others);
}

/// What the WAV has already, to the byte; only the names come before all else.
static nb_status keep_cues(const nb_wav *self, cue_chunks *out, uint32_t *out_last_id,
                           nb_error *err)
{
    size_t count = 0;
    const nb_status status = nb_wav_count_cues(self, &count, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const unsigned char *record = self->cues.bytes + 4 + i * NB_WAV_CUE_SIZE;
        const uint32_t id = nb_wav_number(record, 4);
        *out_last_id = id > *out_last_id ? id : *out_last_id;
        nb_text_add_bytes(&out->records, record, NB_WAV_CUE_SIZE);
    }
    out->count = (uint32_t)count;
    const unsigned char *id = NULL;
    const unsigned char *data = NULL;
    size_t size = 0;
    for (size_t at = 0; nb_wav_next_text(self, &at, &id, &data, &size);) {
        nb_text *into = nb_wav_is(id, "labl") ? &out->labels : &out->others;
        nb_text_add_bytes(into, id, 8 + size);
        add_little_endian(into, 0, size & 1);
    }
    return NB_OK;
}

static nb_status add_cues(const nb_markers *markers, unsigned rate_hz, uint32_t last_id,
                          cue_chunks *out, nb_error *err)
{
    if (last_id > UINT32_MAX - markers->count || out->count + markers->count > NB_MARKERS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "the WAV has no room for %zu more cues", markers->count);
    }
    nb_status status = NB_OK;
    for (size_t i = 0; i < markers->count && status == NB_OK; i++) {
        const nb_marker *marker = &markers->items[i];
        const int64_t frame = nb_text_ns_to_frames(marker->at_ns, rate_hz);
        const int64_t end = nb_text_ns_to_frames(marker->end_ns, rate_hz);
        if (end > UINT32_MAX) {
            return nb_fail(err, NB_E_LIMIT, "a marker lies further in than a WAV's cue can say");
        }
        const uint32_t id = last_id + 1 + (uint32_t)i;
        add_little_endian(&out->records, id, 4);
        add_little_endian(&out->records, (uint32_t)frame, 4);
        nb_text_add(&out->records, "data");
        add_little_endian(&out->records, 0, 4);
        add_little_endian(&out->records, 0, 4);
        add_little_endian(&out->records, (uint32_t)frame, 4);
        out->count++;
        status =
            add_cue_texts(marker, id, (uint32_t)(end - frame), &out->labels, &out->others, err);
    }
    return status;
}

static void add_chunks(const cue_chunks *self, nb_text *out)
{
    if (self->count == 0) {
        return;
    }
    nb_text_add(out, "cue ");
    add_little_endian(out, (uint32_t)(4 + self->records.length), 4);
    add_little_endian(out, self->count, 4);
    nb_text_add_bytes(out, self->records.chars, self->records.length);
    nb_text_add(out, "LIST");
    add_little_endian(out, (uint32_t)(4 + self->labels.length + self->others.length), 4);
    nb_text_add(out, "adtl");
    nb_text_add_bytes(out, self->labels.chars, self->labels.length);
    if (self->others.length > 0) {
        nb_text_add_bytes(out, self->others.chars, self->others.length);
    }
    out->failed = out->failed || self->records.failed || self->labels.failed || self->others.failed;
}

static nb_status put(FILE *out, const void *bytes, size_t size, nb_error *err)
{
    return size == 0 || fwrite(bytes, 1, size, out) == size
               ? NB_OK
               : nb_fail_errno(err, errno, "writing the markers");
}

/// Copy `size` bytes from `at`; what the file lacks of a last pad byte is a zero.
static nb_status copy_bytes(const nb_wav *self, int64_t at, int64_t size, FILE *out, nb_error *err)
{
    static const char pad[1] = {0};
    char buffer[1 << 16];
    const int64_t there = at + size > self->file_size ? self->file_size - at : size;
    if (fseeko(self->file, at, SEEK_SET) != 0) {
        return nb_fail_errno(err, errno, "%s", self->name);
    }
    nb_status status = NB_OK;
    for (int64_t done = 0; done < there && status == NB_OK;) {
        const size_t part =
            there - done < (int64_t)sizeof buffer ? (size_t)(there - done) : sizeof buffer;
        status = nb_wav_read(self, buffer, part, err);
        status = status == NB_OK ? put(out, buffer, part, err) : status;
        done += (int64_t)part;
    }
    return status == NB_OK && there < size ? put(out, pad, sizeof pad, err) : status;
}

static nb_status copy_chunks(const nb_wav *self, const nb_text *added, FILE *out, nb_error *err)
{
    int64_t size = 4 + (int64_t)added->length;
    for (size_t i = 0; i < self->extent_count; i++) {
        size += self->extents[i].is_ours ? 0 : self->extents[i].size;
    }
    if (size > UINT32_MAX) {
        return nb_fail(err, NB_E_LIMIT,
                       "%s: with the cues it would be over 4 GB, which a WAV "
                       "cannot be; use another format of markers",
                       self->name);
    }
    NB_SCOPED(nb_text_fini) nb_text head = {0};
    nb_text_add(&head, "RIFF");
    add_little_endian(&head, (uint32_t)size, 4);
    nb_text_add(&head, "WAVE");
    if (head.failed || added->failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the cues");
    }
    nb_status status = put(out, head.chars, head.length, err);
    for (size_t i = 0; i < self->extent_count && status == NB_OK; i++) {
        const nb_wav_extent *here = &self->extents[i];
        status = here->is_ours ? NB_OK : copy_bytes(self, here->at, here->size, out, err);
    }
    return status == NB_OK ? put(out, added->chars, added->length, err) : status;
}

static nb_status write_into(const nb_markers *markers, const char *name, FILE *session, FILE *out,
                            nb_error *err)
{
    NB_SCOPED(nb_wav_fini) nb_wav self = {.name = name, .file = session};
    NB_SCOPED(cue_chunks_fini) cue_chunks chunks = {0};
    NB_SCOPED(nb_text_fini) nb_text added = {0};
    uint32_t last_id = 0;
    nb_status status = nb_wav_scan(&self, err);
    if (status == NB_OK && (self.cut || self.riff_end > self.file_size + 1)) {
        status = nb_fail(err, NB_E_CORRUPT,
                         "%s: its header says more than the file holds; is it still being written?",
                         name);
    }
    if (status == NB_OK) {
        status = keep_cues(&self, &chunks, &last_id, err);
    }
    if (status == NB_OK) {
        status = add_cues(markers, self.rate_hz, last_id, &chunks, err);
    }
    if (status != NB_OK) {
        return status;
    }
    add_chunks(&chunks, &added);
    return copy_chunks(&self, &added, out, err);
}

/// A WAV of one silent frame that only carries the cues: ffmpeg takes an empty one for
/// unfinished.
static nb_status write_alone(const nb_markers *markers, FILE *out, nb_error *err)
{
    enum { FRAME_SIZE = 2 };
    NB_SCOPED(cue_chunks_fini) cue_chunks chunks = {0};
    NB_SCOPED(nb_text_fini) nb_text added = {0};
    NB_SCOPED(nb_text_fini) nb_text head = {0};
    const unsigned rate_hz = markers->rate_hz > 0 ? markers->rate_hz : RATE_USUAL_HZ;
    const nb_status status = add_cues(markers, rate_hz, 0, &chunks, err);
    if (status != NB_OK) {
        return status;
    }
    add_chunks(&chunks, &added);
    nb_text_add(&head, "RIFF");
    add_little_endian(&head, (uint32_t)(4 + 24 + 8 + FRAME_SIZE + added.length), 4);
    nb_text_add(&head, "WAVEfmt ");
    add_little_endian(&head, 16, 4);
    add_little_endian(&head, 1, 2); // PCM, one channel
    add_little_endian(&head, 1, 2);
    add_little_endian(&head, rate_hz, 4);
    add_little_endian(&head, rate_hz * FRAME_SIZE, 4);
    add_little_endian(&head, FRAME_SIZE, 2);
    add_little_endian(&head, 8 * FRAME_SIZE, 2);
    nb_text_add(&head, "data");
    add_little_endian(&head, FRAME_SIZE, 4);
    add_little_endian(&head, 0, FRAME_SIZE);
    if (head.failed || added.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the cues");
    }
    const nb_status put_status = put(out, head.chars, head.length, err);
    return put_status == NB_OK ? put(out, added.chars, added.length, err) : put_status;
}

static nb_status write_wav(const nb_markers *markers, const char *name, FILE *session, FILE *out,
                           nb_error *err)
{
    return session ? write_into(markers, name, session, out, err) : write_alone(markers, out, err);
}

const nb_marker_codec nb_marker_codec_wav_cue = {
    .name = "wav-cue",
    .read = read_wav,
    .write = write_wav,
    .takes_session = true,
    .is_binary = true,
};
