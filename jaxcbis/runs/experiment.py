"""One run from top to bottom: data, model, training, test, localisation, results."""

import dataclasses
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcbis import config as options
from jaxcbis.config import Config
from jaxcbis.data import loading, normalization
from jaxcbis.data.patches import OVERLAP, SPLITS, Dataset, lesion_side
from jaxcbis.errors import UserError
from jaxcbis.evaluation import activation_maps
from jaxcbis.labels import LABELS
from jaxcbis.machine import device, files, hosts, sharding
from jaxcbis.machine.console import bar, console, detail, hushed, say, track, warn
from jaxcbis.models import backbones
from jaxcbis.models.backbones import Backbone
from jaxcbis.models.weights.hub import WeightsUnavailable
from jaxcbis.records import folders, history, predictions, results
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import tensorboard, terminal
from jaxcbis.runs import preparation
from jaxcbis.training import checkpoints, epoch_lines, forecast, strategies
from jaxcbis.training.fit import Examples, Fitted, Progress, Settings, fit

_BEGUN = "begun on"


class Shared(NamedTuple):
    """What runs on the same data from the same backbone and seed need only once.

    Attributes:
      dataset: of the runs.
      backbone: with its weights, and what must be said of them.
      kept: activations, see `fit`.
    """

    dataset: Dataset
    backbone: tuple[Backbone, list[str]]
    kept: dict


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
    if config.cam_stage not in (None, *backbones.stages(config.backbone)):
        known = ", ".join(backbones.stages(config.backbone))
        raise UserError(f"--cam-stage {config.cam_stage}: {config.backbone} has {known}")
    folder = Path(str(config.output))
    before = _claim(folder, config)
    with hosts.joined(config):
        device.choose(
            config.device,
            threads_of(before) if before else None,
            deterministic=config.deterministic,
        )
        with nullcontext() if hosts.first() else hushed():
            return _run(config, folder, before, shared, on_epoch)


