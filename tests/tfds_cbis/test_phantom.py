"""The demo release: deterministic, with the real one's quirks, and learnable."""

from collections import Counter

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.tfds_cbis import reading
from tfds_cbis.errors import CbisError
from tfds_cbis.labels import LABELS
from tfds_cbis.release.cases import CSV_NAMES
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import is_near_binary
from tfds_cbis.release.phantom import DEMO_BACKGROUND_SIZE, write_release


def files(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_writes_the_same_bytes(memory):
    written = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        write_release(memory / name, seed=seed, patients=(1, 1))
        written.append(files(memory / name))
    assert written[0] == written[1]
    assert written[0].keys() != written[2].keys()


def test_a_folder_in_use_is_not_overwritten(small_demo):
    with pytest.raises(CbisError, match="cannot write the demo release"):
        write_release(small_demo)


def test_it_has_the_quirks_of_the_real_release(small_demo, shared_data):
    for (stem, split), name in CSV_NAMES.items():
        ours = (small_demo / "csv" / name).read_bytes()
        theirs = (shared_data / "cbis_csv" / name).read_bytes()
        crlf = (stem, split) == ("calc", "test")
        assert (b"\r\n" in ours) == crlf
        assert ours.split(b"\n")[0].rstrip(b"\r") == theirs.split(b"\n")[0]
        assert b'.dcm\n"' in ours
    header = (shared_data / "cbis_csv/dicom_info_excerpt.csv").read_text().splitlines()[0]
    table = (small_demo / "csv/dicom_info.csv").read_text()
    assert table.splitlines()[0] == header
    assert table.count(",,2.25.") == 9  # no SeriesDescription

    release = Release(small_demo)
    lesions, _ = release.lesions()
    assert sum(len(lesion.mask_uids) == 2 for lesion in lesions) == 8  # of 66
    assert any(lesion.id.endswith("_2") for lesion in lesions)
    first = Counter()
    for lesion in lesions:
        names = release.files(lesion.mask_uids[0])
        if len(names) == 2:
            image = np.frombuffer(release.read(names[0]), np.uint8)
            first[is_near_binary(cv2.imdecode(image, cv2.IMREAD_GRAYSCALE))] += 1
    assert set(first) == {True, False}


def gradients(image: np.ndarray) -> np.ndarray:
    """Histograms of gradient directions in 8 x 8 cells of a 64 x 64 crop."""
    image = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    dx, dy = (cv2.Sobel(image, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    direction = (np.arctan2(dy, dx) % np.pi / np.pi * 9).astype(int) % 9
    cells = np.zeros((8, 8, 9))
    row, column = np.mgrid[0:64, 0:64] // 8
    np.add.at(cells, (row, column, direction), np.hypot(dx, dy))
    return (cells / (np.linalg.norm(cells) + 50)).ravel()


def test_all_five_classes_can_be_learned(memory):
    write_release(memory / "whole demo")
    examples, dropped, _ = reading.cut(memory / "whole demo", size=DEMO_BACKGROUND_SIZE)
    assert dropped == []
    features, labels, sides = {}, {}, {}
    for split in ("train", "test"):
        source = [example for example in examples if example["split"] == split]
        features[split] = [gradients(example["image"]) for example in source]
        labels[split] = [example["label"] for example in source]
        sides[split] = [example["image"].shape for example in source]
    least = {"train": 45, "test": 25}
    for split, found in labels.items():
        assert min(Counter(found).values()) >= least[split]

    def score(train, test):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=3000))
        predicted = model.fit(train, labels["train"]).predict(test)
        recalls = recall_score(labels["test"], predicted, average=None)
        return accuracy_score(labels["test"], predicted), dict(zip(LABELS, recalls, strict=True))

    accuracy, recalls = score(features["train"], features["test"])
    assert 0.7 < accuracy < 0.97
    assert min(recalls.values()) > 0.4, recalls
    by_size, _ = score(sides["train"], sides["test"])
    assert by_size < 0.6
