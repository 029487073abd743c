"""Patches as arrays."""

import numpy as np

from jaxcbis.data import patches
from jaxcbis.data.patches import Patches
from tfds_cbis.release import depth


def test_shrinking_averages():
    checkers = (np.indices((16, 16)).sum(0) % 2 * 200).astype(np.uint8)
    assert (patches.resize(checkers, 8) == 100).all()


def test_levels_of_16_bit_are_rounded_to_8():
    levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(patches.eight_bit(levels), np.rint(levels / 257))
    np.testing.assert_array_equal(patches.eight_bit(levels), depth.eight_bit(levels))
    assert patches.eight_bit(levels.astype(np.uint8)).dtype == np.uint8


def test_the_side_of_lesions_is_the_median_root_of_their_area():
    sizes = np.array([(500, 500), (10, 40), (30, 30), (90, 40)])
    labels, nothing = np.array([0, 1, 2, 4]), np.zeros(4)
    found = Patches(nothing, nothing, labels, nothing, nothing, sizes)
    assert patches.lesion_side(found) == 30
    assert patches.lesion_side(found.select(labels == 0)) is None
    sizes[2] = 0
    assert patches.lesion_side(found) is None
