// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/parse.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE = 64, CANDIDATES_MAX = 256, PARTS_MAX = 4 };

/// What a lane's path may be followed by, for "did you mean".
typedef struct offers {
    const char *names[CANDIDATES_MAX];
    size_t count;
} offers;

static void offer(offers *self, const char *name)
{
    if (name && self->count < CANDIDATES_MAX) {
        self->names[self->count++] = name;
    }
}

static bool refuse(nb_parse *self, nb_place place, const char *path, const char *what,
                   const char *word, const offers *known)
{
    char hint[120];
    nb_problems_add(self->reader.problems, place, "lane '%.150s': %s '%.60s'%s", path, what, word,
                    nb_read_nearest(word, known->names, known->count, hint));
    return false;
}

static bool find_send(nb_parse *self, const char *to, const char *param, nb_lane *lane)
{
    const nb_strip *strip = lane->strip;
    offers known = {0};
    for (size_t i = 0; i < strip->send_count; i++) {
        if (strcmp(strip->sends[i].to, to) == 0) {
            lane->target = NB_LANE_SEND;
            lane->index = i;
            lane->param = &nb_level_param;
            known = (offers){{nb_level_param.name}, 1};
            return param && strcmp(param, nb_level_param.name) == 0
                       ? true
                       : refuse(self, lane->place, lane->path, "a send has no parameter",
                                param ? param : "", &known);
        }
        offer(&known, strip->sends[i].to);
    }
    return refuse(self, lane->place, lane->path, "the strip has no send to", to, &known);
}

/// The parameter `name` of an insert, which is "param" or "band.param".
static bool find_insert_param(nb_parse *self, const nb_insert *insert, char *name, nb_lane *lane)
{
    const nb_processor *processor = insert->processor;
    char *dot = strchr(name, '.');
    offers known = {{nb_wet_param.name}, 1};
    if (strcmp(name, nb_wet_param.name) == 0) {
        lane->target = NB_LANE_WET;
        lane->param = &nb_wet_param;
        return true;
    }
    if (!dot) {
        const int index = nb_param_find(processor->params, processor->param_count, name);
        for (size_t i = 0; index < 0 && i < processor->param_count; i++) {
            offer(&known, processor->params[i].name);
        }
        lane->control = (size_t)(index < 0 ? 0 : index);
        lane->param = index < 0 ? NULL : &processor->params[index];
        return index >= 0 ||
               refuse(self, lane->place, lane->path, "the insert has no parameter", name, &known);
    }
    *dot = '\0';
    size_t band = 0;
    known.count = 0;
    while (band < insert->band_count && strcmp(insert->band_ids[band], name) != 0) {
        offer(&known, insert->band_ids[band++]);
    }
    if (band == insert->band_count) {
        return refuse(self, lane->place, lane->path, "the insert has no band", name, &known);
    }
    const int index = nb_param_find(processor->band_params, processor->band_param_count, dot + 1);
    known.count = 0;
    for (size_t i = 0; i < processor->band_param_count; i++) {
        offer(&known, processor->band_params[i].name);
    }
    if (index < 0) {
        return refuse(self, lane->place, lane->path, "a band has no parameter", dot + 1, &known);
    }
    lane->control = processor->param_count + band * processor->band_param_count + (size_t)index;
    lane->param = &processor->band_params[index];
    return true;
}

static bool find_insert(nb_parse *self, const char *id, char *param, nb_lane *lane)
{
    const nb_strip *strip = lane->strip;
    offers known = {{nb_fader_param.name, "sends"}, 2};
    for (size_t i = 0; i < strip->insert_count; i++) {
        const nb_insert *insert = &strip->inserts[i];
        if (strcmp(insert->id, id) == 0) {
            lane->target = NB_LANE_INSERT;
            lane->index = i;
            return insert->processor && find_insert_param(self, insert, param, lane);
        }
        offer(&known, insert->id);
    }
    return refuse(self, lane->place, lane->path, "the strip has no insert", id, &known);
}

