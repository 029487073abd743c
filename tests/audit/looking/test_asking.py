"""A run's own normalisation, what it is asked, and by which threshold its maps are scored."""

import numpy as np
import pytest

from jaxcbis.audit.looking import asking, record
from jaxcbis.data import normalization
from jaxcbis.evaluation import cam, overlap
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.evaluation.covering import Covered
from jaxcbis.runs import answers
from tests.audit.looking import made

TEST = made.patches(20)


def run(**given):
    finished = made.finished(**given)
    finished.statistics = normalization.measure(TEST.images, TEST.labels)
    return finished


def maps_of(patches) -> Maps:
    """Right answers, and maps that at any share up to 0.9 of their maximum are the masks."""
    maps = patches.masks.astype(np.float32) + 0.92 * ~patches.masks
    return Maps(maps, 9 * np.eye(5)[patches.labels], None)


def test_covered_lesions_and_controls_are_asked_about_by_their_names(monkeypatch):
    """The model tells the brightness of what it sees."""

    def bright(run, images):
        share = np.clip(images.mean((1, 2, 3)), -1, 1)[:, None] / 2 + 0.5
        return np.concatenate([share, np.repeat((1 - share) / 4, 4, 1)], 1)

    monkeypatch.setattr(answers, "probabilities", bright)
    finished = run()
    finished.results["localization"]["threshold_from_validation"] = 0.95
    black = np.zeros((2, made.SIZE, made.SIZE), np.uint8)
    covered = Covered(np.array([1, 2]), black, black + 255)
    look = asking.ask(finished, TEST, TEST, covered, maps_of(TEST))
    assert (look.covered[:, 0] == 0).all()
    assert (look.elsewhere[:, 0] == 1).all()
    assert (look.probabilities.argmax(1) == TEST.labels).all()
    assert look.threshold == 0.95
    assert (look.figures["ll_score_from_validation"] == 1).all()
    assert (look.figures["ll_score"] == TEST.masks[1].mean()).all()  # hot everywhere
    nothing = Covered(np.zeros(0, int), black[:0], black[:0])
    assert asking.ask(finished, TEST, TEST, nothing, maps_of(TEST)).covered.shape == (0, 5)


def test_a_clean_run_is_asked_for_its_threshold_on_shifted_lesions(monkeypatch):
    """It would come with one for lesions of another size."""
    monkeypatch.setattr(asking, "maps_of", lambda run, patches: maps_of(patches))
    for protocol, expected in (("shifted", 0.1), ("clean", 0.95)):
        finished = run(protocol=protocol)
        finished.results["localization"]["threshold_from_validation"] = 0.1
        assert asking.threshold_from_validation(finished, TEST) == expected
    finished.results["localization"] = {}  # of an earlier version
    assert asking.threshold_from_validation(finished, TEST) == 0.95


def test_figures_are_those_of_each_lesion():
    rng = np.random.default_rng(0)
    lesions = TEST.masks[TEST.labels > 0]
    heats = cam.enlarge(rng.random((len(lesions), 2, 2), np.float32), made.SIZE)
    found = asking.figures(iter(heats), TEST, 0.7)
    for k, (heat, mask) in enumerate(zip(heats, lesions, strict=True)):
        assert found["ll_score"][k] == overlap.iou(heat, mask, 0.5)
        assert found["ll_score_from_validation"][k] == overlap.iou(heat, mask, 0.7)
        assert found["pixel_ap"][k] == overlap.pixel_average_precision(heat, mask)
    assert np.isnan(asking.figures(heats, TEST, None)["ll_score_from_validation"]).all()


def test_the_side_of_a_lesion_is_the_longer_one_in_pixels_of_its_mammogram():
    """A corner of four of eight rows and three of eight columns."""
    lesions = TEST.select(TEST.labels > 0)
    lesions.sizes[:] = 80, 160  # width, height
    assert record._lesion_side(lesions) == 80
    lesions.sizes[:] = 400, 160
    assert record._lesion_side(lesions) == pytest.approx(150)
    lesions.sizes[0] = 0
    assert record._lesion_side(lesions) is None
    assert record._lesion_side(lesions.select(np.zeros(0, int))) is None