def _run(
    config: Config,
    folder: Path,
    before: dict | None,
    shared: Shared | None,
    on_epoch: Callable[[dict], None],
) -> dict:
    """`run` in a folder that is its own, with the results that it had before."""
    held = folders.lock(folder) if hosts.first() else None
    hosts.wait_for_all("the folder is taken")
    folders.require_seen(folder)
    if config.resume and before is None:
        say(f"--resume: {folder} holds no run yet; a new one starts")
    if before and before["status"] == "finished":
        say(f"{folder} holds a finished run; nothing is left to resume")
        terminal.show_run(console, before)
        return before
    timing: dict[str, float] = {}
    notes: list[str] = []
    compiled_before = device.compile_seconds()

    # ---- Data -----------------------------------------------------------------------------
    say(
        f"Run      {config.backbone}, strategy {config.strategy}, protocol {config.protocol}, "
        f"seed {config.seed}"
    )
    say(f"Device   {device.described()}")
    if crowding := device.crowding():
        say(f"         {crowding}")
    say(f"Results  {folder}")
    if unlogged := tensorboard.missing():
        warn(unlogged)
        notes.append(unlogged)
    for key, value in dataclasses.asdict(config).items():
        detail(f"  {key} {value}")
    began = time.perf_counter()
    dataset = shared.dataset if shared else preparation.load(config)
    timing["prepare_s"] = time.perf_counter() - began
    loading.require_all_splits(dataset)
    data = preparation.describe(dataset)
    demo = dataset.source == loading.DEMO
    if demo:
        warn("DEMO DATA: synthetic phantoms; give --data PATH for the CBIS-DDSM release")
        notes.append(
            "demo data: synthetic phantoms, not mammograms; the figures say nothing about the study"
        )
    sizes = ", ".join(f"{part['total']} {name}" for name, part in data["splits"].items())
    say(f"Data     {dataset.name}")
    say(f"         {sizes} patches at {config.image_size} pixels")
    for name, part in data["splits"].items():
        detail(f"  {name}: {part['per_class']}, {part['patients']} patients")
    preparation.show_dropped(dataset)
    notes += _notes_on(data, config.protocol) + _notes_on_devices(before)

    # ---- Model ----------------------------------------------------------------------------
    backbone, weight_notes = shared.backbone if shared else load_backbone(config, demo)
    notes += weight_notes
    say(f"Weights  {backbone.source['source']} ({backbone.source['format']})")
    say(f"Phases   {', '.join(phase.name for phase in phases_of(config))}")
    limits = f"at most {config.epochs} epochs each; {config.patience} without improvement end one"
    say(f"         {limits}")
    # A study tells its own, and a GPU waits for the host more than it computes.
    if not shared and jax.default_backend() == "cpu":
        counts = {name: part["total"] for name, part in data["splits"].items()}
        within = forecast.seconds(
            backbone, phases_of(config), counts, config.image_size,
            (min(config.patience, config.epochs), config.epochs),
        )  # fmt: skip
        span = " to ".join(dict.fromkeys(map(epoch_lines.duration, within)))
        say(f"Time     roughly {span}, and compiling; told again once measured")
    record = dict.fromkeys(results.KEYS) | {
        "schema": results.SCHEMA,
        "status": "interrupted",
        "config": dataclasses.asdict(config),
        "environment": device.environment(),
        "data": data,
        "weights": backbone.source,
        "notes": ["the run is not finished: its figures are null", *notes],
    }
    _require_same_inputs(folder, record)
    hosts.wait_for_all("the inputs are the same")
    if hosts.first():
        results.write(folder / "results.json", record)

    # ---- Training -------------------------------------------------------------------------
    statistics = normalization.measure(
        dataset.splits["train"].images, dataset.splits["train"].labels
    )
    record["model"] = {
        "options": backbone.options,
        "normalization": normalization.to_json(statistics),
        "lesion_side": lesion_side(dataset.splits["train"]),
    }
    kept = shared.kept if shared else None
    fitted = _train(config, backbone, dataset, statistics, folder, on_epoch, kept)
    variables, progress = fitted
    in_epochs = sum(row["seconds"] for row in progress.history)
    timing["train_s"] = in_epochs + sum(phase["seconds"] for phase in progress.prefix)
    epochs = sum(row["epoch"] > 0 for row in progress.history)
    timing["train_images_per_s"] = epochs * len(dataset.splits["train"]) / in_epochs

    # ---- Test -----------------------------------------------------------------------------
    # The maps' pass below gives the answers to the test set as the protocol normalises it; here the
    # paper's is asked again without the labels, and the clean one about what it set apart.
    test = dataset.splits["test"]
    paper = config.protocol == "paper"
    other = test if paper else dataset.splits[OVERLAP]
    model = (config.backbone, backbone.graph, variables)
    began = time.perf_counter()
    blind = np.empty((0, len(LABELS)))
    if len(other):
        blind = activation_maps.softmax(
            activation_maps.logits(*model, normalization.normalize(other.images, statistics), track)
        )
    timing["evaluate_s"] = time.perf_counter() - began

    # ---- Localisation ---------------------------------------------------------------------
    began, compiled = time.perf_counter(), device.compile_seconds()
    images = normalization.normalize(test.images, statistics, test.labels if paper else None)
    maps, logits, of_labels = activation_maps.maps(
        *model, images, track, labels=test.labels, method=config.cam_method, stage=config.cam_stage
    )
    probabilities = activation_maps.softmax(logits)
    timing["cam_s"] = time.perf_counter() - began
    compiling = device.compile_seconds() - compiled
    timing["cam_images_per_s"] = len(test) / (timing["cam_s"] - compiling)
    checkpoints.save_model(folder / "checkpoints", variables)
    if held is None:  # another host reports
        return record
    # Here and not above: scikit-learn and matplotlib take seconds to import, training needs neither
    from jaxcbis.evaluation import localization, metrics
    from jaxcbis.report import run_report

    located, iou = localization.score(
        test, probabilities.argmax(1), maps, of_labels,
        threshold=config.cam_threshold, seed=config.seed,
    )  # fmt: skip

    # ---- Results --------------------------------------------------------------------------
    if located["grid"] == 1:
        notes.append("the maps have one cell at this image size: localisation says nothing")
    if located["zero_maps"]:
        notes.append(f"{located['zero_maps']} class activation maps are zero everywhere, score 0")
    answers = test.labels, probabilities, test.patients
    asked = other.labels, blind, other.patients
    official = map(np.concatenate, zip(answers, asked, strict=True))
    timing["compile_s"] = device.compile_seconds() - compiled_before
    timing["peak_memory_mb"] = device.peak_memory_mb()
    record |= {
        "status": "finished",
        "history": progress.history,
        "best": progress.best,
        "prefix": progress.prefix,
        "test": metrics.classification(*answers),
        "test_without_label_normalization": metrics.classification(*asked) if paper else None,
        "test_official": None if paper else metrics.classification(*official),
        "localization": located,
        "timing": timing,
        "notes": notes,
    }
    told = Predictions(test.ids, test.patients, test.labels, probabilities, iou)
    predictions.write(folder / "predictions.csv", told)
    history.write(folder / "history.csv", progress.history)
    run_report.write(folder, record, told, test, maps)
    results.write(folder / "results.json", record)
    held.close()
    shutil.rmtree(folder / "checkpoints" / checkpoints.TRAINING, ignore_errors=True)

    terminal.show_run(console, record)
    for key, value in timing.items():
        detail(f"  {key} {value:.1f}")
    say(f"Results: {folder / 'results.json'}")
    say(f"Report:  {folder / 'report.html'}")
    return record


