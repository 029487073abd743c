"""The same recipe on both sides: the same weights, losses that stay together, honest intervals."""

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap
from sklearn.metrics import roc_auc_score

from benchmarks import quality, torch_training
from benchmarks.quality import Side
from benchmarks.torch_side import Settings, stages, to_tensor
from jaxcbis import config as options
from jaxcbis import experiment
from jaxcbis.models import backbones
from jaxcbis.models.inference import Variables, forward
from jaxcbis.training.fit import Examples, fit
from jaxcbis.training.fit import Settings as LoopSettings
from tests import keras_reference
from tests.differences import assert_within

SIZE = 64
RNG = np.random.default_rng(0)


def side(probabilities, seed=1):
    rng = np.random.default_rng(seed)
    count = len(probabilities)
    labels = np.arange(count) % 5
    iou = np.where(labels == 0, np.nan, rng.uniform(size=count))
    return Side(labels, np.array([f"P{i}" for i in range(count)]), probabilities, iou)


def logits_of(backbone, images):
    names = (*backbones.stages(backbone.name), "head")
    return np.asarray(
        forward(backbone.graph, Variables(backbone.params, backbone.stats), images, names)
    )


def assert_same_logits(backbone):
    images = RNG.normal(size=(3, SIZE, SIZE, 1)).astype(np.float32)
    whole, _ = torch_training.from_ours(backbone)
    with torch.no_grad():
        theirs = whole.eval()(to_tensor(images, Settings(), torch.device("cpu"))).numpy()
    assert_within(1e-4, logits_of(backbone, images), theirs, "exported weights", scale=theirs.std())


@pytest.mark.parametrize("name", ["vgg16", "resnet50"])
def test_our_weights_in_torch_give_our_logits(name):
    backbone = backbones.load(name, weights="random")
    rng = np.random.default_rng(1)
    stats = {
        stage: _filled(tree, lambda shape: rng.uniform(0.5, 1.5, shape).astype(np.float32))
        for stage, tree in backbone.stats.items()
    }
    assert_same_logits(backbone._replace(stats=stats))


def _filled(tree, draw):
    return {k: _filled(v, draw) if isinstance(v, dict) else draw(v.shape) for k, v in tree.items()}


def test_keras_strides_and_shift_are_carried_over(tmp_path):
    file = tmp_path / "keras.h5"
    keras_reference.write_current(file, keras_reference.random_resnet50())
    assert_same_logits(backbones.load("resnet50", weights=str(file)))


@pytest.mark.parametrize("mode", ["frozen", "train"])
def test_losses_stay_together_and_the_frozen_half_stays(tmp_path, mode):
    backbone = backbones.load("resnet34", weights="random")
    config = options.resolve(
        {"backbone": "resnet34", "strategy": "s1", "epochs": 2, "batch_size": 4, "batch_norm": mode,
         "head_lr": 1e-3, "backbone_lr": 1e-5, "device": "cpu"}
    )  # fmt: skip
    splits = [
        Examples(
            RNG.normal(size=(n, SIZE, SIZE, 1)).astype(np.float32), (np.arange(n) % 5).astype("i4")
        )
        for n in (10, 6)
    ]
    phases = experiment.phases_of(config)
    settings = LoopSettings(
        config.batch_size, config.epochs, config.patience, config.min_delta, mode, config.seed
    )
    ours = fit(backbone, phases, *splits, settings, tmp_path).progress.history
    _, before = torch_training.from_ours(backbone)
    trained = torch_training.train(backbone, phases, splits, config)
    rows = [[(r["phase"], r["epoch"]) for r in history] for history in (ours, trained.history)]
    assert rows[0] == rows[1]
    losses = [
        np.array([row[key] for row in history for key in ("train_loss", "val_loss") if row[key]])
        for history in (ours, trained.history)
    ]
    assert_within(2e-3, *losses, "quality: losses against PyTorch's", scale=losses[1])
    first, last = (stages("resnet34", model) for model in (before, trained.model[1]))
    for stage in first:
        same = all(
            torch.equal(a, b)
            for a, b in zip(
                first[stage].state_dict().values(), last[stage].state_dict().values(), strict=True
            )
        )
        assert same == (stage in backbones.frozen_stages("resnet34")), stage


def test_figures_equal_scikit_learn():
    probabilities = RNG.dirichlet(np.ones(5), 60)
    ours = side(probabilities)
    expected = np.mean([roc_auc_score(ours.labels == k, probabilities[:, k]) for k in range(5)])
    assert quality.auc(ours) == pytest.approx(expected, rel=1e-12)
    hard = np.eye(5)[probabilities.argmax(1)]
    expected = np.mean([roc_auc_score(ours.labels == k, hard[:, k]) for k in range(5)])
    assert quality.auc(ours, hard=True) == pytest.approx(expected, rel=1e-12)


def test_interval_of_the_difference_is_that_of_a_paired_bootstrap():
    ours, peer = (side(RNG.dirichlet(np.ones(5), 150)) for _ in range(2))
    row = quality.figures(ours, peer, draws=3000)["accuracy"]
    hits = [s.probabilities.argmax(1) == s.labels for s in (ours, peer)]
    difference = hits[0].astype(float) - hits[1]
    assert row["difference"] == pytest.approx(difference.mean())
    expected = bootstrap((difference,), np.mean, method="percentile", n_resamples=3000, rng=0)
    np.testing.assert_allclose(row["ci95"], expected.confidence_interval, atol=0.02)


def test_a_side_beside_itself_does_not_differ():
    ours = side(RNG.dirichlet(np.ones(5), 50))
    for row in quality.figures(ours, ours, draws=20).values():
        assert row["difference"] == 0
        assert row["ci95"] == [0, 0]


def test_what_does_not_exist_is_none():
    ours = side(np.eye(5)[(np.arange(20) + 1) % 5])  # all wrong
    row = quality.figures(ours, ours, draws=5)["ll_score"]
    assert row == {"ours": None, "peer": None, "difference": None, "ci95": None}


def test_without_torch_one_line_says_what_to_install(monkeypatch, capsys):
    from benchmarks.__main__ import main

    monkeypatch.setattr(quality, "find_spec", lambda name: None)
    assert main(["quality"]) == 2
    assert "pip install jaxcbis[benchmark]" in capsys.readouterr().err
