// SPDX-License-Identifier: GPL-3.0-or-later
/// @file limits.h  What a message may weigh, and why. docs/protocol.md repeats the table.

#ifndef NB_PROTOCOL_LIMITS_H
#define NB_PROTOCOL_LIMITS_H

enum {
    NB_PROTOCOL_MAJOR = 1,
    NB_PROTOCOL_MINOR = 0,
    NB_MESSAGE_MAX = 1 << 20,     ///< protobuf-c's memory grows 40 times: 40 MB at worst
    NB_CHUNK_SIZE = 1 << 20,      ///< Measured best over CURVE on loopback; one is lost at most
    NB_WINDOW_CHUNKS = 8,         ///< In flight for one blob: 200 Mbit/s at 80 ms full
    NB_ROWS_MAX = 1000,           ///< Rows of a listing; the rest behind a cursor
    NB_DIGESTS_MAX = 20000,       ///< In one Missing: 640 kB
    NB_SESSION_SIZE = 16,
    NB_CLIENT_ID_SIZE = 16,
    NB_WAIT_MAX_MS = 20000,       ///< How long an answer may be held back
    NB_LOG_LINES_MAX = 200,       ///< In one Sync or JobState
    NB_LOG_LINE_BYTES_MAX = 1000,
    NB_MESSAGE_TEXT_MAX = 8 << 10, ///< Commit messages and notes
    NB_HEARTBEAT_MS = 2000,
    NB_LEASE_MS = 10000,          ///< Five missed heartbeats
    NB_HANDSHAKE_MS = 5000,
};

#endif // NB_PROTOCOL_LIMITS_H
