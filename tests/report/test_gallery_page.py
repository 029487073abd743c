"""The gallery and a patch's page in a real browser.

JAXCBIS_SCREENSHOTS=DIR python -m pytest tests/report/test_gallery_page.py -k screenshots
writes pictures of them; of the run in JAXCBIS_SCREENSHOTS_RUN, where that is set.
"""

import itertools
import json
import os
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jaxcbis.labels import LABELS
from jaxcbis.report.page import document, gallery
from tests.report import made_run
from tests.report.in_browser import answers, close_dialog, expect_names, names

FOCUSED = "document.activeElement.getAttribute('aria-label').split(':')[0]"


def control(page, name: str):
    return page.locator(f"#filters [name={name}]")


def ids(rows, keep=lambda row: True, key=None) -> list[str]:
    kept = filter(keep, rows)
    return [row["id"] for row in (sorted(kept, key=key) if key else kept)]


def test_filters_and_sort(made, open_report):
    rows = answers(made)
    page = open_report(made / "report.html")

    def shown(**choice) -> list[str]:
        page.evaluate(
            "wanted => { choose(new URLSearchParams(wanted)); choiceMade(); }",
            {name.replace("_", "-"): value for name, value in choice.items()},
        )
        found = names(page)
        told = page.locator("#count").inner_text()
        assert told.startswith(f"{len(found)} of {len(rows)} patches")
        return found

    assert shown() == ids(rows)
    for label in LABELS:
        assert shown(true=label) == ids(rows, lambda r, label=label: r["label"] == label)
        assert shown(predicted=label) == ids(rows, lambda r, label=label: r["predicted"] == label)
    for kind in ("MALIGNANT", "BENIGN"):
        assert shown(true=kind) == ids(rows, lambda r, kind=kind: r["label"].startswith(kind))
    assert shown(answer="right") == ids(rows, lambda r: r["right"])
    assert shown(answer="wrong", true=LABELS[4]) == ids(
        rows, lambda r: not r["right"] and r["label"] == LABELS[4]
    )
    assert 0 < len(shown(sure="0.6")) < len(rows)
    assert shown(sure="0.6") == ids(rows, lambda r: r["confidence"] >= 0.6)
    ious = sorted(row["iou"] for row in rows if row["iou"] is not None)
    low, high = f"{ious[3]:.2f}", f"{ious[-3]:.2f}"
    between = shown(iou_from=low, iou_to=high)
    assert between == ids(
        rows, lambda r: r["iou"] is not None and float(low) <= r["iou"] <= float(high)
    )
    assert 0 < len(between) < len(ious)
    for key, of in (("confidence", lambda r: r["confidence"]), ("iou", lambda r: r["iou"] or 0)):
        for direction, sign in (("down", -1), ("up", 1)):
            assert shown(sort=f"{key}-{direction}") == ids(
                rows, key=lambda r, of=of, sign=sign: (r[key] is None, sign * of(r))
            )


