// SPDX-License-Identifier: GPL-3.0-or-later
// Markers of every format: there and back, hostile files, and what the formats themselves ask for.
#include "base/text.h"
#include "review/markers.h"
#include "review/markers/format.h"
#include "test.h"

enum { RATE_HZ = 44100, RANDOM_MARKERS = 300 };

static const nb_marker_format all_formats[] = {
    NB_MARKER_REAPER_CSV, NB_MARKER_RPP,     NB_MARKER_AUDACITY, NB_MARKER_ARDOUR,
    NB_MARKER_PROTOOLS,   NB_MARKER_MIDI,    NB_MARKER_WAV_CUE,  NB_MARKER_AUDITION,
    NB_MARKER_CSV,        NB_MARKER_MARKDOWN};

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/// What a person may write, without line feeds and tabs unless `lines`.
static void random_text(char *out, size_t size, bool lines)
{
    static const char *const pieces[] = {"a", "Z",  " ",  "\"", "'",  "`",  ",",     ";",
                                         "#", "=1", "+2", "-3", "@x", "<b", "&amp;", "\\",
                                         "|", "ü",  "日", "é",  "/",  ">",  "\n",    "\t"};
    const size_t count = NB_COUNT(pieces) - (lines ? 0 : 2);
    const size_t wanted = 1 + draw(40);
    out[0] = '\0';
    for (size_t i = 0; i < wanted; i++) {
        const char *piece = i == 0 || i + 1 == wanted ? "x" : pieces[draw((uint32_t)count)];
        const size_t length = strlen(out);
        snprintf(out + length, size - length, "%s", i == 0 ? pieces[9 + draw(6)] : piece);
    }
    strcat(out, "x");
}

static void random_markers(nb_markers *out, size_t count, bool lines)
{
    char text[400];
    *out = (nb_markers){.rate_hz = RATE_HZ};
    for (size_t i = 0; i < count; i++) {
        const int64_t at = draw(RATE_HZ * 3600);
        const int64_t end = at + (draw(2) ? draw(RATE_HZ * 60) : 0);
        random_text(text, sizeof text, lines);
        const nb_marker marker = {.at_ns = nb_markers_frame_to_ns(at, RATE_HZ),
                                  .end_ns = nb_markers_frame_to_ns(end, RATE_HZ),
                                  .text = text,
                                  .number = (unsigned)i + 1,
                                  .colour = NB_MARKER_NO_COLOUR};
        assert_ok(nb_markers_add(out, &marker, err));
    }
    nb_markers_sort(out);
}

static char *written(const nb_markers *markers, nb_marker_format format, const char *session,
                     size_t *out_size)
{
    char *bytes = NULL;
    *out_size = 0;
    FILE *out = open_memstream(&bytes, out_size);
    assert_non_null(out);
    assert_ok(nb_markers_write(markers, format, session, out, err));
    fclose(out);
    return bytes;
}

static void parsed(const char *bytes, nb_marker_format format, nb_markers *out)
{
    assert_ok(nb_markers_parse("file", bytes, strlen(bytes), format, out, err));
}

/// How far a place may be off, and what becomes of a text.
typedef struct format_case {
    nb_marker_format format;
    int64_t off_ns;
    bool keeps_lines;
    bool keeps_ends;
    bool is_ascii;
} format_case;

static const format_case round_trips[] = {
    {NB_MARKER_REAPER_CSV, 500000, false, true, false}, {NB_MARKER_RPP, 0, false, true, false},
    {NB_MARKER_AUDACITY, 500, false, true, false},      {NB_MARKER_ARDOUR, 2, true, true, false},
    {NB_MARKER_MIDI, 260417, false, false, true},       {NB_MARKER_WAV_CUE, 0, true, true, false},
    {NB_MARKER_AUDITION, 1000000, false, true, false},  {NB_MARKER_CSV, 0, true, true, false},
};

