"""Tables of what `benchmarks gpu` keeps of the machine, of whole runs and of a study."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table

from benchmarks.report import columns, number


def machine(results: dict) -> Table:
    """The rates at which it multiplies matrices."""
    rates = results["hardware"]["matmul_flops"]
    shown = columns([*(f"{name}, TFLOP/s" for name in rates), "JAX starts in, s"], text=0)
    shown.add_row(*(number(rate / 1e12) for rate in rates.values()), number(results["start_s"]))
    return shown


def runs(results: dict) -> Table:
    """A line for each run: its seconds and their parts, rates, memory and scores."""
    names = (
        "run", "batch", "epochs", "seconds", "compiling", "training", "test", "maps",
        "trained images/s", "maps/s", "MiB", "accuracy", "LL score",
    )  # fmt: skip
    shown = columns(names)
    for row in results["rows"]:
        run, scores = row["run"], row["scores"]
        config, timing = run["config"], run["timing"] or {}
        parts = (
            "compile_s", "train_s", "evaluate_s", "cam_s", "train_images_per_s",
            "cam_images_per_s", "peak_memory_mb",
        )  # fmt: skip
        name = f"{config['backbone']}, {config['strategy'].upper()}"
        name += "" if run["status"] == "finished" else f" ({run['status']})"
        shown.add_row(
            name, str(config["batch_size"]), str(trained_epochs(run["history"])),
            number(row["seconds"]), *(number(timing.get(part)) for part in parts),
            number(scores["accuracy"]), number(scores["ll_score"]),
        )  # fmt: skip
    return shown


def study(results: dict) -> Table:
    """How many runs were done in which time."""
    done = [run for run in results["runs"] if run["status"] == "finished"]
    names = ("runs done", "seconds", "a run, s", "of a run training", "compiling", "epochs")
    shown = columns(names, text=0)
    each = results["seconds"] / len(done) if done else None
    shown.add_row(
        str(results["done"]), number(results["seconds"]), number(each),
        *(_median([run["timing"][part] for run in done]) for part in ("train_s", "compile_s")),
        _median([run["epochs"] for run in done]),
    )  # fmt: skip
    return shown


def trained_epochs(history: Sequence[dict] | None) -> int:
    """Epochs of training in a run's history, whose phases begin with a row of none."""
    return sum(row["epoch"] > 0 for row in history or ())


def _median(values: list[float]) -> str:
    return number(float(np.median(values)) if values else None)
