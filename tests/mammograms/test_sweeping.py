"""The patch run swept over test mammograms: what is kept of each, and that none is swept twice."""

import dataclasses
import json

import numpy as np
import pytest

import jaxcbis
from jaxcbis.data import prepared
from jaxcbis.data.patches import eight_bit
from jaxcbis.detection import mammograms
from jaxcbis.errors import UserError
from jaxcbis.evaluation.metrics import MALIGNANT
from jaxcbis.mammograms import sweeping
from tests import tiny_run
from tfds_cbis.release.cases import views
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import read_mammogram


@pytest.fixture(scope="module")
def release(demo_dir):
    return prepared.place(None, str(demo_dir))[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patches") / "run"
    return jaxcbis.load(tiny_run.write(folder, lesion_side=120.0))


@pytest.fixture(scope="module")
def names(release):
    with Release(release) as opened:
        return [view.id for view in views(opened.lesions()[0]) if view.split == "test"][:2]


def test_marks_are_the_windows_of_a_sweep(run, release, names, tmp_path):
    (found,) = sweeping.sweep(run, release, names[:1], tmp_path / "sweep.json")
    with Release(release) as opened:
        (view,) = (view for view in views(opened.lesions()[0]) if view.id == names[0])
        pixels = eight_bit(read_mammogram(opened, view)[0])
    swept = mammograms.sweep(run, pixels)
    malignant = swept.probabilities[..., MALIGNANT].sum(-1)
    assert found.highest == pytest.approx(np.nanmax(malignant), abs=1e-6)
    assert found.scores[0] == pytest.approx(found.highest)
    assert (np.diff(found.scores) <= 0).all()
    at = np.argwhere((swept.boxes == found.boxes[0]).all(-1))
    assert malignant[tuple(at[0])] == pytest.approx(found.highest, abs=1e-6)


def test_what_was_swept_is_not_swept_again(run, release, names, tmp_path, monkeypatch):
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps({names[0]: {"reason": "it is too small"}}))
    done = []

    def swept(run, release, view, side):
        done.append(view.id)
        return {"highest": 0.5, "boxes": [[0, 0, 8, 8]], "scores": [0.5], "seconds": 1.0}

    monkeypatch.setattr(sweeping, "_swept", swept)
    first, second = sweeping.sweep(run, release, names, file)
    assert done == names[1:]
    assert np.isnan(first.highest)
    assert (first.reason, len(first.boxes)) == ("it is too small", 0)
    assert (second.highest, second.boxes.shape, second.reason) == (0.5, (1, 4), "")
    assert list(json.loads(file.read_text())) == names


def test_a_window_larger_than_the_mammogram_is_told(release, names, tmp_path):
    wide = jaxcbis.load(tiny_run.write(tmp_path / "run", lesion_side=5000.0))
    (found,) = sweeping.sweep(wide, release, names[:1], tmp_path / "sweep.json")
    assert "less than a window of 5000" in found.reason


@pytest.mark.parametrize(("crops", "why"), [(None, "does not tell"), (3.0, "of 3 pixels")])
def test_a_run_that_cannot_be_swept_is_told_how_to_go_on(run, crops, why):
    model = run.results["model"] | {"lesion_side": crops}
    other = dataclasses.replace(run, results=run.results | {"model": model})
    with pytest.raises(UserError, match=f"{why}.*; add --no-sweep$"):
        sweeping.side(other)
