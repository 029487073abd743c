"""predictions.csv of a mammogram run, and the figures made again from it."""

import csv

import numpy as np
import pytest

from jaxcbis.errors import MissingFileError, UserError
from jaxcbis.mammograms.figures import baselines, levels, predictions
from jaxcbis.mammograms.figures.predictions import Predictions
from jaxcbis.records import results
from tests.mammograms import again
from tests.mammograms.figures import toy_views


def found(seed=0, *, flips=True):
    labels, patients, sides, views, probabilities = toy_views.answers(40, seed)
    rng = np.random.default_rng(seed)
    ids = np.array([f"{k}_{p}_{s}_{v}" for k, (p, s, v) in enumerate(
        zip(patients, sides, views, strict=True))])  # fmt: skip
    others = {
        "sweep_maximum": rng.random(len(ids)),
        "breast_area": -rng.random(len(ids)) * 1e6,
        "mean_intensity": None,
    }
    others["sweep_maximum"][3] = np.nan  # this one could not be swept
    averaged = (probabilities + rng.random(len(ids))) / 2 if flips else None
    return Predictions(ids, patients, sides, views, labels, probabilities, averaged, others)


@pytest.mark.parametrize("flips", [True, False])
def test_what_is_written_reads_back_to_the_last_bit(tmp_path, flips):
    given = found(flips=flips)
    given = given._replace(probabilities=np.random.default_rng(1).random(len(given.ids)))
    predictions.write(tmp_path / "predictions.csv", given)
    got = predictions.read(tmp_path / "predictions.csv")
    for name, expected, value in zip(given._fields, given, got, strict=True):
        if name == "baselines":
            assert value["mean_intensity"] is None
            for key in ("sweep_maximum", "breast_area"):
                np.testing.assert_array_equal(value[key], expected[key])
        elif expected is None:
            assert value is None
        else:
            np.testing.assert_array_equal(value, expected)


def test_the_columns_are_those_that_users_are_told_of(tmp_path):
    path = tmp_path / "predictions.csv"
    predictions.write(path, found(flips=False))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "id", "patient_id", "side", "view", "label", "probability", "sweep_maximum", "breast_area",
        "mean_intensity",
    ]  # fmt: skip
    assert {row["label"] for row in rows} == {"0", "1"}
    assert rows[3]["sweep_maximum"] == rows[0]["mean_intensity"] == ""
    predictions.write(path, found())
    assert "probability_flips" in path.read_text().splitlines()[0]


def test_the_figures_of_a_run_can_be_made_again_from_its_predictions(tmp_path):
    given, validation = found(), found(1)
    figures = {
        "test": levels.score(given.answers, levels.thresholds(validation.answers)),
        "test_flips": levels.score(
            given.answers._replace(probabilities=given.flips),
            levels.thresholds(validation.answers._replace(probabilities=validation.flips)),
        ),
        "baselines": baselines.compare(
            given.labels, given.patients, given.probabilities, given.baselines
        ),
    }
    results.write(tmp_path / "results.json", {"schema": results.SCHEMA, **figures})
    predictions.write(tmp_path / "predictions.csv", given)
    redone = again.from_predictions(tmp_path)
    assert redone == figures
    assert redone["baselines"]["mean_intensity"] is None
    kept = results.read(tmp_path / "results.json")
    assert {key: kept[key] for key in figures} == figures
    assert redone["test"] != redone["test_flips"]


def test_another_run_is_read_in_the_order_of_our_views(tmp_path):
    given = found()
    order = np.random.default_rng(2).permutation(len(given.ids))
    other = given._replace(ids=given.ids[order], probabilities=given.probabilities[order])
    matched = predictions.matched(other, given.ids, tmp_path)
    np.testing.assert_array_equal(matched, given.probabilities)
    with pytest.raises(UserError, match=r"does not answer 1 of .* test views, the first nobody"):
        predictions.matched(other, np.append(given.ids, "nobody"), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id,patient_id,label,predicted,BACKGROUND\n1,P,BACKGROUND,BACKGROUND,1\n",  # a patch run's
        "id,patient_id,side,view,label,probability\n1,P,LEFT,CC,2,0.5\n",
        "id,patient_id,side,view,label,probability\n1,P,LEFT,CC,1,\n",
    ],
)
def test_files_of_others_are_refused(tmp_path, text):
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"cannot read .*expected the predictions of a finished"):
        predictions.read(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(MissingFileError, match="cannot read"):
        predictions.read(tmp_path / "predictions.csv")
