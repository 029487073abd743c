"""What every program comes to on an H100: some by default, all with `--full`."""

from typing import NamedTuple

import pytest

from tests.gpu import programs
from tests.gpu.counts import Counts

SHORT = ("step", "epoch", "forward")
TRAINING = ("step", "epoch", "head epoch")
LOOPS = ("epoch", "head epoch", "validation")


class Bounds(NamedTuple):
    """A tenth above what was found: kernels, and temporary MiB by the type of the convolutions."""

    kernels: int
    bfloat16: int
    float32: int


BOUNDS = {
    "resnet50 step": Bounds(468, 200, 310),
    "resnet50 epoch": Bounds(308, 330, 520),
    "resnet50 head epoch": Bounds(15, 36, 36),
    "resnet50 validation": Bounds(109, 180, 265),
    "resnet50 forward": Bounds(180, 121, 243),
    "resnet50 maps": Bounds(190, 121, 243),
    "resnet50 kept half": Bounds(81, 121, 243),
    "vgg19 step": Bounds(131, 143, 267),
    "vgg19 epoch": Bounds(102, 331, 425),
    "vgg19 head epoch": Bounds(15, 38, 38),
    "vgg19 validation": Bounds(40, 163, 183),
    "vgg19 forward": Bounds(61, 431, 862),
    "vgg19 maps": Bounds(72, 431, 862),
    "vgg19 kept half": Bounds(31, 431, 862),
}
#: Convolutions of the whole model, of its frozen half, and of the first layer behind that.
CONVOLUTIONS = {"resnet50": (53, 24, 2), "vgg19": (16, 8, 1)}


def pytest_generate_tests(metafunc):
    full = metafunc.config.getoption("--full")
    metafunc.parametrize("model", programs.MODELS)
    metafunc.parametrize("dtype", programs.TYPES if full else programs.TYPES[:1])
    metafunc.parametrize("program", programs.PROGRAMS if full else SHORT)


@pytest.fixture(scope="module")
def counted(compiled, request):
    """The counts of a program; those of one model and type are compiled together."""
    chosen = programs.PROGRAMS if request.config.getoption("--full") else SHORT
    found: dict[str, Counts] = {}

    def of(model: str, dtype: str, program: str) -> Counts:
        if f"{model} {dtype} {program}" not in found:
            found.update(compiled(*(f"{model} {dtype} {name}" for name in chosen)))
        return found[f"{model} {dtype} {program}"]

    return of


def test_it_is_compiled_into_few_kernels_and_little_memory(counted, model, dtype, program):
    found, bounds = counted(model, dtype, program), BOUNDS[f"{model} {program}"]

    whole, frozen, first = CONVOLUTIONS[model]
    learning = whole - frozen
    expected = {
        "head epoch": 0,
        "validation": learning,
        "kept half": frozen,
        # What comes out, the gradient of the kernel and, behind the first layer, of what went in.
        "step": 3 * learning - first,
        "epoch": 3 * learning - first,
    }
    assert found.convolutions == expected.get(program, whole)
    assert found.convolutions <= found.kernels <= bounds.kernels
    assert 0 < found.temporary <= getattr(bounds, dtype)

    # The gradient of a maximum: by a comparison, not by an index.
    assert found.scatters == 0
    # cuDNN's order of a kernel's axes: what a loop carries is in it.
    if program in LOOPS:
        assert found.moves == 0
    assert bool(found.state) == (program in TRAINING)
    assert found.aliased >= found.state
