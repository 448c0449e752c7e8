// SPDX-License-Identifier: GPL-3.0-or-later
// Requests to their handlers: sessions, roles, and exactly one answer to each.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/members.h"
#include "coordinator/wishes.h"
#include "mix/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct handler {
    Nightbus__Request__BodyCase body;
    unsigned roles;
    nb_handle *handle;
    bool reads; ///< Changes nothing that anybody would ask about: the audit log has none of it
} handler;

enum { READS = true };
enum {
    MAKERS = NB_ROLE_OWNER | NB_ROLE_ENGINEER, ///< Who changes what an album sounds like
    MEMBERS = NB_ROLES_ALBUM,                  ///< Everybody on the album
    EVERYONE = NB_ROLES_PERSON,                ///< Everybody but programs
};

/// The service's interface and its access rules: who may send what, and what only reads. How the
/// album is found that the roles must be on: nb_permit. docs/permissions.md repeats it, and a test
/// compares.
static const handler handlers[] = {
    {NIGHTBUS__REQUEST__BODY_HELLO, EVERYONE | NB_ROLE_RENDERER, nb_handle_hello, READS},
    {NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, NB_ROLE_OWNER | NB_ROLE_OPERATOR,
     nb_handle_album_create},
    {NIGHTBUS__REQUEST__BODY_ALBUM_LIST, EVERYONE, nb_handle_album_list, READS},
    {NIGHTBUS__REQUEST__BODY_ALBUM_HEAD, MEMBERS, nb_handle_album_head, READS},
    {NIGHTBUS__REQUEST__BODY_LOG, MEMBERS, nb_handle_log, READS},
    {NIGHTBUS__REQUEST__BODY_SHOW, MEMBERS, nb_handle_show, READS},
    {NIGHTBUS__REQUEST__BODY_MISSING, MAKERS | NB_ROLE_MASTERING, nb_handle_missing, READS},
    {NIGHTBUS__REQUEST__BODY_PUSH, MAKERS, nb_handle_push},
    {NIGHTBUS__REQUEST__BODY_SUBMIT_PRINT, MAKERS, nb_handle_submit_print},
    {NIGHTBUS__REQUEST__BODY_SUBMIT_MASTER, MAKERS | NB_ROLE_MASTERING, nb_handle_submit_master},
    {NIGHTBUS__REQUEST__BODY_RENDER, MAKERS, nb_handle_render},
    {NIGHTBUS__REQUEST__BODY_ALBUM_RENDER, MAKERS, nb_handle_album_render},
    {NIGHTBUS__REQUEST__BODY_ALBUM_RENDER_SHOW, MEMBERS, nb_handle_album_render_show, READS},
    {NIGHTBUS__REQUEST__BODY_KEY_ASK, MEMBERS, nb_handle_key_ask, READS},
    {NIGHTBUS__REQUEST__BODY_NOTE_ADD, MEMBERS, nb_handle_note_add},
    {NIGHTBUS__REQUEST__BODY_NOTE_IMPORT, MEMBERS, nb_handle_note_import},
    {NIGHTBUS__REQUEST__BODY_NOTE_LIST, MEMBERS, nb_handle_note_list, READS},
    {NIGHTBUS__REQUEST__BODY_NOTE_LOG, MEMBERS, nb_handle_note_log, READS},
    {NIGHTBUS__REQUEST__BODY_NOTE_REPLY, MEMBERS, nb_handle_note_change},
    {NIGHTBUS__REQUEST__BODY_NOTE_EDIT, MEMBERS, nb_handle_note_change},
    {NIGHTBUS__REQUEST__BODY_NOTE_RESOLVE, MEMBERS, nb_handle_note_change},
    {NIGHTBUS__REQUEST__BODY_NOTE_REOPEN, MEMBERS, nb_handle_note_change},
    {NIGHTBUS__REQUEST__BODY_NOTE_DELETE, MEMBERS, nb_handle_note_change},
    {NIGHTBUS__REQUEST__BODY_NOTE_ERASE, NB_ROLE_OWNER, nb_handle_note_erase},
    {NIGHTBUS__REQUEST__BODY_DECIDE, MAKERS | NB_ROLE_ARTIST, nb_handle_decide},
    {NIGHTBUS__REQUEST__BODY_VERSION_LIST, MEMBERS, nb_handle_version_list, READS},
    {NIGHTBUS__REQUEST__BODY_INBOX_LIST, MEMBERS, nb_handle_inbox_list, READS},
    {NIGHTBUS__REQUEST__BODY_INBOX_SEEN, MEMBERS, nb_handle_inbox_seen},
    {NIGHTBUS__REQUEST__BODY_JOB_LIST, EVERYONE, nb_handle_job_list, READS},
    {NIGHTBUS__REQUEST__BODY_JOB_WATCH, EVERYONE, nb_handle_job_watch, READS},
    {NIGHTBUS__REQUEST__BODY_NODE_LIST, MAKERS | NB_ROLE_OPERATOR, nb_handle_node_list, READS},
    {NIGHTBUS__REQUEST__BODY_INCIDENT_LIST, NB_ROLE_OPERATOR, nb_handle_incident_list, READS},
    {NIGHTBUS__REQUEST__BODY_INCIDENT_KEEP, NB_ROLE_OPERATOR, nb_handle_incident_keep},
    {NIGHTBUS__REQUEST__BODY_INVITE_MAKE, EVERYONE, nb_handle_invite_make},
    {NIGHTBUS__REQUEST__BODY_INVITE_LIST, EVERYONE, nb_handle_invite_list, READS},
    {NIGHTBUS__REQUEST__BODY_INVITE_REVOKE, EVERYONE, nb_handle_invite_revoke},
    {NIGHTBUS__REQUEST__BODY_JOIN, NB_ROLE_GUEST, nb_handle_join},
    {NIGHTBUS__REQUEST__BODY_PEOPLE_LIST, EVERYONE, nb_handle_people_list, READS},
    {NIGHTBUS__REQUEST__BODY_ROLE_CHANGE, NB_ROLE_OWNER | NB_ROLE_OPERATOR, nb_handle_role_change},
    {NIGHTBUS__REQUEST__BODY_KEY_LIST, EVERYONE, nb_handle_key_list, READS},
    {NIGHTBUS__REQUEST__BODY_KEY_CHANGE, EVERYONE, nb_handle_key_change},
    {NIGHTBUS__REQUEST__BODY_AUDIT_LIST, NB_ROLE_OWNER | NB_ROLE_OPERATOR, nb_handle_audit_list,
     READS},
    {NIGHTBUS__REQUEST__BODY_JOB_CHANGE, MAKERS | NB_ROLE_OPERATOR, nb_handle_job_change},
    {NIGHTBUS__REQUEST__BODY_JOB_WHY, EVERYONE, nb_handle_job_why, READS},
    {NIGHTBUS__REQUEST__BODY_NODE_CHANGE, NB_ROLE_OPERATOR, nb_handle_node_change},
    {NIGHTBUS__REQUEST__BODY_METRICS_GET, NB_ROLE_OPERATOR, nb_handle_metrics_get, READS},
    {NIGHTBUS__REQUEST__BODY_ALBUM_USAGE, MAKERS | NB_ROLE_OPERATOR, nb_handle_album_usage, READS},
    {NIGHTBUS__REQUEST__BODY_DOUBT, MEMBERS, nb_handle_doubt},
    {NIGHTBUS__REQUEST__BODY_SYNC, NB_ROLE_RENDERER, nb_handle_sync},
    {NIGHTBUS__REQUEST__BODY_TASK_FINISH, NB_ROLE_RENDERER, nb_handle_task_finish},
    {NIGHTBUS__REQUEST__BODY_TASK_FAIL, NB_ROLE_RENDERER, nb_handle_task_fail},
};

