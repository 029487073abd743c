"""predictions.csv and history.csv read back what was written."""

import csv

import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.labels import LABELS
from jaxcbis.records import history, predictions
from jaxcbis.records.predictions import Predictions


def drawn(count=200) -> Predictions:
    """Answers of which some are nearly, and some exactly, torn between two classes."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), count).astype(np.float32).astype(np.float64)
    for row in probabilities[:80]:
        first, second = rng.permutation(5)[:2]
        row[[first, second]] = 0.4
        row[second] += rng.choice([0, 1e-7, -1e-7, 2.0**-40])
    labels = rng.integers(0, 5, count)
    iou = np.where(labels == 0, np.nan, rng.random(count))
    names = np.array([f"patch, {k}" for k in range(count)])
    return Predictions(names, np.arange(count).astype(str), labels, probabilities, iou)


def test_what_is_read_is_what_was_written_to_the_last_bit(tmp_path):
    path, told = tmp_path / "predictions.csv", drawn()
    for pointing in (None, np.where(np.isnan(told.iou), np.nan, told.iou / 3)):
        predictions.write(path, told._replace(pointing=pointing))
        for back, given in zip(
            predictions.read(path), told._replace(pointing=pointing), strict=True
        ):
            np.testing.assert_array_equal(back, given)


def test_a_near_tie_is_of_one_class_for_every_reader(tmp_path):
    """The predicted column, the class by what is read, and the figures made of either."""
    path, told = tmp_path / "predictions.csv", drawn()
    predictions.write(path, told)
    back = predictions.read(path)
    with path.open(newline="") as file:
        column = [LABELS.index(row["predicted"]) for row in csv.DictReader(file)]
    np.testing.assert_array_equal(column, told.probabilities.argmax(1))
    np.testing.assert_array_equal(column, back.probabilities.argmax(1))
    once = np.ones((1, len(column)))
    before, after = (bootstrap.figures(*of[2:5], once) for of in (told, back))
    assert before == after


def test_single_precision_is_written_as_it_is(tmp_path):
    path, told = tmp_path / "predictions.csv", drawn(5)
    predictions.write(path, told._replace(probabilities=told.probabilities.astype(np.float32)))
    np.testing.assert_array_equal(
        predictions.read(path).probabilities, told.probabilities.astype(np.float32)
    )


@pytest.mark.parametrize("text", [None, "", "id,label\na,BACKGROUND\n", "id\n\xff", "id\n"])
def test_what_is_no_such_file_is_refused(tmp_path, text):
    path = tmp_path / "predictions.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=r"predictions\.csv .*; expected the predictions of a"):
        predictions.read(path)


def test_history_has_a_column_per_figure_and_stage(tmp_path):
    third = 1 / 3
    rows = [
        {"phase": "head", "epoch": 0, "val_loss": third, "learning_rates": {"head": 1e-4}},
        {
            "phase": "all", "epoch": 1, "val_loss": third * 1e-9,
            "learning_rates": {"head": 1e-4, "layer4": third},
        },
    ]  # fmt: skip
    history.write(tmp_path / "history.csv", rows)
    with (tmp_path / "history.csv").open(newline="") as file:
        back = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in back] == [third, third * 1e-9]
    assert [row["learning_rate_layer4"] for row in back] == ["", repr(third)]
    assert [row["phase"] for row in back] == ["head", "all"]
