// SPDX-License-Identifier: GPL-3.0-or-later
// Prints and masters: audio that is measured, not rendered.
#include "unit/coordinator/desk.h"

/// One submission: a document, and one file beside it.
typedef struct submission {
    const nb_peer *peer;
    bool master;
    const char *document; ///< Its text
    const char *path;     ///< Of the file
    const char *bytes;
    uint8_t client;
} submission;

static const Nightbus__Reply *submit(desk *self, const submission *what)
{
    char album[] = "night";
    char song[] = "song";
    char message[] = "from the console";
    char document[60];
    NB_SCOPED(nb_text_free) char *path = strdup(what->path);
    nb_digest digests[2];
    uint8_t id[NB_CLIENT_ID_SIZE] = {what->client};
    snprintf(document, sizeof document, "songs/song/%s.yaml", what->master ? "master" : "print");
    upload(self, what->document, &digests[0]);
    upload(self, what->bytes, &digests[1]);
    Nightbus__SubmittedFile files[2] = {NIGHTBUS__SUBMITTED_FILE__INIT,
                                        NIGHTBUS__SUBMITTED_FILE__INIT};
    Nightbus__SubmittedFile *list[] = {&files[0], &files[1]};
    files[0].path = document;
    files[1].path = path;
    files[0].size = strlen(what->document);
    files[1].size = strlen(what->bytes);
    for (size_t i = 0; i < NB_COUNT(files); i++) {
        files[i].digest = bytes_of(digests[i].bytes, sizeof digests[i].bytes);
    }
    Nightbus__SubmitPrint print = NIGHTBUS__SUBMIT_PRINT__INIT;
    Nightbus__SubmitMaster master = NIGHTBUS__SUBMIT_MASTER__INIT;
    print.album = master.album = album;
    print.song = master.song = song;
    print.message = master.message = message;
    print.files = master.files = list;
    print.n_files = master.n_files = NB_COUNT(list);
    print.client_id = master.client_id = bytes_of(id, sizeof id);
    return what->master ? ask(self, what->peer, NIGHTBUS__REQUEST__BODY_SUBMIT_MASTER, &master)
                        : ask(self, what->peer, NIGHTBUS__REQUEST__BODY_SUBMIT_PRINT, &print);
}

/// Report a measurement: the audio has these bytes, and there is a report.
static const Nightbus__Reply *finish_measured(desk *self, const nb_peer *peer,
                                              const Nightbus__Orders *orders, const char *name,
                                              const char *bytes)
{
    static const char report[] = "{}";
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(self, orders);
    nb_digest digests[2];
    char audio_name[20];
    char report_name[] = "report.json";
    snprintf(audio_name, sizeof audio_name, "%s", name);
    nb_blob_store *store = nb_coordinator_store(self->coordinator);
    assert_ok(nb_blob_store_put(store, bytes, strlen(bytes), &digests[0], err));
    assert_ok(nb_blob_store_put(store, report, strlen(report), &digests[1], err));
    Nightbus__OutputRow rows[] = {NIGHTBUS__OUTPUT_ROW__INIT, NIGHTBUS__OUTPUT_ROW__INIT};
    Nightbus__OutputRow *list[] = {&rows[0], &rows[1]};
    rows[0].name = audio_name;
    rows[1].name = report_name;
    rows[0].size = strlen(bytes);
    rows[1].size = strlen(report);
    rows[1].has_duration_s = 1;
    rows[1].duration_s = 2.5;
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        rows[i].digest = bytes_of(digests[i].bytes, sizeof digests[i].bytes);
    }
    Nightbus__TaskFinish said = NIGHTBUS__TASK_FINISH__INIT;
    said.task = orders->task;
    said.attempt = orders->attempt;
    said.epoch = orders->epoch;
    said.mix_key = bytes_of(plan.mix_key.bytes, sizeof plan.mix_key.bytes);
    said.outputs = list;
    said.n_outputs = NB_COUNT(list);
    said.duration_s = 2.5;
    said.rate_hz = 44100;
    return ask(self, peer, NIGHTBUS__REQUEST__BODY_TASK_FINISH, &said);
}

