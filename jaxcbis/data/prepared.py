"""The prepared data set of a release: the one file here that knows TFDS and who uses it.

`tfds_cbis` is imported where it is needed: a training from an exported .npz does without.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxcbis.config import Config
from jaxcbis.data.patches import Patches, resize, resize_mask
from jaxcbis.errors import UserError
from jaxcbis.machine import hosts
from jaxcbis.records.folders import turn

#: Part of the demo set's folder name; must change when the phantoms do.
DEMO_VERSION = "1"


class Prepared(NamedTuple):
    """What was prepared of a release.

    Attributes:
      release: where it lies.
      train: the patches of the official train split, in the order of their ids.
      windows: int32 [len(train)], which of its lesion's windows each of them is, from 1; of
        background, with which it goes.
      test: the patches of the official test split, one window of each lesion.
      dropped: [{'id', 'reason'}], what the release holds and the splits do not.
      short: [{'id', 'reason'}], windows that fall short of their protocol.
      assumed: [{'id', 'reason'}], what had to be assumed to read mammograms.
      notes: what had to be assumed of the release, and what it lacks.
    """

    release: Path
    train: Patches
    windows: np.ndarray
    test: Patches
    dropped: list[dict[str, str]]
    short: list[dict[str, str]]
    assumed: list[dict[str, str]]
    notes: list[str]


class PreparedMammograms(NamedTuple):
    """Whole mammograms that were prepared of a release.

    Attributes:
      release: where it lies.
      records: of 'train' and 'test', as far as the release has them, a sequence of examples.
      blind: the same ones, their pictures not decoded.
      repeated: how many mammograms the release holds twice.
      dropped, assumed, notes: as of `Prepared`.
    """

    release: Path
    records: dict[str, Sequence[dict[str, Any]]]
    blind: dict[str, Sequence[dict[str, Any]]]
    repeated: int
    dropped: list[dict[str, str]]
    assumed: list[dict[str, str]]
    notes: list[str]


def load(
    config: Config,
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
) -> Prepared:
    """Brings the patches of a release into memory, preparing them first if need be.

    Args:
      config: `data`, `data_dir`, `protocol`, `windows`, `background_size` and `image_size` are
        used.
      progress: called with (mammograms done, mammograms in all) while preparing.
      beam: options of Apache Beam, whose runner then prepares; None prepares in threads here.

    Raises:
      UserError: the release or what was prepared of it cannot be used, or the disk fails.
    """
    with user_errors():
        from tfds_cbis.prepare import prepare, summary

        release, data_dir = place(config.data, config.data_dir)
        builder = prepare(
            release,
            protocol=config.protocol,
            data_dir=data_dir,
            background_size=config.background_size,
            windows=config.windows,
            progress=progress,
            beam=beam,
        )
        (train, windows), (test, _) = (
            from_records(
                builder.as_data_source(name) if name in builder.info.splits else [],
                config.image_size,
            )
            for name in ("train", "test")
        )
        stored = summary(builder)
        told = (stored[key] for key in ("dropped", "short", "assumed", "notes"))
        return Prepared(release, train, windows, test, *told)


def mammograms(
    data: str | None,
    data_dir: str | None,
    size: tuple[int, int],
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
) -> PreparedMammograms:
    """Finds the prepared whole mammograms of a release, preparing them first if need be.

    Args:
      data, data_dir: as of `place`.
      size: height and width in pixels.
      progress, beam: as of `load`.

    Raises:
      UserError: as of `load`, or the size is out of bounds.
    """
    with user_errors():
        from tfds_cbis.prepare import prepare_mammograms, summary, undecoded

        release, folder = place(data, data_dir)
        builder = prepare_mammograms(release, size, data_dir=folder, progress=progress, beam=beam)
        names = list(builder.info.splits)
        records = {name: builder.as_data_source(name) for name in names}
        blind = {name: builder.as_data_source(name, decoders=undecoded()) for name in names}
        stored = summary(builder)
        told = (stored[key] for key in ("repeated", "dropped", "assumed", "notes"))
        return PreparedMammograms(release, records, blind, *told)


def look(release: Path) -> None:
    """Looks whether a path leads to a release, by the names of its files.

    Raises:
      UserError: it does not.
    """
    from tfds_cbis.release.opening import opened

    with user_errors():
        store, _ = opened(release)
        store.close()


@contextmanager
def user_errors() -> Iterator[None]:
    """Within it, what `tfds_cbis` asks of its user becomes a UserError."""
    from tfds_cbis.errors import CbisError

    try:
        yield
    except CbisError as error:
        raise UserError(str(error)) from error


def from_records(records: Any, size: int) -> tuple[Patches, np.ndarray]:
    """Decodes a split of the TFDS data set; of several hosts each one its share.

    Args:
      records: a sequence of examples with `image`, `mask`, `label`, `id`, `window` and
        `patient_id`.
      size: side of the patches in pixels.

    Returns:
      The patches in the order of their ids, and the number of each one's window, int32 [n].
    """
    mine = hosts.share(len(records))
    count = len(mine)
    depth = records[0]["image"].dtype if len(records) else np.uint8
    images = np.empty((count, size, size), depth)
    masks = np.empty((count, size, size), bool)
    labels = np.empty(count, np.int32)
    sizes = np.empty((count, 2), np.int32)
    windows = np.empty(count, np.int32)

    def decode(i: int) -> tuple[str, str]:
        record = records[mine[i]]
        images[i] = resize(record["image"][..., 0], size)
        masks[i] = resize_mask(record["mask"][..., 0], size)
        labels[i] = record["label"]
        windows[i] = record["window"]
        sizes[i] = record["image"].shape[1::-1]
        return text(record["id"]), text(record["patient_id"])

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # decoding PNG releases Python's lock
        names = list(threads.map(decode, range(count)))
    ids, patients = np.array(names, str).reshape(count, 2).T
    read = hosts.exchange((images, masks, labels, ids, patients, sizes, windows))
    *arrays, windows = (np.concatenate(of) if of[1:] else of[0] for of in zip(*read, strict=True))
    patches = Patches(*arrays)
    order = np.argsort(patches.ids, kind="stable")
    return patches.select(order), windows[order]


def place(data: str | None, data_dir: str | None) -> tuple[Path, Path | None]:
    """The release's place and the folder for the data set; draws the demo release if need be.

    Args:
      data: the release; None is the demo release.
      data_dir: where prepared data sets are kept; None is TFDS's own folder.

    Raises:
      UserError: the demo release cannot be written.
    """
    folder = None if data_dir is None else Path(data_dir)
    if data is not None:
        return Path(data), folder
    from tfds_cbis.release import phantom
    from tfds_cbis.tfds_internals import DATA_DIR

    base = Path(folder or DATA_DIR) / f"cbis_ddsm_demo-{DEMO_VERSION}"
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


def text(value: bytes | str) -> str:
    """A text feature of an example, of whichever kind TFDS returns."""
    return value.decode() if isinstance(value, bytes) else str(value)
