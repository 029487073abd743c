import numpy as np

from jaxcbis.audit.trivial import baselines
from jaxcbis.data.patches import Patches


def patches(count, seed, *, sizes=True):
    """Class 1 is bright, class 2 is wide, class 0 is neither; the masks say nothing."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % 3
    images = rng.integers(0, 100, (count, 8, 8)) + 100 * (labels == 1)[:, None, None]
    wide = np.stack([30 + 40 * (labels == 2), np.full(count, 30)], 1) + rng.integers(
        0, 9, (count, 2)
    )
    return Patches(
        images.astype(np.uint8), np.zeros((count, 8, 8), bool), labels,
        np.arange(count).astype(str), np.arange(count).astype(str), wide * int(sizes),
    )  # fmt: skip


def test_each_sees_what_its_name_says():
    found = baselines(patches(120, 0), patches(60, 1))
    recall = {
        name: [row["recall"] for row in of["per_class"].values()] for name, of in found.items()
    }
    assert recall["intensity"][1] == recall["size"][2] == found["both"]["accuracy"] == 1
    assert found["intensity"]["accuracy"] < 0.9
    assert found["size"]["accuracy"] < 0.9
    assert found["both"]["n"] == 60


def test_without_sizes_only_intensity_is_told():
    assert list(baselines(patches(60, 0), patches(60, 1, sizes=False))) == ["intensity"]
