"""What a mammogram gives, and what is dropped with which reason."""

import threading

import numpy as np
import pytest

from tests.tfds_cbis.reading import SEED, cut
from tests.tfds_cbis.toy_release import film, jpeg, mask
from tfds_cbis.errors import CbisError
from tfds_cbis.labels import LABELS
from tfds_cbis.planning import plan
from tfds_cbis.protocols import PROTOCOLS, Protocol
from tfds_cbis.release.cases import WITHOUT_CALLBACK
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import decode
from tfds_cbis.threads import MAX_WORKERS, in_parallel

RULES = PROTOCOLS.values()
SHAPE = (120, 100)
MASK = mask(SHAPE, 20, 30, 60, 80)
FILES = {"image/1-1.jpg": film(), "mask/1-1.jpg": MASK}


def run(toy, *, size=10, protocol="paper"):
    return cut(toy.write(), size=size, protocol=protocol)[:2]


@pytest.mark.parametrize("label", LABELS[1:])
def test_a_lesion_is_cut_by_its_tight_box(toy, label):
    pathology, kind = label.split("_")
    name = toy.add(pathology=pathology, kind=kind.lower(), files=FILES)
    (example,), dropped = run(toy)
    assert dropped == []
    assert example["id"] == name
    assert LABELS[example["label"]] == label
    np.testing.assert_array_equal(example["box"], [20, 30, 60, 80])
    np.testing.assert_array_equal(example["mask"], 255)
    np.testing.assert_array_equal(example["image"], decode(jpeg(film()))[30:80, 20:60])
    described = [example[key] for key in ("patient_id", "side", "view", "pathology")]
    assert described == ["P_00001", "LEFT", "CC", pathology]
    assert example["abnormality_type"] == {"Mass": "mass", "Calc": "calcification"}[kind]


def test_lesions_of_a_view_stay_separate(toy):
    other = mask(SHAPE, 70, 90, 95, 110)
    toy.add(files=FILES)
    toy.add(files={"mask/1-1.jpg": other}, number=4, pathology="MALIGNANT")
    examples, dropped = run(toy)
    assert [entry["id"] for entry in dropped] == ["train_background_1"]
    assert [(e["label"], *e["box"]) for e in examples] == [
        (LABELS.index("BENIGN_Mass"), 20, 30, 60, 80),
        (LABELS.index("MALIGNANT_Mass"), 70, 90, 95, 110),
    ]


@pytest.mark.parametrize(
    ("files", "pathology", "reason"),
    [
        ({"mask/1-1.jpg": MASK}, "BENIGN", "missing mammogram"),
        ({"image/1-1.jpg": film()}, "BENIGN", "missing mask"),
        ({**FILES, "image/1-1.jpg": jpeg(film())[:-50]}, "BENIGN", "unreadable image"),
        ({**FILES, "mask/1-1.jpg": jpeg(MASK)[:-50]}, "BENIGN", "unreadable image"),
        ({**FILES, "mask/1-1.jpg": 0 * MASK}, "BENIGN", "mask empty"),
        (
            {**FILES, "mask/1-1.jpg": MASK[:80]},
            "BENIGN",
            "mask cropped, not scaled: another aspect ratio",
        ),
        (FILES, "UNPROVEN", "unknown pathology 'UNPROVEN'"),
    ],
)
def test_what_is_dropped_says_why(toy, files, pathology, reason):
    name = toy.add(files=files, pathology=pathology)
    whole = toy.add(files=FILES, patient="P_00002")
    examples, dropped = run(toy)
    assert [example["id"] for example in examples] == [whole]
    reasons = {entry["id"]: entry["reason"] for entry in dropped}
    assert reason in reasons.pop(name)
    assert reasons.keys() <= {"train_background_1"}  # none of the views may give it


def with_backgrounds(toy, *, lesions=9):
    """Adds lesions, and one view without callback that must give their backgrounds."""
    for number in range(lesions):
        toy.add(files=FILES, patient=f"P_1{number:04d}")
    toy.add(files=FILES, pathology=WITHOUT_CALLBACK, patient="P_00002")


def test_backgrounds_come_in_the_papers_proportion(toy):
    with_backgrounds(toy)
    examples, dropped = run(toy)
    crops = [example for example in examples if example["label"] == 0]
    assert dropped == []
    assert len(crops) == round(9 * 644 / 1886)
    name = "Mass-Training_P_00002_LEFT_CC_background_"
    assert [crop["id"] for crop in crops] == [f"{name}{k}" for k in (1, 2, 3)]
    for crop in crops:
        x0, y0, x1, y1 = crop["box"]
        assert not MASK[y0:y1, x0:x1].any()
        assert not crop["mask"].any()
        np.testing.assert_array_equal(crop["image"], decode(jpeg(film()))[y0:y1, x0:x1])
        assert (crop["pathology"], crop["patient_id"]) == (WITHOUT_CALLBACK, "P_00002")


def test_backgrounds_keep_clear_of_the_other_types_lesions(toy):
    """A mass and a calcification of the same view, in other files, leave one free corner."""
    with_backgrounds(toy)
    mass = {"mask/1-1.jpg": mask(SHAPE, 50, 12, 100, 120)}
    calcification = {"image/1-1.jpg": film(), "mask/1-1.jpg": mask(SHAPE, 0, 0, 50, 120)}
    toy.add(patient="P_00002", number=2, files=mass)
    toy.add(patient="P_00002", kind="calc", split="test", files=calcification)
    examples, _ = run(toy)
    crops = [e for e in examples if e["label"] == 0]
    assert len(crops) == 3
    assert all(crop["box"][0] >= 50 and crop["box"][3] <= 12 for crop in crops)


