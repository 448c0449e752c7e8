// SPDX-License-Identifier: GPL-3.0-or-later
// Standard MIDI files: meta events 0x06 (marker) and 0x07 (cue point). Time is in ticks, so a place
// is right only together with the file's tempos, which are written. A marker has no length: of a
// region its start is kept. What characters a text is in nobody says: ASCII is written.
#include "review/markers/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICKS_PER_QUARTER = 960,
    EVENTS_MAX = NB_MARKERS_MAX,
    META = 0xff,
    META_NAME = 0x03,
    META_MARKER = 0x06,
    META_CUE_POINT = 0x07,
    META_END = 0x2f,
    META_TEMPO = 0x51,
    META_METER = 0x58,
    TEMPO_USUAL_US = 500000 // 120 quarters a minute, where a file says nothing
};

/// From `tick` on a quarter takes `quarter_us`.
typedef struct tempo {
    int64_t tick;
    int64_t quarter_us;
    size_t index; ///< In the file: of two at one tick the last counts
} tempo;

typedef struct tempos {
    size_t count;
    size_t capacity;
    tempo *items;
} tempos;

static void tempos_fini(tempos *self) { free(self->items); }

static nb_status add_tempo(tempos *self, int64_t tick, int64_t quarter_us, nb_error *err)
{
    if (self->count >= EVENTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "more than %d tempo changes", EVENTS_MAX);
    }
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity > 0 ? 2 * self->capacity : 16;
        tempo *items = reallocarray(self->items, capacity, sizeof *items);
        if (!items) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for tempos");
        }
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count] = (tempo){tick, quarter_us, self->count};
    self->count++;
    return NB_OK;
}

// ---- reading ----

/// A marker before its tick was turned into time: tick in at_ns.
typedef struct reader {
    const nb_marker_source *source;
    const unsigned char *at;
    const unsigned char *end; ///< Of the track
    tempos tempos;
    nb_markers found; ///< Places are ticks until the end
    unsigned division;
} reader;

static void reader_fini(reader *self)
{
    tempos_fini(&self->tempos);
    nb_markers_fini(&self->found);
}

static nb_status cut(const reader *self, nb_error *err)
{
    return nb_fail(err, NB_E_CORRUPT, "%s: a track ends inside an event", self->source->name);
}

