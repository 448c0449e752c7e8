// SPDX-License-Identifier: GPL-3.0-or-later
// Files that other programs wrote, of $NIGHTBUS_SHARED_DATA/markers or ../shared/data/markers, and
// ours as libsndfile reads them. Skipped where the files are not.
#include "base/file.h"
#include "base/text.h"
#include "review/markers.h"
#include "test.h"

#include <math.h>
#include <sndfile.h>
#include <unistd.h>

static char folder[800];

static const char *path_of(const char *name)
{
    static char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void read_file(const char *name, nb_marker_format format, nb_markers *out)
{
    if (!nb_file_exists(path_of(name))) {
        skip();
    }
    nb_marker_format guessed;
    assert_ok(nb_marker_format_of_file(path_of(name), &guessed, err));
    assert_int_equal(guessed, format);
    assert_ok(nb_markers_read(path_of(name), format, out, err));
}

typedef struct wanted {
    double at_s, end_s;
    const char *text;
} wanted;

static void assert_markers(const nb_markers *found, const wanted *list, size_t count, double off_s)
{
    assert_int_equal(found->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(fabs((double)found->items[i].at_ns / 1e9 - list[i].at_s) <= off_s);
        assert_true(fabs((double)found->items[i].end_ns / 1e9 - list[i].end_s) <= off_s);
        assert_string_equal(found->items[i].text, list[i].text);
    }
}

static void projects_of_reaper_5_and_6(void **state)
{
    (void)state;
    static const wanted five[] = {{2, 2, ""}, {4, 6, ""}};
    static const wanted six[] = {
        {0, 0, ""},
        {0, 250.43472000001663, "Song 1"},
        {333.91296000002183, 333.91296000002183, ""},
        {333.91296000002183, 550.95638400003531, "Song 2"},
        {684.52156800004377, 684.52156800004377, ""},
        {684.52156800004377, 1126.9562400000714, "Song 3"},
    };
    NB_SCOPED(nb_markers_fini) nb_markers a = {0};
    NB_SCOPED(nb_markers_fini) nb_markers b = {0};
    read_file("reaper/vst-5.50c.rpp", NB_MARKER_RPP, &a);
    assert_markers(&a, five, NB_COUNT(five), 1e-9);
    read_file("reaper/mother-project-6.78.rpp", NB_MARKER_RPP, &b);
    assert_markers(&b, six, NB_COUNT(six), 1e-9);
}

static void a_wav_rendered_by_reaper(void **state)
{
    (void)state;
    static const wanted list[] = {
        {290708 / 48e3, 886374 / 48e3, "Region 1"},   {383050 / 48e3, 383050 / 48e3, "Marker 1"},
        {1060229 / 48e3, 1496290 / 48e3, "Region 2"}, {1597183 / 48e3, 1597183 / 48e3, "Marker 2"},
        {2282911 / 48e3, 2756024 / 48e3, "Region 3"}, {2372404 / 48e3, 2372404 / 48e3, "Marker 3"},
    };
    NB_SCOPED(nb_markers_fini) nb_markers found = {0};
    read_file("reaper/three-markers-three-regions-stripped.wav", NB_MARKER_WAV_CUE, &found);
    assert_int_equal(found.rate_hz, 48000);
    assert_markers(&found, list, NB_COUNT(list), 1e-9);
}

static void a_wav_whose_cues_have_no_position(void **state)
{
    (void)state;
    static const wanted list[] = {
        {1, 1, "Vocal up 1 dB"}, {1.5, 2.5, "Breath (region)"}, {3, 3, "Zoë “quote”"}};
    NB_SCOPED(nb_markers_fini) nb_markers found = {0};
    read_file("wav/wavefile-js-cues.wav", NB_MARKER_WAV_CUE, &found);
    assert_markers(&found, list, NB_COUNT(list), 1e-9);
}

static void a_session_of_ardour_7(void **state)
{
    (void)state;
    static const wanted list[] = {{10, 12.00030612244898, "range \"A\" <ü> & tab"}};
    NB_SCOPED(nb_markers_fini) nb_markers found = {0};
    read_file("ardour/range-7.3-44100.ardour", NB_MARKER_ARDOUR, &found);
    assert_int_equal(found.count, 1);
    assert_int_equal(nb_text_ns_to_frames(found.items[0].at_ns, 44100), 2822400000 / 6400);
    assert_int_equal(nb_text_ns_to_frames(found.items[0].end_ns, 44100), 3386886400 / 6400);
    assert_true(strncmp(found.items[0].text, list[0].text, 16) == 0);
}

static void markers_of_a_midi_library(void **state)
{
    (void)state;
    static const wanted list[] = {{1.5, 1.5, "Vocal up"},
                                  {63.25, 63.25, "Breath too loud"},
                                  {187.123, 187.123, "R: chorus wide"}};
    NB_SCOPED(nb_markers_fini) nb_markers found = {0};
    read_file("midi/mido-markers.mid", NB_MARKER_MIDI, &found);
    assert_markers(&found, list, NB_COUNT(list), 0.0003);
}

static void session_texts_of_protools(void **state)
{
    (void)state;
    static const wanted signs[] = {{10, 10, "Test Ellipsis…"},
                                   {70, 70, "Test Em Dash —"},
                                   {130, 130, "Test En Dash –"},
                                   {190, 190, "Right Side Quote’s Not An Apostrophe"}};
    static const wanted rulers[] = {{10, 10, "Marker 1"}, {11, 11, "Marker 2\nSome comments"},
                                    {12, 12, "Marker 3"}, {13, 13, "Marker 4"},
                                    {14, 14, "Marker 5"}, {15, 15, "Marker 6\nMore comments"},
                                    {16, 16, "Marker 7"}};
    // A marker on bars has only the location: here to the second, there to the sample.
    static const wanted minutes[] = {{2695168 / 48e3, 2695168 / 48e3, "Marker Absolute\nComment"},
                                     {115, 115, "Marker Bars-Beats\nComment"}};
    static const wanted samples[] = {
        {2695168 / 48e3, 2695168 / 48e3, "Marker Absolute\nComment"},
        {5562368 / 48e3, 5562368 / 48e3, "Marker Bars-Beats\nComment"}};
    static const struct {
        const char *name;
        const wanted *list;
        size_t count;
    } files[] = {
        {"ExtendedChars_UTF8Format_PT2023.3", signs, NB_COUNT(signs)},
        {"MarkerRulersAndTrackMarkers_PT2023.12", rulers, NB_COUNT(rulers)},
        {"TimeFormats_MinSecs_PT2022.9", minutes, NB_COUNT(minutes)},
        {"TimeFormats_Samples_PT2022.9", samples, NB_COUNT(samples)},
    };
    for (size_t i = 0; i < NB_COUNT(files); i++) {
        NB_SCOPED(nb_markers_fini) nb_markers found = {0};
        char name[200];
        snprintf(name, sizeof name, "protools/SessionText_%s.txt", files[i].name);
        read_file(name, NB_MARKER_PROTOOLS, &found);
        assert_markers(&found, files[i].list, files[i].count, 1e-9);
        assert_int_equal(found.left_out, 0);
    }
}

static void names_of_protools_with_tabs_and_new_lines(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Marker Name\nWith New Line",
        "Normal Marker Name\nComment Here\nWith New Line",
        "Marker Name Again\nWith New Line Again\nComment Here Again\nWith New Line Again",
        "Normal Marker Name Again",
        "Marker Name\nWith Tab",
        "Normal Marker Name\nComments Here\nWith Tab",
        "Marker Name\nWith Tab\nComments Here\nWith Tab",
        "Marker Name\nWith Tab\nAnd Another Tab",
        "Normal Marker Name\nComment Here\nWith Tab\nAnd Another Tab",
        "Marker Name\nWith Tab\nAnd Another Tab\nComment Here\nWith Tab\nAnd Another Tab",
        "Marker Name\nWith Tab\nAnd Newline",
        "Normal Marker Name\nComment Here\nWith Tab\nAnd Newline"};
    NB_SCOPED(nb_markers_fini) nb_markers found = {0};
    read_file("protools/SessionText_NewLinesAndTabs_DefaultExportOptions_PT2023.6.txt",
              NB_MARKER_PROTOOLS, &found);
    assert_int_equal(found.count, NB_COUNT(texts));
    for (size_t i = 0; i < found.count; i++) {
        assert_int_equal(nb_text_ns_to_frames(found.items[i].at_ns, 48000), 240240 + 48048 * i);
        assert_string_equal(found.items[i].text, texts[i]);
    }
}

