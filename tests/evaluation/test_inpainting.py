"""A fill that is harmonic, meets its surroundings, and has their grain."""

import cv2
import numpy as np
import pytest

from jaxcbis.evaluation.inpainting import fill, grown, harmonic


def ellipse(side: int, share: float = 0.2) -> np.ndarray:
    region = np.zeros((side, side), np.uint8)
    axes = round(share * side), round(0.7 * share * side)
    cv2.ellipse(region, (side // 2, side // 2), axes, 30, 0, 360, 1, cv2.FILLED)
    return region > 0


def filled(image, region) -> np.ndarray:
    """The harmonic surface in its place."""
    surface = image.astype(float)
    surface[region] = harmonic(image, region, ~region)
    return surface


def test_a_fill_solves_laplace_s_equation():
    """By the five-point stencil, of a ragged region in noise."""
    rng = np.random.default_rng(0)
    image, region = rng.random((40, 40)), ellipse(40) | (rng.random((40, 40)) < 0.1)
    region[[0, -1]] = region[:, [0, -1]] = False
    surface = filled(image, region)
    residual = cv2.filter2D(surface, -1, np.float64([[0, 1, 0], [1, -4, 1], [0, 1, 0]]))
    assert np.abs(residual[region]).max() < 1e-7
    np.testing.assert_array_equal(surface[~region], image[~region])


@pytest.mark.parametrize(
    "function", [lambda y, x: 3 * x - y, lambda y, x: x * y, lambda y, x: x**2 - y**2]
)
def test_a_fill_restores_what_is_harmonic(function):
    """These solve the discrete equation, too, so the boundary alone gives the whole region."""
    surface = function(*np.indices((30, 30)).astype(float))
    hidden = np.where(ellipse(30), -1e4, surface)
    np.testing.assert_allclose(filled(hidden, ellipse(30)), surface, atol=1e-4)


def test_beyond_the_image_and_in_the_unknown_there_is_no_boundary():
    """A corner takes the value of what bounds it; what nothing bounds is its mean."""
    image = np.full((6, 6), 5.0)
    corner = np.zeros((6, 6), bool)
    corner[:3, :3] = True
    unknown = np.zeros((6, 6), bool)
    unknown[3, :3] = True
    image[corner], image[unknown] = 100, 70
    np.testing.assert_allclose(harmonic(image, corner, ~unknown), 5, atol=1e-5)
    everywhere = np.ones((6, 6), bool)
    np.testing.assert_allclose(harmonic(image, everywhere, everywhere), image.mean(), atol=1e-5)


@pytest.mark.parametrize("blur", [0, 0.8, 1.5])
def test_the_grain_is_that_of_the_surroundings(blur):
    """Deviation and correlation of neighbours, on a slope that is not grain; what is hidden, and
    what is not known, counts for nothing."""
    rng = np.random.default_rng(1)
    side, region = 160, ellipse(160)
    grain = rng.standard_normal((side, side))
    grain = cv2.GaussianBlur(grain, (0, 0), blur) if blur else grain
    image = 100 + np.indices((side, side)).sum(0) + 6 * grain / grain.std()
    unknown = np.zeros_like(region)
    unknown[:, : side // 3] = True
    image[region | unknown] = 1e4
    known = ~unknown
    painted = fill(image, region & known, known, rng)
    region &= known
    rest = painted[region] - harmonic(image, region, known)
    # A smooth grain's slow part belongs to the harmonic surface.
    assert rest.std() == pytest.approx(6, rel=0.1 if blur < 1 else 0.25)
    found = np.zeros_like(image)
    found[region] = rest
    both = region[:, 1:] & region[:, :-1]
    correlation = np.corrcoef(found[:, 1:][both], found[:, :-1][both])[0, 1]
    expected = np.exp(-0.25 / blur**2) if blur else 0
    assert correlation == pytest.approx(expected, abs=0.1)
    np.testing.assert_array_equal(painted[~region], image[~region])


def test_flat_surroundings_give_a_flat_fill():
    region = ellipse(32)
    painted = fill(np.where(region, 9, 50), region, ~region, np.random.default_rng(0))
    np.testing.assert_allclose(painted, 50, atol=1e-5)


def test_grown_by_a_square():
    region = np.zeros((7, 7), bool)
    region[3, 3] = True
    expected = np.zeros((7, 7), bool)
    expected[1:6, 1:6] = True
    np.testing.assert_array_equal(grown(region, 2), expected)
