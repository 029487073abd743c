"""What a run's answers are worth, by protocol."""

import numpy as np

from jaxcbis.config import resolve
from jaxcbis.data.patches import Dataset
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.runs import test as scoring
from tests.tiny_patches import centred


def test_the_clean_protocol_reports_the_official_test_set_too():
    """Two patients of it are in train, and wrong."""
    test = centred([1, 2, 3], "abc")
    splits = {"test": test, "test_overlap": centred([1, 4], "de")}
    splits |= {"train": test, "validation": test}
    told, maps = np.eye(5)[[1, 2, 3]], np.ones((3, 2, 2), np.float32)
    mapped = Maps(maps, told, maps)
    answers = scoring.Answers(mapped, told, np.eye(5)[[0, 0]], mapped, None)
    config = resolve({"data": "release", "protocol": "clean"})
    found, _ = scoring.score(config, Dataset(splits, "", "", []), answers)
    assert found["covering"] is None
    assert found["localization"]["threshold_from_validation"] == 0.05
    assert found["localization"]["baselines"]["mean_training_mask"] == 1
    assert (found["test"]["n"], found["test"]["accuracy"]) == (3, 1)
    assert (found["test_official"]["n"], found["test_official"]["accuracy"]) == (5, 3 / 5)
