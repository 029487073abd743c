"""Reading patches: the same ones as records of TFDS for us, and as PNG files for PyTorch."""

from pathlib import Path
from typing import Any

import cv2

from benchmarks.measure import Skipped, Task
from jaxcbis.data import prepared


def write(folder: Path) -> tuple[Any, Path]:
    """A demo data set in TFDS, and its patches and masks as PNG files for the peer.

    Raises:
      Skipped: TFDS is not installed.
    """
    try:
        from tfds_cbis.prepare import prepare
        from tfds_cbis.release import phantom
    except ModuleNotFoundError as error:
        raise Skipped(f"input: {error.name} is not installed") from error
    phantom.write_release(folder / "release")
    with prepared.user_errors():
        builder = prepare(
            folder / "release", data_dir=folder, background_size=phantom.DEMO_BACKGROUND_SIZE
        )
    files = folder / "png"
    for part in ("image", "mask"):
        (files / part).mkdir(parents=True)
    for i, record in enumerate(builder.as_data_source("train")):
        for part in ("image", "mask"):
            cv2.imwrite(str(files / part / f"{i:05}.png"), record[part])
    return builder.as_data_source("train"), files


def task(size: int, records: Any) -> Task:
    """Our side of the row."""
    return Task(lambda rng: records, lambda records: prepared.from_records(records, size))
