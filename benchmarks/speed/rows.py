"""The rows, and what is timed of ours: the package's own functions, as a run calls them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import ROOT
from benchmarks.measure import GPU_STEPS, Skipped, Task, Work
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import kept_activations, steps, strategies
from jaxcbis.training.batches import Examples, Splits
from jaxcbis.training.fit import Fitted, fit

RATES = {"head_lr": 1e-4, "backbone_lr": 3e-5, "lr_decay": 0.3}

#: Row -> what it times. Steps and logits take inputs that lie on the device; the others take them
#: from the host and bring their results back. Images per second where a call handles batches.
ROWS = {
    "forward": "logits of a batch, evaluation mode",
    "train_all": "step that trains every stage, stored BatchNorm statistics",
    "train_all_batch_stats": "the same, normalising by the batch",
    "train_frozen": "step of S2: frozen half run without gradient, the rest trained, stored "
    "BatchNorm statistics",
    "train_frozen_batch_stats": "the same, trained stages normalising by the batch",
    "train_behind_prefix": "step of S2 from the frozen half's activations, stored BatchNorm "
    "statistics",
    "train_behind_prefix_batch_stats": "the same, normalising by the batch",
    "s1_run": "all epochs of S1's three phases, ours keeping activations, the peer from images",
    "s2_epoch": "epoch of S2 with validation, ours from kept activations, the peer's from images",
    "gradcam": "maps of the predicted class at image size, against pytorch-grad-cam",
    "gradcam_head_only": "the same, against PyTorch with only the head differentiated",
    "gradcam_vs_forward": "the same, against our own logits",
    "input": "patches and masks from storage to arrays of the model's size",
    "time_to_first_step": "a new process to the end of its first step of S2, nothing cached",
    "second_start": "compiling that step in a second process, against the first one",
}
#: Row -> what its figures leave out.
LEFT_OUT = {
    "s1_run": "all epochs of a phase cost the peer the same: one of each is timed and multiplied",
    "s2_epoch": "without computing the kept activations, once a run",
    "time_to_first_step": "without drawing random weights, which is no part of a real start",
}
OURS_ONLY = ("gradcam_vs_forward", "second_start")
#: Ends the name of a row that normalises by the batch.
BATCH_STATS = "_batch_stats"
PER_IMAGE = (
    "forward", "train_all", "train_frozen", "train_behind_prefix", "gradcam", "gradcam_head_only",
    "gradcam_vs_forward", "input",
)  # fmt: skip

#: Ratio to reach: on a CPU, on a GPU.
_TARGETS = {
    "forward": (1.0, 1.0), "train_all": (0.9, 1.0), "train_behind_prefix": (1.0, 1.0),
    "s2_epoch": (1.5, 2.5), "gradcam": (3.0, 4.0), "gradcam_head_only": (1.0, 1.0),
    "gradcam_vs_forward": (0.95, 0.95), "second_start": (5.0, 5.0),
}  # fmt: skip
#: Of s1_run, as a share of the bound that operations set; see `flops.bound_of_run`.
_SHARE_OF_BOUND = 0.95


def target(row: str, model: str, backend: str, bound: float | None = None) -> float | None:
    """The ratio that a row is to reach, if one is set for it; `bound` is that of s1_run."""
    if (row, backend) == ("s2_epoch", "cpu") and model.startswith("resnet"):
        return 1.1
    if row == "s1_run":
        return None if bound is None else _SHARE_OF_BOUND * bound
    goals = _TARGETS.get(row.removesuffix(BATCH_STATS))
    return goals[backend != "cpu"] if goals else None


def unit(row: str) -> str:
    return "images/s" if row.removesuffix(BATCH_STATS) in PER_IMAGE else "s"


def load(model: str) -> Model:
    """A backbone with random weights on the device: bfloat16 on a GPU, float32 on a CPU."""
    dtype = jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
    loaded = backbones.load(model, weights="random", num_classes=len(LABELS), dtype=dtype)
    return jax.device_put(loaded.model)


def work(row: str, backbone: Model, batch: int, size: int, images: int, epochs: int) -> Work:
    """What both sides of a row do; see `Work`. `images` is rounded up to whole batches.

    Raises:
      Skipped: the row normalises by the batch, and the model has no BatchNorm.
    """
    name = backbone.architecture.name
    batch_norm = "train" if row.endswith(BATCH_STATS) else "frozen"
    if batch_norm == "train" and not jax.tree.leaves(backbone.stats):
        raise Skipped(f"{row} {name}: it has no BatchNorm")
    kind = row.removesuffix(BATCH_STATS)
    stages = (*backbone.stages, HEAD)
    trainable = [s for s in backbone.stages if s not in backbone.frozen]
    s1, s2 = (
        tuple(phase.learning_rates for phase in strategies.phases(strategy, trainable, **RATES))
        for strategy in ("s1", "s2")
    )
    phases = {"train_all": (dict.fromkeys(stages, RATES["backbone_lr"]),), "s1_run": s1}
    first = trainable[0] if kind == "train_behind_prefix" else stages[0]
    entered = entering(backbone, first, size)
    whole = -(-images // batch) * batch
    epochs = epochs if row == "s1_run" else 1
    repeated = jax.default_backend() != "cpu" and (kind == "forward" or kind.startswith("train_"))
    return Work(
        row, name, batch, size, whole, epochs, first, entered.shape[1:], phases.get(kind, s2),
        batch_norm, GPU_STEPS if repeated else 1,
    )  # fmt: skip


def draw(work: Work, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the first stage, float32 [batch, *shape], and labels, int32 [batch].

    Activations behind a ReLU or its max-pool are not negative.
    """
    inputs = rng.standard_normal((work.batch, *work.shape), np.float32)
    labels = rng.integers(0, len(LABELS), work.batch, np.int32)
    return (inputs if work.shape[-1] == 1 else np.abs(inputs)), labels


