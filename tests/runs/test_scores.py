"""What a run's answers are worth, by protocol."""

import numpy as np

from jaxcbis.config import resolve
from jaxcbis.data.patches import Dataset
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.runs import test as scoring
from tests.tiny_patches import centred


def test_the_clean_protocol_reports_the_official_test_set_too():
    """Two patients of it are in train, and wrong."""
    splits = {"test": centred([1, 2, 3], "abc"), "test_overlap": centred([1, 4], "de")}
    told, maps = np.eye(5)[[1, 2, 3]], np.ones((3, 2, 2), np.float32)
    answers = scoring.Answers(Maps(maps, told, maps), told, np.eye(5)[[0, 0]])
    config = resolve({"data": "release", "protocol": "clean"})
    found, _ = scoring.score(config, Dataset(splits, "", "", []), answers)
    assert (found["test"]["n"], found["test"]["accuracy"]) == (3, 1)
    assert (found["test_official"]["n"], found["test_official"]["accuracy"]) == (5, 3 / 5)
