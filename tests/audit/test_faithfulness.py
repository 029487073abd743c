"""Insertion and deletion against a loop over pixels, and where the area is known."""

import itertools

import cv2
import numpy as np
import pytest

from jaxcbis.audit import faithfulness

SIZE = 8


def model(images):
    """Class 1 sees the left half only."""
    seen = 1 / (1 + np.exp(-images[:, :, : SIZE // 2, 0].mean((1, 2))))
    return np.stack([1 - seen, seen], 1)


def test_areas_against_a_loop_over_pixels():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, SIZE, SIZE, 1)).astype(np.float32)
    maps = rng.permutation(3 * SIZE * SIZE).reshape(3, SIZE, SIZE).astype(np.float32)
    classes = np.array([1, 0, 1])
    (found,) = faithfulness.areas(
        model, images, {"maps": maps}, classes, 0, intact=model(images)
    ).values()
    for k in range(3):
        order = sorted(np.ndindex(SIZE, SIZE), key=lambda at, k=k: -maps[(k, *at)])
        gone, back = (
            images[k].copy(),
            cv2.GaussianBlur(images[k], (0, 0), 5 / 224 * SIZE)[..., None],
        )
        curves = {"deletion": [], "insertion": []}
        done = 0
        for share in np.linspace(0, 1, 11):
            while done < round(share * SIZE * SIZE):
                gone[order[done]], back[order[done]] = 0, images[(k, *order[done])]
                done += 1
            for name, image in (("deletion", gone), ("insertion", back)):
                curves[name].append(model(image[None])[0, classes[k]])
        for name, curve in curves.items():
            area = sum((a + b) / 2 * 0.1 for a, b in itertools.pairwise(curve))
            assert found[name][k] == pytest.approx(area, abs=1e-6)


def test_the_right_order_deletes_faster_than_chance():
    images = np.full((20, SIZE, SIZE, 1), 4, np.float32)
    right = np.zeros((20, SIZE, SIZE))
    right[:, :, : SIZE // 2] = 1
    ones = np.ones(20, int)
    orders = {"good": right, "chance": np.zeros_like(right), "bad": 1 - right}
    found = faithfulness.areas(model, images, orders, ones, 0, intact=model(images))
    good, chance, bad = (of["deletion"].mean() for of in found.values())
    assert good < chance - 0.05 < chance + 0.05 < bad
