"""Training within a run: its phases, its settings, and what is told of every epoch."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import jax
import jax.numpy as jnp
from rich.progress import Progress as Bars

from jaxcbis.config import Config
from jaxcbis.data.normalization import Statistics, normalize
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.designs import BACKBONES
from jaxcbis.machine import hosts
from jaxcbis.machine.console import bar, detail, say, track
from jaxcbis.models.inference import forward
from jaxcbis.models.model import Model
from jaxcbis.report import tensorboard
from jaxcbis.training import epoch_lines, look, strategies
from jaxcbis.training.batches import Examples, Kept, Splits
from jaxcbis.training.fit import Fitted, fit, read_progress
from jaxcbis.training.strategies import Recipe


def phases_of(config: Config) -> list[strategies.Phase]:
    """The phases of a run: its strategy over the stages behind the frozen half."""
    design = BACKBONES[config.backbone]
    return strategies.phases(
        config.strategy,
        [stage for stage in design.stages if stage not in design.frozen],
        head_lr=config.head_lr,
        backbone_lr=config.backbone_lr,
        lr_decay=config.lr_decay,
    )


def train(
    config: Config,
    model: Model,
    dataset: Dataset,
    statistics: Statistics,
    on_epoch: Callable[[dict], None],
    kept: Kept | None,
) -> Fitted:
    """Trains a model, and tells of every epoch.

    Args:
      config: of the run.
      model: to start with.
      dataset: of the run.
      statistics: of its train split.
      on_epoch: called with every row of the history, those of a resumed run first.
      kept: activations that other runs share.
    """
    folder = Path(config.output)
    recipe = _recipe(config)
    for phase in recipe.phases:
        rates = ", ".join(f"{stage} {rate:g}" for stage, rate in phase.learning_rates.items())
        detail(f"  {phase.name}: learning rates: {rates}")
    train, validation = (
        _examples(dataset.splits[name], statistics, config, model)
        for name in ("train", "validation")
    )
    splits = Splits(train, validation, kept=kept)
    return fitted(model, recipe, splits, folder, resume=config.resume, on_epoch=on_epoch)


# Six parameters: what is trained on what, where, and who is told.
def fitted(
    model: Model,
    recipe: Recipe,
    splits: Splits,
    folder: Path,
    *,
    resume: bool,
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> Fitted:
    """`fit`, with a line on the screen and a point in TensorBoard for every epoch.

    Args:
      model, recipe, splits: as of `fit`.
      folder: of the run; `checkpoints` and `tensorboard` are in it.
      resume: whether the user asked for it.
      on_epoch: called with every row of the history, those of a resumed run first.
    """
    saved = folder / "checkpoints"
    before = read_progress(saved, recipe).history
    if before:
        last = before[-1]
        say(f"Going on behind phase {last['phase']}, epoch {last['epoch']}; what was done:")
    elif resume:
        say("No checkpoint was saved yet: training starts from the beginning")
    logger = tensorboard.logger(folder / "tensorboard")
    with logger if hosts.first() else nullcontext(_unlogged) as log, bar() as bars:
        tell = _telling(recipe, bars)

        def take_in(row: dict, again: bool = False) -> None:
            log(row)
            on_epoch(row)
            tell(row, again)

        for row in before:
            take_in(row, again=True)
        return fit(model, recipe, splits, saved, take_in, track)


def _recipe(config: Config) -> Recipe:
    return Recipe(
        phases_of(config), config.batch_size, config.epochs, config.patience, config.min_delta,
        config.batch_norm, config.seed, config.look_weight,
    )  # fmt: skip


def _examples(part: Patches, statistics: Statistics, config: Config, model: Model) -> Examples:
    labels = part.labels if config.protocol == "paper" else None
    images = normalize(part.images, statistics, labels)
    targets = look.targets(part.masks, cells(config, model)) if config.look_weight else None
    return Examples(images, part.labels, part.ids, targets)


def cells(config: Config, model: Model) -> int:
    """Cells on a side of the maps that the localisation term is computed of."""
    image = jax.ShapeDtypeStruct((1, config.image_size, config.image_size, 1), jnp.float32)
    return jax.eval_shape(lambda x: forward(model, x, model.stages), image).shape[1]


def _unlogged(row: dict) -> None:
    """For a host that does not report."""


def _telling(recipe: Recipe, bars: Bars) -> Callable[[dict, bool], None]:
    """What says a row of the history, and whether it is told again by a run that is resumed."""
    epochs = bars.add_task("epochs", total=recipe.epochs)
    history: list[dict] = []

    def tell(row: dict, again: bool) -> None:
        if not history:
            say(epoch_lines.HEAD)
        history.append(row)
        say(epoch_lines.line(history, recipe.patience, recipe.min_delta))
        parts = ""
        if row["val_look"] is not None:
            parts = f"cross-entropy {row['val_cross_entropy']:.4f}, look {row['val_look']:.4f}, "
        detail(f"  {parts}{row['seconds']:.2f} s")
        bars.update(epochs, description=row["phase"], completed=row["epoch"])
        estimate = epoch_lines.estimate(row, recipe.epochs, recipe.patience)
        if estimate and not again:
            say(estimate)

    return tell
