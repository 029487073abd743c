"""The same recipe trained by us and in plain PyTorch, on the same patches: what comes of both.

Weights, split, normalisation, order of the batches, groups of the optimizer, early stopping and the
code that scores are the same; what differs is who computes.
"""

import argparse
import csv
import dataclasses
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich import box
from rich.table import Table

from jaxcbis import config as options
from jaxcbis.cli import Parser
from jaxcbis.config import Config
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS

SCHEMA = 1
DRAWS = 500
_NEEDED = {"torch": "torch", "torchvision": "torchvision", "pytorch_grad_cam": "grad-cam"}


class Side(NamedTuple):
    """What one side came to on the test set, in the same order of patches.

    Attributes:
      labels: [n] true class.
      patients: [n].
      probabilities: [n, 5].
      iou: [n] of the predicted class's map with the mask; NaN on background.
    """

    labels: np.ndarray
    patients: np.ndarray
    probabilities: np.ndarray
    iou: np.ndarray


def main(arguments: list[str]) -> dict:
    """Runs the command.

    Returns:
      {kind, schema, hardware, versions, config, figures, seconds, epochs, agreement, notes}.

    Raises:
      UserError: bad usage, PyTorch absent, or what `experiment.run` raises.
    """
    words = _parser().parse_args(arguments)
    given = {k: v for k, v in vars(words).items() if k in Config.__dataclass_fields__}
    config = options.resolve(given)
    folder = words.output or Path("runs") / f"quality-{config.backbone}-{config.strategy}"
    if missing := [package for name, package in _NEEDED.items() if not find_spec(name)]:
        raise UserError(f"{', '.join(missing)} not installed; pip install jaxcbis[benchmark]")
    return compare(dataclasses.replace(config, output=str(folder / "ours")), folder)


def compare(config: Config, folder: Path) -> dict:
    """Trains both, prints them side by side and leaves quality.json and quality.png in `folder`."""
    from benchmarks import report, torch_training
    from jaxcbis import experiment
    from jaxcbis.console import console, say
    from jaxcbis.data import loading, normalization, preparation
    from jaxcbis.evaluation import localization
    from jaxcbis.report.results import write
    from jaxcbis.training.fit import Examples

    results = experiment.run(config)
    ours = _read(Path(str(config.output)) / "predictions.csv")

    say("The same in PyTorch")
    dataset = preparation.load(config)
    backbone, _ = experiment.load_backbone(config, dataset.source == loading.DEMO)
    parts = dataset.splits
    statistics = normalization.measure(parts["train"].images, parts["train"].labels)

    def images(name: str, *labels: np.ndarray) -> np.ndarray:
        return normalization.normalize(parts[name].images, statistics, *labels)

    splits = [
        Examples(images(name, parts[name].labels), parts[name].labels)
        for name in ("train", "validation")
    ]
    trained = torch_training.train(backbone, experiment.phases_of(config), splits, config)
    test = parts["test"]
    inputs = images("test", test.labels)
    began = time.perf_counter()
    blind = torch_training.probabilities(trained, images("test"))
    evaluated = time.perf_counter()
    maps = torch_training.maps(trained, config.backbone, inputs)
    mapped = time.perf_counter()
    found = torch_training.probabilities(trained, inputs)
    located, iou = localization.score(
        maps, test.masks, test.labels, found.argmax(1), threshold=config.cam_threshold,
        grid=results["localization"]["grid"], seed=config.seed,
    )  # fmt: skip
    peer = Side(test.labels, test.patients, found, iou)

    hardware, versions = report.machine()
    blind_accuracy = {
        "ours": results["test_without_label_normalization"]["accuracy"],
        "peer": float((blind.argmax(1) == test.labels).mean()),
    }
    history = {"ours": results["history"], "peer": trained.history}
    timing = results["timing"]
    quality = {
        "kind": "quality", "schema": SCHEMA, "hardware": hardware, "versions": versions,
        "config": results["config"], "data": results["data"]["name"],
        "figures": figures(ours, peer), "accuracy_without_label": blind_accuracy,
        "peer_localization": located,
        "agreement": float((ours.probabilities.argmax(1) == found.argmax(1)).mean()),
        "seconds": {
            "ours": {"train": timing["train_s"], "test": timing["evaluate_s"],
                     "maps": timing["cam_s"]},
            "peer": {"train": sum(row["seconds"] for row in trained.history),
                     "test": evaluated - began, "maps": mapped - evaluated},
        },
        "history": history, "notes": results["notes"],
    }  # fmt: skip
    write(folder / "quality.json", quality)
    _plot(history, folder / "quality.png")
    for shown in tables(quality):
        console.print(shown)
    say(
        "Seconds: ours with compilation and the kept activations, PyTorch's in eager mode with "
        "channels_last; test and maps are one pass over the test set each."
    )
    for note in quality["notes"]:
        say(f"Note: {note}")
    say(f"Results: {folder / 'quality.json'}   Plot: {folder / 'quality.png'}")
    return quality


