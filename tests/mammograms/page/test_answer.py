"""The answer of a mammogram run in words, and in four figures."""

import pytest

from jaxcbis.mammograms.page import answer, tiles
from tests.mammograms import example_run


def beside(verdict: str | None, difference: float, interval: list[float] | None) -> dict:
    return {"auc": 0.7, "auc_ci95": None, "difference": difference, "difference_ci95": interval,
            "verdict": verdict}  # fmt: skip


def told(**baselines) -> str:
    """The first sentence of a run that was held against these alone."""
    run = example_run.results()
    run["test"]["view"] |= {"auc": 0.74, "auc_ci95": [0.69, 0.79]}
    return answer.sentences(run | {"baselines": baselines})[0]


@pytest.mark.parametrize(
    ("baselines", "said"),
    [
        (
            {
                "sweep_maximum": beside("better", 0.05, [0.01, 0.09]),
                "imagenet_start": beside("within noise", -0.01, [-0.05, 0.03]),
            },
            ": above the patch run's sweep by 0.05 (+0.01 to +0.09), not shown to differ from the "
            "start from ImageNet: -0.01 (-0.05 to +0.03).",
        ),
        (
            {"sweep_maximum": beside("worse", -0.1, [-0.2, -0.05])},
            ": below the patch run's sweep by 0.10 (-0.20 to -0.05).",
        ),
        (
            {"sweep_maximum": beside(None, 0.1, None)},
            ": +0.10 against the patch run's sweep, without an interval.",
        ),
        (  # without either, the better of the measures that need no model
            {
                "sweep_maximum": None,
                "breast_area": beside("better", 0.2, [0.1, 0.3]) | {"auc": 0.54},
                "mean_intensity": beside("better", 0.1, [0.05, 0.2]) | {"auc": 0.64},
                "chance": beside("better", 0.24, [0.2, 0.3]),
            },
            ": above the mean intensity by 0.10 (+0.05 to +0.20).",
        ),
        ({"sweep_maximum": None, "chance": None}, "."),
        ({}, "."),
    ],
)
def test_the_answer_says_what_the_run_beats_and_what_not(baselines, said):
    assert told(**baselines) == f"AUC 0.74 per view (0.69 to 0.79){said}"


def test_flips_and_pointing_follow():
    run = example_run.results()
    run["test_flips"]["view"] |= {"auc": 0.75, "auc_ci95": [0.7, 0.8]}
    found = run["localization"]
    found |= {"n": 6, "pointing_game": 0.5, "pointing_game_ci95": [0.25, 0.75]}
    found["blind"] = {"random": 0.05, "centre": 0.4}
    found["over_blind"] = {"random": {"verdict": "better"}, "centre": {"verdict": "within noise"}}
    found["sweep"] = beside("worse", -0.2, [-0.3, -0.1]) | {"pointing_game": 0.7}
    _, flips, pointing = answer.sentences(run)
    assert flips == "With flips averaged it is 0.75 (0.70 to 0.80)."
    assert pointing == (
        "The map peaks in a malignant lesion in 0.50 (0.25 to 0.75) of 6 malignant views: better "
        "than a random point of the breast (0.05) and within noise of the breast's centre (0.40); "
        "worse than the patch run's sweep (0.70; difference -0.20 (-0.30 to -0.10))."
    )


def test_what_is_not_known_is_said():
    auc, pointing = answer.sentences(example_run.bare())
    assert auc == "No AUC: all 12 test views are of one class."
    assert pointing.startswith("No malignant test view has a mask")
    untested = example_run.results() | {"test": None}
    assert answer.sentences(untested) == ["The run has not been tested, so it has no answer yet."]
    assert tiles.of(untested) == []


def test_a_run_is_called_by_backbone_size_and_start():
    run = example_run.results()
    assert answer.heading(run) == "Mammograms: ResNet50, 96 x 72, from the patch run, seed 1"
    run["patch_runs"] *= 2
    run["config"]["start"] = "imagenet"
    assert answer.run_name(run) == "2 runs of ResNet50, 96 x 72, from ImageNet"
    assert answer.what(run) == "CBIS-DDSM: 12 views to train, 12 to test, 96 x 72 pixels."


def test_what_limits_the_figures_is_said():
    run = example_run.results()
    assert answer.warnings(run) == [
        "Dropped: 1 view (1 x no image).",
        "Assumed of 1 view: 1 x no mask file.",
    ]
    run["status"] = "interrupted"
    run["weights"].append({"source": "random", "sha256": None, "format": "random"})
    # Patients of both sides are out of the test, so what leaks of the release does not touch it.
    run["data"] |= {
        "source": "demo", "assumed": [], "dropped": [],
        "leakage": {"patients_in_train_and_test": 2, "test_items_affected": 5},
    }  # fmt: skip
    starts = [text.split(":")[0] for text in answer.warnings(run)]
    assert starts == [
        "The run was interrupted; its figures are not final.",
        "Demo data",
        "Random weights",
    ]


def test_what_the_patch_run_brought_along_is_said():
    run = example_run.results()
    run["notes"] += [f"{answer.SEEN} 3 of the 5 ..", f"{answer.UNTAUGHT}: nothing .."]
    assert answer.warnings(run)[-2:] == [
        "--from patch: 3 of the 5 ...",
        "The patch run itself began with random weights: nothing ...",
    ]


def test_views_are_called_malignant_from_the_threshold_of_youdens_index_on():
    run = example_run.results()
    run["test"]["view"]["operating_points"][0]["threshold"] = 0.31
    assert answer.called_from(run) == 0.31
    assert "of 0.310 on, the operating point of Youden's index" in answer.calling(run)
    assert answer.called_from(example_run.bare()) == 0.5
    assert answer.calling(example_run.bare()).endswith("since no operating point was chosen.")


def test_four_tiles():
    run = example_run.results()
    run["test"]["view"] |= {"auc": 0.74, "auc_ci95": [0.69, 0.79]}
    run["test"]["patient"] |= {"auc": 0.78, "auc_ci95": None}
    run["baselines"]["sweep_maximum"] = beside("better", 0.05, [0.01, 0.09])
    view, patient, sweep, pointing = tiles.of(run)
    assert view[:3] == ("AUC per view", "0.74", "0.69 to 0.79")
    assert view.note == "6 of 12 malignant."
    assert patient[:3] == ("AUC per patient", "0.78", "")
    assert "no resampling changes it" in patient.note
    assert sweep[:3] == ("AUC less the sweep's", "+0.05", "+0.01 to +0.09")
    assert sweep.beside == [("Sweep's highest window", "0.70"), ("The run is", "better")]
    found = run["localization"]
    random = (
        f"{found['blind']['random']:.2f}; the map is {found['over_blind']['random']['verdict']}"
    )
    assert pointing.beside[0] == ("A random point of the breast", random)
    assert pointing.note == "6 malignant views with masks."

    of_bare = tiles.of(example_run.bare())
    assert [tile.value for tile in of_bare] == ["–"] * 3, "the patch run was not swept"
    assert of_bare[2].note == "No masks to hold it against."
