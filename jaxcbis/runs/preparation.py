"""The command `prepare`: build a data set, show what is in it, export it."""

import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from jaxcbis.config import Config
from jaxcbis.data import exported, loading, mammograms, summary
from jaxcbis.data.mammograms import Mammograms
from jaxcbis.data.patches import Dataset
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
    official: dict[str, Counter] = {"train": Counter(), "test": Counter()}
    for name, part in dataset.splits.items():
        side = "test" if name.startswith("test") else "train"
        official[side].update(summary.count(part)["per_class"])
    terminal.show(console, [tables.table_one(official, demo=dataset.source == loading.DEMO)])
    summary.show_dropped(dataset, config.background_size)
    if export is not None:
        exported.save(export, dataset, config.protocol)
        say(f"Patches at {config.image_size} pixels written to {export}")
    return dataset


def prepare_mammograms(
    config: Config, height: int, width: int, beam: list[str] | None = None
) -> Mammograms:
    """Builds the data set of whole mammograms, and prints what is in it.

    Args:
      config: of `config.resolve`; `data` and `data_dir` are used.
      height, width: of the images in pixels.
      beam: as of `prepare`.

    Raises:
      UserError: the release cannot be used, a size is out of bounds, or the disk cannot be written.
    """
    began = time.perf_counter()
    found = load_mammograms(config.data, config.data_dir, height, width, beam)
    say(f"{found.name} from {found.source} in {time.perf_counter() - began:.1f} s")
    title = f"Whole mammograms, {height} x {width}" + (" - DEMO DATA" if config.demo else "")
    terminal.show(console, [_counts(found, title)])
    tell(found)
    return found


def tell(found: Mammograms) -> None:
    """Says what was assumed to read whole mammograms, and what was left out."""
    for note in found.notes:
        warn(note)
    summary.show_reasons(found.dropped)
    for line in summary.assumptions(found.assumed):
        warn(line)


def _counts(found: Mammograms, title: str) -> tables.Table:
    facts = mammograms.describe(found)
    shared = facts["leakage"]["patients_in_train_and_test"]
    rows = [
        (name, *(str(counts[key]) for key in ("total", "malignant", "patients")))
        for name, counts in facts["splits"].items()
    ]
    columns = ("split", "views", "malignant", "patients")
    caption = (
        f"Patients on both sides of the official split: {shared}. Their test views are "
        f"{mammograms.OVERLAP}, and no part of test."
    )
    return tables.Table(title, columns, rows, caption if shared else "")


# Six parameters: of `mammograms.load`.
def load_mammograms(
    data: str | None,
    data_dir: str | None,
    height: int,
    width: int,
    beam: list[str] | None = None,
    held_out: Collection[str] = (),
) -> Mammograms:
    """Reads whole mammograms behind a progress bar, see `mammograms.load`."""
    with bar() as progress:
        task = progress.add_task("mammograms", total=None)
        return mammograms.load(
            data, data_dir, height, width,
            lambda done, total: progress.update(task, completed=done, total=total), beam,
            held_out,
        )  # fmt: skip


def load(config: Config, beam: list[str] | None = None) -> Dataset:
    """Loads the data of a run behind a progress bar."""
    with bar() as progress:
        task = progress.add_task("mammograms", total=None)
        return loading.load(
            config, lambda done, total: progress.update(task, completed=done, total=total), beam
        )
