"""What a run starts from: its data and its model, and what a person is told of them."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp

from jaxcbis.config import Config, described, is_exported
from jaxcbis.data import loading, summary
from jaxcbis.data.patches import OVERLAP, Dataset
from jaxcbis.errors import UserError
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.machine import device, sharding
from jaxcbis.machine.console import detail, say, warn
from jaxcbis.models import backbones
from jaxcbis.models.backbones import Loaded
from jaxcbis.models.model import Model
from jaxcbis.models.weights.hub import WeightsUnavailable
from jaxcbis.report import tensorboard
from jaxcbis.runs import notes, preparation, train
from jaxcbis.training.strategies import Phase

#: What a run on the demo data begins with.
DEMO = "DEMO DATA: synthetic phantoms; give --data PATH for the CBIS-DDSM release"


class Start(NamedTuple):
    """The model that a run starts with.

    Attributes:
      model: on the device; on all of them where there are several.
      source: {'source', 'sha256', 'format'} of its weights.
      notes: what must be said of them.
    """

    model: Model
    source: dict[str, str | None]
    notes: list[str]


def load_data(config: Config) -> Dataset:
    """The patches of a run, of which no split is empty.

    Raises:
      UserError: the data are absent, damaged or not what was asked for.
    """
    dataset = preparation.load(config)
    loading.require_all_splits(dataset)
    return dataset


def load_model(config: Config) -> Start:
    """The backbone with its weights.

    Raises:
      UserError: the weights cannot be had (on demo data, random ones take the place of ImageNet's),
        or the localisation term asked for has maps of one cell.
    """

    def load(weights: str) -> Loaded:
        return backbones.load(
            config.backbone,
            weights=weights,
            num_classes=len(LABELS),
            seed=config.seed,
            dtype=jnp.dtype(config.precision),
            output_stride=config.output_stride,
            head=config.head,
        )

    try:
        model, source, said = load(config.weights)
    except WeightsUnavailable as error:
        if not _demo(config):
            raise
        warn(f"RANDOM WEIGHTS: {error}")
        model, source, _ = load("random")
        said = ["random weights: the ImageNet weights asked for could not be had"]
    else:
        for note in said:
            warn(f"WEIGHTS: {note}")
    if config.weights == "random":
        said = ["random weights, as asked for with --weights random"]
    if config.look_weight and train.cells(config, model) == 1:
        raise UserError(
            f"--look-weight {config.look_weight:g}: {config.backbone}'s maps have one cell at "
            f"--image-size {config.image_size}; give a larger one"
        )
    return Start(sharding.on_all(model), source, said)


def _demo(config: Config) -> bool:
    """Whether the data are the demo's, built in or exported."""
    return config.demo or (is_exported(config.data) and load_data(config).source == loading.DEMO)


def with_notes_on_masks(config: Config, dataset: Dataset, start: Start) -> Start:
    """A start that tells what the localisation term leaves out for want of masks, if there is one.

    Raises:
      UserError: it would leave out all lesions of a split.
    """
    if not config.look_weight:
        return start
    return start._replace(notes=[*start.notes, *_without_masks(config, dataset)])


def _without_masks(config: Config, dataset: Dataset) -> list[str]:
    """Notes on lesions that the localisation term leaves out.

    Raises:
      UserError: it would leave out all of a split.
    """
    said = []
    for name in ("train", "validation"):
        part = dataset.splits[name]
        masked = part.masks[part.labels != BACKGROUND].any((1, 2))
        if not masked.any():
            raise UserError(
                f"--look-weight {config.look_weight:g}: no lesion of the {name} split has a mask "
                "for its map to meet; give data with masks, or leave the option out"
            )
        if not masked.all():
            said.append(
                f"the localisation term leaves out {(~masked).sum()} of {len(masked)} lesions of "
                f"the {name} split: their masks are empty"
            )
            warn(f"LOOK WEIGHT: {said[-1]}")
    return said


def introduce(config: Config, threads: int, before: dict | None) -> None:
    """Says what is to be run, where.

    Args:
      config: of the run.
      threads: of XLA on a CPU.
      before: its results so far, if it is resumed.
    """
    if config.resume and before is None:
        say(f"--resume: {config.output} holds no run yet; a new one starts")
    say(
        f"Run      {config.backbone}, strategy {config.strategy}, protocol {config.protocol}, "
        f"seed {config.seed}"
    )
    say_where(config.output, threads)
    for flag, value in described(config).items():
        detail(f"  {flag}: {value}")


def say_where(output: str, threads: int) -> None:
    """Says on what a run is computed, and where its results go.

    Args:
      output: of the run.
      threads: of XLA on a CPU.
    """
    say(f"Device   {device.described()}")
    if crowding := device.crowding(threads):
        say(f"         {crowding}")
    say(f"Results  {output}")
    if unlogged := tensorboard.missing():
        warn(unlogged)


def show(config: Config, dataset: Dataset, start: Start, data: dict) -> None:
    """Says what the run starts from.

    Args:
      config, dataset, start: of the run.
      data: of results.json.
    """
    if dataset.source == loading.DEMO:
        warn(DEMO)
    splits = {name: of for name, of in data["splits"].items() if name != OVERLAP or of["total"]}
    sizes = ", ".join(f"{part['total']} {name}" for name, part in splits.items())
    say(f"Data     {dataset.name}")
    say(f"         {sizes} patches at {config.image_size} pixels")
    for name, part in splits.items():
        classes = ", ".join(f"{count} {label}" for label, count in part["per_class"].items())
        detail(f"  {name}: {classes}; {part['patients']} patients")
    summary.show_dropped(dataset, config.background_size)
    say(f"Weights  {start.source['source']} ({start.source['format']})")
    if config.look_weight and config.centred:
        warn(f"LOOK WEIGHT: {notes.centred(config.protocol)}")
    say_phases(train.phases_of(config), config.epochs, config.patience)


def say_phases(phases: Sequence[Phase], epochs: int, patience: int) -> None:
    """Says in what phases a run trains, given what limits each."""
    say(f"Phases   {', '.join(phase.name for phase in phases)}")
    say(
        f"         at most {epochs} epoch{'s' if epochs > 1 else ''} each; "
        f"{patience} without improvement end one"
    )
