"""The forecast's count against PyTorch's, and what it grows with."""

import pytest
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from jaxcbis.models import backbones
from jaxcbis.training import forecast, strategies


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_operations_against_pytorch(name):
    found = forecast._operations(backbones.load(name, weights="random").model, 64)
    model = getattr(torchvision.models, name)(weights=None).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        (model.features if name == "vgg16" else model)(torch.zeros(1, 3, 64, 64))
    # PyTorch leaves BatchNorm, ReLU and pooling out, and counts products with the padding.
    assert sum(found.values()) == pytest.approx(counter.get_total_flops(), rel=0.1)


def test_a_run_takes_longer_with_more_to_do(monkeypatch):
    monkeypatch.setattr(forecast, "_rate", lambda: 1e9)
    backbone = backbones.load("resnet34", weights="random").model
    counts = {"train": 100, "validation": 20, "test": 30}

    def seconds(strategy, counts=counts, size=64):
        rates = {"head_lr": 1e-3, "backbone_lr": 1e-4, "lr_decay": 0.3}
        phases = strategies.phases(strategy, ["layer3", "layer4"], **rates)
        return forecast.seconds(backbone, phases, counts, size, (2, 4))

    few, many = seconds("s2")
    assert few < many < 2 * few  # the prefix and the test are paid once
    assert seconds("s1")[1] > many
    assert seconds("s2", size=128)[1] == pytest.approx(4 * many, rel=0.1)
    assert seconds("s2", {**counts, "train": 200})[1] == pytest.approx(2 * many, rel=0.3)
