"""Patches of one's own: what may be saved, what may not, and that the program trains on them."""

import contextlib
import json

import numpy as np
import pytest

import jaxcbis
from jaxcbis.data import exported
from jaxcbis.data.patches import SPLITS
from jaxcbis.errors import InvalidValueError
from tests import tiny, tiny_run

SIZE = tiny.SIZE
COUNT = 60


def fields(**changes):
    """Two classes of 30 patients with two patches each, of several sizes, with masks."""
    rng = np.random.default_rng(0)
    shapes = [(40 + i % 3, 36) for i in range(COUNT)]
    masks = [np.zeros(shape, bool) for shape in shapes]
    for mask in masks:
        mask[10:30, 8:28] = True
    labels = ["BENIGN_Mass" if i % 4 < 2 else "MALIGNANT_Mass" for i in range(COUNT)]
    images = [rng.integers(0, 150, shape).astype(np.uint8) for shape in shapes]
    for image, mask, label in zip(images, masks, labels, strict=True):
        image[mask] += 100 if label == "MALIGNANT_Mass" else 0
    groups = [i // 2 for i in range(COUNT)]
    found = {"images": images, "labels": labels, "groups": groups, "masks": masks,
             "image_size": SIZE}  # fmt: skip
    return {key: value for key, value in (found | changes).items() if value is not None}


def test_splits_are_drawn_by_group_and_always_the_same(tmp_path):
    for name in "ab":
        jaxcbis.save_patches(tmp_path / f"{name}.npz", **fields())
    data, again = (exported.load(tmp_path / f"{name}.npz", SIZE, "clean") for name in "ab")
    sizes = {name: len(data.splits[name]) for name in SPLITS}
    assert sum(sizes.values()) == COUNT
    assert 6 <= sizes["test"] <= 12
    assert 4 <= sizes["validation"] <= 12
    patients = [set(data.splits[name].patients) for name in SPLITS]
    assert not patients[0] & patients[1]
    assert not patients[0] & patients[2]
    assert not patients[1] & patients[2]
    for name in SPLITS:
        assert set(data.splits[name].labels) == {2, 4}
        np.testing.assert_array_equal(data.splits[name].ids, again.splits[name].ids)
        assert 0.2 < data.splits[name].masks.mean() < 0.4


def test_splits_may_be_given(tmp_path):
    sides = np.array(["train", "validation", "test"])[np.arange(COUNT) // 20]
    path = jaxcbis.save_patches(
        tmp_path / "a.npz", **fields(splits=sides, masks=None, ids=[f"x{i}" for i in range(COUNT)])
    )
    data = exported.load(path, SIZE, "clean")
    assert [len(data.splits[name]) for name in SPLITS] == [20, 20, 20]
    assert data.splits["train"].ids[0] == "x0"
    assert not data.splits["test"].masks.any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"labels": ["BENIGN_Mas"] * COUNT},
            "'BENIGN_Mas' is none of BACKGROUND, .*; did you mean",
        ),
        ({"labels": ["cat"] * COUNT}, "'cat' is none of BACKGROUND"),
        ({"labels": np.full(COUNT, 5)}, "labels are not all whole numbers from 0 to 4"),
        ({"labels": np.full(COUNT, 2.0)}, "2.0 is none of BACKGROUND"),
        ({"labels": [2] * 3}, r"labels \[3\]: expected one for each of 60 images"),
        ({"groups": [float("nan")] * COUNT}, "groups: nan is neither text nor a whole number"),
        ({"groups": [[1]] * COUNT}, r"groups \[60, 1\]: expected one for each"),
        ({"masks": [np.zeros((3, 3))] * COUNT}, r"mask 0: float64 \[3, 3\], expected .*\[40, 36\]"),
        ({"masks": [np.zeros((40, 36))]}, "masks: 1 for 60 images"),
        ({"labels": ["BACKGROUND"] * COUNT}, "a mask of BACKGROUND is not 0 everywhere"),
        ({"splits": ["train"] * COUNT}, "no patch is in validation"),
        ({"splits": ["dev"] * COUNT}, "split 'dev': expected one of train, validation, test"),
        ({"splits": ["train", "test"] * 30}, "group '0' is in train and in test: only the paper"),
        ({"groups": [0] * COUNT}, "no patch is in .*; give splits=, or more groups"),
        ({"ids": ["a"] * COUNT}, "id 'a' stands twice in t.*: give each patch its own"),
        ({"protocol": "cleen"}, "protocol 'cleen': expected one of paper, clean, shifted"),
        ({"image_size": 8}, "image_size 8: expected a whole number from 32 to 512"),
        ({"image_size": "64"}, "image_size '64': expected a whole number"),
        ({"images": np.zeros((40, 36))}, "images: expected a list of pictures"),
        ({"images": [np.full((40, 36), 2.0)]}, "image 0: floats from 2 to 2: expected 0 to 1"),
    ],
)
def test_what_breaks_the_contract_is_told_in_one_line(changes, said, tmp_path):
    with pytest.raises(InvalidValueError, match=said) as caught:
        jaxcbis.save_patches(tmp_path / "a.npz", **fields(**changes))
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "a.npz").exists()
    with pytest.raises(InvalidValueError, match=r"expected a name that ends in .npz"):
        jaxcbis.save_patches(tmp_path / "a.zip", **fields())


def test_the_paper_s_protocol_mixes_patients(tmp_path):
    sides = ["train", "test"] * 29 + ["train", "validation"]
    path = jaxcbis.save_patches(tmp_path / "a.npz", **fields(splits=sides, protocol="paper"))
    assert len(exported.load(path, SIZE, "paper").splits["test"]) == 29


@pytest.mark.parametrize("masks", [True, False])
def test_a_run_on_two_classes_of_one_s_own_trains_evaluates_and_reports(masks, tmp_path, capsys):
    """With masks the whole report; without, no figure of where the model looks."""
    changes = {} if masks else {"masks": None}
    path = jaxcbis.save_patches(tmp_path / "own.npz", **fields(**changes))
    with contextlib.nullcontext() if masks else tiny_run.no_reports():
        run = jaxcbis.train(
            "tiny", "s2", path, protocol="clean", image_size=SIZE, epochs=2, weights="random",
            output=tmp_path / "run", quiet=masks,
        )  # fmt: skip
    told = capsys.readouterr().out
    assert (told == "") == masks
    assert run.results["data"]["name"] == "own"
    assert run.evaluate() == run.results["test"]
    evaluated = run.evaluate(path)
    assert evaluated["n"] == run.results["test"]["n"]
    assert evaluated["confusion"] == run.results["test"]["confusion"]
    assert evaluated["per_class"]["BACKGROUND"]["recall"] is None
    located = run.results["localization"]
    assert (located["ll_score"] is not None) == (masks and located["n_scored"] > 0)
    page = run.report()
    assert page == tmp_path / "run" / "report.html"
    assert "MALIGNANT_Mass" in page.read_text()
    assert json.loads((tmp_path / "run" / "results.json").read_text())["status"] == "finished"
    with pytest.raises(jaxcbis.UserError, match="holds a finished run"):
        jaxcbis.train("tiny", data=path, protocol="clean", image_size=SIZE, output=tmp_path / "run")
