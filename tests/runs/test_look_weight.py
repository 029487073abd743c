"""Runs with the localisation term, on data that it can or cannot learn from."""

import numpy as np
import pytest

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.config import resolve
from jaxcbis.data import exported, normalization
from jaxcbis.designs import BACKBONES, ResNetDesign
from jaxcbis.errors import UserError
from jaxcbis.machine import console
from jaxcbis.runs import inputs, record, train
from jaxcbis.training.batches import Splits
from jaxcbis.training.fit import fit
from tests import stripes

GIVEN = {
    "backbone": "tiny", "strategy": "s2", "weights": "random", "epochs": 1, "batch_size": 20,
    "image_size": stripes.SIZE, "look_weight": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return stripes.write(tmp_path_factory.mktemp("look") / "patches.npz")


def without_masks(whole, path, lacks):
    """The data of a file without the masks of some patches, told by split and number in it."""
    data = exported.load(whole, stripes.SIZE, "paper")
    for name, part in data.splits.items():
        part.masks[[lacks(name, i) for i in range(len(part))]] = False
    exported.save(path, data, "paper")
    return path


def told(capfd):
    """What was said since it was last asked for, in one line."""
    return " ".join(capfd.readouterr().out.split())


def test_lesions_without_a_mask_are_told(whole, tmp_path, capfd):
    path = without_masks(whole, tmp_path / "p.npz", lambda name, i: (name, i) == ("train", 1))
    data = exported.load(path, stripes.SIZE, "paper")
    config = resolve(GIVEN | {"data": str(path)})
    start = inputs.with_notes_on_masks(config, data, inputs.load_model(config))
    note = (
        "the localisation term leaves out 1 of 32 lesions of the train split: their masks are empty"
    )
    assert note in start.notes
    assert f"LOOK WEIGHT: {note}" in told(capfd)
    found = record.begin(config, data, start, 1, None)
    assert note in found["notes"]
    centred = "under the paper protocol lesions lie in the middle of their patches"
    assert [note for note in found["notes"] if note.startswith(centred)]
    inputs.show(config, data, start, found["data"])
    assert f"LOOK WEIGHT: {centred}" in told(capfd)
    shifted = resolve(GIVEN | {"data": str(path), "protocol": "shifted"})
    inputs.show(shifted, data, start, found["data"])
    assert "LOOK WEIGHT" not in told(capfd)
    plain = resolve(GIVEN | {"data": str(path), "look_weight": 0.0})
    start = inputs.with_notes_on_masks(plain, data, inputs.load_model(plain))
    begun = record.begin(plain, data, start, 1, None)
    assert not any("localisation" in note for note in begun["notes"])


def test_training_meets_the_masks_and_tells_both_parts(whole, tmp_path, capfd, monkeypatch):
    data = exported.load(whole, stripes.SIZE, "paper")
    config = resolve(GIVEN | {"data": str(whole), "output": str(tmp_path / "run")})
    model = inputs.load_model(config).model
    statistics = normalization.measure(data.splits["train"].images, data.splits["train"].labels)
    given = []

    def watched(*arguments):
        given.extend(arguments)
        return fit(*arguments)

    monkeypatch.setattr(train, "fit", watched)
    with console.telling(console.Level.VERBOSE):
        progress = train.train(config, model, data, statistics, lambda row: None, None).progress
    said = told(capfd)
    for row in progress.history:
        parts = row["val_cross_entropy"], row["val_look"]
        assert f"cross-entropy {parts[0]:.4f}, look {parts[1]:.4f}, " in said
    (splits,) = [argument for argument in given if isinstance(argument, Splits)]
    square = np.zeros((4, 4))
    square[1:3, 1:3] = 1
    for split in splits[:2]:
        lesions = split.labels > 0
        assert (split.targets[lesions] == square).all()
        assert not split.targets[~lesions].any()


@pytest.mark.parametrize("split", ["train", "validation"])
def test_data_without_masks_are_refused(whole, tmp_path, refused_here, split):
    """Before there is a run, so that its folder can be given again."""
    data = without_masks(whole, tmp_path / "p.npz", lambda name, i: name == split)
    given = GIVEN | {"data": data, "output": tmp_path / "run"}
    words = [word for key, value in given.items() for word in (f"--{key.replace('_', '-')}", value)]
    said = refused_here("train", *words)
    assert f"--look-weight 0.5: no lesion of the {split} split has a mask" in said
    assert not (tmp_path / "run" / "results.json").exists()


def test_maps_of_one_cell_are_refused(monkeypatch):
    deep = ResNetDesign((1, 1, 1, 1), convolutions=2, widths=(4, 4, 4, 4), stem=4)
    monkeypatch.setitem(BACKBONES, "deep", deep)

    def start(**given):
        config = resolve({"backbone": "deep", "weights": "random", "data": "p.npz"} | given)
        return inputs.load_model(config)

    with pytest.raises(UserError, match="deep's maps have one cell at --image-size 32"):
        start(image_size=32, look_weight=1.0)
    start(image_size=32)
    start(image_size=33, look_weight=1.0)
    start(image_size=32, look_weight=1.0, output_stride=16)
