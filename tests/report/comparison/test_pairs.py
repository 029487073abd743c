"""Which patches are paired, and what is said of the pairs."""

import numpy as np
import pytest

from jaxcbis.evaluation import comparison, metrics
from jaxcbis.records import predictions
from jaxcbis.records.predictions import Predictions
from jaxcbis.report.comparison import answer, pairs
from jaxcbis.study import choice
from tests.report.comparison import runs


def part(told: Predictions, index) -> Predictions:
    return Predictions(*(field if field is None else field[index] for field in told))


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
        whole = comparison.figures(told["a"].labels, told["a"][3:5], np.ones((1, 60)))
        assert base == pytest.approx(whole[figure][0])


def test_only_patches_in_common_are_compared():
    one, two = runs.answers(0), part(runs.answers(1), np.arange(20, 60)[::-1])
    (pair,) = pairs.of([runs.tested("a", one), runs.tested("b", two)], every=True)
    assert (pair.patches, pair.patients) == (40, 20)
    first, second = part(one, slice(20, 60)), runs.answers(1)
    second = part(second, slice(20, 60))
    direct = comparison.compare(first.labels, first.patients, second[3:5], first[3:5])
    assert pair.differences == direct["differences"]


def said_of(label: str, names, found, *, every: bool) -> str:
    figures = pairs.figures(found, with_labels=False)
    told = answer.by_figure(names, found, figures, every=every)
    return {name: said for _, name, said in told}[label]


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
    said = answer.headline(["a", "b"], [pair], {})
    assert said == "Nothing is paired: no two of these runs were tested on the same patches."


def test_pairs_of_many_runs_are_with_the_first():
    many = [runs.tested(str(seed), runs.answers(seed)) for seed in range(5)]
    found = pairs.of(many, every=False)
    assert [(pair.base, pair.other) for pair in found] == [(0, 1), (0, 2), (0, 3), (0, 4)]
    told = said_of("Accuracy", "vwxyz", found, every=False)
    assert told.startswith("v has 0.")
    assert "highest" not in told


def test_the_answer_names_who_is_ahead_beyond_noise():
    """c answers better than a and b, which differ by nothing but chance."""
    told = [runs.answers(0), runs.answers(4), runs.answers(2, right=1.5)]
    many = [runs.tested(name, of) for name, of in zip("abc", told, strict=True)]
    found = pairs.of(many, every=True)
    figures = pairs.figures(found, with_labels=False)
    assert answer.headline("abc", found, figures) == (
        "Some runs differ beyond noise in accuracy, AUC and malignancy AUC, not in LL score."
    )
    said = said_of("Accuracy", "abc", found, every=True)
    assert said.startswith("c has 1.000, the highest. Below it, beyond noise: ")
    assert "a (-0." in said
    assert "b (-0." in said
    assert "Within noise" not in said
    two = pairs.of(many[:2], every=True)
    assert answer.headline("ab", two, figures) == (
        "The two runs do not differ beyond noise in accuracy, AUC, malignancy AUC or LL score."
    )
    assert "Within noise of it: " in said_of("Accuracy", "ab", two, every=True)


def test_of_many_runs_those_that_differ_most_are_named():
    """The first answers by chance, six others better and better."""
    told = [runs.answers(0, right=0.0), *(runs.answers(k, right=0.2 + k / 20) for k in range(1, 7))]
    names = [f"run{k}" for k in range(7)]
    many = [runs.tested(name, of) for name, of in zip(names, told, strict=True)]
    said = said_of("Accuracy", names, pairs.of(many, every=False), every=False)
    above = said.partition("Above it, beyond noise: ")[2].partition(" Within")[0]
    assert above.startswith("run6 (+0.")
    assert above.count("(+0.") == answer.NAMED
    assert above.endswith(" and 2 more.")


def test_malignancy_auc_and_pointing_game_are_compared_where_both_runs_have_them():
    """The figures are those that the runs' own tiles lead with."""
    old = [runs.answers(seed) for seed in range(2)]
    new = [of._replace(pointing=np.where(np.isnan(of.iou), np.nan, of.iou > 0.5)) for of in old]
    for told, has in ((old, False), ((old[0], new[1]), False), (new, True)):
        found = pairs.of([runs.tested(n, of) for n, of in zip("ab", told, strict=True)], every=True)
        figures = pairs.figures(found, with_labels=False)
        assert ("pointing_game" in figures) == has
        assert "malignancy_auc" in figures
        labels, probabilities = told[0].labels, told[0].probabilities
        lesion = labels > 0
        expected = metrics.classification(labels, probabilities, told[0].patients)
        assert found[0].values["malignancy_auc"][0] == pytest.approx(expected["malignancy_auc"])
    right = lesion & (probabilities.argmax(1) == labels)
    assert found[0].values["pointing_game"][0] == pytest.approx(new[0].pointing[right].mean())


def test_what_no_pair_has_is_no_figure():
    told = [runs.answers(k)._replace(iou=np.full(60, np.nan)) for k in range(2)]
    found = pairs.of([runs.tested(n, of) for n, of in zip("ab", told, strict=True)], every=True)
    assert list(pairs.figures(found, with_labels=False)) == [
        "accuracy", "auc_mean", "malignancy_auc",
    ]  # fmt: skip
    assert pairs.figures(found, with_labels=True)["accuracy"] == "accuracy with label normalisation"


def test_the_accuracy_without_label_normalisation_is_told_highest_first():
    one, two = (runs.run(name, None).results for name in "ab")
    for run, value in ((one, 0.5), (two, 0.6)):
        run["test_without_label_normalization"] = {"accuracy": value, "accuracy_ci95": None}
    assert answer.without_labels("ab", [one, two]).startswith("b 0.60; a 0.50. Not paired: ")
    for run in (one, two):
        run["test_without_label_normalization"] = None
    assert answer.without_labels("ab", [one, two]) == ""


def test_maps_below_the_best_blind_map_are_told():
    def run(difference: float) -> dict:
        of = {"difference": difference, "ci95": [-1, 1], "verdict": "within noise"}
        found = {"baselines": {"all_ones": 0.5}, "against_baselines": {"all_ones": of}}
        return {"localization": found}

    def told(*differences: float) -> str:
        return answer.beside_blind("ll_score", "ab", [run(of) for of in differences])

    assert told(-0.1, -0.2) == "All lie below the best blind map (0.50)."
    assert told(-0.1, 0.2) == "Below the best blind map (0.50): a."
    assert told(0.1, 0.2) == answer.beside_blind("accuracy", "ab", [run(-1), run(-1)]) == ""
