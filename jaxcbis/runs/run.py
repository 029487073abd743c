"""One run from top to bottom: data, model, training, test, localisation, report."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jaxcbis.config import Config
from jaxcbis.data import loading, normalization
from jaxcbis.data.patches import Dataset
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.machine import device, hosts
from jaxcbis.records import paths, results
from jaxcbis.runs import claim, holding, inputs, leave, record, test, train
from jaxcbis.runs.holding import Held
from jaxcbis.runs.inputs import Start
from jaxcbis.runs.timing import timed
from jaxcbis.training import checkpoints
from jaxcbis.training.batches import Kept


class Shared(NamedTuple):
    """What runs on the same data from the same backbone and seed need only once.

    Attributes:
      dataset: of the runs.
      start: the model that they start with.
      kept: activations.
    """

    dataset: Dataset
    start: Start
    kept: Kept


def run(
    config: Config,
    shared: Shared | None = None,
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> dict:
    """Does one run and leaves everything it found in `config.output`.

    Of several hosts the first one does so; the others return after the test with what they know.

    Args:
      config: of `config.resolve`.
      shared: with other runs, to the same figures as without.
      on_epoch: called with every row of the history.

    Returns:
      The content of results.json.

    Raises:
      UserError: something that the user has to put right.
    """
    stages = BACKBONES[config.backbone].stages
    if config.cam_stage not in (None, *stages):
        known = ", ".join(stages)
        raise UserError(f"--cam-stage {config.cam_stage}: {config.backbone} has {known}")
    folder = Path(config.output)
    if not shared and not results.are_finished(folder / "results.json"):
        paths.require_inputs(config)
        loading.look(config)  # before weights are fetched
    with holding.held(config, partial(claim.claim, folder, config)) as held:
        if held.finished:
            return leave.complete(folder, held.before) if hosts.first() and held.before else {}
        return _run(config, held, shared, on_epoch)


def _run(
    config: Config,
    held: Held,
    shared: Shared | None,
    on_epoch: Callable[[dict], None],
) -> dict:
    """`run` in a folder that is its own."""
    before, threads = held.before, held.threads
    timing: dict[str, float] = {}
    folder = Path(config.output)
    inputs.introduce(config, threads, before)

    # ---- Data and model
    if shared:
        dataset, start = shared.dataset, shared.start
    else:
        start = inputs.load_model(config)  # before a release is prepared, which can take hours
        with timed(timing, "prepare_s"):
            dataset = inputs.load_data(config)
        start = inputs.with_notes_on_masks(config, dataset, start)
    found = record.begin(config, dataset, start, threads, before)
    inputs.show(config, dataset, start, found["data"])
    claim.require_same_inputs(folder, before, found)
    hosts.wait_for_all("the inputs are the same")
    if hosts.first():
        results.write(folder / "results.json", found)

    # ---- Training
    statistics = normalization.measure(
        dataset.splits["train"].images, dataset.splits["train"].labels
    )
    model, progress = train.train(
        config, start.model, dataset, statistics, on_epoch, shared.kept if shared else None
    )

    # ---- Test and localisation
    answers = test.answer(config, model, dataset, statistics, timing)
    checkpoints.save_model(folder / "checkpoints", model)
    if not hosts.first():
        return found

    # ---- Report
    scores, iou = test.score(config, dataset, answers)
    timing["compile_s"] = held.compile_seconds()
    timing["peak_memory_mb"] = device.peak_memory_mb()
    found |= record.trained(model, progress, statistics, dataset, timing)
    found = record.finish(found, scores, timing)
    leave.leave(folder, found, dataset.splits["test"], answers, iou)
    return found
