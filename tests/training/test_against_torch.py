"""Twenty steps of strategy 2 beside the same in PyTorch: losses, head and running statistics.

Adam turns the sign of a gradient that is all rounding error into a whole step, and untrained
networks amplify it: at ten times the backbone's rate PyTorch in float32 strays from PyTorch in
float64 by more than the bound, too. Hence the low rate; that every stage moves at its own is
checked by how far it gets.
"""

import copy

import numpy as np
import pytest

from jaxcbis.models.inference import forward
from jaxcbis.training import steps, strategies
from jaxcbis.training.batches import Batch
from tests import tiny
from tests.differences import assert_within

STEPS, BATCH = 20, 8
#: Head's and backbone's learning rates, and the side of images.
TINY, STUDIED = (3e-2, 1e-3, tiny.SIZE), (1e-4, 3e-6, 96)
CASES = [
    *((name, *TINY) for name in tiny.NAMES),
    *(pytest.param(name, *STUDIED, marks=pytest.mark.full) for name in ("resnet50", "vgg19")),
]


def batches(size):
    """Five epochs of four batches."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (4, BATCH)).astype(np.int32)
    images = rng.normal(size=(4, BATCH, size, size, 1)) + 0.3 * labels[..., None, None, None]
    epochs = STEPS // 4
    return np.tile(images.astype(np.float32), (epochs, 1, 1, 1, 1)), np.tile(labels, (epochs, 1))


def train_torch(torch, stages, model, learning_rates, batches):
    """PyTorch as its user writes it: frozen half in eval mode and without gradient."""
    model.train()
    for name, stage in stages.items():
        if name not in learning_rates:
            stage.eval().requires_grad_(False)
    groups = [
        {"params": stages[stage].parameters(), "lr": rate} for stage, rate in learning_rates.items()
    ]
    adam = torch.optim.Adam(groups)
    losses = []
    for images, labels in zip(*batches, strict=True):
        x = torch.from_numpy(np.moveaxis(images, -1, 1)).expand(-1, 3, -1, -1)
        loss = torch.nn.functional.cross_entropy(model(x), torch.from_numpy(labels).long())
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


def train_ours(ours, phase, batches):
    plan = steps.plan(ours, phase, "train")
    state = steps.start(phase.learning_rates, ours)
    frozen = ours.select(ours.frozen)
    losses = []
    for images, labels in zip(*batches, strict=True):
        inputs = forward(ours, images, ours.frozen)
        state, sums = steps.train_step(plan, state, frozen, Batch(inputs, labels))
        losses.append(float(sums.cross_entropy) / len(labels))
    return state.variables, losses


@pytest.mark.parametrize(("name", "head_lr", "backbone_lr", "size"), CASES)
def test_twenty_steps_of_s2(
    name, head_lr, backbone_lr, size, torch, torch_reference, reference, tmp_path
):
    start, ours = reference(name)
    model, data = copy.deepcopy(start), batches(size)
    trainable = [stage for stage in ours.stages if stage not in ours.frozen]
    (phase,) = strategies.phases(
        "s2", trainable, head_lr=head_lr, backbone_lr=backbone_lr, lr_decay=0.3
    )

    learnt, losses = train_ours(ours, phase, data)
    stages = torch_reference.stages(model)
    expected = train_torch(torch, stages, model, phase.learning_rates, data)

    assert_within(
        1e-3, losses, expected, "losses of training, relative | PyTorch", scale=np.array(expected)
    )
    assert np.mean(expected[-4:]) < 0.9 * np.mean(expected[:4]), "nothing learnt, nothing compared"
    head = torch_reference.head(name, model)["linear"]
    ours_head = learnt.params["head"]["linear"]
    for part in ("kernel", "bias"):
        assert_within(
            1e-3, ours_head[part], head[part], "the head's weights after 20 steps of S2 | PyTorch"
        )
    moved = np.abs(head["kernel"] - ours.params["head"]["linear"]["kernel"]).max()
    assert moved > 1e-3, "the heads agree to less than they moved"
    after = torch_reference.load(name, model, tmp_path / "after.safetensors")
    for stage in learnt.stats:
        np.testing.assert_allclose(
            _flat(learnt.stats[stage]), _flat(after.stats[stage]), rtol=1e-3, atol=1e-3
        )
    for stage in phase.learning_rates:
        before = _flat(ours.params[stage])
        path = np.abs(_flat(learnt.params[stage]) - before).mean()
        assert path == pytest.approx(np.abs(_flat(after.params[stage]) - before).mean(), rel=1e-2)


def _flat(tree) -> np.ndarray:
    if isinstance(tree, dict):
        return np.concatenate([_flat(tree[key]) for key in sorted(tree)])
    return np.ravel(tree)
