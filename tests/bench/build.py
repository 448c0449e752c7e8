# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds what the benchmark runs, with the flags of the release preset."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("nightbus", "bench_synthesise", "bench_levels", "bench_decode", "bench_plain_loop",
         "bench_processors", "bench_launch")


class BuildError(Exception):
    """What a build printed when it failed."""


def _run(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def _preset_flags():
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    release = next(preset for preset in presets if preset["name"] == "release")
    return [f"-D{key}={value}" for key, value in release["cacheVariables"].items()]


def default_folder():
    return ROOT / "build" / "release"


def build(folder, targets):
    """Bring `targets` in the build folder `folder` up to date, configuring it if it is new."""
    if not (folder / "build.ninja").is_file():
        _run("cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", "--log-level=WARNING",
             *_preset_flags())
    _run("cmake", "--build", str(folder), "--parallel", str(os.cpu_count()), "--target", *targets)
    return folder / "bin"
