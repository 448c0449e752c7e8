// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/yaml/yaml.h"

#include "mix/yaml/source.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { SLAB_NODES = 256, SLAB_CHARS = 16 * 1024 };

/// An open list or map.
typedef struct frame {
    nb_yaml_node *node;
    nb_yaml_node *last;
    const char *key; // read, its value is to come
    nb_place key_place;
    bool drops_value; // the key was refused
} frame;

typedef struct builder {
    nb_arena *arena;
    const char *source_end;
    const char *line_start; // of line `line`, from 0; only ever moves forward
    size_t line;
    nb_problems *problems;
    nb_yaml_node *nodes; // of the current slab: the arena's own pieces are 64 bytes at least
    size_t nodes_left;
    char *chars;
    size_t chars_left;
    size_t node_count;
    size_t document_count;
    frame frames[NB_YAML_DEPTH_MAX];
    size_t depth;
    nb_yaml_node *root;
    bool stopped; // what follows can't be made sense of
    bool no_memory;
} builder;

static nb_place place_of(yaml_mark_t mark)
{
    return (nb_place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static void stop(builder *self, nb_place place, const char *text)
{
    nb_problems_add(self->problems, place, "%s", text);
    self->stopped = true;
}

static nb_yaml_node *new_node(builder *self, nb_yaml_kind kind, nb_place place)
{
    if (++self->node_count > NB_YAML_NODES_MAX) {
        nb_problems_add(self->problems, place, "more than %d values in one document",
                        NB_YAML_NODES_MAX);
        self->stopped = true;
        return NULL;
    }
    if (self->nodes_left == 0) {
        self->nodes = nb_arena_take(self->arena, SLAB_NODES, sizeof *self->nodes);
        self->nodes_left = self->nodes ? SLAB_NODES : 0;
    }
    if (self->nodes_left == 0) {
        self->no_memory = true;
        return NULL;
    }
    self->nodes_left--;
    nb_yaml_node *node = self->nodes++;
    node->kind = kind;
    node->place = place;
    return node;
}

static const char *copy_chars(builder *self, const char *chars, size_t length)
{
    const size_t size = length + 1;
    if (!self->chars || size > self->chars_left) {
        const size_t take = size > SLAB_CHARS ? size : SLAB_CHARS;
        char *fresh = nb_arena_take(self->arena, take, 1);
        if (!fresh) {
            self->no_memory = true;
            return NULL;
        }
        if (size > SLAB_CHARS) { // on its own; the slab stays for the small ones
            return memcpy(fresh, chars, length);
        }
        self->chars = fresh;
        self->chars_left = take;
    }
    char *copy = memcpy(self->chars, chars, length);
    copy[length] = '\0';
    self->chars += size;
    self->chars_left -= size;
    return copy;
}

/// Hang the finished or opened node where the document has it.
static void attach(builder *self, nb_yaml_node *node)
{
    if (self->depth == 0) {
        self->root = node;
        return;
    }
    frame *top = &self->frames[self->depth - 1];
    const bool drops = top->node->kind == NB_YAML_MAP && top->drops_value;
    if (top->node->kind == NB_YAML_MAP) {
        node->key = top->key;
        node->key_place = top->key_place;
        top->key = NULL;
        top->drops_value = false;
    }
    if (drops) {
        return;
    }
    if (top->last) {
        top->last->next = node;
    } else {
        top->node->first = node;
    }
    top->last = node;
    top->node->count++;
}

static bool expects_key(const builder *self)
{
    const frame *top = self->depth > 0 ? &self->frames[self->depth - 1] : NULL;
    return top && top->node->kind == NB_YAML_MAP && !top->key;
}

static void refuse_properties(builder *self, nb_place place, const yaml_char_t *anchor,
                              const yaml_char_t *tag)
{
    if (anchor) {
        nb_problems_add(self->problems, place,
                        "anchor '&%.40s': anchors are not part of the format",
                        (const char *)anchor);
    }
    if (tag) {
        nb_problems_add(self->problems, place, "tag '%.40s': tags are not part of the format",
                        (const char *)tag);
    }
}

static void take_key(builder *self, const char *text, size_t length, nb_place place)
{
    frame *top = &self->frames[self->depth - 1];
    if (length > NB_YAML_KEY_MAX) {
        nb_problems_add(self->problems, place, "a key of %zu bytes; at most %d are allowed", length,
                        NB_YAML_KEY_MAX);
        top->drops_value = true;
        length = NB_YAML_KEY_MAX;
    }
    if (length == 2 && memcmp(text, "<<", 2) == 0) {
        nb_problems_add(self->problems, place, "merge keys ('<<') are not part of the format");
        top->drops_value = true;
    }
    top->key = copy_chars(self, text, length);
    top->key_place = place;
}

/// The source line behind `line`, which starts at or before `end`.
static const char *next_line(const char *line, const char *end)
{
    while (line < end && *line != '\n' && *line != '\r') {
        line++;
    }
    if (line < end && *line == '\r' && line + 1 < end && line[1] == '\n') {
        line++;
    }
    return line < end ? line + 1 : end;
}

static size_t spaces_at(const char *text, const char *end)
{
    size_t count = 0;
    while (text + count < end && text[count] == ' ') {
        count++;
    }
    return count;
}

/// How far a literal block is indented: libyaml does not say, and places in it need it. The first
/// line that is more than spaces has them in the source, and less of them in the text.
static unsigned indent_of(builder *self, size_t header_line, const char *text)
{
    while (self->line <= header_line && self->line_start < self->source_end) {
        self->line_start = next_line(self->line_start, self->source_end);
        self->line++;
    }
    const char *text_end = text + strlen(text);
    const char *source = self->line_start;
    while (text < text_end && source < self->source_end) {
        const size_t stays = spaces_at(text, text_end);
        const size_t stands = spaces_at(source, self->source_end);
        if (text[stays] != '\n' && text[stays] != '\0') {
            return stands > stays ? (unsigned)(stands - stays) : 0;
        }
        text = next_line(text, text_end);
        source = next_line(source, self->source_end);
    }
    return 0;
}

static void on_scalar(builder *self, const yaml_event_t *event)
{
    const nb_place place = place_of(event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    const yaml_scalar_style_t style = event->data.scalar.style;
    refuse_properties(self, place, event->data.scalar.anchor, event->data.scalar.tag);
    const bool good = style != YAML_DOUBLE_QUOTED_SCALAR_STYLE ||
                      nb_source_check_text(text, length, place, self->problems);
    if (expects_key(self)) {
        take_key(self, text, good ? length : 0, place);
        self->frames[self->depth - 1].drops_value |= !good;
        return;
    }
    const bool is_literal = style == YAML_LITERAL_SCALAR_STYLE;
    const bool fits = is_literal || length <= NB_YAML_SCALAR_MAX;
    if (!fits) {
        nb_problems_add(self->problems, place, "a text of %zu bytes; at most %d are allowed here",
                        length, NB_YAML_SCALAR_MAX);
    }
    nb_yaml_node *node = new_node(self, good && fits ? NB_YAML_SCALAR : NB_YAML_BROKEN, place);
    if (!node) {
        return;
    }
    node->is_literal = is_literal;
    node->indent = is_literal ? indent_of(self, event->start_mark.line, text) : 0;
    node->is_plain = style == YAML_PLAIN_SCALAR_STYLE;
    node->length = good && fits ? length : 0;
    node->text = copy_chars(self, text, node->length);
    attach(self, node);
}

static void on_start(builder *self, nb_yaml_kind kind, nb_place place)
{
    if (expects_key(self)) {
        stop(self, place, "a key must be a single word, not a list or map");
        return;
    }
    if (self->depth == NB_YAML_DEPTH_MAX) {
        nb_problems_add(self->problems, place, "nested deeper than %d levels", NB_YAML_DEPTH_MAX);
        self->stopped = true;
        return;
    }
    nb_yaml_node *node = new_node(self, kind, place);
    if (node) {
        attach(self, node);
        self->frames[self->depth++] = (frame){.node = node};
    }
}

static int by_key(const void *a, const void *b)
{
    const nb_yaml_node *const *left = a;
    const nb_yaml_node *const *right = b;
    const int order = strcmp((*left)->key, (*right)->key);
    if (order != 0) {
        return order;
    }
    const nb_place l = (*left)->key_place;
    const nb_place r = (*right)->key_place;
    return l.line != r.line ? (l.line < r.line ? -1 : 1) : (l.column < r.column ? -1 : 1);
}

static void refuse_duplicates(builder *self, const nb_yaml_node *map)
{
    if (map->count < 2) {
        return;
    }
    const nb_yaml_node **members = calloc(map->count, sizeof(const nb_yaml_node *));
    if (!members) {
        self->no_memory = true;
        return;
    }
    size_t count = 0;
    for (const nb_yaml_node *at = map->first; at; at = at->next) {
        members[count++] = at;
    }
    qsort(members, count, sizeof(const nb_yaml_node *), by_key);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(members[i - 1]->key, members[i]->key) == 0) {
            nb_problems_add(self->problems, members[i]->key_place,
                            "key '%.60s' is given twice, first on line %u", members[i]->key,
                            members[i - 1]->key_place.line);
        }
    }
    free(members);
}

static void on_end(builder *self)
{
    if (self->depth == 0) {
        return; // libyaml's events are balanced
    }
    const frame *top = &self->frames[--self->depth];
    if (top->node->kind == NB_YAML_MAP) {
        refuse_duplicates(self, top->node);
    }
}

static void on_document(builder *self, const yaml_event_t *event)
{
    const nb_place place = place_of(event->start_mark);
    if (++self->document_count > 1) {
        stop(self, place, "a second document begins here; a file holds one");
    } else if (event->data.document_start.version_directive ||
               event->data.document_start.tag_directives.start !=
                   event->data.document_start.tag_directives.end) {
        stop(self, place, "directives ('%') are not part of the format");
    }
}

static void on_alias(builder *self, const yaml_event_t *event)
{
    const nb_place place = place_of(event->start_mark);
    nb_problems_add(self->problems, place, "alias '*%.40s': aliases are not part of the format",
                    (const char *)event->data.alias.anchor);
    if (expects_key(self)) {
        self->stopped = true;
        return;
    }
    nb_yaml_node *node = new_node(self, NB_YAML_BROKEN, place);
    if (node) {
        node->text = "";
        attach(self, node);
    }
}

static void on_event(builder *self, const yaml_event_t *event)
{
    const nb_place place = place_of(event->start_mark);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        on_document(self, event);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(self, event);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(self, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        refuse_properties(self, place, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag);
        on_start(self, NB_YAML_LIST, place);
        break;
    case YAML_MAPPING_START_EVENT:
        refuse_properties(self, place, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag);
        on_start(self, NB_YAML_MAP, place);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(self);
        break;
    default:
        break;
    }
}

static void report_syntax(builder *self, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        self->no_memory = true;
        return;
    }
    // The mark stands where libyaml gave up, the context where the thing began ("while ...").
    nb_problems_add(self->problems, place_of(parser->problem_mark), "not YAML: %s%s%s",
                    parser->problem ? parser->problem : "unreadable", parser->context ? ", " : "",
                    parser->context ? parser->context : "");
    self->stopped = true;
}

