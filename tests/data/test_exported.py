"""The file that carries patches elsewhere."""

import numpy as np
import pytest

from jaxcbis.data import exported
from jaxcbis.data.patches import SPLITS, Dataset, Patches
from jaxcbis.errors import UserError

SIZE = 8


def split(count: int, seed: int) -> Patches:
    rng = np.random.default_rng(seed)
    images, masks = (
        rng.integers(0, 256, (count, SIZE, SIZE), np.uint8),
        rng.random((count, SIZE, SIZE)),
    )
    labels = rng.integers(0, 5, count).astype(np.int32)
    return Patches(
        images,
        (masks > 0.5) & (labels > 0)[:, None, None],
        labels,
        np.array([f"lesion-{seed}-{i}" for i in range(count)]),
        np.array([f"P_{i % 3}" for i in range(count)]),
        rng.integers(1, 999, (count, 2)).astype(np.int32),
    )


@pytest.fixture
def dataset():
    splits = {name: split(4 + i, i) for i, name in enumerate(SPLITS)}
    dropped, short = [{"id": "x", "reason": "mask empty"}], [{"id": "y", "reason": "narrow"}]
    assumed = [{"id": "z", "reason": "taken as 12 bit"}]
    notes = ["found in a/b"]
    return Dataset(splits, "there", "some data", dropped, short, assumed, notes)


def test_a_saved_dataset_is_read_back_whole(dataset, tmp_path):
    exported.save(tmp_path / "new" / "p.npz", dataset, "paper")
    again = exported.load(tmp_path / "new" / "p.npz", SIZE, "paper")
    assert again[1:] == dataset[1:]
    for name in SPLITS:
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
        ({"label_names": np.array("cat")}, "classes cat, expected"),
        ({"labels": np.zeros(3, np.int32)}, "differ in length"),
        ({"patients": np.zeros((15, 2), int)}, "differ in length"),
        ({"sizes": np.zeros(15)}, r"sizes are float64 \[15\], expected numbers \[n, 2\]"),
        ({"short_ids": np.array("a")}, "short_ids and short_reasons are .* of one length"),
        ({"images": np.zeros((15, SIZE, SIZE), np.float32)}, "expected uint8"),
        ({"masks": np.ones((15, SIZE, SIZE), np.float32)}, "masks are float32 .* expected 0 and 1"),
        ({"labels": np.full(15, 5)}, "labels are not all whole numbers from 0 to 4"),
        ({"patients": np.arange(15) / 2}, "patients are float64, expected text or whole"),
        ({"ids": np.full(15, "a")}, "id 'a' stands twice in t.*: give each patch its own"),
        ({"splits": np.full(15, "train set")}, "split 'train set': expected one of train, "),
        (
            {"protocol": np.array("clean")},
            "export again with --protocol paper, or train with --protocol clean",
        ),
    ],
)
def test_another_file_is_refused(dataset, tmp_path, changes, said):
    path = tmp_path / "p.npz"
    exported.save(path, dataset, "paper")
    rewrite(path, **changes)
    with pytest.raises(UserError, match=said):
        exported.load(path, SIZE, "paper")


def test_patches_of_another_size_are_refused(dataset, tmp_path):
    exported.save(tmp_path / "p.npz", dataset, "paper")
    with pytest.raises(
        UserError,
        match=f"export again with --image-size {2 * SIZE}, or train with --image-size {SIZE}",
    ):
        exported.load(tmp_path / "p.npz", 2 * SIZE, "paper")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {"protocol": "clean", "image_size": SIZE}),
        ({"protocol": "paper"}, {"image_size": SIZE}),
        ({"protocol": "clean", "image_size": 64}, {}),
    ],
)
def test_what_is_not_given_is_the_files_own(dataset, tmp_path, given, found):
    path = tmp_path / "p.npz"
    exported.save(path, dataset, "clean")
    assert exported.options_of_file({"data": str(path)} | given) == found


@pytest.mark.parametrize("data", [None, "release", "nowhere.npz"])
def test_other_data_have_no_options_of_their_own(data):
    assert exported.options_of_file({"data": data}) == {}


@pytest.mark.parametrize(
    ("content", "said"), [(b"no archive", "not a readable"), (None, "lacks ids, images, label")]
)
def test_a_file_of_another_kind_is_refused_at_first_sight(tmp_path, content, said):
    path = tmp_path / "p.npz"
    np.savez(path, some=np.ones(3))
    if content:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"--data {path}: {said}"):
        exported.options_of_file({"data": path})


def test_a_damaged_file_is_refused(dataset, tmp_path):
    path = tmp_path / "p.npz"
    exported.save(path, dataset, "paper")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="not a readable"):
        exported.load(path, SIZE, "paper")


def test_fields_of_other_names_are_not_read(dataset, tmp_path):
    """Not even what could not be read without running it."""
    exported.save(tmp_path / "p.npz", dataset, "paper")
    rewrite(tmp_path / "p.npz", extra=np.array([{}]), notes=np.array("one"))
    assert exported.load(tmp_path / "p.npz", SIZE, "paper").notes == ["one"]


def test_a_mask_of_background_is_left_out_and_told(dataset, tmp_path):
    exported.save(tmp_path / "p.npz", dataset, "paper")
    rewrite(tmp_path / "p.npz", masks=np.ones((15, SIZE, SIZE), np.uint8))
    again = exported.load(tmp_path / "p.npz", SIZE, "paper")
    labels = np.concatenate([again.splits[name].labels for name in SPLITS])
    masks = np.concatenate([again.splits[name].masks for name in SPLITS])
    np.testing.assert_array_equal(masks.all((1, 2)), labels > 0)
    assert again.notes == [
        *dataset.notes,
        f"{(labels == 0).sum()} masks of BACKGROUND were not empty and are left out",
    ]
    assert (labels == 0).any()


@pytest.mark.parametrize("kind", [np.int64, "S"])
def test_patients_and_ids_are_names_numbers_or_bytes(dataset, tmp_path, kind):
    exported.save(tmp_path / "p.npz", dataset, "paper")
    rewrite(tmp_path / "p.npz", patients=np.arange(15).astype(kind), ids=np.arange(15).astype(kind))
    test = exported.load(tmp_path / "p.npz", SIZE, "paper").splits["test"]
    assert test.patients.tolist() == test.ids.tolist() == [str(i) for i in range(9, 15)]
    assert test.patients.dtype.kind == "U"
