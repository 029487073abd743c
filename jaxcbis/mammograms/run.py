"""One mammogram run from top to bottom: views, patch runs, training, test, baselines, report."""

from functools import partial
from pathlib import Path

from jaxcbis.data import mammograms
from jaxcbis.errors import UserError
from jaxcbis.machine import device, hosts
from jaxcbis.machine.console import warn
from jaxcbis.mammograms import config as options
from jaxcbis.mammograms import inputs, leave, record, test, train
from jaxcbis.mammograms.config import MammogramConfig
from jaxcbis.records import paths, results
from jaxcbis.runs import claim, holding
from jaxcbis.runs.holding import Held
from jaxcbis.runs.timing import timed
from jaxcbis.training import checkpoints


def run(config: MammogramConfig) -> dict:
    """Does one run and leaves everything it found in `config.output`.

    Of several hosts the first one does so; the others return after the test with what they know.

    Args:
      config: of `config.resolve`.

    Returns:
      The content of results.json.

    Raises:
      UserError: something that the user has to put right.
    """
    folder = Path(config.output)
    if not results.are_finished(folder / "results.json"):
        require_inputs(config)

    def differing(before, scored: bool) -> list[str]:
        return options.differing(before, config, scored=scored)

    taken = partial(claim.take, folder, results.read_mammogram, differing, resume=config.resume)
    with holding.held(config, taken) as held:
        if held.finished:
            return leave.complete(folder, held.before) if hosts.first() and held.before else {}
        return _run(config, held)


def require_inputs(config: MammogramConfig) -> None:
    """Checks the data, the patch runs and the run to compare with, before JAX is loaded.

    Raises:
      UserError: one of them is not there, or of another kind.
    """
    paths.require_data(config.data)
    if config.data_dir is not None:
        paths.require_folder("--data-dir", Path(config.data_dir), to_write=False)
    mammograms.require_release(config.data)
    for folder in config.run:
        if not Path(folder).is_dir():
            raise UserError(
                f"--run {folder}: no such folder; give that of a finished patch run, made by the "
                "command train"
            )
        results.read_finished(Path(folder))
    if config.imagenet_run is not None:
        other = results.read_finished_mammogram(Path(config.imagenet_run))["config"]
        if other["start"] != "imagenet":
            raise UserError(
                f"--imagenet-run {config.imagenet_run}: started from {other['start']}; give a run "
                "with --from imagenet"
            )


def _run(config: MammogramConfig, held: Held) -> dict:
    """`run` in a folder that is its own."""
    timing: dict = {}
    folder, before = Path(config.output), held.before

    # ---- Patch runs, views and networks
    members = inputs.load_members(config)  # before a release is prepared, which can take hours
    inputs.introduce(config, members, held.threads, before)
    with timed(timing, "prepare_s"):
        views = inputs.load_data(config, members)
    test.of_imagenet(config, views.splits["test"])  # what does not fit is refused before training
    found = record.begin(config, views, members, held.threads, before)
    inputs.show(config, views, found["data"], members)
    for note in record.of_start(config, views, members):
        warn(note)
    claim.require_same_inputs(folder, before, found)
    hosts.wait_for_all("the inputs are the same")
    found["memory"] = train.foretell(config, members, views.splits["train"].images.dtype)
    if hosts.first():
        results.write(folder / "results.json", found)

    # ---- Training
    fits = [train.fit(config, member, views) for member in members]
    found |= record.trained(members, fits, len(views.splits["train"]), timing)

    # ---- Test
    models = [fit.model for fit in fits]
    with timed(timing, "evaluate_s"):
        told = test.answer(config, models, views)
    for member, model in zip(members, models, strict=True):
        checkpoints.save_model(member.folder / "checkpoints", model)
    swept = test.sweep(config, members, views)
    if not hosts.first():
        return found

    # ---- Figures and report
    scores = test.score(config, views, told, swept)
    timing["compile_s"] = held.compile_seconds()
    timing["peak_memory_mb"] = device.peak_memory_mb()
    timing |= {"sweep_s": test.seconds(swept)}
    found = record.finish(found, scores.results, scores.members, scores.notes, timing)
    leave.leave(folder, found, views.splits["test"], told, scores)
    return found