// ---- into sessions ----

static void two_notes(nb_markers *out)
{
    char point[] = "Zoë: \"vocal\" <up> & 'out'";
    char region[] = "breath";
    const nb_marker markers[] = {
        {.at_ns = 1500000000, .end_ns = 1500000000, .text = point, .colour = NB_MARKER_NO_COLOUR},
        {.at_ns = 63250000000,
         .end_ns = 65000000000,
         .text = region,
         .colour = NB_MARKER_NO_COLOUR}};
    assert_ok(nb_markers_add(out, &markers[0], err));
    assert_ok(nb_markers_add(out, &markers[1], err));
}

static char *write_into(const char *name, nb_marker_format format, size_t *out_size)
{
    NB_SCOPED(nb_markers_fini) nb_markers notes = {0};
    two_notes(&notes);
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, out_size);
    assert_ok(nb_markers_write(&notes, format, path_of(name), out, err));
    fclose(out);
    return bytes;
}

/// The session's bytes but for what was put in: `before` the same as theirs from the start, and the
/// rest the same from the end.
static void assert_put_in(const char *ours, size_t ours_size, const char *theirs,
                          size_t theirs_size, const char *put_in_begins)
{
    size_t before = 0;
    while (before < theirs_size && ours[before] == theirs[before]) {
        before++;
    }
    size_t behind = 0;
    while (behind < theirs_size - before &&
           ours[ours_size - 1 - behind] == theirs[theirs_size - 1 - behind]) {
        behind++;
    }
    assert_int_equal(before + behind, theirs_size);
    while (before > 0 && ours[before - 1] != '\n') {
        before--;
    }
    assert_true(strncmp(ours + before, put_in_begins, strlen(put_in_begins)) == 0);
}

