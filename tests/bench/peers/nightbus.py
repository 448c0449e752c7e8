# SPDX-License-Identifier: GPL-3.0-or-later
"""Nightbus itself: the whole workload, 24-bit output, full report."""

from peers.common import MIXES, Variant

NAME = "nightbus"
NEEDS = ()
LEAVES_OUT = "nothing"
WORKLOADS = MIXES + ("long", "alternates", "threads")


def _variant(job, label, threads, *more):
    output = job.folder / f"{job.song.name}-{threads}.wav"
    return Variant(
        label,
        [str(job.bin / "nightbus"), "render", str(job.album / "songs" / job.song.name),
         "-o", str(output), "--threads", str(threads), *more],
        output,
    )


def prepare(job):
    if job.workload == "threads":
        return [_variant(job, "1 thread", 1), _variant(job, f"{job.threads} threads", job.threads)]
    if job.workload == "alternates":
        return [_variant(job, "", job.threads, "--alternates")]
    return [_variant(job, "", job.threads)]
