"""The results on the screen, in a file and as a plot."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import JustifyMethod
from rich.table import Table

from benchmarks import rows
from jaxcbis import device
from jaxcbis.errors import UserError
from jaxcbis.report.figures import BLUE, DPI, VERMILLION

_PACKAGES = (
    "jax", "jaxlib", "flax", "optax", "numpy", "torch", "torchvision", "grad-cam",
    "tensorflow-datasets",
)  # fmt: skip


def machine() -> tuple[dict, dict]:
    """Hardware and versions, as the results record them; None where a package is absent."""
    environment = device.environment()
    hardware: dict = {key: environment[key] for key in ("backend", "device", "host_cores")}
    hardware |= {"processor": _processor(), "memory_gib": _memory_gib()}
    hardware["precision"] = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    versions: dict = {"python": environment["python"], "git_commit": environment["git_commit"]}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return hardware, versions


def table(results: dict) -> Table:
    """The rows beside the ratios to reach."""
    hardware = results["hardware"]
    title = f"{hardware['device']} ({hardware['backend']}), {hardware['precision']}"
    shown = Table(
        title=f"{title}; ratio above 1: ours is faster",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name in ("row", "model", "batch", "ours", "peer", "unit", "ratio", "goal", "spread"):
        side: JustifyMethod = "left" if name in ("row", "model", "unit") else "right"
        shown.add_column(name, justify=side, no_wrap=True)
    for row in results["rows"]:
        goal = rows.target(row["row"], row["model"], hardware["backend"])
        ratio = _number(row["ratio"])
        if goal is not None and row["ratio"] is not None:
            ratio = f"[{'green' if row['ratio'] >= goal else 'yellow'}]{ratio}[/]"
        spread = "" if row["spread"] is None else f"{row['spread']:.0%}"
        shown.add_row(
            row["row"], row["model"], str(row["batch"]), _number(row["ours"]),
            _number(row["peer"]), row["unit"], ratio, _number(goal), spread,
        )  # fmt: skip
    return shown


def plot(results: dict, path: Path) -> None:
    """Draws the ratios as bars, each with the one to reach as a mark.

    Raises:
      UserError: the file cannot be written.
    """
    measured = [row for row in results["rows"] if row["ratio"] is not None][::-1]
    backend = results["hardware"]["backend"]
    goals = [rows.target(row["row"], row["model"], backend) for row in measured]
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
    try:
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose another --output"
        ) from error


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None
