# SPDX-License-Identifier: GPL-3.0-or-later
"""csound: an orchestra of one instrument for each track. Debian has the build with 64-bit samples."""

import song as songs
from peers.common import MIXES, Variant, write

NAME = "csound"
NEEDS = ("csound",)
LEAVES_OUT = "no report; the limiter is a compressor at 100:1 and a clip of samples"
WORKLOADS = MIXES
PARTITION = 4096
LOOK_AHEAD_S = 0.001


def _compressor(signal, key, settings):
    """compress2's levels are in dB over 1, so that 0 dBFS is 0 dB."""
    low = settings.threshold_db - settings.knee_db / 2
    high = settings.threshold_db + settings.knee_db / 2
    return (f"compress2 {signal}, {key}, -120, {low:g}, {high:g}, {settings.ratio:g},"
            f" {settings.attack_ms / 1000:g}, {settings.release_ms / 1000:g}, {LOOK_AHEAD_S}")


def _filters(signal, track):
    lines = [f"{signal} rbjeq {signal}, {track.high_pass_hz:g}, 1, 0.70710678, 1, 2"]
    for bell in track.bells:
        lines += [f"{signal} rbjeq {signal}, {bell.freq_hz:g}, {songs.gain(bell.gain_db):.7f},"
                  f" {bell.q:g}, 1, 8"]
    return lines


def _track(number, track, path):
    left, right = songs.pan_gains(track)
    make_up = songs.gain(track.compressor.makeup_db)
    lines = [f"instr {number}"]
    if track.channels == 1:
        lines += [f'a1 soundin "{path}"', *_filters("a1", track)]
        lines += ["a1 " + _compressor("a1", "a1", track.compressor)]
        lines += [f"aL = a1 * {left * make_up:.7f}", f"aR = a1 * {right * make_up:.7f}"]
    else:
        lines += [f'a1, a2 soundin "{path}"', *_filters("a1", track), *_filters("a2", track)]
        lines += ["ak max abs(a1), abs(a2)"]
        lines += ["a1 " + _compressor("a1", "ak", track.compressor)]
        lines += ["a2 " + _compressor("a2", "ak", track.compressor)]
        lines += [f"aL = a1 * {left * make_up:.7f}", f"aR = a2 * {right * make_up:.7f}"]
    for bus, level in (("Rev", songs.gain(track.reverb_db)), ("Del", songs.gain(track.delay_db))):
        lines += [f"ga{bus}L = ga{bus}L + aL * {level:.7f}", f"ga{bus}R = ga{bus}R + aR * {level:.7f}"]
    return lines + ["gaMixL = gaMixL + aL", "gaMixR = gaMixR + aR", "endin"]


def _master(song):
    drive = songs.gain(song.limiter_gain_db + song.bus_compressor.makeup_db)
    ceiling = songs.gain(song.ceiling_db)
    limiter = (f"-120, {song.ceiling_db - 1:g}, {song.ceiling_db:g}, 100, 0.0005,"
               f" {song.limiter_release_ms / 1000:g}, {LOOK_AHEAD_S}")
    lines = ["instr 1000"]
    for side in "LR":
        channel = "LR".index(side) + 1
        lines += [
            f"aRev{side} ftconv gaRev{side}, {channel}, {PARTITION}",
            f"aTap{side} delayr {songs.DELAY_S}",
            f"delayw gaDel{side} + aTap{side} * {songs.DELAY_FEEDBACK}",
            f"a{side} = gaMix{side} + aRev{side} + aTap{side}",
        ]
    lines += ["aKey max abs(aL), abs(aR)"]
    lines += [f"a{side} " + _compressor(f"a{side}", "aKey", song.bus_compressor) for side in "LR"]
    lines += [f"a{side} = a{side} * {drive:.7f}" for side in "LR"]
    lines += ["aKey max abs(aL), abs(aR)"]
    for side in "LR":
        lines += [f"a{side} compress2 a{side}, aKey, {limiter}",
                  f"a{side} clip a{side}, 0, {ceiling:.7f}, 0.9"]
    lines += ["outs aL, aR"]
    lines += [f"ga{bus}{side} = 0" for bus in ("Rev", "Del", "Mix") for side in "LR"]
    return lines + ["endin"]


def orchestra(job, block):
    song = job.song
    response = job.album / songs.RESPONSE
    lines = ["<CsoundSynthesizer>", "<CsInstruments>", f"sr = {songs.RATE_HZ}", f"ksmps = {block}",
             "nchnls = 2", "0dbfs = 1"]
    lines += [f"ga{bus}{side} init 0" for bus in ("Rev", "Del", "Mix") for side in "LR"]
    lines += [f'gi{side} ftgen {channel}, 0, 0, -1, "{response}", 0, 0, {channel}'
              for channel, side in ((1, "L"), (2, "R"))]
    for number, track in enumerate(song.tracks, 1):
        lines += _track(number, track, job.stem(track))
    lines += _master(song) + ["</CsInstruments>", "<CsScore>"]
    lines += [f"i {number} 0 {song.seconds}" for number in range(1, len(song.tracks) + 1)]
    lines += [f"i 1000 0 {song.seconds}", "</CsScore>", "</CsoundSynthesizer>"]
    return "\n".join(lines) + "\n"


def prepare(job):
    def variant(block, threads):
        name = f"ksmps-{block}-threads-{threads}"
        script = write(job.folder / f"{name}.csd", orchestra(job, block))
        output = job.folder / f"{name}.wav"
        return Variant(f"ksmps {block}, {threads} thread{'s' * (threads > 1)}",
                       ["csound", "-d", "-m0", "-W", "-3", f"-j{threads}", "-o", str(output),
                        str(script)], output)

    return [variant(64, 1), variant(256, 1), variant(256, job.threads)]
