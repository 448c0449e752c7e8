# SPDX-License-Identifier: GPL-3.0-or-later
"""What every peer is: a module with

NAME        as the table and --peers say it
NEEDS       commands it wants on PATH
LEAVES_OUT  what it does not do, or does otherwise, of what Nightbus does
WORKLOADS   the workloads it is given
CHECK_OFFSET_DB, CHECK_TOLERANCE_DB  where its mix is known to be louder, or of another spectrum
prepare     makes its input from a Job and returns the Variants that are timed
"""

from dataclasses import dataclass, field
from pathlib import Path

MIXES = ("small", "main", "large")

@dataclass(frozen=True)
class Job:
    song: object
    album: Path  # absolute: tracks' files are named from here
    folder: Path  # the peer's own: what it makes stays here
    bin: Path  # our programs
    threads: int  # that a program may use
    workload: str = ""  # what is asked: the song, or "threads"

    def stem(self, track):
        return str(self.album / track.file)


@dataclass(frozen=True)
class Variant:
    label: str  # its settings, where a peer is tried with several; empty for the only one
    argv: list
    output: Path | None = None
    env: dict = field(default_factory=dict)
    clean: tuple = ()  # folders emptied before each run
    seconds: int = 0  # of what it renders, where that is not the song of the job


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
