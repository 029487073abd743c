"""A prepared data set as arrays, and what `tfds_cbis` says as the program says it."""

import numpy as np
import pytest

import jaxcbis.labels
import tfds_cbis.labels
from jaxcbis.commands.main import main
from jaxcbis.config import resolve
from jaxcbis.data import exported, loading, patches, prepared
from jaxcbis.errors import UserError
from tests.tfds_cbis.toy_release import ToyRelease, film, mask

SIZE = 8
MASK = mask((120, 100), 40, 50, 55, 65)


def test_records_are_stretched_and_ordered_by_id():
    def record(name, height, width, window):
        image = np.full((height, width, 1), 9, np.uint8)
        mask = np.zeros_like(image)
        mask[: height // 2] = 255
        names = {"id": name.encode(), "patient_id": "P"}
        return {"image": image, "mask": mask, "label": 2, "window": window} | names

    records = [record("b", 20, 10, 1), record("a", 4, 30, 2)]
    found, windows = prepared.from_records(records, SIZE)
    assert list(windows) == [2, 1]
    assert list(found.ids) == ["a", "b"]
    assert (found.images == 9).all()
    np.testing.assert_array_equal(found.masks[:, : SIZE // 2], True)
    np.testing.assert_array_equal(found.masks[:, SIZE // 2 :], False)


def test_the_labels_are_those_of_the_data_set():
    for name in ("LABELS", "BACKGROUND", "SUFFIXES"):
        assert getattr(jaxcbis.labels, name) == getattr(tfds_cbis.labels, name)


def test_a_release_that_cannot_be_used_is_the_users_fault(tmp_path):
    with pytest.raises(UserError, match="does not exist; give"):
        loading.load(resolve({"data": str(tmp_path / "nowhere"), "data_dir": str(tmp_path)}))


def test_a_release_is_split_and_says_what_it_lacks(tmp_path):
    toy = ToyRelease(tmp_path / "release")
    files = {"image/1-1.jpg": film(), "mask/1-1.jpg": mask((120, 100), 20, 30, 60, 80)}
    for number in range(4):
        toy.add(files=files, patient=f"P_{number}")
    toy.add(files=files, patient="P_9", split="test")
    toy.add(files=files, patient="P_3", split="test")
    lost = toy.add(files={"image/1-1.jpg": film()}, patient="P_8", split="test")
    given = {"data": str(toy.write()), "data_dir": str(tmp_path), "protocol": "clean"}
    dataset = loading.load(resolve(given))
    counts = {name: len(part) for name, part in dataset.splits.items()}
    assert counts == {"train": 3, "validation": 1, "test": 1, "test_overlap": 1}
    assert list(dataset.splits["test_overlap"].patients) == ["P_3"]
    assert dataset.source == str(toy.folder)
    assert lost in [item["id"] for item in dataset.dropped]
    (note,) = dataset.notes
    assert note.startswith("the release lacks calc_case_description_train_set.csv, calc_case_")


def test_all_windows_train_and_first_ones_validate(tmp_path):
    toy = ToyRelease(tmp_path / "release")
    shape = (240, 200)
    files = {"image/1-1.jpg": film(*shape), "mask/1-1.jpg": mask(shape, 90, 100, 120, 130)}
    for number in range(12):
        toy.add(files=files, patient=f"P_{number}", split="train" if number < 8 else "test")
    toy.add(files=files, patient="P_0", split="test")
    given = {"data": str(toy.write()), "data_dir": str(tmp_path), "protocol": "shifted"}
    loaded = {k: loading.load(resolve(given | {"windows": k, "image_size": 32})) for k in (1, 3)}
    for dataset in loaded.values():
        train, validation, test = (dataset.splits[name] for name in patches.SPLITS)
        sides = [set(part.patients) for part in (train, validation, test)]
        assert len(set.union(*sides)) == sum(map(len, sides)) > 10
        assert set(dataset.splits[patches.OVERLAP].patients) == {"P_0"}
        assert not any("_window_" in name for name in (*validation.ids, *test.ids))
    one, three = (loaded[k].splits for k in (1, 3))
    for name in ("validation", "test"):
        for array, same in zip(one[name].arrays(), three[name].arrays(), strict=True):
            np.testing.assert_array_equal(array, same)
    assert len(three["train"]) == 3 * len(one["train"])
    first = np.isin(three["train"].ids, one["train"].ids)
    np.testing.assert_array_equal(three["train"].images[first], one["train"].images)


def test_the_file_of_windows_is_read_back_with_what_falls_short(tmp_path):
    """The one window on each lesion of a pair shows the other one."""
    toy = ToyRelease(tmp_path / "release")
    whole = film()
    for number in range(9):
        where = {"patient": f"P_{number}", "split": "train" if number < 6 else "test"}
        toy.add(files={"image/1-1.jpg": whole, "mask/1-1.jpg": MASK}, **where)
    toy.add(files={"mask/1-1.jpg": MASK}, patient="P_8", split="test", number=2)
    where = {"data": toy.write(), "data-dir": tmp_path, "protocol": "shifted", "windows": 2}
    file = tmp_path / "p.npz"
    words = [str(word) for key, value in where.items() for word in (f"--{key}", value)]
    assert main(["prepare", *words, "--image-size", "32", "--export", str(file), "--quiet"]) == 0
    options = resolve({"data": str(file), "protocol": "shifted", "image_size": 32})
    assert options.windows is None
    got = loading.load(options)
    expected = loading.load(
        resolve(
            {"data": str(toy.folder), "data_dir": str(tmp_path), "protocol": "shifted"}
            | {"windows": 2, "image_size": 32}
        )
    )
    assert [item["reason"] for item in got.short] == 2 * ["another lesion"]
    assert got[2:] == expected[2:]
    for name, part in expected.splits.items():
        for array, wanted in zip(got.splits[name].arrays(), part.arrays(), strict=True):
            np.testing.assert_array_equal(array, wanted)


def test_the_command_exports_what_a_run_would_read(demo_dir, tmp_path):
    file = tmp_path / "patches.npz"
    words = ("prepare", "--data-dir", demo_dir, "--image-size", 32, "--export", file, "--quiet")
    assert main([*map(str, words)]) == 0
    got = exported.load(file, 32, "paper")
    expected = loading.load(resolve({"data_dir": str(demo_dir), "image_size": 32}))
    assert got.dropped == expected.dropped
    for name, part in expected.splits.items():
        for array, wanted in zip(got.splits[name].arrays(), part.arrays(), strict=True):
            np.testing.assert_array_equal(array, wanted)
