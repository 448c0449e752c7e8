// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/flow.h"

static const uint64_t least = (uint64_t)NB_WINDOW_CHUNKS_MIN * NB_CHUNK_SIZE;
static const uint64_t most = (uint64_t)NB_WINDOW_CHUNKS_MAX * NB_CHUNK_SIZE;
static const double forget =
    0.1; // how much of the bandwidth seen before a slower sample takes away

void nb_flow_init(nb_flow *self) { *self = (nb_flow){.size = least}; }

void nb_flow_restart(nb_flow *self)
{
    self->first = 0;
    self->count = 0;
}

void nb_flow_ask(nb_flow *self, int64_t now_us)
{
    if (self->count < NB_WINDOW_CHUNKS_MAX) {
        self->chunks[(self->first + self->count) % NB_WINDOW_CHUNKS_MAX] =
            (nb_flow_chunk){now_us, self->arrived};
        self->count++;
    }
}

static void resize(nb_flow *self)
{
    const double wanted = 2.0 * self->bytes_a_us * (double)self->least_us;
    self->size = (wanted < (double)most) ? (uint64_t)wanted : most;
    self->size = (self->size > least) ? self->size : least;
}

void nb_flow_arrive(nb_flow *self, size_t size, int64_t now_us)
{
    self->arrived += size;
    if (self->count == 0) {
        return;
    }
    const nb_flow_chunk asked = self->chunks[self->first];
    self->first = (self->first + 1) % NB_WINDOW_CHUNKS_MAX;
    self->count--;
    const int64_t took_us = (now_us > asked.asked_us) ? now_us - asked.asked_us : 1;
    const double seen = (double)(self->arrived - asked.arrived) / (double)took_us;
    self->least_us = (self->least_us == 0 || took_us < self->least_us) ? took_us : self->least_us;
    self->bytes_a_us +=
        (seen > self->bytes_a_us) ? seen - self->bytes_a_us : forget * (seen - self->bytes_a_us);
    resize(self);
}
