# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a workload's rows as bars: CPU and wall seconds of each program, as SVG."""

from html import escape

import rows

WIDTH = 760
LEFT = 150
RIGHT = 90
BAR = 11
STEP = 38
TOP = 62
BACK, PLAIN, FAINT = "#1e2227", "#d7dae0", "#7f8794"
CPU, WALL, OURS = "#61afef", "#56b6c2", "#98c379"


def _text(x, y, words, fill=PLAIN, anchor="start", size=13):
    return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}"'
            f' text-anchor="{anchor}">{escape(words, quote=False)}</text>')


def _bar(y, seconds, most, fill, unit):
    length = max(1.5, (WIDTH - LEFT - RIGHT) * seconds / most)
    return [f'<rect x="{LEFT}" y="{y:.1f}" width="{length:.1f}" height="{BAR}" rx="2" fill="{fill}"/>',
            _text(LEFT + length + 6, y + BAR - 1, f"{seconds:.2f} s {unit}", FAINT, size=11)]


def draw(made):
    """An SVG of one workload's best rows, the quickest first."""
    best = sorted((row for row in made if row["best"]), key=lambda row: row["cpu_s"])
    most = max((max(row["cpu_s"], row["wall_s"]) for row in best), default=1) or 1
    height = TOP + STEP * len(best) + 16
    title = f"Workload '{best[0]['workload']}': CPU and wall seconds" if best else "Nothing measured"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title, quote=False)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
        '<g font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
        _text(20, 28, title, size=15),
        _text(20, 46, best[0]["machine"] if best else "", FAINT, size=11),
    ]
    for number, row in enumerate(best):
        y = TOP + STEP * number
        mine = row["program"] == "nightbus"
        parts += [_text(LEFT - 10, y + 16, row["program"], OURS if mine else PLAIN, "end")]
        parts += _bar(y, row["cpu_s"], most, OURS if mine else CPU, "CPU")
        parts += _bar(y + BAR + 3, row["wall_s"], most, OURS if mine else WALL, "wall")
    return "\n".join(parts + ["</g>", "</svg>"]) + "\n"
