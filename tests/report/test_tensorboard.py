"""The log for TensorBoard, read back record by record."""

import struct
import sys

import cv2
import numpy as np
import pytest

from jaxcbis.report import tensorboard
from tests.report.example_run import results as example


def events(folder):
    """Events of a log: records of a length, its checksum, the message and that one's checksum."""
    from tensorboardX.proto.event_pb2 import Event  # here: it imports PyTorch

    for path in sorted(folder.iterdir()):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            yield Event.FromString(data[at + 12 : at + 12 + length])
            at += length + 16


def test_a_log_has_curves(tmp_path):
    history = example()["history"]
    with tensorboard.logger(tmp_path) as log:
        for row in history:
            log(row)
    values = [v for event in events(tmp_path) for v in event.summary.value]
    losses = [v.simple_value for v in values if v.tag == "val/loss"]
    np.testing.assert_allclose(losses, [row["val_loss"] for row in history], rtol=1e-6)


def test_a_log_has_the_parts_of_a_loss_that_has_two(tmp_path):
    parts = ("train_cross_entropy", "train_look", "val_cross_entropy", "val_look")
    history = [row | dict.fromkeys(parts, 0.25) for row in example()["history"]]
    history[0] |= dict.fromkeys(parts)
    with tensorboard.logger(tmp_path) as log:
        for row in history:
            log(row)
    tags = [v.tag for event in events(tmp_path) for v in event.summary.value]
    for tag in ("train/cross_entropy", "train/look", "val/cross_entropy", "val/look"):
        assert tags.count(tag) == len(history) - 1


def test_a_log_has_figures_and_overlays(made):
    values = [v for event in events(made / "tensorboard") for v in event.summary.value]
    pictures = {v.tag: v.image for v in values if v.HasField("image")}
    expected = [*(made / "figures").glob("*.png"), *(made / "cams").glob("*.png")]
    assert set(pictures) == {f"{path.parent.name}/{path.stem}" for path in expected}
    for tag, image in pictures.items():
        png = np.frombuffer(image.encoded_image_string, np.uint8)
        shown, original = cv2.imdecode(png, 1), cv2.imread(str(made / f"{tag}.png"))
        assert shown.shape[1] == image.width == min(original.shape[1], tensorboard.WIDTH)
        assert shown.shape[0] == image.height
        assert shown.mean() == pytest.approx(original.mean(), abs=1)


def test_pytorch_is_not_imported_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with tensorboard._without_torch(), pytest.raises(ImportError):
        import torch  # noqa: F401
    assert "torch" not in sys.modules
