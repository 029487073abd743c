"""The results on the screen, in a file and as a plot."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from jaxcbis.errors import UserError
from jaxcbis.machine.console import say
from jaxcbis.report.figures.saving import DPI
from jaxcbis.report.figures.style import BLUE, VERMILLION

#: Of a table, in characters, also where the terminal is narrower: cut figures would be of no use.
WIDTH = 120


def columns(names: Sequence[str], *, text: int = 1, title: str = "") -> Table:
    """A table without rows.

    Args:
      names: of the columns.
      text: how many of them, from the left, hold text; the others hold numbers.
      title: above it.
    """
    shown = Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
        pad_edge=False,
    )  # fmt: skip
    for i, name in enumerate(names):
        shown.add_column(name, justify="left" if i < text else "right", no_wrap=True)
    return shown


def table(results: dict) -> Table:
    """The rows beside the ratios to reach; a number behind a row's name is that of a footnote."""
    hardware = results["hardware"]
    title = f"{hardware['device']} ({hardware['backend']}), {hardware['precision']}"
    shown = Table(
        title=f"{title}; ratio above 1: ours is faster", box=box.SIMPLE_HEAD, padding=0,
        pad_edge=False,
    )  # fmt: skip
    names = ("row", "model", "batch", "ours", "peer", "unit", "ratio", "goal", "spread", "MiB", "%")
    for name in names:
        side: JustifyMethod = "left" if name in ("row", "model", "unit") else "right"
        shown.add_column(name, justify=side, no_wrap=True)
    left_out = _left_out(results)
    for row in results["rows"]:
        mark = f" ({left_out.index(row['left_out']) + 1})" if row["left_out"] else ""
        ratio = number(row["ratio"])
        if row["target"] is not None and row["ratio"] is not None:
            ratio = f"[{'green' if row['ratio'] >= row['target'] else 'yellow'}]{ratio}[/]"
        spread = "" if row["spread"] is None else f"{row['spread']:.0%}"
        shown.add_row(
            row["row"] + mark, row["model"], str(row["batch"]), number(row["ours"]),
            number(row["peer"]), row["unit"], ratio, number(row["target"]), spread,
            _pair(row["ours_memory_mb"], row["peer_memory_mb"]),
            _pair(*(_percent(row[f"flops_share_{side}"]) for side in ("ours", "peer"))),
        )  # fmt: skip
    return shown


def footnotes(results: dict) -> list[str]:
    """What the table's rows leave out, what its last columns mean, and what the peers are."""
    lines = [f"({i}) {text}" for i, text in enumerate(_left_out(results), 1)]
    if any(row["ours_memory_mb"] is not None for row in results["rows"]):
        lines.append("MiB: the most memory held, ours/peer's, libraries and compiler left out")
    if any(row["flops_share_ours"] is not None for row in results["rows"]):
        best = max(results["hardware"]["matmul_flops"].values())
        lines.append(
            f"%: operations a second, ours/peer's, of the {best / 1e9:.0f} GFLOP/s of a large "
            "product of matrices"
        )
    return lines + _peers(results["rows"]) + _untried(results.get("notes", []))


def _peers(rows: list[dict]) -> list[str]:
    """What the peer is and its settings, the fastest that were found, a line for each."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["peer_name"]:
            found.setdefault(row["peer_name"], []).append(f"{row['row']} {row['model']}")
    return [f"the peer is {name}: {', '.join(of)}" for name, of in found.items()]


def _untried(notes: list[str]) -> list[str]:
    """What PyTorch's search for its fastest settings did not come to, a line a row."""
    found: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        where, told, rest = note.partition(": PyTorch without ")
        if told:
            setting, _, reason = rest.partition(": ")
            found.setdefault((where, reason), []).append(setting)
    return [
        f"{where}: PyTorch was not tried {', '.join(settings)} ({reason})"
        for (where, reason), settings in found.items()
    ]


def show(table: Table, footnotes: list[str]) -> None:
    """Prints a table and what stands below it."""
    Console(width=WIDTH, highlight=False).print(table)
    for line in footnotes:
        say(line)


def plot(results: dict, path: Path) -> None:
    """Draws the ratios as bars, each with the one to reach as a mark; see `save`."""
    measured = [row for row in results["rows"] if row["ratio"] is not None][::-1]
    backend = results["hardware"]["backend"]
    goals = [row["target"] for row in measured]
    figure = Figure(figsize=(7, 1.2 + 0.28 * len(measured)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(measured))
    ratios = [row["ratio"] for row in measured]
    for bar in axes.barh(places, ratios, color=BLUE):
        axes.annotate(
            f"{bar.get_width():.2f}", (bar.get_width(), bar.get_y() + 0.4), (3, 0),
            textcoords="offset points", va="center", fontsize=7,
        )  # fmt: skip
    reach = [(goal, place) for goal, place in zip(goals, places, strict=True) if goal is not None]
    if reach:
        axes.plot(*zip(*reach, strict=True), "|", color=VERMILLION, ms=12, mew=2, label="to reach")
        figure.legend(loc="outside lower right", frameon=False)
    axes.axvline(1, color="black", lw=0.8)
    axes.margins(x=0.12)
    axes.set(
        xscale="log", xlabel="times as fast as the peer", yticks=places,
        yticklabels=[f"{row['row']} {row['model']}" for row in measured],
        title=f"{results['hardware']['device']} ({backend})",
    )  # fmt: skip
    axes.xaxis.set_major_formatter("{x:g}")
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Writes a plot.

    Raises:
      UserError: the file cannot be written.
    """
    try:
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose another --output"
        ) from error


def number(value: float | None) -> str:
    """With three digits or, from 1000 on, none behind the point; nothing for None."""
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _left_out(results: dict) -> list[str]:
    return list(dict.fromkeys(row["left_out"] for row in results["rows"] if row["left_out"]))


def _pair(ours: float | None, peer: float | None) -> str:
    if ours is None and peer is None:
        return ""
    sides = (ours,) if peer is None else (ours, peer)
    return "/".join("-" if x is None else f"{x:.0f}" for x in sides)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
