// SPDX-License-Identifier: GPL-3.0-or-later
/// @file render_profile.h  `render --profile`: which strip and which processor a mix's time goes
/// to.

#ifndef NB_REVIEW_CLI_RENDER_PROFILE_H
#define NB_REVIEW_CLI_RENDER_PROFILE_H
#include "renderer/engine/render.h"
#include "review-cli/command.h"

/// Print what the render of `graph` measured: strips by their cost, in each its processors, then
/// the work between processors. As JSON: an object with `total_ns`, `nodes` and `work`.
NB_NODISCARD nb_status nb_render_profile_print(const nb_profile *profile, const nb_graph *graph,
                                               const nb_cli *cli, nb_error *err);

#endif // NB_REVIEW_CLI_RENDER_PROFILE_H
