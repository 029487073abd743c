"""Training curves for TensorBoard, written without TensorFlow."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tensorboardX import SummaryWriter

FIGURES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def logger(folder: Path) -> tuple[SummaryWriter, Callable[[dict], None]]:
    """Starts a fresh log.

    Args:
      folder: emptied first; a resumed run hands over its whole history again.

    Returns:
      The writer, to be closed, and a function that takes in one row of the history.
    """
    shutil.rmtree(folder, ignore_errors=True)
    writer = SummaryWriter(str(folder))
    epochs = 0

    def log(row: dict) -> None:
        nonlocal epochs
        for name in FIGURES:
            if row[name] is not None:
                writer.add_scalar(name.replace("_", "/", 1), row[name], epochs)
        for stage, rate in row["learning_rates"].items():
            writer.add_scalar(f"learning_rate/{stage}", rate, epochs)
        writer.flush()
        epochs += 1

    return writer, log
