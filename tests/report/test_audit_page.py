"""The page of an audit, in a browser.

JAXCBIS_SCREENSHOTS=DIR python -m pytest tests/report/test_audit_page.py
leaves pictures of it in DIR; of the audit in JAXCBIS_SCREENSHOTS_AUDIT, if it is set.
"""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jaxcbis.audit import pages, questions
from jaxcbis.commands.main import main
from jaxcbis.errors import UserError
from tests.audit.looking import made

SIZES = {"1440": (1440, 1000, "light"), "dark": (1440, 1000, "dark"), "390": (390, 844, "light")}


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """The folder of an audit of three runs on demo data, one of them not yet asked all."""
    folder = tmp_path_factory.mktemp("audit")
    drawn = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cv2.imwrite(str(folder / "looking.png"), drawn)
    found = made.audit(made.looking()) | {
        "schema": 1,
        "runs": ["clean", "plain", "<b>term</b>"],
        "notes": ["demo data: synthetic phantoms", "a <b>note</b>"],
    }
    (folder / "audit.json").write_text(json.dumps(found))
    return folder


def test_the_page_answers_first_and_shuts_nobody_out(audited, open_report, capsys, tmp_path):
    assert main(["report", str(audited)]) == 0
    path = audited / "report.html"
    assert capsys.readouterr().out.split() == [str(path)]
    found = json.loads((audited / "audit.json").read_text())
    page = open_report(path)
    expect(page.locator("h1")).to_have_text("Audit of 3 runs DEMO DATA")
    captions = page.locator("caption").all_text_contents()
    told = page.locator(".answers > div")
    for each, box in zip(questions.of(found), told.all(), strict=True):
        assert box.locator("dt").inner_text() == each.question
        assert box.locator("dd").inner_text() == each.answer
        for table in each.tables:
            assert captions.count(table.title) == 1
    expect(page.get_by_label("Warnings")).to_contain_text("was asked of 0 of 3 runs")
    assert page.locator(".looking img").evaluate("i => i.naturalWidth") == 60
    assert "a <b>note</b>" in page.locator("#notes").inner_text()

    path = pages.page(Path(os.environ.get("JAXCBIS_SCREENSHOTS_AUDIT", audited)))
    folder = Path(os.environ.get("JAXCBIS_SCREENSHOTS", tmp_path))
    folder.mkdir(exist_ok=True, parents=True)
    page.goto(path.as_uri())
    for name, (width, height, scheme) in SIZES.items():
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        everything = Axe().run(page)
        assert everything.violations_count == 0, everything.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=folder / f"audit-{name}.png")


def test_an_audit_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "audit.json").write_text("{")
    with pytest.raises(UserError, match="is no valid JSON"):
        pages.page(tmp_path)
