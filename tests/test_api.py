"""The package from Python, as its documentation has it, and an exported model without it."""

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

import jaxcbis
from jaxcbis.config import resolve
from jaxcbis.data import normalization, patches
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.labels import LABELS
from jaxcbis.runs import preparation
from tests import processes, tiny_run
from tests.differences import assert_within

#: Row of docs/correctness.md.
EXPORT = "the exported model, in a process without this package | the run's own answers"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("python") / "run", lesion_side=16.4)


@pytest.fixture(scope="module")
def run(folder):
    return jaxcbis.load(folder)


def images():
    rng = np.random.default_rng(1)
    shapes = ((32, 32), (17, 50), (90, 64))
    return [rng.integers(0, 256, shape).astype(np.uint8) for shape in shapes]


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("jax", "numpy", "flax", "PIL", "matplotlib", "jaxcbis.api")
    script = f"import sys, jaxcbis; dir(jaxcbis); print([m for m in {heavy} if m in sys.modules])"
    assert processes.run(program=("-c", script)).strip() == "[]"


def test_what_was_assumed_of_an_image_is_a_warning(tmp_path):
    Image.fromarray(np.full((9, 9), 1000, np.uint16)).save(tmp_path / "a.png")
    with pytest.warns(UserWarning, match="a.png: taken as 10 bit: no pixel is brighter than 1000"):
        assert (jaxcbis.read_image(tmp_path / "a.png") == round(1000 / 1023 * 255)).all()


def test_every_name_is_there_and_no_other():
    assert set(dir(jaxcbis)) == {*jaxcbis.__all__, "__version__"}
    assert Path(jaxcbis.__file__).with_name("py.typed").exists()
    for name in jaxcbis.__all__:
        assert getattr(jaxcbis, name)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = jaxcbis.nonsense


def test_images_of_any_size_are_stretched_as_patches_are(run):
    together = jaxcbis.predict(run, images())
    assert together.shape == (3, 5)
    np.testing.assert_allclose(together.sum(1), 1)
    assert together.std(axis=0).max() > 1e-3
    for image, expected in zip(images(), together, strict=True):
        np.testing.assert_allclose(jaxcbis.predict(run, [image])[0], expected, atol=1e-5)
        stretched = patches.resize(image, tiny_run.SIZE)
        np.testing.assert_allclose(jaxcbis.predict(run, stretched[None])[0], expected, atol=1e-5)


def test_explain_agrees_with_predict(run):
    probabilities, maps = jaxcbis.explain(run, images())
    np.testing.assert_allclose(probabilities, jaxcbis.predict(run, images()), atol=1e-5)
    assert maps.shape == (3, tiny_run.SIZE, tiny_run.SIZE)
    assert (maps >= 0).all()
    alone = jaxcbis.explain(run, images()[1:2]).maps[0]
    np.testing.assert_allclose(maps[1], alone, atol=1e-5)


def test_one_in_gives_one_out(run, tmp_path):
    Image.fromarray(images()[1]).save(tmp_path / "a.png")
    many = jaxcbis.explain(run, images())
    for one in (
        images()[1],
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        Image.open(tmp_path / "a.png"),
    ):
        found = jaxcbis.explain(run, one)
        np.testing.assert_allclose(found.probabilities, many.probabilities[1], atol=1e-5)
        np.testing.assert_allclose(found.maps, many.maps[1], atol=1e-5)
        np.testing.assert_allclose(jaxcbis.predict(run, one), many.probabilities[1], atol=1e-5)
    assert found.labels == found.targets == many.labels[1] == LABELS[many.probabilities[1].argmax()]
    assert found.overlay().shape == (32, 94, 3)
    assert [each.shape for each in many.overlay()] == [(32, 32, 3), (32, 94, 3), (90, 64, 3)]
    assert repr(found) == f"<Explanation: {found.labels} {found.probabilities.max():.2f}; Grad-CAM>"
    assert repr(many).startswith("<Explanation: 3 pictures, ")


