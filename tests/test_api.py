"""The package from Python, as its documentation has it, and an exported model without it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxcbis
from jaxcbis.data import patches
from jaxcbis.detection import sweep as sweeping
from jaxcbis.errors import UserError
from tests import tiny_run
from tests.differences import assert_within

ROOT = Path(__file__).resolve().parent.parent


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
    script = "import sys, jaxcbis; print([m for m in ('jax', 'numpy', 'flax') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
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


@pytest.mark.parametrize(
    "wrong", [[], [np.zeros((8, 8))], [np.zeros((8, 8, 3), np.uint8)], np.zeros((8, 8), np.uint8)]
)
def test_other_arrays_are_refused(run, wrong):
    with pytest.raises(ValueError, match="expected"):
        jaxcbis.predict(run, wrong)


def test_a_sweep_equals_its_windows_cut_one_by_one(run):
    mammogram = np.random.default_rng(2).integers(0, 256, (40, 30)).astype(np.uint8)
    found = jaxcbis.sweep(run, mammogram)
    x0, y0, x1, y1 = found.boxes.reshape(-1, 4).T
    assert set(x1 - x0) == set(y1 - y0) == {16}
    for k in range(0, len(x0), 5):
        alone = jaxcbis.predict(run, [mammogram[y0[k] : y1[k], x0[k] : x1[k]]])[0]
        assert_within(
            1e-5, found.probabilities.reshape(-1, 5)[k], alone, "a sweep's windows, alone"
        )


def test_a_run_that_does_not_know_its_crops_asks_for_the_window(run):
    older = run._replace(results=run.results | {"model": {}})
    mammogram = np.full((40, 30), 99, np.uint8)
    with pytest.raises(UserError, match="--window"):
        jaxcbis.sweep(older, mammogram)
    assert jaxcbis.sweep(older, mammogram, 20).suspicion.size
    with pytest.raises(UserError, match="at least 8"):
        jaxcbis.sweep(run, mammogram, 3)


def test_an_exported_model_answers_without_the_package(tmp_path):
    run = jaxcbis.load(tiny_run.write(tmp_path / "run", backbone="resnet34"))
    jaxcbis.export(run, tmp_path / "model.stablehlo")
    grey = np.random.default_rng(3).integers(0, 256, (3, 32, 32)).astype(np.uint8)
    np.save(tmp_path / "grey.npy", grey)
    script = """
import sys
from pathlib import Path
import numpy as np
from jax import export
sys.modules["jaxcbis"] = sys.modules["flax"] = None  # importing either would fail
model = export.deserialize(bytearray(Path("model.stablehlo").read_bytes()))
np.save("answers.npy", model.call(np.load("grey.npy")))
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    ours = jaxcbis.predict(run, grey)
    assert_within(1e-5, np.load(tmp_path / "answers.npy"), ours, "exported model, reloaded")


def test_the_documentation_runs(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "resnet50-s2-paper-seed0").symlink_to(folder)
    Image.fromarray(images()[1]).save(tmp_path / "patch.png")
    Image.fromarray(images()[2]).save(tmp_path / "mammogram.png")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.S)
    assert len(blocks) == 4
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks:
        exec(block, names)
    run = jaxcbis.load(folder)
    expected = jaxcbis.explain(run, [images()[1]])
    np.testing.assert_array_equal(names["maps"], expected.maps)
    two = np.stack([patches.resize(image, tiny_run.SIZE) for image in images()[:2]])
    served, ours = names["model"].call(two), jaxcbis.predict(run, two)
    assert_within(1e-5, served, ours, "exported model, reloaded")
    marks = sweeping.best(jaxcbis.sweep(run, images()[2]), 3)
    assert str(marks[0].box) in capsys.readouterr().out
