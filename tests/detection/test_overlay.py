"""The picture of a sweep: what it leads with, and what is printed on it."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle
from matplotlib.table import Table
from matplotlib.text import Text

from jaxcbis.detection import overlay
from jaxcbis.detection import sweep as sweeping
from jaxcbis.labels import LABELS
from tests.detection.test_sweep import by_mean, film, swept
from tests.report import example_run


def drawn(*, boxes, masks=()):
    mammogram = film(70, 50)
    found = swept(by_mean, mammogram, 16)
    marks = sweeping.best(found, boxes)
    picture = overlay.Picture(mammogram, found, marks, masks)
    return overlay.draw(picture, example_run.results(demo=True), "runs/one"), found, marks


def words_of(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_it_leads_with_any_lesion_and_marks_what_stands_out():
    figure, found, marks = drawn(
        boxes=3, masks=[np.pad(np.full((10, 10), 255, np.uint8), 20)[:, :50]]
    )
    first, *others = figure.axes
    (mesh,) = first.findobj(QuadMesh)
    np.testing.assert_array_equal(np.ma.filled(mesh.get_array(), np.nan), found.suspicion)
    assert mesh.get_clim() == (0, 1)
    boxes = [tuple(box.get_bbox().extents) for box in first.patches if isinstance(box, Rectangle)]
    assert boxes == [mark.box for mark in marks]
    assert first.get_title() == "Any lesion: 1 - P(background)"
    numbers = [text for text in first.texts if text.get_text() in "123"]
    assert len(numbers) == 3
    assert min(text.get_fontsize() for text in numbers) >= 12
    of_class = [axes.get_title() for axes in others if axes.findobj(QuadMesh) and axes.get_title()]
    assert of_class == list(LABELS)
    said = words_of(figure)
    for words in ("resnet50 s2, paper protocol, from runs/one", "outline: a known lesion",
                  "box: a window that stands out"):  # fmt: skip
        assert words in said
    (table,) = figure.findobj(Table)
    assert table[1, 1].get_text().get_text() == f"{marks[0].score:.3f}"
    assert table[3, 0].get_text().get_text() == "3"
    assert any("DEMO DATA" in words and "Not a medical device" in words for words in said)
    assert figure.get_figwidth() * figure.dpi >= 900


@pytest.mark.parametrize(("boxes", "words"), [(0, "No window to mark."), (8, "the first 6 of 8")])
def test_none_and_many_boxes(boxes, words):
    figure, _, marks = drawn(boxes=boxes)
    assert len(marks) == boxes
    assert any(words in said for said in words_of(figure))