def test_the_address_holds_the_filters(made, open_report):
    """Of a cell of the confusion matrix, a quick filter or a control; a patch and a part of the
    page leave them as they are."""
    rows = answers(made)
    page = open_report(made / "report.html")
    everything = ids(rows)

    # A cell for every pair of classes that has patches, each with their number.
    pairs = Counter((row["label"], row["predicted"]) for row in rows)
    cells = page.locator(".confusion td a").evaluate_all(
        "a => a.map(e => [e.getAttribute('href'), e.querySelector('small').textContent])"
    )
    assert dict(cells) == {
        f"#true={label}&predicted={predicted}": str(count)
        for (label, predicted), count in pairs.items()
    }
    (label, predicted), _ = max(pairs.items(), key=lambda pair: (pair[0][0] != pair[0][1], pair[1]))
    cell = page.locator(f'.confusion a[href="#true={label}&predicted={predicted}"]')
    cell.focus()
    page.keyboard.press("Enter")
    of_cell = ids(rows, lambda r: (r["label"], r["predicted"]) == (label, predicted))
    expect_names(page, of_cell)
    assert page.evaluate("document.activeElement.id") == "gallery-title"
    expect(page.locator("#gallery-title")).to_be_in_viewport()
    expect(cell).to_have_attribute("aria-current", "true")
    assert control(page, "true").input_value() == label
    page.evaluate("scrollTo(0, 0)")
    cell.click()  # again
    expect(page.locator("#gallery-title")).to_be_in_viewport()

    page.reload()
    assert names(page) == of_cell
    page.get_by_role("link", name="wrong and sure").click()
    expect(page).to_have_url(re.compile(r"#answer=wrong&sure=0\.8&sort=confidence-down$"))
    sure = ids(
        rows, lambda r: not r["right"] and r["confidence"] >= 0.8, lambda r: -r["confidence"]
    )
    expect_names(page, sure)
    page.get_by_role("link", name="malignant called benign").click()
    missed = ids(
        rows,
        lambda r: r["label"].startswith("MALIGNANT") and r["predicted"].startswith("BENIGN"),
        lambda r: -r["confidence"],
    )
    expect(page).to_have_url(re.compile("#true=MALIGNANT&predicted=BENIGN&sort=confidence-down$"))
    assert missed
    expect_names(page, missed)
    control(page, "sort").select_option("")
    expect(page).to_have_url(re.compile("#true=MALIGNANT&predicted=BENIGN$"))

    # A link to another part of the page keeps them; a patch is one step of the history.
    page.evaluate("location.hash = 'tables'")
    expect(page).to_have_url(re.compile("#tables&true=MALIGNANT&predicted=BENIGN$"))
    page.go_back()
    expect(page).to_have_url(re.compile("#true=MALIGNANT&predicted=BENIGN$"))
    expect_names(page, sorted(missed))  # in the order of the file
    page.locator(".cards a").first.click()
    expect(page.locator("dialog")).to_be_visible()
    page.go_back()
    expect(page.locator("dialog")).to_be_hidden()
    for expected in (missed, sure, of_cell, everything):
        page.go_back()
        expect_names(page, expected)
    page.go_forward()
    expect_names(page, of_cell)

    # Nothing passes: what to do.
    control(page, "iou-from").fill("0.99")
    control(page, "iou-from").blur()
    expect(page.locator("#count")).to_have_text(
        f"0 of {len(rows)} patches: true class {label}, predicted class {predicted}, IoU from 0.99."
    )
    expect(page.locator("#nothing")).to_contain_text("Widen a filter, or clear all filters.")
    page.locator("#nothing button").click()
    expect(page).to_have_url(re.compile("#gallery$"))
    expect(page.locator("#nothing")).to_be_hidden()
    expect_names(page, everything)

    # What the report does not have is named.
    page.evaluate("location.hash = 'true=NOBODY&answer=right&patch=none'")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("does not have: true=NOBODY, patch=none.")
    expect_names(page, ids(rows, lambda r: r["right"]))
    control(page, "answer").select_option("")
    expect(notice).to_be_hidden()


def test_links_and_keyboard(made, open_report):
    rows = answers(made)
    page = open_report(made / "report.html", f"#patch={rows[3]['id']}")
    dialog, title = page.locator("dialog"), page.locator("#patch-title")
    expect(title).to_have_text(rows[3]["id"])
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text(rows[4]["id"])
    assert page.url.endswith(f"#patch={rows[4]['id']}")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text(rows[2]["id"])
    close_dialog(page)
    assert page.evaluate(FOCUSED) == rows[2]["id"]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUSED) == rows[3]["id"]
    page.keyboard.press("End")
    assert page.evaluate(FOCUSED) == rows[-1]["id"]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    columns = page.evaluate("getComputedStyle(byId('cards')).gridTemplateColumns").count("px")
    assert page.evaluate(FOCUSED) == rows[columns]["id"]
    page.keyboard.press("Enter")
    expect(title).to_have_text(rows[columns]["id"])
    close_dialog(page)
    assert page.evaluate(FOCUSED) == rows[columns]["id"]
    page.evaluate(f"location.hash = 'patch={rows[0]['id']}'")
    expect(title).to_have_text(rows[0]["id"])
    page.evaluate("location.hash = 'patch=nobody'")
    expect(dialog).to_be_hidden()