static void a_project_of_reaper_keeps_every_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"reaper/vst-5.50c.rpp", "reaper/mother-project-6.78.rpp"};
    static const char *const begins[] = {"  MARKER 2 1.500000000 `", "  MARKER 4 1.500000000 "};
    for (size_t i = 0; i < NB_COUNT(names); i++) {
        NB_SCOPED(nb_markers_fini) nb_markers had = {0};
        NB_SCOPED(nb_markers_fini) nb_markers has = {0};
        NB_SCOPED(nb_text_free) char *theirs = NULL;
        size_t theirs_size = 0;
        size_t size = 0;
        read_file(names[i], NB_MARKER_RPP, &had);
        assert_ok(nb_file_read(path_of(names[i]), 1 << 20, &theirs, &theirs_size, err));
        NB_SCOPED(nb_text_free) char *ours = write_into(names[i], NB_MARKER_RPP, &size);
        assert_put_in(ours, size, theirs, theirs_size, begins[i]);
        assert_ok(nb_markers_parse("ours", ours, size, NB_MARKER_RPP, &has, err));
        assert_int_equal(has.count, had.count + 2);
    }
}

static void a_session_of_ardour_keeps_all_but_its_counter(void **state)
{
    (void)state;
    static const char name[] = "ardour/range-7.3-44100.ardour";
    NB_SCOPED(nb_markers_fini) nb_markers had = {0};
    NB_SCOPED(nb_markers_fini) nb_markers has = {0};
    NB_SCOPED(nb_text_free) char *theirs = NULL;
    size_t theirs_size = 0;
    size_t size = 0;
    read_file(name, NB_MARKER_ARDOUR, &had);
    assert_ok(nb_file_read(path_of(name), 1 << 20, &theirs, &theirs_size, err));
    NB_SCOPED(nb_text_free) char *ours = write_into(name, NB_MARKER_ARDOUR, &size);
    // 124 becomes 127: as many digits, so it can be put back.
    char *counter = strstr(ours, "id-counter=\"127\"");
    assert_non_null(counter);
    memcpy(counter, "id-counter=\"124\"", strlen("id-counter=\"124\""));
    assert_put_in(ours, size, theirs, theirs_size,
                  "    <Location id=\"125\" name=\"Zoë: &quot;vocal&quot; &lt;up&gt; &amp; 'out'\" "
                  "start=\"a423360000\" end=\"a423360000\" flags=\"IsMark\" locked=\"0\" "
                  "timestamp=\"0\" cue=\"0\"/>\n"
                  "    <Location id=\"126\" name=\"breath\" start=\"a17851680000\" "
                  "end=\"a18345600000\" flags=\"IsRangeMarker\"");
    assert_ok(nb_markers_parse("ours", ours, size, NB_MARKER_ARDOUR, &has, err));
    assert_int_equal(has.count, 3);
}

