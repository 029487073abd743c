"""comparison-mammograms.html: several mammogram runs, paired on the views that they share."""

import json

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sklearn.metrics import roc_auc_score

from jaxcbis.commands.main import main
from jaxcbis.mammograms.figures import predictions
from jaxcbis.mammograms.page import comparison, paired
from tests.mammograms import example_run

NAMES = ("a", "b", "c")


def retold(folder, **changed):
    """A run with other answers to its test views."""
    path = folder / predictions.FILE
    predictions.write(path, predictions.read(path)._replace(**changed))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Of three runs, the second of other answers, the third of other answers to half the views."""
    place = tmp_path_factory.mktemp("compared")
    made = [
        example_run.write(
            place / name,
            example_run.results() | {"config": example_run.results()["config"] | {"seed": seed}},
        )
        for seed, name in enumerate(NAMES)
    ]
    retold(made[1], probabilities=example_run.probabilities(5))
    told = predictions.read(made[2] / predictions.FILE)
    half = {name: of[::2] for name, of in told._asdict().items() if isinstance(of, np.ndarray)}
    others = {name: None if of is None else of[::2] for name, of in told.baselines.items()}
    retold(made[2], **half | {"probabilities": example_run.probabilities(7)[::2]}, baselines=others)
    return made


@pytest.fixture(scope="module")
def runs(folders):
    return [
        paired.Run(
            folder, folder.name, json.loads((folder / "results.json").read_text()),
            predictions.read(folder / predictions.FILE),
        )
        for folder in folders
    ]  # fmt: skip


def test_a_difference_is_that_of_the_auc_on_the_views_in_common(runs):
    found = paired.pairs(runs)
    assert [(pair.first, pair.other, pair.views) for pair in found] == [
        (1, 0, 12), (2, 0, 6), (2, 1, 6)
    ]  # fmt: skip
    a, b, c = (run.told for run in runs)
    of_views = found[0].differences["view"]
    assert of_views["difference"] == pytest.approx(
        roc_auc_score(b.labels, b.probabilities) - roc_auc_score(a.labels, a.probabilities)
    )
    low, high = of_views["difference_ci95"]
    assert low <= of_views["difference"] <= high
    shared = np.isin(a.ids, c.ids)
    assert found[1].differences["view"]["difference"] == pytest.approx(
        roc_auc_score(c.labels, c.probabilities)
        - roc_auc_score(a.labels[shared], a.probabilities[shared])
    )
    patients = found[0].differences["patient"]
    assert patients["n"] == len(set(a.patients))


def test_the_order_of_the_views_does_not_matter(runs):
    b = runs[1].told
    turned = b._replace(
        **{name: of[::-1] for name, of in b._asdict().items() if isinstance(of, np.ndarray)}
    )
    again = [runs[0], runs[1]._replace(told=turned)]
    assert paired.pair(again, 1, 0) == paired.pair(runs, 1, 0)


def test_what_cannot_be_paired_is_said(runs):
    other = runs[1].told
    named = runs[1]._replace(told=other._replace(ids=np.char.add(other.ids, "x")))
    turned = runs[1]._replace(told=other._replace(labels=1 - other.labels))
    assert paired.differences([runs[0], named]) == (
        None, ["b and a have no test view in common."]
    )  # fmt: skip
    assert paired.differences([runs[0], turned])[1] == ["b and a call other views malignant."]


def test_the_headline_tells_from_the_highest(runs):
    said = paired.headline(runs)
    # Their results have one AUC, so that the first of them leads.
    assert said.startswith("a has the highest AUC per view, ")
    assert " b" in said
    assert " c" in said
    many = paired.headline([runs[0]] + [runs[1]] * 6)
    assert many.startswith("a has an AUC per view")
    assert many.endswith("and 2 more are in the table.")
    assert len(paired.pairs([runs[0]] + [runs[1]] * 6)) == 6


def test_what_differs_in_their_making(runs):
    table = paired.differing(runs)
    assert [row[0] for row in table.rows] == ["--seed"]
    assert table.rows[0][1:] == ("0", "1", "2")
    config = runs[1].results["config"] | {"run": ["/runs/vgg"], "top": "vgg", "output": "/x"}
    other = runs[1]._replace(results=runs[1].results | {"config": config, "weights": []})
    rows = paired.differing([runs[0], other]).rows
    assert [row[0] for row in rows] == ["--top", "--seed", "patch runs", "weights"]
    assert ("patch runs", "r50-s2", "vgg") in rows


def test_the_command_writes_the_page(folders, open_report, capfd, refused_here, tmp_path):
    words = [str(folder) for folder in folders]
    assert main(["report", *words]) == 0
    path = folders[0].parent / comparison.FILE
    assert capfd.readouterr().out.splitlines()[-1] == str(path)
    page = open_report(path)
    expect(page.locator("h1")).to_contain_text("Comparison of 3 runs on whole mammograms")
    expect(page.locator(".verdict").first).to_contain_text("a has the highest AUC per view")
    expect(page.locator("#results caption")).to_have_text(
        ["Paired differences, AUC", "AUC of each run, and where its map peaks"]
    )
    rows = page.locator("#results table").first.locator("tbody th")
    expect(rows).to_have_text(["b less a", "c less a", "c less b"])
    expect(page.locator("#runs summary")).to_have_text([*NAMES])
    for link in page.locator("nav a, a.term").all():
        assert page.locator(link.get_attribute("href")).count() == 1
    broken = "i => i.filter(e => e.complete && !e.naturalWidth).length"
    assert page.locator("img.drawing").evaluate_all(broken) == 0
    assert Axe().run(page).response["violations"] == []

    other = tmp_path / "other.html"
    assert main(["report", *words[:2], "--output", str(other)]) == 0
    assert "Comparison of 2 runs" in other.read_text()
    assert "of one comparison" in refused_here("report", words[0], "--output", other)
    (folders[2] / predictions.FILE).unlink()
    assert "c/predictions.csv" in refused_here("report", *words)
