"""What `benchmarks kept` says an image takes, against what a training keeps."""

import numpy as np

from benchmarks.__main__ import main
from benchmarks.speed import kept
from jaxcbis.models import backbones
from jaxcbis.training import kept_activations


def test_bytes_are_those_of_a_training(tmp_path):
    backbone = backbones.load("tiny", weights="random").model
    images = np.zeros((3, 32, 32, 1), np.float32)
    found = {first: size for first, (size,) in kept.rows(backbone, [32])}
    assert list(found) == ["layer2", "head"]
    for first, size in found.items():
        stages = kept_activations.in_front(backbone.stages, first)
        outputs = kept_activations.compute(backbone, images, stages, tmp_path)
        assert outputs.nbytes == len(images) * size


def test_the_table(capsys):
    assert main(["kept", "--sizes", "224", "--gib", "1"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert "| resnet50 | layer3 | 1.61 MB, 668 |" in rows  # 28 x 28 x 512 floats of 4 bytes
    assert main(["kept", "--sizes", "8"]) == 2
    assert capsys.readouterr().err == "benchmarks: --sizes 8: expected at least 32\n"
