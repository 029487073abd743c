"""What every program comes to on an H100: some by default, all with `--full`."""

from typing import NamedTuple

import pytest

from tests.gpu import programs
from tests.gpu.counts import Counts

SHORT = ("step", "epoch", "forward")
STEPS = ("step", "epoch", "head epoch")


class Bounds(NamedTuple):
    """A tenth more than was found; memory in MiB, by the type of the convolutions."""

    kernels: int
    bfloat16: int
    float32: int


BOUNDS = {
    "resnet50 step": Bounds(480, 220, 410),
    "resnet50 epoch": Bounds(385, 440, 560),
    "resnet50 head epoch": Bounds(17, 1, 1),
    "resnet50 forward": Bounds(205, 165, 325),
    "resnet50 maps": Bounds(215, 165, 325),
    "resnet50 kept half": Bounds(97, 165, 325),
    "vgg19 step": Bounds(146, 190, 340),
    "vgg19 epoch": Bounds(120, 360, 510),
    "vgg19 head epoch": Bounds(18, 3, 3),
    "vgg19 forward": Bounds(63, 430, 865),
    "vgg19 maps": Bounds(74, 430, 865),
    "vgg19 kept half": Bounds(31, 430, 865),
}
CONVOLUTIONS = {"resnet50": (53, 24), "vgg19": (16, 8)}  # of the model, of its frozen half


def pytest_generate_tests(metafunc):
    full = metafunc.config.getoption("--full")
    metafunc.parametrize("program", list(programs.PROGRAMS) if full else SHORT)
    metafunc.parametrize("dtype", programs.TYPES if full else programs.TYPES[:1])
    metafunc.parametrize("model", programs.MODELS)


@pytest.fixture(scope="module")
def counts(compiled, request):
    """Of a program; those of one model and type come from one process."""
    full = request.config.getoption("--full")
    found: dict[str, Counts] = {}

    def of(model: str, dtype: str, program: str) -> Counts:
        name = f"{model} {dtype} {program}"
        if name not in found:
            chosen = programs.PROGRAMS if full else SHORT
            found.update(compiled(*(f"{model} {dtype} {one}" for one in chosen)))
        return found[name]

    return of


@pytest.fixture
def of_program(counts, model, dtype, program) -> Counts:
    return counts(model, dtype, program)


def test_kernels_and_memory_are_bounded(of_program, model, dtype, program):
    bounds = BOUNDS[f"{model} {program}"]
    assert of_program.kernels <= bounds.kernels
    assert of_program.temporary <= getattr(bounds, dtype)


def test_pooling_scatters_nothing(of_program):
    assert of_program.scatters == 0


def test_convolutions_kernels_lie_as_cudnn_takes_them(of_program):
    assert of_program.moves == 0


def test_all_convolutions_are_cudnn_s(of_program, model, program):
    whole, frozen = CONVOLUTIONS[model]
    learning = whole - frozen
    # Forward, by the kernel and, but for the first layers that learn, by their input.
    if program in ("step", "epoch"):
        first = of_program.convolutions - 2 * learning
        assert 0 < learning - first <= 2
    else:
        expected = {"head epoch": 0, "kept half": frozen}.get(program, whole)
        assert of_program.convolutions == expected


def test_the_memory_of_the_state_is_reused(of_program, program):
    assert bool(of_program.state) == (program in STEPS)
    assert of_program.aliased >= of_program.state
