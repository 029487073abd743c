import numpy as np
import pytest

from jaxcbis.data import normalization


@pytest.fixture
def patches():
    rng = np.random.default_rng(0)
    labels = np.array([0, 0, 1, 1, 1, 3])
    images = rng.integers(0, 40 + 40 * labels[:, None, None], (6, 16, 16)).astype(np.uint8)
    return images, labels


def test_one_mean_and_deviation_for_all(patches):
    images, labels = patches
    statistics = normalization.measure(images, labels)
    assert statistics.mean == pytest.approx((images / 255).mean())
    assert statistics.deviation == pytest.approx((images / 255).std())
    normal = normalization.normalize(images, statistics)
    assert normal.shape == (6, 16, 16, 1)
    assert normal.dtype == np.float32
    assert normal.mean() == pytest.approx(0, abs=1e-5)
    assert normal.std() == pytest.approx(1, abs=1e-5)


def test_by_label_every_class_is_normal(patches):
    images, labels = patches
    normal = normalization.normalize(images, normalization.measure(images, labels), labels)
    for label in (0, 1, 3):
        assert normal[labels == label].mean() == pytest.approx(0, abs=1e-5)
        assert normal[labels == label].std() == pytest.approx(1, abs=1e-5)


def test_a_class_without_patches_takes_the_statistics_of_all(patches):
    statistics = normalization.measure(*patches)
    assert statistics.class_mean[2] == pytest.approx(statistics.mean)
    assert statistics.class_deviation[4] == pytest.approx(statistics.deviation)


def test_one_flat_colour_stays_finite():
    images, labels = np.full((2, 4, 4), 7, np.uint8), np.array([0, 1])
    statistics = normalization.measure(images, labels)
    assert np.isfinite(normalization.normalize(images, statistics, labels)).all()
