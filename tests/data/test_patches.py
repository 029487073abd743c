"""Patches from records, and the file that carries them elsewhere."""

import numpy as np
import pytest

from jaxcbis.data import patches
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.errors import UserError

SIZE = 8


def split(count: int, seed: int) -> Patches:
    rng = np.random.default_rng(seed)
    return Patches(
        rng.integers(0, 256, (count, SIZE, SIZE), np.uint8),
        rng.random((count, SIZE, SIZE)) > 0.5,
        rng.integers(0, 5, count).astype(np.int32),
        np.array([f"lesion-{seed}-{i}" for i in range(count)]),
        np.array([f"P_{i % 3}" for i in range(count)]),
        rng.integers(1, 999, (count, 2)).astype(np.int32),
    )


@pytest.fixture
def dataset():
    splits = {name: split(4 + i, i) for i, name in enumerate(patches.SPLITS)}
    return Dataset(splits, "there", "some data", [{"id": "x", "reason": "mask empty"}])


def test_a_saved_dataset_is_read_back_whole(dataset, tmp_path):
    patches.save(tmp_path / "new" / "p.npz", dataset, "paper")
    again = patches.load(tmp_path / "new" / "p.npz", SIZE, "paper")
    assert again[1:] == dataset[1:]
    for name in patches.SPLITS:
        pairs = zip(again.splits[name].arrays(), dataset.splits[name].arrays(), strict=True)
        for ours, theirs in pairs:
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)


def rewrite(path, **changes):
    with np.load(path) as file:
        fields = {key: file[key] for key in file.files} | changes
    np.savez(path, **{key: value for key, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"masks": None}, "lacks masks"),
        ({"label_names": np.array(["cat", "dog"])}, "classes"),
        ({"labels": np.zeros(3, np.int32)}, "differ in length"),
        ({"images": np.zeros((15, SIZE, SIZE), np.float32)}, "expected uint8"),
        ({"protocol": np.array("clean")}, "cut by protocol clean"),
    ],
)
def test_another_file_is_refused(dataset, tmp_path, changes, said):
    path = tmp_path / "p.npz"
    patches.save(path, dataset, "paper")
    rewrite(path, **changes)
    with pytest.raises(UserError, match=said):
        patches.load(path, SIZE, "paper")


def test_patches_of_another_size_are_refused(dataset, tmp_path):
    patches.save(tmp_path / "p.npz", dataset, "paper")
    with pytest.raises(UserError, match="--image-size"):
        patches.load(tmp_path / "p.npz", 2 * SIZE, "paper")


def test_a_damaged_file_is_refused(dataset, tmp_path):
    path = tmp_path / "p.npz"
    patches.save(path, dataset, "paper")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="not a readable"):
        patches.load(path, SIZE, "paper")


def test_records_are_stretched_and_ordered_by_id():
    def record(name, height, width):
        image = np.full((height, width, 1), 9, np.uint8)
        mask = np.zeros_like(image)
        mask[: height // 2] = 255
        return {"image": image, "mask": mask, "label": 2, "id": name.encode(), "patient_id": "P"}

    found = patches.from_records([record("b", 20, 10), record("a", 4, 30)], SIZE)
    assert list(found.ids) == ["a", "b"]
    assert (found.images == 9).all()
    np.testing.assert_array_equal(found.masks[:, : SIZE // 2], True)
    np.testing.assert_array_equal(found.masks[:, SIZE // 2 :], False)


def test_shrinking_averages():
    checkers = (np.indices((16, 16)).sum(0) % 2 * 200).astype(np.uint8)
    assert (patches.resize(checkers, 8) == 100).all()


def test_the_side_of_lesions_is_the_median_root_of_their_area():
    found = split(4, 0)
    found.labels[:] = (0, 1, 2, 4)
    found.sizes[:] = ((500, 500), (10, 40), (30, 30), (90, 40))
    assert patches.lesion_side(found) == 30
    found.sizes[2] = 0
    assert patches.lesion_side(found) is None
    assert patches.lesion_side(found.select(found.labels == 0)) is None
