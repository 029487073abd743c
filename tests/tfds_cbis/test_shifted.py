"""The shifted cut of whole releases: windows, their backgrounds, and what falls short."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import ks_2samp

import tfds_cbis
from tests.tfds_cbis import reading
from tests.tfds_cbis.healthy_release import SHAPE
from tests.tfds_cbis.toy_release import film, mask
from tfds_cbis.errors import CbisError
from tfds_cbis.release.boxes import Box


@pytest.fixture(scope="module")
def cuts(healthy) -> dict[int, reading.Read]:
    """The healthy release by windows per lesion."""
    return {k: reading.cut(healthy.folder, protocol="shifted", windows=k) for k in (1, 3)}


def by_id(examples) -> dict:
    return {example["id"]: example for example in examples}


def test_every_training_lesion_has_k_windows_and_every_other_one(healthy, cuts):
    for count, found in cuts.items():
        windows = Counter(
            (each["split"], each["id"].partition("_window_")[0])
            for each in found.examples
            if each["label"]
        )
        assert len(windows) == 24
        for (split, _), n in windows.items():
            assert n == (count if split == "train" else 1)
        assert len(by_id(found.examples)) == len(found.examples)
        assert found.dropped == []


def test_windows_are_the_same_whatever_their_count(cuts):
    """Backgrounds, too: one window's are a whole data set."""
    first = [each for each in cuts[3].examples if each["window"] == 1]
    assert by_id(first).keys() == by_id(cuts[1].examples).keys()
    for name, each in by_id(cuts[1].examples).items():
        for key, value in each.items():
            np.testing.assert_array_equal(value, by_id(first)[name][key])
    boxes = {(each["id"].partition("_window_")[0], *each["box"]) for each in cuts[3].examples}
    assert len(boxes) == len(cuts[3].examples), "no window is there twice"


def test_backgrounds_are_half_as_many_in_equal_shares_and_clear_of_lesions(healthy, cuts):
    for split, count in (("train", 3), ("test", 1)):
        examples = [each for each in cuts[3].examples if each["split"] == split]
        of_lesions = [each for each in examples if each["label"]]
        crops = [each for each in examples if not each["label"]]
        half = len(of_lesions) // count // 2
        assert Counter(each["window"] for each in crops) == dict.fromkeys(range(1, count + 1), half)
        sides = {(e["window"], e["box"][2] - e["box"][0]) for e in of_lesions}
        for crop in crops:
            box = Box(*map(int, crop["box"]))
            side = box.x1 - box.x0
            assert side == box.y1 - box.y0
            assert (crop["window"], side) in sides
            near = Box(*(max(v - round(0.1 * side), 0) for v in box[:2]),
                       *(v + round(0.1 * side) for v in box[2:]))  # fmt: skip
            view = crop["id"].partition("_background_")[0]
            for known in healthy.lesions.values():
                assert known.view_id != view or not near.crop(mask(SHAPE, *known.box)).any()
            assert not crop["mask"].any()


def test_a_large_background_goes_where_it_fits(toy):
    """Small films cannot hold the windows of the large ones' lesions."""
    for number in range(6):
        small = {"image/1-1.jpg": film(60, 50), "mask/1-1.jpg": mask((60, 50), 5, 5, 15, 15)}
        toy.add(files=small, patient=f"P_1000{number}")
        shape = (400, 300)
        large = {"image/1-1.jpg": film(*shape), "mask/1-1.jpg": mask(shape, 10, 10, 90, 80)}
        toy.add(files=large, patient=f"P_2000{number}")
    found = reading.cut(toy.write(), protocol="shifted", windows=4)
    assert found.dropped == []
    crops = [each for each in found.examples if not each["label"]]
    large = [each for each in crops if each["box"][2] - each["box"][0] > 50]
    assert len(crops) == 24
    assert len(large) > 6
    assert all(each["patient_id"].startswith("P_2") for each in large)


def test_what_falls_short_is_told_and_what_cannot_be_cut_dropped(toy):
    shape = (200, 160)
    whole = mask(shape, 70, 80, 90, 100)
    toy.add(files={"image/1-1.jpg": film(*shape), "mask/1-1.jpg": whole})
    twice = mask(shape, 75, 85, 85, 95)
    toy.add(files={"mask/1-1.jpg": twice}, number=2)
    huge = {"image/1-1.jpg": film(*shape), "mask/1-1.jpg": mask(shape, 10, 5, 140, 50)}
    lost = toy.add(files=huge, patient="P_00002")
    unsure = toy.add(
        files={"image/1-1.jpg": film(*shape), "mask/1-1.jpg": whole}, patient="P_00003"
    )
    hidden = toy.add(files={"mask/1-1.jpg": 0 * whole}, patient="P_00003", number=2)
    found = reading.cut(toy.write(), protocol="shifted", windows=2)
    reasons = {each["id"]: each["reason"] for each in found.dropped}
    assert reasons.pop(lost) == "too large for a window of the mammogram's 160 x 200 pixels"
    assert reasons.pop(hidden) == "mask empty"
    assert all("background" in name for name in reasons)
    short = {each["id"]: each["reason"] for each in found.short}
    assert len(short) == 6
    for name, reason in short.items():
        assert name in by_id(found.examples)
        assert reason == (
            f"perhaps a lesion without a usable mask: {hidden}"
            if name.startswith(unsure)
            else "another lesion"
        )


def test_a_number_of_windows_has_its_own_folder(healthy, tmp_path):
    options = {"data_dir": tmp_path, "protocol": "shifted"}
    builders = {k: tfds_cbis.prepare(healthy.folder, windows=k, **options) for k in (1, 2)}
    assert len({builder.data_dir for builder in builders.values()}) == 2
    counts = {k: len(builder.as_data_source("train")) for k, builder in builders.items()}
    assert counts == {1: 18, 2: 36}
    for k, builder in builders.items():
        told = tfds_cbis.summary(builder)
        assert (told["windows"], told["short"]) == (k, [])
    assert tfds_cbis.prepare(healthy.folder, windows=2, **options).data_dir == builders[2].data_dir
    found = by_id(reading.prepared(builders[2]))
    expected = by_id(reading.cut(healthy.folder, protocol="shifted", windows=2).examples)
    assert found.keys() == expected.keys()
    for name, each in found.items():
        assert each["window"] == expected[name]["window"]
        np.testing.assert_array_equal(each["image"], expected[name]["image"])


@pytest.mark.parametrize("windows", [0, 21, None])
def test_a_number_of_windows_that_is_not_allowed(healthy, tmp_path, windows):
    with pytest.raises(CbisError, match="windows on a lesion; expected 1 to 20"):
        tfds_cbis.prepare(healthy.folder, data_dir=tmp_path, protocol="shifted", windows=windows)


def test_few_windows_of_phantoms_fall_short_and_sizes_give_nothing_away(small_demo):
    found = reading.cut(small_demo, protocol="shifted", windows=3)
    assert found.dropped == []
    assert len(found.short) < 0.03 * len(found.examples)
    for split in ("train", "test"):
        of_split = [each for each in found.examples if each["split"] == split]
        on_lesions, background = (
            [e["image"].shape[0] for e in of_split if bool(e["label"]) is side]
            for side in (True, False)
        )
        assert len(background) == len(on_lesions) // 2
        assert ks_2samp(on_lesions, background).statistic < 0.3