def test_what_was_assumed_of_an_array_is_a_warning_of_who_gave_it(run):
    deep = np.full((9, 9), 1000, np.uint16)
    for ask in (
        lambda: jaxcbis.predict(run, deep),
        lambda: jaxcbis.explain(run, [deep]),
        lambda: jaxcbis.sweep(run, deep, 8),
    ):
        with pytest.warns(UserWarning, match="taken as 10 bit") as heard:
            ask()
        assert Path(heard[0].filename) == Path(__file__)


def test_maps_are_of_the_class_method_and_stage_asked_for(run):
    """Beside what the program makes of the same options, by the functions below."""
    grey = images()
    size, statistics = tiny_run.SIZE, run.statistics
    inputs = normalization.normalize(np.stack([patches.resize(x, size) for x in grey]), statistics)
    for method in ("hirescam", "scorecam"):
        found = jaxcbis.explain(run, grey, target="BENIGN_Mass", method=method, stage="layer1")
        expected = activation_maps.maps(
            run.model, inputs, labels=np.full(3, 2), method=method, stage="layer1"
        )
        np.testing.assert_allclose(found.maps, cam.enlarge(expected.of_labels, size), atol=1e-5)
        assert found.targets == ["BENIGN_Mass"] * 3
        assert found.labels == [LABELS[k] for k in found.probabilities.argmax(1)]
    assert (found.method, found.stage) == ("scorecam", "layer1")
    by_index = jaxcbis.explain(run, grey[0], target=2)
    assert by_index.targets == "BENIGN_Mass"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"target": "MALIGNANT"}, "target 'MALIGNANT': expected one of BACKGROUND, .*did you mean"),
        ({"target": 5}, "target 5: expected one of BACKGROUND"),
        ({"method": "gradcm"}, "expected one of gradcam, .*scorecam; did you mean gradcam?"),
        ({"stage": "layer4"}, "stage 'layer4': expected one of stem, layer1, layer2; did you mean"),
    ],
)
def test_a_wrong_class_method_or_stage_lists_the_right_ones(run, asked, said):
    with pytest.raises(jaxcbis.UserError, match=said) as caught:
        jaxcbis.explain(run, images(), **asked)
    assert isinstance(caught.value, ValueError)


def test_a_plot_is_wide_and_says_what_it_shows(run):
    figure = jaxcbis.explain(run, images()[:2], target="BACKGROUND").plot()
    width = figure.get_figwidth() * figure.dpi
    assert width >= 900
    said = " ".join(text.get_text() for text in figure.findobj(Text))
    for words in (
        "tiny s2, paper protocol", "Grad-CAM of BACKGROUND", "probability 0.", "DEMO DATA",
        "Not a medical device", "RANDOM WEIGHTS", "share of the map's maximum",
    ):  # fmt: skip
        assert words in said
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_a_run_answers_first_when_it_is_shown(run):
    test = run.results["test"]
    low, high = test["accuracy_ci95"]
    answer = f"accuracy {test['accuracy']:.2f} (95 % interval {low:.2f} to {high:.2f})"
    assert repr(run).startswith(f"<tiny s2, paper protocol: {answer} on 120 test patches; ")
    assert "DEMO DATA; RANDOM WEIGHTS" in repr(run)
    assert len(repr(run).splitlines()) == 1
    page = run._repr_html_()
    assert page.startswith(f"<div><h3>tiny s2, paper protocol: {answer}</h3>")
    for words in ("DEMO DATA", "RANDOM WEIGHTS", "always answering", "Not a medical device"):
        assert words in page
    named = dataclasses.replace(run, folder=Path("<b>"))
    assert "&lt;b&gt;" in named._repr_html_()


