// SPDX-License-Identifier: GPL-3.0-or-later
// Invites as somebody could have pasted or forged them. What is taken must be written back as a
// link that is taken again and is the same.
#include "base/text.h"
#include "protocol/invite.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NB_SCOPED(nb_text_free) char *text = nb_text_format("%.*s", (int)size, (const char *)bytes);
    nb_invite invite;
    nb_error err = {0};
    if (!text || nb_invite_parse(text, &invite, &err) != NB_OK) {
        return 0;
    }
    nb_invite again;
    NB_SCOPED(nb_text_free) char *link = nb_invite_format(&invite);
    if (!link || nb_invite_parse(link, &again, &err) != NB_OK ||
        memcmp(&invite, &again, sizeof invite) != 0) {
        abort();
    }
    return 0;
}
