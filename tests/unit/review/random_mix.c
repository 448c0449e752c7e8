// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/review/random_mix.h"

#include "mix/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const shapes[] = {"linear", "equal-power", "s-curve", "exponential"};
static const char *const laws[] = {"constant-power", "linear", "compromise"};
static const char *const parts[] = {"all", "mid", "side", "left", "right"};

uint64_t random_mix_next(random_mix *self, uint64_t below)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return (self->seed >> 11) % below;
}

static unsigned pick(random_mix *self, unsigned below)
{
    return (unsigned)random_mix_next(self, below);
}

static bool one_in(random_mix *self, unsigned count) { return pick(self, count) == 0; }

static double shrunk(const random_mix *self, double seconds)
{
    return self->shrink > 0.0 ? round(seconds / self->shrink * 1e9) / 1e9 : seconds;
}

/// Seconds with up to nine decimals.
static double pick_long_time(random_mix *self, unsigned below_s)
{
    const double whole = pick(self, below_s);
    switch (pick(self, 3)) {
    case 0:
        return whole;
    case 1:
        return whole + pick(self, 1000) / 1000.0;
    default:
        return whole + pick(self, 1000000000) / 1000000000.0;
    }
}

static double pick_time(random_mix *self, unsigned below_s)
{
    return shrunk(self, pick_long_time(self, below_s));
}

static double pick_value(random_mix *self, const nb_param *param)
{
    if (param->off && one_in(self, 8)) {
        return -INFINITY;
    }
    if (one_in(self, 6)) {
        return param->initial; // written out, which changes nothing
    }
    if (param->scale == NB_SCALE_CHOICE || param->scale == NB_SCALE_SWITCH ||
        param->scale == NB_SCALE_WHOLE) {
        return param->min + pick(self, (unsigned)(param->max - param->min) + 1);
    }
    const double steps = one_in(self, 2) ? 20.0 : 1e9;
    const double value =
        param->min + (param->max - param->min) * (pick(self, (unsigned)steps + 1) / steps);
    return fmin(fmax(one_in(self, 2) ? round(value) : value, param->min), param->max);
}

static bool has_strip(const random_mix *self, unsigned id, bool bus_only)
{
    for (unsigned i = 0; i < self->strip_count; i++) {
        if (self->strips[i].id == id) {
            return self->strips[i].is_bus || !bus_only;
        }
    }
    return false;
}

static unsigned any_strip(random_mix *self, bool bus_only)
{
    const unsigned id = self->strips[pick(self, self->strip_count)].id;
    return has_strip(self, id, bus_only) ? id : 0;
}

static void swap(random_mix *self, void *items, unsigned count, size_t size)
{
    char *bytes = items;
    char keep[sizeof(random_strip)];
    if (count < 2) {
        return;
    }
    char *a = bytes + pick(self, count) * size;
    char *b = bytes + pick(self, count) * size;
    memcpy(keep, a, size);
    memmove(a, b, size);
    memcpy(b, keep, size);
}

/// Take item `index` out of a list.
static void take_out(void *items, unsigned *count, unsigned index, size_t size)
{
    char *at = (char *)items + index * size;
    memmove(at, at + size, (*count - index - 1) * size);
    (*count)--;
}

static void fill_clip(random_mix *self, random_clip *clip)
{
    *clip = (random_clip){.id = one_in(self, 4) ? 0 : self->next_id++, .take = pick(self, 6)};
    clip->at_s = pick_time(self, 120);
}

static void edit_clip(random_mix *self, random_clip *clip)
{
    switch (pick(self, 8)) {
    case 0:
        clip->at_s = pick_time(self, 120);
        break;
    case 1:
        clip->offset_s = one_in(self, 2) ? 0.0 : pick_time(self, 30);
        break;
    case 2:
        clip->length_s = one_in(self, 2) ? 0.0 : shrunk(self, 30.0) + pick_time(self, 30);
        break;
    case 3:
        clip->gain_db = pick(self, 41) / 2.0 - 10.0;
        break;
    case 4:
        clip->fade_in_s = one_in(self, 3) ? 0.0 : pick_time(self, 5);
        clip->in_shape = pick(self, 4);
        break;
    case 5:
        clip->fade_out_s = one_in(self, 3) ? 0.0 : pick_time(self, 5);
        clip->out_shape = pick(self, 4);
        break;
    case 6:
        clip->take = pick(self, 6);
        break;
    default:
        clip->name = pick(self, 3);
    }
}

