"""Training curves and pictures for TensorBoard, written without TensorFlow."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from tensorboardX import SummaryWriter

FIGURES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
#: Widest picture in pixels; those in figures/ are made for print.
WIDTH = 1200


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


def add_pictures(run_dir: Path) -> None:
    """Adds the pictures in `run_dir/figures` and `run_dir/cams` to the log of the run."""
    files = [*sorted(run_dir.glob("figures/*.png")), *sorted(run_dir.glob("cams/*.png"))]
    with SummaryWriter(str(run_dir / "tensorboard"), filename_suffix=".pictures") as writer:
        for file in files:
            picture = np.asarray(cv2.imread(str(file)))
            height, width = picture.shape[:2]
            if width > WIDTH:
                size = WIDTH, round(height * WIDTH / width)
                picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            tag = f"{file.parent.name}/{file.stem}"
            writer.add_image(tag, picture[..., ::-1], dataformats="HWC")
