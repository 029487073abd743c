"""The picture of an explanation, from what is drawn."""

import numpy as np
import pytest
from matplotlib.text import Text

from jaxcbis.report.figures import explained
from jaxcbis.report.figures.overlay import over
from tests.report import example_run

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60)).astype(np.uint8)
HEAT = np.random.default_rng(1).random((32, 32), dtype=np.float32) * 7
SURE = np.array([0.05, 0.05, 0.1, 0.1, 0.7])


def drawn(*answers, demo=False, source="runs/one"):
    figure = explained.draw(answers, example_run.results(demo=demo), "HiResCAM", source)
    figure.canvas.draw()  # lays it out: a warning would be an error
    return figure, [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("shape", [(40, 60), (200, 30), (20, 300)])
def test_patch_map_and_overlay_stand_side_by_side(shape):
    image = np.resize(IMAGE, shape)
    figure, said = drawn(explained.Answer(image, SURE, HEAT, 4))
    patch, heat, both, bar = figure.axes
    np.testing.assert_array_equal(patch.images[0].get_array(), image)
    assert heat.images[0].get_array().max() == pytest.approx(1)
    np.testing.assert_allclose(heat.images[0].get_array() * HEAT.max(), HEAT, rtol=1e-5)
    np.testing.assert_array_equal(both.images[0].get_array(), over(image, HEAT))
    assert len({tuple(axes.images[0].get_extent()) for axes in (patch, heat, both)}) == 1
    assert bar.get_ylabel() == "share of the map's maximum"
    assert figure.get_figwidth() * explained.SCREEN_DPI >= 900
    for words in ("MALIGNANT_Mass: probability 0.70", "HiResCAM of MALIGNANT_Mass",
                  "resnet50 s2, paper protocol, from runs/one", "map over the patch",
                  "Not a medical device. For research on methods only."):  # fmt: skip
        assert words in said
    assert not any("DEMO" in words for words in said)


def test_another_class_demo_data_a_blank_map_and_a_long_path_are_told():
    figure, said = drawn(
        explained.Answer(IMAGE, SURE, HEAT, 2), explained.Answer(IMAGE, SURE, HEAT * 0, 4),
        demo=True, source="/a" * 60 + "/run",
    )  # fmt: skip
    assert "HiResCAM of BENIGN_Mass, probability 0.10" in said
    assert "HiResCAM of MALIGNANT_Mass:\nnothing speaks for it" in said
    assert any(words.startswith("DEMO DATA: synthetic phantoms") for words in said)
    (run,) = (words for words in said if words.endswith("/a/run"))
    assert len(run) < 100
    assert len(figure.axes) == 8
