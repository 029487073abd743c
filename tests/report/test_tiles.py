"""The answer in four figures: what stands there, and beside what."""

import pytest

from jaxcbis.report import answer, tiles
from jaxcbis.report.blind import against_blind_maps
from jaxcbis.report.verdict import verdict
from tests.report.example_run import results as example


def names(run: dict) -> list[str]:
    return [tile.name for tile in tiles.of(run)]


def test_a_run_of_the_papers_protocol_stands_beside_the_paper():
    run = example()
    test, found = run["test"], run["localization"]
    accuracy, without, auc, located = tiles.of(run)
    low, high = test["accuracy_ci95"]
    shown = (f"{test['accuracy']:.2f}", f"{low:.2f} to {high:.2f}")
    assert (accuracy.value, accuracy.interval) == shown
    support = {label: of["support"] for label, of in test["per_class"].items()}
    most = max(support, key=support.get)
    assert accuracy.blind == f"{support[most] / test['n']:.2f}, always {most}"
    assert accuracy.paper == "0.70"
    assert (without.name, without.value) == ("Accuracy without label normalisation", shown[0])
    assert without.paper.startswith("not reported")
    low, high = test["auc_mean_ci95"]
    shown = (f"{test['auc_mean']:.2f}", f"{low:.2f} to {high:.2f}")
    assert (auc.value, auc.interval) == shown
    assert auc.paper == f"0.81 of hard labels (here {test['auc_hard_mean']:.2f})"
    low, high = found["ll_score_ci95"]
    shown = ("LL score", f"{found['ll_score']:.2f}", f"{low:.2f} to {high:.2f}")
    assert located[:3] == shown
    assert located.paper == "0.20 (threshold not stated)"
    assert located.note.startswith("Grad-CAM, threshold 0.5 of a map's maximum; ")


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (example(demo=True), "demo data"),
        (example() | {"data": example()["data"] | {"name": "mine"}}, "other data"),
        (example(absent=(1, 3)), "3 of its 5 classes tested here"),
    ],
)
def test_a_paper_that_is_no_measure_is_told_with_the_reason(run, reason):
    assert "the paper" not in answer.lines(run)["Blind"]
    accuracy, _, auc, located = tiles.of(run)
    assert accuracy.paper == f"0.70, not comparable: {reason}"
    assert auc.paper.endswith(f", not comparable: {reason}")
    assert located.paper == f"0.20 (threshold not stated), not comparable: {reason}"


def test_a_model_that_the_paper_has_not():
    assert [tile.paper for tile in tiles.of(example(backbone="vgg16"))] == [
        "it has no such model",
        "not reported: it always normalises with the label",
        "it has no such model",
        "it has no such model",
    ]


def test_other_protocols_have_their_own_second_figure():
    run = example()
    run["config"]["protocol"] = "clean"
    run["test_without_label_normalization"] = None
    _, second, _, located = tiles.of(run)
    assert (second.name, located.name) == ("Malignancy AUC", "LL score")
    assert second.value == f"{run['test']['malignancy_auc']:.2f}"
    assert second.blind.startswith("0.50")


def test_where_lesions_lie_anywhere_the_map_has_to_point_at_them():
    run = example()
    run["config"]["protocol"] = "shifted"
    found = run["localization"]
    found["pointing_game"] = 0.94
    pointing = {"difference": 0.39, "ci95": [0.345, 0.434], "verdict": "better"}
    found["against_baselines"]["blurred_brightness"] |= {"pointing_game": pointing}
    for key in found["against_baselines"].keys() - {"blurred_brightness"}:
        found["against_baselines"][key]["pointing_game"] = pointing | {"difference": 0.5}
    located = tiles.of(run)[3]
    assert (located.name, located.value) == ("Pointing game", "0.94")
    assert located.blind == "0.55, the blurred brightness; the run is better"
    assert located.note.startswith("Grad-CAM; ")
    for of in found["against_baselines"].values():  # as earlier versions left it
        del of["pointing_game"]
    assert tiles.of(run)[3].name == "LL score"


def test_the_blind_map_of_results_that_compared_none():
    run = example()
    found = run["localization"]
    found["baselines"] = {"all_ones": 0.5, "centred_gaussian": 0.594, "grid_ceiling": 0.9}
    found["against_baselines"] = None
    assert tiles.of(run)[3].blind == "0.59, a centred Gaussian"


def test_what_was_not_tested_has_no_tile():
    assert tiles.of(example() | {"test": None}) == []
    assert len(tiles.of(example() | {"localization": None})) == 3


def test_the_best_blind_map_stands_without_a_verdict_where_none_is_known():
    """Of a few lesions its difference may be the same in every sample: no interval, no verdict."""
    found = example()["localization"]
    apart = {"difference": -0.2, "ci95": None, "verdict": None}
    near = {"difference": 0.1, "ci95": [0.0, 0.2], "verdict": "within noise"}
    found |= {
        "ll_score": 0.5,
        "baselines": {"all_ones": 0.7, "centred_gaussian": 0.4},
        "against_baselines": {"all_ones": apart, "centred_gaussian": near},
    }
    run = example() | {"localization": found}
    assert tiles.of(run)[-1].blind == "0.70, a map of all ones"
    assert answer.lines(run)["Maps"].endswith("best blind map 0.70: no verdict")
    assert (
        "without a verdict against the best blind map (a map of all ones, 0.70)" in verdict(run)[1]
    )
    told = str(against_blind_maps(found))
    assert told.startswith(
        "without a verdict against a map of all ones, the best blind map (0.70; "
    )
