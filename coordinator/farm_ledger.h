// SPDX-License-Identifier: GPL-3.0-or-later
/// @file farm_ledger.h  The ledger's jobs, tasks, attempts and results.

#ifndef NB_COORDINATOR_FARM_LEDGER_H
#define NB_COORDINATOR_FARM_LEDGER_H
#include "coordinator/ledger.h"
#include "mix/plan.h"

enum { NB_ERROR_TEXT_SIZE = 1024 };

/// A job's own states. While one is open and its task runs, people are told "running".
typedef enum nb_job_state {
    NB_JOB_OPEN,
    NB_JOB_DONE,
    NB_JOB_FAILED,
    NB_JOB_CANCELLED
} nb_job_state;

/// "done", "failed", "cancelled"; "queued" for an open one.
const char *nb_job_state_name(nb_job_state state);

typedef struct nb_job {
    uint64_t id;
    char album[NB_ALBUM_SIZE];
    char song[NB_SONG_SIZE];
    char version[NB_VERSION_SIZE]; ///< "v3", or "m1" of a master
    char commit[NB_COMMIT_SIZE];
    nb_job_state state;
    uint64_t task; ///< 0 until it is planned, and where nothing had to be rendered
    bool cached;
    bool reviewed; ///< Its rendering stands in the album's review
    unsigned rate_hz;
    unsigned attempts; ///< Of its task, or of one before it that took more; counted when read
    nb_digest mix_key; ///< Zero until it is planned
    int64_t created_ms, finished_ms;
    char node[NB_NAME_SIZE];
    char error[NB_ERROR_TEXT_SIZE];
} nb_job;

/// Fills id.
NB_NODISCARD nb_status nb_ledger_add_job(nb_ledger *self, nb_job *job, nb_error *err);
/// Write all that changes: state, task, cached, reviewed, rate_hz, mix_key, finished_ms, node,
/// error.
NB_NODISCARD nb_status nb_ledger_update_job(nb_ledger *self, const nb_job *job, nb_error *err);
NB_NODISCARD nb_status nb_ledger_get_job(nb_ledger *self, uint64_t id, nb_job *out, nb_error *err);
/// The newest job of a version; id 0 if it has none.
NB_NODISCARD nb_status nb_ledger_find_job(nb_ledger *self, const char *album, const char *song,
                                          const char *version, nb_job *out, nb_error *err);

/// Which jobs to list. All lists are newest first but for open ones, which are oldest first.
typedef enum nb_job_query {
    NB_JOBS_BEFORE,       ///< With an id below `key` (0: all)
    NB_JOBS_OPEN_OF_TASK, ///< Open, of the task `key`
    NB_JOBS_UNPLANNED,    ///< Open, without a task
    NB_JOBS_UNREVIEWED,   ///< Done, but not yet in the review; with an id above `key`, oldest first
} nb_job_query;

/// The caller frees *out_jobs.
NB_NODISCARD nb_status nb_ledger_list_jobs(nb_ledger *self, nb_job_query query, uint64_t key,
                                           size_t limit, nb_job **out_jobs, size_t *out_count,
                                           nb_error *err);

/// As NB_JOBS_BEFORE, of one album.
NB_NODISCARD nb_status nb_ledger_list_album_jobs(nb_ledger *self, const char *album,
                                                 uint64_t before, size_t limit, nb_job **out_jobs,
                                                 size_t *out_count, nb_error *err);

/// Call `visit` with the id of each job of the task, open or not.
NB_NODISCARD nb_status nb_ledger_each_job_of(nb_ledger *self, uint64_t task,
                                             void (*visit)(void *context, uint64_t job),
                                             void *context, nb_error *err);

/// A task as the ledger keeps it; the scheduler has it while it is open.
typedef struct nb_task_row {
    uint64_t id;
    nb_digest plan;
    uint64_t plan_size;
    nb_digest mix_key;
    char *fingerprint;
    char *label; ///< "night@v3"
    nb_task_state state;
    int64_t created_ms;
} nb_task_row;

void nb_task_row_fini(nb_task_row *self);
/// Fills id.
NB_NODISCARD nb_status nb_ledger_add_task(nb_ledger *self, nb_task_row *task, nb_error *err);
NB_NODISCARD nb_status nb_ledger_get_task(nb_ledger *self, uint64_t id, nb_task_row *out,
                                          nb_error *err);
NB_NODISCARD nb_status nb_ledger_end_task(nb_ledger *self, uint64_t id, nb_task_state state,
                                          const char *error, nb_error *err);
