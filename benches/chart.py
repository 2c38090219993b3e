#!/usr/bin/env python3
"""Draws what benches/run.sh has measured: how many times as fast as the reference this library was.

    chart.py RESULTS.json CHART.svg      (or: make chart)

A bar for the first figure of each case that both libraries have. Of times and of memory the inverse is taken, so that
a longer bar is always better. The scale is logarithmic.
"""

import json
import math
import sys
from xml.sax.saxutils import escape

ROW, LEFT, WIDTH, TOP = 22, 250, 420, 58


def bars(results):
    seen = set()
    for row in results["rows"]:
        ratio, metric = row["ratio_to_reference"], row["metric"]
        if row["case"] in seen or not ratio:
            continue
        seen.add(row["case"])
        # Of rates more is better; of times, bytes and processor time less.
        yield row["case"], metric, ratio if metric.endswith("per_s") else 1 / ratio


def draw(results):
    rows = list(bars(results))
    if not rows:
        sys.exit("chart: no case has figures of both libraries")
    low = min(0.5, *(ratio for _, _, ratio in rows))
    high = max(2, *(ratio for _, _, ratio in rows))
    span = math.log(high / low)

    def x(ratio):
        return LEFT + WIDTH * math.log(ratio / low) / span

    height = TOP + ROW * len(rows) + 30
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 80}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="8" y="20" font-size="15">Speed, with libzmq {escape(results["reference"]["version"])} as 1</text>',
           f'<text x="8" y="38" fill="#555">{results["processors"]} processors, Linux {escape(results["kernel"].split("-")[0])}, '
           f'load {escape(results["load_before"].split()[0])}; make chart draws it again</text>']
    tick = 2.0 ** math.ceil(math.log2(low))
    while tick <= high:
        colour = "#333" if tick == 1 else "#ddd"
        out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 6}" y2="{height - 24}" stroke="{colour}"/>')
        out.append(f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle" fill="#555">{tick:g}</text>')
        tick *= 2
    for index, (name, metric, ratio) in enumerate(rows):
        y = TOP + ROW * index
        begin, end = sorted((x(1), x(ratio)))
        colour = "#2a7a4f" if ratio >= 1 else "#b5532a"
        out.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        out.append(f'<rect x="{begin:.1f}" y="{y + 2}" width="{max(end - begin, 1):.1f}" height="{ROW - 7}" fill="{colour}">'
                   f'<title>{escape(metric)}</title></rect>')
        out.append(f'<text x="{end + 5:.1f}" y="{y + 13}">{ratio:.2g}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[2].strip())
    with open(sys.argv[1], encoding="utf-8") as file:
        results = json.load(file)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(results))


if __name__ == "__main__":
    main()
