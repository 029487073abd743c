"""The report in a real browser.

JAXCBIS_SCREENSHOTS=docs python -m pytest tests/report/test_browser.py -k screenshot
writes the picture that docs/ shows; of the run in JAXCBIS_SCREENSHOTS_RUN, where that is set.
"""

import json
import os
from pathlib import Path

import cv2
import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jaxcbis.labels import LABELS
from jaxcbis.report.page import document
from tests.report.in_browser import answers, names

EVIL = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>'


def table(page, title: str) -> dict[str, list[str]]:
    """First cell -> the other cells of the table whose caption begins so."""
    rows = page.locator("table", has=page.locator("caption", has_text=title)).first.locator("tr")
    cells = rows.evaluate_all("r => r.map(e => [...e.children].map(c => c.textContent))")
    return {row[0]: row[1:] for row in cells}


def test_what_is_shown_equals_the_files(made, open_report):
    run = made
    found = json.loads((run / "results.json").read_text())
    page = open_report(run / "report.html")
    expect(page.locator("h1")).to_contain_text("DEMO DATA")
    expect(page.locator(".verdict")).to_contain_text(f"{found['test']['accuracy']:.2f}")
    expect(page.get_by_label("Warnings")).to_contain_text("Random weights")
    expect(page.get_by_label("Warnings")).to_contain_text("Label normalisation")
    headline = table(page, "resnet50 s2")
    low, high = found["test"]["accuracy_ci95"]
    accuracy = f"{found['test']['accuracy']:.2f} ({low:.2f} to {high:.2f})"
    assert headline["accuracy (95 % interval)"][0] == accuracy
    per_class = table(page, "Per class and overall")
    for label in LABELS:
        ours = found["test"]["per_class"][label]
        assert per_class[label][0] == str(ours["support"])
        low, high = ours["ci95"]["recall"]
        assert per_class[label][2] == f"{ours['recall']:.2f} ({low:.2f}-{high:.2f})"
    for name in ("ROC", "Precision", "Share of right", "Loss", "LL score"):
        expect(page.locator(f'img.drawing[alt^="{name}"]')).to_have_count(1)
    broken = "i => i.filter(e => e.complete && !e.naturalWidth).length"
    assert page.locator("img.drawing").evaluate_all(broken) == 0
    labels = page.locator(".cards a").evaluate_all("a => a.map(e => e.getAttribute('aria-label'))")
    assert labels == [
        f"{row['id']}: {row['label']}, predicted {row['predicted']} {row['confidence']:.3f}, "
        f"{'right' if row['right'] else 'wrong'}"
        + ("" if row["iou"] is None else f", IoU {row['iou']:.2f}")
        for row in answers(run)
    ]


def test_markup_in_names_is_shown_as_text(copy, open_report):
    evil = json.dumps(EVIL)[1:-1]
    for file, told in (
        ("results.json", evil), ("gallery.json", evil),
        ("predictions.csv", '"' + EVIL.replace('"', '""') + '"'),
    ):  # fmt: skip
        text = (copy / file).read_text().replace("patch_0000", told)
        (copy / file).write_text(text.replace('"name": "demo"', f'"name": "{told}"'))
    page = open_report(document.write(copy))
    assert page.title().startswith("Run: ResNet50")
    assert EVIL in page.locator("header").inner_text()
    assert names(page)[0].startswith("<img src=x")
    page.locator(".cards a").first.click()
    expect(page.locator("#patch-title")).to_have_text(EVIL)
    assert page.locator("img[src=x]").count() == 0
    assert page.title().startswith("Run: ResNet50")


def brightness(page) -> tuple[float, float, float]:
    """Of the ROC curve as it is seen: the darkest, the usual and the brightest pixel, 0 to 255."""
    png = page.locator('img.drawing[alt^="ROC"]').screenshot()
    seen = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    return float(seen.min()), float(np.median(seen)), float(seen.max())


def test_nobody_is_shut_out(made, open_report):
    """Labels, contrast, headings and so on, by the rules of axe-core; ink that is seen; a phone;
    and paper, which is white whatever the screen was."""
    page = open_report(made / "report.html")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        everything = Axe().run(page)
        assert everything.violations_count == 0, everything.generate_report()
        darkest, usual, brightest = brightness(page)
        if scheme == "light":
            assert (usual, darkest < 60) == (255, True)
        else:
            assert (usual < 40, brightest > 200) == (True, True)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 794, "height": 1123})  # A4
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".cards")).to_be_hidden()
    expect(page.locator(".controls")).to_be_hidden()
    expect(page.locator("#tables")).to_be_visible()
    darkest, usual, _ = brightness(page)
    assert (usual, darkest < 60) == (255, True)


def test_without_scripts_all_but_the_gallery_is_there(made, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((made / "report.html").as_uri())
        expect(page.locator(".verdict")).to_be_visible()
        expect(page.get_by_text("The gallery needs JavaScript")).to_be_visible()
        expect(page.locator(".controls")).to_be_hidden()


def test_screenshot(made, open_report, tmp_path):
    folder = Path(os.environ.get("JAXCBIS_SCREENSHOTS", tmp_path))
    run = Path(os.environ.get("JAXCBIS_SCREENSHOTS_RUN", made))
    page = open_report(run / "report.html", "#gallery", viewport={"width": 1200, "height": 800})
    page.get_by_label("Maps on all patches").check()
    expect(page.locator(".cards canvas").first).to_be_visible()  # made when it comes into view
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == (800, 1200)
    assert picture.std() > 20, "there is nothing on it"
    folder.mkdir(exist_ok=True)
    file = str(folder / "report-gallery.png")
    cv2.imwrite(file, picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
