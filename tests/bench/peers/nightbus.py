# SPDX-License-Identifier: GPL-3.0-or-later
"""Nightbus itself: the whole workload, 24-bit output, full report."""

from peers.common import MIXES, Variant

NAME = "nightbus"
NEEDS = ()
LEAVES_OUT = "nothing"
WORKLOADS = MIXES + ("long", "alternates", "threads")


def _variant(job, song, label, threads, *more, seconds=0):
    output = job.folder / f"{song}-{threads}{''.join(more)}.wav"
    argv = [str(job.bin / "nightbus"), "render", str(job.album / "songs" / song),
            "-o", str(output), "--threads", str(threads), *more]
    return Variant(label, argv, output, seconds=seconds)


def prepare(job):
    song = job.song.name
    if job.workload == "threads":
        return [_variant(job, song, f"{threads} thread{'s' * (threads > 1)}", threads)
                for threads in range(1, job.threads + 1)]
    if job.workload == "alternates":
        return [_variant(job, song, "the mix alone", job.threads),
                _variant(job, song, "and its alternates", job.threads, "--alternates")]
    if job.workload == "long":
        return [_variant(job, "main", "3 minutes", job.threads, seconds=180),
                _variant(job, song, "60 minutes", job.threads)]
    return [_variant(job, song, "", job.threads)]
