// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/measuring.h"

#include "base/progress.h"
#include "renderer/engine/render.h"

static void on_progress(void *context, int64_t done_frames, int64_t total_frames)
{
    (void)total_frames;
    nb_progress_update(context, (uint64_t)done_frames);
}

nb_status nb_measure_file(const char *path, const nb_audio_info *info, nb_report *out,
                          nb_error *err)
{
    nb_progress progress;
    nb_progress_start(&progress, "measuring", NB_PROGRESS_FRAMES, (uint64_t)info->frames,
                      info->rate_hz);
    const nb_status status = nb_render_measure(path, NULL, on_progress, &progress, out, err);
    nb_progress_finish(&progress, (uint64_t)info->frames);
    return status;
}