static bool find_own(nb_parse *self, const char *name, nb_lane *lane)
{
    offers known = {{nb_fader_param.name}, 1};
    if (strcmp(name, nb_fader_param.name) == 0) {
        lane->target = NB_LANE_FADER;
        lane->param = &nb_fader_param;
        return true;
    }
    const size_t count = lane->strip->pan_values && self->pan_params ? self->pan->param_count : 0;
    const int index = count > 0 ? nb_param_find(self->pan_params, count, name) : -1;
    if (index >= 0) {
        lane->target = NB_LANE_PAN;
        lane->control = (size_t)index;
        lane->param = &self->pan->params[index];
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        offer(&known, self->pan_params[i].name);
    }
    for (size_t i = 0; i < lane->strip->insert_count; i++) {
        offer(&known, lane->strip->inserts[i].id);
    }
    return refuse(self, lane->place, lane->path, "the strip has no lane", name, &known);
}

/// Find what the lane's path names. The problem is said where it names nothing.
static bool find_target(nb_parse *self, nb_lane *lane)
{
    char path[NB_YAML_KEY_MAX + 1];
    snprintf(path, sizeof path, "%s", lane->path);
    char *parts[PARTS_MAX] = {path};
    size_t count = 1;
    for (char *at = path; (at = strchr(at, '/')) && count < PARTS_MAX; at++) {
        *at = '\0';
        parts[count++] = at + 1;
    }
    lane->strip = nb_parse_find_strip(self, parts[0]);
    if (!lane->strip) {
        char hint[120];
        nb_problems_add(self->reader.problems, lane->place,
                        "lane '%.150s': there is no track or bus '%.60s'%s", lane->path, parts[0],
                        nb_parse_nearest_strip(self, parts[0], hint));
        return false;
    }
    if (count == 2) {
        return find_own(self, parts[1], lane);
    }
    if (count >= 3 && strcmp(parts[1], "sends") == 0) {
        return find_send(self, parts[2], count == 4 ? parts[3] : NULL, lane);
    }
    if (count == 3) {
        return find_insert(self, parts[1], parts[2], lane);
    }
    nb_problems_add(self->reader.problems, lane->place,
                    "lane '%.150s': expected a path such as vox/fader_db, vox/comp/threshold_db, "
                    "vox/eq/mud.freq_hz or vox/sends/plate/level_db",
                    lane->path);
    return false;
}

static bool steps(const nb_param *param)
{
    return param->scale == NB_SCALE_WHOLE || param->scale == NB_SCALE_CHOICE ||
           param->scale == NB_SCALE_SWITCH;
}

/// Take the next word of the line into `out`; null at its end or where the word is too long.
static const char *take_word(const char *at, const char *end, char out[TOKEN_SIZE],
                             const char **out_start)
{
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    *out_start = at;
    while (at < end && *at != ' ' && *at != '\t') {
        at++;
    }
    const size_t length = (size_t)(at - *out_start);
    if (length == 0 || length >= TOKEN_SIZE) {
        return NULL;
    }
    memcpy(out, *out_start, length);
    out[length] = '\0';
    return at;
}

/// Read one line of points. False if it has none: it is empty, a comment, or wrong.
static bool parse_point(nb_parse *self, const nb_lane *lane, const char *line, const char *end,
                        nb_place place, nb_point *out)
{
    char word[TOKEN_SIZE];
    const char *start = line;
    const unsigned first_column = place.column;
    const char *at = take_word(line, end, word, &start);
    if (start == end || *start == '#') {
        return false;
    }
    place.column = first_column + (unsigned)(start - line);
    nb_error err = {0};
    if (!at || nb_text_parse_time(word, &out->ns, &err) != NB_OK) {
        nb_problems_add(self->reader.problems, place, "%s: %s", lane->path,
                        at ? err.text : "expected a line of `time value`");
        return false;
    }
    at = take_word(at, end, word, &start);
    place.column = first_column + (unsigned)(start - line);
    if (!at || nb_param_parse(lane->param, word, &out->value, &err) != NB_OK) {
        nb_problems_add(self->reader.problems, place, "%s: %s", lane->path,
                        at ? err.text : "expected a value behind the time");
        return false;
    }
    take_word(at, end, word, &start);
    if (start != end && *start != '#') {
        place.column = first_column + (unsigned)(start - line);
        nb_problems_add(self->reader.problems, place, "%s: more than `time value` on this line",
                        lane->path);
        return false;
    }
    return true;
}

