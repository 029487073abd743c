"""Logits and every stage's output against torchvision, through both of its file formats."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.designs import BACKBONES, ResNetDesign
from jaxcbis.models import backbones, vgg
from jaxcbis.models.model import HEAD, merge, run
from tests import tiny
from tests.differences import assert_within

STUDIED = ("vgg16", "vgg19", "resnet34", "resnet50")
#: Small and large last stages: those are computed in two ways, see `kernels`.
CASES = [("vgg16", 64, ".pth"), ("resnet34", 64, ".safetensors"), ("resnet50", 224, ".safetensors")]
MORE = [
    pytest.param(name, size, suffix, marks=pytest.mark.full)
    for name in STUDIED
    for size, suffix in ((224, ".safetensors"), (160, ".pth"))
    if (name, size, suffix) not in CASES
]


def photographs(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize(("name", "size", "suffix"), [*CASES, *MORE])
def test_stages_equal_torchvision(name, size, suffix, reference, torch_reference):
    module, ours = reference(name, suffix)
    images = photographs(2, size)
    expected = torch_reference.outputs(name, module, images)
    got = torch_reference.forward(ours, images)
    assert list(expected) == [*ours.stages, HEAD]
    for stage, output in expected.items():
        assert output.std() > 1e-2
        what = "logits" if stage == HEAD else "stage outputs"
        what += ", relative to their deviation | torchvision"
        assert_within(1e-4, got[stage], output, what, scale=output.std(), detail=f"{name} {stage}")


DILATED, POOLED = {"output_stride": 16}, {"head": "pool"}
BASIC, BOTTLENECK = (ResNetDesign((1, 2), n, widths=(4, 8), stem=8) for n in (2, 3))
OPTIONS = [("tiny", tiny.SIZE, DILATED), ("tiny_vgg", tiny.SIZE, POOLED)]
MORE_OPTIONS = [
    pytest.param(name, size, options, marks=pytest.mark.full)
    for name, options in zip(STUDIED, (POOLED, POOLED, DILATED, DILATED), strict=True)
    for size in (64, 112, 224)
]


@pytest.mark.parametrize(("name", "size", "options"), [*OPTIONS, *MORE_OPTIONS])
def test_options_equal_torchvision(name, size, options, reference, torch_reference):
    module, ours = reference(name, **options)
    images = photographs(2, size)
    expected = torch_reference.outputs(name, module, images)
    got = torch_reference.forward(ours, images)
    for stage, output in expected.items():
        assert output.std() > 1e-3
        what = "outputs with output stride 16 or VGG's pool, relative to their deviation"
        what += " | torchvision, its `replace_stride_with_dilation`"
        assert_within(1e-4, got[stage], output, what, scale=output.std(), detail=f"{name} {stage}")
    if name in STUDIED:
        assert got[ours.stages[-1]].shape[1:3] == (-(-size // 16),) * 2


def test_the_reference_dilates_as_torchvision_does(torch, torch_reference):
    """By hand, so that it can do so with basic blocks, too."""
    from torchvision.models import resnet50

    theirs = resnet50(replace_stride_with_dilation=[False, False, True])
    by_hand = torch_reference.backbone("resnet50", **DILATED)
    convolutions = [
        [str(layer) for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)]
        for model in (theirs, by_hand)
    ]
    assert convolutions[0] == convolutions[1]
    assert sum("dilation=(2, 2)" in text for text in convolutions[0]) == 2


@pytest.mark.parametrize(
    ("design", "options"),
    [(BASIC, {}), (BOTTLENECK, {"v1": True}), (BOTTLENECK, {"v1": False})],
)
def test_dilated_output_holds_that_of_the_stride(design, options, monkeypatch):
    """At every second row and column, from the same weights, wherever the stride would be."""
    name = f"tiny of {design.convolutions}"
    monkeypatch.setitem(BACKBONES, name, design)
    drawn = backbones.load(name, weights="random").model
    images = photographs(1, 64)

    def last_stage(more: dict) -> np.ndarray:
        model = backbones.blank(name, options | more).replace(drawn.params, drawn.stats)
        assert model.frozen == drawn.frozen
        return np.asarray(jax.jit(lambda x: run(merge(model), x, model.stages)[0])(images))

    strided, dilated = last_stage({}), last_stage(DILATED)
    assert dilated.shape[1] == 2 * strided.shape[1]
    np.testing.assert_allclose(dilated[:, ::2, ::2], strided, atol=1e-5 * strided.max())


@pytest.mark.parametrize("side", [2, 3, 7, 8, 10])
def test_vgg_head_pools_any_size_as_torch(side, torch):
    x = np.random.default_rng(0).normal(size=(2, side, side + 1, 3)).astype(np.float32)
    expected = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(x.transpose(0, 3, 1, 2)), 7)
    got = vgg.adaptive_average_pool(jnp.asarray(x), 7)
    np.testing.assert_allclose(got, expected.numpy().transpose(0, 2, 3, 1), atol=1e-6)


@pytest.mark.parametrize(
    "name", [*tiny.NAMES, *(pytest.param(name, marks=pytest.mark.full) for name in STUDIED)]
)
def test_batch_equals_single_images(name):
    model = backbones.load(name, weights="random").model
    stages = (*model.stages, HEAD)
    every_stage = jax.jit(lambda images: run(merge(model), images, stages)[1])
    images = photographs(3, 96)
    together = every_stage(images)
    singles = [every_stage(image[None]) for image in images]
    apart = jax.tree.map(lambda *parts: np.concatenate(parts), *singles)
    for stage, output in together.items():
        scale = output.std() if stage == HEAD else np.abs(output).max()
        assert_within(
            1e-5, output, apart[stage], "a batch, relative | its items one by one", scale=scale
        )
