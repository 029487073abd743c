"""The report in a real browser.

JAXCBIS_SCREENSHOTS=docs python -m pytest tests/report/test_browser.py -k screenshot
writes the picture that docs/ shows; of the run in JAXCBIS_SCREENSHOTS_RUN, where that is set.
"""

import csv
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jaxcbis.labels import LABELS
from jaxcbis.report.page import document, gallery
from tests.report import made_run

EVIL = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>'


def answers(run):
    """Rows of predictions.csv as the report should show them, in the order of the file."""
    with (run / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["confidence"] = max(float(row[label]) for label in LABELS)
        row["right"] = row["label"] == row["predicted"]
        row["iou"] = float(row["iou"]) if row["iou"] else None
    return rows


def names(page) -> list[str]:
    """Ids of the cards shown, in order."""
    texts = page.locator(".cards a").evaluate_all("a => a.map(e => e.getAttribute('aria-label'))")
    return [text.split(":")[0] for text in texts]


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
    per_class = table(page, "Per class, with")
    for label in LABELS:
        ours = found["test"]["per_class"][label]
        assert per_class[label][0] == str(ours["support"])
        low, high = ours["ci95"]["recall"]
        assert per_class[label][2] == f"{ours['recall']:.2f} ({low:.2f}–{high:.2f})"
    for name in ("Confusion", "ROC", "Precision", "Share of right", "Loss", "LL score"):
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


def test_filters_and_sort(made, open_report):
    run = made
    rows = answers(run)
    page = open_report(run / "report.html")

    def shown(**choice) -> list[str]:
        page.get_by_role("button", name="Reset").click()
        for id, value in choice.items():
            control = page.locator(f"#{id.replace('_', '-')}")
            (control.fill if "iou_" in id else control.select_option)(value)
        ids = names(page)
        assert page.locator("#count").inner_text() == f"{len(ids)} of {len(rows)} patches."
        return ids

    def ids(keep, key=None):
        return [
            row["id"]
            for row in (sorted(filter(keep, rows), key=key) if key else filter(keep, rows))
        ]

    assert shown() == [row["id"] for row in rows]
    for k, label in enumerate(LABELS):
        assert shown(truth=str(k)) == ids(lambda r, label=label: r["label"] == label)
        assert shown(predicted=str(k)) == ids(lambda r, label=label: r["predicted"] == label)
    assert shown(answer="right") == ids(lambda r: r["right"])
    assert shown(answer="wrong", truth="4") == ids(
        lambda r: not r["right"] and r["label"] == LABELS[4]
    )
    ious = sorted(row["iou"] for row in rows if row["iou"] is not None)
    low, high = f"{ious[3]:.2f}", f"{ious[-3]:.2f}"
    between = shown(iou_low=low, iou_high=high)
    assert between == ids(lambda r: r["iou"] is not None and float(low) <= r["iou"] <= float(high))
    assert 0 < len(between) < len(ious)
    assert shown(sort="confidence-down") == ids(lambda r: True, lambda r: -r["confidence"])
    assert shown(sort="confidence-up") == ids(lambda r: True, lambda r: r["confidence"])
    assert shown(sort="iou-down") == ids(
        lambda r: True, lambda r: (r["iou"] is None, -(r["iou"] or 0))
    )
    assert shown(sort="iou-up") == ids(lambda r: True, lambda r: (r["iou"] is None, r["iou"] or 0))


def test_links_and_keyboard(made, open_report):
    run = made
    rows = answers(run)
    page = open_report(run / "report.html", f"#patch={rows[3]['id']}")
    dialog = page.locator("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("#patch-title")).to_have_text(rows[3]["id"])
    shown = dialog.locator("tbody tr").evaluate_all(
        "r => r.map(e => [e.children[0].textContent, e.children[2].textContent])"
    )
    assert shown == [[label, f"{float(rows[3][label]):.3f}"] for label in LABELS]
    page.keyboard.press("ArrowRight")
    expect(dialog.locator("#patch-title")).to_have_text(rows[4]["id"])
    assert page.url.endswith(f"#patch={rows[4]['id']}")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(dialog.locator("#patch-title")).to_have_text(rows[2]["id"])
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).not_to_have_url(re.compile("patch="))  # it hears of its end a little later
    focused = "document.activeElement.getAttribute('aria-label').split(':')[0]"
    assert page.evaluate(focused) == rows[2]["id"]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == rows[3]["id"]
    page.keyboard.press("End")
    assert page.evaluate(focused) == rows[-1]["id"]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    columns = page.evaluate("getComputedStyle(byId('cards')).gridTemplateColumns").count("px")
    assert page.evaluate(focused) == rows[columns]["id"]
    page.keyboard.press("Enter")
    expect(dialog.locator("#patch-title")).to_have_text(rows[columns]["id"])
    page.evaluate("location.hash = 'patch=nobody'")
    expect(dialog).to_be_hidden()


def test_map_and_outline_lie_where_the_run_has_them(made, open_report):
    """The canvas against cv2's own upsampling, the outline against the mask."""
    page = open_report(made / "report.html", "#gallery")
    held = gallery.read(made)
    masks = made_run.make_patches(np.random.default_rng(0), 40, 64).masks
    for k, item in enumerate(held["patches"][:8]):
        card = page.locator(".cards li").nth(k)
        card.scroll_into_view_if_needed()
        expect(card.locator("canvas")).to_have_count(1)
        drawn = card.locator("canvas").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        alpha = np.array(drawn, float).reshape(64, 64, 4)[..., 3]
        coarse = np.frombuffer(made_run.decoded(item["map"]), np.uint8).reshape(7, 7)
        expected = 0.6 * cv2.resize(coarse.astype(np.float32), (64, 64))
        np.testing.assert_allclose(alpha, expected, atol=1.5)
        box = card.locator("path").evaluate(
            "p => { const b = p.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height]; }"
        )
        y, x = np.nonzero(masks[k])
        expected = (x.min(), y.min(), x.max() + 1, y.max() + 1) if len(x) else (0, 0, 0, 0)
        np.testing.assert_allclose(np.array(box) * 64, expected, atol=1)


def test_markup_in_names_is_shown_as_text(copy, open_report):
    evil = json.dumps(EVIL)[1:-1]
    for file, told in (
        ("results.json", evil), ("gallery.json", evil),
        ("predictions.csv", '"' + EVIL.replace('"', '""') + '"'),
    ):  # fmt: skip
        text = (copy / file).read_text().replace("patch_0000", told)
        (copy / file).write_text(text.replace('"name": "demo"', f'"name": "{told}"'))
    page = open_report(document.write(copy))
    assert page.title().startswith("resnet50")
    assert EVIL in page.locator("header").inner_text()
    assert names(page)[0].startswith("<img src=x")
    page.locator(".cards a").first.click()
    expect(page.locator("#patch-title")).to_have_text(EVIL)
    assert page.locator("img[src=x]").count() == 0
    assert page.title().startswith("resnet50")


def test_runs_side_by_side(made, tmp_path, open_report):
    runs = [
        made_run.write(tmp_path / name, count=24, seed=k, drawn=made / "figures")
        for k, name in enumerate("ab")
    ]
    page = open_report(document.compare(tmp_path / "both.html", runs))
    found = [json.loads((run / "results.json").read_text())["test"] for run in runs]
    side = table(page, "Side by side")
    for name, test in zip("ab", found, strict=True):
        assert side[name][1].startswith(f"{test['accuracy']:.2f} (")
    expect(page.locator('img.drawing[alt^="Confusion"]')).to_have_count(2)
    expect(page.locator('.overview img[alt^="Accuracy and LL score of every run"]')).to_be_visible()
    assert len(names(page)) == 24  # of both runs, each shown once
    page.locator("#answer").select_option("wrong")
    for k, run in enumerate(runs):
        page.get_by_label("Answers of").select_option(str(k))
        assert names(page) == [row["id"] for row in answers(run) if not row["right"]]
    page.locator(".cards a").first.click()
    expect(page.locator("dialog h3")).to_have_text(["a", "b"])
    assert page.locator("[id]").evaluate_all("e => new Set(e.map(x => x.id)).size") == (
        page.locator("[id]").count()
    )


def test_runs_that_cut_a_patch_differently_show_it_twice(made, tmp_path, open_report):
    runs = [
        made_run.write(tmp_path / name, count=10, size=size, drawn=made / "figures")
        for name, size in (("a", 32), ("b", 64))
    ]
    page = open_report(document.compare(tmp_path / "both.html", runs), "#patch=patch_0003~1")
    expect(page.locator("dialog h3")).to_have_text(["b"])
    page.keyboard.press("Escape")
    expect(page.locator("#count")).to_have_text("10 of 20 patches.")


def brightness(page) -> tuple[float, float, float]:
    """Of the ROC curve as it is seen: the darkest, the usual and the brightest pixel, 0 to 255."""
    png = page.locator('img.drawing[alt^="ROC"]').screenshot()
    seen = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    return float(seen.min()), float(np.median(seen)), float(seen.max())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(made, open_report, scheme):
    """Labels, contrast, headings and so on, by the rules of axe-core; and ink that is seen."""
    page = open_report(made / "report.html", color_scheme=scheme)
    everything = Axe().run(page)
    assert everything.violations_count == 0, everything.generate_report()
    darkest, usual, brightest = brightness(page)
    if scheme == "light":
        assert (usual, darkest < 60) == (255, True)
    else:
        assert (usual < 40, brightest > 200) == (True, True)
    page.locator(".cards a").first.click()
    expect(page.locator("dialog")).to_be_visible()
    patch = Axe().run(page, context="dialog")
    assert patch.violations_count == 0, patch.generate_report()


def test_on_a_phone_and_on_paper(made, open_report):
    page = open_report(made / "report.html", viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".cards")).to_be_hidden()
    expect(page.locator(".controls")).to_be_hidden()
    expect(page.locator("#tables")).to_be_visible()
    darkest, usual, _ = brightness(page)  # paper is white, whatever the screen was
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
    expect(page.locator(".cards canvas").first).to_be_visible()  # made when it comes into view
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == (800, 1200)
    assert picture.std() > 20, "there is nothing on it"
    folder.mkdir(exist_ok=True)
    file = str(folder / "report-gallery.png")
    cv2.imwrite(file, picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