static const handler *find_handler(Nightbus__Request__BodyCase body)
{
    for (size_t i = 0; i < NB_COUNT(handlers); i++) {
        if (handlers[i].body == body) {
            return &handlers[i];
        }
    }
    return NULL;
}

unsigned nb_request_roles(Nightbus__Request__BodyCase body)
{
    const handler *found = find_handler(body);
    return found ? found->roles : 0;
}

bool nb_request_reads(Nightbus__Request__BodyCase body)
{
    const handler *found = find_handler(body);
    return found && found->reads;
}

// ---- Sessions ----

static nb_control_session *find_session(const nb_coordinator *self, const nb_peer *peer)
{
    for (size_t i = 0; i < self->session_count; i++) {
        const nb_peer *known = &self->sessions[i].peer;
        // The routing id is the peer's to choose; who it is says its key.
        if (known->routing_id_size == peer->routing_id_size &&
            memcmp(known->routing_id, peer->routing_id, peer->routing_id_size) == 0 &&
            strcmp(known->key.text, peer->key.text) == 0) {
            return &self->sessions[i];
        }
    }
    return NULL;
}

// A place for the session; with all taken, that of the one longest silent. A key with very many
// gives up one of its own: nobody is pushed out by who says Hello again and again.
static nb_control_session *place_session(nb_coordinator *self, const nb_peer *peer)
{
    nb_control_session *present = find_session(self, peer);
    if (present) {
        return present;
    }
    nb_control_session *oldest = &self->sessions[0];
    nb_control_session *own = NULL; // the key's own that is longest silent
    unsigned own_count = 0;
    for (size_t i = 0; i < self->session_count; i++) {
        nb_control_session *one = &self->sessions[i];
        oldest = (one->seen_ms < oldest->seen_ms) ? one : oldest;
        if (strcmp(one->peer.key.text, peer->key.text) == 0) {
            own_count++;
            own = (!own || one->seen_ms < own->seen_ms) ? one : own;
        }
    }
    if (own_count >= NB_SESSIONS_KEY_MAX) {
        return own;
    }
    if (self->session_count < NB_SESSIONS_MAX) {
        return &self->sessions[self->session_count++];
    }
    return oldest;
}

