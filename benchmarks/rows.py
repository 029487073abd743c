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

from benchmarks.measure import Skipped, Task, Work
from jaxcbis.evaluation import predict
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.models.backbones import HEAD, Backbone
from jaxcbis.models.inference import Variables, forward
from jaxcbis.training import prefix, steps, strategies
from jaxcbis.training.fit import Examples, Fitted, Settings, fit

RATES = {"head_lr": 1e-4, "backbone_lr": 3e-5, "lr_decay": 0.3}

#: Row -> what it times. Steps take inputs that lie on the device; the others take them from the
#: host and bring their results back. Images per second where a call handles one batch.
ROWS = {
    "forward": "logits of a batch, evaluation mode",
    "train_all": "step that trains every stage",
    "train_frozen": "step of S2: frozen half run without gradient, the rest trained",
    "train_behind_prefix": "step of S2 from the frozen half's activations",
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
PER_IMAGE = (
    "forward", "train_all", "train_frozen", "train_behind_prefix", "gradcam", "gradcam_head_only",
    "gradcam_vs_forward", "input",
)  # fmt: skip

#: Ratio to reach: on a CPU, on a GPU.
_TARGETS = {
    "forward": (1.0, 1.0), "train_all": (0.9, 1.0), "train_behind_prefix": (1.0, 1.0),
    "s1_run": (5.0, 5.0), "s2_epoch": (1.5, 2.5), "gradcam": (3.0, 4.0),
    "gradcam_head_only": (1.0, 1.0), "gradcam_vs_forward": (0.95, 0.95), "second_start": (5.0, 5.0),
}  # fmt: skip


def target(row: str, model: str, backend: str) -> float | None:
    """The ratio that a row is to reach, if one is set for it."""
    if (row, backend) == ("s2_epoch", "cpu") and model.startswith("resnet"):
        return 1.1
    return _TARGETS[row][backend != "cpu"] if row in _TARGETS else None


def unit(row: str) -> str:
    return "images/s" if row in PER_IMAGE else "s"


def load(model: str) -> Backbone:
    """A backbone with random weights on the device: bfloat16 on a GPU, float32 on a CPU."""
    dtype = jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
    backbone = backbones.load(model, weights="random", num_classes=len(LABELS), dtype=dtype)
    params, stats = jax.device_put((backbone.params, backbone.stats))
    return backbone._replace(params=params, stats=stats)


def work(row: str, backbone: Backbone, batch: int, size: int, images: int, epochs: int) -> Work:
    """What both sides of a row do; see `Work`. `images` is rounded up to whole batches."""
    name = backbone.name
    stages = (*backbones.stages(name), HEAD)
    trainable = [s for s in backbones.stages(name) if s not in backbones.frozen_stages(name)]
    s1, s2 = (
        tuple(phase.learning_rates for phase in strategies.phases(strategy, trainable, **RATES))
        for strategy in ("s1", "s2")
    )
    phases = {"train_all": (dict.fromkeys(stages, RATES["backbone_lr"]),), "s1_run": s1}
    first = trainable[0] if row == "train_behind_prefix" else stages[0]
    entered = _entering(backbone, first, size)
    whole = -(-images // batch) * batch
    epochs = epochs if row == "s1_run" else 1
    return Work(
        row, name, batch, size, whole, epochs, first, entered.shape[1:], phases.get(row, s2)
    )


def draw(work: Work, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the first stage, float32 [batch, *shape], and labels, int32 [batch].

    Activations behind a ReLU or its max-pool are not negative.
    """
    inputs = rng.standard_normal((work.batch, *work.shape), np.float32)
    labels = rng.integers(0, len(LABELS), work.batch, np.int32)
    return (inputs if work.shape[-1] == 1 else np.abs(inputs)), labels


def draw_splits(work: Work, rng: np.random.Generator) -> tuple[Examples, Examples]:
    """Images and labels to train on, and half as many (at least a batch) to validate on."""
    counts = work.images, max(work.images // 2, work.batch)
    one, two = (draw(work._replace(batch=count), rng) for count in counts)
    return Examples(*one), Examples(*two)


def ours(
    work: Work, backbone: Backbone, record: Callable[[dict], None] = lambda parts: None
) -> Task:
    """Our side of a row that measures one process from within.

    `record` takes {'prefix_s'} of every repetition of s2_epoch: the seconds of computing what is
    kept.
    """
    if work.row.startswith("train_"):
        return _step(work, backbone)
    if work.row in ("s1_run", "s2_epoch"):
        return _fit(work, backbone, record)
    variables = Variables(backbone.params, backbone.stats)
    model = (backbone.name, backbone.graph, variables)

    def images(rng: np.random.Generator) -> np.ndarray:
        return draw(work, rng)[0]

    if work.row == "forward":
        stages = (*backbones.stages(backbone.name), HEAD)
        return Task(
            lambda rng: jax.block_until_ready(jnp.asarray(images(rng))),
            lambda x: jax.block_until_ready(_run(backbone, x, stages)),
        )
    return Task(images, lambda x: predict.maps(*model, x)[0])


def our_peer(work: Work, backbone: Backbone) -> Task:
    """Our own logits, host to host as the maps are."""
    variables = Variables(backbone.params, backbone.stats)
    return Task(
        lambda rng: draw(work, rng)[0],
        lambda x: predict.logits(backbone.name, backbone.graph, variables, x),
        name="our forward",
    )


def _run(backbone: Backbone, x: jax.Array, stages: tuple[str, ...]) -> jax.Array:
    return forward(backbone.graph, Variables(backbone.params, backbone.stats), x, stages)


def start_steps(work: Work, backbone: Backbone) -> tuple[steps.Plan, steps.State, Variables]:
    """The plan, the first state and the frozen variables of a row's training step.

    As PyTorch in training mode, trainable stages normalise by the batch.
    """
    (rates,) = work.phases
    stages = (*backbones.stages(backbone.name), HEAD)
    behind = stages[stages.index(work.first) :]
    plan = steps.Plan(backbone.graph, behind, tuple(rates), tuple(rates))
    whole = Variables(backbone.params, backbone.stats)
    frozen = whole.select(stage for stage in stages if stage not in rates)
    return plan, steps.start(rates, whole), frozen


def _step(work: Work, backbone: Backbone) -> Task:
    plan, state, frozen = start_steps(work, backbone)
    dtype = _entering(backbone, work.first, work.size).dtype

    def fresh(rng: np.random.Generator) -> Any:
        inputs, labels = draw(work, rng)
        return jax.block_until_ready((jnp.asarray(inputs, dtype), jnp.asarray(labels)))

    def step(batch: Any) -> jax.Array:
        nonlocal state
        state, loss, _ = steps.train_step(plan, state, frozen, *batch)
        jax.block_until_ready(state)
        return loss

    return Task(fresh, step)


def _entering(backbone: Backbone, first: str, size: int) -> jax.ShapeDtypeStruct:
    """What one image is where it enters a stage."""
    image = jax.ShapeDtypeStruct((1, size, size, 1), jnp.float32)
    in_front = prefix.in_front(backbone.name, first)
    return jax.eval_shape(lambda x: _run(backbone, x, in_front), image)


def _fit(work: Work, backbone: Backbone, record: Callable[[dict], None]) -> Task:
    """Whole runs; an epoch tells its own seconds in the history."""
    names = [next(iter(rates)) for rates in work.phases]
    phases = [strategies.Phase(*pair) for pair in zip(names, work.phases, strict=True)]

    def run(data: tuple[Examples, Examples], epochs: int) -> Fitted:
        # Patience beyond the last epoch: every run has the same number of them.
        settings = Settings(work.batch, epochs, epochs + 1, 0.0, "train", 0)
        with tempfile.TemporaryDirectory() as folder:
            return fit(backbone, phases, *data, settings, Path(folder))

    def fresh(rng: np.random.Generator) -> tuple[Examples, Examples]:
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
        import tfds_cbis
        from tfds_cbis import phantom
    except ModuleNotFoundError as error:
        raise Skipped(f"input: {error.name} is not installed") from error
    phantom.write_release(folder / "release")
    builder = tfds_cbis.prepare(
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
    from jaxcbis.data import patches

    return Task(lambda rng: records, lambda records: patches.from_records(records, size))


def first_step(side: str, work: Work, platform: str, cache: str) -> dict[str, float]:
    """Starts a process that takes one training step; see `first_step.py`.

    Args:
      side: 'ours' or 'torch'.
      work: the step.
      platform: 'cpu' or 'gpu'.
      cache: folder of the compiled programs.

    Returns:
      Its parts in seconds, `total_s`, and its `peak_memory_mb`.
    """
    words = [sys.executable, "-m", "benchmarks.first_step", side, platform, json.dumps(work)]
    environment = os.environ | {
        "XDG_CACHE_HOME": cache, "TORCHINDUCTOR_CACHE_DIR": cache,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }  # fmt: skip
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(words, env=environment, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:4])} failed:\n{done.stderr[-2000:]}")
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
