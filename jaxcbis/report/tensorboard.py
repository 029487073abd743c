"""Training curves and pictures for TensorBoard, written without TensorFlow."""

import contextlib
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from jaxcbis.errors import AGAIN, UserError
from jaxcbis.machine import files, packages

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event

FIGURES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
#: Of a loss that has two.
PARTS = ("train_cross_entropy", "train_look", "val_cross_entropy", "val_look")
#: Widest picture in pixels; those in figures/ are made for print.
WIDTH = 1200


def missing() -> str | None:
    """What must be said where tensorboardX is not installed, and nothing is logged; else None."""
    if not packages.missing("tensorboardX"):
        return None
    return "no TensorBoard log: tensorboardX is not installed (pip install tensorboardX)"


@contextlib.contextmanager
def logger(folder: Path) -> Iterator[Callable[[dict], None]]:
    """Starts a fresh log, and gives a function that takes in one row of the history.

    Without tensorboardX the function does nothing.

    Args:
      folder: emptied first; a resumed run hands over its whole history again.

    Raises:
      UserError: the log cannot be written.
    """
    if missing():  # a log that a resumed run had so far stays
        yield lambda row: None
        return
    shutil.rmtree(folder, ignore_errors=True)
    with _without_torch():
        from tensorboardX import summary
        from tensorboardX.proto.event_pb2 import Event

    epochs = 0
    with _events(folder) as write:

        def log(row: dict) -> None:
            nonlocal epochs
            names = FIGURES if row.get("val_look") is None else (*FIGURES, *PARTS)
            figures = {name.replace("_", "/", 1): row[name] for name in names}
            rates = {f"learning_rate/{name}": rate for name, rate in row["learning_rates"].items()}
            write(
                [
                    Event(step=epochs, summary=summary.scalar(tag, value))
                    for tag, value in (figures | rates).items()
                    if value is not None
                ]
            )
            epochs += 1

        yield log


def add_pictures(run_dir: Path) -> None:
    """Adds the pictures in `run_dir/figures` and `run_dir/cams` to the log of the run.

    Without tensorboardX it does nothing.

    Raises:
      UserError: the log cannot be written.
    """
    if missing():
        return
    with _without_torch():
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

    paths = [*sorted(run_dir.glob("figures/*.png")), *sorted(run_dir.glob("cams/*.png"))]
    with _events(run_dir / "tensorboard", ".pictures") as write:
        for path in paths:
            png, width, height = _for_screen(path)
            picture = Summary.Image(
                width=width, height=height, colorspace=3, encoded_image_string=png
            )
            tag = f"{path.parent.name}/{path.stem}"
            write([Event(summary=Summary(value=[Summary.Value(tag=tag, image=picture)]))])


def _for_screen(path: Path) -> tuple[bytes, int, int]:
    """A PNG file no wider than WIDTH, its width and its height."""
    picture = np.asarray(cv2.imread(str(path)))
    height, width = picture.shape[:2]
    if width <= WIDTH:
        return path.read_bytes(), width, height
    size = WIDTH, round(height * WIDTH / width)
    reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    packed = [cv2.IMWRITE_PNG_COMPRESSION, 6]  # what is written is summed in Python
    return cv2.imencode(".png", reduced, packed)[1].tobytes(), *size


@contextlib.contextmanager
def _without_torch() -> Iterator[None]:
    """tensorboardX imports PyTorch where that is installed: seconds for what is not used here."""
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment] # an import of it fails
    try:
        yield
    finally:
        del sys.modules["torch"]


@contextlib.contextmanager
def _events(folder: Path, suffix: str = "") -> Iterator[Callable[[list["Event"]], None]]:
    """A function that adds events to a file and brings them to the disk.

    It writes by itself: tensorboardX's SummaryWriter does so in a thread, which a full disk ends
    with a traceback, and then waits for that thread for ever.
    """
    with _without_torch():
        from tensorboardX import RecordWriter
        from tensorboardX.proto.event_pb2 import Event

    files.make_folder(folder)

    def tried(action: Callable, *arguments):
        try:
            return action(*arguments)
        except OSError as error:
            raise UserError(
                f"cannot write {folder}: {error.strerror or error}; free space there and {AGAIN}"
            ) from error

    name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}{suffix}"
    writer = tried(RecordWriter, str(folder / name))

    def write(events: list[Event]) -> None:
        for event in events:
            event.wall_time = time.time()
            tried(writer.write, event.SerializeToString())
        tried(writer.flush)

    try:
        write([Event(file_version="brain.Event:2")])
        yield write
    finally:
        with contextlib.suppress(OSError):  # it tries once more what it could not write
            writer.close()
