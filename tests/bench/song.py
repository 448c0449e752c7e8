# SPDX-License-Identifier: GPL-3.0-or-later
"""The songs of the benchmark: one description that Nightbus and every peer are given.

All values are functions of a track's number, so that the same workload is the same everywhere.
"""

import math
from dataclasses import dataclass, field, replace

RATE_HZ = 48000
BPM = 120
DELAY_S = 0.375  # a dotted eighth at 120 quarters a minute
DELAY_FEEDBACK = 0.35
RESPONSE = "audio/response.wav"


@dataclass(frozen=True)
class Bell:
    freq_hz: float
    gain_db: float
    q: float


@dataclass(frozen=True)
class Compressor:
    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float
    knee_db: float = 6
    makeup_db: float = 0


@dataclass(frozen=True)
class Track:
    id: str
    file: str
    channels: int
    high_pass_hz: float
    bells: tuple
    compressor: Compressor
    fader_db: float
    pan_percent: float
    reverb_db: float
    delay_db: float


def gain(db):
    return 10 ** (db / 20)


def pan_gains(track):
    """Fader and pan as the gains of left and right: constant power for mono, balance for stereo."""
    fader = gain(track.fader_db)
    if track.channels == 2:
        return fader, fader
    angle = (track.pan_percent + 100) / 200 * math.pi / 2
    return fader * math.cos(angle), fader * math.sin(angle)


@dataclass(frozen=True)
class Song:
    name: str
    tracks: tuple
    seconds: int  # of the whole song
    stem_seconds: int
    alternates: tuple = ()
    bus_compressor: Compressor = Compressor(-18, 2, 20, 200)
    ceiling_db: float = -1
    limiter_gain_db: float = 5
    limiter_release_ms: float = 100

    @property
    def repeats(self):
        """How often each stem is heard, one after the other."""
        return self.seconds // self.stem_seconds


@dataclass(frozen=True)
class Alternate:
    id: str
    mute: tuple = ()
    offset_db: dict = field(default_factory=dict)


