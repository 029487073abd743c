"""What an audit takes away from the paper's protocol, on data that have it."""

from types import SimpleNamespace

import numpy as np

from jaxcbis.audit import causes
from jaxcbis.audit.accounting import Answers
from jaxcbis.data.patches import Dataset
from tests.tiny_patches import centred


def test_patients_of_train_and_of_validation_leave_the_test(monkeypatch):
    def told(cause, run, test, _):
        right = np.eye(5)[test.labels]
        return Answers(cause, test.labels, test.patients, right, np.full(len(test), np.nan), False)

    monkeypatch.setattr(causes, "_answers", told)
    monkeypatch.setattr(causes.answers, "maps_of", lambda *_: None)
    splits = {
        "train": centred([1], ["a"]), "validation": centred([1], ["b"]),
        "test": centred([1, 1, 2], ["a", "b", "c"]),
    }  # fmt: skip
    data = Dataset(splits, "", "", [])
    run = SimpleNamespace(folder="run")
    steps = causes.steps(run, {"paper": data, "clean": data}, None, lambda _: None)
    found = {step.cause: step for step in steps}
    assert list(found["label normalisation"].patients) == ["a", "b", "c"]
    assert list(found["patient overlap"].patients) == ["c"]
