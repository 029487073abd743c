"""gallery.json, cams/ and the log for TensorBoard, of a made-up run."""

import struct

import cv2
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from jaxcbis.errors import UserError
from jaxcbis.records import predictions
from jaxcbis.report import tensorboard
from jaxcbis.report.page import gallery, html
from tests.report import made_run
from tests.report.example_run import results as example


def test_gallery_holds_what_it_was_given(tmp_path):
    run = made_run.write(tmp_path / "run", count=20)
    patches = made_run.make_patches(np.random.default_rng(0), 20, 64)
    held = gallery.read(run)
    assert [item["id"] for item in held["patches"]] == list(patches.ids)
    for item, image, mask in zip(held["patches"], patches.images, patches.masks, strict=True):
        jpeg = np.frombuffer(made_run.decoded(item["image"]), np.uint8)
        shown = cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)
        assert np.abs(shown.astype(int) - image).mean() < 4
        cells = np.frombuffer(made_run.decoded(item["map"]), np.uint8)
        assert len(cells) == held["grid"] ** 2
        assert cells.max() == 255
        assert bool(item["outline"]) == mask.any()


def test_coarse_maps_are_those_that_were_upsampled():
    coarse = np.random.default_rng(0).random((3, 7, 7), np.float32)
    up = np.stack([cv2.resize(each, (96, 96), interpolation=cv2.INTER_LINEAR) for each in coarse])
    np.testing.assert_allclose(gallery._coarse(up, 7), coarse, atol=1e-5)


def test_cams_are_each_class_s_surest_hit_and_miss(tmp_path):
    run = made_run.write(tmp_path / "run", count=40)
    answers = predictions.read_predictions(run / "predictions.csv")
    expected = set()
    predicted, confidence = answers.probabilities.argmax(1), answers.probabilities.max(1)
    for label in range(5):
        for hit in (True, False):
            members = [
                (confidence[k], answers.ids[k])
                for k in range(40)
                if answers.labels[k] == label and (predicted[k] == label) == hit
            ]
            expected |= {max(members)[1]} if members else set()
    assert {path.stem for path in (run / "cams").iterdir()} == expected
    assert (run / "figures" / "cams.png").is_file()


def test_a_run_on_background_alone(tmp_path):
    patches = made_run.make_patches(np.random.default_rng(0), 20, 64)
    patches = patches.select(patches.labels == 0)
    n = len(patches)
    blank = np.zeros((n, 64, 64), np.float32)
    gallery.write(tmp_path, patches, blank, np.full((n, 5), 0.2), np.full(n, np.nan), 2, "a run")
    assert not any(made_run.decoded(gallery.read(tmp_path)["patches"][0]["map"]))


def events(folder):
    """Events of a log: records of a length, its checksum, the message and that one's checksum."""
    for path in sorted(folder.iterdir()):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            yield Event.FromString(data[at + 12 : at + 12 + length])
            at += length + 16


def test_tensorboard_has_curves_figures_and_cams(tmp_path):
    run = made_run.write(tmp_path / "run", count=20)
    history = example()["history"]
    with tensorboard.logger(run / "tensorboard") as log:
        for row in history:
            log(row)
    tensorboard.add_pictures(run)
    values = [v for event in events(run / "tensorboard") for v in event.summary.value]
    losses = [v.simple_value for v in values if v.tag == "val/loss"]
    np.testing.assert_allclose(losses, [row["val_loss"] for row in history], rtol=1e-6)
    pictures = {v.tag: v.image for v in values if v.HasField("image")}
    assert "figures/cams" in pictures
    assert sum(tag.startswith("cams/") for tag in pictures) == len(list((run / "cams").iterdir()))
    for tag, image in pictures.items():
        png = np.frombuffer(image.encoded_image_string, np.uint8)
        shown, original = cv2.imdecode(png, 1), cv2.imread(str(run / f"{tag}.png"))
        assert shown.shape[1] == min(original.shape[1], tensorboard.WIDTH)
        assert abs(shown.mean() - original.mean()) < 1


@pytest.mark.parametrize("name", ["gallery.json", "predictions.csv"])
def test_a_damaged_file_is_named(tmp_path, name):
    run = made_run.write(tmp_path / "run", count=20)
    text = (run / name).read_text()
    (run / name).write_text(text[: len(text) // 2])
    with pytest.raises(UserError, match=name):
        html.write(run)
    assert not (run / "report.html").exists()
