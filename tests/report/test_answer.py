"""A run's page in a real browser: the answer first, on a phone, by keyboard and on paper.

JAXCBIS_SCREENSHOTS=DIR python -m pytest tests/report/test_answer.py
leaves there what a reader sees at 1440 and 390 pixels, in the dark, and on paper; of the run in
JAXCBIS_SCREENSHOTS_RUN, where that is set.
"""

import json
import os
import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jaxcbis.report import tiles
from jaxcbis.report.page import glossary

PHONE = {"width": 360, "height": 740}


def meaning(key: str) -> str:
    return glossary.TERMS[key].meaning


def test_the_answer_comes_first_and_fits_a_phone(made, open_report):
    results = json.loads((made / "results.json").read_text())
    page = open_report(made / "report.html", viewport=PHONE)
    assert page.title() == ("Run: ResNet50, S2, paper protocol, seed 0 (DEMO DATA, random weights)")
    shown = page.locator(".tiles li")
    for k, tile in enumerate(tiles.of(results)):
        text = shown.nth(k).inner_text().split("\n")
        told = [tile.name, f"{tile.value} {tile.interval}", tile.blind, tile.paper, tile.note]
        flat = re.sub(r"\s+", " ", " ".join(text))
        assert flat == " ".join(
            [told[0], told[1], "Best blind", told[2], "Paper", *filter(None, told[3:])]
        )
    low, high = results["test"]["accuracy_ci95"]
    accuracy = f"{results['test']['accuracy']:.2f}", f"{low:.2f} to {high:.2f}"
    first = shown.first
    assert (first.locator(".value").inner_text(), first.locator(".interval").inner_text()) == (
        accuracy
    )
    tops = [page.locator(each).bounding_box()["y"] for each in (".tiles", ".warnings", "nav")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    cut = "e => e.filter(t => t.scrollWidth > t.clientWidth).map(t => t.ariaLabel)"
    assert page.locator(".beside .table").count() == 2
    assert page.locator(".beside .table").evaluate_all(cut) == []

    # The parts are a click away wherever one reads.
    names = page.locator("nav a").all_inner_texts()
    assert names == ["Results", "Tables", "Gallery", "About", "Glossary"]
    inside = "a => a.every(e => e.getBoundingClientRect().right <= innerWidth)"
    assert page.locator("nav a").evaluate_all(inside)
    page.get_by_role("link", name="Tables", exact=True).click()
    expect(page.locator("nav a[aria-current]")).to_have_text("Tables")
    assert page.locator("nav").bounding_box()["y"] == 0
    under = page.locator("#tables h2").bounding_box()["y"]
    assert page.locator("nav").bounding_box()["height"] <= under < 150
    page.get_by_role("link", name="About").focus()
    page.keyboard.press("Enter")
    expect(page.locator("nav a[aria-current]")).to_have_text("About")


def test_terms_explain_themselves_to_pointer_keyboard_and_reader(made, open_report):
    page = open_report(made / "report.html")
    tip, term = page.locator(".tip"), page.locator(".verdict a[href='#term-ll']")
    expect(tip).to_be_hidden()
    term.hover()
    expect(tip).to_have_text(meaning("ll"))
    tip.hover()  # the pointer may go there to read on
    page.wait_for_timeout(300)
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.locator(".verdict a[href='#term-blind']").focus()
    expect(tip).to_have_text(meaning("blind"))
    found = Axe().run(page, context=".tip")
    assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "term"
    described = page.locator("a.term").evaluate_all(
        "a => a.map(e => document.getElementById(e.getAttribute('aria-describedby')).textContent)"
    )
    assert set(described) <= {each.meaning for each in glossary.TERMS.values()}
    term.click()  # leads to the list
    assert page.url.endswith("#term-ll")
    expect(page.locator("#term-ll")).to_be_in_viewport()


def test_a_term_is_tapped_on_a_phone(made, open_report):
    page = open_report(made / "report.html", viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator(".tiles a[href='#term-auc']").last.tap()
    tip = page.locator(".tip")
    expect(tip).to_have_text(meaning("auc"))
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert "#term" not in page.url
    page.locator("h1").tap()
    expect(tip).to_be_hidden()


def test_the_command_is_copied(made, open_report):
    page = open_report(made / "report.html", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    command = "jaxcbis train --backbone resnet50 --strategy s2"
    assert page.evaluate("navigator.clipboard.readText()") == command
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("Selected: press Ctrl+C")
    assert page.evaluate("getSelection().toString()") == command


def test_nothing_stays_folded_on_paper(made, open_report):
    page = open_report(made / "report.html", viewport={"width": 794, "height": 1123})  # A4
    details = page.locator("details")
    before = page.locator("details[open]").count()
    assert before < details.count()
    page.emulate_media(media="print")
    expect(page.locator("details[open]")).to_have_count(details.count())
    for hidden in ("nav", ".tip", "#copy", ".skip"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator("#glossary dd").last).to_be_visible()
    # A title stays with what it is the title of.
    for whole in (".beside .table", ".figures > section", ".tiles li"):
        kept = page.locator(whole).evaluate_all("e => e.map(x => getComputedStyle(x).breakInside)")
        assert set(kept) == {"avoid"}
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) <= 9
    page.emulate_media(media="screen")
    expect(page.locator("details[open]")).to_have_count(before)


def test_what_a_reader_sees(made, open_report, tmp_path):
    folder = Path(os.environ.get("JAXCBIS_SCREENSHOTS", tmp_path))
    run = Path(os.environ.get("JAXCBIS_SCREENSHOTS_RUN", made))
    folder.mkdir(exist_ok=True)
    page = open_report(run / "report.html")
    expect(page.locator(".tiles li")).to_have_count(4)
    for name, width, height, scheme in (
        ("1440", 1440, 900, "light"), ("390", 390, 844, "light"), ("dark", 1440, 900, "dark"),
    ):  # fmt: skip
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=str(folder / f"report-{name}.png"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.screenshot(path=str(folder / "report-print.png"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    if "JAXCBIS_SCREENSHOTS" in os.environ:
        page.pdf(path=str(folder / "report-print.pdf"), format="A4")