/// The newest open task of a mix with this key; 0 if there is none.
NB_NODISCARD nb_status nb_ledger_find_task(nb_ledger *self, const nb_digest *mix_key,
                                           uint64_t *out_id, nb_error *err);
/// Whose stems the task needs; "" and "" if no job asks for it. Of a task that makes edges for
/// others, the album of a job that waits for it, and "": it goes to anybody.
NB_NODISCARD nb_status nb_ledger_song_of_task(nb_ledger *self, uint64_t id,
                                              char out_album[NB_ALBUM_SIZE],
                                              char out_song[NB_SONG_SIZE], nb_error *err);
/// Ids of the open tasks, oldest first. The caller frees *out_ids.
NB_NODISCARD nb_status nb_ledger_open_tasks(nb_ledger *self, uint64_t **out_ids, size_t *out_count,
                                            nb_error *err);

typedef struct nb_attempt_row {
    nb_attempt_id id;
    nb_public_key key;
    char node[NB_NAME_SIZE];
    uint64_t process;
    nb_attempt_state state;
} nb_attempt_row;

NB_NODISCARD nb_status nb_ledger_add_attempt(nb_ledger *self, const nb_attempt_row *attempt,
                                             int64_t now_ms, nb_error *err);
NB_NODISCARD nb_status nb_ledger_set_attempt(nb_ledger *self, uint64_t task, uint32_t attempt,
                                             nb_attempt_state state, const char *error,
                                             int64_t now_ms, nb_error *err);
/// Attempts of a task by number. The caller frees *out_rows.
NB_NODISCARD nb_status nb_ledger_list_attempts(nb_ledger *self, uint64_t task,
                                               nb_attempt_row **out_rows, size_t *out_count,
                                               nb_error *err);
/// The text of the last attempt that ended in this state; "" if none did, or none with a text.
NB_NODISCARD nb_status nb_ledger_last_error(nb_ledger *self, uint64_t task, nb_attempt_state state,
                                            char out[NB_ERROR_TEXT_SIZE], nb_error *err);

NB_NODISCARD nb_status nb_ledger_add_line(nb_ledger *self, uint64_t task, uint64_t cursor,
                                          const char *line, nb_error *err);
/// Keep the newest NB_TASK_LINES_MAX lines, and count those that went.
NB_NODISCARD nb_status nb_ledger_trim_lines(nb_ledger *self, uint64_t task, nb_error *err);

/// Lines of the task that were dropped so far.
NB_NODISCARD nb_status nb_ledger_dropped_lines(nb_ledger *self, uint64_t task, uint64_t *out_count,
                                               nb_error *err);

typedef struct nb_task_line {
    uint64_t cursor;
    char *text;
} nb_task_line;

/// Lines of the task and of those that it waits for: at most NB_LOG_LINES_MAX newer than `cursor`,
/// oldest first; free with nb_task_lines_free.
NB_NODISCARD nb_status nb_ledger_list_lines(nb_ledger *self, uint64_t task, uint64_t cursor,
                                            nb_task_line **out_lines, size_t *out_count,
                                            nb_error *err);
void nb_task_lines_free(nb_task_line **lines_p, size_t count);

typedef struct nb_output {
    char name[NB_OUTPUT_NAME_SIZE];
    nb_digest digest;
    uint64_t size;
} nb_output;

enum { NB_RESULT_FILES_MAX = 64 };

/// What rendering a key gave: its file, and its report.
typedef struct nb_result {
    nb_digest mix_key; ///< Of the output, as nb_graph_output_key: a mix's, an alternate's, a stem's
    char *fingerprint;
    char node[NB_NAME_SIZE];
    double integrated_lufs; ///< -INFINITY for silence
    double true_peak_dbtp;
    double duration_s;
    unsigned rate_hz;
    int64_t created_ms;
    size_t output_count;
    nb_output outputs[NB_RESULT_FILES_MAX]; ///< Ascending by name
} nb_result;

void nb_result_fini(nb_result *self);
/// True where two results have the same outputs.
bool nb_result_equal(const nb_result *a, const nb_result *b);
NB_NODISCARD nb_status nb_ledger_put_result(nb_ledger *self, const nb_result *result,
                                            nb_error *err);
/// NB_E_NOT_FOUND if the key was never rendered.
NB_NODISCARD nb_status nb_ledger_get_result(nb_ledger *self, const nb_digest *mix_key,
                                            nb_result *out, nb_error *err);

#endif // NB_COORDINATOR_FARM_LEDGER_H
