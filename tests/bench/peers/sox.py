# SPDX-License-Identifier: GPL-3.0-or-later
"""sox: it has no graph, so a shell script renders each track to a file and mixes the files."""

import shlex
import struct

import song as songs
from peers.common import MIXES, Variant, write

NAME = "sox"
NEEDS = ("sox", "xargs")
LEAVES_OUT = (
    "one impulse response for both sides; the delay is six taps, not a loop; the limiter is "
    "gain -l, which holds samples, not true peaks; no report. Files of 32-bit samples between the steps"
)
WORKLOADS = MIXES
TAPS = 6
HEADROOM_DB = 12  # samples are whole numbers: a sum must not reach full scale


def _compand(settings, shift_db=0.0):
    threshold = settings.threshold_db - shift_db
    top = threshold + (0 - threshold) / settings.ratio
    return (f"compand {settings.attack_ms / 1000:g},{settings.release_ms / 1000:g}"
            f" {settings.knee_db:g}:-120,-120,{threshold:g},{threshold:g},0,{top:g}")


def _track(track, path, made):
    effects = [f"highpass -2 {track.high_pass_hz:g} 0.70710678q"]
    effects += [f"equalizer {bell.freq_hz:g} {bell.q:g}q {bell.gain_db:g}" for bell in track.bells]
    effects += [_compand(track.compressor)]
    left, right = (gain * songs.gain(track.compressor.makeup_db)
                   for gain in songs.pan_gains(track))
    effects += [f"remix 1v{left:.7f} {track.channels}v{right:.7f}"]
    return f"sox -D {shlex.quote(path)} {shlex.quote(made)} {' '.join(effects)}"


def _mix(files, levels_db, made, *effects):
    inputs = " ".join(f"-v {songs.gain(level - HEADROOM_DB):.7f} {shlex.quote(file)}"
                      for file, level in zip(files, levels_db))
    return f"sox -D -m {inputs} {shlex.quote(made)} {' '.join(effects)}"


def _write_response(job):
    """The left side's samples as the text that `fir` reads."""
    data = (job.album / songs.RESPONSE).read_bytes()[44:]
    samples = (struct.unpack("<i", b"\0" + data[at:at + 3])[0] / 2**31
               for at in range(0, len(data), 6))
    return write(job.folder / "response.txt", "\n".join(f"{sample:.9f}" for sample in samples) + "\n")


def prepare(job):
    song = job.song
    between = job.folder / "between"
    made = [str(between / f"{track.id}.sox") for track in song.tracks]
    dry, reverb, delay = (str(between / f"{name}.sox") for name in ("dry", "reverb", "delay"))
    output = job.folder / "mix.wav"
    tracks = [_track(track, job.stem(track), file) for track, file in zip(song.tracks, made)]
    taps = " ".join(f"{songs.DELAY_S * 1000 * tap:g} {songs.DELAY_FEEDBACK ** (tap - 1):.6f}"
                    for tap in range(1, TAPS + 1))
    end = f"trim 0 {song.seconds}"
    buses = [
        _mix(made, [0] * len(made), dry),
        _mix(made, [track.reverb_db for track in song.tracks], reverb,
             f"fir {shlex.quote(str(_write_response(job)))}", end),
        _mix(made, [track.delay_db for track in song.tracks], delay, f"echo 1e-9 1 {taps}", end),
    ]
    drive = HEADROOM_DB + song.limiter_gain_db + song.bus_compressor.makeup_db - song.ceiling_db
    sums = " ".join(f"-v 1 {shlex.quote(file)}" for file in (dry, reverb, delay))
    last = (f"sox -D -m {sums} -b 24 {shlex.quote(str(output))}"
            f" {_compand(song.bus_compressor, HEADROOM_DB)}"
            f" gain {'-l ' if drive > 0 else ''}{drive:g} gain {song.ceiling_db:g}")
    parallel = f"xargs -P {job.threads} -d '\\n' -n 1 sh -c"
    script = "\n".join(["#!/bin/sh", "set -e", f"{parallel} <<'END'", *tracks, "END",
                        f"{parallel} <<'END'", *buses, "END", last]) + "\n"
    path = write(job.folder / "mix.sh", script)
    return [Variant(f"{job.threads} at a time", ["sh", str(path)], output, clean=(between,))]
