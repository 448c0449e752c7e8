# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the workloads: an album whose songs share their stems, made once and kept."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import song as songs

VERSION = "1"  # rises when a stem's bytes change: kept ones are made again
ALBUM = "format: nightbus-album/1\ntitle: Benchmark\n"


class WorkloadError(Exception):
    """Why a workload cannot be made, for people."""


def _stem_bytes(song):
    channels = sum(track.channels for track in song.tracks)
    return channels * song.stem_seconds * songs.RATE_HZ * 3


def _is_made(folder, song):
    """Are the stems there, whole, and of this version?"""
    mark = folder / "VERSION"
    if not mark.is_file() or mark.read_text().strip() != VERSION:
        return False
    if not (folder.parent / Path(songs.RESPONSE).name).is_file():
        return False
    for track in song.tracks:
        path = folder / Path(track.file).name
        size = 44 + track.channels * song.stem_seconds * songs.RATE_HZ * 3
        if not path.is_file() or path.stat().st_size != size:
            return False
    return True


def _make_stems(folder, song, tool):
    free = shutil.disk_usage(folder).free
    if free < 1.2 * _stem_bytes(song):
        raise WorkloadError(
            f"{folder}: {free / 1e9:.1f} GB are free, the stems of"
            f" '{song.name}' take {_stem_bytes(song) / 1e9:.1f} GB"
        )
    mark = folder / "VERSION"
    mark.unlink(missing_ok=True)
    subprocess.run(
        [tool, "stems", str(folder), str(len(song.tracks)), str(song.stem_seconds)], check=True
    )
    subprocess.run([tool, "response", str(folder.parents[1] / songs.RESPONSE)], check=True)
    mark.write_text(VERSION + "\n")


def _write(path, text):
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make(name, album, tool):
    """Make what is missing of workload `name` in the folder `album`; `tool` is bench_synthesise.
    Returns the song and its folder."""
    song = songs.song(name)
    stems = album / "audio" / f"{song.stem_seconds}s"
    stems.mkdir(parents=True, exist_ok=True)
    with open(album / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs may use one album
        if not _is_made(stems, song):
            _make_stems(stems, song, tool)
        _write(album / "album.yaml", ALBUM)
        folder = album / "songs" / name
        _write(folder / "mix.yaml", songs.document(song))
    return song, folder


def warm_cache(song, album):
    """Read every file once: each program then finds its input in the page cache."""
    for track in song.tracks:
        with open(album / track.file, "rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while file.read(1 << 22):
                pass
