"""report.html is one file, readable without a network, and shows names as text."""

import base64
import csv
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.records import results
from jaxcbis.report import tables
from jaxcbis.report.page import gallery, html
from tests.report import made_run
from tests.report.example_run import predictions
from tests.report.example_run import results as example

SCRIPT = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def report(folder, run, name="patch_1") -> Page:
    """Writes a run's folder, whose second patch has the given name, and its report."""
    results.write(folder / "results.json", run)
    answers = predictions()
    names = np.where(answers.ids == "patch_1", name, answers.ids)
    with (folder / "predictions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "patient_id", "label", "predicted", *LABELS, "iou"])
        for k, row in enumerate(zip(names, *answers[1:], strict=True)):
            iou = "" if np.isnan(row[4]) else row[4]
            chosen = LABELS[answers.probabilities[k].argmax()]
            writer.writerow([row[0], row[1], LABELS[row[2]], chosen, *row[3], iou])
    (folder / "cams").mkdir()
    picture = folder / "cams" / f"{gallery.file_name(name)}.png"
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
    return Page(html.write(folder).read_text(encoding="utf-8"))


def test_self_contained_and_well_formed(tmp_path):
    page = report(tmp_path, example())
    assert page.open == []
    (image,) = page.all("img")
    assert image["src"].startswith("data:image/png;base64,")
    label, iou = LABELS[predictions().labels[1]], predictions().iou[1]
    assert f"patch_1: {label}, predicted" in image["alt"]
    assert ("IoU 0.25" in image["alt"]) == (iou == 0.25)
    figures = page.all("svg")
    assert len(figures) == len(html.FIGURES)
    assert all(figure["role"] == "img" and len(figure["aria-label"]) > 40 for figure in figures)
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object")]
    assert not any("style" in attributes for _, attributes in page.tags)
    assert not re.search(r"https?://|url\((?!#)", (tmp_path / "report.html").read_text())


def test_nothing_may_run_or_load_but_what_is_inside(tmp_path):
    run = made_run.write(tmp_path / "run", count=12)
    text = html.write(run).read_text(encoding="utf-8")
    policy = next(m["content"] for m in Page(text).all("meta") if "http-equiv" in m)
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert allowed[rule] == f"'sha256-{digest}'"


def test_shows_what_the_results_hold(tmp_path):
    run = example()
    page = report(tmp_path, run)
    for table in tables.comparison(run):
        assert table.title in page.text
        for row in table.rows:
            for cell in row:
                assert cell in page.text
    assert "Leakage: 3 patients" in page.text
    assert "1 x no mask" in page.text
    assert "A note with [brackets] and <markup>." in page.text
    assert "DEMO" not in page.text


def test_demo_data_are_named_on_top(tmp_path):
    page = report(tmp_path, example(demo=True))
    assert "DEMO DATA" in page.text[: page.text.index("Status")]
    assert "generated phantoms" in page.text


def test_markup_in_names_is_shown_as_text(tmp_path):
    run = example()
    run["data"]["name"] = run["config"]["note"] = run["weights"]["source"] = SCRIPT
    run["data"]["dropped"] = [{"id": "x", "reason": '"><img src=x onerror=alert(1)>'}]
    page = report(tmp_path, run, name=SCRIPT)
    assert page.all("script") == []
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert page.text.count(SCRIPT) >= 3
    assert "<img src=x onerror=alert(1)>" in page.text
    assert SCRIPT in page.all("img")[0]["alt"]


def test_an_unfinished_run_has_a_report(tmp_path):
    run = example() | {"status": "interrupted", "test": None, "localization": None}
    assert "not been tested" in report(tmp_path, run).text


def test_a_folder_without_results_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        html.write(tmp_path)


def test_the_command_rebuilds_each_and_sets_several_side_by_side(tmp_path, capsys):
    runs = [tmp_path / "runs" / name for name in ("one", "two")]
    for run in runs:
        run.mkdir(parents=True)
        report(run, example())
        (run / "report.html").unlink()
    assert main(["report", str(runs[0])]) == 0
    assert capsys.readouterr().out.split() == [str(runs[0] / "report.html")]
    assert main(["report", *map(str, runs)]) == 0
    joint = tmp_path / "runs" / "comparison.html"
    written = capsys.readouterr().out.split()
    assert written == [*(str(run / "report.html") for run in runs), str(joint)]
    text = Page(joint.read_text(encoding="utf-8")).text
    assert "2 runs side by side" in text
    assert text.count(" reaches an accuracy of ") == 2


def test_runs_of_one_name_are_told_apart():
    names = html._names([Path("a/seed0"), Path("b/seed0"), Path("b/seed1")])
    assert names == ["a/seed0", "b/seed0", "b/seed1"]
    assert html._names([Path("a/seed0"), Path("b/seed1")]) == ["seed0", "seed1"]