static void a_wav_of_reaper_keeps_its_cues_and_chunks(void **state)
{
    (void)state;
    static const char name[] = "reaper/three-markers-three-regions-stripped.wav";
    NB_SCOPED(nb_markers_fini) nb_markers had = {0};
    NB_SCOPED(nb_markers_fini) nb_markers has = {0};
    size_t size = 0;
    read_file(name, NB_MARKER_WAV_CUE, &had);
    NB_SCOPED(nb_text_free) char *ours = write_into(name, NB_MARKER_WAV_CUE, &size);
    NB_SCOPED(nb_text_free) char *theirs = NULL;
    size_t theirs_size = 0;
    assert_ok(nb_file_read(path_of(name), 1 << 20, &theirs, &theirs_size, err));
    assert_memory_equal(ours + 12, theirs + 12, 0x28e - 12); // fmt, bext, data
    assert_ok(nb_markers_parse("ours", ours, size, NB_MARKER_WAV_CUE, &has, err));
    assert_int_equal(has.count, had.count + 2);
    assert_int_equal(has.items[0].at_ns, 1500000000);
    assert_string_equal(has.items[0].text, "Zoë: \"vocal\" <up> & 'out'");
    for (size_t i = 0; i < had.count; i++) {
        bool found = false;
        for (size_t j = 0; j < has.count; j++) {
            found = found || (has.items[j].at_ns == had.items[i].at_ns &&
                              has.items[j].end_ns == had.items[i].end_ns &&
                              strcmp(has.items[j].text, had.items[i].text) == 0);
        }
        assert_true(found);
    }
}

// ---- what libsndfile says of ours ----

typedef struct cues {
    uint32_t count;
    SF_CUE_POINT points[100];
} cues;

static void write_tone(const char *path)
{
    enum { FRAMES = 48000 * 3 };
    SF_INFO info = {.samplerate = 48000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_24};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    static int samples[FRAMES];
    for (int i = 0; i < FRAMES; i++) {
        samples[i] = (i % 97) << 24;
    }
    assert_int_equal(sf_writef_int(file, samples, FRAMES), FRAMES);
    sf_close(file);
}

static void *audio_of(const char *path, sf_count_t *out_frames, cues *out_cues)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    assert_non_null(file);
    int *samples = calloc((size_t)info.frames, sizeof *samples);
    assert_int_equal(sf_readf_int(file, samples, info.frames), info.frames);
    *out_frames = info.frames;
    *out_cues = (cues){0};
    sf_command(file, SFC_GET_CUE, out_cues, sizeof *out_cues);
    sf_close(file);
    return samples;
}

