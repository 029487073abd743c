"""The command `audit`: what each flattering choice of the paper's protocol is worth, and the maps.

The maps are asked how faithful they are and whether they depend on what was learnt.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jaxcbis.audit import accounting, causes, maps, tables, trivial
from jaxcbis.data import loading, summary
from jaxcbis.data.patches import Dataset
from jaxcbis.errors import UserError
from jaxcbis.machine import backend, files
from jaxcbis.machine.console import console, say, warn
from jaxcbis.records import results
from jaxcbis.records.folders import lock
from jaxcbis.report import terminal
from jaxcbis.runs import claim, finished, preparation
from jaxcbis.runs.finished import Finished

SCHEMA = 1
PROTOCOLS = ("paper", "clean")


def run(data: str | None, data_dir: str | None, folders: Sequence[Path], output: Path) -> dict:
    """Audits finished runs, and leaves audit.json and audit.md in `output`.

    Args:
      data, data_dir: the options of the same name; the release that the runs were trained on.
      folders: of the runs. A paper and a clean run of one backbone and strategy belong together.
      output: may hold an earlier audit of the same runs, which is replaced.

    Returns:
      {schema, rows, baselines, faithfulness, randomization, localization, notes, runs}. rows: of
      every paper run what `accounting.account` gives, from the paper's protocol to the clean one,
      with backbone, strategy and run; where its clean counterpart was not given, up to what one
      model can tell. localization: what the runs themselves found.

    Raises:
      UserError: a folder holds no finished run, or one of other data; the data cannot be read.
    """
    if data is not None and data.endswith(".npz"):
        raise UserError(f"--data {data}: holds one protocol's patches; give the release itself")
    runs = _load(folders)
    files.make_folder(output, "choose another --output")
    with lock(output):
        _require_same_runs(output, runs)
        datasets = _datasets(data, data_dir, runs)
        record: dict = {
            "schema": SCHEMA, "rows": [], "baselines": _baselines(datasets), "faithfulness": [],
            "randomization": [], "localization": [], "notes": _notes(runs, datasets["paper"]),
            "runs": [run.folder.name for run in runs],
        }  # fmt: skip
        for run in runs:
            _audit(run, runs, datasets, record)
            results.write(output / "audit.json", record)
        tables.write(output / "audit.md", record)
    _show(output, record)
    return record


def _load(folders: Sequence[Path]) -> list[Finished]:
    """Reads the runs, on the device and with the threads of the first one."""
    first = results.read_run(folders[0] / "results.json")
    backend.start(  # before the runs' models are loaded, which starts JAX
        first["config"].get("device", "auto"),
        claim.threads_of(first),
        deterministic=first["config"].get("deterministic", False),
    )
    runs = [finished.load(folder) for folder in folders]
    sizes = sorted({run.config.image_size for run in runs})
    if len(sizes) > 1:
        raise UserError(f"--run: the runs' image sizes differ ({sizes}); audit them one by one")
    return runs


def _require_same_runs(output: Path, runs: Sequence[Finished]) -> None:
    """Checks that nothing is lost by writing there."""
    if not (output / "audit.json").exists():
        return
    if results.read(output / "audit.json").get("runs") != [run.folder.name for run in runs]:
        raise UserError(f"--output {output}: holds an audit of other runs; choose another folder")


def _datasets(
    data: str | None, data_dir: str | None, runs: Sequence[Finished]
) -> dict[str, Dataset]:
    """The release's patches by protocol, which must be those that the runs were trained on."""
    of_paper = [run.config for run in runs if run.config.protocol == "paper"]
    background_size = of_paper[0].background_size if of_paper else None
    datasets = {}
    for protocol in PROTOCOLS:
        config = dataclasses.replace(
            runs[0].config, data=data, data_dir=data_dir, protocol=protocol,
            background_size=(background_size or 550) if protocol == "paper" else None,
        )  # fmt: skip
        datasets[protocol] = preparation.load(config)
    for run in runs:
        _require_same_data(run, datasets[run.config.protocol])
    return datasets


def _require_same_data(run: Finished, dataset: Dataset) -> None:
    loading.require_all_splits(dataset)
    then, now = run.results["data"], summary.describe(dataset)
    for name, split in now["splits"].items():
        if then["splits"].get(name) != split:
            raise UserError(
                f"--run {run.folder}: was trained on other data ({name} had "
                f"{then['splits'].get(name, {}).get('total', 0)} patches, in --data it has "
                f"{split['total']}, or of other classes and patients); give the data of the run"
            )


def _audit(
    run: Finished, runs: Sequence[Finished], datasets: dict[str, Dataset], record: dict
) -> None:
    """Adds what one of the runs is found to be worth to the record."""
    config = run.config
    name = f"{config.backbone} {config.strategy}"
    known = {
        "backbone": config.backbone,
        "strategy": config.strategy,
        "protocol": config.protocol,
        "run": run.folder.name,
    }
    if config.protocol == "paper":
        say(f"{name}: accounting for its figures")
        steps = causes.steps(run, datasets, _partner(run, runs))
        record["rows"] += [known | row for row in accounting.account(steps)]
    say(f"{name}, {config.protocol} protocol: are its maps faithful?")
    sample = maps.sample(datasets[config.protocol].splits["test"])
    record["faithfulness"].append(known | maps.faithful(run, sample))
    record["randomization"].append(known | maps.randomized(run, sample))
    keys = ("ll_score", "ll_score_ci95", "baselines", "against_baselines")
    record["localization"].append(known | {k: run.results["localization"].get(k) for k in keys})


def _partner(paper: Finished, runs: Sequence[Finished]) -> Finished | None:
    """The first clean run of the same backbone and strategy."""
    wanted = (paper.config.backbone, paper.config.strategy, "clean")
    for run in runs:
        if (run.config.backbone, run.config.strategy, run.config.protocol) == wanted:
            return run
    return None


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


def _notes(runs: Sequence[Finished], dataset: Dataset) -> list[str]:
    notes = [
        "the worth of a cause depends on the order in which they are changed",
        f"faithfulness and randomisation: of at most {maps.SAMPLE} test patches, drawn with seed "
        f"{maps.SEED}",
    ]
    if dataset.source == loading.DEMO:
        warn("DEMO DATA: synthetic phantoms; give --data PATH for the CBIS-DDSM release")
        notes.insert(0, "demo data: synthetic phantoms; the figures say nothing about the study")
    alone = [
        run.folder.name
        for run in runs
        if run.config.protocol == "paper" and _partner(run, runs) is None
    ]
    if alone:
        notes.append(f"no clean run was given beside {', '.join(alone)}: the last step is not told")
    return notes


def _show(output: Path, record: dict) -> None:
    terminal.show(console, tables.of(record))
    for line in tables.words(record):
        say(f"- {line}")
    say(f"Results: {output / 'audit.json'}   Report: {output / 'audit.md'}")
