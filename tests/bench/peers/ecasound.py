# SPDX-License-Identifier: GPL-3.0-or-later
"""ecasound with the LADSPA plugins of swh-plugins."""

import math

import song as songs
from peers.common import MIXES, Variant

NAME = "ecasound"
NEEDS = ("ecasound", "/usr/lib/ladspa/single_para_1203.so")
LEAVES_OUT = (
    "the reverb is an algorithm with a mono input (gverb), not a convolution; the limiter looks "
    "at samples, not at true peaks; no report"
)
WORKLOADS = MIXES
MIX_LOOP = 1000
MASTER_LOOP = 1001
# Left and right of the mix, of the reverb's send and of the delay's side by side: one sum for all.
LANES = 6


def _octaves(q):
    return 2 / math.log(2) * math.asinh(1 / (2 * q))


def _compressor(plugin, settings):
    return (f"-el:{plugin},0,{max(1.5, settings.attack_ms):g},{settings.release_ms:g},"
            f"{max(-30, settings.threshold_db):g},{settings.ratio:g},"
            f"{max(1, settings.knee_db / 2):g},{settings.makeup_db:g}")


def _format(channels):
    return f"-f:f32_le,{channels},{songs.RATE_HZ}"


def _track(number, track, path):
    plugin = "sc4" if track.channels == 2 else "sc4m"
    words = [f"-a:track{number}", f"-f:s24_le,{track.channels},{songs.RATE_HZ}", f"-i:{path}",
             f"-efh:{track.high_pass_hz:g}"]
    words += [f"-el:singlePara,{bell.gain_db:g},{bell.freq_hz:g},{_octaves(bell.q):.5f}"
              for bell in track.bells]
    words += [_compressor(plugin, track.compressor),
              _format(track.channels), f"-o:loop,{number}"]
    words += [f"-a:send{number}", _format(track.channels), f"-i:loop,{number}"]
    for lane in range(track.channels, LANES):
        words += [f"-chcopy:{lane % track.channels + 1},{lane + 1}"]
    for pair, level_db in enumerate((0, track.reverb_db, track.delay_db)):
        for side, pan in enumerate(songs.pan_gains(track)):
            percent = 100 * pan * songs.gain(level_db)
            words += [f"-eac:{percent:.5f},{2 * pair + side + 1}"]
    return words


def chains(job, output):
    song = job.song
    words = []
    for number, track in enumerate(song.tracks, 1):
        words += _track(number, track, job.stem(track))
    # Chains that share a loop are named together where it is connected.
    words += ["-a:" + ",".join(f"send{number}" for number in range(1, len(song.tracks) + 1)),
              _format(LANES), f"-o:loop,{MIX_LOOP}"]
    words += ["-a:dry,reverb,delay", _format(LANES), f"-i:loop,{MIX_LOOP}"]
    words += ["-a:dry", "-chorder:1,2"]
    # A room of 40 m, 2 s, no dry signal.
    words += ["-a:reverb", "-chorder:3,4", "-el:gverb,40,2,0.3,0.75,-70,-20,-17"]
    words += ["-a:delay", "-chorder:5,6",
              f"-etd:{songs.DELAY_S * 1000:g},0,1,100,{songs.DELAY_FEEDBACK * 100:g}"]
    words += ["-a:dry,reverb,delay", _format(2), f"-o:loop,{MASTER_LOOP}"]
    words += ["-a:master", _format(2), f"-i:loop,{MASTER_LOOP}",
              _compressor("sc4", song.bus_compressor),
              f"-el:fastLookaheadLimiter,{song.limiter_gain_db:g},{song.ceiling_db:g},"
              f"{song.limiter_release_ms / 1000:g}",
              f"-f:s24_le,2,{songs.RATE_HZ}", f"-o:{output}"]
    return words


def prepare(job):
    def variant(frames):
        output = job.folder / f"b{frames}.wav"
        return Variant(f"buffer {frames}",
                       ["ecasound", "-q", "-D", "-B:nonrt", f"-b:{frames}", "-z:nodb", "-z:nointbuf",
                        "-z:mixmode,sum", "-x", f"-t:{job.song.seconds}", *chains(job, output)],
                       output)

    return [variant(1024), variant(4096)]
