"""What is read off compiled programs, on little ones that do what the package's must not."""

import math

import pytest

from tests.gpu import little


@pytest.fixture(scope="module")
def counts(compiled):
    found = compiled("little *")
    return {name: found[f"little {name}"] for name in little.PROGRAMS}


def test_a_scatter_of_a_pool_is_found(counts):
    assert counts["pool of windows"].scatters == 1
    assert counts["pool of maxima"].scatters == 0
    assert counts["pool of windows"].kernels > counts["pool of maxima"].kernels >= 1


def test_a_convolution_s_kernel_in_another_order_than_cudnn_s_is_found_moved(counts):
    ours, cudnns = counts["step in lax's order"], counts["step in cuDNN's order"]
    assert ours.convolutions == cudnns.convolutions == 2
    assert ours.moves + ours.fused_moves == 2  # there and back
    assert cudnns.moves + cudnns.fused_moves == 0


def test_a_loop_is_counted_by_its_turn(counts):
    one, loop = counts["step in cuDNN's order"], counts["steps"]
    assert loop.convolutions == 2
    assert one.kernels <= loop.kernels <= one.kernels + 2  # it takes its batch and counts
    assert loop.around > one.around == 0


def test_memory_is_told_reused_where_it_is(counts):
    size = 4 * math.prod(little.WEIGHTS) / 2**20
    kept, reused = counts["step in cuDNN's order"], counts["step in its memory"]
    assert kept.state == reused.state == size
    assert (kept.aliased, reused.aliased) == (0, size)
    assert kept.arguments == reused.arguments == size + 4 * math.prod(little.IMAGES) / 2**20
