"""Adam with one learning rate per stage."""

from collections.abc import Mapping

import optax

from jaxcbis.models.model import Tree


def make(params: Tree, learning_rates: Mapping[str, float]) -> optax.GradientTransformation:
    """Builds the optimizer of a phase.

    Every stage is a group of its own. Learning rates are part of the optimizer's state: changing
    one compiles nothing.

    Args:
      params: of the stages that learn, by stage first.
      learning_rates: of the same stages.

    Raises:
      ValueError: a stage has parameters and no learning rate, or the other way round.
    """
    without_rate, without_params = (
        sorted(set(one) - set(other))
        for one, other in ((params, learning_rates), (learning_rates, params))
    )
    if without_rate or without_params:
        raise ValueError(
            "expected a learning rate for every stage that learns; stages without one: "
            f"{without_rate}, learning rates of no stage: {without_params}"
        )
    adam = optax.inject_hyperparams(optax.adam)
    groups = {stage: adam(learning_rate=rate) for stage, rate in learning_rates.items()}
    return optax.multi_transform(groups, {stage: stage for stage in params})
