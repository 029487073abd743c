"""The four answers of an audit."""

import json
from pathlib import Path

from jaxcbis.audit import questions
from tests.audit.looking import made

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results" / "audit.json"


def answers(audit) -> dict[str, str]:
    return {each.name: each.answer for each in questions.of(audit)}


def test_runs_that_use_the_lesion_are_counted():
    uses = made.run(covered_less_elsewhere=(-0.2, -0.3, -0.1))
    unclear = made.run(seed=1, covered_less_elsewhere=(-0.1, -0.3, 0.1))
    for blind in unclear["blind"].values():
        blind["pointing_game"]["verdict"] = "within noise"
    said = answers(made.audit(made.looking([uses, unclear], [])))
    assert said["looking"] == (
        "1 of 2 runs use the lesion: covering it lowers their AUC of lesion against background "
        "more than covering as much elsewhere does. The maps of 2 of 2 runs meet the masks better "
        "than every blind map, and those of 1 of 2 runs point at the lesion better."
    )
    assert said["protocol"] == "Not asked: this needs runs by the paper protocol."
    assert said["maps"] == "Not asked yet."


def test_choices_of_the_protocol_are_told_by_what_they_change():
    """Of an audit of paper and clean runs, as its tables have it."""
    found = json.loads(RESULTS.read_text())
    said = answers(found)
    mismatch = [
        row["changes"]["accuracy"]["difference"]
        for row in found["rows"]
        if row["cause"] == "background mismatch"
    ]
    span = f"{min(mismatch):+.3f} to {max(mismatch):+.3f}"
    assert f"background mismatch ({span}, in 4 of 4 models)" in said["protocol"]
    assert "label normalisation" not in said["protocol"]  # within noise
    assert said["looking"] == "Not asked: this needs runs by the shifted protocol."
    assert said["baselines"] == (
        "They come within reach of the accuracy of 4 of 4 models by the paper protocol and of the "
        "accuracy of 0 of 4 models by the clean protocol."
    )
    assert said["maps"].startswith("The maps of 0 of 8 runs order pixels better than chance by")
    assert "8 of 8 pass the randomisation test" in said["maps"]


def test_without_paper_runs_the_best_blind_classifier_stands_beside_the_runs():
    audit = made.audit(made.looking([made.run(accuracy=(0.6, 0.5, 0.7))], []))
    row = {"accuracy_ci95": [0.3, 0.5], "auc_mean": 0.6, "auc_mean_ci95": None}
    audit["baselines"] = [
        row | {"name": "size", "protocol": "shifted", "accuracy": 0.41},
        row | {"name": "both", "protocol": "clean", "accuracy": 0.44},
    ]
    assert answers(audit)["baselines"] == (
        "The best of them (size, shifted protocol) reaches an accuracy of 0.41; the runs by that "
        "protocol reach 0.60."
    )
