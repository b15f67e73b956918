#!/usr/bin/env python3
"""The picture and the tables of docs/performance.md, from what a comparison has measured.

    tests/performance.py RESULTS.json.. [--sizes BYTES=RESULTS.json..] [--tls BYTES=RESULTS.json..]

Results are {"pub0 native": [{"rate": .., "cpu_us": ..}, ..], "rtt0 native": [{"p50_us": .., "p99_us": ..}, ..], ..}: a key names a kind
of work and a client, with one result for each round; of several files the first that has a key counts. Those of --sizes and --tls are
of messages of another size than 64 bytes, and of encrypted connections.

Draws docs/performance.svg and writes the tables anew between their marks: medians over the rounds. Without anything to
install.
"""
import argparse, html, json, math, pathlib, statistics

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
KINDS = {"pub0": "publish, QoS 0", "pub1": "publish, QoS 1", "pub2": "publish, QoS 2",
         "sub0": "receive, QoS 0", "sub1": "receive, QoS 1", "sub2": "receive, QoS 2"}
LARGE = ["pub0", "pub1", "sub0", "sub1"]
TRIPS = {"rtt0": "round trip, QoS 0", "rtt1": "round trip, QoS 1"}
OURS = {"native": ("rappel, native", "#c2410c"), "paho": ("rappel, Paho", "#f59e0b")}
BOUND, OTHERS = "floor", "#94a3b8"
BEGIN, END = "<!-- tests/performance.py -->\n", "<!-- end -->"
BAR, GAP, LEFT, BARS = 17, 34, 170, 470


def medians(paths):
    """{(kind, client): {measure: median}}"""
    found = {}
    for path in paths:
        for key, rounds in json.loads(pathlib.Path(path).read_text()).items():
            kind, client = key.split(" ", 1)
            found.setdefault((kind, client), {
                measure: statistics.median(one[measure] for one in rounds) for measure in rounds[0]})
    return found


def said(rate):
    return f"{rate / 1e6:.2f} M" if rate >= 1e6 else f"{rate / 1e3:.0f} k" if rate >= 1e4 else f"{rate / 1e3:.1f} k"


def label(client):
    return OURS.get(client, (client,))[0]


def draw(found):
    """Bars of messages per second, a group for each kind of work, on a logarithmic scale."""
    rates = {key: one["rate"] for key, one in found.items() if key[0] in KINDS and key[1] != BOUND}
    lowest, highest = 10 ** math.floor(math.log10(min(rates.values()))), max(rates.values())
    y, parts = 14, []
    for kind, title in KINDS.items():
        y += 22
        parts.append(f'<text x="16" y="{y}" font-weight="bold">{title}</text>')
        for rate, client in sorted(((rate, client) for (of, client), rate in rates.items() if of == kind), reverse=True):
            y += BAR + 2
            wide = BARS * math.log(rate / lowest) / math.log(highest / lowest)
            colour = OURS.get(client, (None, OTHERS))[1]
            parts.append(f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">{html.escape(label(client))}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y - BAR + 4}" width="{wide:.0f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + wide + 6:.0f}" y="{y}">{said(rate)}/s</text>')
        y += GAP - 22
    size = f'{LEFT + BARS + 90} {y + 8}'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="DejaVu Sans, Verdana, Arial, sans-serif" '
            'font-size="13" role="img" aria-labelledby="titre-performance">\n'
            '  <title id="titre-performance">Messages per second of each client, on a logarithmic scale</title>\n'
            f'  <rect width="{LEFT + BARS + 90}" height="{y + 8}" rx="8" fill="#ffffff" stroke="#c8c8c8"/>\n  <g fill="#111111">\n    '
            + "\n    ".join(parts) + "\n  </g>\n</svg>\n")


def table(found, kinds, cell, bound=False):
    """A row for each client, the fastest of the last kind but one first."""
    clients = dict.fromkeys(client for kind, client in found if kind in kinds and (bound or client != BOUND))
    cells = {client: [found.get((kind, client)) for kind in kinds] for client in clients}
    lines = ["| | " + " | ".join(kinds.values()) + " |", "|---" * (len(kinds) + 1) + "|"]
    order = lambda client: (client != BOUND, client not in OURS, next((-one.get("rate", 0) for one in cells[client][1:] if one), 0))
    for client in sorted(clients, key=order):
        name = f"**{label(client)}**" if client in OURS else label(client)
        lines.append(f"| {name} | " + " | ".join(cell(one) if one else "–" for one in cells[client]) + " |")
    return "\n".join(lines) + "\n"


def bytes_said(size):
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size} B"


def by_size(pairs):
    """Megabytes per second, and processor time per message, for each size and client."""
    lines = ["| | | " + " | ".join(KINDS[kind] for kind in LARGE) + " |", "|---" * (len(LARGE) + 2) + "|"]
    for size, path in (pair.split("=", 1) for pair in pairs):
        found = medians([path])
        for client in dict.fromkeys(client for _, client in found):
            cells = [found.get((kind, client)) for kind in LARGE]
            said = [f'{one["rate"] * int(size) / 1e6:.0f}, {one["cpu_us"]:.1f}' if one else "–" for one in cells]
            lines.append(f"| {bytes_said(int(size))} | {label(client)} | " + " | ".join(said) + " |")
    return "\n".join(lines) + "\n"


def tables(found, sizes, tls):
    return "\n".join([
        "Messages per second:\n", table(found, KINDS, lambda one: said(one["rate"])),
        "Processor time per message, in microseconds, of all the client's threads:\n",
        table(found, KINDS, lambda one: f'{one["cpu_us"]:.2f}', bound=True),
        "Round trips, in microseconds: the median, and what 99 of 100 do not exceed:\n",
        table(found, TRIPS, lambda one: f'{one["p50_us"]:.0f}, {one["p99_us"]:.0f}', bound=True),
        "Larger messages: megabytes per second, and microseconds of processor time per message:\n", by_size(sizes),
        "The same over TLS, rustls on all clients, through a terminator in front of the sink:\n", by_size(tls)])


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("results", nargs="+")
    ap.add_argument("--sizes", nargs="*", default=[], metavar="BYTES=RESULTS")
    ap.add_argument("--tls", nargs="*", default=[], metavar="BYTES=RESULTS")
    asked = ap.parse_args()
    found = medians(asked.results)
    (DOCS / "performance.svg").write_text(draw(found))
    page = DOCS / "performance.md"
    before, rest = page.read_text().split(BEGIN)
    page.write_text(before + BEGIN + "\n" + tables(found, asked.sizes, asked.tls) + "\n" + END + rest.split(END, 1)[1])
    print("wrote docs/performance.svg and the tables of docs/performance.md")