static void check_text(const format_case *of, const nb_marker *sent, const nb_marker *got)
{
    NB_SCOPED(nb_text_free)
    char *text = of->keeps_lines ? nb_marker_label(sent) : nb_marker_label_line(sent);
    NB_SCOPED(nb_text_free) char *ascii = nb_marker_to_ascii(text);
    char *wanted = of->is_ascii ? ascii : text;
    // A project file has three quotes: of a text with all of them the third becomes the second.
    const bool all_quotes = strchr(text, '"') && strchr(text, '\'');
    for (char *at = wanted; of->format == NB_MARKER_RPP && all_quotes && *at; at++) {
        *at = *at == '`' ? '\'' : *at;
    }
    assert_string_equal(got->text, wanted);
}

static void random_notes_come_back_from_every_format(void **state)
{
    (void)state;
    for (size_t c = 0; c < NB_COUNT(round_trips); c++) {
        const format_case *of = &round_trips[c];
        seed = 7;
        NB_SCOPED(nb_markers_fini) nb_markers sent = {0};
        NB_SCOPED(nb_markers_fini) nb_markers got = {0};
        random_markers(&sent, RANDOM_MARKERS, true);
        size_t size = 0;
        NB_SCOPED(nb_text_free) char *bytes = written(&sent, of->format, NULL, &size);
        assert_ok(nb_markers_parse("file", bytes, size, of->format, &got, err));
        assert_int_equal(got.count, sent.count);
        assert_int_equal(got.left_out, 0);
        for (size_t i = 0; i < sent.count; i++) {
            const nb_marker *a = &sent.items[i];
            const nb_marker *b = &got.items[i];
            assert_true(llabs(a->at_ns - b->at_ns) <= of->off_ns);
            assert_true(!of->keeps_ends || llabs(a->end_ns - b->end_ns) <= of->off_ns);
            if (of->off_ns < 1000) {
                assert_int_equal(nb_text_ns_to_frames(a->at_ns, RATE_HZ),
                                 nb_text_ns_to_frames(b->at_ns, RATE_HZ));
            }
            check_text(of, a, b);
        }
    }
}

static void a_frame_survives_nanoseconds_at_every_rate(void **state)
{
    (void)state;
    static const unsigned rates[] = {8000,  11025, 22050,  44100,  48000,
                                     88200, 96000, 176400, 192000, 384000};
    seed = 1;
    for (size_t r = 0; r < NB_COUNT(rates); r++) {
        for (int i = 0; i < 10000; i++) {
            const int64_t frame = (int64_t)draw(rates[r]) + (int64_t)draw(86400) * rates[r];
            const int64_t ns = nb_markers_frame_to_ns(frame, rates[r]);
            assert_int_equal(nb_text_ns_to_frames(ns, rates[r]), frame);
        }
    }
}

// ---- what a format asks for ----

static void one_note(nb_markers *out, int64_t at_ns, int64_t end_ns, const char *author,
                     const char *text)
{
    char text_copy[600];
    char author_copy[100];
    snprintf(text_copy, sizeof text_copy, "%s", text);
    snprintf(author_copy, sizeof author_copy, "%s", author ? author : "");
    const nb_marker marker = {.at_ns = at_ns,
                              .end_ns = end_ns,
                              .text = text_copy,
                              .author = author ? author_copy : NULL,
                              .colour = 0xff0000};
    assert_ok(nb_markers_add(out, &marker, err));
}

static void assert_written(const nb_markers *markers, nb_marker_format format, const char *wanted)
{
    size_t size = 0;
    NB_SCOPED(nb_text_free) char *bytes = written(markers, format, NULL, &size);
    assert_string_equal(bytes, wanted);
}

