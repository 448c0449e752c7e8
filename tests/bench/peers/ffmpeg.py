# SPDX-License-Identifier: GPL-3.0-or-later
"""ffmpeg's filter graph, one process."""

import song as songs
from peers.common import MIXES, Variant, write

NAME = "ffmpeg"
NEEDS = ("ffmpeg",)
LEAVES_OUT = (
    "the delay is six taps, not a loop; the limiter looks at samples, not at true peaks; "
    "the report has no short-term and momentary maximum, spectrum or correlation"
)
WORKLOADS = MIXES
TAPS = 6


def _compressor(settings):
    # acompressor's knee is a factor about the threshold, half below and half above.
    return (
        f"acompressor=threshold={songs.gain(settings.threshold_db):.6f}:ratio={settings.ratio:g}"
        f":attack={settings.attack_ms:g}:release={settings.release_ms:g}"
        f":knee={min(8, songs.gain(settings.knee_db)):.4f}:detection=peak:link=maximum"
        f":makeup={max(1, songs.gain(settings.makeup_db)):.4f}"
    )


def _track(index, track):
    left, right = songs.pan_gains(track)
    source = "c0" if track.channels == 1 else "c1"
    filters = ["aformat=sample_fmts=fltp",
               f"highpass=f={track.high_pass_hz:g}:a=tdii:t=q:w=0.70710678"]
    filters += [f"equalizer=f={bell.freq_hz:g}:a=tdii:t=q:w={bell.q:g}:g={bell.gain_db:g}"
                for bell in track.bells]
    filters += [_compressor(track.compressor),
                f"pan=stereo|c0={left:.6f}*c0|c1={right:.6f}*{source}",
                f"asplit=3[dry{index}][r{index}][d{index}]"]
    return [
        f"[{index}:a]" + ",".join(filters),
        f"[r{index}]volume={track.reverb_db:g}dB[rev{index}]",
        f"[d{index}]volume={track.delay_db:g}dB[del{index}]",
    ]


def _sum(name, count):
    inputs = "".join(f"[{name}{index}]" for index in range(count))
    return f"{inputs}amix=inputs={count}:normalize=0"


def graph(song):
    count = len(song.tracks)
    lines = []
    for index, track in enumerate(song.tracks):
        lines += _track(index, track)
    times = "|".join(f"{songs.DELAY_S * 1000 * tap:g}" for tap in range(1, TAPS + 1))
    levels = "|".join(f"{songs.DELAY_FEEDBACK ** (tap - 1):.6f}" for tap in range(1, TAPS + 1))
    lines += [
        _sum("dry", count) + "[dry]",
        _sum("rev", count) + "[tosend]",
        f"[tosend][{count}:a]afir=dry=1:wet=1:gtype=none[reverb]",
        # aecho passes its input on beside the echoes: that is taken off again.
        _sum("del", count) + ",asplit[echoed][plain]",
        f"[echoed]aecho=1:1:{times}:{levels}[wet]",
        "[plain]volume=-1[inverse]",
        "[wet][inverse]amix=inputs=2:normalize=0[delay]",
        "[dry][reverb][delay]amix=inputs=3:normalize=0,"
        + _compressor(song.bus_compressor)
        + f",volume={song.limiter_gain_db:g}dB"
        + f",alimiter=limit={songs.gain(song.ceiling_db):.6f}:level=false"
        + f":attack=5:release={song.limiter_release_ms:g}"
        + f",atrim=end={song.seconds},ebur128=peak=true:framelog=verbose[out]",
    ]
    return ";\n".join(lines) + "\n"


def prepare(job):
    script = write(job.folder / "graph.txt", graph(job.song))
    files = [job.stem(track) for track in job.song.tracks]

    def variant(label, name, packet_bytes, *threads):
        # The WAV reader's packet is the graph's frame: 4 KiB where nothing is said.
        packets = ["-max_size", str(packet_bytes)] if packet_bytes else []
        inputs = [word for file in files for word in (*packets, "-i", file)]
        inputs += ["-i", str(job.album / songs.RESPONSE)]
        output = job.folder / f"{name}.wav"
        return Variant(label, ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "info", "-nostats",
                               "-y", *threads, *inputs, "-filter_complex_script", str(script),
                               "-map", "[out]", "-c:a", "pcm_s24le", str(output)], output)

    one = ("-filter_complex_threads", "1")
    return [
        variant("one filter thread, 256 KiB packets", "one-large", 262144, *one),
        variant("default threads, 256 KiB packets", "default-large", 262144),
        variant("one filter thread", "one", 0, *one),
        variant("default threads", "default", 0),
    ]