static const nb_processor *any_processor(random_mix *self)
{
    for (;;) {
        const nb_processor *processor = nb_processor_at(pick(self, (unsigned)nb_processor_count()));
        if (!processor->hidden && processor->param_count <= RANDOM_PARAMS &&
            processor->band_param_count <= RANDOM_BAND_PARAMS) {
            return processor;
        }
    }
}

static void fill_band(random_insert *insert, unsigned band, unsigned id)
{
    insert->band_ids[band] = id;
    for (size_t i = 0; i < RANDOM_BAND_PARAMS; i++) {
        insert->band_values[band][i] = LEFT_OUT;
    }
}

static void fill_insert(random_mix *self, random_insert *insert)
{
    *insert = (random_insert){.id = self->next_id++, .processor = any_processor(self)};
    insert->wet_percent = LEFT_OUT;
    for (size_t i = 0; i < RANDOM_PARAMS; i++) {
        insert->values[i] = LEFT_OUT;
    }
    if (insert->processor->bands_max > 0) {
        fill_band(insert, insert->band_count++, self->next_id++);
    }
}

static void edit_bands(random_mix *self, random_insert *insert)
{
    const nb_processor *processor = insert->processor;
    const unsigned band = insert->band_count > 0 ? pick(self, insert->band_count) : 0;
    const unsigned what = pick(self, 6);
    if (what == 0 && insert->band_count < RANDOM_BANDS &&
        insert->band_count < processor->bands_max) {
        fill_band(insert, insert->band_count++, one_in(self, 3) ? 0 : self->next_id++);
    } else if (what == 1 && insert->band_count > 1) {
        unsigned count = insert->band_count;
        take_out(insert->band_values, &count, band, sizeof insert->band_values[0]);
        take_out(insert->band_ids, &insert->band_count, band, sizeof insert->band_ids[0]);
    } else if (what == 2 && insert->band_count > 1) {
        swap(self, insert->band_ids, insert->band_count, sizeof insert->band_ids[0]);
    } else if (insert->band_count > 0) {
        const unsigned index = pick(self, (unsigned)processor->band_param_count);
        insert->band_values[band][index] = pick_value(self, &processor->band_params[index]);
    }
}

static void edit_insert(random_mix *self, random_insert *insert)
{
    const nb_processor *processor = insert->processor;
    const unsigned what = pick(self, 10);
    if (what == 0) {
        insert->bypass = !insert->bypass;
    } else if (what == 1) {
        insert->channel = pick(self, 5);
    } else if (what == 2) {
        insert->wet_percent = pick(self, 101);
    } else if (what == 3) {
        insert->sidechain = processor->takes_sidechain ? any_strip(self, false) : 0;
    } else if (what == 4 && processor->takes_audio) {
        insert->take = pick(self, 6);
    } else if (what == 5) { // another processor under the same id
        const unsigned id = insert->id;
        fill_insert(self, insert);
        insert->id = id;
    } else if (processor->bands_max > 0) {
        edit_bands(self, insert);
    } else if (processor->param_count > 0) {
        const unsigned index = pick(self, (unsigned)processor->param_count);
        insert->values[index] = pick_value(self, &processor->params[index]);
    }
}

static void edit_strip_values(random_mix *self, random_strip *strip)
{
    switch (pick(self, 7)) {
    case 0:
        strip->fader_db = pick_value(self, &nb_fader_param);
        break;
    case 1:
        strip->pan_percent = pick(self, 201) - 100.0;
        break;
    case 2:
        strip->pan_law = pick(self, 3);
        break;
    case 3:
        strip->mute = !strip->mute;
        break;
    case 4:
        strip->inverted = !strip->inverted;
        break;
    case 5:
        strip->name = pick(self, 3) == 0 ? 0 : self->next_id++;
        break;
    default:
        strip->output = any_strip(self, true);
    }
}