static void reaper_gets_quoted_names_and_minutes(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers markers = {0};
    one_note(&markers, 10000000000, 12500000000, NULL, "\"breath\"");
    one_note(&markers, 63250000000, 63250000000, "Zoë", "vocal up");
    assert_written(&markers, NB_MARKER_REAPER_CSV,
                   "#,Name,Start,End,Length,Color\n"
                   "R1,\"\"\"breath\"\"\",0:10.000,0:12.500,0:02.500,FF0000\n"
                   "M1,\"Zoë: vocal up\",1:03.250,,,FF0000\n");
}

static void reaper_lists_of_other_shapes_are_read(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers a = {0};
    NB_SCOPED(nb_markers_fini) nb_markers b = {0};
    NB_SCOPED(nb_markers_fini) nb_markers c = {0};
    parsed("Name,Start\n\"Verse, one\",1:02:03.5\nend,12.25\n", NB_MARKER_REAPER_CSV, &a);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.items[0].at_ns, 12250000000);
    assert_int_equal(a.items[1].at_ns, 3723500000000);
    assert_string_equal(a.items[1].text, "Verse, one");
    parsed("M1 \"vocal up\" 1:03.250\r\nR2  breath\t0:10 0:12\r\n", NB_MARKER_REAPER_CSV, &b);
    assert_int_equal(b.count, 2);
    assert_int_equal(b.items[0].end_ns, 12000000000);
    assert_int_equal(b.items[0].number, 2);
    parsed("\xef\xbb\xbf#,Name,Start,End,Length,Color\nR1,a,0:01,,0:02,00FF10\n",
           NB_MARKER_REAPER_CSV, &c);
    assert_int_equal(c.items[0].end_ns, 3000000000);
    assert_int_equal(c.items[0].colour, 0x00ff10);
}

static void reaper_bars_and_frames_are_refused_with_a_way_out(void **state)
{
    (void)state;
    nb_markers out;
    static const char bars[] = "#,Name,Start,End,Length\nM1,a,5.1.00,,\n";
    static const char video[] = "Name,Start\na,0:00:00:20\n";
    assert_fails(NB_E_INVALID, "line 2: '5.1.00' is in bars; set REAPER's ruler",
                 nb_markers_parse("x.csv", bars, strlen(bars), NB_MARKER_REAPER_CSV, &out, err));
    assert_fails(NB_E_INVALID, "is in frames of video",
                 nb_markers_parse("x.csv", video, strlen(video), NB_MARKER_REAPER_CSV, &out, err));
}

static void a_project_file_quotes_with_what_the_text_leaves(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers markers = {0};
    one_note(&markers, 1500000000, 1500000000, NULL, "plain text");
    one_note(&markers, 2000000000, 3000000000, NULL, "say \"when\"");
    one_note(&markers, 4000000000, 4000000000, NULL, "Zoë's \"when\"");
    one_note(&markers, 5000000000, 5000000000, NULL, "`a` 'b' \"c\"");
    assert_written(&markers, NB_MARKER_RPP,
                   "  MARKER 1 1.500000000 \"plain text\" 0 0 1 R\n"
                   "  MARKER 1 2.000000000 'say \"when\"' 1 0 1 R\n"
                   "  MARKER 1 3.000000000 \"\" 1\n"
                   "  MARKER 2 4.000000000 `Zoë's \"when\"` 0 0 1 R\n"
                   "  MARKER 3 5.000000000 `'a' 'b' \"c\"` 0 0 1 R\n");
}

static void audacity_labels_of_other_habits_are_read(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers out = {0};
    parsed("1,5\t2,25\tcomma\textra\n\\\t100.0\t2000.0\n3.5\tonly a text\n4\t4\t\n\n",
           NB_MARKER_AUDACITY, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.items[0].at_ns, 1500000000);
    assert_int_equal(out.items[0].end_ns, 2250000000);
    assert_string_equal(out.items[0].text, "comma");
    assert_string_equal(out.items[1].text, "only a text");
    assert_int_equal(out.items[1].end_ns, 3500000000);
    assert_string_equal(out.items[2].text, "");
}

