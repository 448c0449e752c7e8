# SPDX-License-Identifier: GPL-3.0-or-later
"""Times a process and everything it starts."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass


class RunError(Exception):
    """A program that failed, with the end of what it printed."""


@dataclass(frozen=True)
class Sample:
    cpu_s: float  # user and system, of the process and those it waited for
    wall_s: float
    rss_mb: float  # of the largest of those processes


def run(variant, log):
    """Run the variant once; its words go into the file `log`."""
    for folder in variant.clean:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    environment = {**os.environ, **variant.env}
    with open(log, "wb") as words:
        start = time.monotonic()
        process = subprocess.Popen(variant.argv, stdin=subprocess.DEVNULL, stdout=words,
                                   stderr=subprocess.STDOUT, env=environment, cwd=log.parent)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        wall_s = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-8:]
        raise RunError(f"exit {process.returncode}: " + "\n    ".join(tail))
    return Sample(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024)
