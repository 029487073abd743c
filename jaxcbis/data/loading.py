"""--data to a Dataset: a release, an exported file, or the built-in demo set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxcbis.config import Config, is_exported
from jaxcbis.data import exported, patches, prepared, splits
from jaxcbis.data.patches import Dataset
from jaxcbis.errors import UserError
from jaxcbis.machine import packages

DEMO = "demo"


def load(
    config: Config,
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
) -> Dataset:
    """Brings the patches that a run asks for into memory, preparing them first if need be.

    Args:
      config: `data`, `data_dir`, `protocol`, `windows`, `background_size` and `image_size` are
        used.
      progress: called with (mammograms done, mammograms in all) while preparing.
      beam: options of Apache Beam, whose runner then prepares; None prepares in threads here.

    Raises:
      UserError: the data are absent, damaged or not what was asked for.
    """
    if config.data is not None and is_exported(config.data):
        return exported.load(Path(config.data), config.image_size, config.protocol)
    packages.require(
        "the demo set" if config.demo else f"--data {config.data}", *packages.TFDS,
        otherwise=", or give --data FILE.npz from prepare --export",
    )  # fmt: skip
    release, train, windows, test, dropped, short, assumed, notes = prepared.load(
        config, progress, beam
    )
    if config.protocol == "paper":
        validation = splits.stratified(train.labels)
        learned = ~validation
        tests = {"test": test}
    else:
        # Whatever their number, the same patients validate, on the first windows.
        first = windows == 1
        validation = np.zeros(len(train), bool)
        validation[first] = splits.grouped(train.labels[first], train.patients[first])
        learned = ~np.isin(train.patients, train.patients[validation])
        overlap = splits.overlapping(train.patients, test.patients)
        tests = {"test": test.select(~overlap), patches.OVERLAP: test.select(overlap)}
    parts = {"train": train.select(learned), "validation": train.select(validation)} | tests
    used = set(np.concatenate([part.ids for part in parts.values()]))
    return Dataset(
        parts,
        source=DEMO if config.demo else str(release),
        name=release_name(config.data),
        dropped=dropped,
        short=[item for item in short if item["id"] in used],
        assumed=assumed,
        notes=notes,
    )


def release_name(data: str | None) -> str:
    """What a person calls a release; None is the demo release."""
    return "demo data (synthetic phantoms)" if data is None else "CBIS-DDSM"


def look(config: Config) -> None:
    """Looks at first sight whether data are what a run takes: names and headers, no pixels.

    Args:
      config: of the run; `data`, `protocol` and `image_size` are used.

    Raises:
      UserError: they are neither a release nor a file of patches, damaged, or cut in another way.
    """
    if config.data is None:
        return
    if is_exported(config.data):
        exported.require(Path(config.data), config.image_size, config.protocol)
    else:
        prepared.look(Path(config.data))


def require_all_splits(dataset: Dataset) -> None:
    """Checks that there is something to train on, to validate and to test.

    Raises:
      UserError: a split is empty.
    """
    for name in patches.SPLITS:
        if not len(dataset.splits[name]):
            raise UserError(f"{dataset.source}: no patches in the {name} split; check the release")