static void a_spreadsheet_gets_no_formula(void **state)
{
    (void)state;
    static const char *const cells[] = {"=1+1",     "+1",   "-1",  "@SUM(A1)", "'=1",
                                        "'quoted'", "''-3", "a=b", "plain",    "\"q\", x"};
    NB_SCOPED(nb_markers_fini) nb_markers sent = {0};
    NB_SCOPED(nb_markers_fini) nb_markers got = {0};
    for (size_t i = 0; i < NB_COUNT(cells); i++) {
        one_note(&sent, (int64_t)i * 1000000000, (int64_t)i * 1000000000, cells[i], cells[i]);
    }
    size_t size = 0;
    NB_SCOPED(nb_text_free) char *bytes = written(&sent, NB_MARKER_CSV, NULL, &size);
    for (size_t i = 0; i + 2 < size; i++) {
        if (memcmp(bytes + i, "\r\n", 2) == 0) {
            assert_null(strchr("=+-@\t\r", bytes[i + 2]));
        }
    }
    assert_null(strstr(bytes, ",="));
    assert_null(strstr(bytes, ",\"="));
    assert_null(strstr(bytes, ",@"));
    assert_ok(nb_markers_parse("file", bytes, size, NB_MARKER_CSV, &got, err));
    assert_int_equal(got.count, NB_COUNT(cells));
    for (size_t i = 0; i < got.count; i++) {
        assert_string_equal(got.items[i].text, cells[i]);
        assert_string_equal(got.items[i].author, cells[i]);
    }
}

static void tables_of_other_spreadsheets_are_read(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers out = {0};
    parsed("Time;Who;Comment\n1:32,5;Zoë;\"two\nlines\"\n", NB_MARKER_CSV, &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.items[0].at_ns, 92500000000);
    assert_string_equal(out.items[0].author, "Zoë");
    assert_string_equal(out.items[0].text, "two\nlines");
}

static void markdown_shows_the_words_and_not_their_signs(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers markers = {.title = "night@v3"};
    one_note(&markers, 92500000000, 100000000000, "Zoë", "1. *loud* <b>\n- next_line");
    assert_written(&markers, NB_MARKER_MARKDOWN,
                   "# Notes on night@v3\n\n"
                   "- [ ] **1:32.500 - 1:40.000** Zoë: 1\\. \\*loud\\* \\<b\\>  \n"
                   "      \\- next\\_line\n");
}

static void midi_follows_the_tempo_map(void **state)
{
    (void)state;
    const nb_marker_tempo tempos[] = {
        {0, 120.0, 4, 4}, {10000000000, 93.7, 3, 4}, {25000000000, 141.25, 6, 8}};
    seed = 3;
    NB_SCOPED(nb_markers_fini) nb_markers sent = {0};
    NB_SCOPED(nb_markers_fini) nb_markers got = {0};
    random_markers(&sent, 100, false);
    sent.tempo_count = NB_COUNT(tempos);
    sent.tempos = tempos;
    size_t size = 0;
    NB_SCOPED(nb_text_free) char *bytes = written(&sent, NB_MARKER_MIDI, NULL, &size);
    assert_ok(nb_markers_parse("file", bytes, size, NB_MARKER_MIDI, &got, err));
    assert_int_equal(got.count, sent.count);
    for (size_t i = 0; i < sent.count; i++) {
        // Half a tick of the slowest tempo.
        assert_true(llabs(sent.items[i].at_ns - got.items[i].at_ns) <= 334000);
    }
}

