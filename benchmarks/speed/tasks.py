"""Our side of the rows that measure one process from within: the package's own functions, as a run
calls them."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import Task, Work
from benchmarks.speed.rows import LOOK, draw, draw_splits, entering
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import steps, strategies
from jaxcbis.training.batches import Batch, Splits
from jaxcbis.training.fit import Fitted, fit


def ours(work: Work, backbone: Model, record: Callable[[dict], None] = lambda parts: None) -> Task:
    """Our side of a row.

    `record` takes {'prefix_s'} of every repetition of s2_epoch: the seconds of computing what is
    kept.
    """
    if work.row.startswith("train_"):
        return _step(work, backbone)
    if work.row in ("s1_run", "s2_epoch"):
        return _fit(work, backbone, record)

    def images(rng: np.random.Generator) -> np.ndarray:
        return draw(work, rng)[0]

    if work.row == "forward":
        return _forward(work, backbone)
    # Theirs come at the images' size.
    return Task(images, lambda x: cam.enlarge(activation_maps.maps(backbone, x).maps, x.shape[1]))


def our_other(work: Work, backbone: Model) -> Task:
    """What a row of ours alone is held against."""
    if work.row == LOOK:
        plain = work._replace(row="train_behind_prefix")
        return _step(plain, backbone)._replace(name="our step without it")
    # Our own logits, host to host as the maps are.
    return Task(
        lambda rng: draw(work, rng)[0],
        lambda x: activation_maps.logits(backbone, x),
        name="our forward",
    )


def start_steps(work: Work, backbone: Model) -> tuple[steps.Plan, steps.State, Model]:
    """The plan, the first state and the frozen stages of a row's training step."""
    (rates,) = work.phases
    stages = (*backbone.stages, HEAD)
    behind = stages[stages.index(work.first) :]
    by_batch = tuple(rates) if work.batch_norm == "train" else ()
    plan = steps.Plan(behind, tuple(rates), by_batch, float(work.row == LOOK))
    frozen = backbone.select(stage for stage in stages if stage not in rates)
    return plan, steps.start(rates, backbone), frozen


def device_items(work: Work, backbone: Model) -> Batch:
    """The items of all steps of a repetition, on the device as a run has them."""
    return on_device(
        draw(work._replace(batch=work.steps * work.batch), np.random.default_rng(0)), work, backbone
    )


def draw_order(work: Work, rng: np.random.Generator) -> jax.Array:
    """Which of `device_items` each step takes, int32 [steps, batch]."""
    order = rng.permutation(work.steps * work.batch).reshape(work.steps, work.batch)
    return jax.block_until_ready(jnp.asarray(order, jnp.int32))


def compiled_steps(
    plan: steps.Plan, state: steps.State, frozen: Model, items: Batch, order: jax.Array
) -> jax.stages.Compiled:
    """All steps of an order as one program, as a run calls it.

    Args:
      plan, state, frozen: of `start_steps`.
      items: of `device_items`.
      order: of `draw_order`.

    Returns:
      Takes (state, frozen, items, order); gives the state after all steps, and the sums of each.
    """
    return steps.train_steps.lower(plan, state, frozen, items, order).compile()


def on_device(drawn: tuple[np.ndarray, np.ndarray], work: Work, backbone: Model) -> Batch:
    """What was drawn, in the type in which its stage takes it; squares stand for lesions."""
    inputs, labels = drawn
    targets = None
    if work.row == LOOK:
        grid = entering(backbone, HEAD, work.size, pooled=False).shape[1]
        square = np.zeros((grid, grid), np.float32)
        square[: -(-grid // 2), : -(-grid // 2)] = 1
        targets = np.broadcast_to(square, (len(labels), grid, grid))
    placed = jnp.asarray(inputs).astype(entering(backbone, work.first, work.size).dtype)
    return jax.block_until_ready(jax.device_put(Batch(placed, labels, targets)))


def _forward(work: Work, backbone: Model) -> Task:
    """As a run: a batch does not wait for the logits of the one before."""
    stages = (*backbone.stages, HEAD)
    rng = np.random.default_rng(0)
    drawn = [jnp.asarray(draw(work, rng)[0]) for _ in range(work.steps)] if work.steps > 1 else []

    def fresh(rng: np.random.Generator) -> list[jax.Array]:
        if drawn:
            return [drawn[i] for i in rng.permutation(work.steps)]
        return jax.block_until_ready([jnp.asarray(draw(work, rng)[0])])

    def run(batches: list[jax.Array]) -> jax.Array:
        return jax.block_until_ready([forward(backbone, x, stages) for x in batches])[-1]

    return Task(fresh, run)


def _step(work: Work, backbone: Model) -> Task:
    if work.steps > 1:
        return _steps(work, backbone)
    plan, state, frozen = start_steps(work, backbone)

    def step(batch: Batch) -> jax.Array:
        nonlocal state
        state, sums = steps.train_step(plan, state, frozen, batch)
        jax.block_until_ready(state)
        return sums.cross_entropy / work.batch

    return Task(lambda rng: on_device(draw(work, rng), work, backbone), step)


def _steps(work: Work, backbone: Model) -> Task:
    """Many steps in one call on items that lie on the device: how a run trains on a GPU.

    A repetition visits the same items in another order, as an epoch does.
    """
    plan, state, frozen = start_steps(work, backbone)
    items = device_items(work, backbone)
    order = draw_order(work, np.random.default_rng(0))
    program = compiled_steps(plan, state, frozen, items, order)

    def run(order: jax.Array) -> jax.Array:
        nonlocal state
        state, sums = program(state, frozen, items, order)
        jax.block_until_ready(state)
        return sums.cross_entropy[-1] / work.batch

    return Task(lambda rng: draw_order(work, rng), run)


def _fit(work: Work, backbone: Model, record: Callable[[dict], None]) -> Task:
    """Whole runs; an epoch tells its own seconds in the history."""
    names = [next(iter(rates)) for rates in work.phases]
    phases = [strategies.Phase(*pair) for pair in zip(names, work.phases, strict=True)]

    def run(data: Splits, epochs: int) -> Fitted:
        # Patience beyond the last epoch: every run has the same number of them.
        recipe = strategies.Recipe(
            phases, work.batch, epochs, epochs + 1, 0.0, work.batch_norm, seed=0
        )
        with tempfile.TemporaryDirectory() as folder:
            return fit(backbone, recipe, data, Path(folder))

    def fresh(rng: np.random.Generator) -> Splits:
        return draw_splits(work, rng)

    def epoch_seconds(done: Fitted) -> float:
        record({"prefix_s": done.progress.prefix[-1]["seconds"]})
        return done.progress.history[-1]["seconds"]

    if work.row == "s2_epoch":
        return Task(fresh, lambda data: run(data, 1), epoch_seconds)
    return Task(fresh, lambda data: run(data, work.epochs), warm_up=lambda rng: run(fresh(rng), 1))
