# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors: nothing that reads the stems can take less."""

from types import SimpleNamespace

from peers.common import MIXES, Variant


def _decode(job):
    argv = [str(job.bin / "bench_decode"), *map(job.stem, job.song.tracks)]
    return [Variant("", argv, env={"OMP_NUM_THREADS": str(job.threads)})]


def _copy(job):
    copies = job.folder / "copies"
    argv = ["cp", "--reflink=never", "--", *map(job.stem, job.song.tracks), str(copies)]
    return [Variant("", argv, clean=(copies,))]


decode = SimpleNamespace(
    NAME="decode", NEEDS=(), WORKLOADS=MIXES, prepare=_decode,
    LEAVES_OUT="everything but decoding the stems with libsndfile",
)
copy = SimpleNamespace(
    NAME="copy", NEEDS=("cp",), WORKLOADS=MIXES, prepare=_copy,
    LEAVES_OUT="everything but copying the files",
)
