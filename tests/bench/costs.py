# SPDX-License-Identifier: GPL-3.0-or-later
"""What each processor costs, measured by bench_processors."""

import json
import subprocess

WIDTHS = ("2", "4", "8")


def measure(bin_folder, names=()):
    """A row for each processor and case: nanoseconds per frame of one channel, by lanes."""
    done = subprocess.run([bin_folder / "bench_processors", *names], check=True, text=True,
                          stdout=subprocess.PIPE)
    return [{"workload": "processors", **json.loads(line)} for line in done.stdout.splitlines()]


def cells(row):
    return [f"{row['ns'][width]:.2f}" if width in row["ns"] else "" for width in WIDTHS]


def table(rows):
    lines = ["nanoseconds of CPU time per frame of one channel, by lanes of the register", "",
             f"{'processor':<22}{'parameters':<12}" + "".join(f"{f'x{w}':>9}" for w in WIDTHS)]
    lines += ["-" * len(lines[-1])]
    for row in rows:
        lines += [f"{row['program']:<22}{row['settings']:<12}"
                  + "".join(f"{cell:>9}" for cell in cells(row))]
    return lines
