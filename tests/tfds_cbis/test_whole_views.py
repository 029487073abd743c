"""Whole mammograms of a release: which there are, what is known of them, and their examples."""

from collections import Counter

import numpy as np
import pytest

from tests.tfds_cbis.reading import with_arrays
from tests.tfds_cbis.toy_release import mask
from tests.tfds_cbis.whole_film import breast_film
from tfds_cbis import whole_views
from tfds_cbis.errors import CbisError
from tfds_cbis.release.cases import CSV_NAMES, SPLITS, TYPES
from tfds_cbis.release.faults import distinct
from tfds_cbis.release.files import Release
from tfds_cbis.release.rows import parse

FILM, _ = breast_film(240, 200)
SHAPE = FILM.shape
#: Squares in the breast, apart from each other.
FIRST, SECOND = mask(SHAPE, 20, 100, 40, 120), mask(SHAPE, 60, 100, 90, 130)
SIZE = (96, 64)


def make(folder) -> tuple[dict[str, dict], list[dict], list[dict]]:
    """Examples by id, what was dropped and what was assumed."""
    examples, assumed = {}, []
    with Release(folder) as release:
        lesions, dropped = release.lesions()
        jobs, lost = whole_views.plan(lesions)
        dropped += lost
        for split in sorted({job.view.split for job in jobs}):
            of_split = [job for job in jobs if job.view.split == split]
            for found in whole_views.make_split(release, of_split, *SIZE, mapper=map):
                examples |= {each["id"]: with_arrays(each) for each in found.examples}
                dropped += found.dropped
                assumed += found.assumed
    return examples, dropped, assumed


def view_id(lesion: str) -> str:
    return lesion.rpartition("_")[0]


def test_masks_are_the_union_of_the_lesions_and_of_the_malignant_ones(toy):
    toy.add(files={"image/1-1.jpg": FILM, "mask/1-1.jpg": FIRST})
    bad = toy.add(files={"mask/1-1.jpg": SECOND}, number=2, pathology="MALIGNANT")
    examples, dropped, assumed = make(toy.write())
    assert not dropped
    assert not assumed
    (example,) = examples.values()
    assert example["id"] == view_id(bad)
    assert example["label"] == whole_views.LABELS.index("MALIGNANT") == 1
    assert example["masked"]
    assert not example["flipped"]
    assert [example[key] for key in ("patient_id", "side", "view")] == ["P_00001", "LEFT", "CC"]
    x0, y0, _, y1 = example["box"]
    scale = SIZE[0] / (y1 - y0)

    def covered(*boxes) -> np.ndarray:
        inside = np.zeros(SIZE, bool)
        for box in boxes:
            placed = (np.array(box) - [x0, y0, x0, y0]) * scale
            left, top, right, bottom = np.rint(placed).astype(int)
            inside[top:bottom, left:right] = True
        return inside

    one, two = (20, 100, 40, 120), (60, 100, 90, 130)
    for key, boxes in (("mask", (one, two)), ("malignant_mask", (two,))):
        assert set(np.unique(example[key])) == {0, 255}
        found, wanted = example[key] > 0, covered(*boxes)
        assert (found & wanted).sum() / (found | wanted).sum() > 0.8


@pytest.mark.parametrize(
    ("pathologies", "label"),
    [
        (["BENIGN"], 0),
        (["BENIGN_WITHOUT_CALLBACK"], 0),
        (["BENIGN_WITHOUT_CALLBACK", "MALIGNANT"], 1),
        (["BENIGN", "UNPROVEN"], None),
        (["MALIGNANT", "UNPROVEN"], 1),
    ],
)
def test_a_view_is_malignant_if_any_lesion_is(toy, pathologies, label):
    for number, (pathology, drawn) in enumerate(zip(pathologies, (FIRST, SECOND), strict=False), 1):
        image = {"image/1-1.jpg": FILM} if number == 1 else {}
        name = toy.add(pathology=pathology, number=number, files=image | {"mask/1-1.jpg": drawn})
    toy.add(patient="P_2", files={"image/1-1.jpg": FILM, "mask/1-1.jpg": FIRST})
    examples, dropped, _ = make(toy.write())
    if label is None:
        assert view_id(name) not in examples
        (item,) = dropped
        assert item["id"] == view_id(name)
        assert "whether it is malignant is not known" in item["reason"]
        assert "UNPROVEN" in item["reason"]
    else:
        assert not dropped
        assert examples[view_id(name)]["label"] == label
        assert bool(examples[view_id(name)]["malignant_mask"].any()) == bool(label)


def test_a_row_with_a_fault_leaves_a_benign_view_in_doubt(toy):
    files = {"image/1-1.jpg": FILM, "mask/1-1.jpg": FIRST}
    benign = toy.add(files=files)
    malignant = toy.add(files=files, patient="P_2", pathology="MALIGNANT")
    for patient in ("P_00001", "P_2"):
        toy.add(files={"mask/1-1.jpg": SECOND}, patient=patient, number=2, pathology="MALIGNANT")
    for row in toy.rows["mass", "train"][2:]:
        row[2] = "MLO"  # which its paths do not say
    examples, dropped, assumed = make(toy.write())
    assert list(examples) == [view_id(malignant)]
    assert not examples[view_id(malignant)]["masked"]
    assert view_id(benign) in [item["id"] for item in dropped]
    assert [item["id"] for item in assumed] == [view_id(malignant)]