static void copy_instance(const Nightbus__Hello *said, uint8_t out[NB_INSTANCE_SIZE])
{
    memset(out, 0, NB_INSTANCE_SIZE);
    if (said->has_instance) {
        memcpy(out, said->instance.data, NB_INSTANCE_SIZE);
    }
}

// A second process under the key and name of one that lives would take its work from it.
static nb_status check_alone(nb_coordinator *self, const nb_caller *caller, uint32_t renderer,
                             const Nightbus__Hello *said, nb_error *err)
{
    uint8_t instance[NB_INSTANCE_SIZE];
    copy_instance(said, instance);
    for (size_t i = 0; i < self->session_count; i++) {
        const nb_control_session *other = &self->sessions[i];
        const bool is_other =
            other->renderer == renderer && memcmp(other->instance, instance, sizeof instance) != 0;
        if (is_other && caller->now_ms - other->seen_ms < self->lease_ms &&
            (!self->link.is_connected ||
             self->link.is_connected(self->link.context, &other->peer))) {
            return nb_fail(err, NB_E_CONFLICT,
                           "a renderer '%s' with this key is connected already, from %s: give each "
                           "a name of its own (--name), or a key",
                           said->name, nb_coordinator_node_at(self, renderer)->host);
        }
    }
    return NB_OK;
}

