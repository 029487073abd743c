"""What a page should show of a run, and what it shows."""

import csv
import re

from playwright.sync_api import expect

from jaxcbis.labels import LABELS


def answers(run) -> list[dict]:
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
    texts = page.locator("#cards a").evaluate_all("a => a.map(e => e.getAttribute('aria-label'))")
    return [text.split(":")[0] for text in texts]


def close_dialog(page) -> None:
    """Closes a patch's page by a key; the gallery hears of it a little later."""
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("patch="))


def expect_names(page, expected: list[str]) -> None:
    """The cards are these; a page hears a little later that its address has changed."""
    for _ in range(100):
        if names(page) == expected:
            return
        page.wait_for_timeout(50)
    assert names(page) == expected
