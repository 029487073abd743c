"""history.csv: how a run's figures went, epoch by epoch, for other programs to read."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from jaxcbis.errors import AGAIN
from jaxcbis.machine import files


def write(path: Path, history: Sequence[dict]) -> None:
    """Writes one row per epoch, with one column per stage's learning rate.

    Numbers read back as they were, to the last bit.

    Args:
      path: of the file.
      history: 'history' of results.json, at least one row.

    Raises:
      UserError: the file cannot be written.
    """
    figures = [key for key in history[0] if key != "learning_rates"]
    stages = sorted({stage for row in history for stage in row["learning_rates"]})
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*figures, *(f"learning_rate_{stage}" for stage in stages)])
    for row in history:
        rates = (row["learning_rates"].get(stage) for stage in stages)
        writer.writerow([*(row[key] for key in figures), *rates])
    files.write(path, text.getvalue(), f"free space and {AGAIN}")
