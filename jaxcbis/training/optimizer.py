"""Adam with one learning rate per stage, and none for frozen stages."""

from collections.abc import Collection, Mapping

import optax

FROZEN = "frozen"


def groups(stages: Collection[str], trainable: Collection[str]) -> dict[str, str]:
    """Puts every stage into exactly one group of the optimizer: its own, or the frozen one.

    Args:
      stages: all stages that hold parameters.
      trainable: those that learn.

    Returns:
      Stage to group; a prefix of the tree of parameters, so it covers each one once.

    Raises:
      ValueError: a trainable stage does not exist.
    """
    if unknown := sorted(set(trainable) - set(stages)):
        raise ValueError(f"no such stages: {unknown}; the model has {sorted(stages)}")
    return {stage: stage if stage in trainable else FROZEN for stage in stages}


def make(
    stages: Collection[str], learning_rates: Mapping[str, float]
) -> optax.GradientTransformation:
    """Builds the optimizer of a phase.

    It takes and returns trees over all stages in which a frozen one is None, so that nothing is
    computed or stored for it. Learning rates are part of its state: changing one compiles nothing.

    Args:
      stages: all stages that hold parameters.
      learning_rates: of the trainable stages.
    """
    adam = optax.inject_hyperparams(optax.adam)
    transforms = {stage: adam(learning_rate=rate) for stage, rate in learning_rates.items()}
    transforms[FROZEN] = optax.set_to_zero()
    return optax.multi_transform(transforms, groups(stages, learning_rates))
