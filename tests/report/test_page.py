"""report.html is one file, readable without a network, and shows names as text."""

import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.records import predictions, results
from jaxcbis.report import tables
from jaxcbis.report.figures import saving
from jaxcbis.report.figures.overlay import file_name
from jaxcbis.report.page import document, folder, wide_tables
from tests.report import example_run
from tests.report.example_run import results as example

ANSWERS = example_run.predictions()
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


@pytest.fixture
def report(made, tmp_path):
    """Writes a run's folder, whose second patch has the given name, and its report."""

    def write(run, name="patch_1", folder=tmp_path / "run") -> Page:
        folder.mkdir(parents=True)
        results.write(folder / "results.json", run)
        answers = example_run.predictions()
        names = np.where(answers.ids == "patch_1", name, answers.ids)
        predictions.write(folder / "predictions.csv", answers._replace(ids=names))
        shutil.copytree(made / "figures", folder / "figures")  # of another run: not looked at here
        (folder / "cams").mkdir()
        picture = folder / "cams" / f"{file_name(name)}.png"
        cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
        return Page(document.write(folder).read_text(encoding="utf-8"))

    return write


def test_self_contained_and_well_formed(report, tmp_path):
    page = report(example())
    assert page.open == []
    *figures, overlay = page.all("img")
    assert overlay["src"].startswith("data:image/png;base64,")
    label, predicted = (LABELS[k[1]] for k in (ANSWERS.labels, ANSWERS.probabilities.argmax(1)))
    assert overlay["alt"] == (
        "Test patch with class activation map and outline of the lesion mask, "
        f"patch_1: {label}, predicted {predicted}, IoU 0.25"
    )
    assert [figure["alt"].split()[0] for figure in figures] == [
        "ROC", "Precision", "Share", "Loss", "LL",
    ]  # fmt: skip
    assert all(figure["src"].startswith("data:image/svg+xml;base64,") for figure in figures)
    assert page.all("svg") == []
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object")]
    assert not any("style" in attributes for _, attributes in page.tags)
    assert not re.search(r"https?://|url\((?!#)", (tmp_path / "run/report.html").read_text())


def test_nothing_may_run_or_load_but_what_is_inside(made):
    text = (made / "report.html").read_text(encoding="utf-8")
    policy = next(m["content"] for m in Page(text).all("meta") if "http-equiv" in m)
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert allowed[rule] == f"'sha256-{digest}'"


def test_shows_what_the_results_hold(report):
    run = example()
    page = report(run)
    for table in (
        *tables.beside_paper(run), wide_tables.per_class(run), wide_tables.localization(run),
        wide_tables.splits(run),
    ):  # fmt: skip
        assert table.title in page.text
        assert table.caption in page.text
        for row in table.rows:
            for cell in row:
                assert cell in page.text
    assert "Leakage: 3 patients" in page.text
    assert "1 x no mask" in page.text
    assert "A note with [brackets] and <markup>." in page.text
    assert "DEMO" not in page.text


def test_demo_data_are_named_on_top(report):
    page = report(example(demo=True))
    assert "DEMO DATA" in page.text[: page.text.index("Status")]
    assert "generated phantoms" in page.text


def test_markup_in_names_is_shown_as_text(report):
    run = example()
    run["data"]["name"] = run["config"]["note"] = run["weights"]["source"] = SCRIPT
    run["data"]["dropped"] = [{"id": "x", "reason": '"><img src=x onerror=alert(1)>'}]
    page = report(run, name=SCRIPT)
    assert page.all("script") == [{}]  # ours
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert page.text.count(SCRIPT) >= 3
    assert "<img src=x onerror=alert(1)>" in page.text
    assert SCRIPT in page.all("img")[-1]["alt"]


def test_an_unfinished_run_has_a_report(report):
    run = example() | {"status": "interrupted", "test": None, "localization": None}
    page = report(run)
    assert "not been tested" in page.text
    assert [image["alt"].split()[0] for image in page.all("img")] == ["Loss", "Test"]


def test_a_folder_without_results_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        document.write(tmp_path)


def test_a_run_from_before_its_figures_were_kept_for_the_page_is_drawn(
    report, tmp_path, monkeypatch
):
    """It has PNG files alone, and results without what was added since."""
    monkeypatch.setattr(saving, "DPI", 40)
    run = example()
    located = run["localization"]
    for key in ("against_baselines", "grid", "threshold_from_validation", "pixel_ap"):
        del located[key]
    for name in ("mean_training_mask", "blurred_brightness"):
        del located["baselines"][name], located["baseline_figures"][name]
    for key in ("lesion_auc", "malignancy_auc"):
        del run["test"][key], run["test"][f"{key}_ci95"]
    del run["covering"]
    del run["config"]["cam_method"]
    report(run)
    figures = tmp_path / "run" / "figures"
    for path in figures.glob("*.svg"):
        path.unlink()
    page = Page(document.write(tmp_path / "run").read_text(encoding="utf-8"))
    assert len(page.all("img")) == 6
    drawn = {path.stem for path in figures.glob("*.svg")} - {"confusion"}
    assert drawn | {"covering"} == set(document.FIGURES)
    assert "whether that is within noise is not known" in page.text


def test_covered_lesions_are_shown_where_there_are_any(report, made, tmp_path):
    covering = results.read(made / "results.json")["covering"]
    page = report(example() | {"covering": covering})
    *_, picture, _ = page.all("img")
    assert picture["alt"].startswith("A few test lesions as they are, with the lesion covered")
    assert "From the lesion that lost most of its p(lesion)" in page.text
    (tmp_path / "run" / "figures" / "covering.svg").unlink()
    page = Page(document.write(tmp_path / "run").read_text("utf-8"))
    assert not any(image["alt"].startswith("A few") for image in page.all("img"))


def test_a_finished_report_needs_no_results_file(made, report, tmp_path):
    """What is not written yet can be handed over."""
    run = example()
    report(run)
    (tmp_path / "run" / "results.json").unlink()
    page = Page(document.write(tmp_path / "run", run | {"notes": ["of now"]}).read_text("utf-8"))
    assert "of now" in page.text


def test_the_command_rebuilds_a_report(report, tmp_path, capsys):
    report(example(), folder=tmp_path / "one")
    (tmp_path / "one" / "report.html").unlink()
    assert main(["report", str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "one" / "report.html")]
    assert (tmp_path / "one" / "report.html").is_file()


def test_runs_of_one_name_are_told_apart():
    names = folder.names([Path("a/seed0"), Path("b/seed0"), Path("b/seed1")])
    assert names == ["a/seed0", "b/seed0", "b/seed1"]
    assert folder.names([Path("a/seed0"), Path("b/seed1")]) == ["seed0", "seed1"]