def figures(ours: Side, peer: Side, draws: int = DRAWS, seed: int = 0) -> dict[str, dict]:
    """Accuracy, mean AUC (from probabilities and of hard labels) and LL score of both sides.

    Returns:
      By figure {'ours', 'peer', 'difference', 'ci95'}: ours less the peer's, and its 95 % interval
      by a paired bootstrap over patients; None where a figure does not exist.
    """
    patients, of_item = np.unique(ours.patients, return_inverse=True)
    items = [np.flatnonzero(of_item == i) for i in range(len(patients))]
    rng = np.random.default_rng(seed)
    samples = [
        np.concatenate([items[i] for i in rng.integers(len(items), size=len(items))])
        for _ in range(draws)
    ]
    table = {}
    for name, figure in FIGURES.items():
        drawn = [
            _difference(
                *(figure(Side(*(field[sample] for field in side))) for side in (ours, peer))
            )
            for sample in samples
        ]
        known = [d for d in drawn if d is not None]
        table[name] = {
            "ours": figure(ours),
            "peer": figure(peer),
            "difference": _difference(figure(ours), figure(peer)),
            "ci95": [float(q) for q in np.quantile(known, (0.025, 0.975))] if known else None,
        }
    return table


def accuracy(side: Side) -> float:
    return float((side.probabilities.argmax(1) == side.labels).mean())


def auc(side: Side, hard: bool = False) -> float | None:
    """Mean over the classes that are neither absent nor all there is."""
    from scipy.stats import rankdata

    values = []
    scores = side.probabilities
    if hard:
        scores = np.eye(len(LABELS))[scores.argmax(1)]
    for index in range(len(LABELS)):
        true = side.labels == index
        positive, negative = true.sum(), (~true).sum()
        if positive and negative:
            ranks = rankdata(scores[:, index])[true].sum()
            values.append((ranks - positive * (positive + 1) / 2) / (positive * negative))
    return float(np.mean(values)) if values else None


def ll_score(side: Side) -> float | None:
    """Mean IoU of correctly classified lesions."""
    scored = (side.probabilities.argmax(1) == side.labels) & ~np.isnan(side.iou)
    return float(side.iou[scored].mean()) if scored.any() else None


FIGURES: dict[str, Callable[[Side], float | None]] = {
    "accuracy": accuracy,
    "auc_mean": auc,
    "auc_hard_mean": lambda side: auc(side, hard=True),
    "ll_score": ll_score,
}


def tables(quality: dict) -> list[Table]:
    """The figures of both sides, and their losses epoch by epoch."""
    names = ("figure", "ours", "PyTorch", "difference", "95 % interval")
    first = _table("Test set: ours and PyTorch's", names)
    for name, row in quality["figures"].items():
        low_high = "" if row["ci95"] is None else "{:+.4f} to {:+.4f}".format(*row["ci95"])
        texts = [_text(row[key]) for key in ("ours", "peer")]
        difference = "" if row["difference"] is None else f"{row['difference']:+.4f}"
        first.add_row(name, *texts, difference, low_high)
    blind = quality["accuracy_without_label"]
    first.add_row(
        "accuracy, one normalisation", _text(blind["ours"]), _text(blind["peer"]),
        f"{blind['ours'] - blind['peer']:+.4f}", "",
    )  # fmt: skip
    first.add_row("same class predicted", f"{quality['agreement']:.1%}", "", "", "")
    seconds = quality["seconds"]
    for what in seconds["ours"]:
        ours, peer = seconds["ours"][what], seconds["peer"][what]
        first.add_row(f"seconds, {what}", f"{ours:.1f}", f"{peer:.1f}", f"x {peer / ours:.2f}", "")

    second = _table("Losses", ("phase", "epoch", "train", "PyTorch's", "validation", "PyTorch's"))
    histories = [
        {(row["phase"], row["epoch"]): row for row in quality["history"][side]}
        for side in ("ours", "peer")
    ]
    for phase, epoch in dict.fromkeys([*histories[0], *histories[1]]):
        rows = [history.get((phase, epoch), {}) for history in histories]
        cells = [_text(row.get(key)) for key in ("train_loss", "val_loss") for row in rows]
        second.add_row(phase, str(epoch), *cells)
    return [first, second]


def _difference(ours: float | None, peer: float | None) -> float | None:
    return None if ours is None or peer is None else ours - peer


def _read(path: Path) -> Side:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Side(
        np.array([LABELS.index(row["label"]) for row in rows]),
        np.array([row["patient_id"] for row in rows]),
        np.array([[float(row[label]) for label in LABELS] for row in rows]),
        np.array([float(row["iou"] or "nan") for row in rows]),
    )


def _plot(history: dict[str, list[dict]], path: Path) -> None:
    from matplotlib.figure import Figure

    from jaxcbis.report.figures import BLUE, DPI, VERMILLION

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    for axes, key in zip(figure.subplots(1, 2), ("train_loss", "val_loss"), strict=True):
        for side, name, colour in (("ours", "ours", BLUE), ("peer", "PyTorch", VERMILLION)):
            values = [np.nan if row[key] is None else row[key] for row in history[side]]
            style = "-" if side == "ours" else "--"
            axes.plot(values, style, color=colour, label=name, marker=".")
        axes.set(xlabel="epoch, all phases", title=key.replace("_", " "))
    axes.legend(frameon=False)
    try:
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def _table(title: str, columns: tuple[str, ...]) -> Table:
    shown = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for i, name in enumerate(columns):
        shown.add_column(name, justify="right" if i else "left", no_wrap=True)
    return shown


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="benchmarks quality", description=__doc__, allow_abbrev=False)
    hidden = ("output", "resume")
    names = [f.name for f in dataclasses.fields(Config) if f.name not in hidden]
    options.add_arguments(parser, tuple(names))
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="default runs/quality-<backbone>-<strategy>"
    )
    return parser