def draw_splits(work: Work, rng: np.random.Generator) -> Splits:
    """Images and labels to train on, and half as many (at least a batch) to validate on."""
    counts = work.images, max(work.images // 2, work.batch)
    one, two = (draw(work._replace(batch=count), rng) for count in counts)
    return Splits(Examples(*one), Examples(*two))


def ours(work: Work, backbone: Model, record: Callable[[dict], None] = lambda parts: None) -> Task:
    """Our side of a row that measures one process from within.

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


def our_peer(work: Work, backbone: Model) -> Task:
    """Our own logits, host to host as the maps are."""
    return Task(
        lambda rng: draw(work, rng)[0],
        lambda x: activation_maps.logits(backbone, x),
        name="our forward",
    )


def _run(backbone: Model, x: jax.Array, stages: tuple[str, ...]) -> jax.Array:
    return forward(backbone, x, stages)


def start_steps(work: Work, backbone: Model) -> tuple[steps.Plan, steps.State, Model]:
    """The plan, the first state and the frozen stages of a row's training step."""
    (rates,) = work.phases
    stages = (*backbone.stages, HEAD)
    behind = stages[stages.index(work.first) :]
    by_batch = tuple(rates) if work.batch_norm == "train" else ()
    plan = steps.Plan(behind, tuple(rates), by_batch)
    frozen = backbone.select(stage for stage in stages if stage not in rates)
    return plan, steps.start(rates, backbone), frozen


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
        return jax.block_until_ready([_run(backbone, x, stages) for x in batches])[-1]

    return Task(fresh, run)


def device_items(work: Work, backbone: Model) -> tuple[jax.Array, jax.Array]:
    """Inputs and labels of all steps of a repetition, on the device as a run has them."""
    dtype = entering(backbone, work.first, work.size).dtype
    inputs, labels = draw(work._replace(batch=work.steps * work.batch), np.random.default_rng(0))
    return jax.block_until_ready((jnp.asarray(inputs).astype(dtype), jnp.asarray(labels)))


def draw_order(work: Work, rng: np.random.Generator) -> jax.Array:
    """Which of `device_items` each step takes, int32 [steps, batch]."""
    order = rng.permutation(work.steps * work.batch).reshape(work.steps, work.batch)
    return jax.block_until_ready(jnp.asarray(order, jnp.int32))


def compiled_steps(
    plan: steps.Plan, state: steps.State, frozen: Model, *data: jax.Array
) -> jax.stages.Compiled:
    """All steps of an order as one program, as a run calls it.

    Args:
      plan, state, frozen: of `start_steps`.
      data: inputs and labels of `device_items`, and their order.

    Returns:
      Takes (state, frozen, *data); the state after all steps and the loss of each come first in
      what it returns.
    """
    return steps.train_steps.lower(plan, state, frozen, *data).compile()


def _steps(work: Work, backbone: Model) -> Task:
    """Many steps in one call on items that lie on the device: how a run trains on a GPU.

    A repetition visits the same items in another order, as an epoch does.
    """
    plan, state, frozen = start_steps(work, backbone)
    items = device_items(work, backbone)
    order = draw_order(work, np.random.default_rng(0))
    program = compiled_steps(plan, state, frozen, *items, order)

    def run(order: jax.Array) -> jax.Array:
        nonlocal state
        state, losses, *_ = program(state, frozen, *items, order)
        jax.block_until_ready(state)
        return losses[-1]

    return Task(lambda rng: draw_order(work, rng), run)


def _step(work: Work, backbone: Model) -> Task:
    if work.steps > 1:
        return _steps(work, backbone)
    plan, state, frozen = start_steps(work, backbone)
    dtype = entering(backbone, work.first, work.size).dtype

    def fresh(rng: np.random.Generator) -> Any:
        inputs, labels = draw(work, rng)
        return jax.block_until_ready((jnp.asarray(inputs, dtype), jnp.asarray(labels)))

    def step(batch: Any) -> jax.Array:
        nonlocal state
        state, loss, _ = steps.train_step(plan, state, frozen, *batch)
        jax.block_until_ready(state)
        return loss

    return Task(fresh, step)


def entering(backbone: Model, first: str, size: int) -> jax.ShapeDtypeStruct:
    """What one image, [1, height, width, channels], is where it enters a stage."""
    image = jax.ShapeDtypeStruct((1, size, size, 1), jnp.float32)
    in_front = kept_activations.in_front(backbone.stages, first)
    return jax.eval_shape(lambda x: _run(backbone, x, in_front), image)


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


def input_data(folder: Path) -> tuple[Any, Path]:
    """A demo data set in TFDS, and its patches and masks as PNG files for the peer.

    Raises:
      Skipped: TFDS is not installed.
    """
    try:
        from tfds_cbis.prepare import prepare
        from tfds_cbis.release import phantom
    except ModuleNotFoundError as error:
        raise Skipped(f"input: {error.name} is not installed") from error
    phantom.write_release(folder / "release")
    builder = prepare(
        folder / "release", data_dir=folder, background_size=phantom.DEMO_BACKGROUND_SIZE
    )
    files = folder / "png"
    for part in ("image", "mask"):
        (files / part).mkdir(parents=True)
    for i, record in enumerate(builder.as_data_source("train")):
        for part in ("image", "mask"):
            cv2.imwrite(str(files / part / f"{i:05}.png"), record[part])
    return builder.as_data_source("train"), files


def ours_input(size: int, records: Any) -> Task:
    from jaxcbis.data import prepared

    return Task(lambda rng: records, lambda records: prepared.from_records(records, size))


def first_step(side: str, work: Work, platform: str, cache: str) -> dict[str, float]:
    """Starts a process that takes one training step; see `first_step.py`.

    Args:
      side: 'ours' or 'torch'.
      work: the step.
      platform: 'cpu' or 'gpu'.
      cache: folder of the compiled programs.

    Returns:
      Its parts in seconds, `total_s`, and its `peak_memory_mb`.

    Raises:
      Skipped: it failed; with its last line.
    """
    words = [sys.executable, "-m", "benchmarks.speed.first_step", side, platform, json.dumps(work)]
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": cache, "TORCHINDUCTOR_CACHE_DIR": cache,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }  # fmt: skip
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Skipped(f"{work.row} {work.model}: the process of {side} failed: {last}")
    return json.loads(done.stdout.splitlines()[-1])


def process_task(side: str, work: Work, platform: str, record: Callable[[dict], None]) -> Task:
    """Time to first step of one side, each repetition in a process with an empty cache.

    `record` takes the parts of every repetition.
    """

    def run(_: None) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as cache:
            done = first_step(side, work, platform, cache)
        record(done)
        return done

    return Task(lambda rng: None, run, lambda done: done["total_s"], lambda rng: None)


def second_start(work: Work, platform: str, repetitions: int) -> tuple[list[float], list[float]]:
    """Seconds that a second process takes to compile what a first one has compiled, and the
    first one's."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as cache:  # the first start comes last in the pair
            for taken in reversed(seconds):
                taken.append(first_step("ours", work, platform, cache)["compile_s"])
    return seconds
