"""One Adam per stage, every parameter in one of them, and rates that are values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.training import optimizer


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ({"head": 1e-3}, r"stages without one: \['layer'\], learning rates of no stage: \[\]"),
        ({"head": 1e-3, "layer": 1e-3, "layer9": 1e-3}, r"without one: \[\].*\['layer9'\]"),
    ],
)
def test_a_parameter_without_a_group_and_a_group_without_one_are_named(rates, said):
    params = {"layer": {"kernel": jnp.ones(3)}, "head": {"kernel": jnp.ones(2)}}
    with pytest.raises(ValueError, match=said):
        optimizer.make(params, rates)


def test_steps_equal_torch_adam_with_parameter_groups(torch):
    rng = np.random.default_rng(0)
    start = {"layer": rng.normal(size=(3, 4)), "head": rng.normal(size=5)}
    rates = {"layer": 3e-3, "head": 1e-1}
    params = {name: {"kernel": jnp.asarray(value, jnp.float32)} for name, value in start.items()}
    adam = optimizer.make(params, rates)
    state = adam.init(params)
    reference = {
        name: torch.nn.Parameter(torch.tensor(value, dtype=torch.float32))
        for name, value in start.items()
    }
    torch_adam = torch.optim.Adam([{"params": reference[n], "lr": rates[n]} for n in rates])
    for _ in range(20):
        gradient = {name: rng.normal(size=value.shape) for name, value in start.items()}
        given = {name: {"kernel": jnp.asarray(g, jnp.float32)} for name, g in gradient.items()}
        updates, state = adam.update(given, state, params)
        params = jax.tree.map(jnp.add, params, updates)
        for name, g in gradient.items():
            reference[name].grad = torch.tensor(g, dtype=torch.float32)
        torch_adam.step()
    for name, value in reference.items():
        np.testing.assert_allclose(params[name]["kernel"], value.detach().numpy(), atol=1e-5)


def test_another_learning_rate_compiles_nothing():
    params = {"layer": jnp.ones(3), "head": jnp.ones(2)}
    traced = []

    @jax.jit
    def step(gradient, state):
        traced.append(1)
        return optimizer.make(params, {"layer": 0.0, "head": 0.0}).update(gradient, state, params)

    moved = []
    for rate in (1e-3, 1e-2):
        state = optimizer.make(params, {"layer": rate, "head": rate}).init(params)
        updates, _ = step(jax.tree.map(jnp.ones_like, params), state)
        moved.append(float(updates["layer"][0]))
    assert len(traced) == 1
    assert moved == pytest.approx([-1e-3, -1e-2], rel=1e-4)