static void midi_of_video_frames_and_running_status_is_read(void **state)
{
    (void)state;
    static const unsigned char file[] = {
        'M',  'T',  'h',  'd',  0,    0,   0,   6,  0, 1, 0, 1, 0xe7, 40, // 25 frames of 40 ticks
        'M',  'T',  'r',  'k',  0,    0,   0,   25,                       //
        0,    0x90, 60,   100,  10,   62,  100, // a second note under the first one's status
        0x87, 0x5e, 0xff, 0x06, 2,    'h', 'i', // 990 ticks later: 1 s
        0,    0xf0, 2,    1,    0xf7,           // system exclusive
        0,    0xc0, 5,                          //
        0,    0xff, 0x2f};
    unsigned char whole[sizeof file + 1];
    memcpy(whole, file, sizeof file);
    whole[sizeof file] = 0;
    whole[21] = sizeof whole - 22;
    NB_SCOPED(nb_markers_fini) nb_markers out = {0};
    assert_ok(nb_markers_parse("v.mid", whole, sizeof whole, NB_MARKER_MIDI, &out, err));
    assert_int_equal(out.count, 1);
    assert_int_equal(out.items[0].at_ns, 1000000000);
    assert_string_equal(out.items[0].text, "hi");
}

static void ascii_keeps_the_letters(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *ascii = nb_marker_to_ascii("Zoë’s Straße – “Łódź” … 日 e\u0301");
    assert_string_equal(ascii, "Zoe's Strasse - \"Lodz\" ... ? e");
}

static void protools_timecode_needs_the_rate_and_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *start, *format, *location;
        int64_t ns;
    } cases[] = {
        {"00:59:55:00", "23.976 Frame", "01:00:00:00", 5005000000},
        {"23:59:59:00", "25 Frame", "00:00:01:05.50", 2220000000},
        {"00:00:00:00", "29.97 Drop Frame", "00:01:00;02", 60060000000},
        {"01:00:00:00", "30 Frame", "0:56.149", 56149000000},
        {"01:00:00:00", "30 Frame", "96000", 2000000000},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        NB_SCOPED(nb_markers_fini) nb_markers out = {0};
        char file[600];
        snprintf(file, sizeof file,
                 "SESSION NAME:\tx\nSAMPLE RATE:\t48000.000000\nSESSION START TIMECODE:\t%s\n"
                 "TIMECODE FORMAT:\t%s\nM A R K E R S  L I S T I N G\n"
                 "#\tLOCATION\tTIME REFERENCE\tUNITS\tNAME\tCOMMENTS\n1\t%s\t9|1\tTicks\tbar\t\n",
                 cases[i].start, cases[i].format, cases[i].location);
        parsed(file, NB_MARKER_PROTOOLS, &out);
        assert_int_equal(out.count, 1);
        assert_int_equal(out.items[0].at_ns, cases[i].ns);
    }
}

static void protools_bars_are_left_out_and_said(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers out = {0};
    parsed("SESSION NAME:\tx\nSAMPLE RATE:\t48000.000000\nM A R K E R S  L I S T I N G\n"
           "#\tLOCATION\tTIME REFERENCE\tUNITS\tNAME\tCOMMENTS\n"
           "1   \t29|1  \t29|1  \tTicks \tbar  \t\n"
           "2   \t84+03 \t48000 \tSamples \tcaf\x8e  \tm\x9f"
           "de\n",
           NB_MARKER_PROTOOLS, &out);
    assert_int_equal(out.left_out, 1);
    assert_non_null(strstr(out.left_out_why, "line 5"));
    assert_int_equal(out.count, 1);
    assert_string_equal(out.items[0].text, "café\nmüde");
}

// ---- hostile ----

static void no_file_of_any_format_does_harm_when_it_is_cut(void **state)
{
    (void)state;
    seed = 11;
    NB_SCOPED(nb_markers_fini) nb_markers sent = {0};
    random_markers(&sent, 5, true);
    for (size_t c = 0; c < NB_COUNT(round_trips); c++) {
        size_t size = 0;
        NB_SCOPED(nb_text_free) char *bytes = written(&sent, round_trips[c].format, NULL, &size);
        for (size_t cut = 0; cut < size; cut++) {
            NB_SCOPED(nb_markers_fini) nb_markers got = {0};
            nb_error why = {0};
            const nb_status status =
                nb_markers_parse("cut", bytes, cut, round_trips[c].format, &got, &why);
            // One more: the cut end of a region in a project can look like a marker.
            assert_true(status != NB_OK || got.count <= sent.count + 1);
            assert_true(status == NB_OK || why.text[0] != '\0');
        }
    }
}

