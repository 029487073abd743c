"""Where no lesion has a mask, nothing is said of where the model looks."""

import numpy as np
import pytest

from jaxcbis.evaluation import localization
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import answer, tables, tiles
from jaxcbis.report.figures import alternatives, examples
from jaxcbis.report.page import section, wide_tables
from jaxcbis.report.verdict import verdict
from tests.report import made_run
from tests.report.example_run import results as example

SAID = "no masks, so nothing is said of where the model looks"


def located(patches, *, right=True) -> tuple[dict, np.ndarray]:
    predicted = patches.labels if right else (patches.labels + 1) % 5
    return localization.score(patches, predicted, np.ones((len(patches), 4, 4)))


@pytest.fixture
def patches():
    return made_run.make_patches(np.random.default_rng(0), 20, 32)


def test_nothing_is_said_where_the_model_looks(patches):
    patches.masks[:] = False
    run = example() | {"localization": located(patches)[0]}
    assert answer.lines(run)["Maps"] == SAID
    assert verdict(run)[1] == f"{SAID.capitalize()}."
    assert len(tiles.of(run)) == 3
    assert len(tables.beside_paper(run)) == 1
    assert wide_tables.localization(run) is None
    assert "localization" not in alternatives.of(run, answers=True)
    assert "Outline" not in section._legends(run)["examples"]
    assert "Outline" in section._legends(example())["examples"]


def test_it_is_said_that_no_lesion_with_a_mask_is_right(patches):
    patches.masks[np.flatnonzero(patches.labels)[:3]] = False
    run = example() | {"localization": located(patches, right=False)[0]}
    assert answer.lines(run)["Maps"].endswith("no lesion with a mask was classified correctly")
    assert verdict(run)[1].endswith("no lesion with a mask was classified correctly.")


@pytest.mark.parametrize("masked", [True, False])
def test_overlays_are_ranked_where_there_are_masks(tmp_path, patches, masked):
    if not masked:
        patches.masks[:] = False
    iou = located(patches)[1]
    told = Predictions(
        patches.ids, patches.patients, patches.labels, np.eye(5)[patches.labels], iou
    )
    examples.write(tmp_path, patches, np.ones((20, 4, 4), np.float32), told, "a run")
    assert any((tmp_path / "cams").iterdir())
    assert (tmp_path / "figures" / "cams.png").exists() == masked
