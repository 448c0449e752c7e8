# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs in turn, as often as asked, and says how long it still takes."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import measure
import rows
import song as songs
import workload
from peers.common import Job

SLOW_S = 10  # a peer whose run takes longer is run at most SLOW_RUNS times
SLOW_RUNS = 3
SLOWEST_S = 60  # and one that takes longer than this only once
OCTAVE_TOLERANCE_DB = 1.5  # filters near half the rate and other reverbs differ by that much
LENGTH_TOLERANCE_S = 0.2
QUIETEST_LUFS = -40


@dataclass
class Program:
    """One variant of a peer on one workload."""

    peer: object
    variant: object
    workload: str
    samples: list = field(default_factory=list)
    first_wall_s: float = 0
    best: bool = True
    differs_db: float | None = None

    def label(self):
        return f"{self.peer.NAME} {self.variant.label}".strip()

    def seconds(self, song):
        return self.variant.seconds or song.seconds


class Progress:
    """One line on a terminal, a line for each run elsewhere."""

    def __init__(self):
        self.is_terminal = sys.stderr.isatty()

    def say(self, text):
        if self.is_terminal:
            text = text[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r\033[K{text}")
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def clear(self):
        if self.is_terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _eta(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"


class Runner:
    """Everything that the runs of one command share."""

    def __init__(self, options, bin_folder):
        self.options = options
        self.bin = bin_folder
        self.album = options.data.resolve()
        self.progress = Progress()
        self.machine = rows.machine()
        self.faults = []
        self.differences = {}
        self.chosen = {}  # a peer's best settings on the main song: the large one has no others
        self.deadline = time.monotonic() + options.budget * 60

    def fault(self, text):
        self.progress.clear()
        print(f"run: {text}", file=sys.stderr)
        self.faults.append(text)

    def job(self, peer, song, name):
        folder = self.album / "out" / f"{name}-{peer.NAME}"
        folder.mkdir(parents=True, exist_ok=True)
        return Job(song, self.album, folder, self.bin, self.options.threads, name)

    def prepare(self, peer, song, name):
        try:
            variants = peer.prepare(self.job(peer, song, name))
        except (OSError, RuntimeError, subprocess.SubprocessError) as fault:
            self.fault(f"{peer.NAME}: cannot be prepared: {fault}")
            return []
        chosen = self.chosen.get(peer.NAME) if name == "large" else None
        return [Program(peer, variant, name) for variant in variants
                if chosen in (None, variant.label)]

    def levels(self, program):
        """What the program's output measures."""
        done = subprocess.run([self.bin / "bench_levels", program.variant.output],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise measure.RunError(done.stderr.strip())
        return json.loads(done.stdout)

    def run_once(self, program):
        log = self.album / "out" / f"{program.workload}-{program.peer.NAME}" / "log"
        if program.variant.output:
            program.variant.output.unlink(missing_ok=True)
        return measure.run(self.bin / "bench_launch", program.variant, log, self.options.timeout)

    # Is it the same mix?

    def check_peer(self, peer, song, reference):
        """The largest difference of an octave's level, in the song without compression."""
        programs = self.prepare(peer, song, "check")[:1]
        if not programs or not programs[0].variant.output:
            return None
        self.run_once(programs[0])
        levels = self.levels(programs[0])
        offset = getattr(peer, "CHECK_OFFSET_DB", 0)
        differs_db = max(abs(theirs - ours - offset) for theirs, ours
                         in zip(levels["bands_db"], reference["bands_db"]))
        if differs_db > getattr(peer, "CHECK_TOLERANCE_DB", OCTAVE_TOLERANCE_DB):
            self.fault(f"{peer.NAME} differs by {differs_db:.1f} dB: it does not make the same mix")
        return round(differs_db, 2)

    def check(self, nightbus, peers):
        song, _ = workload.make("check", self.album, self.bin / "bench_synthesise")
        ours = self.prepare(nightbus, song, "check")[0]
        self.progress.say("check: nightbus")
        self.run_once(ours)
        reference = self.levels(ours)
        for peer in peers:
            if peer is nightbus or peer.LEAVES_OUT.startswith("everything"):
                continue
            self.progress.say(f"check: {peer.NAME}")
            try:
                self.differences[peer.NAME] = self.check_peer(peer, song, reference)
            except measure.RunError as fault:
                self.fault(f"{peer.NAME}: check: {fault}")
        self.progress.clear()

    # The runs

    def check_output(self, program, song):
        if not program.variant.output:
            return
        levels = self.levels(program)
        seconds = levels["frames"] / songs.RATE_HZ
        if abs(seconds - program.seconds(song)) > LENGTH_TOLERANCE_S:
            raise measure.RunError(f"its mix is {seconds:.2f} s, not {program.seconds(song)} s")
        if levels["lufs"] < QUIETEST_LUFS:
            raise measure.RunError(f"its mix is at {levels['lufs']} LUFS: next to silent")

    def first_round(self, programs, song):
        """Each variant once or twice; keeps what ran. Of a peer's variants the best goes on."""
        ran = []
        for number, program in enumerate(programs):
            self.progress.say(f"{program.workload}: first round, {number + 1} of {len(programs)}:"
                              f" {program.label()}")
            try:
                program.samples = [self.run_once(program)]
                self.check_output(program, song)
                program.first_wall_s = program.samples[0].wall_s
                if program.first_wall_s <= SLOW_S:  # once more: the choice hangs on it
                    program.samples += [self.run_once(program)]
            except measure.RunError as fault:
                self.fault(f"{program.label()} on {program.workload}: {fault}")
                continue
            program.differs_db = self.differences.get(program.peer.NAME)
            ran.append(program)
        for peer in {program.peer.NAME for program in ran}:
            variants = [program for program in ran if program.peer.NAME == peer]
            cost = [min(sample.cpu_s * sample.wall_s for sample in p.samples) for p in variants]
            for program, value in zip(variants, cost):
                program.best = peer == "nightbus" or value == min(cost)
                if program.best and program.workload == "main":
                    self.chosen[peer] = program.variant.label
        return ran

    def runs_of(self, program):
        if not program.best:
            return len(program.samples)
        if program.first_wall_s <= SLOW_S or program.peer.NAME == "nightbus":
            return self.options.runs
        return 1 if program.first_wall_s > SLOWEST_S else min(self.options.runs, SLOW_RUNS)

    def rounds(self, programs):
        """The best ones in turn, round after round. A quick one's first runs only warmed it up."""
        for program in programs:
            if program.best and program.first_wall_s <= SLOW_S:
                program.samples = []
        failed = set()
        for turn in range(self.options.runs):
            due = [program for program in programs if id(program) not in failed
                   and len(program.samples) < self.runs_of(program)]
            for number, program in enumerate(due):
                if time.monotonic() > self.deadline and program.samples:
                    continue
                left = sum(p.first_wall_s * (self.runs_of(p) - len(p.samples)) for p in due)
                self.progress.say(f"{program.workload}: round {turn + 1} of {self.options.runs},"
                                  f" {program.label()}, {number + 1} of {len(due)}, {_eta(left)}")
                try:
                    program.samples.append(self.run_once(program))
                except measure.RunError as fault:
                    self.fault(f"{program.label()} on {program.workload}: {fault}")
                    failed.add(id(program))

    def measure(self, name, peers):
        """The rows of a workload."""
        tool = self.bin / "bench_synthesise"
        self.progress.say(f"{name}: making the stems")
        if name == "long":
            workload.make("main", self.album, tool)  # what its memory is held against
        song, _ = workload.make("main" if name == "threads" else name, self.album, tool)
        workload.warm_cache(song, self.album)
        programs = []
        for peer in peers:
            if name in peer.WORKLOADS:
                self.progress.say(f"{name}: preparing {peer.NAME}")
                programs += self.prepare(peer, song, name)
        programs = self.first_round(programs, song)
        self.rounds(programs)
        self.progress.clear()
        self.remove_outputs(programs)
        return [rows.row(program, song, program.samples, self.machine)
                for program in programs if program.samples]

    def remove_outputs(self, programs):
        for program in programs:
            if not self.options.keep:
                for path in (program.variant.output, *program.variant.clean):
                    _remove(path)


def _remove(path):
    if path and Path(path).is_dir():
        shutil.rmtree(path)
    elif path:
        Path(path).unlink(missing_ok=True)
