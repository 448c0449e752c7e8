// SPDX-License-Identifier: GPL-3.0-or-later
/// @file limits.h  What a message may weigh, and why. docs/protocol.md repeats the table.

#ifndef NB_PROTOCOL_LIMITS_H
#define NB_PROTOCOL_LIMITS_H

enum {
    NB_PROTOCOL_MAJOR = 1,
    NB_PROTOCOL_MINOR = 0,
    NB_MESSAGE_MAX = 1 << 20,  ///< protobuf-c's memory grows 40 times: 40 MB at worst
    NB_CHUNK_SIZE = 1 << 20,   ///< Measured best over CURVE on loopback; one is lost at most
    NB_WINDOW_CHUNKS_MIN = 4,  ///< In flight for one blob, at least ...
    NB_WINDOW_CHUNKS_MAX = 24, ///< ... and at most (flow.h): 1 Gbit/s at 80 ms, twice
    NB_ROWS_MAX = 1000,        ///< Rows of a listing; the rest behind a cursor
    NB_DIGESTS_MAX = 20000,    ///< In one Missing: 640 kB
    NB_SESSION_SIZE = 16,
    NB_CLIENT_ID_SIZE = 16,
    NB_INSTANCE_SIZE = 16,
    NB_PUBLIC_KEY_BYTES = 32,
    NB_ROLES_MAX = 8,       ///< In one list of roles
    NB_WAIT_MAX_MS = 20000, ///< How long an answer may be held back
    NB_LOG_LINES_MAX = 200, ///< In one Sync or JobState
    NB_LOG_LINE_BYTES_MAX = 1000,
    NB_MESSAGE_TEXT_MAX = 8 << 10, ///< Commit messages and notes
    NB_HEARTBEAT_MS = 2000,
    NB_LEASE_MS = 10000, ///< Five missed heartbeats
    NB_HANDSHAKE_MS = 5000,
    NB_TEXT_MAX = 4 << 10,       ///< What one side says to a person in a Failure; one line of log
    NB_WORD_MAX = 256,           ///< Names of songs, people, hosts, states
    NB_VERSIONS_MAX = 1000,      ///< Versions made by one push: songs of an album
    NB_SUBMITTED_FILES_MAX = 40, ///< A document and the 32 files that a master may have
    NB_OUTPUTS_MAX = 2000,       ///< Files of one version: mix, alternates and stems with reports
    NB_PRIORITY_LIMIT = 100,     ///< Of a job
    NB_REASONS_MAX = 40, ///< Sentences about why a job waits: one for each of so many renderers
    NB_METRICS_MAX = 512 << 10, ///< The text of all metrics: some 5,000 lines
    NB_ASKED_KEYS_MAX = 1000,   ///< Outputs, or edges, of one song
    NB_SPEEDS_MAX = 64,         ///< Processors that one render measures
    NB_IMPORTED_MAX = 200,      ///< Notes of one NoteImport
    NB_SET_ASIDE_MAX = 1000,    ///< Reviews that were set aside; the newest are named
    NB_EPOCH_MAX = 32,
    NB_THREADS_MAX = 4096,
    NB_DAY_MS = 24 * 60 * 60 * 1000, ///< Times inside a song, as nb_text_parse_time takes them
    NB_BULK_HEADER_MAX = 8 << 10,    ///< The first frame of a bulk message
    NB_BLOB_SIZE_LOG2_MAX = 38,      ///< 256 GB: a day of 64 channels at 48 kHz fits, in 24 bits
    NB_SESSIONS_MAX = 4096,          ///< The least recently used one goes
    NB_SESSIONS_KEY_MAX = 256,       ///< Of one key: its own go first, so that it pushes no one out
    NB_TRANSFERS_KEY_MAX = 64,       ///< Uploads of one key at once; more are told to wait
    NB_SESSION_IDLE_MS = 60 * 60 * 1000,
    NB_TRANSFERS_MAX = 256,      ///< Blobs on their way in at once; more are told to wait
    NB_RECEIVE_BUDGET = 256,     ///< Chunks asked for or being written, over all of them: 256 MB
    NB_SEND_BUDGET = 256,        ///< Chunks read and not yet sent, over all clients: 256 MB
    NB_WANTS_MAX = 4096,         ///< Ranges asked for and not yet read; what is beyond is dropped
    NB_TRANSFER_IDLE_MS = 30000, ///< No chunk for that long: the draft is kept, the place is freed
    NB_GROWING_IDLE_MS =
        90000,                ///< No word of a blob that grows for that long: its draft is removed.
                              ///< Longer than NB_NO_CONTACT_MS: nobody comes back after that
    NB_STALL_MS = 25000,      ///< No word on a bulk connection for that long: it is made anew. Less
                              ///< than a chunk in that time (42 kB/s) is too slow to serve
    NB_SILENCE_MS = 5000,     ///< A client that hears nothing for that long asks again
    NB_NO_CONTACT_MS = 60000, ///< A transfer without contact for that long is given up
    NB_CONNECTS_PER_S = 200,  ///< New connections of one address (IPv6: its /64) ...
    NB_CONNECTS_BURST = 2000, ///< ... and how many at once: a farm of 500 nodes that comes back
    NB_HALF_OPEN_ADDRESS_MAX = 1024, ///< Connections that said nothing yet, of one address
    NB_HALF_OPEN_MAX = 2048,         ///< The same, of all
    /// What a connection may send without ending a message; legitimate ones: one message of 1 MB on
    /// control, 32 of them and what the kernel holds on bulk.
    NB_UNHEARD_CONTROL_MAX = 8 << 20,
    NB_UNHEARD_BULK_MAX = 48 << 20,
    NB_FAULTS_MAX = 10,   ///< Bad messages of one key in a minute; then it is ignored ...
    NB_FAULTS_MS = 60000, ///< ... for a minute
};

#endif // NB_PROTOCOL_LIMITS_H
