"""The package from Python, as its documentation has it, and an exported model without it."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import jaxcbis
from jaxcbis.data import patches
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
    script = "import sys, jaxcbis; print([m for m in ('jax', 'numpy', 'flax') if m in sys.modules])"
    assert processes.run(program=("-c", script)).strip() == "[]"


def test_what_was_assumed_of_an_image_is_a_warning(tmp_path):
    Image.fromarray(np.full((9, 9), 1000, np.uint16)).save(tmp_path / "a.png")
    with pytest.warns(UserWarning, match="a.png: taken as 10 bit: no pixel is brighter than 1000"):
        assert (jaxcbis.read_image(tmp_path / "a.png") == round(1000 / 1023 * 255)).all()


def test_every_name_is_there_and_no_other():
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


@pytest.mark.parametrize(
    "wrong", [[], [np.zeros((8, 8))], [np.zeros((8, 8, 3), np.uint8)], np.zeros((8, 8), np.uint8)]
)
def test_other_arrays_are_refused(run, wrong):
    with pytest.raises(ValueError, match="expected"):
        jaxcbis.predict(run, wrong)


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


#: The documentation's blocks as a user has them, in a process in which JAX has not started.
DOCUMENTED = """
import json, os, re, sys
from pathlib import Path
import cv2, jax, numpy as np
import tests.tiny
before = dict(os.environ)
readme, _ = Path("README.md").read_text().split("The data set alone:")
blocks = re.findall(r"```python\\n(.*?)```", readme + Path("docs", "python.md").read_text(), re.S)
os.chdir(sys.argv[1])
names = {}
for block in blocks:
    exec(block, names)
    print("----")
np.savez("found.npz", maps=names["maps"], served=names["model"].call(np.load("grey.npy")))
changed = {key for key in before | os.environ if before.get(key) != os.environ.get(key)}
print(json.dumps([len(blocks), sorted(changed)]))
"""


def test_the_documentation_runs_and_leaves_the_environment_alone(folder, run, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "resnet50-s2-paper-seed0").symlink_to(folder)
    Image.fromarray(images()[1]).save(tmp_path / "patch.png")
    Image.fromarray(images()[2]).save(tmp_path / "mammogram.png")
    two = np.stack([patches.resize(image, tiny_run.SIZE) for image in images()[:2]])
    np.save(tmp_path / "grey.npy", two)
    untouched = {key: value for key, value in processes.ENVIRONMENT.items() if key != "NPROC"}
    said = processes.run(tmp_path, program=("-c", DOCUMENTED), env=untouched)
    of_readme, _, of_sweep, _, _, end = said.split("----\n")
    assert re.match(r"\{'BACKGROUND': .* \(1, 32, 32\)$", of_readme)
    assert json.loads(end) == [5, []]
    found = np.load(tmp_path / "found.npz")
    np.testing.assert_allclose(found["maps"], jaxcbis.explain(run, images()[1:2]).maps, atol=1e-5)
    assert_within(1e-5, found["served"], jaxcbis.predict(run, two), EXPORT)
    best = jaxcbis.sweep(run, images()[2])
    place = np.unravel_index(best.suspicion.argmax(), best.suspicion.shape)
    assert str(tuple(best.boxes[place].tolist())) in of_sweep
