// SPDX-License-Identifier: GPL-3.0-or-later
// The messages of a program that speaks the protocol's major version NIGHTBUS_SPEAKS: linked
// instead of protocol/wire.c, it makes each of our programs one of yesterday or tomorrow.
#include "protocol/limits.h"

#include <stdint.h>
#include <stdlib.h>

static uint8_t spoken(void)
{
    const char *version = getenv("NIGHTBUS_SPEAKS");
    return version ? (uint8_t)strtoul(version, NULL, 10) : NB_PROTOCOL_MAJOR;
}

#define NB_PROTOCOL_MAJOR spoken()
#include "protocol/wire.c"