def pixels(canvas) -> np.ndarray:
    """Opacities of a map's picture, [64, 64]."""
    drawn = canvas.evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(drawn, float).reshape(64, 64, 4)[..., 3]


def enlarged(shares: str) -> np.ndarray:
    """The same by cv2's own upsampling."""
    coarse = np.frombuffer(made_run.decoded(shares), np.uint8).reshape(7, 7)
    return 0.6 * cv2.resize(coarse.astype(np.float32), (64, 64))


def test_a_card_shows_its_patch_first_and_its_map_when_asked(made, open_report):
    """The map lies where the run has it, the outline around the mask."""
    page = open_report(made / "report.html", "#gallery")
    held = gallery.read(made)
    masks = made_run.make_patches(np.random.default_rng(0), 40, 64).masks
    for k, item in enumerate(held["patches"][:4]):
        card = page.locator(".cards li").nth(k)
        card.scroll_into_view_if_needed()
        canvas = card.locator("canvas")
        expect(canvas).to_have_count(1)
        np.testing.assert_allclose(pixels(canvas), enlarged(item["map"]), atol=1.5)
        box = card.locator(".outline path").evaluate(
            "p => { const b = p.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height]; }"
        )
        y, x = np.nonzero(masks[k])
        expected = (x.min(), y.min(), x.max() + 1, y.max() + 1) if len(x) else (0, 0, 0, 0)
        np.testing.assert_allclose(np.array(box) * 64, expected, atol=1)
    first, second = (page.locator(".cards canvas").nth(k) for k in range(2))
    page.mouse.move(0, 0)
    expect(first).to_be_hidden()
    page.locator(".cards a").first.hover()
    expect(first).to_be_visible()
    page.locator(".cards a").first.focus()
    page.keyboard.press("ArrowRight")
    page.mouse.move(0, 0)
    expect(first).to_be_hidden()
    expect(second).to_be_visible()
    page.get_by_label("Maps on all patches").check()
    expect(first).to_be_visible()
    page.get_by_label("Outlines").uncheck()
    expect(page.locator(".cards .outline").first).to_be_hidden()


