// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/roles.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned role;
} names[] = {
    {"owner", NB_ROLE_OWNER},       {"engineer", NB_ROLE_ENGINEER},
    {"artist", NB_ROLE_ARTIST},     {"mastering", NB_ROLE_MASTERING},
    {"operator", NB_ROLE_OPERATOR}, {"renderer", NB_ROLE_RENDERER},
    {"guest", NB_ROLE_GUEST},
};

nb_status nb_role_parse(const char *name, unsigned *out_role, nb_error *err)
{
    for (size_t i = 0; i < NB_COUNT(names); i++) {
        if (names[i].role != NB_ROLE_GUEST && strcmp(names[i].name, name) == 0) {
            *out_role = names[i].role;
            return NB_OK;
        }
    }
    *out_role = 0;
    return nb_fail(err, NB_E_INVALID,
                   "'%.40s' is not a role: owner, engineer, artist and mastering (of an album), "
                   "operator and renderer (of the farm)",
                   name);
}

void nb_roles_format(unsigned roles, char out[NB_ROLES_TEXT_SIZE])
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < NB_COUNT(names) && length < NB_ROLES_TEXT_SIZE; i++) {
        if (roles & names[i].role) {
            const int added = snprintf(out + length, NB_ROLES_TEXT_SIZE - length, "%s%s",
                                       length > 0 ? ", " : "", names[i].name);
            length += (size_t)added;
        }
    }
    if (length == 0) {
        snprintf(out, NB_ROLES_TEXT_SIZE, "none");
    }
}

const char *nb_role_name(size_t index, unsigned *out_role)
{
    *out_role = (index < NB_COUNT(names)) ? names[index].role : 0;
    return (index < NB_COUNT(names)) ? names[index].name : NULL;
}