def _claim(folder: Path, config: Config) -> dict | None:
    """Makes the folder of a new run, or checks that it holds the run that is to be resumed.

    Returns the results so far of a run that is to be resumed.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder}: is a file; give a folder")
    if not folder.exists() or not any(folder.iterdir()):
        files.make_folder(folder, "choose another --output")
        return None
    if not (folder / "results.json").exists():
        if folders.unused(folder):
            return None
        raise UserError(f"--output {folder}: holds other files; choose another folder")
    before = results.read_run(folder / "results.json")
    if not config.resume:
        done = before["status"] == "finished"
        raise UserError(
            f"--output {folder}: holds a finished run; choose another folder or delete it"
            if done
            else f"--output {folder}: holds an unfinished run; add --resume to go on with it"
        )
    differing = options.differing(before["config"], dataclasses.asdict(config))
    if differing:
        raise UserError(
            f"--resume: the run in {folder} has other options ({'; '.join(differing)}); "
            "give the same ones or another --output"
        )
    return before


def threads_of(before: dict) -> int | None:
    """The threads that a run began with: with as many it ends in the same digits on other cores."""
    threads = before["environment"].get("threads")
    return threads if isinstance(threads, int) else None


def _notes_on_devices(before: dict | None) -> list[str]:
    """Sums over other numbers of devices are rounded in another order."""
    if before is None:
        return []
    notes = [note for note in before["notes"] if note.startswith(_BEGUN)]
    was, now = before["environment"].get("devices"), device.environment()["devices"]
    if was not in (now, None):
        notes.append(f"{_BEGUN} {was} devices and continued on {now}: last digits may differ")
    return notes


def _require_same_inputs(folder: Path, record: dict) -> None:
    """A resumed run must see the data and the weights that it began with."""
    path = folder / "results.json"
    if not path.exists():
        return
    before = results.read_run(path)
    for key in ("data", "weights"):
        if before.get(key) is not None and before[key] != record[key]:
            raise UserError(
                f"--resume: the {key} are not those that the run in {folder} began with; restore "
                "them or choose another --output"
            )


def load_backbone(config: Config, demo: bool) -> tuple[Backbone, list[str]]:
    """The backbone with its weights on the device, and what must be said of them."""
    dtype = jnp.dtype(config.precision)
    notes = []

    def load(weights: str) -> Backbone:
        return backbones.load(
            config.backbone, weights=weights, num_classes=len(LABELS), seed=config.seed, dtype=dtype
        )

    try:
        backbone = load(config.weights)
    except WeightsUnavailable as error:
        if not demo:
            raise
        warn(f"RANDOM WEIGHTS: {error}")
        notes.append("random weights: the ImageNet weights asked for could not be had")
        backbone = load("random")
    if config.weights == "random":
        notes.append("random weights, as asked for with --weights random")
    arrays = sharding.on_all((backbone.params, backbone.stats))
    return backbone._replace(params=arrays[0], stats=arrays[1]), notes


def phases_of(config: Config) -> list[strategies.Phase]:
    """The phases of a run: its strategy over the stages behind the frozen half."""
    frozen = backbones.frozen_stages(config.backbone)
    return strategies.phases(
        config.strategy,
        [stage for stage in backbones.stages(config.backbone) if stage not in frozen],
        head_lr=config.head_lr,
        backbone_lr=float(config.backbone_lr or 0),
        lr_decay=config.lr_decay,
    )


def _train(
    config: Config,
    backbone: Backbone,
    dataset: Dataset,
    statistics: normalization.Statistics,
    folder: Path,
    watch: Callable[[dict], None],
    kept: dict | None,
) -> Fitted:
    phases = phases_of(config)
    train, validation = (
        Examples(
            normalization.normalize(
                part.images, statistics, part.labels if config.protocol == "paper" else None
            ),
            part.labels,
        )
        for part in (dataset.splits["train"], dataset.splits["validation"])
    )
    settings = Settings(
        config.batch_size, config.epochs, config.patience, config.min_delta, config.batch_norm,
        config.seed,
    )  # fmt: skip
    line, replayed, resumed = epoch_lines.lines(config.patience, config.min_delta), 0, False
    for phase in phases:
        detail(f"  {phase.name}: learning rates {phase.learning_rates}")

    def on_resume(progress: Progress) -> None:
        nonlocal replayed, resumed
        replayed, resumed = len(progress.history), True
        last = progress.history[-1]
        say(f"Going on behind phase {last['phase']}, epoch {last['epoch']}; what was done:")

    def on_epoch(row: dict) -> None:
        nonlocal replayed
        if config.resume and not resumed and not row["epoch"] and row["phase"] == phases[0].name:
            say("No checkpoint was saved yet: training starts from the beginning")
        log(row)
        watch(row)
        say(line(row))
        detail(f"  {row['seconds']:.2f} s")
        bars.update(epochs, description=row["phase"], completed=row["epoch"])
        estimate = epoch_lines.estimate(row, config.epochs, config.patience)
        if estimate and not replayed:
            say(estimate)
        replayed = max(replayed - 1, 0)

    def unlogged(row: dict) -> None:
        """For a host that does not report."""

    logger = tensorboard.logger(folder / "tensorboard") if hosts.first() else nullcontext(unlogged)
    with logger as log, bar() as bars:
        epochs = bars.add_task("epochs", total=config.epochs)
        return fit(
            backbone, phases, train, validation, settings, folder / "checkpoints",
            on_resume=on_resume, on_epoch=on_epoch, track=track, kept=kept,
            ids=dataset.splits["train"].ids,
        )  # fmt: skip


def _notes_on(data: dict, protocol: str) -> list[str]:
    """What a reader of the figures must know of the data."""
    notes = [
        "paper protocol: every image is normalised by its true class, test images too, which tells "
        "the model something of the answer; test_without_label_normalization is the same model "
        "without that"
        if protocol == "paper"
        else "clean protocol: one normalisation for all, no patient on two sides; test leaves out "
        f"{data['splits'][OVERLAP]['total']} official test items of patients in train, which "
        "test_official holds"
    ]
    if data["dropped"]:
        notes.append(f"{len(data['dropped'])} items of the release were dropped, see data.dropped")
    leak = data["leakage"]
    if leak["patients_in_train_and_test"]:
        notes.append(
            f"{leak['patients_in_train_and_test']} patients are in train and in test; "
            f"{leak['test_items_affected']} test items are theirs"
        )
    absent = {
        name: [label for label, n in data["splits"][name]["per_class"].items() if not n]
        for name in SPLITS
    }
    if absent["test"]:
        notes.insert(
            0,
            f"{len(LABELS) - len(absent['test'])} of the paper's {len(LABELS)} classes were "
            "tested: another task, whose figures are not comparable with the paper's",
        )
    for labels in {tuple(labels) for labels in absent.values() if labels}:
        names = " or ".join(name for name in absent if tuple(absent[name]) == labels)
        notes.append(f"no {names} patches of {', '.join(labels)}: their figures are null")
    return notes
