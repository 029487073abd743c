"""What a run's answers are worth, by protocol."""

import dataclasses

import numpy as np
import pytest

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.config import resolve
from jaxcbis.data import normalization
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.evaluation import activation_maps, covering
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.models import backbones
from jaxcbis.runs import test as scoring
from tests.tiny_patches import centred
from tests.tiny_run import SIZE, turned_up


def test_the_clean_protocol_reports_the_official_test_set_too():
    """Two patients of it are in train, and wrong."""
    test = centred([1, 2, 3], "abc")
    splits = {"test": test, "test_overlap": centred([1, 4], "de")}
    train = dataclasses.replace(test, masks=~test.masks)
    splits |= {"train": train, "validation": test}
    told, maps = np.eye(5)[[1, 2, 3]], np.ones((3, 2, 2), np.float32)
    mapped = Maps(maps, told, maps)
    answers = scoring.Answers(mapped, told, np.eye(5)[[0, 0]], mapped, None)
    config = resolve({"data": "release", "protocol": "clean"})
    found, _ = scoring.score(config, Dataset(splits, "", "", []), answers)
    assert found["covering"] is None
    assert found["localization"]["threshold_from_validation"] == 0.05
    assert found["localization"]["baselines"]["mean_training_mask"] == 0  # where no test lesion is
    assert (found["test"]["n"], found["test"]["accuracy"]) == (3, 1)
    assert (found["test_official"]["n"], found["test_official"]["accuracy"]) == (5, 3 / 5)


def in_corners(count: int) -> Patches:
    """Noise, with a small lesion in a corner of all but every third patch."""
    images = np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE), np.uint8)
    labels = np.arange(count) % 3
    masks = np.zeros(images.shape, bool)
    masks[labels > 0, 4:8, 4:8] = True
    names = np.array([f"patch_{k}" for k in range(count)])
    return Patches(images, masks, labels, names, names, np.zeros((count, 2), np.int32))


@pytest.mark.parametrize("protocol", ["clean", "shifted"])
def test_covered_lesions_are_asked_about_where_there_is_room(protocol):
    splits = {"train": in_corners(9), "validation": in_corners(6), "test": in_corners(12)}
    splits["test_overlap"] = splits["test"].select(np.zeros(0, int))
    dataset = Dataset(splits, "", "", [])
    config = resolve({"data": "release", "protocol": protocol, "backbone": "tiny", "seed": 3})
    model = turned_up(backbones.load("tiny", weights="random").model)
    test, train = splits["test"], splits["train"]
    statistics = normalization.measure(train.images, train.labels)
    answers = scoring.answer(config, model, dataset, statistics, {})
    found, _ = scoring.score(config, dataset, answers)
    assert len(answers.validation.maps) == 6
    if protocol == "clean":
        assert answers.covering is found["covering"] is None
        return
    expected = covering.cover(test, 3)
    assert len(expected.items) == 8
    for name in ("covered", "elsewhere"):
        images = getattr(expected, name)
        np.testing.assert_array_equal(getattr(answers.covering.images, name), images)
        logits = activation_maps.logits(model, normalization.normalize(images, statistics))
        np.testing.assert_array_equal(
            getattr(answers.covering, name), activation_maps.softmax(logits)
        )
    assert found["covering"]["n"] == 8
    assert found["covering"]["lesion_auc_intact"] is not None