static char *master_text(const char *mix, const char *bytes)
{
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest digest = nb_digest_of(bytes, strlen(bytes));
    nb_digest_to_hex(&digest, hex);
    return nb_text_format("format: nightbus-master/1\nmix: %s\nmix_sha256: %s\nrate_hz: 44100\n"
                          "files: [songs/song/master/loud.wav]\n",
                          mix, hex);
}

static const char print_text[] = "format: nightbus-print/1\nfile: songs/song/print/v2.wav\n"
                                 "rate_hz: 44100\nstarts_at_frame: 158760000\n";

/// v1 is rendered, v2 a print that is measured.
static void start_with_print(desk *self, const char *folder)
{
    start_deciding(self, folder);
    render_one(self, "the mix");
    const submission print = {.peer = &ada,
                              .document = print_text,
                              .path = "songs/song/print/v2.wav",
                              .bytes = "the print",
                              .client = 2};
    const Nightbus__Reply *pushed = submit(self, &print);
    assert_answer(pushed);
    assert_int_equal(pushed->pushed->n_versions, 1);
    assert_string_equal(pushed->pushed->versions[0], "song@v2");
    const Nightbus__Reply *again = submit(self, &print);
    assert_answer(again);
    assert_string_equal(again->pushed->commit, pushed->pushed->commit);
}

static void a_print_is_measured_and_heard_as_the_bytes_that_were_pushed(void **state)
{
    desk here;
    start_with_print(&here, *state);
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, orders);
    assert_int_equal(plan.kind, NB_PLAN_PRINT);
    assert_int_equal(plan.file_count, 1);
    assert_refusal(finish_measured(&here, &one, orders, "mix.wav", "other bytes"), NB_E_INVALID,
                   "not the file that was pushed");
    assert_refusal(finish_measured(&here, &one, orders, "../mix.wav", "the print"), NB_E_INVALID,
                   "not a name");
    assert_refusal(finish_measured(&here, &one, orders, "song.wav", "the print"), NB_E_INVALID,
                   "no audio");
    assert_answer(finish_measured(&here, &one, orders, "mix.wav", "the print"));
    const Nightbus__VersionInfo *info = show(&here, "latest")->version_info;
    assert_string_equal(info->version, "v2");
    assert_string_equal(info->source, "print");
    assert_string_equal(info->state, "done");
    assert_int_equal(info->rate_hz, 44100);
    assert_int_equal(info->starts_at_frame, 158760000);
    const nb_digest heard = nb_wire_to_digest(info->outputs[0]->digest);
    const nb_digest pushed = nb_digest_of("the print", 9);
    assert_string_equal(info->outputs[0]->name, "mix.wav");
    assert_true(nb_digest_equal(&heard, &pushed));
    close_desk(&here);
}

static void a_print_gives_way_to_the_mix_document_once_it_is_gone(void **state)
{
    desk here;
    start_with_print(&here, *state);
    const push back = {.folder = "song",
                       .base = show(&here, "v2")->version_info->commit,
                       .fader_db = -6.0,
                       .client = 3};
    const Nightbus__Reply *pushed = send_push(&here, &back); // without print.yaml
    assert_answer(pushed);
    assert_string_equal(pushed->pushed->versions[0], "song@v3");
    assert_string_equal(show(&here, "v3")->version_info->source, "mix");
    assert_string_equal(show(&here, "v2")->version_info->source, "print");
    close_desk(&here);
}