static uint32_t big_endian(const unsigned char *bytes, size_t count)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/// Seven bits a byte, at most four bytes.
static bool take_length(reader *self, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < 4 && self->at < self->end; i++) {
        const unsigned char byte = *self->at++;
        *out = *out << 7 | (byte & 0x7fu);
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static nb_status take_marker(reader *self, int64_t tick, const unsigned char *text, size_t size,
                             nb_error *err)
{
    nb_marker marker = {.at_ns = tick, .end_ns = tick, .colour = NB_MARKER_NO_COLOUR};
    char where[NB_MARKER_WHERE_SIZE];
    snprintf(where, sizeof where, "%.120s: tick %lld", self->source->name, (long long)tick);
    const nb_status status = nb_marker_text_clean(where, (const char *)text, size,
                                                  NB_MARKER_WINDOWS_1252, &marker.text, err);
    return status == NB_OK ? nb_markers_take(&self->found, &marker, where, err) : status;
}

static nb_status take_meta(reader *self, int64_t tick, bool *out_ended, nb_error *err)
{
    uint32_t length = 0;
    if (self->at == self->end) {
        return cut(self, err);
    }
    const unsigned char type = *self->at++;
    if (!take_length(self, &length) || length > (size_t)(self->end - self->at)) {
        return cut(self, err);
    }
    const unsigned char *data = self->at;
    self->at += length;
    if (type == META_MARKER || type == META_CUE_POINT) {
        return take_marker(self, tick, data, length, err);
    }
    if (type == META_TEMPO && length == 3 && big_endian(data, 3) > 0) {
        return add_tempo(&self->tempos, tick, big_endian(data, 3), err);
    }
    *out_ended = type == META_END;
    return NB_OK;
}

/// Skip an event that is none of ours. `running` is the status that notes may leave out.
static nb_status skip_event(reader *self, unsigned char status_byte, nb_error *err)
{
    uint32_t length = 0;
    if (status_byte == 0xf0 || status_byte == 0xf7) {
        if (!take_length(self, &length)) {
            return cut(self, err);
        }
    } else if (status_byte >= 0xf0) {
        return nb_fail(err, NB_E_INVALID, "%s: has an event 0x%02x, which files cannot have",
                       self->source->name, status_byte);
    } else {
        length = (status_byte & 0xe0) == 0xc0 ? 1 : 2; // programs and pressure have one byte
    }
    if (length > (size_t)(self->end - self->at)) {
        return cut(self, err);
    }
    self->at += length;
    return NB_OK;
}

static nb_status parse_track(reader *self, nb_error *err)
{
    int64_t tick = 0;
    unsigned char running = 0;
    bool ended = false;
    nb_status status = NB_OK;
    while (status == NB_OK && !ended && self->at < self->end) {
        uint32_t delta = 0;
        if (!take_length(self, &delta) || self->at == self->end) {
            return cut(self, err);
        }
        tick += delta;
        if (*self->at == META) {
            self->at++;
            status = take_meta(self, tick, &ended, err);
            continue;
        }
        if (*self->at >= 0x80) {
            running = *self->at++;
        } else if (running < 0x80 || running >= 0xf0) {
            return nb_fail(err, NB_E_INVALID, "%s: data without an event", self->source->name);
        }
        status = skip_event(self, running, err);
    }
    return status;
}

static int by_tick(const void *a, const void *b)
{
    const tempo *x = a;
    const tempo *y = b;
    if (x->tick != y->tick) {
        return x->tick < y->tick ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index);
}

/// Ticks of a second, as a fraction, where the file counts frames of video.
static bool video_ticks(unsigned division, int64_t *out_ticks, int64_t *out_seconds)
{
    const int64_t ticks_per_frame = division & 0xff;
    const int fps = 256 - (int)(division >> 8);
    *out_ticks = ticks_per_frame * (fps == 29 ? 30000 : fps);
    *out_seconds = fps == 29 ? 1001 : 1; // 29 is 29.97 with dropped numbers
    return division & 0x8000 && *out_ticks > 0;
}

static int64_t capped(__int128 value) { return value > INT64_MAX ? INT64_MAX : (int64_t)value; }

/// Turn the ticks of the markers, which ascend, into time along the tempos, which do too.
static void place_markers(reader *self)
{
    int64_t ticks = 0;
    int64_t seconds = 0;
    const bool video = video_ticks(self->division, &ticks, &seconds);
    __int128 before = 0; // microseconds times the division, up to `tick`
    int64_t tick = 0;
    int64_t quarter_us = TEMPO_USUAL_US;
    size_t next = 0;
    for (size_t i = 0; i < self->found.count; i++) {
        nb_marker *marker = &self->found.items[i];
        while (next < self->tempos.count && self->tempos.items[next].tick <= marker->at_ns) {
            const tempo *change = &self->tempos.items[next++];
            before += (__int128)(change->tick - tick) * quarter_us;
            tick = change->tick;
            quarter_us = change->quarter_us;
        }
        const __int128 place = before + (__int128)(marker->at_ns - tick) * quarter_us;
        marker->at_ns =
            video ? capped((__int128)marker->at_ns * seconds * nb_marker_second_ns / ticks)
                  : capped((place * 2000 + self->division) / (2 * self->division));
        marker->end_ns = marker->at_ns;
    }
}

/// The tracks of the file, one behind the other; chunks of other kinds are skipped.
static nb_status parse_tracks(reader *self, nb_error *err)
{
    const unsigned char *end = (const unsigned char *)self->source->bytes + self->source->size;
    nb_status status = NB_OK;
    while (status == NB_OK && end - self->at >= 8) {
        const bool is_track = memcmp(self->at, "MTrk", 4) == 0;
        const uint32_t size = big_endian(self->at + 4, 4);
        self->at += 8;
        if (size > (size_t)(end - self->at)) {
            return nb_fail(err, NB_E_CORRUPT, "%s: ends inside a track", self->source->name);
        }
        const unsigned char *next = self->at + size;
        self->end = next;
        status = is_track ? parse_track(self, err) : NB_OK;
        self->at = next;
    }
    return status;
}

static nb_status parse(const nb_marker_source *source, nb_markers *out, nb_error *err)
{
    const unsigned char *bytes = (const unsigned char *)source->bytes;
    if (source->size < 14 || memcmp(bytes, "MThd", 4) != 0 || big_endian(bytes + 4, 4) < 6 ||
        big_endian(bytes + 4, 4) > source->size - 8) {
        return nb_fail(err, NB_E_INVALID, "%s: is not a MIDI file", source->name);
    }
    NB_SCOPED(reader_fini) reader self = {.source = source};
    self.division = big_endian(bytes + 12, 2);
    self.at = bytes + 8 + big_endian(bytes + 4, 4);
    if (big_endian(bytes + 8, 2) > 1 || self.division == 0 || self.division == 0x8000) {
        return nb_fail(err, NB_E_INVALID,
                       "%s: a MIDI file of format %u with %u ticks; export it as format 0 or 1",
                       source->name, big_endian(bytes + 8, 2), self.division);
    }
    nb_status status = parse_tracks(&self, err);
    if (status != NB_OK) {
        return status;
    }
    nb_markers_sort(&self.found);
    if (self.tempos.count > 0) {
        qsort(self.tempos.items, self.tempos.count, sizeof *self.tempos.items, by_tick);
    }
    place_markers(&self);
    for (size_t i = 0; i < self.found.count && status == NB_OK; i++) {
        status = nb_markers_take(out, &self.found.items[i], source->name, err);
    }
    if (self.found.left_out > 0) {
        out->left_out += self.found.left_out;
        memcpy(out->left_out_why, self.found.left_out_why, sizeof out->left_out_why);
    }
    return status;
}

// ---- writing ----

/// A track in the making, and the time that its ticks so far take.
typedef struct writer {
    nb_text *out;
    int64_t last_tick; ///< Of the last event
    int64_t tick;      ///< Of the tempo that holds
    double tick_ns;    ///< When that is, in the file's own time, and how long a tick is
    double length_ns;
    bool too_far; ///< An event lies further behind the one before it than the format can say
} writer;

static void add_byte(nb_text *out, unsigned value)
{
    nb_text_add_bytes(out, &(char){(char)(value & 0xff)}, 1);
}

static void add_big_endian(nb_text *out, uint32_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        add_byte(out, value >> (8 * bytes));
    }
}

