// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/edge_kernel.h"
#include "dsp/processor.h"

extern const nb_edge_kernel nb_edge_kernel_x2;
#if defined(__x86_64__)
extern const nb_edge_kernel nb_edge_kernel_x4;
extern const nb_edge_kernel nb_edge_kernel_x8;
#endif

const nb_edge_kernel *nb_edge_kernel_get(void)
{
    switch (nb_lane_count()) {
#if defined(__x86_64__)
    case 8:
        return &nb_edge_kernel_x8;
    case 4:
        return &nb_edge_kernel_x4;
#endif
    default:
        return &nb_edge_kernel_x2;
    }
}
