"""comparison.html in a real browser, loaded once.

JAXCBIS_SCREENSHOTS=DIR python -m pytest tests/report/comparison/test_browser.py -k screenshots
leaves pictures in DIR; of the runs in JAXCBIS_SCREENSHOTS_RUNS (folders, by colons), if it is set.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jaxcbis.report.comparison import document
from tests.report.comparison import runs
from tests.report.in_browser import answers, close_dialog, names

SIZES = {"1440": (1440, 1000, "light"), "dark": (1440, 1000, "dark"), "390": (390, 844, "light")}


@pytest.fixture(scope="module")
def compared(made, tmp_path_factory):
    """A page of three runs, the second at another image size; and who is right on which patch."""
    place = tmp_path_factory.mktemp("compared")
    folders = runs.written(place, "abc", made / "figures")
    right = {}
    for folder in folders:
        right[folder.name] = {row["id"]: row["right"] for row in answers(folder)}
    return document.write(place / "comparison.html", folders), right


def test_filters_address_and_patches(compared, open_report):
    path, right = compared
    of_a, of_b, of_c = right["a"], right["b"], right["c"]
    page = open_report(path, "#show=only-b&b=c")
    expect(page.locator("#count")).to_contain_text("of 24 patches")
    assert names(page) == [name for name in of_a if of_c[name] and not of_a[name]] != []
    assert page.locator("[name=b]").input_value() == "c"

    page.locator("[name=b]").select_option("b")
    assert page.url.endswith("#show=only-b")
    for text, expected in (
        ("A right, B wrong", [name for name in of_a if of_a[name] and not of_b[name]]),
        ("all wrong", [name for name in of_a if not (of_a[name] or of_b[name] or of_c[name])]),
        ("all right", [name for name in of_a if of_a[name] and of_b[name] and of_c[name]]),
    ):
        page.get_by_text(text).click()
        assert names(page) == expected, text
        chip = page.locator("label", has_text=text)
        assert chip.inner_text() == f"{text} ({len(expected)})"
    assert page.url.endswith("#show=all-right")

    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#cards a")).to_have_count(24)
    assert page.url.endswith("#gallery")
    first = page.locator("#cards li").first
    first.scroll_into_view_if_needed()
    expect(first.locator("canvas")).to_have_count(3)
    expect(first.locator(".run")).to_have_text(["a", "b", "c"])

    page.locator("#cards a").first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog")
    expect(dialog.locator("#patch-title")).to_have_text("patch_0000")
    assert "patch=patch_0000" in page.url
    expect(dialog.locator("thead th")).to_have_text(["class", "a", "b", "c"])
    page.keyboard.press("ArrowRight")
    expect(dialog.locator("#patch-title")).to_have_text("patch_0001")
    opened = Axe().run(page, context="dialog")
    assert opened.violations_count == 0, opened.generate_report()
    close_dialog(page)

    page.evaluate("location.hash = 'show=all-wrong&true=9&patch=nobody'")  # not all of it is known
    expect(page.locator("input[value=all-wrong]")).to_be_checked()
    assert page.locator("[name=true]").input_value() == ""
    page.evaluate("location.hash = 'figures'")
    expect(page.locator("input[value=all-wrong]")).to_be_checked()  # a link is no filter


def test_nobody_is_shut_out(compared, open_report):
    """The rules of axe-core by light and dark, a phone, and paper."""
    page = open_report(compared[0])
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        everything = Axe().run(page)
        assert everything.violations_count == 0, everything.generate_report()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(media="print", color_scheme="light")
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.get_by_text("can be looked through on a screen")).to_be_visible()


def test_screenshots(compared, open_report, tmp_path):
    """The answer at the top, and the patches that one run alone has right."""
    folder = Path(os.environ.get("JAXCBIS_SCREENSHOTS", tmp_path))
    folder.mkdir(exist_ok=True, parents=True)
    path = compared[0]
    if given := os.environ.get("JAXCBIS_SCREENSHOTS_RUNS"):
        path = document.write(tmp_path / "comparison.html", [Path(run) for run in given.split(":")])
    page = open_report(path, "#show=only-b")
    expect(page.locator("#count")).to_contain_text("patches")
    for name, (width, height, scheme) in SIZES.items():
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        for part, goal in (("top", "header"), ("patches", "#gallery")):
            page.locator(goal).evaluate("e => e.scrollIntoView()")
            if part == "patches":
                expect(page.locator("#cards canvas").first).to_be_visible()
            file = folder / f"comparison-{part}-{name}.png"
            page.screenshot(path=file)
            picture = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert picture.shape == (height, width)
            assert picture.std() > 10, "there is nothing on it"