static void add_length(nb_text *out, uint32_t value)
{
    for (unsigned shift = 21; shift > 0; shift -= 7) {
        if (value >> shift) {
            add_byte(out, 0x80 | (value >> shift & 0x7f));
        }
    }
    add_byte(out, value & 0x7f);
}

static void begin_meta(writer *self, int64_t tick, unsigned type, size_t size)
{
    self->too_far = self->too_far || tick - self->last_tick >= 1 << 28;
    add_length(self->out, (uint32_t)(tick - self->last_tick));
    self->last_tick = tick;
    add_byte(self->out, META);
    add_byte(self->out, type);
    add_length(self->out, (uint32_t)size);
}

/// The tick nearest to a time, along the tempos as the file has them, so that their rounding to
/// microseconds and ticks never adds up.
static int64_t tick_at(const writer *self, int64_t ns)
{
    const double ticks = ((double)ns - self->tick_ns) / self->length_ns;
    const int64_t tick = self->tick + (ticks > 0.0 ? llround(ticks) : 0);
    return tick > self->last_tick ? tick : self->last_tick;
}

static void add_tempo_event(writer *self, const nb_marker_tempo *change)
{
    const double us = 60e6 / change->quarters_per_minute;
    const uint32_t quarter_us =
        us >= 1.0 && us <= 16777215.0 ? (uint32_t)lround(us) : (uint32_t)TEMPO_USUAL_US;
    const int64_t tick = tick_at(self, change->at_ns);
    self->tick_ns += (double)(tick - self->tick) * self->length_ns;
    self->tick = tick;
    self->length_ns = (double)quarter_us * 1000.0 / TICKS_PER_QUARTER;
    begin_meta(self, tick, META_TEMPO, 3);
    add_big_endian(self->out, quarter_us, 3);
    unsigned power = 0;
    while (power < 6 && (1u << power) < change->unit) {
        power++;
    }
    begin_meta(self, tick, META_METER, 4);
    add_byte(self->out, change->beats > 0 && change->beats < 256 ? change->beats : 4);
    add_byte(self->out, change->unit > 0 ? power : 2);
    add_byte(self->out, 24); // MIDI clocks a click
    add_byte(self->out, 8);  // thirty-seconds a quarter
}

