// SPDX-License-Identifier: GPL-3.0-or-later
/// @file yaml.h  The part of YAML that documents are written in, as a tree with places.
///
/// Maps, lists and scalars of one document. Anchors, aliases, tags, directives, merge keys, keys
/// that are no scalars and keys given twice are problems. A scalar is text: what it means is for
/// the reader of the document to say. Built on libyaml's events, which are safe at any depth where
/// the loop counts it (its document loader is not).

#ifndef NB_MIX_YAML_YAML_H
#define NB_MIX_YAML_YAML_H
#include "base/arena.h"
#include "base/status.h"
#include "mix/problems.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    NB_YAML_DEPTH_MAX = 64,
    NB_YAML_NODES_MAX = 1000000,
    NB_YAML_KEY_MAX = 400,
    NB_YAML_SCALAR_MAX = 64 * 1024, ///< But for literal blocks, which carry automation
};

typedef enum nb_yaml_kind {
    NB_YAML_SCALAR,
    NB_YAML_LIST,
    NB_YAML_MAP,
    NB_YAML_BROKEN ///< Stands for what was refused; the problem is already said
} nb_yaml_kind;

typedef struct nb_yaml_node nb_yaml_node;
struct nb_yaml_node {
    nb_yaml_kind kind;
    bool is_literal; ///< A scalar written as a block behind '|'
    bool is_plain;   ///< A scalar without quotes
    unsigned indent; ///< Columns cut off the left of each line of a literal block
    nb_place place;
    const char *text; ///< A scalar's, null-terminated; has no NUL in it
    size_t length;
    const char *key; ///< Where the parent is a map
    nb_place key_place;
    const nb_yaml_node *first; ///< Of a list or map
    const nb_yaml_node *next;  ///< In the parent
    size_t count;              ///< Children
};

/// Read `size` bytes (at most `size_max`) into `arena`. Mistakes go to `problems`; `*out_root` is
/// null where they leave no tree at all, and the tree without the refused parts otherwise. Fails
/// only without memory.
NB_NODISCARD nb_status nb_yaml_parse(const char *bytes, size_t size, size_t size_max,
                                     nb_arena *arena, nb_problems *problems,
                                     const nb_yaml_node **out_root, nb_error *err);

/// The member of that key, or null.
const nb_yaml_node *nb_yaml_find(const nb_yaml_node *map, const char *key);

/// True for `key:` with nothing behind it.
bool nb_yaml_is_empty(const nb_yaml_node *self);

/// "a list", "a map", "a text".
const char *nb_yaml_kind_name(const nb_yaml_node *self);

#endif // NB_MIX_YAML_YAML_H
