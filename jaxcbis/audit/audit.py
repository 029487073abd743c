"""What each flattering choice of the paper's protocol is worth, and how far to trust the maps."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxcbis.audit import accounting, audit_tables, faithfulness, randomization, trivial
from jaxcbis.audit.accounting import Answers
from jaxcbis.data import loading, normalization, splits
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.errors import UserError
from jaxcbis.evaluation import activation_maps, bootstrap, localization
from jaxcbis.labels import BACKGROUND
from jaxcbis.machine import device, files
from jaxcbis.machine.console import console, say, track, warn
from jaxcbis.records import results
from jaxcbis.records.folders import lock
from jaxcbis.report import tables
from jaxcbis.runs import claim, finished, preparation
from jaxcbis.runs.finished import Finished

SCHEMA = 1
#: Test patches on which faithfulness and randomisation are measured; each costs dozens of passes.
SAMPLE = 64
SEED = 0


def run(data: str | None, data_dir: str | None, folders: Sequence[Path], output: Path) -> dict:
    """Audits finished runs, and leaves audit.json and audit.md in `output`.

    Args:
      data, data_dir: the options of the same name; the release that the runs were trained on.
      folders: of the runs. A paper and a clean run of one backbone and strategy belong together.
      output: may hold an earlier audit of the same runs, which is replaced.

    Returns:
      {schema, rows, baselines, faithfulness, randomization, notes, runs}. rows: of every paper run
      what `accounting.account` gives, from the paper's protocol to the clean one, with backbone,
      strategy and run; where its clean counterpart was not given, up to what one model can tell.

    Raises:
      UserError: a folder holds no finished run, or one of other data; the data cannot be read.
    """
    if data is not None and data.endswith(".npz"):
        raise UserError(f"--data {data}: holds one protocol's patches; give the release itself")
    first = results.read_run(folders[0] / "results.json")
    # Before the runs' models are loaded, which starts JAX.
    device.choose(
        first["config"].get("device", "auto"),
        claim.threads_of(first),
        deterministic=first["config"].get("deterministic", False),
    )
    runs = [finished.load(folder) for folder in folders]
    _claim(output, [run.folder.name for run in runs])
    held = lock(output)
    sizes = sorted({run.config.image_size for run in runs})
    of_paper = [run.config for run in runs if run.config.protocol == "paper"]
    background_size = of_paper[0].background_size if of_paper else None
    if len(sizes) > 1:
        raise UserError(f"--run: the runs' image sizes differ ({sizes}); audit them one by one")
    datasets = {}
    for protocol in ("paper", "clean"):
        config = dataclasses.replace(
            runs[0].config, data=data, data_dir=data_dir, protocol=protocol,
            background_size=(background_size or 550) if protocol == "paper" else None,
        )  # fmt: skip
        datasets[protocol] = preparation.load(config)
    for run in runs:
        _require_same_data(run, datasets[run.config.protocol])
    notes = _notes(runs, datasets["paper"])

    record: dict = {
        "schema": SCHEMA, "rows": [], "baselines": _baselines(datasets), "faithfulness": [],
        "randomization": [], "notes": notes, "runs": [run.folder.name for run in runs],
    }  # fmt: skip
    for run in runs:
        name = f"{run.config.backbone} {run.config.strategy}"
        known = {
            "backbone": run.config.backbone,
            "strategy": run.config.strategy,
            "protocol": run.config.protocol,
            "run": run.folder.name,
        }
        if run.config.protocol == "paper":
            say(f"{name}: accounting for its figures")
            steps = _steps(run, datasets)
            partner = next((other for other in runs if _is_partner(run, other)), None)
            if partner:
                steps.append(_answers("trained clean", partner, datasets["clean"].splits["test"]))
                steps[-1] = steps[-1]._replace(all_lesions=True)
            record["rows"] += [known | row for row in accounting.account(steps)]
        say(f"{name}, {run.config.protocol} protocol: are its maps faithful?")
        sample = _sample(datasets[run.config.protocol].splits["test"])
        record["faithfulness"].append(known | _faithfulness(run, sample))
        record["randomization"].append(known | _randomization(run, sample))
        results.write(output / "audit.json", record)

    audit_tables.write(output / "audit.md", record)
    for table in audit_tables.audit_tables(record):
        console.print(tables.rendered(table))
    for line in audit_tables.words(record):
        say(f"- {line}")
    say(f"Results: {output / 'audit.json'}   Report: {output / 'audit.md'}")
    held.close()
    return record


def _claim(output: Path, runs: Sequence[str]) -> None:
    """Makes the audit's folder, or checks that nothing is lost by writing there."""
    if (output / "audit.json").exists():
        before = results.read(output / "audit.json").get("runs")
        if before != list(runs):
            raise UserError(
                f"--output {output}: holds an audit of other runs; choose another folder"
            )
    files.make_folder(output, "choose another --output")


def _steps(run: Finished, datasets: dict[str, Dataset]) -> list[Answers]:
    """From the paper's protocol as far as one model can go."""
    paper, clean = (datasets[name].splits for name in ("paper", "clean"))
    test, in_train = (
        paper["test"],
        np.concatenate([paper[name].patients for name in ("train", "validation")]),
    )
    blind = _answers("label normalisation", run, test)
    new = ~splits.overlapping(in_train, test.patients)
    less_overlap = accounting.select("patient overlap", blind, new)
    lesions = accounting.select("", less_overlap, less_overlap.labels != BACKGROUND)
    backgrounds = clean["test"].select(clean["test"].labels == BACKGROUND)
    matched = accounting.join("background mismatch", lesions, _answers("", run, backgrounds))
    return [
        _answers("paper", run, test, with_label=True),
        blind,
        less_overlap,
        matched,
        matched._replace(cause="correct-only LL", all_lesions=True),
    ]


