"""What a person and results.json are told of a data set."""

import numpy as np

from jaxcbis.data import patches, summary
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.labels import LABELS


def part(labels, patients):
    count = len(labels)
    pictures = np.zeros((count, 8, 8), np.uint8)
    return Patches(
        pictures, pictures > 0, np.array(labels), np.arange(count).astype(str),
        np.array(patients), np.zeros((count, 2), np.int32),
    )  # fmt: skip


def dataset():
    parts = part([1, 1, 2], ["p", "q", "q"]), part([3], ["r"]), part([0, 4, 4], ["r", "s", "p"])
    dropped = [{"id": f"lesion {k}", "reason": "mask empty"} for k in range(4)]
    return Dataset(dict(zip(patches.SPLITS, parts, strict=True)), "there", "some data", dropped)


def test_every_split_is_counted_by_class_and_patient():
    told = summary.describe(dataset())
    assert (told["source"], told["name"]) == ("there", "some data")
    assert told["splits"]["train"] == {
        "total": 3, "patients": 2, "per_class": dict(zip(LABELS, (0, 2, 1, 0, 0), strict=True)),
    }  # fmt: skip
    assert {name: of["total"] for name, of in told["splits"].items()} == {
        "train": 3, "validation": 1, "test": 3,
    }  # fmt: skip
    assert told["leakage"] == {"patients_in_train_and_test": 2, "test_items_affected": 2}
    assert told["held_out_patients"] == ["r"]


def test_windows_that_fall_short_are_counted(capsys):
    short = [{"id": f"{k}", "reason": reason} for k, reason in enumerate(("b: x", "a", "b: y"))]
    data = dataset()._replace(dropped=[], short=short)
    assert summary.describe(data)["short"] == short
    assert summary.describe(dataset())["short"] == []
    summary.show_dropped(data, None)
    line = capsys.readouterr().out.splitlines()[0]
    assert line == "! 3 of 6 windows on lesions fall short of the protocol: a (1), b (2)"


def test_notes_on_the_release_are_told(capsys):
    summary.show_dropped(dataset()._replace(notes=["found in a/b"]), None)
    assert capsys.readouterr().out.splitlines()[0] == "! found in a/b"


def test_what_was_left_out_is_told_by_its_reason(capsys):
    summary.show_dropped(dataset(), None)
    dropped, missing = capsys.readouterr().out.splitlines()
    assert dropped == "! 4 dropped: mask empty (lesion 0, lesion 1, lesion 2, ..)"
    assert missing == "! no background patches in train"


def test_a_smaller_background_is_advised_only_where_one_was_cut(capsys):
    summary.show_dropped(dataset()._replace(dropped=[]), 550)
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "! no background patches in train: a smaller --background-size may find room"
