# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain C loop over the tracks: plain_loop.c."""

import song as songs
from peers.common import MIXES, Variant, write

NAME = "plain-loop"
NEEDS = ()
LEAVES_OUT = "reverb, delay, bus compressor, limiter, report"
WORKLOADS = MIXES
CHECK_OFFSET_DB = 6  # the gain ahead of the limiter, which the check's song turns down


def prepare(job):
    lines = []
    for track in job.song.tracks:
        compressor = track.compressor
        values = [track.high_pass_hz]
        for bell in track.bells:
            values += [bell.freq_hz, bell.gain_db, bell.q]
        values += [compressor.threshold_db, compressor.ratio, compressor.knee_db,
                   compressor.attack_ms, compressor.release_ms, compressor.makeup_db,
                   *songs.pan_gains(track)]
        lines.append(job.stem(track) + "\t" + " ".join(f"{value:.9g}" for value in values))
    table = write(job.folder / "song.txt", "\n".join(lines) + "\n")
    output = job.folder / "mix.wav"
    argv = [str(job.bin / "bench_plain_loop"), str(table), str(output)]
    return [Variant(f"{threads} thread{'s' * (threads > 1)}", argv, output,
                    {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"})
            for threads in sorted({1, job.threads})]
