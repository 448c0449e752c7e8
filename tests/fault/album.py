# SPDX-License-Identifier: GPL-3.0-or-later
"""The album of the fault plans, and what an undisturbed render of each of its versions gives."""

import hashlib
import random
import subprocess
import wave
from pathlib import Path

RATE_HZ = 48000
SECONDS = 12
SONGS = ("amber", "birch", "cedar")
REVISIONS = 3  # the fader of every song moves from one to the next
TRACKS = 2

MIX = """format: nightbus-mix/1
title: {song}
rate_hz: {rate}
tracks:
{tracks}mix_bus:
  inserts:
    - {{id: limit, processor: limiter, ceiling_dbtp: -1}}
"""

# Noise reduction is dear: a song takes about a second, time for something to go wrong.
TRACK = """  - id: t{n}
    clips:
      - {{id: c{n}, file: audio/{song}-{n}.wav, at: 0, gain_db: -20}}
    inserts:
      - {{id: comp{n}, processor: compressor, threshold_db: -24, ratio: 3}}
      - {{id: hiss2-{n}, processor: noise-reduction, reduction_db: 2}}
      - {{id: hiss3-{n}, processor: noise-reduction, reduction_db: 3}}
      - {{id: hiss4-{n}, processor: noise-reduction, reduction_db: 4}}
      - {{id: hiss5-{n}, processor: noise-reduction, reduction_db: 5}}
    fader_db: {fader}
"""


def write_noise(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(random.Random(seed).randbytes(2 * RATE_HZ * SECONDS))


def write_audio(folder):
    for index, song in enumerate(SONGS):
        for track in range(TRACKS):
            write_noise(folder / "audio" / f"{song}-{track}.wav", 100 * index + track)


def write_documents(folder, revision):
    """Revision 1, 2, ...: every song is another one than before."""
    (folder / "album.yaml").write_text(
        "format: nightbus-album/1\ntitle: Faults\nartist: A Test\n"
        f"songs: [{', '.join(SONGS)}]\n"
    )
    for song in SONGS:
        tracks = "".join(
            TRACK.format(n=n, song=song, fader=-(revision + n)) for n in range(TRACKS)
        )
        path = folder / "songs" / song / "mix.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MIX.format(song=song, rate=RATE_HZ, tracks=tracks))


def digest_of(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def undisturbed(nightbus, folder, work):
    """SHA-256 of every version's file, rendered here without a farm: {(song, revision): digest}."""
    found = {}
    for revision in range(1, REVISIONS + 1):
        write_documents(folder, revision)
        for song in SONGS:
            out = work / "undisturbed.wav"
            subprocess.run(
                [nightbus, "render", folder / "songs" / song, "-o", out, "--json"],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            found[song, revision] = digest_of(out)
            out.unlink()
    return found
