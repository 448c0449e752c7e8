// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/print.h"

#include "base/text.h"
#include "mix/reader.h"
#include "mix/yaml/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGEST_FORMAT = 1,
    MEASURE_REVISION = 2, ///< Of what a report says of such a file: part of the key
    NAME_BYTES_MAX = 93   ///< Of a file: with "master-" the farm's longest name of an output
};

static const nb_param rate_param = {"rate_hz", "Hz", NB_SCALE_WHOLE, 8000, 384000, 48000};
// A broadcast wave counts samples from midnight; a session may start days later.
static const nb_param start_param = {"starts_at_frame", "", NB_SCALE_WHOLE, 0, 1e12, 0};

enum { FORMAT, TITLE, FILE_KEY, FILES, MIX, MIX_DIGEST, RATE, START, CHAIN, KEYS };

// One order of keys for both: a key that a kind lacks has a table entry that is not looked at.
static const nb_key print_keys[] = {
    {"format", NB_KEY_NAME, true, .help = "Comes first: `nightbus-print/1`."},
    {"title", NB_KEY_NAME, false, .help = "The song's title, for people."},
    {"file", NB_KEY_PATH, true, .help = "The mix: a stereo file."},
    {"rate_hz", NB_KEY_PARAM, true, &rate_param, .help = "The file's rate."},
    {"starts_at_frame", NB_KEY_PARAM, false, &start_param,
     .help = "Where the file starts in the session, in frames of its rate."},
};
static const int print_order[] = {FORMAT, TITLE, FILE_KEY, RATE, START};

static const nb_key master_keys[] = {
    {"format", NB_KEY_NAME, true, .help = "Comes first: `nightbus-master/1`."},
    {"title", NB_KEY_NAME, false, .help = "The song's title, for people."},
    {"mix", NB_KEY_NAME, true, .help = "The version that was mastered, such as `v4`."},
    {"mix_sha256", NB_KEY_NAME, true, .help = "The digest of its audio."},
    {"files", NB_KEY_IDS, true, .help = "The master's files; the first is what is heard."},
    {"rate_hz", NB_KEY_PARAM, true, &rate_param, .help = "The first file's rate."},
    {"starts_at_frame", NB_KEY_PARAM, false, &start_param,
     .help = "Where the first file starts in the session, in frames of its rate."},
    {"chain", NB_KEY_RESERVED},
};
static const int master_order[] = {FORMAT, TITLE, MIX, MIX_DIGEST, FILES, RATE, START, CHAIN};

static const nb_object print_object = {"print", "", print_keys, NB_COUNT(print_keys)};
static const nb_object master_object = {"master", "", master_keys, NB_COUNT(master_keys)};

void nb_print_destroy(nb_print **self_p)
{
    if (*self_p) {
        nb_arena_destroy(&(*self_p)->arena);
        free(*self_p);
        *self_p = NULL;
    }
}

// ---- Reading ----

static void read_format(nb_reader *reader, const nb_print *self, const nb_field *field)
{
    const char *wanted = self->kind == NB_PRINT_MASTER ? NB_MASTER_FORMAT : NB_PRINT_FORMAT;
    if (field->good && strcmp(field->text, wanted) != 0) {
        nb_problems_add(reader->problems, field->place,
                        "format: '%.40s' is not a format that this version reads; expected %s",
                        field->text, wanted);
    }
}

static bool is_mix_version(const char *text)
{
    const size_t digits = text[0] == 'v' ? strspn(text + 1, "0123456789") : 0;
    return digits >= 1 && digits < NB_PRINT_VERSION_SIZE - 2 && text[1] != '0' &&
           text[1 + digits] == '\0';
}

