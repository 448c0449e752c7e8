// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/standing.h"

#include "protocol/wire.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(const char *text, const char *word) { return strcmp(text, word) == 0; }

const char *nb_standing_short(const Nightbus__VersionRow *row)
{
    if (is(row->standing, "approved")) {
        return "approved";
    }
    if (is(row->standing, "changes-requested")) {
        return "changes";
    }
    return is(row->state, "done") ? "open" : row->state;
}

void nb_standing_words(const Nightbus__VersionRow *row, int64_t now_ms, nb_text *out)
{
    char ago[NB_AGO_SIZE] = "";
    if (row->has_decided_ms) {
        nb_ago_format((int64_t)row->decided_ms, now_ms, ago);
    }
    NB_SCOPED(nb_text_free) char *by = strdup(row->decided_by ? row->decided_by : "");
    if (by) {
        nb_text_make_printable(by);
    }
    const char *who = by ? by : "";
    if (is(row->standing, "approved")) {
        nb_text_addf(out, "approved by %s, %s", who, ago);
    } else if (is(row->standing, "changes-requested")) {
        nb_text_addf(out, "changes requested by %s, %s", who, ago);
    } else if (row->decision) {
        nb_text_addf(out, "open (%s withdrew the decision, %s)", who, ago);
    } else {
        nb_text_add(out, "open");
    }
}

void nb_standing_loudness(const Nightbus__VersionRow *row, char out[16])
{
    out[0] = '\0';
    if (row->has_integrated_lufs) {
        snprintf(out, 16, "%.1f", row->integrated_lufs);
    } else if (row->has_audio) {
        snprintf(out, 16, "silent");
    }
}

static json_t *digest_to_json(protobuf_c_boolean has, ProtobufCBinaryData bytes)
{
    char hex[NB_DIGEST_HEX_SIZE];
    if (!has) {
        return json_null();
    }
    const nb_digest digest = nb_wire_to_digest(bytes);
    nb_digest_to_hex(&digest, hex);
    return json_string(hex);
}

static json_t *number_to_json(protobuf_c_boolean has, double value)
{
    return has ? nb_json_number(value) : json_null();
}

json_t *nb_standing_to_json(const Nightbus__VersionRow *row)
{
    return json_pack(
        "{s:o, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:i, s:i, "
        "s:o, s:o, s:b, s:o}",
        "song", nb_cli_json_string(row->song), "version", nb_cli_json_string(row->version),
        "person", nb_cli_json_string(row->person), "time_ms", (json_int_t)row->time_ms, "message",
        row->message, "state", nb_cli_json_string(row->state), "standing",
        nb_cli_json_string(row->standing), "decided_by", nb_cli_json_string(row->decided_by),
        "decided_ms", row->has_decided_ms ? json_integer((json_int_t)row->decided_ms) : json_null(),
        "decided_text", row->decided_text, "decided_sha256",
        digest_to_json(row->has_decided_digest, row->decided_digest), "sha256",
        digest_to_json(row->has_audio, row->audio), "integrated_lufs",
        number_to_json(row->has_integrated_lufs, row->integrated_lufs), "true_peak_dbtp",
        number_to_json(row->has_true_peak_dbtp, row->true_peak_dbtp), "duration_s",
        number_to_json(row->has_duration_s, row->duration_s), "notes", (int)row->notes,
        "open_notes", (int)row->open_notes, "mix", nb_cli_json_string(row->mix), "newest",
        nb_cli_json_string(row->newest), "left_behind", nb_standing_is_left_behind(row), "source",
        nb_cli_json_string(row->source));
}

unsigned nb_standing_number(const char *version)
{
    int64_t number = 0;
    return (version[0] == 'v' || version[0] == 'm') &&
                   nb_text_parse_integer(version + 1, 1, INT32_MAX, &number, NULL) == NB_OK
               ? (unsigned)number
               : 0;
}

bool nb_standing_is_left_behind(const Nightbus__VersionRow *row)
{
    return row->mix && row->newest &&
           nb_standing_number(row->mix) < nb_standing_number(row->newest);
}
