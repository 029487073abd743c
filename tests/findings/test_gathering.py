"""Runs on whole mammograms in one file: paired, by view, and without a path of the machine."""

import json
import runpy
import sys

import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.findings import gathering
from jaxcbis.mammograms.figures import baselines, predictions
from tests.conftest import ROOT
from tests.findings import made_runs


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two seeds of each of two starts; the sweep stands in the first run alone."""
    folder = tmp_path_factory.mktemp("runs")
    made = [
        made_runs.write(folder, start, seed) for start in ("patch", "imagenet") for seed in (0, 1)
    ]
    for path in made[1:]:
        file = path / predictions.FILE
        told = predictions.read(file)
        predictions.write(file, told._replace(baselines=made_runs.without_sweep(path)))
    return made


@pytest.fixture(scope="module")
def found(folders):
    return gathering.gather(folders)


def rows(found: dict, start: str, against: str) -> list[dict]:
    return [r for r in found["differences"] if (r["start"], r["against"]) == (start, against)]


@pytest.mark.parametrize("against", ["sweep_maximum", "breast_area", "mean_intensity", "chance"])
def test_one_run_beside_a_baseline_has_the_figures_of_its_own_comparison(folders, against):
    told = predictions.read(folders[0] / predictions.FILE)
    expected = baselines.compare(told.labels, told.patients, told.probabilities, told.baselines)
    (row,) = rows(gathering.gather(folders[:1]), "patch", against)
    assert row["seeds"] == [0]
    assert (row["n"], row["verdict"]) == tuple(expected[against][k] for k in ("n", "verdict"))
    for ours, theirs in (("other_auc", "auc"), ("difference", "difference")):
        assert row[ours] == pytest.approx(expected[against][theirs], abs=1e-12)
        kept, known = row[f"{ours}_ci95"], expected[against][f"{theirs}_ci95"]
        assert kept == (None if known is None else pytest.approx(known, abs=1e-12))


def test_starts_are_compared_by_seed_and_by_the_mean_of_their_aucs(found):
    both, first, second = rows(found, "patch", "imagenet")
    assert [row["seeds"] for row in (both, first, second)] == [[0, 1], [0], [1]]
    for key in ("auc", "other_auc", "difference"):
        assert both[key] == pytest.approx((first[key] + second[key]) / 2)
    low, high = both["difference_ci95"]
    assert low <= both["difference"] <= high
    assert rows(found, "imagenet", "patch") == []


def test_a_sweep_is_that_of_the_patch_run_and_not_of_one_start(found):
    """The first run swept the patch run that the start from ImageNet of that seed names, too."""
    (of_patch,), (of_imagenet,) = (
        rows(found, start, "sweep_maximum") for start in ("patch", "imagenet")
    )
    assert of_patch["seeds"] == of_imagenet["seeds"] == [0]
    assert of_patch["other_auc"] == of_imagenet["other_auc"]


def test_views_in_another_order_are_matched_by_id(found, folders, tmp_path):
    told = predictions.read(folders[0] / predictions.FILE)
    turned = {key: of[::-1] for key, of in told._asdict().items() if isinstance(of, np.ndarray)}
    scores = {key: of[::-1] for key, of in told.baselines.items()}
    other = made_runs.write(tmp_path, baselines=scores, **turned)
    assert (
        gathering.gather([folders[1], other])["differences"]
        == (gathering.gather([folders[1], folders[0]])["differences"])
    )


def test_views_without_a_score_are_left_out_of_both():
    labels, patients = [0, 1, 0, 1, 1], ["a", "b", "c", "d", "e"]
    ours = np.array([0.1, 0.9, 0.2, 0.8, 0.0])
    row = gathering.difference(labels, patients, ours, [0.1, 0.2, 0.3, 0.4, np.nan])
    assert (row["n"], row["auc"], row["other_auc"]) == (4, 1.0, 0.75)
    nothing = gathering.difference([1, 1], ["a", "b"], [0.1, 0.2], [0.3, 0.4])
    assert (nothing["n"], nothing["auc"], nothing["verdict"]) == (2, None, None)


def test_it_holds_no_path_and_only_what_a_page_needs(found):
    text = json.dumps(found, allow_nan=False)
    assert not [place for place in ("/runs/", "/data/", "/tmp/") if place in text]
    assert "roc" not in found["runs"][0]["test"]["view"]
    assert found["runs"][0]["command"].startswith("jaxcbis mammogram --data PATH --run r50-s2-s0 ")
    assert len(text) < 60_000


def test_other_views_and_other_folders_are_refused(folders, tmp_path):
    told = predictions.read(folders[0] / predictions.FILE)
    other = made_runs.write(tmp_path, ids=np.char.add(told.ids, "x"))
    with pytest.raises(UserError, match="has not the test views of patch-s0"):
        gathering.gather([folders[0], other])
    with pytest.raises(UserError, match=r"results\.json"):
        gathering.gather([tmp_path])
    with pytest.raises(UserError, match="expected the folder"):
        gathering.gather([])


def test_the_script_writes_the_file(folders, tmp_path, monkeypatch, capsys):
    script = ROOT / "docs/making/mammograms.py"
    made = runpy.run_path(str(script))
    assert made["FILE"] == ROOT / "docs/results/mammograms.json"
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path)])
    with pytest.raises(SystemExit, match=r"results\.json"):
        runpy.run_path(str(script), run_name="__main__")
    gathering.write(folders[:1], tmp_path / "one.json")
    assert len(json.loads((tmp_path / "one.json").read_text())["runs"]) == 1
