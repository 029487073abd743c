"""A finished mammogram run, loaded, asked and exported, from Python."""

import dataclasses
import json

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export as jax_export
from PIL import Image

import jaxcbis
from jaxcbis.data import mammograms as of_release
from jaxcbis.errors import UserError
from jaxcbis.mammograms import answers
from jaxcbis.models import inference, whole_image
from jaxcbis.models.inference import apply
from jaxcbis.models.model import HEAD
from tests import tiny_mammogram
from tests.differences import assert_within
from tests.tiny_mammogram import views

SHAPE = tiny_mammogram.HEIGHT, tiny_mammogram.WIDTH


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_mammogram.write(tmp_path_factory.mktemp("mammograms") / "run")


@pytest.fixture(scope="module")
def run(folder):
    return jaxcbis.load(folder)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A run of two members, whose backbones and cells differ."""
    place = tmp_path_factory.mktemp("mammograms") / "several"
    return jaxcbis.load(tiny_mammogram.write(place, backbones=("tiny", "tiny_vgg")))


def mammograms():
    return [
        tiny_mammogram.film(100, 80),
        tiny_mammogram.film(150, 90, seed=1)[:, ::-1],
        tiny_mammogram.film(70, 60, seed=2),
    ]


def flipping(run):
    """The same run, asked to average over flips."""
    return dataclasses.replace(run, config=dataclasses.replace(run.config, test_time_flips=True))


def directly(model, images):
    """The definition: the sigmoid of the one logit."""
    stages = (*model.stages, HEAD)
    logits = jax.jit(lambda x: apply(model, x, stages))(images[..., None])
    return 1 / (1 + np.exp(-np.asarray(logits[:, 0], np.float64)))


def test_a_run_is_read_back_with_its_options(run, folder):
    assert isinstance(run, jaxcbis.FinishedMammogram)
    assert (run.config.height, run.config.width) == SHAPE
    assert run.statistics[0].mean == pytest.approx(0.5)
    for ours, theirs in zip(
        jax.tree.leaves(run.models[0]), jax.tree.leaves(tiny_mammogram.model()), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    test = run.results["test"]["view"]
    low, high = test["auc_ci95"]
    assert repr(run) == (
        f"<tiny, 96 x 64, from the patch run: AUC {test['auc']:.2f} on 12 test views (95 % "
        f"interval {low:.2f} to {high:.2f}); DEMO DATA; RANDOM WEIGHTS; {folder}>"
    )
    assert "Not a medical device" in run._repr_html_()
    assert run.evaluate() == run.results["test"]


def test_each_member_has_its_own_checkpoint(several, run):
    assert len(several.models) == len(several.statistics) == 2
    first, second = (directly(model, views()) for model in several.models)
    assert np.abs(first - second).max() > 0.01
    np.testing.assert_allclose(first, answers.of_views(run, views()), atol=1e-4)
    np.testing.assert_allclose(answers.of_views(several, views()), (first + second) / 2, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_probabilities_are_the_sigmoid_of_the_logit_in_any_batch(run, dtype, monkeypatch):
    asked = views(5, dtype)
    expected = directly(run.models[0], asked)
    assert expected.std() > 0.01
    np.testing.assert_allclose(answers.of_views(run, asked), expected, atol=1e-4)
    monkeypatch.setattr(inference, "BATCH", 2)  # the last two batches overlap
    found = answers.of_views(run, asked)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_list_is_asked_as_each_of_it(run, tmp_path):
    together = jaxcbis.predict(run, mammograms())
    assert together.shape == (3,)
    assert together.std() > 1e-4
    size = run.config.height, run.config.width
    cut = np.stack([of_release.cut(mammogram, *size).image for mammogram in mammograms()])
    np.testing.assert_allclose(together, directly(run.models[0], cut), atol=1e-4)
    Image.fromarray(mammograms()[1]).save(tmp_path / "a.png")
    for one in (mammograms()[1], tmp_path / "a.png", Image.open(tmp_path / "a.png")):
        alone = jaxcbis.predict(run, one)
        assert alone.ndim == 0
        np.testing.assert_allclose(alone, together[1], atol=1e-4)


def test_a_mirrored_mammogram_is_the_same_one(run):
    mammogram = mammograms()[0]
    both = jaxcbis.explain(run, [mammogram, np.ascontiguousarray(mammogram[:, ::-1])])
    assert both.flipped.tolist() == [False, True] or both.flipped.tolist() == [True, False]
    np.testing.assert_array_equal(both.views[0], both.views[1])
    assert both.probabilities[0] == pytest.approx(both.probabilities[1], abs=1e-4)


def test_flips_are_the_mean_of_four(run):
    asked = views()
    four = [directly(run.models[0], each) for each in (
        asked, asked[:, ::-1], asked[:, :, ::-1], asked[:, ::-1, ::-1]
    )]  # fmt: skip
    found = answers.of_views(flipping(run), asked)
    assert np.abs(found - four[0]).max() > 1e-4
    np.testing.assert_allclose(found, np.mean(four, axis=0), atol=1e-4)


def test_the_map_is_the_gradients_own(run):
    """Grad-CAM by its definition, with `jax.grad` of the one logit."""
    model, asked = run.models[0], views()
    stage = whole_image.mapped(model)
    order = (*model.stages, HEAD)
    front, behind = order[: order.index(stage) + 1], order[order.index(stage) + 1 :]

    @jax.jit
    def by_definition(images):
        features = apply(model, images, front)
        slope = jax.grad(lambda x: apply(model, x, behind).sum())(features)
        return jax.nn.relu((features * slope.mean((1, 2), keepdims=True)).sum(-1))

    expected = np.asarray(by_definition(asked[..., None]))
    highest = expected.max((1, 2), keepdims=True)
    assert (highest > 0).any()
    found = answers.maps(run.models, asked)
    assert found.max() == 1
    row = "a whole view's Grad-CAM, of the maximum | its definition, by jax.grad"
    assert_within(1e-4, found, expected / np.where(highest, highest, 1), row)


def test_the_map_of_several_is_their_mean_each_over_its_maximum(several):
    coarse, fine = (answers.maps([model], views()) for model in several.models)
    assert (coarse.shape[1:], fine.shape[1:]) == ((12, 8), (48, 32))
    enlarged = np.stack([cv2.resize(each, (32, 48)) for each in coarse])
    enlarged /= enlarged.max((1, 2), keepdims=True)
    found = answers.maps(several.models, views())
    np.testing.assert_allclose(found, (enlarged + fine) / 2, atol=1e-5)


def test_a_stage_must_be_one_of_every_member(several):
    asked = mammograms()[0]
    assert jaxcbis.explain(several, asked).stage == "layer2 and block2"
    with pytest.raises(ValueError, match="stage 'layer2': expected one of block1, "):
        jaxcbis.explain(several, asked, stage="layer2")


def test_explain_shows_the_view_and_where_it_lies(run):
    found = jaxcbis.explain(run, mammograms())
    np.testing.assert_allclose(found.probabilities, jaxcbis.predict(run, mammograms()), atol=1e-4)
    assert found.maps.shape == found.views.shape == (3, *SHAPE)
    assert found.overlay().shape == (3, *SHAPE, 3)
    assert repr(found).startswith("<MammogramExplanation: 3 mammograms, malignant 0.")
    one = jaxcbis.explain(run, mammograms()[0])
    np.testing.assert_allclose(one.maps, found.maps[0], atol=1e-4)
    assert repr(one) == f"<MammogramExplanation: malignant {one.probabilities:.2f}; Grad-CAM>"
    probability, heat = one
    assert (probability, heat.shape) == (one.probabilities, SHAPE)
    x0, y0, x1, y1 = one.boxes
    assert (y1 - y0) / (x1 - x0) == pytest.approx(SHAPE[0] / SHAPE[1], rel=0.05)


def test_maps_by_method_and_stage(run):
    asked = mammograms()[0]
    found = jaxcbis.explain(run, asked, method="hirescam", stage="top")
    assert (found.method, found.stage) == ("hirescam", "top")
    with pytest.raises(ValueError, match="method 'scorecam': expected one of gradcam, "):
        jaxcbis.explain(run, asked, method="scorecam")
    with pytest.raises(ValueError, match=r"stage 'tops': .*did you mean top"):
        jaxcbis.explain(run, asked, stage="tops")
    with pytest.raises(ValueError, match="has one output, 'malignant'"):
        jaxcbis.explain(run, asked, target="MALIGNANT_Mass")


def test_the_figure_says_what_it_is(run):
    figure = jaxcbis.explain(run, mammograms()).plot()
    told = " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))
    for words in ("malignant: probability 0.", "Not a medical device", "DEMO DATA", "Grad-CAM of"):
        assert words in told


def test_an_exported_run_averages_members_and_flips_as_it_does(several, tmp_path):
    asked, whole = views(), flipping(several)
    file = jaxcbis.export(whole, tmp_path / "run.stablehlo")
    served = jax_export.deserialize(bytearray(file.read_bytes()))
    found = served.call(jnp.asarray(asked))
    assert found.shape == (3,)
    row = "the exported classifier of whole views | the run's own answers"
    assert_within(1e-4, found, answers.of_views(whole, asked), row)
    np.testing.assert_allclose(served.call(asked[:1]), found[:1], atol=1e-4)


def test_what_is_no_run_on_mammograms_is_one_line(folder, tmp_path):
    found = json.loads((folder / "results.json").read_text())
    changes = (
        ({"status": "interrupted"}, "is not finished; .*--resume"),
        ({"model": {}}, "not of this version of jaxcbis .*train it again"),
        ({"test": None}, "has no test: no results of a run of this version"),
    )
    for number, (change, words) in enumerate(changes):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "results.json").write_text(json.dumps(found | change))
        with pytest.raises(UserError, match=words):
            jaxcbis.load(place)


def test_a_sweep_is_of_runs_on_patches(run):
    with pytest.raises(ValueError, match="a mammogram run; expected a patch run"):
        jaxcbis.sweep(run, mammograms()[0])
