"""The page of a mammogram run in a real browser.

JAXCBIS_SCREENSHOTS=DIR python -m pytest tests/mammograms/page/test_document.py -k screenshots
writes pictures of it; of the run in JAXCBIS_SCREENSHOTS_RUN, where that is set.
"""

import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from jaxcbis.mammograms import config
from jaxcbis.mammograms.page import answer, document, gallery, tables
from tests.mammograms import example_run
from tests.report.in_browser import close_dialog, expect_names, names

EVIL = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>'
SIZES = {"1440": (1440, 1000, "light"), "dark": (1440, 1000, "dark"), "390": (390, 844, "light")}


def ids(keep=lambda view, wrong: True, key=None) -> list[str]:
    """Of the views that the page should show; `keep` is told which are answered wrongly."""
    run, views = example_run.results(), example_run.views()
    called = example_run.probabilities() >= answer.called_from(run)
    kept = [k for k in range(12) if keep(k, called[k] != views.labels[k])]
    return [str(views.ids[k]) for k in (sorted(kept, key=key) if key else kept)]


def test_what_is_shown_equals_the_files(made, open_report):
    run = example_run.results()
    page = open_report(made / "report.html")
    expect(page.locator("h1")).to_have_text(answer.heading(run))
    for line in answer.sentences(run):
        expect(page.locator(".verdict")).to_contain_text(line)
    expect(page.get_by_label("Warnings").locator("li")).to_have_text(answer.warnings(run))
    expect(page.locator(".tiles .name")).to_have_text(
        ["AUC per view", "AUC per patient", "AUC less the sweep's", "Pointing game"]
    )
    captions = page.locator("caption").all_text_contents()
    for table in tables.of(run):
        assert captions.count(table.title) == 1
    for start in ("ROC", "Share of right", "Share of the malignant", "Loss"):
        expect(page.locator(f'img.drawing[alt^="{start}"]')).to_have_count(1)
    broken = "i => i.filter(e => e.complete && !e.naturalWidth).length"
    assert page.locator("img.drawing").evaluate_all(broken) == 0
    expect(page.locator("#command")).to_have_text(config.command(run["config"]))
    expect(page.locator("#copy")).to_be_visible()
    expect(page.locator("#about")).to_contain_text("A note with [brackets] and <markup>.")
    # Every term leads to its meaning, and every part of the page is reached.
    for link in page.locator("nav a, a.term").all():
        assert page.locator(link.get_attribute("href")).count() == 1
    assert names(page) == ids()


def test_filters_are_in_the_address(made, open_report):
    views, probabilities = example_run.views(), example_run.probabilities()
    page = open_report(made / "report.html")
    page.get_by_role("link", name="malignant, missed").click()
    missed = ids(lambda k, wrong: wrong and views.labels[k], lambda k: probabilities[k])
    assert missed
    expect_names(page, missed)
    expect(page).to_have_url(re.compile(r"#true=malignant&answer=wrong&sort=probability-up$"))
    page.reload()
    assert names(page) == missed
    expect(page.locator("#count")).to_have_text(
        f"{len(missed)} of 12 views: true class malignant, answer wrong."
    )
    page.evaluate("location.hash = 'predicted=malignant&sure=0.7'")
    expect_names(page, ids(lambda k, wrong: probabilities[k] >= 0.7))
    page.evaluate("location.hash = 'view=none'")
    expect(page.locator("#notice")).to_contain_text("does not have: view=none.")


def test_the_page_of_a_view(made, open_report):
    """Map and outlines lie where the run has them; keys and links lead on."""
    views, k = example_run.views(), 2
    held = gallery.read(made)["views"][k]
    page = open_report(made / "report.html", f"#view={views.ids[k]}")
    dialog, title = page.locator("dialog"), page.locator("#patch-title")
    expect(title).to_have_text(str(views.ids[k]))
    expect(dialog).to_contain_text("Patient P_00001 · left CC view · true class malignant")
    threshold = answer.called_from(example_run.results())
    side = "at least" if held["probability"] >= threshold else "below"
    expect(dialog).to_contain_text(f"{held['probability']:.3f} is {side} {threshold:.3f}")
    values = dialog.locator("td:last-child").all_text_contents()
    assert values == [f"{held[key]:.3f}" for key in ("probability", "probability_flips")]

    frame = dialog.locator(".frame").first
    box = frame.bounding_box()
    assert abs(box["width"] / box["height"] - 72 / 96) < 0.01
    assert frame.locator(".outline path").last.get_attribute("d") == held["malignant"]
    drawn = frame.locator(".outline path").last.bounding_box()
    y, x = np.nonzero(views.masks[k])
    for low, high, start, size, side in (
        (x.min(), x.max() + 1, "x", "width", 72), (y.min(), y.max() + 1, "y", "height", 96)
    ):  # fmt: skip
        at = (drawn[start] - box[start]) / box[size]
        assert abs(at - low / side) < 0.02
        assert abs(drawn[size] / box[size] - (high - low) / side) < 0.03
    opacity = dialog.locator(".frame canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 64, 64).data]"
    )
    shown = np.array(opacity, float).reshape(64, 64, 4)[..., 3]
    shares = example_run.maps()[k] / example_run.maps()[k].max() * 255
    np.testing.assert_allclose(shown, 0.6 * cv2.resize(shares, (64, 64)), atol=1.5)

    page.keyboard.press("ArrowRight")
    expect(title).to_have_text(str(views.ids[k + 1]))
    dialog.get_by_role("link", name="left CC").click()  # the other view of the patient
    expect(title).to_have_text(str(views.ids[k]))
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text(str(views.ids[k - 1]))
    expect(dialog).to_contain_text("outline of a benign lesion")
    close_dialog(page)
    focused = "document.activeElement.getAttribute('aria-label').split(':')[0]"
    assert page.evaluate(focused) == views.ids[k - 1]