static void edit_clips(random_mix *self, random_strip *strip)
{
    const unsigned what = pick(self, 6);
    if (strip->is_bus) {
        return;
    }
    if ((what == 0 && strip->clip_count < RANDOM_CLIPS) || strip->clip_count == 0) {
        fill_clip(self, &strip->clips[strip->clip_count++]);
    } else if (what == 1) {
        take_out(strip->clips, &strip->clip_count, pick(self, strip->clip_count),
                 sizeof strip->clips[0]);
    } else if (what == 2) {
        swap(self, strip->clips, strip->clip_count, sizeof strip->clips[0]);
    } else {
        edit_clip(self, &strip->clips[pick(self, strip->clip_count)]);
    }
}

static void edit_inserts(random_mix *self, random_strip *strip)
{
    const unsigned what = pick(self, 7);
    if ((what == 0 && strip->insert_count < RANDOM_INSERTS) || strip->insert_count == 0) {
        fill_insert(self, &strip->inserts[strip->insert_count++]);
    } else if (what == 1) {
        take_out(strip->inserts, &strip->insert_count, pick(self, strip->insert_count),
                 sizeof strip->inserts[0]);
    } else if (what == 2) {
        swap(self, strip->inserts, strip->insert_count, sizeof strip->inserts[0]);
    } else {
        edit_insert(self, &strip->inserts[pick(self, strip->insert_count)]);
    }
}

static void edit_sends(random_mix *self, random_strip *strip)
{
    const unsigned what = pick(self, 4);
    const unsigned to = any_strip(self, true);
    if (what == 0 && strip->send_count < RANDOM_SENDS && to) {
        strip->sends[strip->send_count++] = (random_send){to, -12.0, one_in(self, 2)};
    } else if (what == 1 && strip->send_count > 0) {
        take_out(strip->sends, &strip->send_count, pick(self, strip->send_count),
                 sizeof strip->sends[0]);
    } else if (strip->send_count > 0) {
        random_send *send = &strip->sends[pick(self, strip->send_count)];
        send->level_db = pick_value(self, &nb_level_param);
        send->pre = one_in(self, 3) ? !send->pre : send->pre;
    }
}

static void edit_strips(random_mix *self)
{
    const unsigned what = pick(self, 4);
    if (what == 0 && self->strip_count < RANDOM_STRIPS) {
        self->strips[self->strip_count++] =
            (random_strip){.id = self->next_id++, .is_bus = one_in(self, 3)};
    } else if (what == 1 && self->strip_count > 2) {
        take_out(self->strips, &self->strip_count, pick(self, self->strip_count),
                 sizeof self->strips[0]);
    } else {
        swap(self, self->strips, self->strip_count, sizeof self->strips[0]);
    }
}

static void fill_points(random_mix *self, random_lane *lane)
{
    double at_s = 0.0;
    lane->point_count = 1 + pick(self, RANDOM_POINTS);
    for (unsigned i = 0; i < lane->point_count; i++) {
        at_s += shrunk(self, 0.5) + pick_time(self, 20);
        lane->times_s[i] = at_s;
        lane->values[i] = pick_value(self, lane->param);
    }
}

/// A lane for something of a strip; without points where there was nothing.
static void find_target(random_mix *self, const random_strip *strip, random_lane *out)
{
    const unsigned what = pick(self, 4);
    if (what == 0 || (strip->insert_count == 0 && strip->send_count == 0)) {
        out->param = &nb_fader_param;
        snprintf(out->path, sizeof out->path, "s%u/fader_db", strip->id);
    } else if (what == 1 && strip->send_count > 0) {
        out->param = &nb_level_param;
        snprintf(out->path, sizeof out->path, "s%u/sends/s%u/level_db", strip->id,
                 strip->sends[0].to);
    } else if (strip->insert_count > 0) {
        const random_insert *insert = &strip->inserts[pick(self, strip->insert_count)];
        const nb_processor *processor = insert->processor;
        if (insert->band_count > 0 && insert->band_ids[0] > 0) {
            out->param = &processor->band_params[pick(self, (unsigned)processor->band_param_count)];
            snprintf(out->path, sizeof out->path, "s%u/i%u/b%u.%s", strip->id, insert->id,
                     insert->band_ids[0], out->param->name);
        } else if (processor->param_count > 0) {
            out->param = &processor->params[pick(self, (unsigned)processor->param_count)];
            snprintf(out->path, sizeof out->path, "s%u/i%u/%s", strip->id, insert->id,
                     out->param->name);
        }
    }
}