static bool is_in_order(nb_parse *self, const nb_lane *lane, const nb_point *points, size_t count,
                        nb_place place)
{
    if (count == 0 || points[count - 1].ns < points[count].ns) {
        return true;
    }
    if (points[count - 1].ns > points[count].ns) {
        nb_problems_add(self->reader.problems, place,
                        "%s: this point is before the last one; times must ascend", lane->path);
        return false;
    }
    if (count > 1 && points[count - 2].ns == points[count].ns) {
        nb_problems_add(self->reader.problems, place,
                        "%s: a third point at this time; a jump takes two", lane->path);
        return false;
    }
    return true;
}

static void parse_points(nb_parse *self, const nb_yaml_node *node, nb_lane *lane)
{
    const char *end = node->text + node->length;
    size_t lines = 1;
    for (const char *at = node->text; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        lines++;
    }
    if (lines > NB_POINTS_MAX - self->point_count) {
        nb_problems_add(self->reader.problems, node->place, "more than %d points in one song",
                        NB_POINTS_MAX);
        return;
    }
    nb_point *points = nb_read_take(&self->reader, lines, sizeof *points);
    if (!points) {
        return;
    }
    nb_place place =
        node->is_literal ? (nb_place){node->place.line + 1, 1 + node->indent} : node->place;
    const size_t problems_before = self->reader.problems->total;
    size_t count = 0;
    for (const char *line = node->text; line < end; place.line++) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        line_end = line_end ? line_end : end;
        if (parse_point(self, lane, line, line_end, place, &points[count]) &&
            is_in_order(self, lane, points, count, place)) {
            count++;
        }
        line = line_end + 1;
    }
    self->point_count += count;
    lane->points = points;
    lane->point_count = count;
    if (count == 0 && self->reader.problems->total == problems_before) {
        nb_problems_add(self->reader.problems, node->place, "%s: no points", lane->path);
    }
}

static void check_curve(nb_parse *self, const nb_field *curve, nb_lane *lane)
{
    lane->curve = curve->number != 0.0 || steps(lane->param) ? NB_CURVE_HOLD : NB_CURVE_LINE;
    if (curve->good && curve->number == 0.0 && steps(lane->param)) {
        nb_problems_add(self->reader.problems, curve->place,
                        "curve: %s goes in steps; only hold can move it", lane->param->name);
    }
}

static bool parse_lane(nb_parse *self, const nb_yaml_node *node, nb_lane *lane)
{
    lane->path = nb_read_string(&self->reader, node->key);
    lane->place = node->key_place;
    if (!lane->path || node->kind == NB_YAML_BROKEN || !find_target(self, lane)) {
        return false;
    }
    if (!lane->param->automatable) {
        nb_problems_add(self->reader.problems, lane->place, "lane '%.150s': %s can't be automated",
                        lane->path, lane->param->name);
        return false;
    }
    nb_field fields[NB_LANE_KEYS] = {0};
    const nb_yaml_node *points = node;
    if (node->kind == NB_YAML_MAP) {
        nb_read_object(&self->reader, node, &nb_lane_object, fields, NULL);
        points = fields[NB_LANE_KEY_POINTS].node;
    }
    if (!points) {
        return false;
    }
    check_curve(self, &fields[NB_LANE_KEY_CURVE], lane);
    const bool is_line = points->kind == NB_YAML_SCALAR && points->length > 0 &&
                         !memchr(points->text, '\n', points->length);
    if (!is_line && !points->is_literal) {
        nb_problems_add(self->reader.problems, points->place,
                        "%s: expected a block of `time value` lines behind '|'", lane->path);
        return false;
    }
    parse_points(self, points, lane);
    return true;
}

void nb_parse_lanes(nb_parse *self, const nb_yaml_node *map)
{
    if (!map) {
        return;
    }
    if (map->count > NB_LANES_MAX) {
        nb_problems_add(self->reader.problems, map->place, "%zu lanes; at most %d are allowed",
                        map->count, NB_LANES_MAX);
        return;
    }
    nb_lane *lanes = nb_read_take(&self->reader, map->count, sizeof *lanes);
    if (!lanes) {
        return;
    }
    size_t count = 0;
    for (const nb_yaml_node *at = map->first; at; at = at->next) {
        count += parse_lane(self, at, &lanes[count]);
    }
    self->document->lanes = lanes;
    self->document->lane_count = count;
}
