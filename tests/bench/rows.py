# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as rows: medians, ratios, and the table of a terminal."""

import os
import platform
import statistics
from pathlib import Path

WIDTH = 80


def row(program, song, samples, machine):
    """A program's row for the JSON file; `program` is a runner.Program."""
    cpu = [sample.cpu_s for sample in samples]
    wall_s = statistics.median(sample.wall_s for sample in samples)
    return {
        "workload": program.workload,
        "program": program.peer.NAME,
        "cpu_s": round(statistics.median(cpu), 3),
        "wall_s": round(wall_s, 3),
        "rss_mb": round(statistics.median(sample.rss_mb for sample in samples), 1),
        "realtime": round(program.seconds(song) / wall_s, 1),
        "settings": program.variant.label,
        "best": program.best,
        "runs": len(samples),
        "cpu_least_s": round(min(cpu), 3),
        "cpu_most_s": round(max(cpu), 3),
        "differs_db": program.differs_db,
        "leaves_out": program.peer.LEAVES_OUT,
        "machine": machine,
    }


def machine():
    """The machine in one line."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (f"{model}, {len(os.sched_getaffinity(0))} cores, {memory_gb:.0f} GB,"
            f" Linux {platform.release()}")


def name(row):
    return f"{row['program']} ({row['settings']})" if row["settings"] else row["program"]


def ours(rows):
    """The row that the others are held against, or none."""
    return next((row for row in rows if row["program"] == "nightbus"), None)


def ratio(row, base, key):
    return f"{row[key] / base[key]:.1f}" if base and base[key] > 0 else ""


def _difference(row):
    return "" if row["differs_db"] is None else f"{row['differs_db']:.1f}"


def table(rows):
    """The rows of one workload as lines of at most 80 columns."""
    base = ours(rows)
    head = f"{'program':<26}{'cpu s':>8}{'wall s':>8}{'RSS MB':>8}{'x real':>8}" \
           f"{'cpu':>7}{'wall':>7}{'dB':>6}"
    lines = [head, "-" * len(head)]
    for line in rows:
        label = line["program"]
        if line["settings"]:
            label += f", {line['settings']}"
        if len(label) > 26:
            lines += [label]
            label = ""
        lines += [f"{label:<26}{line['cpu_s']:>8.2f}{line['wall_s']:>8.2f}{line['rss_mb']:>8.0f}"
                  f"{line['realtime']:>8.1f}{ratio(line, base, 'cpu_s'):>7}"
                  f"{ratio(line, base, 'wall_s'):>7}{_difference(line):>6}"]
    return lines


def legend(rows):
    """What the columns mean and what the programs leave out, wrapped."""
    text = ["cpu, wall: times Nightbus's. x real: song time by wall time. RSS: of the largest process.",
            "dB: largest difference of an octave's level to Nightbus's, in a linear version of the song."]
    text += [f"{peer} leaves out: {words}" for peer, words in
             dict((line["program"], line["leaves_out"]) for line in rows).items()
             if words != "nothing"]
    lines = []
    for sentence in text:
        at = ""
        for word in sentence.split():
            if len(at) + len(word) + 1 > WIDTH:
                lines.append(at)
                at = "   " + word
            else:
                at = f"{at} {word}" if at else word
        lines.append(at)
    return lines