def test_a_patch_s_page(made, open_report):
    """Of a wrong answer: both maps with contour and colour bar, figures as in the files; usable on
    a phone, in the dark, by all, and on paper."""
    rows = answers(made)
    k = next(
        i for i, r in enumerate(rows) if not r["right"] and r["iou"] and r["label"] != LABELS[0]
    )
    row, item = rows[k], gallery.read(made)["patches"][k]
    page = open_report(made / "report.html", f"#patch={row['id']}")
    dialog = page.locator("dialog")
    probabilities = dialog.locator("tbody tr").evaluate_all(
        "r => r.map(e => [e.children[0].textContent, e.children[2].textContent])"
    )
    roles = {row["label"]: " true", row["predicted"]: " predicted"}
    assert probabilities == [
        [label + roles.get(label, ""), f"{float(row[label]):.3f}"] for label in LABELS
    ]
    bar = (
        dialog.locator(".share span")
        .nth(4)
        .evaluate("e => e.getBoundingClientRect().width / e.parentElement.clientWidth")
    )
    assert bar == pytest.approx(float(row[LABELS[4]]), abs=0.02)
    expect(dialog).to_contain_text(f"Patient {row['patient_id']} · true class {row['label']}")
    expect(dialog.locator(".wrong")).to_have_text(
        f"✗ wrong: {row['predicted']} with {row['confidence']:.3f}; the true class has "
        f"{float(row[row['label']]):.3f}; IoU of map and mask {row['iou']:.3f}"
    )
    maps = dialog.locator("figure", has=page.locator(".frame canvas"))
    cells = "7\u00a0×\u00a07\u00a0cells"
    expect(maps.locator("figcaption")).to_have_text([
        f"Grad-CAM of {row['predicted']} (predicted), {cells}",
        f"Grad-CAM of {row['label']} (true), {cells}",
    ])  # fmt: skip
    for n, key in enumerate(("map", "true_map")):
        canvas = maps.nth(n).locator(".frame canvas")
        np.testing.assert_allclose(pixels(canvas), enlarged(item[key]), atol=1.5)
        assert maps.nth(n).locator(".contour path").get_attribute("d").startswith("M")
        assert maps.nth(n).locator(".outline path").get_attribute("d") == item["outline"]
        expect(maps.nth(n).locator(".colour-bar")).to_contain_text("contour: 0.5")
        assert maps.nth(n).locator(".mark").evaluate("e => e.style.left") == "50%"
    expect(dialog.locator(".key")).to_contain_text("map at least 0.5 of its maximum")

    for width in (960, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert dialog.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
        right = "e => e.getBoundingClientRect().right"
        edge = dialog.locator(".bar").evaluate(right)
        assert max(dialog.locator("tr").evaluate_all(f"r => r.map({right})")) <= edge
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        seen = Axe().run(page, context="dialog")
        assert seen.violations_count == 0, seen.generate_report()
    page.emulate_media(media="print")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("DEMO DATA", ignore_case=True)
    for hidden in ("header", "#results", "#close", ".controls", "#count", "#gallery-title"):
        expect(page.locator(hidden).first).to_be_hidden()
    assert dialog.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"


def test_the_gallery_on_a_phone_in_the_dark(made, open_report):
    page = open_report(
        made / "report.html", "#true=MALIGNANT", viewport={"width": 360, "height": 740},
        color_scheme="dark",
    )  # fmt: skip
    expect(page.locator(".cards li").first).to_be_in_viewport()
    page.get_by_text("Filter and sort").click()
    assert control(page, "true").input_value() == "MALIGNANT"
    page.get_by_label("Maps on all patches").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = ".confusion .table"
    assert page.locator(wide).first.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    for part in ("#gallery", ".confusion"):
        seen = Axe().run(page, context=part)
        assert seen.violations_count == 0, seen.generate_report()


def test_a_run_of_an_earlier_version_opens(copy, open_report):
    """Its gallery.json has no maps of true classes and no side; the contour is drawn all the same.

    An id of CBIS-DDSM says side and view.
    """
    name = "Mass-Test_P_00016_RIGHT_MLO_1"
    k = next(i for i, row in enumerate(answers(copy)) if not row["right"])
    held = gallery.read(copy)
    del held["side"]
    for item in held["patches"]:
        del item["true_map"]
    for file, text in (
        ("gallery.json", json.dumps(held)),
        ("predictions.csv", (copy / "predictions.csv").read_text()),
    ):
        (copy / file).write_text(text.replace(f"patch_{k:04}", name))
    page = open_report(document.write(copy), f"#patch={name}")
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("right breast, mediolateral oblique view (MLO)")
    expect(dialog.locator(".frame canvas")).to_have_count(1)
    assert dialog.locator(".contour path").get_attribute("d").startswith("M")
    expect(dialog).to_contain_text("The run has kept no map of the true class.")


def test_screenshots(made, open_report, tmp_path):
    folder = Path(os.environ.get("JAXCBIS_SCREENSHOTS", tmp_path))
    run = Path(os.environ.get("JAXCBIS_SCREENSHOTS_RUN", made))
    folder.mkdir(exist_ok=True)
    page = open_report(run / "report.html")
    for name, fragment, part in (
        ("confusion", "results", ".confusion"),
        ("filtered", "true=MALIGNANT&predicted=BENIGN&sort=confidence-down", None),
        ("patch", "answer=wrong&sort=confidence-down", "dialog"),
    ):
        page.evaluate("fragment => { location.hash = fragment; }", fragment)
        expect(page).to_have_url(re.compile(re.escape(fragment)))
        if part == "dialog":
            page.locator(".cards a").first.click()
        for scheme, width in itertools.product(("light", "dark"), (1440, 390)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            expect(page.locator(part or ".cards canvas").first).to_be_attached()
            if not part:
                page.locator("#gallery-title").evaluate("e => e.scrollIntoView()")
            shown = page.locator(part) if part else page
            picture = shown.screenshot(path=folder / f"gallery-{name}-{width}-{scheme}.png")
            pixel = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert pixel.std() > 5, "there is nothing on it"
