"""A backbone that is registered goes through all that the study's four go through."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jax import export as jax_export

import jaxcbis
from jaxcbis.commands.main import main
from jaxcbis.data.exported import save
from jaxcbis.data.patches import SPLITS, Dataset
from jaxcbis.designs import BACKBONES
from jaxcbis.models import backbones
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD
from jaxcbis.runs import finished
from tests import tiny
from tests.conftest import ROOT
from tests.report import made_run

IMAGES = np.random.default_rng(0).normal(size=(6, tiny.SIZE, tiny.SIZE, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def patches(tmp_path_factory) -> Path:
    """A few patches in a file that --data takes."""
    rng = np.random.default_rng(0)
    counts = zip(SPLITS, (16, 8, 8), strict=True)
    splits = {name: made_run.make_patches(rng, count, tiny.SIZE) for name, count in counts}
    path = tmp_path_factory.mktemp("patches") / "patches.npz"
    save(path, Dataset(splits, "there", "made-up patches", []), "paper")
    return path


def test_a_registered_backbone_trains_answers_and_is_exported(patches, tmp_path):
    given = {
        "--backbone": "tiny_vgg", "--strategy": "s1", "--weights": "random", "--epochs": 1,
        "--batch-size": 8, "--image-size": tiny.SIZE, "--data": patches, "--output": tmp_path / "r",
        "--head": "pool",
    }  # fmt: skip
    assert main(["train", *(str(word) for pair in given.items() for word in pair)]) == 0
    run = finished.load(tmp_path / "r")
    asked_for = backbones.load("tiny_vgg", weights="random", head="pool").model
    assert run.model.architecture is asked_for.architecture
    assert [row["phase"] for row in run.results["prefix"]] == [HEAD, run.model.stages[-1]]
    grey = np.random.default_rng(1).integers(0, 256, (3, tiny.SIZE, tiny.SIZE), np.uint8)
    ours = jaxcbis.explain(run, grey)
    assert ours.maps.any()
    served = jax_export.deserialize(bytearray(jaxcbis.export(run, tmp_path / "m").read_bytes()))
    np.testing.assert_allclose(served.call(grey), ours.probabilities, atol=1e-5)


def test_the_command_line_knows_it_without_jax():
    script = (
        "import sys, tests.tiny\n"
        "from jaxcbis.commands.main import main\n"
        "try: main(['train', '--help'])\n"
        "finally: print({'jax', 'flax'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "{vgg16,vgg19,resnet34,resnet50,tiny,tiny_vgg}" in done.stdout, done.stderr
    assert done.stdout.endswith("set()\n")


def test_frozen_is_the_half_nearest_to_the_middle():
    found = {name: design.frozen for name, design in BACKBONES.items()}
    of_resnet, of_vgg = ("stem", "layer1", "layer2"), ("block1", "block2", "block3")
    assert found == {
        "vgg16": of_vgg, "vgg19": of_vgg, "resnet34": of_resnet, "resnet50": of_resnet,
        "tiny": ("stem", "layer1"), "tiny_vgg": ("block1",),
    }  # fmt: skip


def test_two_models_of_one_architecture_share_what_is_compiled():
    one, two = (backbones.load("tiny", weights="random", seed=seed).model for seed in (0, 1))
    stages = (*one.stages, HEAD)
    logits = forward(one, IMAGES, stages)
    before = forward._cache_size()
    assert not np.allclose(forward(two, IMAGES, stages), logits)
    assert forward._cache_size() == before


def test_select_and_update_exchange_stages():
    one, two = (backbones.load("tiny", weights="random", seed=seed).model for seed in (0, 1))
    mixed = one.update(two.select(["layer2"]))
    kernels = {
        stage: [model.params[stage]["block0"]["conv1"]["kernel"] for model in (one, two, mixed)]
        for stage in ("layer1", "layer2")
    }
    np.testing.assert_array_equal(kernels["layer1"][2], kernels["layer1"][0])
    np.testing.assert_array_equal(kernels["layer2"][2], kernels["layer2"][1])
    assert mixed.stats["layer2"] == two.stats["layer2"]
    assert set(one.select(["head"]).params) == {"head"}
    assert one.select(["head"]).stats == {}
