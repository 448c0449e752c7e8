// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/rules.h"

#include "base/digest.h"
#include "protocol/limits.h"
#include "protocol/nightbus.pb-c.h"

#include <string.h>

enum { RATE_MAX_HZ = 384000, NOTE_NUMBER_MAX = 999999999 };

#define BLOB_SIZE_MAX (UINT64_C(1) << NB_BLOB_SIZE_LOG2_MAX)
#define DAY_NS        (UINT64_C(1000000) * NB_DAY_MS)
#define NUMBER_MAX    ((uint64_t)INT64_MAX) // what the ledger can hold

static const nb_rule request_rules[] = {
    {"id", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"hello", NB_RULE_NESTED, 0, 0},
    {"album_create", NB_RULE_NESTED, 0, 0},
    {"album_list", NB_RULE_NESTED, 0, 0},
    {"album_head", NB_RULE_NESTED, 0, 0},
    {"log", NB_RULE_NESTED, 0, 0},
    {"show", NB_RULE_NESTED, 0, 0},
    {"missing", NB_RULE_NESTED, 0, 0},
    {"push", NB_RULE_NESTED, 0, 0},
    {"render", NB_RULE_NESTED, 0, 0},
    {"note_add", NB_RULE_NESTED, 0, 0},
    {"note_list", NB_RULE_NESTED, 0, 0},
    {"job_list", NB_RULE_NESTED, 0, 0},
    {"job_watch", NB_RULE_NESTED, 0, 0},
    {"node_list", NB_RULE_NESTED, 0, 0},
    {"sync", NB_RULE_NESTED, 0, 0},
    {"task_finish", NB_RULE_NESTED, 0, 0},
    {"task_fail", NB_RULE_NESTED, 0, 0},
    {"decide", NB_RULE_NESTED, 0, 0},
    {"version_list", NB_RULE_NESTED, 0, 0},
    {"inbox_list", NB_RULE_NESTED, 0, 0},
    {"inbox_seen", NB_RULE_NESTED, 0, 0},
    {"incident_list", NB_RULE_NESTED, 0, 0},
    {"incident_keep", NB_RULE_NESTED, 0, 0},
    {"submit_print", NB_RULE_NESTED, 0, 0},
    {"submit_master", NB_RULE_NESTED, 0, 0},
    {"invite_make", NB_RULE_NESTED, 0, 0},
    {"invite_list", NB_RULE_NESTED, 0, 0},
    {"invite_revoke", NB_RULE_NESTED, 0, 0},
    {"join", NB_RULE_NESTED, 0, 0},
    {"people_list", NB_RULE_NESTED, 0, 0},
    {"role_change", NB_RULE_NESTED, 0, 0},
    {"key_list", NB_RULE_NESTED, 0, 0},
    {"key_change", NB_RULE_NESTED, 0, 0},
    {"audit_list", NB_RULE_NESTED, 0, 0},
    {"job_change", NB_RULE_NESTED, 0, 0},
    {"job_why", NB_RULE_NESTED, 0, 0},
    {"node_change", NB_RULE_NESTED, 0, 0},
    {"metrics_get", NB_RULE_NESTED, 0, 0},
    {"album_usage", NB_RULE_NESTED, 0, 0},
    {"note_reply", NB_RULE_NESTED, 0, 0},
    {"note_edit", NB_RULE_NESTED, 0, 0},
    {"note_resolve", NB_RULE_NESTED, 0, 0},
    {"note_reopen", NB_RULE_NESTED, 0, 0},
    {"note_delete", NB_RULE_NESTED, 0, 0},
    {"note_erase", NB_RULE_NESTED, 0, 0},
    {"note_log", NB_RULE_NESTED, 0, 0},
    {"album_render", NB_RULE_NESTED, 0, 0},
    {"album_render_show", NB_RULE_NESTED, 0, 0},
    {"key_ask", NB_RULE_NESTED, 0, 0},
    {"doubt", NB_RULE_NESTED, 0, 0},
    {"note_import", NB_RULE_NESTED, 0, 0},
};
static const nb_rule reply_rules[] = {
    {"id", NB_RULE_NUMBER, NUMBER_MAX, 0},      {"failure", NB_RULE_NESTED, 0, 0},
    {"welcome", NB_RULE_NESTED, 0, 0},          {"ack", NB_RULE_NESTED, 0, 0},
    {"album_listing", NB_RULE_NESTED, 0, 0},    {"album_state", NB_RULE_NESTED, 0, 0},
    {"log_listing", NB_RULE_NESTED, 0, 0},      {"version_info", NB_RULE_NESTED, 0, 0},
    {"missing_listing", NB_RULE_NESTED, 0, 0},  {"pushed", NB_RULE_NESTED, 0, 0},
    {"job_started", NB_RULE_NESTED, 0, 0},      {"note_listing", NB_RULE_NESTED, 0, 0},
    {"job_listing", NB_RULE_NESTED, 0, 0},      {"job_state", NB_RULE_NESTED, 0, 0},
    {"node_listing", NB_RULE_NESTED, 0, 0},     {"orders", NB_RULE_NESTED, 0, 0},
    {"version_row", NB_RULE_NESTED, 0, 0},      {"version_listing", NB_RULE_NESTED, 0, 0},
    {"incident_listing", NB_RULE_NESTED, 0, 0}, {"inbox_listing", NB_RULE_NESTED, 0, 0},
    {"invited", NB_RULE_NESTED, 0, 0},          {"invite_listing", NB_RULE_NESTED, 0, 0},
    {"joined", NB_RULE_NESTED, 0, 0},           {"people_listing", NB_RULE_NESTED, 0, 0},
    {"key_listing", NB_RULE_NESTED, 0, 0},      {"audit_listing", NB_RULE_NESTED, 0, 0},
    {"job_reasons", NB_RULE_NESTED, 0, 0},      {"metrics_text", NB_RULE_NESTED, 0, 0},
    {"usage_listing", NB_RULE_NESTED, 0, 0},    {"note_history", NB_RULE_NESTED, 0, 0},
    {"album_rendering", NB_RULE_NESTED, 0, 0},  {"key_answer", NB_RULE_NESTED, 0, 0},
    {"note_imported", NB_RULE_NESTED, 0, 0},
};
static const nb_rule failure_rules[] = {
    {"status", NB_RULE_NUMBER, NB_E_STALE, 0},
    {"text", NB_RULE_TEXT, NB_TEXT_MAX, 0},
};
static const nb_rule hello_rules[] = {
    {"program", NB_RULE_WORD, NB_WORD_MAX, 0},     {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"role", NB_RULE_WORD, NB_WORD_MAX, 0},        {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"fingerprint", NB_RULE_WORD, NB_TEXT_MAX, 0}, {"threads", NB_RULE_NUMBER, NB_THREADS_MAX, 0},
    {"host", NB_RULE_WORD, NB_WORD_MAX, 0},        {"instance", NB_RULE_BYTES, NB_INSTANCE_SIZE, 0},
};
static const nb_rule welcome_rules[] = {
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},      {"session", NB_RULE_BYTES, NB_SESSION_SIZE, 0},
    {"bulk_port", NB_RULE_NUMBER, UINT16_MAX, 0},   {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"heartbeat_ms", NB_RULE_NUMBER, NB_DAY_MS, 0}, {"lease_ms", NB_RULE_NUMBER, NB_DAY_MS, 0},
    {"store_path", NB_RULE_WORD, NB_TEXT_MAX, 0},
};
static const nb_rule album_create_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
};
static const nb_rule album_list_rules[] = {
    {"after", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule album_row_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"created_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"head", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"songs", NB_RULE_NUMBER, UINT32_MAX, 0},
};
static const nb_rule album_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule album_head_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"commit", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule album_state_rules[] = {
    {"head", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"manifest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"manifest_size", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
};
static const nb_rule log_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"after", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"limit", NB_RULE_NUMBER, NB_ROWS_MAX, 0},
};
static const nb_rule log_row_rules[] = {
    {"commit", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"message", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"versions", NB_RULE_WORD, NB_WORD_MAX, NB_VERSIONS_MAX},
    {"details", NB_RULE_NESTED, 0, NB_VERSIONS_MAX},
};
static const nb_rule log_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule show_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule output_row_rules[] = {
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},     {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"size", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0}, {"integrated_lufs", NB_RULE_REAL, 0, 0},
    {"true_peak_dbtp", NB_RULE_REAL, 0, 0},     {"duration_s", NB_RULE_REAL, 0, 0},
};
static const nb_rule version_info_rules[] = {
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"commit", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"message", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"song_digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"state", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"job", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"outputs", NB_RULE_NESTED, 0, NB_OUTPUTS_MAX},
    {"fingerprint", NB_RULE_WORD, NB_TEXT_MAX, 0},
    {"error", NB_RULE_TEXT, NB_TEXT_MAX, 0},
    {"note_count", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"rate_hz", NB_RULE_NUMBER, RATE_MAX_HZ, 0},
    {"standing", NB_RULE_NESTED, 0, 0},
    {"decisions", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"masters", NB_RULE_WORD, NB_WORD_MAX, NB_VERSIONS_MAX},
    {"rendering", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"source", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"mix_digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"starts_at_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule version_row_rules[] = {
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"message", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"state", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"standing", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"decision", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"decided_by", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"decided_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"decided_text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"decided_digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"audio", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"integrated_lufs", NB_RULE_REAL, 0, 0},
    {"true_peak_dbtp", NB_RULE_REAL, 0, 0},
    {"duration_s", NB_RULE_REAL, 0, 0},
    {"notes", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"open_notes", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"mix", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"newest", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"newest_master", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"source", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule decision_row_rules[] = {
    {"kind", NB_RULE_WORD, NB_WORD_MAX, 0},       {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},   {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
};
static const nb_rule decide_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"kind", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"replaces", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"newest", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
};
static const nb_rule version_list_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"after", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule version_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule inbox_list_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"all", NB_RULE_FLAG, 0, 0},
    {"until", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"skip", NB_RULE_NUMBER, UINT32_MAX, 0},
};
static const nb_rule inbox_row_rules[] = {
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},         {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"id", NB_RULE_WORD, NB_WORD_MAX, 0},           {"kind", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},       {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0}, {"at_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"end_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},   {"rate_hz", NB_RULE_NUMBER, RATE_MAX_HZ, 0},
    {"number", NB_RULE_NUMBER, UINT32_MAX, 0},
};
static const nb_rule inbox_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"until", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"next", NB_RULE_NUMBER, UINT32_MAX, 0},
};
static const nb_rule inbox_seen_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"until", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule missing_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"digests", NB_RULE_BYTES, NB_DIGEST_SIZE, NB_DIGESTS_MAX},
};
static const nb_rule missing_listing_rules[] = {
    {"digests", NB_RULE_BYTES, NB_DIGEST_SIZE, NB_DIGESTS_MAX},
};
static const nb_rule push_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"base_commit", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"message", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"manifest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
    {"stems", NB_RULE_FLAG, 0, 0},
};
static const nb_rule submitted_file_rules[] = {
    {"path", NB_RULE_WORD, NB_TEXT_MAX, 0},
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"size", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
};
static const nb_rule submit_print_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"base_commit", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"message", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"files", NB_RULE_NESTED, 0, NB_SUBMITTED_FILES_MAX},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
};
static const nb_rule submit_master_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"message", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"files", NB_RULE_NESTED, 0, NB_SUBMITTED_FILES_MAX},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
};
static const nb_rule pushed_rules[] = {
    {"commit", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"versions", NB_RULE_WORD, NB_WORD_MAX, NB_VERSIONS_MAX},
    {"jobs", NB_RULE_NUMBER, NUMBER_MAX, NB_VERSIONS_MAX},
};
static const nb_rule render_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"stems", NB_RULE_FLAG, 0, 0},
};
static const nb_rule job_started_rules[] = {
    {"job", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule note_add_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
    {"place", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"at_ns", NB_RULE_NUMBER, DAY_NS, 0},
    {"end_ns", NB_RULE_NUMBER, DAY_NS, 0},
    {"track", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule note_import_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"rows", NB_RULE_NESTED, 0, NB_IMPORTED_MAX},
};
static const nb_rule note_import_row_rules[] = {
    {"at_ns", NB_RULE_NUMBER, DAY_NS, 0},
    {"end_ns", NB_RULE_NUMBER, DAY_NS, 0},
    {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
};
static const nb_rule note_imported_rules[] = {
    {"added", NB_RULE_NUMBER, NB_IMPORTED_MAX, 0},
};
static const nb_rule note_change_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"number", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},
    {"reply", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},
    {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
};
static const nb_rule note_erase_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"number", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},
    {"reply", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
};
static const nb_rule note_list_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},   {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0}, {"after", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"all_versions", NB_RULE_FLAG, 0, 0},
};
static const nb_rule note_row_rules[] = {
    {"id", NB_RULE_WORD, NB_WORD_MAX, 0},           {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},     {"at_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"end_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},   {"rate_hz", NB_RULE_NUMBER, RATE_MAX_HZ, 0},
    {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0}, {"changed_by", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"changed_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},  {"changed_in", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"shown", NB_RULE_WORD, NB_WORD_MAX, 0},        {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"number", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0}, {"reply", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},
    {"state", NB_RULE_WORD, NB_WORD_MAX, 0},        {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"track", NB_RULE_WORD, NB_WORD_MAX, 0},        {"start_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"heard", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},    {"drift", NB_RULE_NUMBER, 2, 0},
    {"edits", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},
};
static const nb_rule note_listing_rules[] = {
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},   {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_NUMBER, UINT32_MAX, 0},     {"duration_s", NB_RULE_REAL, 0, 0},
    {"rate_hz", NB_RULE_NUMBER, RATE_MAX_HZ, 0},
};
static const nb_rule note_log_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"number", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},
    {"after", NB_RULE_NUMBER, UINT32_MAX, 0},
};
static const nb_rule note_event_row_rules[] = {
    {"id", NB_RULE_WORD, NB_WORD_MAX, 0},           {"kind", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"number", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0}, {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},       {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"reply", NB_RULE_NUMBER, NOTE_NUMBER_MAX, 0},  {"text", NB_RULE_TEXT, NB_MESSAGE_TEXT_MAX, 0},
    {"at_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},    {"end_frame", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"rate_hz", NB_RULE_NUMBER, RATE_MAX_HZ, 0},    {"unsure", NB_RULE_FLAG, 0, 0},
};
static const nb_rule note_history_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"set_aside", NB_RULE_WORD, NB_WORD_MAX, NB_SET_ASIDE_MAX},
};
static const nb_rule job_list_rules[] = {
    {"before", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"limit", NB_RULE_NUMBER, NB_ROWS_MAX, 0},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule job_row_rules[] = {
    {"job", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"version", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"state", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"created_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"finished_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"node", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"done_frames", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"total_frames", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"rate_hz", NB_RULE_NUMBER, RATE_MAX_HZ, 0},
    {"attempts", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"error", NB_RULE_TEXT, NB_TEXT_MAX, 0},
    {"cached", NB_RULE_FLAG, 0, 0},
    {"priority", NB_RULE_NUMBER, NB_PRIORITY_LIMIT, 0},
    {"paused", NB_RULE_FLAG, 0, 0},
    {"window", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"label", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"freeze_tasks", NB_RULE_NUMBER, NB_ROWS_MAX, 0},
    {"freeze_tasks_left", NB_RULE_NUMBER, NB_ROWS_MAX, 0},
};
static const nb_rule job_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule job_watch_rules[] = {
    {"job", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"cursor", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"wait_ms", NB_RULE_NUMBER, NB_WAIT_MAX_MS, 0},
};
static const nb_rule job_state_rules[] = {
    {"row", NB_RULE_NESTED, 0, 0},
    {"cursor", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"lines", NB_RULE_TEXT, NB_LOG_LINE_BYTES_MAX, NB_LOG_LINES_MAX},
};
static const nb_rule album_render_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"client_id", NB_RULE_BYTES, NB_CLIENT_ID_SIZE, 0},
    {"stems", NB_RULE_FLAG, 0, 0},
    {"priority", NB_RULE_NUMBER, NB_PRIORITY_LIMIT, 0},
    {"window", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule album_render_show_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"rendering", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule album_rendering_rules[] = {
    {"rendering", NB_RULE_NUMBER, NUMBER_MAX, 0}, {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},     {"created_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"rows", NB_RULE_NESTED, 0, NB_VERSIONS_MAX}, {"left_ms", NB_RULE_REAL, 0, 0},
    {"opens_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},  {"stems", NB_RULE_FLAG, 0, 0},
};
static const nb_rule key_ask_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"song", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"outputs", NB_RULE_BYTES, NB_DIGEST_SIZE, NB_ASKED_KEYS_MAX},
    {"edges", NB_RULE_BYTES, NB_DIGEST_SIZE, NB_ASKED_KEYS_MAX},
};
static const nb_rule known_row_rules[] = {
    {"key", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"size", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
    {"node", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"made_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule pace_row_rules[] = {
    {"node", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"cost_us", NB_RULE_REAL, 0, 0},
    {"took_ms", NB_RULE_REAL, 0, 0},
};
static const nb_rule key_answer_rules[] = {
    {"fingerprint", NB_RULE_WORD, NB_TEXT_MAX, 0},
    {"outputs", NB_RULE_NESTED, 0, NB_ASKED_KEYS_MAX},
    {"edges", NB_RULE_NESTED, 0, NB_ASKED_KEYS_MAX},
    {"speeds", NB_RULE_NESTED, 0, NB_SPEEDS_MAX},
    {"nodes", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"last_s", NB_RULE_REAL, 0, 0},
    {"spare_nodes", NB_RULE_NUMBER, NB_ROWS_MAX, 0},
    {"spare_threads", NB_RULE_NUMBER, NB_THREADS_MAX, 0},
    {"spare_share_store", NB_RULE_FLAG, 0, 0},
};
static const nb_rule node_row_rules[] = {
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},        {"state", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"host", NB_RULE_WORD, NB_WORD_MAX, 0},        {"threads", NB_RULE_NUMBER, NB_THREADS_MAX, 0},
    {"fingerprint", NB_RULE_WORD, NB_TEXT_MAX, 0}, {"seen_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"doing", NB_RULE_WORD, NB_WORD_MAX, 0},       {"done", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"failed", NB_RULE_NUMBER, UINT32_MAX, 0},     {"held", NB_RULE_WORD, NB_TEXT_MAX, 0},
    {"labels", NB_RULE_WORD, NB_WORD_MAX, 0},      {"window", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule node_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
};
static const nb_rule incident_list_rules[] = {
    {"before", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"limit", NB_RULE_NUMBER, NB_ROWS_MAX, 0},
};
static const nb_rule incident_row_rules[] = {
    {"incident", NB_RULE_NUMBER, NUMBER_MAX, 0},    {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"task", NB_RULE_NUMBER, NUMBER_MAX, 0},        {"node", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"text", NB_RULE_TEXT, NB_TEXT_MAX, 0},         {"first_is_there", NB_RULE_FLAG, 0, 0},
    {"outputs", NB_RULE_NESTED, 0, NB_OUTPUTS_MAX}, {"settled_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"settled_by", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule incident_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule incident_keep_rules[] = {
    {"incident", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"dismiss", NB_RULE_FLAG, 0, 0},
};
static const nb_rule invite_make_rules[] = {
    {"key", NB_RULE_BYTES, NB_PUBLIC_KEY_BYTES, 0},
    {"roles", NB_RULE_WORD, NB_WORD_MAX, NB_ROLES_MAX},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"valid_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule invited_rules[] = {
    {"invite", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"expires_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule invite_list_rules[] = {
    {"before", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule invite_row_rules[] = {
    {"invite", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"state", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"roles", NB_RULE_WORD, NB_WORD_MAX, NB_ROLES_MAX},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"created_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"expires_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"joined", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule invite_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule invite_revoke_rules[] = {
    {"invite", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule join_rules[] = {
    {"key", NB_RULE_BYTES, NB_PUBLIC_KEY_BYTES, 0},
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"renderer", NB_RULE_FLAG, 0, 0},
};
static const nb_rule joined_rules[] = {
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"roles", NB_RULE_WORD, NB_WORD_MAX, NB_ROLES_MAX},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule people_list_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"after", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"after_album", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule person_row_rules[] = {
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"roles", NB_RULE_WORD, NB_WORD_MAX, NB_ROLES_MAX},
};
static const nb_rule people_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"next_album", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule role_change_rules[] = {
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"add", NB_RULE_WORD, NB_WORD_MAX, NB_ROLES_MAX},
    {"remove", NB_RULE_WORD, NB_WORD_MAX, NB_ROLES_MAX},
};
static const nb_rule key_list_rules[] = {
    {"after", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule key_row_rules[] = {
    {"key", NB_RULE_BYTES, NB_PUBLIC_KEY_BYTES, 0}, {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"label", NB_RULE_WORD, NB_WORD_MAX, 0},        {"renderer", NB_RULE_FLAG, 0, 0},
    {"created_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},  {"seen_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"revoked_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule key_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule key_change_rules[] = {
    {"key", NB_RULE_BYTES, NB_PUBLIC_KEY_BYTES, 0},
    {"label", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"revoke", NB_RULE_FLAG, 0, 0},
};
static const nb_rule audit_list_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},     {"person", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"since_ms", NB_RULE_NUMBER, NUMBER_MAX, 0}, {"before", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"limit", NB_RULE_NUMBER, NB_ROWS_MAX, 0},
};
static const nb_rule audit_row_rules[] = {
    {"entry", NB_RULE_NUMBER, NUMBER_MAX, 0},  {"time_ms", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"person", NB_RULE_WORD, NB_WORD_MAX, 0},  {"key", NB_RULE_BYTES, NB_PUBLIC_KEY_BYTES, 0},
    {"action", NB_RULE_WORD, NB_WORD_MAX, 0},  {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"details", NB_RULE_WORD, NB_TEXT_MAX, 0},
};
static const nb_rule audit_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule job_change_rules[] = {
    {"job", NB_RULE_NUMBER, NUMBER_MAX, 0},  {"priority", NB_RULE_NUMBER, NB_PRIORITY_LIMIT, 0},
    {"paused", NB_RULE_FLAG, 0, 0},          {"window", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"label", NB_RULE_WORD, NB_WORD_MAX, 0}, {"cancel", NB_RULE_FLAG, 0, 0},
    {"retry", NB_RULE_FLAG, 0, 0},
};
static const nb_rule job_why_rules[] = {
    {"job", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule job_reasons_rules[] = {
    {"row", NB_RULE_NESTED, 0, 0},
    {"reasons", NB_RULE_WORD, NB_TEXT_MAX, NB_REASONS_MAX},
};
static const nb_rule node_change_rules[] = {
    {"name", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"drained", NB_RULE_FLAG, 0, 0},
    {"aside", NB_RULE_FLAG, 0, 0},
    {"window", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"labels", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule metrics_text_rules[] = {
    {"text", NB_RULE_TEXT, NB_METRICS_MAX, 0},
};
static const nb_rule album_usage_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"after", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule usage_row_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},         {"bytes", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"blobs", NB_RULE_NUMBER, NUMBER_MAX, 0},        {"own_bytes", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"output_bytes", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule usage_listing_rules[] = {
    {"rows", NB_RULE_NESTED, 0, NB_ROWS_MAX},
    {"next", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule doubt_rules[] = {
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"again", NB_RULE_FLAG, 0, 0},
};
static const nb_rule sync_rules[] = {
    {"task", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"attempt", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"epoch", NB_RULE_TOKEN, NB_EPOCH_MAX, 0},
    {"done_frames", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"total_frames", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"lines", NB_RULE_TEXT, NB_LOG_LINE_BYTES_MAX, NB_LOG_LINES_MAX},
    {"wait_ms", NB_RULE_NUMBER, NB_WAIT_MAX_MS, 0},
    {"stopping", NB_RULE_FLAG, 0, 0},
};
static const nb_rule orders_rules[] = {
    {"keep", NB_RULE_FLAG, 0, 0},
    {"task", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"attempt", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"epoch", NB_RULE_TOKEN, NB_EPOCH_MAX, 0},
    {"plan", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"plan_size", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
    {"label", NB_RULE_WORD, NB_WORD_MAX, 0},
};
static const nb_rule speed_row_rules[] = {
    {"processor", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"ns", NB_RULE_REAL, 0, 0},
};
static const nb_rule task_finish_rules[] = {
    {"task", NB_RULE_NUMBER, NUMBER_MAX, 0},        {"attempt", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"epoch", NB_RULE_TOKEN, NB_EPOCH_MAX, 0},      {"mix_key", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"outputs", NB_RULE_NESTED, 0, NB_OUTPUTS_MAX}, {"integrated_lufs", NB_RULE_REAL, 0, 0},
    {"true_peak_dbtp", NB_RULE_REAL, 0, 0},         {"duration_s", NB_RULE_REAL, 0, 0},
    {"rate_hz", NB_RULE_NUMBER, RATE_MAX_HZ, 0},    {"speeds", NB_RULE_NESTED, 0, NB_SPEEDS_MAX},
    {"freezes_follow", NB_RULE_FLAG, 0, 0},
};
static const nb_rule task_fail_rules[] = {
    {"task", NB_RULE_NUMBER, NUMBER_MAX, 0},   {"attempt", NB_RULE_NUMBER, UINT32_MAX, 0},
    {"epoch", NB_RULE_TOKEN, NB_EPOCH_MAX, 0}, {"status", NB_RULE_NUMBER, NB_E_STALE, 0},
    {"text", NB_RULE_TEXT, NB_TEXT_MAX, 0},    {"fault_of_input", NB_RULE_FLAG, 0, 0},
};
static const nb_rule bulk_rules[] = {
    {"session", NB_RULE_BYTES, NB_SESSION_SIZE, 0},
    {"offer", NB_RULE_NESTED, 0, 0},
    {"want", NB_RULE_NESTED, 0, 0},
    {"chunk", NB_RULE_NESTED, 0, 0},
    {"stored", NB_RULE_NESTED, 0, 0},
    {"refused", NB_RULE_NESTED, 0, 0},
    {"wait", NB_RULE_NESTED, 0, 0},
};
static const nb_rule offer_rules[] = {
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},  {"size", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
    {"album", NB_RULE_WORD, NB_WORD_MAX, 0},       {"task", NB_RULE_NUMBER, NUMBER_MAX, 0},
    {"written", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0}, {"name", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
};
static const nb_rule want_rules[] = {
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0}, {"offset", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
    {"size", NB_RULE_NUMBER, NB_CHUNK_SIZE, 0},   {"album", NB_RULE_WORD, NB_WORD_MAX, 0},
    {"task", NB_RULE_NUMBER, NUMBER_MAX, 0},
};
static const nb_rule chunk_rules[] = {
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"offset", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
    {"total", NB_RULE_NUMBER, BLOB_SIZE_MAX, 0},
};
static const nb_rule stored_rules[] = {
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
};
static const nb_rule refused_rules[] = {
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
    {"status", NB_RULE_NUMBER, NB_E_STALE, 0},
    {"text", NB_RULE_TEXT, NB_TEXT_MAX, 0},
};
static const nb_rule wait_rules[] = {
    {"digest", NB_RULE_BYTES, NB_DIGEST_SIZE, 0},
};

/// Every message, in the order of nightbus.proto.
static const struct {
    const ProtobufCMessageDescriptor *message;
    const nb_rule *rules;
    size_t count;
} tables[] = {
    {&nightbus__request__descriptor, request_rules, NB_COUNT(request_rules)},
    {&nightbus__reply__descriptor, reply_rules, NB_COUNT(reply_rules)},
    {&nightbus__failure__descriptor, failure_rules, NB_COUNT(failure_rules)},
    {&nightbus__ack__descriptor, NULL, 0},
    {&nightbus__hello__descriptor, hello_rules, NB_COUNT(hello_rules)},
    {&nightbus__welcome__descriptor, welcome_rules, NB_COUNT(welcome_rules)},
    {&nightbus__album_create__descriptor, album_create_rules, NB_COUNT(album_create_rules)},
    {&nightbus__album_list__descriptor, album_list_rules, NB_COUNT(album_list_rules)},
    {&nightbus__album_row__descriptor, album_row_rules, NB_COUNT(album_row_rules)},
    {&nightbus__album_listing__descriptor, album_listing_rules, NB_COUNT(album_listing_rules)},
    {&nightbus__album_head__descriptor, album_head_rules, NB_COUNT(album_head_rules)},
    {&nightbus__album_state__descriptor, album_state_rules, NB_COUNT(album_state_rules)},
    {&nightbus__log__descriptor, log_rules, NB_COUNT(log_rules)},
    {&nightbus__log_row__descriptor, log_row_rules, NB_COUNT(log_row_rules)},
    {&nightbus__log_listing__descriptor, log_listing_rules, NB_COUNT(log_listing_rules)},
    {&nightbus__show__descriptor, show_rules, NB_COUNT(show_rules)},
    {&nightbus__output_row__descriptor, output_row_rules, NB_COUNT(output_row_rules)},
    {&nightbus__version_info__descriptor, version_info_rules, NB_COUNT(version_info_rules)},
    {&nightbus__version_row__descriptor, version_row_rules, NB_COUNT(version_row_rules)},
    {&nightbus__decision_row__descriptor, decision_row_rules, NB_COUNT(decision_row_rules)},
    {&nightbus__decide__descriptor, decide_rules, NB_COUNT(decide_rules)},
    {&nightbus__version_list__descriptor, version_list_rules, NB_COUNT(version_list_rules)},
    {&nightbus__version_listing__descriptor, version_listing_rules,
     NB_COUNT(version_listing_rules)},
    {&nightbus__inbox_list__descriptor, inbox_list_rules, NB_COUNT(inbox_list_rules)},
    {&nightbus__inbox_row__descriptor, inbox_row_rules, NB_COUNT(inbox_row_rules)},
    {&nightbus__inbox_listing__descriptor, inbox_listing_rules, NB_COUNT(inbox_listing_rules)},
    {&nightbus__inbox_seen__descriptor, inbox_seen_rules, NB_COUNT(inbox_seen_rules)},
    {&nightbus__missing__descriptor, missing_rules, NB_COUNT(missing_rules)},
    {&nightbus__missing_listing__descriptor, missing_listing_rules,
     NB_COUNT(missing_listing_rules)},
    {&nightbus__push__descriptor, push_rules, NB_COUNT(push_rules)},
    {&nightbus__submitted_file__descriptor, submitted_file_rules, NB_COUNT(submitted_file_rules)},
    {&nightbus__submit_print__descriptor, submit_print_rules, NB_COUNT(submit_print_rules)},
    {&nightbus__submit_master__descriptor, submit_master_rules, NB_COUNT(submit_master_rules)},
    {&nightbus__pushed__descriptor, pushed_rules, NB_COUNT(pushed_rules)},
    {&nightbus__render__descriptor, render_rules, NB_COUNT(render_rules)},
    {&nightbus__job_started__descriptor, job_started_rules, NB_COUNT(job_started_rules)},
    {&nightbus__note_add__descriptor, note_add_rules, NB_COUNT(note_add_rules)},
    {&nightbus__note_import__descriptor, note_import_rules, NB_COUNT(note_import_rules)},
    {&nightbus__note_import_row__descriptor, note_import_row_rules,
     NB_COUNT(note_import_row_rules)},
    {&nightbus__note_imported__descriptor, note_imported_rules, NB_COUNT(note_imported_rules)},
    {&nightbus__note_change__descriptor, note_change_rules, NB_COUNT(note_change_rules)},
    {&nightbus__note_erase__descriptor, note_erase_rules, NB_COUNT(note_erase_rules)},
    {&nightbus__note_list__descriptor, note_list_rules, NB_COUNT(note_list_rules)},
    {&nightbus__note_row__descriptor, note_row_rules, NB_COUNT(note_row_rules)},
    {&nightbus__note_listing__descriptor, note_listing_rules, NB_COUNT(note_listing_rules)},
    {&nightbus__note_log__descriptor, note_log_rules, NB_COUNT(note_log_rules)},
    {&nightbus__note_event_row__descriptor, note_event_row_rules, NB_COUNT(note_event_row_rules)},
    {&nightbus__note_history__descriptor, note_history_rules, NB_COUNT(note_history_rules)},
    {&nightbus__job_list__descriptor, job_list_rules, NB_COUNT(job_list_rules)},
    {&nightbus__job_row__descriptor, job_row_rules, NB_COUNT(job_row_rules)},
    {&nightbus__job_listing__descriptor, job_listing_rules, NB_COUNT(job_listing_rules)},
    {&nightbus__job_watch__descriptor, job_watch_rules, NB_COUNT(job_watch_rules)},
    {&nightbus__job_state__descriptor, job_state_rules, NB_COUNT(job_state_rules)},
    {&nightbus__node_list__descriptor, NULL, 0},
    {&nightbus__album_render__descriptor, album_render_rules, NB_COUNT(album_render_rules)},
    {&nightbus__album_render_show__descriptor, album_render_show_rules,
     NB_COUNT(album_render_show_rules)},
    {&nightbus__album_rendering__descriptor, album_rendering_rules,
     NB_COUNT(album_rendering_rules)},
    {&nightbus__key_ask__descriptor, key_ask_rules, NB_COUNT(key_ask_rules)},
    {&nightbus__known_row__descriptor, known_row_rules, NB_COUNT(known_row_rules)},
    {&nightbus__pace_row__descriptor, pace_row_rules, NB_COUNT(pace_row_rules)},
    {&nightbus__key_answer__descriptor, key_answer_rules, NB_COUNT(key_answer_rules)},
    {&nightbus__node_row__descriptor, node_row_rules, NB_COUNT(node_row_rules)},
    {&nightbus__node_listing__descriptor, node_listing_rules, NB_COUNT(node_listing_rules)},
    {&nightbus__incident_list__descriptor, incident_list_rules, NB_COUNT(incident_list_rules)},
    {&nightbus__incident_row__descriptor, incident_row_rules, NB_COUNT(incident_row_rules)},
    {&nightbus__incident_listing__descriptor, incident_listing_rules,
     NB_COUNT(incident_listing_rules)},
    {&nightbus__incident_keep__descriptor, incident_keep_rules, NB_COUNT(incident_keep_rules)},
    {&nightbus__invite_make__descriptor, invite_make_rules, NB_COUNT(invite_make_rules)},
    {&nightbus__invited__descriptor, invited_rules, NB_COUNT(invited_rules)},
    {&nightbus__invite_list__descriptor, invite_list_rules, NB_COUNT(invite_list_rules)},
    {&nightbus__invite_row__descriptor, invite_row_rules, NB_COUNT(invite_row_rules)},
    {&nightbus__invite_listing__descriptor, invite_listing_rules, NB_COUNT(invite_listing_rules)},
    {&nightbus__invite_revoke__descriptor, invite_revoke_rules, NB_COUNT(invite_revoke_rules)},
    {&nightbus__join__descriptor, join_rules, NB_COUNT(join_rules)},
    {&nightbus__joined__descriptor, joined_rules, NB_COUNT(joined_rules)},
    {&nightbus__people_list__descriptor, people_list_rules, NB_COUNT(people_list_rules)},
    {&nightbus__person_row__descriptor, person_row_rules, NB_COUNT(person_row_rules)},
    {&nightbus__people_listing__descriptor, people_listing_rules, NB_COUNT(people_listing_rules)},
    {&nightbus__role_change__descriptor, role_change_rules, NB_COUNT(role_change_rules)},
    {&nightbus__key_list__descriptor, key_list_rules, NB_COUNT(key_list_rules)},
    {&nightbus__key_row__descriptor, key_row_rules, NB_COUNT(key_row_rules)},
    {&nightbus__key_listing__descriptor, key_listing_rules, NB_COUNT(key_listing_rules)},
    {&nightbus__key_change__descriptor, key_change_rules, NB_COUNT(key_change_rules)},
    {&nightbus__audit_list__descriptor, audit_list_rules, NB_COUNT(audit_list_rules)},
    {&nightbus__audit_row__descriptor, audit_row_rules, NB_COUNT(audit_row_rules)},
    {&nightbus__audit_listing__descriptor, audit_listing_rules, NB_COUNT(audit_listing_rules)},
    {&nightbus__job_change__descriptor, job_change_rules, NB_COUNT(job_change_rules)},
    {&nightbus__job_why__descriptor, job_why_rules, NB_COUNT(job_why_rules)},
    {&nightbus__job_reasons__descriptor, job_reasons_rules, NB_COUNT(job_reasons_rules)},
    {&nightbus__node_change__descriptor, node_change_rules, NB_COUNT(node_change_rules)},
    {&nightbus__metrics_get__descriptor, NULL, 0},
    {&nightbus__metrics_text__descriptor, metrics_text_rules, NB_COUNT(metrics_text_rules)},
    {&nightbus__album_usage__descriptor, album_usage_rules, NB_COUNT(album_usage_rules)},
    {&nightbus__usage_row__descriptor, usage_row_rules, NB_COUNT(usage_row_rules)},
    {&nightbus__usage_listing__descriptor, usage_listing_rules, NB_COUNT(usage_listing_rules)},
    {&nightbus__doubt__descriptor, doubt_rules, NB_COUNT(doubt_rules)},
    {&nightbus__sync__descriptor, sync_rules, NB_COUNT(sync_rules)},
    {&nightbus__orders__descriptor, orders_rules, NB_COUNT(orders_rules)},
    {&nightbus__speed_row__descriptor, speed_row_rules, NB_COUNT(speed_row_rules)},
    {&nightbus__task_finish__descriptor, task_finish_rules, NB_COUNT(task_finish_rules)},
    {&nightbus__task_fail__descriptor, task_fail_rules, NB_COUNT(task_fail_rules)},
    {&nightbus__bulk__descriptor, bulk_rules, NB_COUNT(bulk_rules)},
    {&nightbus__offer__descriptor, offer_rules, NB_COUNT(offer_rules)},
    {&nightbus__want__descriptor, want_rules, NB_COUNT(want_rules)},
    {&nightbus__chunk__descriptor, chunk_rules, NB_COUNT(chunk_rules)},
    {&nightbus__stored__descriptor, stored_rules, NB_COUNT(stored_rules)},
    {&nightbus__refused__descriptor, refused_rules, NB_COUNT(refused_rules)},
    {&nightbus__wait__descriptor, wait_rules, NB_COUNT(wait_rules)},
};

const nb_rule *nb_rule_find(const ProtobufCMessageDescriptor *message, const char *field)
{
    for (size_t i = 0; i < NB_COUNT(tables); i++) {
        if (tables[i].message != message) {
            continue;
        }
        for (size_t j = 0; j < tables[i].count; j++) {
            if (strcmp(tables[i].rules[j].field, field) == 0) {
                return &tables[i].rules[j];
            }
        }
    }
    return NULL;
}