def test_a_lesion_that_cannot_be_placed_forbids_backgrounds_in_its_view(toy):
    with_backgrounds(toy)
    toy.add(kind="calc", patient="P_00002", pathology=WITHOUT_CALLBACK, files=FILES)
    lost = toy.add(patient="P_00002", number=2, files={"mask/1-1.jpg": 0 * MASK})
    examples, dropped = run(toy)
    reasons = {entry["id"]: entry["reason"] for entry in dropped}
    assert reasons.pop(lost) == "mask empty"
    assert reasons
    assert set(reasons.values()) == {
        f"a lesion of the view has no usable mask to keep clear of: {lost}"
    }
    assert not [e for e in examples if e["label"] == 0]


def test_backgrounds_that_find_no_place_are_counted(toy):
    with_backgrounds(toy)
    examples, dropped = run(toy, size=90)
    assert len(examples) == 9
    assert len(dropped) == 3
    assert all("no more place" in entry["reason"] for entry in dropped)


def test_backgrounds_without_a_view_to_draw_from_are_counted(toy):
    for number in range(6):
        toy.add(files=FILES, patient=f"P_1{number:04d}", split="test")
    _, dropped = run(toy)
    assert [entry["id"] for entry in dropped] == [f"test_background_{k}" for k in (1, 2, 3)]


def test_jobs_do_not_hang_on_the_order_of_rows(toy):
    with_backgrounds(toy)
    jobs = []
    for _ in range(2):
        with Release(toy.write()) as release:
            jobs.append([plan(release, rule, background_size=10, seed=SEED)[0] for rule in RULES])
        for rows in toy.rows.values():
            rows.reverse()
    assert jobs[0] == jobs[1]
    crops = [sum(len(job.backgrounds) for job in of_rule) for of_rule in jobs[0]]
    assert crops == [3, 3, 0]  # no window on so large a lesion fits beside it


def test_items_run_in_order_and_few_at_a_time():
    lock, running, most, started = threading.Lock(), 0, 0, 0

    def task(item):
        nonlocal running, most, started
        with lock:
            running += 1
            started += 1
            most = max(most, running)
        with lock:
            running -= 1
        return item

    for done, item in enumerate(in_parallel(task, range(100)), start=1):
        assert item == done - 1
        assert started <= done + MAX_WORKERS
    assert most <= MAX_WORKERS


def test_clean_shows_context_in_a_square(toy):
    toy.add(files=FILES)
    examples, _ = run(toy, protocol="clean")
    (lesion,) = (example for example in examples if example["label"])
    side = round(1.4 * 50)  # the box is 40 x 50
    np.testing.assert_array_equal(lesion["box"], [5, 20, 5 + side, 20 + side])
    np.testing.assert_array_equal(lesion["mask"], MASK[20:90, 5:75])


def test_clean_backgrounds_have_the_lesions_sizes_and_keep_their_distance(toy):
    """From any mammogram of the split, masses and calcifications of the other file in mind."""
    small = mask(SHAPE, 45, 50, 57, 60)
    for number in range(8):
        toy.add(files={**FILES, "mask/1-1.jpg": small}, patient=f"P_1{number:04d}")
    toy.add(kind="calc", patient="P_10000", files={**FILES, "mask/1-1.jpg": MASK[::-1]})
    examples, dropped = run(toy, protocol="clean")
    lesions, crops = ([e for e in examples if bool(e["label"]) is side] for side in (True, False))
    sides = {int(e["box"][2] - e["box"][0]) for e in lesions}
    assert sides == {17, 70}
    assert crops
    assert len(crops) + len(dropped) == round(9 * 644 / 1886)
    for crop in crops:
        x0, y0, x1, y1 = crop["box"]
        assert x1 - x0 == y1 - y0
        assert x1 - x0 in sides
        margin = round(0.1 * (x1 - x0))
        around = np.s_[max(y0 - margin, 0) : y1 + margin, max(x0 - margin, 0) : x1 + margin]
        assert not small[around].any()
        assert crop["patient_id"] != "P_10000" or not MASK[::-1][around].any()


def test_clean_backgrounds_need_a_lesion_to_take_their_size_from(toy):
    for number in range(3):
        toy.add(files={**FILES, "mask/1-1.jpg": 0 * MASK}, patient=f"P_1{number:04d}")
    with Release(toy.write()) as release:
        jobs, dropped = plan(release, PROTOCOLS["clean"], background_size=None, seed=SEED)
    assert not any(job.backgrounds for job in jobs)
    assert dropped == [
        {
            "id": "train_background_1",
            "reason": "no lesion of the train split to take its size from",
        }
    ]


def test_a_split_whose_lesions_all_fail_is_refused_when_it_is_cut(toy):
    toy.add(files={**FILES, "mask/1-1.jpg": 0 * MASK})
    toy.add(files=FILES, split="test")
    with pytest.raises(CbisError, match=r"no lesion of the train split .*_1: mask empty; check"):
        run(toy)


def test_a_split_whose_rows_all_have_faults_is_refused_at_once(toy):
    toy.add(files=FILES, pathology="UNPROVEN")
    toy.add(files=FILES, split="test")
    with pytest.raises(CbisError, match=r"no lesion of the train split .*unknown pathology"):
        run(toy)


def test_the_clean_protocol_is_as_it_is_described():
    """Context and clearance as a share of the lesion's side, and breast as one of a background."""
    assert PROTOCOLS["clean"]._replace(description="") == Protocol("", 0.2, True, 0.75, 0.1)