static void edit_lanes(random_mix *self)
{
    const unsigned what = pick(self, 4);
    if ((what == 0 || self->lane_count == 0) && self->lane_count < RANDOM_LANES) {
        random_lane lane = {.param = NULL};
        find_target(self, &self->strips[pick(self, self->strip_count)], &lane);
        if (lane.param && lane.param->automatable) {
            fill_points(self, &lane);
            self->lanes[self->lane_count++] = lane;
        }
    } else if (what == 1 && self->lane_count > 0) {
        take_out(self->lanes, &self->lane_count, pick(self, self->lane_count),
                 sizeof self->lanes[0]);
    } else if (self->lane_count > 0) {
        random_lane *lane = &self->lanes[pick(self, self->lane_count)];
        const unsigned point = pick(self, lane->point_count);
        if (one_in(self, 3)) {
            lane->hold = !lane->hold;
        } else if (one_in(self, 2)) {
            lane->values[point] = pick_value(self, lane->param);
        } else {
            fill_points(self, lane);
        }
    }
}

static void edit_alternates(random_mix *self)
{
    const unsigned what = pick(self, 4);
    if ((what == 0 || self->alternate_count == 0) && self->alternate_count < RANDOM_ALTERNATES) {
        self->alternates[self->alternate_count++] =
            (random_alternate){.id = self->next_id++, .mute = any_strip(self, false)};
    } else if (what == 1 && self->alternate_count > 0) {
        take_out(self->alternates, &self->alternate_count, pick(self, self->alternate_count),
                 sizeof self->alternates[0]);
    } else if (what == 2) {
        swap(self, self->alternates, self->alternate_count, sizeof self->alternates[0]);
    } else if (self->alternate_count > 0) {
        random_alternate *alternate = &self->alternates[pick(self, self->alternate_count)];
        alternate->name = pick(self, 3);
        alternate->mute = any_strip(self, false);
        alternate->unmute = any_strip(self, false);
        alternate->offset = any_strip(self, false);
        alternate->offset_db = pick(self, 20) / 2.0 - 5.0;
    }
}

static void edit_song(random_mix *self)
{
    static const unsigned rates_hz[] = {44100, 48000, 96000};
    const unsigned what = pick(self, 4);
    if (what == 0) {
        self->title = pick(self, 3);
    } else if (what == 1) {
        self->tail_s = shrunk(self, pick(self, 40) / 2.0);
    } else if (what == 2) {
        self->rate_hz = rates_hz[pick(self, 3)];
    } else {
        self->tempo_count = pick(self, RANDOM_TEMPOS + 1);
        for (unsigned i = 0; i < self->tempo_count; i++) {
            self->tempo_s[i] = i == 0 ? 0.0 : self->tempo_s[i - 1] + 1.0 + pick_time(self, 30);
            self->bpm[i] = 60.0 + pick(self, 1200) / 10.0;
        }
    }
}

void random_mix_edit(random_mix *self)
{
    random_strip *strip = &self->strips[pick(self, self->strip_count)];
    switch (pick(self, 14)) {
    case 0:
    case 1:
        edit_strip_values(self, strip);
        break;
    case 2:
    case 3:
        edit_clips(self, strip);
        break;
    case 4:
    case 5:
        edit_inserts(self, strip);
        break;
    case 6:
    case 12:
    case 13:
        edit_sends(self, strip);
        break;
    case 7:
        edit_strips(self);
        break;
    case 8:
        edit_lanes(self);
        break;
    case 9:
        edit_alternates(self);
        break;
    case 10:
        edit_song(self);
        break;
    default:
        if (self->mix_insert.processor && one_in(self, 2)) {
            edit_insert(self, &self->mix_insert);
        } else if (one_in(self, 2)) {
            fill_insert(self, &self->mix_insert);
        } else {
            self->mix_fader_db = pick(self, 13) / 2.0 - 3.0;
        }
    }
}

