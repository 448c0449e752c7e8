// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a caller may send a request: the album it is about, the roles there, and the words of a
// refusal.
#include "coordinator/coordinator_private.h"
#include "coordinator/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/// The field of the request's body with that name and type, or null.
static const void *field_of(const ProtobufCMessage *body, const char *name, ProtobufCType type,
                            bool *out_present)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(body->descriptor, name);
    *out_present = false;
    if (!field || field->type != type || field->label == PROTOBUF_C_LABEL_REPEATED) {
        return NULL;
    }
    const char *value = (const char *)body + field->offset;
    *out_present =
        field->label == PROTOBUF_C_LABEL_REQUIRED ||
        (type == PROTOBUF_C_TYPE_STRING
             ? *(const char *const *)(const void *)value != NULL
             : *(const protobuf_c_boolean *)((const char *)body + field->quantifier_offset) != 0);
    return value;
}

/// What a request is about: the album it names, or the job. Neither is fine.
typedef struct subject {
    char album[NB_ALBUM_SIZE]; ///< "" for none
    bool has_job;
    uint64_t job;
} subject;

static subject find_subject(const Nightbus__Request *request)
{
    const ProtobufCMessage *body = &request->hello->base; // all bodies share their place
    subject found = {0};
    bool present = false;
    const char *const *album = field_of(body, "album", PROTOBUF_C_TYPE_STRING, &present);
    if (album && present) {
        // One that is longer than any album's name matches none.
        snprintf(found.album, sizeof found.album, "%s", *album);
        return found;
    }
    const uint64_t *number = field_of(body, "job", PROTOBUF_C_TYPE_UINT64, &present);
    found.has_job = number && present;
    found.job = found.has_job ? *number : 0;
    return found;
}

nb_status nb_album_roles(nb_ledger *ledger, const nb_member *member, const char *album,
                         unsigned *out_roles, nb_error *err)
{
    unsigned roles = 0;
    nb_status status = NB_OK;
    if (!(member->roles & NB_ROLE_RENDERER)) {
        status = nb_ledger_get_roles(ledger, member->name, album, &roles, err);
    }
    *out_roles = member->roles | (roles & NB_ROLES_ALBUM);
    return status;
}

bool nb_caller_sees(nb_coordinator *self, const nb_caller *caller, const char *album)
{
    unsigned roles = 0;
    return nb_album_roles(self->ledger, &caller->member, album, &roles, NULL) == NB_OK &&
           (roles & NB_ROLES_PERSON) != 0;
}

/// "Push", as the protocol calls it.
static const char *request_name(const Nightbus__Request *request)
{
    return request->hello->base.descriptor->short_name;
}

static nb_status refuse(const nb_caller *caller, const Nightbus__Request *request,
                        const char *album, unsigned roles, nb_error *err)
{
    char wanted[NB_ROLES_TEXT_SIZE];
    char present[NB_ROLES_TEXT_SIZE];
    nb_roles_format(roles, wanted);
    nb_roles_format(caller->roles, present);
    if (album[0]) {
        return nb_fail(err, NB_E_PERMISSION,
                       "%s takes a role on album '%s': one of %s; %s has: %s (its owner gives "
                       "roles: nightbus role)",
                       request_name(request), album, wanted, caller->member.name, present);
    }
    return nb_fail(err, NB_E_PERMISSION,
                   "%s takes a role on the farm: one of %s; %s has: %s (an operator gives roles: "
                   "nightbus role)",
                   request_name(request), wanted, caller->member.name, present);
}

// The album of the job, if the caller sees it. Others' jobs are as if they were not there.
static nb_status find_album_of_job(nb_coordinator *self, const nb_caller *caller, subject *about,
                                   nb_error *err)
{
    nb_job job;
    const nb_status status = nb_ledger_get_job(self->ledger, about->job, &job, err);
    if (status == NB_E_NOT_FOUND || (status == NB_OK && !nb_caller_sees(self, caller, job.album))) {
        return nb_fail(err, NB_E_NOT_FOUND, "no job %" PRIu64 " ('nightbus jobs' lists them)",
                       about->job);
    }
    if (status == NB_OK) {
        snprintf(about->album, sizeof about->album, "%s", job.album);
    }
    return status;
}

nb_status nb_permit(nb_coordinator *self, nb_caller *caller, const Nightbus__Request *request,
                    unsigned roles, nb_error *err)
{
    caller->roles = caller->member.roles;
    if (caller->member.roles & NB_ROLE_RENDERER) { // programs ask about no album
        return (roles & NB_ROLE_RENDERER) ? NB_OK : refuse(caller, request, "", roles, err);
    }
    if (caller->member.roles & NB_ROLE_GUEST) {
        return (roles & NB_ROLE_GUEST)
                   ? NB_OK
                   : nb_fail(
                         err, NB_E_PERMISSION,
                         "%s takes a role on the farm: the key of an invite may join, and nothing "
                         "else",
                         request_name(request));
    }
    if (request->body_case == NIGHTBUS__REQUEST__BODY_HELLO) {
        return NB_OK; // people without any role are told so request by request
    }
    subject about = find_subject(request);
    nb_status status = NB_OK;
    if (!about.album[0] && (roles & NB_ROLES_ALBUM)) {
        unsigned anywhere = 0;
        status = nb_ledger_any_roles(self->ledger, caller->member.name, &anywhere, err);
        caller->roles |= anywhere;
    }
    if (status == NB_OK && about.has_job && (caller->roles & roles)) {
        status = find_album_of_job(self, caller, &about, err);
    }
    if (status == NB_OK && about.album[0]) {
        status = nb_album_roles(self->ledger, &caller->member, about.album, &caller->roles, err);
    }
    memcpy(caller->album, about.album, sizeof caller->album);
    if (status != NB_OK) {
        return status;
    }
    return (caller->roles & roles) ? NB_OK : refuse(caller, request, about.album, roles, err);
}

nb_status nb_permit_waiter(nb_coordinator *self, const nb_waiter *waiter, nb_error *err)
{
    nb_caller caller = {.peer = &waiter->peer};
    subject about = {.has_job = true, .job = waiter->job};
    const nb_status status =
        nb_ledger_get_member(self->ledger, &waiter->peer.key, &caller.member, err);
    return (status == NB_OK) ? find_album_of_job(self, &caller, &about, err) : status;
}