static void a_master_is_bound_to_the_bytes_of_its_mix(void **state)
{
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    NB_SCOPED(nb_text_free) char *wrong = master_text("v1", "another mix");
    NB_SCOPED(nb_text_free) char *unknown = master_text("v7", "the mix");
    NB_SCOPED(nb_text_free) char *right = master_text("v1", "the mix");
    submission said = {.peer = &ada,
                       .master = true,
                       .document = wrong,
                       .path = "songs/song/master/loud.wav",
                       .bytes = "the mix, louder",
                       .client = 2};
    assert_refusal(submit(&here, &said), NB_E_INVALID, "of other audio than song@v1");
    said.document = unknown;
    assert_refusal(submit(&here, &said), NB_E_NOT_FOUND, "song has no version v7");
    said.document = right;
    const Nightbus__Reply *pushed = submit(&here, &said);
    assert_answer(pushed);
    assert_string_equal(pushed->pushed->versions[0], "song@m1");
    const Nightbus__Orders *orders = sync_idle(&here, &one, 0)->orders;
    NB_SCOPED(nb_plan_fini) nb_plan plan = read_plan(&here, orders);
    assert_int_equal(plan.kind, NB_PLAN_MASTER);
    assert_int_equal(plan.file_count, 2);
    assert_string_equal(plan.files[1].path, NB_PLAN_MIX_PATH);
    assert_refusal(finish_measured(&here, &one, orders, "master.wav", "the mix"), NB_E_INVALID,
                   "not the file that was pushed"); // the plan has it, but only to hold against
    assert_answer(finish_measured(&here, &one, orders, "master.wav", "the mix, louder"));
    const Nightbus__VersionInfo *info = show(&here, "master")->version_info;
    assert_string_equal(info->version, "m1");
    assert_string_equal(info->standing->mix, "v1");
    assert_string_equal(show(&here, "latest")->version_info->version, "v1");
    // Both are kept for ever, though nobody approved the mix.
    age(*state, "UPDATE blobs SET pinned_until_ms = 1;"
                "UPDATE results SET created_ms = created_ms - 7862400000;");
    assert_ok(nb_coordinator_collect(here.coordinator, err));
    assert_true(has_bytes(&here, "the mix") && has_bytes(&here, "the mix, louder"));
    close_desk(&here);
}

static void a_mastering_engineer_changes_nothing_but_masters(void **state)
{
    desk here;
    start_deciding(&here, *state);
    render_one(&here, "the mix");
    NB_SCOPED(nb_text_free) char *ledger_path = nb_file_join(*state, "ledger.sqlite");
    nb_ledger *ledger = NULL;
    assert_ok(nb_ledger_open(ledger_path, &ledger, err));
    put_member(ledger, &eve, "eve", NB_ROLE_MASTERING);
    nb_ledger_close(&ledger);
    assert_answer(greet(&here, &eve, "client", "x"));
    NB_SCOPED(nb_text_free) char *right = master_text("v1", "the mix");
    submission said = {.peer = &eve,
                       .document = print_text,
                       .path = "songs/song/print/v2.wav",
                       .bytes = "the print",
                       .client = 2};
    assert_refusal(submit(&here, &said), NB_E_PERMISSION, "SubmitPrint");
    static const char *const elsewhere[] = {"songs/song/mix.yaml", "songs/other/master/loud.wav",
                                            "audio/vox.wav", "songs/song/master/a/b.wav",
                                            "songs/song/master/"};
    said.master = true;
    said.document = right;
    for (size_t i = 0; i < NB_COUNT(elsewhere); i++) {
        said.path = elsewhere[i];
        assert_refusal(submit(&here, &said), NB_E_INVALID, "may put in only");
    }
    said.path = "songs/song/master/loud.wav";
    assert_answer(submit(&here, &said));
    close_desk(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(a_print_is_measured_and_heard_as_the_bytes_that_were_pushed),
        in_scratch(a_print_gives_way_to_the_mix_document_once_it_is_gone),
        in_scratch(a_master_is_bound_to_the_bytes_of_its_mix),
        in_scratch(a_mastering_engineer_changes_nothing_but_masters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
