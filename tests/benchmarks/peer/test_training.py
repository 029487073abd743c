"""The recipe in PyTorch, by itself."""

import copy

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from jaxcbis import config as options
from jaxcbis.designs import BACKBONES
from jaxcbis.runs.train import phases_of
from tests import tiny


def split(count):
    """Noise that is brighter from class to class."""
    labels = (np.arange(count) % 5).astype(np.int32)
    noise = np.random.default_rng(count).normal(size=(count, tiny.SIZE, tiny.SIZE, 1))
    return (noise + labels[:, None, None, None]).astype(np.float32), labels


def test_frozen_half_stays_and_the_best_model_is_left(peer):
    from tests import torch_reference

    name, torch = "tiny", peer.training.torch
    model = torch_reference.backbone(name)
    before = copy.deepcopy(model)
    config = options.resolve(
        {"backbone": name, "batch_size": 4, "epochs": 2, "batch_norm": "train", "head_lr": 1e-2,
         "backbone_lr": 1e-2}
    )  # fmt: skip
    train, validation = (split(count) for count in (20, 10))
    history = peer.training.fit(model, phases_of(config), train, validation, config)
    first, last = (peer.models.stages(each) for each in (before, model))
    best = min(history, key=lambda row: row["val_loss"])
    assert best["epoch"] > 0, "nothing learnt, nothing compared"
    for stage in first:
        pairs = zip(*(part[stage].state_dict().values() for part in (first, last)), strict=True)
        same = all(torch.equal(*pair) for pair in pairs)
        assert same == (stage in BACKBONES[name].frozen), stage
    assert all(p.grad is None for p in last["layer1"].parameters())
    loss, accuracy = peer.training.evaluate(model, validation)
    assert loss == pytest.approx(best["val_loss"], rel=1e-6)
    logits = peer.training.predict(model, validation[0])
    assert accuracy == pytest.approx(accuracy_score(validation[1], logits.argmax(1)))