void random_mix_init(random_mix *self, uint64_t seed)
{
    *self = (random_mix){.seed = seed, .next_id = 1, .rate_hz = 48000, .tail_s = 20.0};
    for (unsigned i = 0; i < 4; i++) {
        self->strips[self->strip_count++] = (random_strip){.id = self->next_id++, .is_bus = i == 3};
    }
}

static void write_params(const nb_param *params, size_t count, const double *values, nb_text *out)
{
    for (size_t i = 0; i < count; i++) {
        char value[64];
        if (values[i] != LEFT_OUT) {
            nb_text_addf(out, ", %s: %s", params[i].name,
                         nb_schema_format_value(&params[i], values[i], value, sizeof value));
        }
    }
}

static void write_insert(const random_mix *self, const random_insert *insert, nb_text *out)
{
    const nb_processor *processor = insert->processor;
    nb_text_addf(out, "      - {id: i%u, processor: %s, bypass: %s, channel: %s", insert->id,
                 processor->name, insert->bypass ? "true" : "false", parts[insert->channel]);
    write_params(&nb_wet_param, 1, &insert->wet_percent, out);
    write_params(processor->params, processor->param_count, insert->values, out);
    if (processor->takes_audio && (insert->take > 0 || !processor->audio_optional)) {
        nb_text_addf(out, ", file: audio/take%u.wav", insert->take);
    }
    if (insert->sidechain && has_strip(self, insert->sidechain, false)) {
        nb_text_addf(out, ", sidechain: s%u", insert->sidechain);
    }
    nb_text_add(out, insert->band_count > 0 ? ", bands: [" : "}\n");
    for (unsigned b = 0; b < insert->band_count; b++) {
        char id[16];
        snprintf(id, sizeof id, insert->band_ids[b] ? "b%u" : "%u",
                 insert->band_ids[b] ? insert->band_ids[b] : b + 1);
        nb_text_addf(out, "%s{id: %s", b > 0 ? ", " : "", id);
        write_params(processor->band_params, processor->band_param_count, insert->band_values[b],
                     out);
        nb_text_add(out, "}");
    }
    nb_text_add(out, insert->band_count > 0 ? "]}\n" : "");
}

static void write_clip(const random_clip *clip, nb_text *out)
{
    nb_text_add(out, "      - {");
    if (clip->id > 0) {
        nb_text_addf(out, "id: c%u, ", clip->id);
    }
    nb_text_addf(out, "file: audio/take%u%.*s.wav, at: %.9f, gain_db: %g", clip->take,
                 (int)clip->name, "~~", clip->at_s, clip->gain_db);
    if (clip->offset_s > 0.0) {
        nb_text_addf(out, ", offset: %.9f", clip->offset_s);
    }
    if (clip->length_s > 0.0) {
        nb_text_addf(out, ", length: %.9f", clip->length_s);
    }
    nb_text_addf(out, ", fade_in: %.9f, fade_in_shape: %s, fade_out: %.9f, fade_out_shape: %s}\n",
                 clip->fade_in_s, shapes[clip->in_shape], clip->fade_out_s,
                 shapes[clip->out_shape]);
}

static void write_strip(const random_mix *self, const random_strip *strip, nb_text *out)
{
    char fader[64];
    nb_text_addf(out, "  - id: s%u\n    mute: %s\n    polarity: %s\n    fader_db: %s\n", strip->id,
                 strip->mute ? "true" : "false", strip->inverted ? "inverted" : "normal",
                 nb_schema_format_value(&nb_fader_param, strip->fader_db, fader, sizeof fader));
    nb_text_addf(out, "    pan_percent: %g\n    pan_law: %s\n", strip->pan_percent,
                 laws[strip->pan_law]);
    if (strip->name > 0) {
        nb_text_addf(out, "    name: \"Strip \\\"%u\\\" – ä\"\n", strip->name);
    }
    if (strip->output > 0 && has_strip(self, strip->output, true)) {
        nb_text_addf(out, "    output: s%u\n", strip->output);
    }
    nb_text_add(out, strip->insert_count > 0 ? "    inserts:\n" : "");
    for (unsigned i = 0; i < strip->insert_count; i++) {
        write_insert(self, &strip->inserts[i], out);
    }
    nb_text_add(out, strip->clip_count > 0 ? "    clips:\n" : "");
    for (unsigned i = 0; i < strip->clip_count; i++) {
        write_clip(&strip->clips[i], out);
    }
    nb_text_add(out, "    sends: [");
    const char *comma = "";
    for (unsigned i = 0; i < strip->send_count; i++) {
        const random_send *send = &strip->sends[i];
        if (has_strip(self, send->to, true)) {
            nb_text_addf(
                out, "%s{to: s%u, level_db: %s, tap: %s}", comma, send->to,
                nb_schema_format_value(&nb_level_param, send->level_db, fader, sizeof fader),
                send->pre ? "pre" : "post");
            comma = ", ";
        }
    }
    nb_text_add(out, "]\n");
}

