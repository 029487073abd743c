"""A mammogram run asked about a release, and about a file of it."""

import dataclasses

import numpy as np
import pytest

import jaxcbis
from jaxcbis.data import mammograms, prepared
from jaxcbis.mammograms import answers
from jaxcbis.mammograms.figures import levels
from tests import tiny_mammogram
from tfds_cbis.release.cases import views
from tfds_cbis.release.files import Release


@pytest.fixture(scope="module")
def release(demo_dir):
    return demo_dir / f"cbis_ddsm_demo-{prepared.DEMO_VERSION}" / "release"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Keeps prepared data beside it."""
    place = tmp_path_factory.mktemp("evaluating")
    return jaxcbis.load(tiny_mammogram.write(place / "run", data_dir=str(place)))


@pytest.fixture(scope="module")
def held_out(run, release):
    size = run.config.height, run.config.width
    return mammograms.load(str(release), run.config.data_dir, *size).splits["test"]


def test_a_release_is_scored_at_the_runs_own_operating_points(run, release, held_out):
    found = run.evaluate(release)
    assert found["view"]["n"] == len(held_out)
    said = answers.of_views(run, held_out.images)
    chosen = {
        level: {point["name"]: point["threshold"] for point in of["operating_points"]}
        for level, of in run.results["test"].items()
    }
    assert found == levels.score(levels.answers(held_out, said), chosen)


def test_a_file_is_cut_as_the_view_of_the_release_is(run, release, held_out):
    with Release(release) as opened:
        lesions, _ = opened.lesions()
        series = {view.id: view.image_uid for view in views(lesions)}
        files = [opened.files(series[name]) for name in held_out.ids]
    for i, (name, *_) in enumerate(files):
        found = jaxcbis.explain(run, release / name)
        np.testing.assert_array_equal(found.views, held_out.images[i])
        np.testing.assert_array_equal(found.boxes, held_out.boxes[i])
        assert found.flipped == held_out.flipped[i]


def test_data_that_are_not_there_are_one_line(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        run.evaluate(tmp_path / "absent")


def test_flips_are_what_a_run_that_has_them_is_judged_by(run):
    config = dataclasses.replace(run.config, test_time_flips=True)
    both = {"test": {"view": 1}, "test_flips": {"view": 2}}
    assert dataclasses.replace(run, config=config, results=both).evaluate() == {"view": 2}