static nb_status add_events(writer *self, const nb_markers *markers, nb_error *err)
{
    static const nb_marker_tempo usual = {0, 120.0, 4, 4};
    const nb_marker_tempo *changes = markers->tempo_count > 0 ? markers->tempos : &usual;
    const size_t change_count = markers->tempo_count > 0 ? markers->tempo_count : 1;
    size_t next = 0;
    for (size_t i = 0; i <= markers->count; i++) {
        const nb_marker *marker = i < markers->count ? &markers->items[i] : NULL;
        while (next < change_count && (!marker || changes[next].at_ns <= marker->at_ns)) {
            add_tempo_event(self, &changes[next++]);
        }
        if (!marker) {
            break;
        }
        NB_SCOPED(nb_text_free) char *label = nb_marker_label_line(marker);
        NB_SCOPED(nb_text_free) char *ascii = label ? nb_marker_to_ascii(label) : NULL;
        if (!ascii) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the markers");
        }
        begin_meta(self, tick_at(self, marker->at_ns), META_MARKER, strlen(ascii));
        nb_text_add(self->out, ascii);
    }
    return self->too_far
               ? nb_fail(err, NB_E_LIMIT, "two markers lie further apart than a MIDI file can say")
               : NB_OK;
}

/// Markers must be in the order of their places.
static nb_status compose(const nb_markers *markers, const nb_marker_source *session, nb_text *out,
                         nb_error *err)
{
    (void)session;
    static const char name[] = "Nightbus notes";
    NB_SCOPED(nb_text_fini) nb_text track = {0};
    writer self = {.out = &track, .length_ns = TEMPO_USUAL_US * 1000.0 / TICKS_PER_QUARTER};
    begin_meta(&self, 0, META_NAME, strlen(name));
    nb_text_add(&track, name);
    const nb_status status = add_events(&self, markers, err);
    if (status != NB_OK) {
        return status;
    }
    begin_meta(&self, self.last_tick, META_END, 0);
    nb_text_add(out, "MThd");
    add_big_endian(out, 6, 4);
    add_big_endian(out, 0, 2); // one track
    add_big_endian(out, 1, 2);
    add_big_endian(out, TICKS_PER_QUARTER, 2);
    nb_text_add(out, "MTrk");
    add_big_endian(out, (uint32_t)track.length, 4);
    nb_text_add_bytes(out, track.chars, track.length);
    out->failed = out->failed || track.failed;
    return NB_OK;
}

const nb_marker_codec nb_marker_codec_midi = {
    .name = "midi",
    .parse = parse,
    .compose = compose,
    .is_binary = true,
};
