"""Which patches are paired, and what is said of the pairs."""

import numpy as np
import pytest

from jaxcbis.evaluation import bootstrap, comparison
from jaxcbis.records import predictions
from jaxcbis.records.predictions import Predictions
from jaxcbis.report.comparison import answer, pairs
from jaxcbis.study import choice
from tests.report.comparison import runs


def part(told: Predictions, index) -> Predictions:
    return Predictions(*(field[index] for field in told))


def test_differences_are_those_that_a_study_finds(tmp_path):
    """To the last digit, and the same test of McNemar."""
    told = {name: runs.answers(seed) for seed, name in enumerate("ab")}
    for name, of in told.items():
        (tmp_path / name).mkdir()
        predictions.write(tmp_path / name / "predictions.csv", of)
    (study,) = choice.compare(tmp_path, [{"run": "b"}, {"run": "a"}])
    (pair,) = pairs.of([runs.tested(name, of) for name, of in told.items()], every=True)
    assert (pair.patches, pair.patients) == (60, 30)
    assert pair.differences == study["differences"]
    assert pair.mcnemar == study["mcnemar"]
    for figure, (base, other) in pair.values.items():
        assert other - base == pytest.approx(pair.differences[figure]["difference"])
        whole = bootstrap.figures(told["a"].labels, *told["a"][3:], np.ones((1, 60)))
        assert base == pytest.approx(whole[figure][0])


def test_only_patches_in_common_are_compared():
    one, two = runs.answers(0), part(runs.answers(1), np.arange(20, 60)[::-1])
    (pair,) = pairs.of([runs.tested("a", one), runs.tested("b", two)], every=True)
    assert (pair.patches, pair.patients) == (40, 20)
    first, second = part(one, slice(20, 60)), runs.answers(1)
    second = part(second, slice(20, 60))
    direct = comparison.compare(first.labels, first.patients, second[3:], first[3:])
    assert pair.differences == direct["differences"]


@pytest.mark.parametrize(
    ("change", "config", "why"),
    [
        ({}, {"protocol": "clean"}, "they follow the paper and the clean protocol"),
        ({}, {"background_size": 200}, "background crops are 200 and 550 pixels wide"),
        ({"ids": np.array([f"other_{k}" for k in range(60)])}, {}, "no test patch in common"),
        ({"patients": np.arange(60).astype(str) + "x"}, {}, "of other patients, classes or pixels"),
        (None, {}, "one of them has no predictions yet"),
    ],
)
def test_what_cannot_be_paired_is_not_and_it_is_said_why(change, config, why):
    two = None if change is None else runs.answers(1)._replace(**change)
    base = runs.tested("a", runs.answers(0), background_size=550)
    (pair,) = pairs.of([base, runs.tested("b", two, **{"background_size": 550} | config)], every=1)
    assert pair.differences is None
    assert why in pair.why
    said = answer.headline(["a", "b"], [pair])
    assert said == "Nothing is paired: no two of these runs were tested on the same patches."


def test_pairs_of_many_runs_are_with_the_first():
    many = [runs.tested(str(seed), runs.answers(seed)) for seed in range(5)]
    found = pairs.of(many, every=False)
    assert [(pair.base, pair.other) for pair in found] == [(0, 1), (0, 2), (0, 3), (0, 4)]
    told = dict(answer.by_figure("vwxyz", found, every=False))
    assert told["Accuracy"].startswith("v has 0.")
    assert "highest" not in told["Accuracy"]


def test_the_answer_names_who_is_ahead_beyond_noise():
    """c answers better than a and b, which differ by nothing but chance."""
    told = [runs.answers(0), runs.answers(4), runs.answers(2, right=1.5)]
    many = [runs.tested(name, of) for name, of in zip("abc", told, strict=True)]
    found = pairs.of(many, every=True)
    assert answer.headline("abc", found) == (
        "Some runs differ beyond noise in accuracy and AUC, not in LL score."
    )
    said = dict(answer.by_figure("abc", found, every=True))["Accuracy"]
    assert said.startswith("c has 1.000, the highest. Below it, beyond noise: a (-0.")
    assert "b (-0." in said
    assert "Within noise" not in said
    two = pairs.of(many[:2], every=True)
    assert answer.headline("ab", two) == (
        "The two runs do not differ beyond noise in accuracy, AUC or LL score."
    )
    assert "Within noise of it: " in dict(answer.by_figure("ab", two, every=True))["Accuracy"]