static nb_status welcome_renderer(nb_coordinator *self, const nb_caller *caller,
                                  const Nightbus__Hello *said, uint32_t *out_renderer,
                                  nb_error *err)
{
    if (!said->name || !said->fingerprint) {
        return nb_fail(err, NB_E_INVALID, "a renderer says its name and fingerprint");
    }
    nb_fingerprint fingerprint;
    nb_status status = nb_text_check_name("renderer", said->name, err);
    if (status == NB_OK) {
        status = nb_fingerprint_parse(said->fingerprint, &fingerprint, err);
    }
    if (status == NB_OK) {
        status = nb_coordinator_node(self, &caller->peer->key, said->name, out_renderer, err);
    }
    if (status == NB_OK) {
        status = check_alone(self, caller, *out_renderer, said, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_farm_node *node = nb_coordinator_node_at(self, *out_renderer);
    snprintf(node->host, sizeof node->host, "%.200s", said->host ? said->host : "");
    node->threads = said->has_threads ? said->threads : 1;
    node->seen_wall_ms = nb_clock_wall_ms();
    node->shares_store = caller->member.local && !self->transfer;
    nb_wishes_apply_node(self, *out_renderer);
    uint8_t instance[NB_INSTANCE_SIZE];
    uint64_t process = 0;
    copy_instance(said, instance);
    memcpy(&process, instance, sizeof process);
    return nb_scheduler_hello(self->scheduler, *out_renderer, said->fingerprint, process,
                              caller->now_ms, err);
}

static nb_status fill_welcome(nb_coordinator *self, const nb_caller *caller, uint32_t renderer,
                              nb_answer *answer, nb_error *err)
{
    Nightbus__Welcome *welcome = nb_answer_take(answer, 1, sizeof *welcome);
    uint8_t *session = nb_answer_take(answer, NB_SESSION_SIZE, 1);
    if (!welcome || !session) {
        return nb_answer_no_memory(err);
    }
    const nb_status status =
        self->link.open_session(self->link.context, &caller->peer->key, session, err);
    if (status != NB_OK) {
        return status;
    }
    nightbus__welcome__init(welcome);
    welcome->version = nb_answer_string(answer, NB_VERSION);
    welcome->session = (ProtobufCBinaryData){.len = NB_SESSION_SIZE, .data = session};
    welcome->bulk_port = self->link.bulk_port(self->link.context);
    welcome->person = nb_answer_string(answer, caller->member.name);
    welcome->heartbeat_ms = (uint32_t)(self->lease_ms * NB_HEARTBEAT_MS / NB_LEASE_MS);
    welcome->lease_ms = (uint32_t)self->lease_ms;
    if (renderer && caller->member.local && !self->transfer) {
        welcome->store_path = nb_answer_string(answer, self->store_path);
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_WELCOME;
    answer->reply.welcome = welcome;
    return (welcome->version && welcome->person) ? NB_OK : nb_answer_no_memory(err);
}

nb_status nb_handle_hello(nb_coordinator *self, const nb_caller *caller,
                          const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__Hello *said = request->hello;
    const bool is_renderer = strcmp(said->role, "renderer") == 0;
    if (!is_renderer && strcmp(said->role, "client") != 0) {
        return nb_fail(err, NB_E_INVALID, "'%.40s' is not a role: client or renderer", said->role);
    }
    // A person without any role may connect: they are told so request by request.
    if (((caller->member.roles & NB_ROLE_RENDERER) != 0) != is_renderer) {
        return nb_fail(err, NB_E_PERMISSION, "the key of '%s' is not one for a %s",
                       caller->member.name, said->role);
    }
    uint32_t renderer = 0;
    nb_status status = is_renderer ? welcome_renderer(self, caller, said, &renderer, err) : NB_OK;
    if (status == NB_OK) {
        status = fill_welcome(self, caller, renderer, answer, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_error problem = {0};
    if (nb_ledger_touch_key(self->ledger, &caller->peer->key, nb_clock_wall_ms(), &problem) !=
        NB_OK) {
        nb_log_warn("%s", problem.text); // on a full disk people are still heard
    }
    nb_control_session *session = place_session(self, caller->peer);
    *session = (nb_control_session){
        .peer = *caller->peer, .renderer = renderer, .seen_ms = caller->now_ms};
    copy_instance(said, session->instance);
    return NB_OK;
}

// ---- Dispatch ----

static nb_status dispatch(nb_coordinator *self, nb_caller *caller, const Nightbus__Request *request,
                          nb_answer *answer, nb_error *err)
{
    const handler *found = find_handler(request->body_case);
    if (!found) {
        return nb_fail(err, NB_E_VERSION,
                       "this coordinator (%s) does not know that request: upgrade it", NB_VERSION);
    }
    // Looked up for each message, so that a key or role taken away is without power at once.
    nb_status status = nb_ledger_get_member(self->ledger, &caller->peer->key, &caller->member, err);
    if (status == NB_OK) {
        status = nb_permit(self, caller, request, found->roles, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_control_session *session = find_session(self, caller->peer);
    if (!session && request->body_case != NIGHTBUS__REQUEST__BODY_HELLO &&
        request->body_case != NIGHTBUS__REQUEST__BODY_JOIN) {
        return nb_fail(err, NB_E_STALE, "say Hello first: this connection is not known");
    }
    if (session) {
        session->seen_ms = caller->now_ms;
        caller->renderer = session->renderer;
    }
    if (found->roles == NB_ROLE_RENDERER && caller->renderer == 0) {
        return nb_fail(err, NB_E_PERMISSION, "only a renderer asks for this");
    }
    status = found->handle(self, caller, request, answer, err);
    if (status == NB_OK) {
        nb_coordinator_audit(self, caller, request);
    }
    return status;
}

void nb_coordinator_hear(nb_coordinator *self, const nb_peer *peer,
                         const Nightbus__Request *request, int64_t now_ms)
{
    nb_caller caller = {.peer = peer, .request = request->id, .now_ms = now_ms};
    nb_answer answer = {.arena = nb_arena_new(), .reply = NIGHTBUS__REPLY__INIT};
    nb_error err = {0};
    const bool batched = nb_coordinator_is_batched(request->body_case);
    self->metrics.requests++;
    if (!batched) {
        nb_coordinator_commit(self, now_ms);
    }
    nb_status status = answer.arena ? nb_batch_mend(self, now_ms, &err) : nb_answer_no_memory(&err);
    if (status == NB_OK && batched) {
        status = nb_batch_open(self, &err);
    }
    if (status == NB_OK) {
        status = dispatch(self, &caller, request, &answer, &err);
    }
    answer.reply.id = request->id;
    if (status != NB_OK) {
        self->metrics.refusals++;
        nb_log_debug("%s: request %d: %s", caller.member.name, (int)request->body_case, err.text);
        nb_answer_fail(&answer, status, &err);
    }
    if (status != NB_OK || !answer.held) {
        nb_coordinator_answer(self, peer, &answer);
    }
    nb_arena_destroy(&answer.arena);
}
