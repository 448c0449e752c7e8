// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/document.h"

#include "base/text.h"
#include "mix/parse.h"

#include <stdlib.h>
#include <string.h>

/// The document and what it keeps to itself.
typedef struct whole {
    nb_document values;
    const char **files;
    size_t file_count;
} whole;

static const nb_strip *parse_strips(nb_parse *self, const nb_field *field, const nb_object *object,
                                    size_t *out_count)
{
    const nb_yaml_node *first = nb_read_list(
        &self->reader, field, object == &nb_bus_object ? "buses" : "tracks", NB_TRACKS_MAX);
    const size_t count = first ? field->node->count : 0;
    nb_strip *strips = nb_read_take(&self->reader, count, sizeof *strips);
    *out_count = strips ? count : 0;
    size_t i = 0;
    for (const nb_yaml_node *at = first; strips && at; at = at->next) {
        nb_parse_strip(self, at, object, &strips[i++]);
    }
    return strips;
}

static void parse_tempo_line(nb_parse *self, const nb_yaml_node *node,
                             const nb_document_tempo *before, nb_document_tempo *out)
{
    nb_field fields[NB_TEMPO_KEYS];
    nb_read_object(&self->reader, node, &nb_tempo_object, fields, NULL);
    const bool has_meter = fields[NB_TEMPO_METER].good;
    *out = (nb_document_tempo){
        .ns = fields[NB_TEMPO_AT].ns,
        .bpm = fields[NB_TEMPO_BPM].number,
        .beats = has_meter ? fields[NB_TEMPO_METER].beats
                 : before  ? before->beats
                           : 4,
        .unit = has_meter ? fields[NB_TEMPO_METER].unit
                : before  ? before->unit
                          : 4,
    };
    if (!before && out->ns != 0) {
        nb_problems_add(self->reader.problems, fields[NB_TEMPO_AT].place,
                        "at: the first tempo stands at 0");
    } else if (before && out->ns <= before->ns && fields[NB_TEMPO_AT].good) {
        nb_problems_add(self->reader.problems, fields[NB_TEMPO_AT].place,
                        "at: not later than the tempo before it");
    }
}

static void parse_tempos(nb_parse *self, const nb_field *field)
{
    const nb_yaml_node *first = nb_read_list(&self->reader, field, "tempos", NB_TEMPOS_MAX);
    const size_t count = first ? field->node->count : 1;
    nb_document_tempo *tempos = nb_read_take(&self->reader, count, sizeof *tempos);
    self->tempos = nb_read_take(&self->reader, count, sizeof *self->tempos);
    if (!tempos || !self->tempos) {
        return;
    }
    tempos[0] = (nb_document_tempo){0, 120.0, 4, 4};
    size_t i = 0;
    for (const nb_yaml_node *at = first; at; at = at->next, i++) {
        parse_tempo_line(self, at, i > 0 ? &tempos[i - 1] : NULL, &tempos[i]);
    }
    for (i = 0; i < count; i++) {
        self->tempos[i] =
            (nb_tempo){nb_text_ns_to_frames(tempos[i].ns, self->document->rate_hz), tempos[i].bpm};
    }
    self->document->has_tempo = first != NULL;
    self->document->tempos = tempos;
    self->document->tempo_count = count;
}

static void check_first_key(nb_parse *self, const nb_yaml_node *root, const nb_field *format)
{
    if (format->given && strcmp(root->first->key, "format") != 0) {
        nb_problems_add(self->reader.problems, root->first->key_place,
                        "'%.60s' stands before 'format', which comes first", root->first->key);
    }
}

static void parse_song(nb_parse *self, const nb_yaml_node *root)
{
    nb_document *document = self->document;
    nb_field fields[NB_SONG_KEYS];
    // The format decides what all else means: with another one, no other key is a mistake.
    const nb_yaml_node *format = root->kind == NB_YAML_MAP ? nb_yaml_find(root, "format") : NULL;
    if (format && format->kind == NB_YAML_SCALAR && strcmp(format->text, NB_MIX_FORMAT) != 0) {
        nb_problems_add(self->reader.problems, format->place,
                        "format: '%.40s' is not one that this version reads; expected %s",
                        format->text, NB_MIX_FORMAT);
        return;
    }
    if (!nb_read_object(&self->reader, root, &nb_song_object, fields, NULL)) {
        return;
    }
    check_first_key(self, root, &fields[NB_SONG_FORMAT]);
    document->title = fields[NB_SONG_TITLE].text ? fields[NB_SONG_TITLE].text : "";
    document->rate_hz = (unsigned)fields[NB_SONG_RATE].number;
    document->tail_max_s = fields[NB_SONG_TAIL].number;
    parse_tempos(self, &fields[NB_SONG_TEMPO]);
    document->tracks =
        parse_strips(self, &fields[NB_SONG_TRACKS], &nb_track_object, &document->track_count);
    document->buses =
        parse_strips(self, &fields[NB_SONG_BUSES], &nb_bus_object, &document->bus_count);
    nb_parse_plain_mix(&document->mix);
    if (fields[NB_SONG_MIX].node) {
        nb_parse_strip(self, fields[NB_SONG_MIX].node, &nb_mix_object, &document->mix);
    }
    document->mix.output = NULL;
    nb_parse_references(self);
    nb_parse_lanes(self, fields[NB_SONG_AUTOMATION].node);
    nb_parse_alternates(self, &fields[NB_SONG_ALTERNATES]);
}

