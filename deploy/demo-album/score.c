// SPDX-License-Identifier: GPL-3.0-or-later
#include "deploy/demo-album/score.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

double nb_score_seconds(const nb_score *self, double beat)
{
    double seconds = 0.0;
    for (size_t i = 0; i < self->tempo_count; i++) {
        const double from = self->tempos[i].beat;
        const bool last = i + 1 == self->tempo_count || self->tempos[i + 1].beat > beat;
        const double to = last ? beat : self->tempos[i + 1].beat;
        seconds += (to - from) * 60.0 / self->tempos[i].bpm;
        if (last) {
            break;
        }
    }
    return seconds;
}

const nb_chord *nb_score_chord(const nb_score *self, double beat)
{
    size_t index = (size_t)(beat / NB_BEATS_A_BAR);
    index = (index < self->bar_count) ? index : self->bar_count - 1;
    const nb_bar *bar = &self->bars[index];
    const bool late = beat - (double)(index * NB_BEATS_A_BAR) >= 2.0;
    return (late && bar->second) ? bar->second : bar->chord;
}

/// Beat of a bar's sixteenth, swung.
static double step_beat(const nb_score *self, size_t bar, size_t step)
{
    const double late = (step % 2 == 1) ? self->swing : 0.0;
    return (double)(bar * NB_BEATS_A_BAR) + ((double)step + late) / 4.0;
}

static const char *pattern_of(const nb_score *self, const nb_groove *groove, size_t bar)
{
    const char section = self->bars[bar].section;
    if (bar + 1 == self->bar_count) {
        return groove->ending;
    }
    if (groove->fill && self->bars[bar + 1].section != section) {
        return groove->fill;
    }
    switch (section) {
    case 'i':
        return groove->intro;
    case 'v':
        return groove->verse[bar % 2];
    case 'c':
        return groove->chorus[bar % 2];
    default:
        return groove->outro;
    }
}

static double mark_velocity(char mark)
{
    if (mark >= '1' && mark <= '9') {
        return (double)(mark - '0') / 9.0;
    }
    return (mark >= 'A' && mark <= 'Z') ? 0.9 : 0.62;
}

static void play_bar(const nb_score *self, nb_take *take, size_t bar, const char *pattern,
                     double loose_ms, nb_player *player, const void *context)
{
    assert(strlen(pattern) == NB_STEPS_A_BAR);
    for (size_t index = 0; index < NB_STEPS_A_BAR; index++) {
        if (pattern[index] == '.' || pattern[index] == '-') {
            continue;
        }
        const size_t end = index + 1 + strspn(pattern + index + 1, "-");
        const double beat = step_beat(self, bar, index), end_beat = step_beat(self, bar, end);
        const double start_s = nb_score_seconds(self, beat);
        const double at_s = start_s + 0.001 * loose_ms * nb_random_normal(&take->random);
        const double velocity =
            mark_velocity(pattern[index]) * (1.0 + 0.06 * nb_random_normal(&take->random));
        const nb_step step = {.beat = beat,
                              .beats = end_beat - beat,
                              .at_s = (at_s > 0.0) ? at_s : 0.0,
                              .length_s = nb_score_seconds(self, end_beat) - start_s,
                              .velocity = (velocity < 1.0) ? velocity : 1.0,
                              .mark = pattern[index],
                              .index = index,
                              .chord = nb_score_chord(self, beat),
                              .next = nb_score_chord(self, end_beat)};
        player(take, context, &step);
    }
}

void nb_score_play(const nb_score *self, nb_take *take, const nb_groove *groove, double loose_ms,
                   nb_player *player, const void *context)
{
    for (size_t bar = 0; bar < self->bar_count; bar++) {
        const char *pattern = pattern_of(self, groove, bar);
        if (pattern) {
            play_bar(self, take, bar, pattern, loose_ms, player, context);
        }
    }
}

typedef struct drum {
    nb_hit *hit;
} drum;

static void play_drum(nb_take *take, const void *context, const nb_step *step)
{
    const drum *self = context;
    self->hit(take, step->at_s, step->velocity);
}

void nb_score_play_drum(const nb_score *self, nb_take *take, const nb_groove *groove,
                        double loose_ms, nb_hit *hit)
{
    const drum struck = {hit};
    nb_score_play(self, take, groove, loose_ms, play_drum, &struck);
}

/// "C#5" to 73.
static int read_pitch(const char *text)
{
    static const int keys[] = {['A' - 'A'] = 9, ['B' - 'A'] = 11, ['C' - 'A'] = 0, ['D' - 'A'] = 2,
                               ['E' - 'A'] = 4, ['F' - 'A'] = 5,  ['G' - 'A'] = 7};
    if (*text == '-') {
        return 0;
    }
    assert(*text >= 'A' && *text <= 'G');
    int key = keys[*text++ - 'A'];
    if (*text == '#' || *text == 'b') {
        key += (*text == '#') ? 1 : -1;
        text++;
    }
    assert(*text >= '1' && *text <= '7');
    return key + 12 * (*text - '0' + 1);
}

size_t nb_score_read_line(const char *line, double beat, nb_syllable out[NB_SYLLABLES_MAX])
{
    size_t count = 0;
    while (*line) {
        assert(count < NB_SYLLABLES_MAX);
        nb_syllable *syllable = &out[count++];
        *syllable = (nb_syllable){.beat = beat, .pitch = read_pitch(line)};
        char *end = NULL;
        syllable->beats = strtod(strchr(line, ':') + 1, &end);
        if (*end == ':') {
            end++;
            syllable->onset = '\0';
            if (!strchr("aeiou@", *end)) {
                syllable->onset = *end++;
            }
            syllable->vowels[0] = *end++;
            syllable->vowels[1] = (*end && *end != ' ') ? *end++ : syllable->vowels[0];
        }
        beat += syllable->beats;
        line = end + strspn(end, " ");
    }
    return count;
}