def test_what_is_missing_is_a_file_not_found(run, tmp_path):
    none = str(tmp_path / "none.npz")
    shutil.copytree(run.folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    for call in (
        lambda: jaxcbis.load(tmp_path / "none"),
        lambda: jaxcbis.load(tmp_path / "run"),
        lambda: jaxcbis.predict(run, tmp_path / "none.png"),
        lambda: jaxcbis.read_image(tmp_path / "none.png"),
        lambda: jaxcbis.train("tiny", data=none, output=str(tmp_path / "a")),
        lambda: jaxcbis.train("tiny", weights=none, output=str(tmp_path / "b")),
        lambda: run.evaluate(none),
    ):
        with pytest.raises(jaxcbis.UserError) as caught:
            call()
        assert isinstance(caught.value, FileNotFoundError)
        assert str(tmp_path) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_other_data_are_cut_as_the_runs_own_would_be(run, tmp_path, monkeypatch):
    """Of a run on a file, which needs no windows and no background size, a release does."""
    given = {"backbone": "tiny", "data": "a.npz", "image_size": 32, "weights": "random"}
    loaded = []

    def load(config):
        loaded.append(config)
        raise jaxcbis.UserError("enough")

    monkeypatch.setattr(preparation, "load", load)
    for protocol in ("shifted", "paper"):
        of_file = dataclasses.replace(run, config=resolve(given | {"protocol": protocol}))
        with pytest.raises(jaxcbis.UserError, match="enough"):
            of_file.evaluate(tmp_path)
    shifted, paper = loaded
    assert (shifted.protocol, shifted.windows, shifted.image_size) == ("shifted", 3, 32)
    assert (paper.data, paper.background_size) == (str(tmp_path), 550)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"epoch": 3}, TypeError, "train has no option 'epoch'; did you mean epochs?"),
        ({"coordinator": "a:1"}, TypeError, "train has no option 'coordinator'"),
        ({"epochs": "3"}, ValueError, "epochs='3': expected a whole number"),
        ({"epochs": 2.5}, ValueError, "epochs=2.5: expected a whole number"),
        ({"epochs": True}, ValueError, "epochs=True: expected a whole number"),
        ({"head_lr": "x"}, ValueError, "head_lr='x': expected a number"),
        ({"resume": 1}, ValueError, "resume=1: expected True or False"),
        ({"epochs": 0}, jaxcbis.UserError, "--epochs 0: expected a number of at least 1"),
        ({"protocol": "cleen"}, jaxcbis.UserError, "expected one of paper, clean, shifted"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_done(options, kind, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=re.escape(said)):
        jaxcbis.train("tiny", **options)
    assert not any(tmp_path.iterdir())


def test_the_folder_of_a_run_is_no_run(folder, tmp_path):
    patch = images()[0]
    for ask in (
        lambda run: jaxcbis.predict(run, patch),
        lambda run: jaxcbis.explain(run, patch),
        lambda run: jaxcbis.sweep(run, patch),
        lambda run: jaxcbis.export(run, tmp_path / "model"),
    ):
        for given in (folder, str(folder)):
            with pytest.raises(jaxcbis.UserError) as caught:
                ask(given)
            said = f"run '{folder}': expected a finished run, as of jaxcbis.load(folder)"
            assert str(caught.value) == said
            assert isinstance(caught.value, ValueError)


EXPORTED = """
import os, sys
from pathlib import Path
import numpy as np
from jax import export
os.chdir(sys.argv[1])
sys.modules["jaxcbis"] = sys.modules["flax"] = None  # importing either would fail
model = export.deserialize(bytearray(Path("model.stablehlo").read_bytes()))
np.save("answers.npy", model.call(np.load("grey.npy")))
"""


def test_an_exported_model_answers_without_the_package(run, tmp_path):
    jaxcbis.export(run, tmp_path / "model.stablehlo")
    grey = np.random.default_rng(3).integers(0, 256, (3, 32, 32)).astype(np.uint8)
    np.save(tmp_path / "grey.npy", grey)
    processes.run(tmp_path, program=("-c", EXPORTED))
    ours = jaxcbis.predict(run, grey)
    assert_within(1e-5, np.load(tmp_path / "answers.npy"), ours, EXPORT)