static void libsndfile_reads_our_cues_and_the_same_audio(void **state)
{
    (void)state;
    char tone[] = "/tmp/nightbus-markers-XXXXXX.wav";
    char marked[] = "/tmp/nightbus-marked-XXXXXX.wav";
    close(mkstemps(tone, 4));
    close(mkstemps(marked, 4));
    write_tone(tone);
    NB_SCOPED(nb_markers_fini) nb_markers notes = {0};
    char long_text[400];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    char two_lines[] = "two\nlines";
    char plain[] = "Zoë: vocal up";
    char *const texts[] = {plain, two_lines, long_text};
    for (size_t i = 0; i < 3; i++) {
        const nb_marker marker = {.at_ns = nb_markers_frame_to_ns(1001 * (int64_t)(i + 1), 48000),
                                  .end_ns = nb_markers_frame_to_ns(2002 * (int64_t)(i + 1), 48000),
                                  .text = texts[i],
                                  .colour = NB_MARKER_NO_COLOUR};
        assert_ok(nb_markers_add(&notes, &marker, err));
    }
    FILE *out = fopen(marked, "wb");
    assert_ok(nb_markers_write(&notes, NB_MARKER_WAV_CUE, tone, out, err));
    fclose(out);
    cues before;
    cues after;
    sf_count_t frames[2];
    int *a = audio_of(tone, &frames[0], &before);
    int *b = audio_of(marked, &frames[1], &after);
    assert_int_equal(frames[0], frames[1]);
    assert_memory_equal(a, b, sizeof *a * (size_t)frames[0]);
    free(a);
    free(b);
    assert_int_equal(before.count, 0);
    assert_int_equal(after.count, 3);
    assert_int_equal(after.points[0].sample_offset, 1001);
    assert_string_equal(after.points[0].name, "Zoë: vocal up");
    assert_int_equal(after.points[1].sample_offset, 2002);
    assert_string_equal(after.points[1].name, "two lines");
    assert_int_equal(after.points[2].sample_offset, 3003);
    assert_int_equal(strnlen(after.points[2].name, 256), 255);
    NB_SCOPED(nb_markers_fini) nb_markers got = {0};
    assert_ok(nb_markers_read(marked, NB_MARKER_WAV_CUE, &got, err));
    assert_string_equal(got.items[2].text, long_text);
    assert_int_equal(nb_text_ns_to_frames(got.items[2].end_ns, 48000), 6006);
    unlink(tone);
    unlink(marked);
}

static void an_unfinished_wav_is_not_copied(void **state)
{
    (void)state;
    char tone[] = "/tmp/nightbus-markers-XXXXXX.wav";
    close(mkstemps(tone, 4));
    write_tone(tone);
    assert_int_equal(truncate(tone, 100000), 0);
    NB_SCOPED(nb_markers_fini) nb_markers notes = {0};
    two_notes(&notes);
    FILE *out = fopen("/dev/null", "wb");
    assert_fails(NB_E_CORRUPT, "header says more than the file holds",
                 nb_markers_write(&notes, NB_MARKER_WAV_CUE, tone, out, err));
    fclose(out);
    unlink(tone);
}

int main(void)
{
    const char *data = getenv("NIGHTBUS_SHARED_DATA");
    snprintf(folder, sizeof folder, "%s/markers", data ? data : NB_SHARED_DATA);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projects_of_reaper_5_and_6),
        cmocka_unit_test(a_wav_rendered_by_reaper),
        cmocka_unit_test(a_wav_whose_cues_have_no_position),
        cmocka_unit_test(a_session_of_ardour_7),
        cmocka_unit_test(markers_of_a_midi_library),
        cmocka_unit_test(session_texts_of_protools),
        cmocka_unit_test(names_of_protools_with_tabs_and_new_lines),
        cmocka_unit_test(a_project_of_reaper_keeps_every_byte),
        cmocka_unit_test(a_session_of_ardour_keeps_all_but_its_counter),
        cmocka_unit_test(a_wav_of_reaper_keeps_its_cues_and_chunks),
        cmocka_unit_test(libsndfile_reads_our_cues_and_the_same_audio),
        cmocka_unit_test(an_unfinished_wav_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
