"""Training within a run: its phases, its settings, and what is told of every epoch."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from rich.progress import Progress as Bars

from jaxcbis.config import Config
from jaxcbis.data.normalization import Statistics, normalize
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.designs import BACKBONES
from jaxcbis.machine import hosts
from jaxcbis.machine.console import bar, detail, say, track
from jaxcbis.models.model import Model
from jaxcbis.report import tensorboard
from jaxcbis.training import epoch_lines, strategies
from jaxcbis.training.fit import Examples, Fitted, Kept, Progress, Settings, fit


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
      on_epoch: called with every row of the history.
      kept: activations, see `fit`.
    """
    folder, phases = Path(config.output), phases_of(config)
    for phase in phases:
        detail(f"  {phase.name}: learning rates {phase.learning_rates}")
    train, validation = (
        _examples(dataset.splits[name], statistics, config) for name in ("train", "validation")
    )
    settings = Settings(
        config.batch_size, config.epochs, config.patience, config.min_delta, config.batch_norm,
        config.seed,
    )  # fmt: skip
    first = hosts.first()
    logger = tensorboard.logger(folder / "tensorboard") if first else nullcontext(_unlogged)
    with logger as log, bar() as bars:
        tell_resumed, tell_epoch = _telling(config, bars)

        def take_in(row: dict) -> None:
            log(row)
            on_epoch(row)
            tell_epoch(row)

        return fit(
            model, phases, train, validation, settings, folder / "checkpoints",
            on_resume=tell_resumed, on_epoch=take_in, track=track, kept=kept,
            ids=dataset.splits["train"].ids,
        )  # fmt: skip


def _examples(part: Patches, statistics: Statistics, config: Config) -> Examples:
    labels = part.labels if config.protocol == "paper" else None
    return Examples(normalize(part.images, statistics, labels), part.labels)


def _unlogged(row: dict) -> None:
    """For a host that does not report."""


def _telling(
    config: Config, bars: Bars
) -> tuple[Callable[[Progress], None], Callable[[dict], None]]:
    """What to say where a run goes on, and of every row of its history."""
    epochs = bars.add_task("epochs", total=config.epochs)
    line, replayed, resumed = epoch_lines.lines(config.patience, config.min_delta), 0, False

    def tell_resumed(progress: Progress) -> None:
        nonlocal replayed, resumed
        replayed, resumed = len(progress.history), True
        last = progress.history[-1]
        say(f"Going on behind phase {last['phase']}, epoch {last['epoch']}; what was done:")

    def tell_epoch(row: dict) -> None:
        nonlocal replayed
        first = row["phase"] == phases_of(config)[0].name
        if config.resume and not resumed and not row["epoch"] and first:
            say("No checkpoint was saved yet: training starts from the beginning")
        say(line(row))
        detail(f"  {row['seconds']:.2f} s")
        bars.update(epochs, description=row["phase"], completed=row["epoch"])
        estimate = epoch_lines.estimate(row, config.epochs, config.patience)
        if estimate and not replayed:
            say(estimate)
        replayed = max(replayed - 1, 0)

    return tell_resumed, tell_epoch