static void run(builder *self, const char *bytes, size_t size)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        self->no_memory = true;
        return;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
    bool done = false;
    while (!done && !self->stopped && !self->no_memory) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            report_syntax(self, &parser);
            break;
        }
        on_event(self, &event);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
}

nb_status nb_yaml_parse(const char *bytes, size_t size, size_t size_max, nb_arena *arena,
                        nb_problems *problems, const nb_yaml_node **out_root, nb_error *err)
{
    *out_root = NULL;
    if (size > size_max) {
        nb_problems_add(problems, (nb_place){1, 1}, "%zu bytes; a document has at most %zu", size,
                        size_max);
        return NB_OK;
    }
    if (!nb_source_check(bytes, size, problems)) {
        return NB_OK;
    }
    const bool has_mark = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    const char *start = bytes + (has_mark ? 3 : 0);
    builder self = {
        .arena = arena, .problems = problems, .source_end = bytes + size, .line_start = start};
    run(&self, start, (size_t)(self.source_end - start));
    if (self.no_memory) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a document of %zu bytes", size);
    }
    if (!self.stopped && !self.root) {
        nb_problems_add(problems, (nb_place){1, 1}, "the document is empty");
    }
    *out_root = self.stopped ? NULL : self.root;
    return NB_OK;
}

const nb_yaml_node *nb_yaml_find(const nb_yaml_node *map, const char *key)
{
    for (const nb_yaml_node *at = map->first; at; at = at->next) {
        if (strcmp(at->key, key) == 0) {
            return at;
        }
    }
    return NULL;
}

bool nb_yaml_is_empty(const nb_yaml_node *self)
{
    return self->kind == NB_YAML_SCALAR && self->is_plain && self->length == 0;
}

const char *nb_yaml_kind_name(const nb_yaml_node *self)
{
    return self->kind == NB_YAML_LIST  ? "a list"
           : self->kind == NB_YAML_MAP ? "a map"
           : self->length == 0         ? "nothing"
                                       : "a text";
}