def _pick(number, salt, low, high, steps):
    """One of `steps` values from low to high, scattered over the tracks."""
    return round(low + (high - low) * ((number * salt + salt // 2) % steps) / (steps - 1), 2)


def _track(number, stem_seconds):
    stereo = number % 4 == 3  # as synthesise.c has it
    return Track(
        id=f"stem-{number + 1:03d}",
        file=f"audio/{stem_seconds}s/stem-{number + 1:03d}.wav",
        channels=2 if stereo else 1,
        high_pass_hz=_pick(number, 7, 25, 120, 20),
        bells=(
            Bell(_pick(number, 11, 90, 280, 20), _pick(number, 5, -4, 3, 15), 0.9),
            Bell(_pick(number, 13, 350, 900, 23), _pick(number, 7, -5, 2, 15), 1.4),
            Bell(_pick(number, 17, 1500, 3800, 24), _pick(number, 11, -3, 4, 15), 1.1),
            Bell(_pick(number, 19, 6000, 12000, 25), _pick(number, 13, -2, 4, 13), 0.7),
        ),
        compressor=Compressor(
            threshold_db=_pick(number, 5, -30, -20, 11),
            ratio=_pick(number, 3, 2, 4, 5),
            attack_ms=_pick(number, 7, 3, 30, 10),
            release_ms=_pick(number, 11, 80, 240, 9),
            makeup_db=5,
        ),
        fader_db=_pick(number, 5, -14, -6, 9),
        pan_percent=0 if stereo else _pick(number, 9, -80, 80, 17),
        reverb_db=_pick(number, 7, -22, -12, 11),
        delay_db=_pick(number, 3, -26, -16, 11),
    )


def _tracks(count, stem_seconds):
    return tuple(_track(number, stem_seconds) for number in range(count))


def _alternates(tracks):
    """What labels ask for: no lead, the lead up, no backing."""
    stereo = tuple(track.id for track in tracks if track.channels == 2)
    return (
        Alternate("without-lead", mute=(tracks[6].id,)),
        Alternate("lead-up", offset_db={tracks[6].id: 1.5}),
        Alternate("without-pads", mute=stereo),
    )


def _check():
    """`small` with every compressor at 1:1 and nothing for the limiter to do: what is left is linear,
    so that every program's mix must have the same spectrum."""
    idle = Compressor(0, 1, 10, 100)
    tracks = tuple(replace(track, compressor=idle) for track in _tracks(8, 30))
    return Song("check", tracks, 30, 30, bus_compressor=idle, limiter_gain_db=-6)


def song(name):
    """The workload of that name."""
    if name == "small":
        return Song(name, _tracks(8, 30), 30, 30)
    if name == "large":
        return Song(name, _tracks(128, 180), 180, 180)
    if name == "check":
        return _check()
    main = _tracks(32, 180)
    if name == "main":
        return Song(name, main, 180, 180)
    if name == "long":
        return Song(name, main, 3600, 180)
    if name == "alternates":
        return Song(name, main, 180, 180, _alternates(main))
    raise KeyError(name)


NAMES = ("small", "main", "large", "long", "alternates", "check")


def _compressor_lines(settings, indent):
    return [
        f"{indent}{key}: {getattr(settings, key):g}"
        for key in ("threshold_db", "ratio", "attack_ms", "release_ms", "knee_db", "makeup_db")
    ]


def _track_lines(track, song):
    lines = [f"  - id: {track.id}"]
    if song.repeats == 1:
        lines += [f"    clips: [{{file: {track.file}}}]"]
    else:
        lines += ["    clips:"]
        for turn in range(song.repeats):
            lines += [f"      - {{file: {track.file}, at: {turn * song.stem_seconds}}}"]
    lines += [
        "    inserts:",
        "      - id: eq",
        "        processor: equaliser",
        "        bands:",
        f"          - {{type: high-pass, freq_hz: {track.high_pass_hz:g}}}",
    ]
    for bell in track.bells:
        lines += [
            f"          - {{type: bell, freq_hz: {bell.freq_hz:g}, gain_db: {bell.gain_db:g},"
            f" q: {bell.q:g}}}"
        ]
    lines += ["      - id: comp", "        processor: compressor"]
    lines += _compressor_lines(track.compressor, "        ")
    return lines + [
        f"    fader_db: {track.fader_db:g}",
        f"    pan_percent: {track.pan_percent:g}",
        "    sends:",
        f"      - {{to: reverb, level_db: {track.reverb_db:g}}}",
        f"      - {{to: delay, level_db: {track.delay_db:g}}}",
    ]


def _alternate_lines(song):
    lines = ["alternates:"] if song.alternates else []
    for alternate in song.alternates:
        lines += [f"  - id: {alternate.id}"]
        if alternate.mute:
            lines += [f"    mute: [{', '.join(alternate.mute)}]"]
        if alternate.offset_db:
            offsets = ", ".join(f"{id}: {db:g}" for id, db in alternate.offset_db.items())
            lines += [f"    offset_db: {{{offsets}}}"]
    return lines


def document(song):
    """The song as a mix document."""
    lines = [
        "format: nightbus-mix/1",
        f"title: Benchmark, {song.name}",
        f"rate_hz: {RATE_HZ}",
        "tail_max_s: 0  # every program renders exactly the stems' length",
        "tempo:",
        f"  - {{at: 0, bpm: {BPM}}}",
        "tracks:",
    ]
    for track in song.tracks:
        lines += _track_lines(track, song)
    lines += [
        "buses:",
        "  - id: reverb",
        "    inserts:",
        f"      - {{id: room, processor: convolution, file: {RESPONSE}}}",
        "  - id: delay",
        "    inserts:",
        f"      - {{id: echo, processor: delay, note: 1/8d,"
        f" feedback_percent: {DELAY_FEEDBACK * 100:g}}}",
        "mix_bus:",
        "  inserts:",
        "    - id: glue",
        "      processor: compressor",
    ]
    lines += _compressor_lines(song.bus_compressor, "      ")
    lines += [
        "    - id: limit",
        "      processor: limiter",
        f"      gain_db: {song.limiter_gain_db:g}",
        f"      ceiling_dbtp: {song.ceiling_db:g}",
        f"      release_ms: {song.limiter_release_ms:g}",
    ]
    return "\n".join(lines + _alternate_lines(song)) + "\n"
