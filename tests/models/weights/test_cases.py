"""Small files as people bring them, of four filters each, where JAXCBIS_SHARED has them."""

import os
from pathlib import Path

import pytest

from jaxcbis.models.weights import files

TORCH = {"conv1.weight": (4, 3, 3, 3), "bn1.running_mean": (4,)}
CASES = {
    "weights-official-pth/legacy.pth": TORCH,
    "weights-official-pth/zip_with_parameters.pth": TORCH,
    "weights-wrappers/dataparallel.pth": TORCH,
    "weights-wrappers/imagenet_example_checkpoint.pth": TORCH,
    "weights-wrappers/lightning.ckpt": TORCH,
    "weights-keras/keras3.weights.h5": {"conv2d/kernel": (3, 3, 3, 4), "conv2d/bias": (4,)},
    "weights-keras/model_save.h5": {
        "block1_conv1/kernel": (3, 3, 3, 4), "block1_conv1/bias": (4,),
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_case(case):
    file = Path(os.environ.get("JAXCBIS_SHARED", "nowhere")) / "cases" / case
    if not file.exists():
        pytest.skip("set JAXCBIS_SHARED to the folder with the cases")
    arrays, source = files.read(file)
    name = "vgg16" if "keras" in case else "resnet50"
    found = files.find(arrays, name, source).found
    names = {name: array.shape for name, array in found.arrays.items()}
    if "keras3" in case:  # too few names to choose a table by
        names = {name.removeprefix("layers/"): array.shape for name, array in arrays.items()}
    assert names == CASES[case]
    assert not found.others or "keras3" in case
