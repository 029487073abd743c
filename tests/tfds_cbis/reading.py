"""Patches of a release as arrays, cut in this process or read from a prepared data set."""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from tfds_cbis.cutting import cut_split
from tfds_cbis.planning import plan
from tfds_cbis.protocols import PROTOCOLS
from tfds_cbis.release.cases import SPLITS
from tfds_cbis.release.files import Release

#: Of the data set, which decides all that is drawn.
SEED = "1.0.0"


class Read(NamedTuple):
    """Examples, images as arrays [height, width] and with their `split`, and what is told."""

    examples: list[dict[str, Any]]
    dropped: list[dict[str, str]]
    short: list[dict[str, str]]


def cut(
    folder: Path, *, size: int | None = None, protocol: str = "paper", windows: int = 1
) -> Read:
    """Cuts a release as the data set's builder does, without TFDS.

    Args:
      size: of the background crops.
      windows: on each lesion to train on, where they are drawn.
    """
    rule = PROTOCOLS[protocol]
    examples, short = [], []
    with Release(folder) as release:
        jobs, dropped = plan(
            release, rule, background_size=size, seed=SEED, count=windows, mapper=map
        )
        for split in SPLITS:
            of_split = [job for job in jobs if job.view.split == split]
            for found in cut_split(release, of_split, rule, seed=SEED, mapper=map):
                examples += [with_arrays(each) | {"split": split} for each in found.examples]
                dropped += found.dropped
                short += found.short
    return Read(examples, dropped, short)


def with_arrays(example: dict[str, Any]) -> dict[str, Any]:
    """An example with its PNG bytes decoded."""
    return example | {
        key: cv2.imdecode(np.frombuffer(value, np.uint8), cv2.IMREAD_UNCHANGED)
        for key, value in example.items()
        if isinstance(value, bytes)
    }


def prepared(builder) -> list[dict[str, Any]]:
    """The examples of a prepared data set, in the same form."""
    return [
        {key: value.decode() if isinstance(value, bytes) else value for key, value in each.items()}
        | {"image": each["image"][..., 0], "mask": each["mask"][..., 0], "split": split}
        for split in builder.info.splits
        for each in builder.as_data_source(split)
    ]
