"""What an audit takes away from the paper's protocol, on data that have it."""

import numpy as np

from jaxcbis.audit import causes
from jaxcbis.audit.accounting import Answers
from jaxcbis.data.patches import Dataset, Patches


def part(labels, patients):
    images, names = np.zeros((len(labels), 4, 4), np.uint8), np.array(patients)
    sizes = np.ones((len(labels), 2), np.int32)
    return Patches(images, images > 0, np.array(labels), names, names, sizes)


def test_patients_of_train_and_of_validation_leave_the_test(monkeypatch):
    def told(cause, run, test, **_):
        right = np.eye(5)[test.labels]
        return Answers(cause, test.labels, test.patients, right, np.full(len(test), np.nan), False)

    monkeypatch.setattr(causes, "_answers", told)
    splits = {
        "train": part([1], ["a"]), "validation": part([1], ["b"]),
        "test": part([1, 1, 2], ["a", "b", "c"]),
    }  # fmt: skip
    data = Dataset(splits, "", "", [])
    found = {step.cause: step for step in causes.steps(None, {"paper": data, "clean": data}, None)}
    assert list(found["label normalisation"].patients) == ["a", "b", "c"]
    assert list(found["patient overlap"].patients) == ["c"]
