# SPDX-License-Identifier: GPL-3.0-or-later
"""Nightbus itself: the whole workload, 24-bit output with dither, the full report."""

from peers.common import MIXES, Variant

NAME = "nightbus"
NEEDS = ()
LEAVES_OUT = "nothing"
WORKLOADS = MIXES + ("long", "alternates", "threads")


def _variant(job, song, label, threads, *more, seconds=0):
    made = job.folder / f"{song}-{threads}{''.join(more)}"
    output = made / "mix.wav"
    argv = [str(job.bin / "nightbus"), "render", str(job.album / "songs" / song),
            "-o", str(output), "--bits", "24", "--threads", str(threads), *more]
    return Variant(label, argv, output, clean=(made,), seconds=seconds)


def _doublings(most):
    """1, 2, 4 and so on, and `most` itself."""
    counts = [1]
    while counts[-1] * 2 <= most:
        counts.append(counts[-1] * 2)
    return sorted({*counts, most})


def prepare(job):
    song = job.song.name
    if job.workload == "threads":
        return [_variant(job, song, f"{threads} thread{'s' * (threads > 1)}", threads)
                for threads in _doublings(job.threads)]
    if job.workload == "alternates":
        return [_variant(job, song, "the mix alone", job.threads),
                _variant(job, song, "and its alternates", job.threads, "--alternates")]
    if job.workload == "long":
        return [_variant(job, "main", "3 minutes", job.threads, seconds=180),
                _variant(job, song, "60 minutes", job.threads)]
    return [_variant(job, song, "", job.threads)]
