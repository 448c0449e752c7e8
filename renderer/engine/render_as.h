// SPDX-License-Identifier: GPL-3.0-or-later
/// @file render_as.h  nb_render_run with the choices that change no bit, for the tests that say so.

#ifndef NB_RENDERER_ENGINE_RENDER_AS_H
#define NB_RENDERER_ENGINE_RENDER_AS_H
#include "renderer/engine/render.h"
#include "renderer/engine/schedule.h"

/// `choices` are NB_SCHEDULE_LANES and so on.
NB_NODISCARD nb_status nb_render_run_as(const nb_graph *graph, const nb_render_output *outputs,
                                        size_t output_count, const nb_render_options *options,
                                        unsigned choices, nb_error *err);

#endif // NB_RENDERER_ENGINE_RENDER_AS_H
