"""What `check` takes for a sound demo training, and what it says of another.

The training itself takes minutes: `--full` and .ci/newest have it.
"""

import copy
import re
from pathlib import Path

import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.evaluation import metrics
from jaxcbis.labels import LABELS
from jaxcbis.runs import check
from jaxcbis.runs import run as one_run
from jaxcbis.runs.check import BANDS, compare
from tests.report import example_run

ROOT = Path(__file__).resolve().parents[2]


def sound():
    """results.json of a demo training, with what it was found to give."""
    found = copy.deepcopy(example_run.results(demo=True))
    for split, total in (("train", 226), ("validation", 42), ("test", 172)):
        found["data"]["splits"][split] = {"total": total}
    found["best"]["val_loss"] = 0.192
    found["environment"] |= {"jax": "1.2", "flax": "3.4"}
    per_class = {label: {"recall": 0.9} for label in LABELS}
    found["test"] = {
        "accuracy": 0.94, "auc_mean": 0.998, "auc_hard_mean": 0.96, "per_class": per_class,
    }  # fmt: skip
    found["test_without_label_normalization"] = {"accuracy": 0.92}
    found["localization"] |= {"ll_score": 0.68, "baselines": {"all_ones": 0.72}}
    return found


def off(results):
    return [row.band.figure for row in compare(results) if not row.ok]


#: What breaks one figure.
BROKEN = {
    "patches to train": lambda r: r["data"]["splits"]["train"].update(total=225),
    "patches to validate": lambda r: r["data"]["splits"]["validation"].update(total=0),
    "patches to test": lambda r: r["data"]["splits"]["test"].update(total=173),
    "lowest validation loss": lambda r: r["best"].update(val_loss=1.61),
    "accuracy": lambda r: r["test"].update(accuracy=0.36),
    "accuracy without label normalisation": lambda r: r.update(
        test_without_label_normalization={"accuracy": 0.36}
    ),
    "lowest recall of a class": lambda r: r["test"]["per_class"].update(
        MALIGNANT_Mass={"recall": 0.0}
    ),
    "AUC, probabilities": lambda r: r["test"].update(auc_mean=0.5),
    "AUC, hard labels": lambda r: r["test"].update(auc_hard_mean=None),
    "LL score": lambda r: r["localization"].update(ll_score=0.3),
    "LL score of an all-ones map": lambda r: r["localization"].update(baselines={"all_ones": 1.0}),
}


def test_a_sound_training_is_within_every_band():
    assert off(sound()) == []


@pytest.mark.parametrize("figure", [band.figure for band in BANDS])
def test_a_figure_that_is_off_is_the_one_named(figure):
    results = sound()
    BROKEN[figure](results)
    assert off(results) == [figure]


def test_a_class_without_a_recall_is_off():
    results = sound()
    results["test"]["per_class"]["BENIGN_Mass"]["recall"] = None
    assert off(results) == ["lowest recall of a class"]


def test_answers_drawn_at_random_are_far_off():
    rng = np.random.default_rng(0)
    labels, patients = np.arange(172) % len(LABELS), np.arange(172).astype(str)
    answers = rng.dirichlet(np.ones(len(LABELS)), len(labels))
    results = sound() | {"test": metrics.classification(labels, answers, patients)}
    assert off(results) == [
        "accuracy", "lowest recall of a class", "AUC, probabilities", "AUC, hard labels",
    ]  # fmt: skip


@pytest.mark.parametrize("broken", [None, "accuracy"])
def test_the_command_says_ok_or_what_is_off(broken, monkeypatch, capsys):
    def train(config, on_epoch):
        assert config.demo
        assert (config.weights, config.seed) == ("random", 0)
        results = sound()
        if broken:
            BROKEN[broken](results)
        return results

    monkeypatch.setattr(one_run, "run", train)
    code = main(["check"])
    said, error = capsys.readouterr()
    lines = said.splitlines()
    assert [line.split("  ")[0] for line in lines[2:13]] == [band.figure for band in BANDS]
    if broken:
        assert code == 2
        (line,) = error.splitlines()
        assert "1 of 11 figures are off (accuracy)" in line
        assert "constraints.txt" in line
        assert "0.36     at least 0.8   OFF" in said
        assert lines[-1] != "OK"
    else:
        assert (code, lines[-1], error) == (0, "OK", "")


def test_the_page_has_the_bands_and_a_figure_within_each():
    text = (ROOT / "docs" / "install.md").read_text()
    for band in BANDS:
        row = re.search(rf"^\| {re.escape(band.figure)} \| (.+) \| (.+) \|$", text, re.MULTILINE)
        assert row, band.figure
        assert row[1] == str(band)
        assert check._row(band, float(row[2])).ok


@pytest.mark.full
def test_the_demo_training_is_within_every_band(capsys):
    assert main(["check"]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.splitlines()[-1] == "OK"
