"""``page-speed.json``, one entry per number of tickets, and ``page-speed.md`` from all of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

BAR: Final = 1.0
"""Seconds within which a page's reads are to be answered, whatever the number of tickets."""

_HEAD: Final = """# How long a page takes

Made by `benchmarks/pages.py --out docs`; do not edit. Seconds on a machine whose {processors} processors the
server, the dashboard and the browser share, with whatever else is running: processor time is the steadier
figure. The promise: a page's reads are answered in about a second, over ten million tickets as over ten
thousand, because they are prepared."""
_WHAT: Final = """\
*First* is the first read after the server's start: on a desk of 200,000 tickets and more it is counted
behind whoever asks, who is told to come back; *processor* is what the server took meanwhile, its other
work included, such as the controller's looks at the gate. *Later* is what everybody after that waits:
the kept answer, which is made anew behind the reader once it is older than twenty times what it took, a
gate's once it is a minute old. A page says as of when its numbers were counted. *Loaded* is the page in
a browser that has the dashboard's files already, *clicked* the same page from the menu; both include
Streamlit and the drawing, as the smallest desk shows. A ticket came in every second throughout."""


def write_report(folder: Path, run: dict[str, Any]) -> None:
    path = folder / "page-speed.json"
    runs = json.loads(path.read_text()).get("runs", []) if path.exists() else []
    known = next((one for one in runs if one["tickets"] == run["tickets"]), None)
    if known is not None and "pages" not in run:  # only some reads were measured again
        run = known | {"reads": known["reads"] | run["reads"]}
    runs = sorted([*(one for one in runs if one["tickets"] != run["tickets"]), run], key=_tickets)
    path.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
    head = _HEAD.format(processors=run["processors"])
    (folder / "page-speed.md").write_text("\n\n".join([head, _promise(runs), *_tables(runs), _WHAT]) + "\n")


def _tickets(run: dict[str, Any]) -> int:
    return int(run["tickets"])


def _promise(runs: Sequence[dict[str, Any]]) -> str:
    lines = []
    for run in runs:
        name, worst = max(run["reads"].items(), key=lambda row: float(row[1]["later"]))
        kept = "kept" if worst["later"] <= BAR else "MISSED"
        click = max(row["click"] for row in run["pages"].values())
        lines.append(
            f"- {run['tickets']:,} tickets: the slowest read, {name}, is answered in {worst['later']:.2f} s "
            f"(at most {BAR:g}: {kept}); the slowest page stands {click:.1f} s after its click."
        )
    return "\n".join(lines)


def _tables(runs: Sequence[dict[str, Any]]) -> list[str]:
    sizes = [f"{run['tickets']:,}" for run in runs]
    found = []
    for title, key, columns in (
        (
            "The reads behind a page",
            "reads",
            (("first", "first"), ("first_processor", "processor"), ("later", "later")),
        ),
        ("In the browser", "pages", (("load", "loaded"), ("click", "clicked"))),
    ):
        heads = [f"{size}: {shown}" for size in sizes for _, shown in columns]
        lines = [f"## {title}", "", _row(["page", *heads]), _row(["---"] * (len(heads) + 1))]
        for name in runs[-1][key]:
            cells = [f"{run[key][name][column]:.2f}" for run in runs for column, _ in columns]
            lines.append(_row([name, *cells]))
        found.append("\n".join(lines))
    lines = ["## Something done on a page", "", _row(["what", *sizes]), _row(["---"] * (len(sizes) + 1))]
    lines += [_row([what, *(f"{run['acts'][what]:.2f}" for run in runs)]) for what in runs[-1]["acts"]]
    loads = "; ".join(
        f"{size}: {run['load'][0]:.1f} to {run['load'][1]:.1f}" for size, run in zip(sizes, runs, strict=True)
    )
    counts = "; ".join(f"{size}: {run['loads']}" for size, run in zip(sizes, runs, strict=True))
    how = f"Load of the machine meanwhile, {loads}. Times that a page was loaded and clicked, {counts}."
    return [*found, "\n".join(lines), how]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
