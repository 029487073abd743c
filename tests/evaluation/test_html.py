"""report.html is one file, readable without a network, and shows names as text."""

import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.report import figures, html, results, tables
from tests.evaluation.example_run import results as example

SCRIPT = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def report(folder, run) -> Page:
    results.write(folder / "results.json", run)
    figures.write(folder, run)
    (folder / "cams").mkdir()
    cv2.imwrite(str(folder / "cams" / "patch_1.png"), np.zeros((8, 8, 3), np.uint8))
    (folder / "predictions.csv").write_text(
        f"id,patient_id,label,predicted,iou\npatch_1,P_1,BENIGN_Mass,{SCRIPT},0.25\n"
    )
    return Page(html.write(folder).read_text(encoding="utf-8"))


def test_self_contained_and_well_formed(tmp_path):
    page = report(tmp_path, example())
    assert page.open == []
    images = page.all("img")
    assert len(images) == 3
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert all(image["alt"] for image in images)
    assert "IoU 0.25" in images[2]["alt"]
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object")]
    assert not re.search(r"https?://|url\(", (tmp_path / "report.html").read_text())


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
    page = report(tmp_path, run)
    assert page.all("script") == []
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert page.text.count(SCRIPT) >= 3
    assert "<img src=x onerror=alert(1)>" in page.text
    assert SCRIPT in page.all("img")[2]["alt"]


def test_an_unfinished_run_has_a_report(tmp_path):
    run = example() | {"status": "interrupted", "test": None, "localization": None}
    assert "not been tested" in report(tmp_path, run).text


def test_a_folder_without_results_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        html.write(tmp_path)