def twice(toy, **calc) -> tuple[str, str]:
    """A mammogram that is in the mass and in the calcification file."""
    mass = toy.add(files={"image/1-1.jpg": FILM, "mask/1-1.jpg": FIRST})
    given = {"files": {"image/1-1.jpg": FILM, "mask/1-1.jpg": SECOND}} | calc
    return mass, toy.add(kind="calc", pathology="MALIGNANT", **given)


def test_a_mammogram_in_two_files_is_taken_once_with_the_lesions_of_both(toy):
    _, calc = twice(toy)
    examples, dropped, assumed = make(toy.write())
    (example,) = examples.values()
    assert example["id"] == view_id(calc)
    assert example["label"] == 1
    assert not dropped
    assert not assumed
    assert example["mask"].sum() > 1.2 * example["malignant_mask"].sum() > 0


def test_of_a_mammogram_in_two_files_either_image_will_do(toy):
    mass, calc = twice(toy, files={"image/1-1.jpg": b"torn", "mask/1-1.jpg": SECOND})
    examples, dropped, assumed = make(toy.write())
    assert not dropped
    assert examples[view_id(calc)]["masked"]
    (item,) = assumed
    assert f"read from its other series, {view_id(mass)}" in item["reason"]


def test_a_lesion_known_on_the_other_split_counts(toy):
    """29 places are in train and in test; what is known in one mammogram is known in it."""
    files = {"image/1-1.jpg": FILM, "mask/1-1.jpg": FIRST}
    toy.add(files=files)
    toy.add(files=files, kind="calc", split="test", pathology="MALIGNANT")
    examples, _, _ = make(toy.write())
    assert len(examples) == 2
    assert all(example["label"] == 1 for example in examples.values())


def test_a_mask_that_cannot_be_read_is_told_and_drops_nothing(toy):
    name = toy.add(files={"image/1-1.jpg": FILM}, pathology="MALIGNANT")
    examples, dropped, assumed = make(toy.write())
    (example,) = examples.values()
    assert example["label"] == 1
    assert not example["masked"]
    assert not example["mask"].any()
    assert not dropped
    (item,) = assumed
    assert item["id"] == view_id(name)
    assert item["reason"].startswith(f"where {name} lies is not known: missing mask")


def test_a_lesion_off_the_breast_is_told(toy):
    name = toy.add(files={"image/1-1.jpg": FILM, "mask/1-1.jpg": mask(SHAPE, 180, 5, 195, 20)})
    examples, _, assumed = make(toy.write())
    assert len(examples) == 1
    assert assumed[0]["reason"] == f"{name} lies outside what was taken for the breast"


def test_a_film_without_a_breast_is_told(toy):
    toy.add(files={"image/1-1.jpg": np.full(SHAPE, 90, np.uint8), "mask/1-1.jpg": FIRST})
    _, _, assumed = make(toy.write())
    assert [item["reason"] for item in assumed] == [
        "the whole film is taken: no edge of the breast is seen on it"
    ]


def test_a_split_of_which_nothing_can_be_read(toy):
    lost = toy.add(files={"mask/1-1.jpg": FIRST})
    with pytest.raises(CbisError, match=f"no mammogram of the train split .*{view_id(lost)}: miss"):
        make(toy.write())


@pytest.mark.parametrize(
    ("size", "fault"),
    [((1152, 896), ""), ((64, 4096), ""), ((32, 64), "height 32"), ((64, 100), "width 100"),
     ((4128, 64), "height 4128")],
)  # fmt: skip
def test_sizes(size, fault):
    assert whole_views.fault_of_size(*size).startswith(fault)
    assert bool(whole_views.fault_of_size(*size)) == bool(fault)


def test_the_mammograms_of_the_real_tables(shared_data):
    """3103 series are 3061 mammograms; 31 patients are on both sides of the official split."""
    lesions = []
    for (stem, split), name in CSV_NAMES.items():
        path = shared_data / "cbis_csv" / name
        kind = TYPES[stem]
        lesions += parse(path.read_bytes(), abnormality_type=kind, split=split, where=name)
    kept, _ = distinct(lesions)
    assert len(kept) == 3568
    jobs, dropped = whole_views.plan(kept)
    assert not dropped
    assert Counter(job.view.split for job in jobs) == {"train": 2420, "test": 641}
    assert sum(len(job.again) for job in jobs) == 42
    malignant = Counter(job.view.split for job in jobs if job.malignant)
    assert malignant == {"train": 1099, "test": 267}
    train, test = (
        {job.view.lesions[0].patient_id for job in jobs if job.view.split == split}
        for split in SPLITS
    )
    assert (len(train), len(test), len(train & test)) == (1248, 349, 31)
    places = Counter(
        (job.view.split, *(getattr(job.view.lesions[0], x) for x in ("patient_id", "side", "view")))
        for job in jobs
    )
    assert set(places.values()) == {1}


def test_no_real_film_is_mirrored_and_no_lesion_is_lost(shared_data):
    """Full-size films, with frames and labels, by the side that their row names."""
    with Release(shared_data / "cbis_full8") as release:
        jobs, _ = whole_views.plan(release.lesions()[0])
        for job in (jobs[1], jobs[6]):
            found = whole_views.make(release, job, height=288, width=224)
            (example,) = map(with_arrays, found.examples)
            assert not found.assumed
            assert example["flipped"] == (example["side"] == "RIGHT")
            assert (example["image"] > 0).mean() < 0.6
            assert (example["image"][example["mask"] > 0] > 20).all()