static void read_mix(nb_reader *reader, nb_print *self, const nb_field *mix, const nb_field *digest)
{
    self->mix_place = mix->place;
    if (mix->good && !is_mix_version(mix->text)) {
        nb_problems_add(reader->problems, mix->place,
                        "mix: '%.20s' is not a mix version; expected one like v4", mix->text);
    } else if (mix->good) {
        snprintf(self->mix, sizeof self->mix, "%s", mix->text);
    }
    if (digest->good && (strlen(digest->text) != NB_DIGEST_HEX_SIZE - 1 ||
                         nb_digest_from_hex(digest->text, &self->mix_digest, NULL) != NB_OK)) {
        nb_problems_add(reader->problems, digest->place,
                        "mix_sha256: not a digest; expected 64 hex digits");
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// The files are fetched into one folder, so their names must differ.
static void check_name(nb_reader *reader, const nb_print *self, const nb_print_file *file)
{
    if (strlen(base_name(file->path)) > NAME_BYTES_MAX) {
        nb_problems_add(reader->problems, file->place,
                        "files: the name of a file has at most %d bytes", NAME_BYTES_MAX);
    }
    for (const nb_print_file *other = self->files; other < file; other++) {
        if (strcasecmp(base_name(other->path), base_name(file->path)) == 0) {
            nb_problems_add(reader->problems, file->place, "files: two are called %.100s",
                            base_name(file->path));
        }
    }
}

static void read_file(nb_reader *reader, const nb_yaml_node *node, nb_print_file *out)
{
    nb_error err = {0};
    out->place = node->place;
    out->path = "";
    if (node->kind == NB_YAML_BROKEN) {
        return;
    }
    if (node->kind != NB_YAML_SCALAR || node->length == 0) {
        nb_problems_add(reader->problems, node->place, "files: %s where a path is expected",
                        nb_yaml_kind_name(node));
    } else if (nb_text_check_path(node->text, &err) != NB_OK) {
        nb_problems_add(reader->problems, node->place, "files: %s", err.text);
    } else {
        out->path = nb_read_string(reader, node->text);
    }
}

static void read_files(nb_reader *reader, nb_print *self, const nb_field *field)
{
    const nb_yaml_node *first = nb_read_list(reader, field, "files", NB_PRINT_FILES_MAX);
    const size_t count = first ? field->node->count : 0;
    nb_print_file *files = nb_read_take(reader, count, sizeof *files);
    self->files = files;
    for (const nb_yaml_node *at = first; files && at; at = at->next) {
        nb_print_file *file = &files[self->file_count++];
        read_file(reader, at, file);
        if (file->path) {
            check_name(reader, self, file);
        }
    }
    if (count == 0 && field->good) {
        nb_problems_add(reader->problems, field->place, "files: a master has at least one");
    }
}

static void read_one_file(nb_reader *reader, nb_print *self, const nb_field *field)
{
    nb_print_file *file = nb_read_take(reader, 1, sizeof *file);
    if (file && field->good) {
        *file = (nb_print_file){field->text, field->place};
        self->files = file;
        self->file_count = 1;
    }
}

static void read_all(nb_reader *reader, nb_print *self, const nb_yaml_node *root)
{
    const bool is_master = self->kind == NB_PRINT_MASTER;
    const nb_object *object = is_master ? &master_object : &print_object;
    const int *order = is_master ? master_order : print_order;
    nb_field read[NB_OBJECT_KEYS_MAX];
    nb_field fields[KEYS] = {{0}};
    if (!nb_read_object(reader, root, object, read, NULL)) {
        return;
    }
    for (size_t i = 0; i < object->key_count; i++) {
        fields[order[i]] = read[i];
    }
    read_format(reader, self, &fields[FORMAT]);
    self->title = fields[TITLE].good ? fields[TITLE].text : NULL;
    self->rate_hz = (unsigned)fields[RATE].number;
    self->starts_at_frame = (int64_t)fields[START].number;
    if (is_master) {
        read_mix(reader, self, &fields[MIX], &fields[MIX_DIGEST]);
        read_files(reader, self, &fields[FILES]);
    } else {
        read_one_file(reader, self, &fields[FILE_KEY]);
    }
}

static nb_status parse(nb_print *self, const char *file_name, const char *bytes, size_t size,
                       nb_problems *problems, nb_error *err)
{
    NB_SCOPED(nb_arena_destroy) nb_arena *tree = nb_arena_new();
    self->arena = nb_arena_new();
    if (!tree || !self->arena) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to read it", file_name);
    }
    if (!problems->file_name) {
        problems->file_name = strdup(file_name);
    }
    nb_reader reader = {.arena = self->arena, .problems = problems};
    const nb_yaml_node *root = NULL;
    const nb_status status =
        nb_yaml_parse(bytes, size, NB_PRINT_BYTES_MAX, tree, problems, &root, err);
    if (status != NB_OK) {
        return status;
    }
    if (root) {
        read_all(&reader, self, root);
    }
    if (reader.no_memory) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to read it", file_name);
    }
    return nb_problems_status(problems, err);
}

nb_status nb_print_parse(const char *file_name, const char *bytes, size_t size, nb_print_kind kind,
                         nb_problems *problems, nb_print **out, nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_print_destroy) nb_print *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to read it", file_name);
    }
    self->kind = kind;
    nb_problems own = {0};
    const nb_status status = parse(self, file_name, bytes, size, problems ? problems : &own, err);
    nb_problems_fini(&own);
    if (status == NB_OK) {
        *out = self;
        self = NULL; // the caller's now
    }
    return status;
}

// ---- What it means ----

