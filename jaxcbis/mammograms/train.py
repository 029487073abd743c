"""Training a member: its recipe, the memory that a step takes, and its phases."""

from collections.abc import Sequence

import numpy as np

from jaxcbis.data.mammograms import Mammograms, Views
from jaxcbis.machine import device
from jaxcbis.machine.console import detail, say, warn
from jaxcbis.mammograms.config import MammogramConfig
from jaxcbis.mammograms.inputs import Member
from jaxcbis.runs import inputs, train
from jaxcbis.training import memory, strategies
from jaxcbis.training.batches import Examples, Splits
from jaxcbis.training.fit import Fitted
from jaxcbis.training.strategies import Recipe


def recipe(config: MammogramConfig, member: Member) -> Recipe:
    """How a member is trained."""
    patch = member.patch.model
    phases = strategies.whole_image_phases(
        [stage for stage in patch.stages if stage not in patch.frozen], config.top_input,
        top_lr=config.top_lr, backbone_lr=config.backbone_lr, lr_decay=config.lr_decay,
    )  # fmt: skip
    return Recipe(
        phases, config.batch_size, config.epochs, config.patience, config.min_delta,
        batch_norm="frozen", seed=member.seed, augment=not config.no_augmentation,
        checkpoint=not config.no_gradient_checkpointing,
    )  # fmt: skip


def foretell(
    config: MammogramConfig, members: Sequence[Member], depth: np.dtype
) -> dict[str, float]:
    """Says before training how much memory a step takes.

    Args:
      config: of the run.
      members: of the run.
      depth: of the images.

    Returns:
      Key `memory` of results.json: {'step_mb', 'top_step_mb'}, MiB of a step of all that trains
      and of one of the top alone, as the compiler reckons them; of the member that takes most.
    """
    shape = (config.height, config.width)
    differing = {each.model.architecture: each for each in members}.values()  # not by weights
    hows = [(member.model, recipe(config, member)) for member in differing]
    top, everything = (
        max(memory.of_step(model, how, how.phases[i], shape, depth) for model, how in hows) / 2**20
        for i in (0, -1)
    )
    free = device.free_memory() / 2**20
    say(
        f"Memory   {everything / 2**10:.1f} GiB for a step on {config.batch_size} views, "
        f"{top / 2**10:.1f} of the top alone, beside program and data; "
        f"{free / 2**10:.1f} GiB are free"
    )
    if everything > free:
        warn(
            "MEMORY: a step needs more than is free: lower --batch-size, --height and --width"
            + ", or leave out --no-gradient-checkpointing" * config.no_gradient_checkpointing
        )
    return {"step_mb": everything, "top_step_mb": top}


def fit(config: MammogramConfig, member: Member, found: Mammograms) -> Fitted:
    """Trains a member, and tells of every epoch."""
    how = recipe(config, member)
    if len(config.run) > 1:
        say(f"Member   {member.folder}, from {member.patch.folder}")
    inputs.say_phases(how.phases, how.epochs, how.patience)
    for phase in how.phases:
        rates = ", ".join(f"{stage} {rate:g}" for stage, rate in phase.learning_rates.items())
        detail(f"  {phase.name}: learning rates: {rates}")
    splits = Splits(_examples(found.splits["train"]), _examples(found.splits["validation"]))
    return train.fitted(member.model, how, splits, member.folder, resume=config.resume)


def _examples(views: Views) -> Examples:
    return Examples(views.images[..., None], views.labels, views.ids)
