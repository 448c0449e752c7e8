# SPDX-License-Identifier: GPL-3.0-or-later
"""A farm on this machine, and albums pushed to it: what latency and two-renderers share."""

import json
import mmap
import os
import re
import shutil
import subprocess
import time

TOOLS = ("nightbus", "nightbus-coordinator", "nightbus-renderer", "bench_synthesise")


def warm_memory(size_bytes=1 << 30):
    """Touch that much memory and give it back, so that what is measured next finds its pages there.

    A virtual machine may hand its free memory to its host within seconds; a page of it then costs the
    host's work when it is next used, 2.5 s of CPU for a GiB where this was written, and whoever is
    measured pays for how idle the machine was before. A machine of its own memory has no such cost.
    """
    with mmap.mmap(-1, size_bytes) as memory:
        for at in range(0, size_bytes, mmap.PAGESIZE):
            memory[at] = 1


class FarmError(Exception):
    """What went wrong, in words."""


class Farm:
    """`nightbus up` in a folder of its own, ended by `with`."""

    def __init__(self, programs, folder, *options):
        self.nightbus = programs / "nightbus"
        self.folder = folder
        self.options = options
        self.process = None
        self.environment = dict(os.environ, NIGHTBUS_FARM=str(folder / "farm.json"),
                                HOME=str(folder), XDG_STATE_HOME=str(folder / "state"),
                                XDG_CONFIG_HOME=str(folder / "config"))

    def __enter__(self):
        self.folder.mkdir(parents=True)
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [self.nightbus, "up", "--data", self.folder, *self.options], env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait(lambda: (self.folder / "farm.json").exists(), 60, "the farm to be ready")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    @staticmethod
    def _wait(is_so, seconds, what, every_s=0.02):
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until:
                raise FarmError(f"waited {seconds} s for {what}")
            time.sleep(every_s)

    def run(self, album, *arguments):
        done = subprocess.run([self.nightbus, *arguments], cwd=album, env=self.environment,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise FarmError(f"nightbus {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def jobs(self, album, count):
        return json.loads(self.run(album, "jobs", "-L", str(count), "--json"))["jobs"]

    def push(self, album, count, seconds):
        """Push, wait until its `count` jobs are over; they, and the renderers' logs of them."""
        before = {job["job"] for job in self.jobs(album, 100)}
        self.run(album, "push", "-m", "another take")

        def over():
            new = [job for job in self.jobs(album, 100) if job["job"] not in before]
            return len(new) == count and all(job["state"] in ("done", "failed") for job in new)

        # Each look is a process and a connection, on the cores that render: few of them.
        self._wait(over, seconds, "its jobs", every_s=0.5)
        new = [job for job in self.jobs(album, 100) if job["job"] not in before]
        failed = [job for job in new if job["state"] == "failed" or job.get("cached")]
        if failed:
            raise FarmError(f"a job that was not rendered: {failed[0]}")
        return new

    def log(self, album, job):
        return json.loads(self.run(album, "job", str(job), "--json"))["lines"]

    def renderers(self):
        return json.loads((self.folder / "farm.json").read_text())["renderer_pids"]


def steps_of(lines):
    """Seconds of a render's steps, from its log."""
    text = "\n".join(line if isinstance(line, str) else line["text"] for line in lines)

    def find(pattern):
        found = re.search(pattern, text)
        return float(found.group(1)) if found else 0.0

    return {"files": find(r"here after ([\d.]+) s"),
            "render": find(r"rendered [\d.]+ s in ([\d.]+) s"),
            "store": find(r"in the store after ([\d.]+) s")}


def set_fader(album, name, turn):
    """Another level for the first track of a song, so that its mix has new keys."""
    path = album / "songs" / name / "mix.yaml"
    text = path.read_text()
    path.write_text(re.sub(r"fader_db: *-?[\d.]+", f"fader_db: {-3.0 - 0.01 * turn:.2f}", text,
                           count=1))


def make_album(folder, titles):
    """An album whose songs are the same stems, each with a level of its own."""
    source = (folder / "songs" / "main" / "mix.yaml").read_text()
    for turn, title in enumerate(titles):
        path = folder / "songs" / title / "mix.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        set_fader(folder, title, 100 * (turn + 1))
    shutil.rmtree(folder / "songs" / "main")
    (folder / "album.yaml").write_text("format: nightbus-album/1\ntitle: Bench\nartist: Nobody\n"
                                       f"songs: [{', '.join(titles)}]\n")


def copy_album(source, target):
    """A copy of an album that shares its audio by hard links."""
    target.mkdir(parents=True)
    subprocess.run(["cp", "-r", source / "songs", target / "songs"], check=True)
    subprocess.run(["cp", "-al", source / "audio", target / "audio"], check=True)
    subprocess.run(["cp", source / "album.yaml", target / "album.yaml"], check=True)