def test_markup_in_names_is_shown_as_text(copy, open_report):
    run = example_run.results()
    run["data"]["name"] = run["patch_runs"][0]["folder"] = run["notes"][0] = EVIL
    run["config"]["run"] = [EVIL]
    run["literature"][0]["name"] = EVIL
    (copy / "results.json").write_text(json.dumps(run))
    held = json.loads((copy / "gallery.json").read_text())
    held["views"][0] |= {"id": EVIL, "patient": EVIL}
    (copy / "gallery.json").write_text(json.dumps(held))
    page = open_report(document.write(copy))
    assert page.title().startswith("Mammograms")
    assert EVIL in page.locator("header").inner_text()
    page.locator(".cards a").first.click()
    expect(page.locator("#patch-title")).to_have_text(EVIL)
    assert page.locator("img[src=x]").count() == 0
    assert page.title().startswith("Mammograms")


def test_a_page_without_figures_opens(tmp_path, open_report):
    """Of a run whose figures are all null; and of one that was interrupted before any."""
    folder = example_run.write(tmp_path / "run", example_run.bare())
    page = open_report(document.write(folder))
    expect(page.locator(".verdict")).to_contain_text("No AUC: all 12 test views are of one class.")
    expect(page.locator("main")).not_to_contain_text("None")
    expect(page.locator("#gallery")).to_contain_text("from a probability of 0.500 on")
    run = example_run.results()
    began = ("schema", "kind", "config", "environment", "data", "weights", "patch_runs", "notes")
    started = dict.fromkeys(run) | {key: run[key] for key in began} | {"status": "interrupted"}
    (folder / "results.json").write_text(json.dumps(started))
    (folder / "gallery.json").unlink()
    page.goto(document.write(folder).as_uri())
    expect(page.get_by_label("Warnings")).to_contain_text("interrupted")
    expect(page.locator("#gallery")).to_have_count(0)
    expect(page.locator("#results")).to_contain_text("There are no figures yet.")


def test_screenshots_and_nobody_is_shut_out(made, open_report, tmp_path):
    """Labels, contrast and so on by the rules of axe-core, wide and narrow, light, dark and on
    paper."""
    run = Path(os.environ.get("JAXCBIS_SCREENSHOTS_RUN", made))
    folder = Path(os.environ.get("JAXCBIS_SCREENSHOTS", tmp_path))
    folder.mkdir(exist_ok=True, parents=True)
    page = open_report(run / "report.html")
    for name, (width, height, scheme) in SIZES.items():
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        for part in ("page", "view"):
            if part == "view":
                page.locator(".cards a").first.click()
            seen = Axe().run(page)
            assert seen.violations_count == 0, seen.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            picture = page.screenshot(path=folder / f"mammograms-{part}-{name}.png")
            pixel = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert pixel.std() > 5, "there is nothing on it"
        inside = "e => e.scrollWidth - e.clientWidth"
        assert page.locator("dialog").evaluate(inside) <= 0
        close_dialog(page)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 794, "height": 1123})  # A4
    page.emulate_media(media="print", color_scheme="dark")
    for hidden in (".cards", ".controls", "nav"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator("#tables")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_scripts_all_but_the_gallery_is_there(made, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((made / "report.html").as_uri())
        expect(page.locator(".verdict")).to_be_visible()
        expect(page.get_by_text("The gallery needs JavaScript")).to_be_visible()
        expect(page.locator(".controls")).to_be_hidden()
