// SPDX-License-Identifier: GPL-3.0-or-later
// Holds renders against the digests in tests/golden/renders.txt, one line each:
//
//     SHA-256-of-PCM  song  fingerprint
//
// A fingerprint without a line (another CPU class, another libm) is no fault: the test is skipped
// and shows the line to add. Under a known fingerprint other bits are a fault: either an accident,
// or a revision (a processor's or the engine's) has to be raised and the line replaced.
#include "rig.h"

#include "base/file.h"
#include "tests/test.h"

/// The digest that the golden file has for this fingerprint, or null; points into `text`.
static char *find_golden(char *text, const char *fingerprint)
{
    char *rest = text;
    for (char *line = strtok_r(rest, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        static const char song[] = "  everything  ";
        if (line[0] != '#' && strlen(line) > NB_DIGEST_HEX_SIZE + sizeof song &&
            strncmp(line + NB_DIGEST_HEX_SIZE - 1, song, sizeof song - 1) == 0 &&
            strcmp(line + NB_DIGEST_HEX_SIZE - 1 + sizeof song - 1, fingerprint) == 0) {
            line[NB_DIGEST_HEX_SIZE - 1] = '\0';
            return line;
        }
    }
    return NULL;
}

static void everything_renders_to_the_golden_samples(void **state)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(*state, &song, &graph);
    const nb_render_options options = {.locate = nb_song_locate, .locate_context = &song};
    nb_report report = {0};
    const char *path = rig_path(*state, "mix.wav");
    assert_ok(rig_render(graph, &options, path, &report, err));
    nb_report_fini(&report);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);

    char digest[NB_DIGEST_HEX_SIZE];
    rig_pcm_digest(path, digest);
    nb_fingerprint fingerprint;
    char fingerprint_text[NB_FINGERPRINT_TEXT_MAX];
    assert_ok(nb_engine_fingerprint(&fingerprint, err));
    assert_ok(nb_fingerprint_format(&fingerprint, fingerprint_text, err));
    char *text = NULL;
    size_t size = 0;
    assert_ok(nb_file_read(NB_GOLDEN_FOLDER "/renders.txt", 1 << 20, &text, &size, err));
    const char *golden = find_golden(text, fingerprint_text);
    if (!golden || strcmp(golden, digest) != 0) {
        print_message("%s  everything  %s\n", digest, fingerprint_text);
    }
    const bool known = golden;
    const bool equal = known && strcmp(golden, digest) == 0;
    free(text);
    if (!known) {
        skip();
    }
    assert_true(equal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_renders_to_the_golden_samples, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
