# SPDX-License-Identifier: GPL-3.0-or-later
"""Times a process and everything it starts."""

import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass


class RunError(Exception):
    """A program that failed, with the end of what it printed."""


@dataclass(frozen=True)
class Sample:
    cpu_s: float  # user and system, of the process and those it waited for
    wall_s: float
    rss_mb: float  # of the largest of those processes, in MiB


def _wait(process, timeout_s):
    """Wait for the process; whatever ends the wait ends all that it started."""
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        raise RunError(f"did not end within {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(launcher, variant, log, timeout_s):
    """Run the variant once by bench_launch; its words go into the file `log`."""
    for folder in variant.clean:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    usage = log.with_suffix(".usage")
    with open(log, "wb") as words:
        process = subprocess.Popen([launcher, usage, *variant.argv], stdin=subprocess.DEVNULL,
                                   stdout=words, stderr=subprocess.STDOUT, cwd=log.parent,
                                   env={**os.environ, **variant.env}, start_new_session=True)
        code = _wait(process, timeout_s)
    if code != 0:
        tail = log.read_text(errors="replace").splitlines()[-8:]
        raise RunError(f"exit {code}: " + "\n    ".join(tail))
    taken = json.loads(usage.read_text())
    return Sample(taken["cpu_s"], taken["wall_s"], taken["rss_kib"] / 1024)
