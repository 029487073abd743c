"""Whole mammograms as arrays, the official split without shared patients, and the command."""

import json

import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.data import mammograms
from jaxcbis.data.patches import OVERLAP, SPLITS
from jaxcbis.errors import UserError
from tests.tfds_cbis.toy_release import ToyRelease, mask
from tests.tfds_cbis.whole_film import breast_film

SIZE = (96, 64)
SHAPE = (240, 200)
FILES = {"image/1-1.jpg": breast_film(*SHAPE)[0], "mask/1-1.jpg": mask(SHAPE, 20, 100, 50, 120)}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Ten patients in train and five in test, one of them in both; both views of each breast."""
    toy = ToyRelease(tmp_path_factory.mktemp("toy") / "release")
    for number in range(15):
        pathology = "MALIGNANT" if number % 2 else "BENIGN"
        for view in ("CC", "MLO"):
            toy.add(
                files=FILES, patient=f"P_{min(number, 13):02}", view=view, pathology=pathology,
                split="train" if number < 10 else "test", side="RIGHT" if number == 14 else "LEFT",
            )  # fmt: skip
    for view in ("CC", "MLO"):
        toy.add(
            files=FILES, patient="P_03", view=view, split="test", kind="calc",
            pathology="BENIGN_WITHOUT_CALLBACK",
        )  # fmt: skip
    return toy.write()


@pytest.fixture(scope="module")
def found(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return mammograms.load(str(release), str(folder), *SIZE), folder


def test_no_patient_is_on_two_sides(found):
    splits = found[0].splits
    assert set(splits) == {*SPLITS, OVERLAP}
    patients = [set(splits[name].patients) for name in SPLITS]
    assert len(set.union(*patients)) == sum(map(len, patients)) == 14
    assert set(splits[OVERLAP].patients) == {"P_03"}
    assert {name: len(part) for name, part in splits.items()} == {
        "train": 16, "validation": 4, "test": 10, "test_overlap": 2
    }  # fmt: skip
    for part in splits.values():
        assert list(part.ids) == sorted(part.ids)
        assert part.ids.dtype.kind == part.patients.dtype.kind == "U"


def test_arrays_are_what_was_drawn(found):
    test = found[0].splits["test"]
    assert test.images.shape == test.masks.shape == test.malignant_masks.shape == (10, *SIZE)
    assert [test.images.dtype, test.labels.dtype] == [np.uint8, np.int32]
    assert test.masks.dtype == test.malignant_masks.dtype == bool
    assert test.masks.any((1, 2)).all()
    np.testing.assert_array_equal(test.malignant_masks.any((1, 2)), test.labels == 1)
    np.testing.assert_array_equal(
        test.malignant_masks, test.masks & (test.labels == 1)[:, None, None]
    )
    assert (test.images[test.masks] > 20).all()
    assert test.boxes.dtype == np.int32
    assert test.flipped.dtype == test.masked.dtype == bool
    assert test.masked.all()
    assert not test.flipped.any()
    assert set(test.sides) == {"LEFT", "RIGHT"}
    assert set(test.views) == {"CC", "MLO"}
    for name, side, view in zip(test.ids, test.sides, test.views, strict=True):
        assert name.endswith(f"_{side}_{view}")


def test_views_are_selected_together(found):
    test = found[0].splits["test"]
    few = test.select(test.views == "CC")
    assert len(few) == 5
    assert all(name.endswith("CC") for name in few.ids)
    again = test.select(np.array([3, 1]))
    for name, whole in vars(test).items():
        np.testing.assert_array_equal(getattr(again, name), whole[[3, 1]])


def test_the_picture_from_a_file_is_cut_alike(found):
    """`explain` cuts what it is given by the function that prepares a release."""
    test = found[0].splits["test"]
    film = breast_film(*SHAPE)[0]
    cut = mammograms.cut(film, *SIZE)
    assert cut.image.shape == SIZE
    np.testing.assert_allclose(cut.box, test.boxes[0], atol=1)  # that one was a JPEG
    assert np.abs(cut.image.astype(int) - test.images[0]).mean() < 3


def test_it_is_described_for_the_results(found):
    facts = mammograms.describe(found[0])
    assert list(facts) == ["source", "name", "splits", "dropped", "assumed", "leakage"]
    assert facts["splits"]["test"] == {"total": 10, "malignant": 4, "patients": 4}
    assert facts["leakage"] == {"patients_in_train_and_test": 1, "test_items_affected": 2}
    assert facts["name"] == "CBIS-DDSM"
    assert json.loads(json.dumps(facts)) == facts


def test_given_patients_validate(release, found):
    def validating(held_out):
        parts = mammograms.load(str(release), str(found[1]), *SIZE, held_out=held_out).splits
        assert not set(parts["train"].patients) & set(parts["validation"].patients)
        return set(parts["validation"].patients)

    assert validating({"P_02", "P_03", "P_07", "of another release"}) == {"P_02", "P_03", "P_07"}
    drawn = set(found[0].splits["validation"].patients)
    assert validating({"of another release"}) == drawn
    assert validating({"P_02", "P_04"}) == drawn, "they are all benign"


def test_notes_tell_of_what_is_enlarged_and_twice(release, found, tmp_path):
    assert not any("enlarged" in note for note in found[0].notes)
    larger = mammograms.load(str(release), str(tmp_path), 320, 256)
    assert any("32 of 32 mammograms are enlarged to 320 x 256" in note for note in larger.notes)
    toy = ToyRelease(tmp_path / "release")
    for kind in ("mass", "calc"):
        toy.add(files=FILES, kind=kind)
    twice = mammograms.load(str(toy.write()), str(tmp_path / "data"), *SIZE)
    assert any(
        note.startswith("Mammograms in both the mass and the calcification files: 1;")
        for note in twice.notes
    )
    assert len(twice.splits["train"]) + len(twice.splits["validation"]) == 1


def test_an_empty_split_is_the_users_to_mend(tmp_path):
    toy = ToyRelease(tmp_path / "release")
    for number in range(4):
        toy.add(files=FILES, patient=f"P_{number}", split="test")
    where = str(toy.write()), str(tmp_path / "data")
    found = mammograms.load(*where, *SIZE)
    assert len(found.splits["test"]) == 4
    with pytest.raises(UserError, match="release: no mammograms in the train split; check"):
        mammograms.require_all_splits(found)


def test_the_demo_set_has_whole_mammograms(demo_dir):
    demo = mammograms.load(None, str(demo_dir), *SIZE)
    assert demo.source == "demo"
    assert all(set(demo.splits[name].labels) == {0, 1} for name in SPLITS)
    sides, flipped = demo.splits["train"].sides, demo.splits["train"].flipped
    np.testing.assert_array_equal(flipped, sides == "RIGHT")


def test_the_command_counts_and_tells_what_it_lacks(found, release, capfd):
    words = ["prepare", "--mammograms", "--height", "96", "--width", "64", "--windows", "2"]
    words += ["--data", str(release), "--data-dir", str(found[1])]
    assert main(words) == 0
    out, _ = capfd.readouterr()
    assert "Whole mammograms, 96 x 64" in out
    rows = {words[0]: words[1:] for line in out.splitlines() if len(words := line.split()) == 4}
    assert rows["test"] == ["10", "4", "4"]
    assert rows["test_overlap"] == ["2", "2", "1"]  # by what is known of them in train
    assert "Patients on both sides of the official split: 1" in out
    assert "--windows 2 is not used: with --mammograms no patches are cut" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--mammograms", "--height", "100"],
            "--height 100: expected a multiple of 32, such as 96",
        ),
        (["--mammograms", "--width", "32"], "--width 32: expected a number from 64 to 4096"),
        (["--height", "96"], "--height 96: counts only with --mammograms"),
        (["--mammograms", "--data", "x.npz"], "--data x.npz: holds patches"),
        (["--mammograms", "--export", "x.npz"], "--export x.npz: takes patches"),
        (["--mammograms", "--data", "nowhere"], "nowhere"),
    ],
)
def test_what_the_command_refuses(refused_here, tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    assert line in refused_here("prepare", "--data-dir", tmp_path, *words)