static void nothing_is_no_marker_or_a_clear_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_COUNT(all_formats); i++) {
        nb_markers out = {0};
        nb_error why = {0};
        const nb_status status = nb_markers_parse("empty", "", 0, all_formats[i], &out, &why);
        assert_true(status == NB_OK ? out.count == 0 : why.text[0] != '\0');
        nb_markers_fini(&out);
    }
}

static void binary_rubbish_is_refused(void **state)
{
    (void)state;
    unsigned char rubbish[4096];
    seed = 5;
    for (size_t i = 0; i < sizeof rubbish; i++) {
        rubbish[i] = (unsigned char)draw(256);
    }
    for (size_t i = 0; i < NB_COUNT(all_formats); i++) {
        nb_markers out = {0};
        nb_error why = {0};
        assert_int_not_equal(
            nb_markers_parse("rubbish", rubbish, sizeof rubbish, all_formats[i], &out, &why),
            NB_OK);
        assert_true(why.text[0] != '\0');
    }
}

/// `count` lines of Audacity's labels.
static char *many_labels(size_t count, size_t *out_size)
{
    nb_text text = {0};
    for (size_t i = 0; i < count; i++) {
        nb_text_addf(&text, "%zu.5\t%zu.5\tlabel\n", i % 80000, i % 80000);
    }
    *out_size = text.length;
    return nb_text_take(&text);
}

static void a_hundred_thousand_lines_are_read_and_one_more_is_refused(void **state)
{
    (void)state;
    size_t size = 0;
    NB_SCOPED(nb_text_free) char *most = many_labels(NB_MARKERS_MAX, &size);
    NB_SCOPED(nb_markers_fini) nb_markers out = {0};
    assert_ok(nb_markers_parse("most", most, size, NB_MARKER_AUDACITY, &out, err));
    assert_int_equal(out.count, NB_MARKERS_MAX);
    for (size_t c = 0; c < NB_COUNT(round_trips); c++) {
        NB_SCOPED(nb_markers_fini) nb_markers again = {0};
        size_t written_size = 0;
        NB_SCOPED(nb_text_free)
        char *bytes = written(&out, round_trips[c].format, NULL, &written_size);
        assert_ok(
            nb_markers_parse("most", bytes, written_size, round_trips[c].format, &again, err));
        assert_int_equal(again.count, NB_MARKERS_MAX);
    }
    NB_SCOPED(nb_text_free) char *more = many_labels(NB_MARKERS_MAX + 1, &size);
    nb_markers none;
    assert_fails(NB_E_LIMIT, "line 100001: more than 100000 markers",
                 nb_markers_parse("more", more, size, NB_MARKER_AUDACITY, &none, err));
}

static void a_text_over_the_limit_is_refused_by_its_line(void **state)
{
    (void)state;
    nb_text text = {0};
    nb_text_add(&text, "1\t1\tfirst\n2\t2\t");
    for (int i = 0; i < 1 << 20; i++) {
        nb_text_add(&text, "a");
    }
    NB_SCOPED(nb_text_free) char *bytes = nb_text_take(&text);
    nb_markers out;
    assert_fails(NB_E_LIMIT, "labels: line 2: a text of 1048576 bytes",
                 nb_markers_parse("labels", bytes, strlen(bytes), NB_MARKER_AUDACITY, &out, err));
}

