"""The command `prepare`: build the data set, show what is in it, export it."""

import time
from collections import Counter
from pathlib import Path

import numpy as np

from jaxcbis.config import Config
from jaxcbis.data import loading, patches, splits
from jaxcbis.data.patches import Dataset
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.machine.console import bar, console, say, warn
from jaxcbis.report import tables, terminal


def prepare(config: Config, export: Path | None = None, beam: list[str] | None = None) -> Dataset:
    """Builds the data set, prints it beside the paper's Table I, and exports it if asked.

    Args:
      config: of `config.resolve`.
      export: .npz file to write the patches to.
      beam: options of Apache Beam, whose runner then prepares; None prepares in threads here.

    Raises:
      UserError: the release cannot be used, or the disk cannot be written.
    """
    began = time.perf_counter()
    dataset = load(config, beam)
    say(f"{dataset.name} from {dataset.source} in {time.perf_counter() - began:.1f} s")
    parts = dataset.splits
    official: dict[str, Counter] = {"train": Counter(), "test": Counter()}
    for name, part in parts.items():
        official["test" if name.startswith("test") else "train"].update(count(part)["per_class"])
    terminal.show(console, [tables.table_one(official, demo=dataset.source == loading.DEMO)])
    show_dropped(dataset)
    if export is not None:
        patches.save(export, dataset, config.protocol)
        say(f"Patches at {config.image_size} pixels written to {export}")
    return dataset


def load(config: Config, beam: list[str] | None = None) -> Dataset:
    """Loads the data of a run behind a progress bar."""
    with bar() as progress:
        task = progress.add_task("mammograms", total=None)
        return loading.load(
            config, lambda done, total: progress.update(task, completed=done, total=total), beam
        )


def count(part: patches.Patches) -> dict:
    """Counts a split as results.json has it: {'total', 'per_class', 'patients'}."""
    per_class = {label: int((part.labels == i).sum()) for i, label in enumerate(LABELS)}
    return {"total": len(part), "per_class": per_class, "patients": len(set(part.patients))}


def describe(dataset: Dataset) -> dict:
    """What results.json says of the data."""
    train, validation, test = (dataset.splits[name] for name in patches.SPLITS)
    return {
        "source": dataset.source,
        "name": dataset.name,
        "splits": {name: count(part) for name, part in dataset.splits.items()},
        "dropped": dataset.dropped,
        "leakage": splits.leakage(
            np.concatenate([train.patients, validation.patients]), test.patients
        ),
    }


def show_dropped(dataset: Dataset) -> None:
    """Says what was left out of the data set, by reason."""
    reasons: dict[str, list[str]] = {}
    for item in dataset.dropped:
        reasons.setdefault(item["reason"], []).append(item["id"])
    for reason, ids in reasons.items():
        few = ", ".join(ids[:3]) + (", .." if len(ids) > 3 else "")
        warn(f"{len(ids)} dropped: {reason} ({few})")
    for name in ("train", "test"):
        part = dataset.splits[name]
        if len(part) and not (part.labels == BACKGROUND).any():
            warn(f"no background patches in {name}: a smaller --background-size may find room")
