"""One run from top to bottom: data, model, training, test, localisation, report."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from jaxcbis.config import Config
from jaxcbis.data import loading, normalization
from jaxcbis.data.patches import Dataset
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.machine import backend, device, hosts
from jaxcbis.machine.console import hushed
from jaxcbis.records import folders, paths, results
from jaxcbis.runs import claim, inputs, leave, record, test, train
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
    if config.coordinator is None:  # of several hosts, each may look while another one does
        folders.require_free(folder)
    with folders.unmade_if_unused(folder):
        before = claim.claim(folder, config)  # what is wrong there is said before JAX starts
        with hosts.joined(config.coordinator, config.num_processes, config.process_id):
            return _claimed(config, before, shared, on_epoch)


def _claimed(
    config: Config, before: dict | None, shared: Shared | None, on_epoch: Callable[[dict], None]
) -> dict:
    """`run` in a folder that has room for it, with the results that are there."""
    folder = Path(config.output)
    threads = claim.threads_of(before) if before else None
    started = backend.start(config.device, threads, deterministic=config.deterministic)
    reports = hosts.first()
    with (
        nullcontext() if reports else hushed(),
        folders.lock(folder) if reports else nullcontext(),
        device.compile_clock() as compile_seconds,
    ):
        hosts.wait_for_all("the folder is taken")
        folders.require_seen(folder)
        # Another process may have finished the run while this one waited to begin.
        before = claim.claim(folder, config)
        finished = before is not None and before["status"] == results.FINISHED
        if hosts.of_first(finished):  # another host may still see an older file
            return leave.complete(folder, before) if reports and before else {}
        return _run(config, before, shared, on_epoch, started.threads, compile_seconds)


def _run(
    config: Config,
    before: dict | None,
    shared: Shared | None,
    on_epoch: Callable[[dict], None],
    threads: int,
    compile_seconds: Callable[[], float],
) -> dict:
    """`run` in a folder that is its own, with the results that it had before."""
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
    timing["compile_s"] = compile_seconds()
    timing["peak_memory_mb"] = device.peak_memory_mb()
    found |= record.trained(model, progress, statistics, dataset, timing)
    found = record.finish(found, scores, timing)
    leave.leave(folder, found, dataset.splits["test"], answers, iou)
    return found