static void what_cannot_be_seen_never_gets_in(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers out = {0};
    parsed("1\t1\tred \033[31m\xe2\x80\xae bell\a \xff latin\n2\t2\t\xe9t\xe9\n",
           NB_MARKER_AUDACITY, &out);
    assert_int_equal(out.count, 2);
    assert_null(strchr(out.items[0].text, '\033'));
    assert_null(strchr(out.items[0].text, '\a'));
    assert_null(strstr(out.items[0].text, "\xe2\x80\xae"));
    assert_true(nb_text_is_utf8(out.items[0].text, strlen(out.items[0].text), NULL));
    assert_string_equal(out.items[1].text, "été");
}

static void a_session_with_a_document_type_is_refused(void **state)
{
    (void)state;
    static const char bomb[] =
        "<?xml version=\"1.0\"?><!DOCTYPE s [<!ENTITY a \"b\">]><Session version=\"7002\"/>";
    static const char latin[] = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Session/>";
    static const char other[] = "<html/>";
    static const char cut[] = "<Session version=\"7002\" sample-rate=\"48000\"><Locations>";
    nb_markers out;
    assert_fails(NB_E_INVALID, "document type",
                 nb_markers_parse("x", bomb, strlen(bomb), NB_MARKER_ARDOUR, &out, err));
    assert_fails(NB_E_INVALID, "not in UTF-8",
                 nb_markers_parse("x", latin, strlen(latin), NB_MARKER_ARDOUR, &out, err));
    assert_fails(NB_E_INVALID, "is not an Ardour session",
                 nb_markers_parse("x", other, strlen(other), NB_MARKER_ARDOUR, &out, err));
    assert_fails(NB_E_CORRUPT, "line 1",
                 nb_markers_parse("x", cut, strlen(cut), NB_MARKER_ARDOUR, &out, err));
}

static void deep_elements_are_refused(void **state)
{
    (void)state;
    nb_text text = {0};
    nb_text_add(&text, "<Session sample-rate=\"48000\">");
    for (int i = 0; i < 1000; i++) {
        nb_text_add(&text, "<a>");
    }
    NB_SCOPED(nb_text_free) char *bytes = nb_text_take(&text);
    nb_markers out;
    assert_fails(NB_E_LIMIT, "deeper than 64",
                 nb_markers_parse("x", bytes, strlen(bytes), NB_MARKER_ARDOUR, &out, err));
}

static void ardour_ticks_follow_the_tempos(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers out = {0};
    parsed("<Session version=\"7002\" sample-rate=\"48000\"><Locations>"
           "<Location id=\"1\" name=\"a\" start=\"b7680\" end=\"b7680\" flags=\"IsMark\"/>"
           "<Location id=\"2\" name=\"b\" start=\"48000\" end=\"96000.7\" flags=\"IsRangeMarker\"/>"
           "<Location id=\"3\" name=\"Loop\" start=\"a0\" end=\"a9\" flags=\"IsAutoLoop\"/>"
           "<Location id=\"4\" name=\"c\" start=\"b19200\" end=\"b19200\" flags=\"IsMark,New\"/>"
           "<Location id=\"5\" name=\"none\"/></Locations>"
           "<TempoMap superclocks-per-second=\"508032000\"><Tempos>"
           "<Tempo npm=\"60\" enpm=\"60\" note-type=\"4\" sclock=\"0\" quarters=\"0:0\"/>"
           "<Tempo npm=\"90\" enpm=\"120\" note-type=\"4\" sclock=\"4064256000\" quarters=\"8:0\"/>"
           "</Tempos></TempoMap></Session>",
           NB_MARKER_ARDOUR, &out);
    assert_int_equal(out.count, 2);
    assert_string_equal(out.items[0].text, "b");
    assert_int_equal(out.items[0].at_ns, 1000000000);
    assert_int_equal(out.items[0].end_ns, 2000000000);
    assert_int_equal(out.items[1].at_ns, 4000000000);
    assert_int_equal(out.left_out, 2);
}