nb_status nb_print_digest(const nb_print *self, nb_digest_lookup *lookup, void *context,
                          nb_digest *out, nb_error *err)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    nb_status status = NB_OK;
    nb_hasher_add_string(hasher, self->kind == NB_PRINT_MASTER ? "master" : "print");
    nb_hasher_add_u64(hasher, DIGEST_FORMAT);
    nb_hasher_add_u64(hasher, self->rate_hz);
    nb_hasher_add_i64(hasher, self->starts_at_frame);
    nb_hasher_add_string(hasher, self->mix);
    nb_hasher_add_digest(hasher, &self->mix_digest);
    nb_hasher_add_u64(hasher, self->file_count);
    for (size_t i = 0; status == NB_OK && i < self->file_count; i++) {
        nb_digest digest = {{0}};
        status = lookup(context, self->files[i].path, &digest, err);
        nb_hasher_add_digest(hasher, &digest);
    }
    *out = nb_hasher_finish(hasher);
    return status;
}

nb_digest nb_print_key(const nb_print *self, const nb_digest *files,
                       const nb_fingerprint *fingerprint)
{
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    static const char *const libraries[] = {"sndfile", NULL};
    nb_hasher_add_string(hasher, "measured");
    nb_hasher_add_u64(hasher, MEASURE_REVISION);
    nb_fingerprint_hash(fingerprint, libraries, hasher);
    nb_hasher_add_u64(hasher, self->kind);
    nb_hasher_add_u64(hasher, self->rate_hz);
    nb_hasher_add_i64(hasher, self->starts_at_frame);
    nb_hasher_add_string(hasher, self->mix);
    nb_hasher_add_digest(hasher, &self->mix_digest);
    nb_hasher_add_u64(hasher, self->file_count);
    for (size_t i = 0; i < self->file_count; i++) {
        char name[256] = ""; // two masters of the same bytes may call them otherwise
        nb_print_output_name(self, i, name, sizeof name);
        nb_hasher_add_string(hasher, name);
        nb_hasher_add_digest(hasher, &files[i]);
    }
    return nb_hasher_finish(hasher);
}

// ".wav" in lower case; none where the name has no usable one.
static void copy_ending(const char *path, char out[8])
{
    const char *dot = strrchr(base_name(path), '.');
    size_t length = 0;
    out[0] = '\0';
    if (!dot || strlen(dot) >= 8 || dot[1] == '\0') {
        return;
    }
    for (; dot[length]; length++) {
        const char c = dot[length];
        out[length] = (c >= 'A' && c <= 'Z') ? (char)(c - 'A' + 'a') : c;
    }
    out[length] = '\0';
}

bool nb_print_output_name(const nb_print *self, size_t index, char *out, size_t size)
{
    char ending[8];
    int length = 0;
    if (index == 0) {
        copy_ending(self->files[0].path, ending);
        length = snprintf(out, size, "%s%s", self->kind == NB_PRINT_MASTER ? "master" : "mix",
                          ending[0] ? ending : ".audio");
    } else {
        length = snprintf(out, size, "master-%s", base_name(self->files[index].path));
    }
    return length > 0 && (size_t)length < size;
}

int64_t nb_print_start(uint64_t time_reference_frame)
{
    return time_reference_frame <= (uint64_t)start_param.max ? (int64_t)time_reference_frame : 0;
}

// ---- Writing ----

static void add_quoted(nb_text *out, const char *text)
{
    nb_text_add(out, "\"");
    for (const char *at = text; *at; at++) {
        const char escaped[] = {'\\', *at, '\0'};
        nb_text_add(out, (*at == '"' || *at == '\\') ? escaped : (char[]){*at, '\0'});
    }
    nb_text_add(out, "\"\n");
}

char *nb_print_format(const nb_print *self)
{
    const bool is_master = self->kind == NB_PRINT_MASTER;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_addf(&text, "format: %s\n", is_master ? NB_MASTER_FORMAT : NB_PRINT_FORMAT);
    if (self->title) {
        nb_text_add(&text, "title: ");
        add_quoted(&text, self->title);
    }
    if (is_master) {
        char hex[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(&self->mix_digest, hex);
        nb_text_addf(&text, "mix: %s\nmix_sha256: \"%s\"\nfiles:\n", self->mix, hex);
        for (size_t i = 0; i < self->file_count; i++) {
            nb_text_add(&text, "  - ");
            add_quoted(&text, self->files[i].path);
        }
    } else {
        nb_text_add(&text, "file: ");
        add_quoted(&text, self->files[0].path);
    }
    nb_text_addf(&text, "rate_hz: %u\n", self->rate_hz);
    if (self->starts_at_frame > 0) {
        nb_text_addf(&text, "starts_at_frame: %lld\n", (long long)self->starts_at_frame);
    }
    return text.failed ? NULL : nb_text_take(&text);
}