def _answers(cause: str, run: Finished, test: Patches, *, with_label: bool = False) -> Answers:
    found = _maps(run, test, test.labels if with_label else None)
    probabilities = activation_maps.softmax(found.logits)
    _, iou = localization.score(
        found.maps, test.masks, test.labels, probabilities.argmax(1),
        threshold=run.config.cam_threshold, grid=found.grid,
    )  # fmt: skip
    return Answers(cause, test.labels, test.patients, probabilities, iou, False)


def _maps(run: Finished, test: Patches, labels: np.ndarray | None = None) -> activation_maps.Maps:
    config = run.config
    images = normalization.normalize(test.images, run.statistics, labels)
    return activation_maps.maps(
        run.model, images, track,
        method=config.cam_method, stage=config.cam_stage,
    )  # fmt: skip


def _sample(test: Patches) -> Patches:
    """The same few test patches for every run of a protocol."""
    drawn = np.random.default_rng(SEED).permutation(len(test))[:SAMPLE]
    return test.select(np.sort(drawn))


def _faithfulness(run: Finished, sample: Patches) -> dict:
    """Areas of `faithfulness.areas` for the maps, and for orders that have seen no image."""
    images = normalization.normalize(sample.images, run.statistics)
    found = _maps(run, sample)
    size = images.shape[1]

    def model(images: np.ndarray) -> np.ndarray:
        logits = activation_maps.logits(run.model, images)
        return activation_maps.softmax(logits)

    gaussian = np.broadcast_to(localization.centred_gaussian(size), found.maps.shape)
    orders = {"maps": found.maps, "random": np.zeros_like(found.maps), "centred_gaussian": gaussian}
    classes = found.logits.argmax(1)
    of_orders = {
        name: faithfulness.areas(model, images, order, classes, SEED)
        for name, order in orders.items()
    }
    times = bootstrap.draw(sample.patients)
    row: dict = {"n": len(sample)}
    for kind in ("deletion", "insertion"):
        row[kind] = {name: _with_interval(areas[kind], times) for name, areas in of_orders.items()}
        gain = of_orders["maps"][kind] - of_orders["random"][kind]
        row[kind]["maps_less_random"] = _with_interval(gain, times)
    return row


def _randomization(run: Finished, sample: Patches) -> dict:
    config = run.config
    images = normalization.normalize(sample.images, run.statistics)
    similarity = randomization.cascade(
        run.model, images,
        method=config.cam_method, stage=config.cam_stage,
    )  # fmt: skip
    times = bootstrap.draw(sample.patients)
    stages = []
    for stage, values in similarity.items():
        known = ~np.isnan(values)
        drawn = None if times is None else times[:, known]
        stages.append(
            {"stage": stage, "constant_maps": int((~known).sum())}
            | _with_interval(values[known], drawn)
        )
    return {"n": len(sample), "stages": stages}


def _baselines(datasets: dict[str, Dataset]) -> list[dict]:
    rows = []
    for protocol, dataset in datasets.items():
        if not len(dataset.splits["train"]) or not len(dataset.splits["test"]):
            continue
        by_name = trivial.baselines(dataset.splits["train"], dataset.splits["test"])
        for name, found in by_name.items():
            keys = ("accuracy", "accuracy_ci95", "auc_mean", "auc_mean_ci95")
            rows.append({"name": name, "protocol": protocol} | {key: found[key] for key in keys})
    return rows


def _with_interval(values: np.ndarray, times: np.ndarray | None) -> dict:
    if not len(values):
        return {"mean": None, "ci95": None}
    interval = None if times is None else bootstrap.interval(bootstrap.mean(values, times))
    return {"mean": float(values.mean()), "ci95": interval}


def _is_partner(paper: Finished, other: Finished) -> bool:
    keys = ("backbone", "strategy")
    same = all(getattr(paper.config, key) == getattr(other.config, key) for key in keys)
    return same and other.config.protocol == "clean"


def _require_same_data(run: Finished, dataset: Dataset) -> None:
    loading.require_all_splits(dataset)
    then, now = run.results["data"], preparation.describe(dataset)
    for name, split in now["splits"].items():
        if then["splits"].get(name) != split:
            raise UserError(
                f"--run {run.folder}: was trained on other data ({name} had "
                f"{then['splits'].get(name, {}).get('total', 0)} patches, in --data it has "
                f"{split['total']}, or of other classes and patients); give the data of the run"
            )


def _notes(runs: Sequence[Finished], dataset: Dataset) -> list[str]:
    notes = [
        "the worth of a cause depends on the order in which they are changed",
        f"faithfulness and randomisation: of at most {SAMPLE} test patches, drawn with seed {SEED}",
    ]
    if dataset.source == loading.DEMO:
        warn("DEMO DATA: synthetic phantoms; give --data PATH for the CBIS-DDSM release")
        notes.insert(0, "demo data: synthetic phantoms; the figures say nothing about the study")
    alone = [
        run.folder.name
        for run in runs
        if run.config.protocol == "paper" and not any(_is_partner(run, other) for other in runs)
    ]
    if alone:
        notes.append(f"no clean run was given beside {', '.join(alone)}: the last step is not told")
    return notes
