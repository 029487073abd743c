"""What a whole-image classifier starts from: views, the patch runs, and the network they give."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcbis.data import mammograms
from jaxcbis.data.loading import DEMO, release_name
from jaxcbis.data.mammograms import OVERLAP, Mammograms
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.machine import sharding
from jaxcbis.machine.console import detail, say, warn
from jaxcbis.mammograms import scale, sweeping
from jaxcbis.mammograms.config import MammogramConfig, described
from jaxcbis.mammograms.finished import members
from jaxcbis.mammograms.page.answer import UNTAUGHT
from jaxcbis.models import backbones, whole_image
from jaxcbis.models.backbones import Loaded
from jaxcbis.models.model import Model
from jaxcbis.report.tables import run_name
from jaxcbis.runs import finished, inputs, preparation
from jaxcbis.runs.finished import Finished


class Member(NamedTuple):
    """One of the networks whose probabilities are averaged; mostly the only one.

    Attributes:
      patch: the finished run of patches that it stands on.
      model: to start with, on all devices.
      source: {'source', 'sha256', 'format'} of the weights in front of the top.
      notes: what must be said of them.
      folder: that holds its checkpoints.
      seed: of its top, and of all that training draws.
    """

    patch: Finished
    model: Model
    source: dict[str, str | None]
    notes: list[str]
    folder: Path
    seed: int


def load_data(config: MammogramConfig, begun: Sequence[Member]) -> Mammograms:
    """The views of a run, of which no split is empty.

    Those patients validate who did so in the patch runs, so that no weights have learned from them.

    Args:
      config: of the run.
      begun: its members. Where their patch runs do not agree on the patients, others validate.

    Raises:
      UserError: the data are absent, damaged or hold too little.
    """
    name = release_name(config.data)
    first, *others = [held_out(member.patch.results, name) for member in begun]
    found = preparation.load_mammograms(
        config.data, config.data_dir, config.height, config.width,
        held_out=first if all(other == first for other in others) else (),
    )  # fmt: skip
    mammograms.require_all_splits(found)
    return found


def held_out(patch: Mapping, name: str) -> frozenset[str]:
    """The patients of some data who validated in a patch run, which learned nothing of them.

    Args:
      patch: its results.
      name: of the data, as in its results.

    Returns:
      None of them if it learned from other data, if its split is one of patches, or if it does not
      tell.
    """
    told = patch["data"]
    return frozenset(told.get("held_out_patients") or () if told["name"] == name else ())


def load_members(config: MammogramConfig) -> list[Member]:
    """The networks to start with, one for each patch run.

    Raises:
      UserError: a patch run or the weights cannot be used, or a run cannot be swept as asked.
    """
    return [_member(config, number) for number in range(len(config.run))]


def _member(config: MammogramConfig, number: int) -> Member:
    patch = finished.load(Path(config.run[number]))
    if not config.no_sweep:
        sweeping.side(patch)  # what cannot be swept is refused before training
    seed = config.seed + number
    start = _start(config, patch, seed)
    model = whole_image.build(
        start.model, patch.statistics, top=config.top, blocks=config.top_blocks,
        top_input=config.top_input, seed=seed, dtype=jnp.dtype(config.precision),
    )  # fmt: skip
    folder = members(Path(config.output), len(config.run))[number].parent
    return Member(patch, sharding.on_all(model), start.source, start.notes, folder, seed)


def _start(config: MammogramConfig, patch: Finished, seed: int) -> Loaded:
    """The patch network with the weights that the run asks for.

    Raises:
      UserError: they cannot be had.
    """
    if config.start == "patch":
        source: dict[str, str | None] = {
            "source": str(patch.folder), "sha256": _sum(patch.model), "format": "patch run",
        }  # fmt: skip
        began = f"{UNTAUGHT}: nothing was transferred to it"
        return Loaded(patch.model, source, [began] if _untaught(patch) else [])
    given = patch.config
    weights = "random" if config.start == "random" else given.weights
    # What a demo run had to fall back to is not what this one is to start from.
    random = weights == "random" or _untaught(patch)
    if config.start == "imagenet" and random:
        raise UserError(
            f"--from imagenet: the patch run in {patch.folder} started from random weights; give "
            "--run of one that started from ImageNet's, or --from random"
        )
    loaded = backbones.load(
        given.backbone, weights=weights, num_classes=len(LABELS), seed=seed,
        dtype=jnp.dtype(given.precision), output_stride=given.output_stride, head=given.head,
    )  # fmt: skip
    if config.start == "random":
        return loaded._replace(notes=["random weights, as asked for with --from random"])
    return loaded


def _untaught(patch: Finished) -> bool:
    """Whether a patch run began with random weights, asked for or for want of others."""
    return patch.results["weights"]["source"] == "random"


def _sum(model: Model) -> str:
    """SHA-256 of a model's arrays."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(model):
        found.update(np.ascontiguousarray(leaf).tobytes())
    return found.hexdigest()


def introduce(
    config: MammogramConfig, begun: Sequence[Member], threads: int, before: dict | None
) -> None:
    """Says what is to be run, where.

    Args:
      config: of the run.
      begun: its members.
      threads: of XLA on a CPU.
      before: its results so far, if it is resumed.
    """
    if config.resume and before is None:
        say(f"--resume: {config.output} holds no run yet; a new one starts")
    starts = {"patch": "the patch run", "imagenet": "ImageNet's weights", "random": "nothing"}
    say(f"Run      whole mammograms, {config.height} x {config.width}, from {starts[config.start]}")
    for member in begun:
        say(f"Patches  {run_name(member.patch.results)}, from {member.patch.folder}")
    if config.no_sweep:
        say("Sweep    left out" + "; --sweep has it" * config.demo)
    inputs.say_where(config.output, threads)
    for flag, value in described(config).items():
        detail(f"  {flag}: {value}")


def show(config: MammogramConfig, found: Mammograms, data: dict, begun: Sequence[Member]) -> None:
    """Says what the run starts from.

    Args:
      config: of the run.
      found: the views.
      data: of results.json.
      begun: the members of the run.
    """
    if found.source == DEMO:
        warn(inputs.DEMO)
    say(f"Data     {data['name']}")
    counts = ", ".join(
        f"{part['total']} {name} ({part['malignant']} malignant)"
        for name, part in data["splits"].items()
        if name != OVERLAP or part["total"]
    )
    say(f"         {counts} views")
    preparation.tell(found)
    for member in begun:
        say(f"Weights  {member.source['source']} ({member.source['format']})")
        for note in member.notes:
            warn(f"WEIGHTS: {note}")
        if config.start == "patch" and (told := scale.told(member.patch, found)):
            say(f"Scale    {told}")