static void write_song(const random_mix *self, nb_text *out)
{
    nb_text_addf(out, "format: nightbus-mix/1\ntitle: Title %u\nrate_hz: %u\ntail_max_s: %g\n",
                 self->title, self->rate_hz, self->tail_s);
    nb_text_add(out, self->tempo_count > 0 ? "tempo:\n" : "");
    for (unsigned i = 0; i < self->tempo_count; i++) {
        nb_text_addf(out, "  - {at: %.9f, bpm: %g}\n", self->tempo_s[i], self->bpm[i]);
    }
}

static void write_lanes(const random_mix *self, nb_text *out)
{
    nb_text_add(out, self->lane_count > 0 ? "automation:\n" : "");
    for (unsigned i = 0; i < self->lane_count; i++) {
        const random_lane *lane = &self->lanes[i];
        nb_text_addf(out, "  %s:\n", lane->path);
        nb_text_add(out, lane->hold ? "    curve: hold\n" : "");
        nb_text_add(out, "    points: |\n");
        for (unsigned p = 0; p < lane->point_count; p++) {
            char value[64];
            nb_text_addf(out, "      %.9f %s\n", lane->times_s[p],
                         nb_schema_format_value(lane->param, lane->values[p], value, sizeof value));
        }
    }
}

static void write_alternates(const random_mix *self, nb_text *out)
{
    nb_text_add(out, self->alternate_count > 0 ? "alternates:\n" : "");
    for (unsigned i = 0; i < self->alternate_count; i++) {
        const random_alternate *alternate = &self->alternates[i];
        nb_text_addf(out, "  - {id: a%u, mute: [", alternate->id);
        if (alternate->mute && has_strip(self, alternate->mute, false)) {
            nb_text_addf(out, "s%u", alternate->mute);
        }
        nb_text_add(out, "], unmute: [");
        if (alternate->unmute && has_strip(self, alternate->unmute, false)) {
            nb_text_addf(out, "s%u", alternate->unmute);
        }
        nb_text_add(out, "]");
        if (alternate->offset && has_strip(self, alternate->offset, false)) {
            nb_text_addf(out, ", offset_db: {s%u: %g}", alternate->offset, alternate->offset_db);
        }
        if (alternate->name > 0) {
            nb_text_addf(out, ", name: Alternate %u", alternate->name);
        }
        nb_text_add(out, "}\n");
    }
}

void random_mix_write(const random_mix *self, nb_text *out)
{
    write_song(self, out);
    for (int buses = 0; buses <= 1; buses++) {
        bool any = false;
        for (unsigned i = 0; i < self->strip_count; i++) {
            any = any || self->strips[i].is_bus == (buses == 1);
        }
        nb_text_addf(out, "%s:%s\n", buses ? "buses" : "tracks", any ? "" : " []");
        for (unsigned i = 0; i < self->strip_count; i++) {
            if (self->strips[i].is_bus == (buses == 1)) {
                write_strip(self, &self->strips[i], out);
            }
        }
    }
    nb_text_addf(out, "mix_bus:\n    fader_db: %g\n", self->mix_fader_db);
    if (self->mix_insert.processor) {
        nb_text_add(out, "    inserts:\n");
        write_insert(self, &self->mix_insert, out);
    }
    write_lanes(self, out);
    write_alternates(self, out);
}
