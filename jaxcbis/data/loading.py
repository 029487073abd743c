"""--data to a Dataset: a release, an exported file, or the built-in demo set."""

import shutil
from collections.abc import Callable
from pathlib import Path

from jaxcbis.config import Config
from jaxcbis.data import patches, splits
from jaxcbis.data.patches import Dataset
from jaxcbis.errors import UserError
from jaxcbis.machine import packages
from jaxcbis.records.folders import turn

DEMO = "demo"
#: Part of the demo set's folder name; must change when the phantoms do.
DEMO_VERSION = "1"


def load(
    config: Config,
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
) -> Dataset:
    """Brings the patches that a run asks for into memory, preparing them first if need be.

    Args:
      config: `data`, `data_dir`, `protocol`, `background_size` and `image_size` are used.
      progress: called with (mammograms done, mammograms in all) while preparing.
      beam: of `tfds_cbis.prepare`.

    Raises:
      UserError: the data are absent, damaged or not what was asked for.
    """
    if config.data is not None and config.data.endswith(".npz"):
        return patches.load(Path(config.data), config.image_size, config.protocol)
    return _prepared(config, progress, beam)


def require_all_splits(dataset: Dataset) -> None:
    """Checks that there is something to train on, to validate and to test.

    Raises:
      UserError: a split is empty.
    """
    for name in patches.SPLITS:
        if not len(dataset.splits[name]):
            raise UserError(f"{dataset.source}: no patches in the {name} split; check the release")


def _prepared(
    config: Config, progress: Callable[[int, int], None] | None, beam: list[str] | None
) -> Dataset:
    packages.require(
        "the demo set" if config.demo else f"--data {config.data}", *packages.TFDS,
        otherwise=", or give --data FILE.npz from prepare --export",
    )  # fmt: skip
    import tfds_cbis

    release, data_dir = _release(config)
    builder = tfds_cbis.prepare(
        release,
        protocol=config.protocol,
        data_dir=data_dir,
        background_size=config.background_size,
        progress=progress,
        beam=beam,
    )
    train, test = (
        patches.from_records(
            builder.as_data_source(name) if name in builder.info.splits else [], config.image_size
        )
        for name in ("train", "test")
    )
    if config.protocol == "paper":
        validation = splits.stratified(train.labels)
        tests = {"test": test}
    else:
        validation = splits.grouped(train.labels, train.patients)
        overlap = splits.overlapping(train.patients, test.patients)
        tests = {"test": test.select(~overlap), patches.OVERLAP: test.select(overlap)}
    parts = {"train": train.select(~validation), "validation": train.select(validation)}
    return Dataset(
        parts | tests,
        source=DEMO if config.demo else str(release),
        name="demo data (synthetic phantoms)" if config.demo else "CBIS-DDSM",
        dropped=list(tfds_cbis.summary(builder)["dropped"]),
    )


def _release(config: Config) -> tuple[Path, Path | None]:
    """The release's place and the folder for the data set; draws the demo release if need be."""
    data_dir = None if config.data_dir is None else Path(config.data_dir)
    if config.data is not None:
        return Path(config.data), data_dir
    import tensorflow_datasets as tfds

    from tfds_cbis import phantom

    base = Path(data_dir or tfds.core.constants.DATA_DIR) / f"cbis_ddsm_demo-{DEMO_VERSION}"
    release, aside = base / "release", base / ".release.partial"
    if release.exists():
        return release, base
    try:
        with turn(base):
            # Drawn aside and renamed, so that a kill leaves no half of it.
            shutil.rmtree(aside, ignore_errors=True)
            if not release.exists():
                phantom.write_release(aside)
                aside.replace(release)
    except OSError as error:
        raise UserError(
            f"cannot write the demo data to {base}: {error.strerror}; give --data-dir DIR"
        ) from error
    return release, base
