"""The rows: what each times, the work that both sides do, and the ratio to reach."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import GPU_STEPS, Skipped, Work
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import kept_activations, strategies
from jaxcbis.training.batches import Examples, Splits

RATES = {"head_lr": 1e-4, "backbone_lr": 3e-5, "lr_decay": 0.3}

#: The row of the localisation term.
LOOK = "train_with_look"
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
    LOOK: "step of S2 from the frozen half's activations, with the localisation term, against our "
    "own without it",
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
    LOOK: "its share of operations leaves out the term's",
    "s1_run": "all epochs of a phase cost the peer the same: one of each is timed and multiplied",
    "s2_epoch": "without computing the kept activations, once a run",
    "time_to_first_step": "without drawing random weights, which is no part of a real start",
}
OURS_ONLY = ("gradcam_vs_forward", LOOK, "second_start")
#: Ends the name of a row that normalises by the batch.
BATCH_STATS = "_batch_stats"
PER_IMAGE = (
    "forward", "train_all", "train_frozen", "train_behind_prefix", "gradcam", "gradcam_head_only",
    "gradcam_vs_forward", LOOK, "input",
)  # fmt: skip

#: Ratio to reach: on a CPU, on a GPU.
_TARGETS = {
    "forward": (1.0, 1.0), "train_all": (0.9, 1.0), "train_behind_prefix": (1.0, 1.0),
    "s2_epoch": (1.5, 2.5), "gradcam": (3.0, 4.0), "gradcam_head_only": (1.0, 1.0),
    "gradcam_vs_forward": (0.95, 0.95), LOOK: (1 / 1.1, 1 / 1.1), "second_start": (5.0, 5.0),
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
    first = trainable[0] if kind in ("train_behind_prefix", LOOK) else stages[0]
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


def entering(
    backbone: Model, first: str, size: int, *, pooled: bool = True
) -> jax.ShapeDtypeStruct:
    """What one grey image, [1, height, width, channels], is where it enters a stage.

    `pooled` as of `kept_activations.in_front`.
    """
    image = jax.ShapeDtypeStruct((1, size, size, 1), jnp.float32)
    in_front = kept_activations.in_front(backbone.stages, first, pooled=pooled)
    return jax.eval_shape(lambda x: forward(backbone, x, in_front), image)