/// A file's name and when it was first mentioned.
typedef struct mention {
    const char *path;
    size_t order;
} mention;

static int by_path(const void *a, const void *b)
{
    const mention *left = a;
    const mention *right = b;
    const int order = strcmp(left->path, right->path);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

static int by_order(const void *a, const void *b)
{
    const mention *left = a;
    const mention *right = b;
    return (left->order > right->order) - (left->order < right->order);
}

static size_t strip_mentions(const nb_strip *strip, mention *out, size_t count)
{
    for (size_t i = 0; i < strip->clip_count; i++, count++) {
        if (out) {
            out[count] = (mention){strip->clips[i].file, count};
        }
    }
    for (size_t i = 0; i < strip->insert_count; i++) {
        if (!strip->inserts[i].file) {
            continue;
        }
        if (out) {
            out[count] = (mention){strip->inserts[i].file, count};
        }
        count++;
    }
    return count;
}

static size_t all_mentions(const nb_document *self, mention *out)
{
    size_t count = 0;
    for (size_t i = 0; i < self->track_count; i++) {
        count = strip_mentions(&self->tracks[i], out, count);
    }
    for (size_t i = 0; i < self->bus_count; i++) {
        count = strip_mentions(&self->buses[i], out, count);
    }
    return strip_mentions(&self->mix, out, count);
}

static void list_files(nb_reader *reader, whole *self)
{
    const size_t count = all_mentions(&self->values, NULL);
    mention *mentions = nb_read_take(reader, count, sizeof *mentions);
    self->files = nb_read_take(reader, count, sizeof *self->files);
    if (!mentions || !self->files) {
        return;
    }
    all_mentions(&self->values, mentions);
    qsort(mentions, count, sizeof *mentions, by_path);
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        if (distinct == 0 || strcmp(mentions[distinct - 1].path, mentions[i].path) != 0) {
            mentions[distinct++] = mentions[i];
        }
    }
    qsort(mentions, distinct, sizeof *mentions, by_order);
    for (size_t i = 0; i < distinct; i++) {
        self->files[i] = mentions[i].path;
    }
    self->file_count = distinct;
}

const char *const *nb_document_files(const nb_document *self, size_t *out_count)
{
    const whole *all = (const whole *)self; // `values` is its first member
    *out_count = all->file_count;
    return all->files;
}

static void whole_free(whole **self_p)
{
    if (*self_p) {
        nb_arena_destroy(&(*self_p)->values.arena);
        free(*self_p);
        *self_p = NULL;
    }
}

void nb_document_destroy(nb_document **self_p)
{
    whole *all = (whole *)*self_p;
    whole_free(&all);
    *self_p = NULL;
}

static nb_status parse(whole *self, const char *file_name, const char *bytes, size_t size,
                       nb_problems *problems, nb_error *err)
{
    NB_SCOPED(nb_arena_destroy) nb_arena *tree = nb_arena_new();
    self->values.arena = nb_arena_new();
    if (!tree || !self->values.arena) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to read it", file_name);
    }
    self->values.file_name = nb_arena_string(self->values.arena, file_name);
    if (!problems->file_name) {
        problems->file_name = strdup(file_name);
    }
    nb_parse state = {.reader = {.arena = self->values.arena, .problems = problems},
                      .document = &self->values,
                      .pan = nb_processor_find("pan")};
    const nb_yaml_node *root = NULL;
    const nb_status status =
        nb_yaml_parse(bytes, size, NB_DOCUMENT_BYTES_MAX, tree, problems, &root, err);
    if (status != NB_OK) {
        return status;
    }
    if (root) {
        parse_song(&state, root);
    }
    list_files(&state.reader, self);
    if (state.reader.no_memory) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a document of %zu bytes", size);
    }
    return nb_problems_status(problems, err);
}

nb_status nb_document_parse(const char *file_name, const char *bytes, size_t size,
                            nb_problems *problems, nb_document **out, nb_error *err)
{
    *out = NULL;
    whole *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to read it", file_name);
    }
    nb_problems own = {0};
    problems = problems ? problems : &own;
    nb_status status = parse(self, file_name, bytes, size, problems, err);
    nb_problems_fini(&own);
    if (status != NB_OK) {
        whole_free(&self);
        return status;
    }
    *out = &self->values;
    return NB_OK;
}
