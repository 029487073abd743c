"""Patches of `prepare --export`, whatever protocol they were cut by."""

from pathlib import Path

import numpy as np

from jaxcbis.data import exported
from jaxcbis.data.patches import Dataset


def read(path: Path, size: int) -> tuple[Dataset, str]:
    """The patches, and the protocol they were cut by.

    Raises:
      UserError: as of `exported.load`.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            protocol = str(file["protocol"])
    except Exception:  # `load` says what is wrong with it
        protocol = "paper"
    return exported.load(path, size, protocol), protocol