static void lying_counts_in_a_wav_are_refused(void **state)
{
    (void)state;
    NB_SCOPED(nb_markers_fini) nb_markers sent = {0};
    nb_markers out;
    one_note(&sent, 1000000000, 2000000000, NULL, "note");
    size_t size = 0;
    NB_SCOPED(nb_text_free) char *bytes = written(&sent, NB_MARKER_WAV_CUE, NULL, &size);
    char *cue = memmem(bytes, size, "cue ", 4);
    memcpy(cue + 8, "\xff\xff\xff\x7f", 4);
    assert_fails(NB_E_CORRUPT, "2147483647 cues in a chunk for 1",
                 nb_markers_parse("x.wav", bytes, size, NB_MARKER_WAV_CUE, &out, err));
    memcpy(cue + 4, "\xff\xff\xff\xff", 4);
    assert_fails(NB_E_LIMIT, "64 MB of cues",
                 nb_markers_parse("x.wav", bytes, size, NB_MARKER_WAV_CUE, &out, err));
    memcpy(bytes, "RF64", 4);
    assert_fails(NB_E_INVALID, "RF64",
                 nb_markers_parse("x.wav", bytes, size, NB_MARKER_WAV_CUE, &out, err));
}

static void formats_are_known_by_name_and_ending(void **state)
{
    (void)state;
    nb_marker_format format;
    for (size_t i = 0; i < NB_COUNT(all_formats); i++) {
        assert_ok(nb_marker_format_by_name(nb_marker_format_name(all_formats[i]), &format, err));
        assert_int_equal(format, all_formats[i]);
    }
    assert_fails(NB_E_USAGE, "did you mean audacity",
                 nb_marker_format_by_name("audcity", &format, err));
    assert_fails(NB_E_USAGE, "add --format",
                 nb_marker_format_of_new_file("notes.doc", &format, err));
    assert_ok(nb_marker_format_of_new_file("a/b.x/Song.RPP", &format, err));
    assert_int_equal(format, NB_MARKER_RPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_notes_come_back_from_every_format),
        cmocka_unit_test(a_frame_survives_nanoseconds_at_every_rate),
        cmocka_unit_test(reaper_gets_quoted_names_and_minutes),
        cmocka_unit_test(reaper_lists_of_other_shapes_are_read),
        cmocka_unit_test(reaper_bars_and_frames_are_refused_with_a_way_out),
        cmocka_unit_test(a_project_file_quotes_with_what_the_text_leaves),
        cmocka_unit_test(audacity_labels_of_other_habits_are_read),
        cmocka_unit_test(a_spreadsheet_gets_no_formula),
        cmocka_unit_test(tables_of_other_spreadsheets_are_read),
        cmocka_unit_test(markdown_shows_the_words_and_not_their_signs),
        cmocka_unit_test(midi_follows_the_tempo_map),
        cmocka_unit_test(midi_of_video_frames_and_running_status_is_read),
        cmocka_unit_test(ascii_keeps_the_letters),
        cmocka_unit_test(protools_timecode_needs_the_rate_and_the_start),
        cmocka_unit_test(protools_bars_are_left_out_and_said),
        cmocka_unit_test(no_file_of_any_format_does_harm_when_it_is_cut),
        cmocka_unit_test(nothing_is_no_marker_or_a_clear_error),
        cmocka_unit_test(binary_rubbish_is_refused),
        cmocka_unit_test(a_hundred_thousand_lines_are_read_and_one_more_is_refused),
        cmocka_unit_test(a_text_over_the_limit_is_refused_by_its_line),
        cmocka_unit_test(what_cannot_be_seen_never_gets_in),
        cmocka_unit_test(a_session_with_a_document_type_is_refused),
        cmocka_unit_test(deep_elements_are_refused),
        cmocka_unit_test(ardour_ticks_follow_the_tempos),
        cmocka_unit_test(lying_counts_in_a_wav_are_refused),
        cmocka_unit_test(formats_are_known_by_name_and_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
