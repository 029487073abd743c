"""The command `prepare`: build the data set, show what is in it, export it."""

import time
from collections import Counter
from pathlib import Path

from jaxcbis.config import Config
from jaxcbis.data import exported, loading, summary
from jaxcbis.data.patches import Dataset
from jaxcbis.machine.console import bar, console, say
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


def load(config: Config, beam: list[str] | None = None) -> Dataset:
    """Loads the data of a run behind a progress bar."""
    with bar() as progress:
        task = progress.add_task("mammograms", total=None)
        return loading.load(
            config, lambda done, total: progress.update(task, completed=done, total=total), beam
        )
