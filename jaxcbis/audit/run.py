"""The command `audit`: what each flattering choice of the paper's protocol is worth, and the maps.

The maps are asked how faithful they are and whether they depend on what was learnt; those of runs
by the shifted protocol also whether they look at the lesion, with the localisation term or without.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jax

from jaxcbis import config as options
from jaxcbis.audit import accounting, answer, causes, maps, pages, trivial
from jaxcbis.audit.looking import comparing
from jaxcbis.audit.looking import record as looking
from jaxcbis.config import Config
from jaxcbis.data import loading, summary
from jaxcbis.data.patches import Dataset
from jaxcbis.errors import UserError
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.machine import backend, files
from jaxcbis.machine.console import say, warn
from jaxcbis.records import results
from jaxcbis.records.folders import lock
from jaxcbis.runs import answers, claim, finished, preparation
from jaxcbis.runs.finished import Finished

SCHEMA = 1


def run(data: str | None, data_dir: str | None, folders: Sequence[Path], output: Path) -> dict:
    """Audits finished runs; leaves audit.json, audit.md, report.html and looking.png in `output`.

    Args:
      data, data_dir: the options of the same name; what the runs were trained on.
      folders: of the runs. A paper and a clean run of one backbone and strategy belong together,
        and so do shifted runs that differ in one option, and the clean run beside them.
      output: may hold an audit of the same runs, which is gone on with where it was ended.

    Returns:
      {schema, rows, baselines, faithfulness, randomization, localization, looking, notes, runs,
      fingerprints}.
      rows: of every paper run what `accounting.account` gives, from the paper's protocol to the
      clean one, with backbone, strategy and run; where its clean counterpart was not given, up to
      what one model can tell. localization: what the runs themselves found. looking: of
      `looking.record`, None without a run by the shifted protocol. fingerprints: SHA-256 of each
      run's results.json.

    Raises:
      UserError: a folder holds no finished run, or one of other data; two runs to compare have the
        same options and seed; the data cannot be read.
    """
    runs = _load(folders)
    configs = _configs(data, data_dir, [run.config for run in runs])
    asked = [run for run in runs if run.config.protocol != "paper"]
    if "shifted" in configs:
        comparing.require_different(asked)
    files.make_folder(output, "choose another --output")
    with lock(output):
        before = _before(output, runs)
        datasets = {protocol: preparation.load(config) for protocol, config in configs.items()}
        for run in runs:
            _require_same_data(run, datasets[run.config.protocol])
        notes = _notes(runs, next(iter(datasets.values())))  # on the screen, too
        record = before or {
            "schema": SCHEMA, "rows": [], "baselines": _baselines(datasets), "faithfulness": [],
            "randomization": [], "localization": [], "looking": None,
            "notes": notes,
            "runs": [run.folder.name for run in runs],
            "fingerprints": [_fingerprint(run) for run in runs],
        }  # fmt: skip
        if len(record["localization"]) < len(runs):  # else nothing is computed any more
            _tell_elsewhere(runs, record)

        @cache
        def known(folder: Path) -> Maps:
            (run,) = (run for run in runs if run.folder == folder)
            return answers.maps_of(run, datasets[run.config.protocol].splits["test"])

        if "shifted" in datasets and record["looking"] is None:
            shifted = {of.folder: known(of.folder) for of in asked if not of.config.centred}
            record["looking"] = looking.record(asked, datasets["shifted"], shifted, output)
            results.write(output / "audit.json", record)
        for run in runs[len(record["localization"]) :]:
            _audit(run, runs, datasets, known, record)
            results.write(output / "audit.json", record)
        pages.markdown(output / "audit.md", record)
        pages.page(output, record)
    answer.show(output, record)
    return record


def _load(folders: Sequence[Path]) -> list[Finished]:
    """Reads the runs, with the threads of the first one and on its device if it is here."""
    folders = [Path(os.path.abspath(folder)) for folder in folders]  # each has a name, `.` too
    first = results.read_run(folders[0] / "results.json")
    backend.start(  # before the runs' models are loaded, which starts JAX
        "cpu" if first["config"].get("device") == "cpu" else "auto",
        claim.threads_of(first),
        deterministic=first["config"].get("deterministic", False),
    )
    runs = [finished.load(folder) for folder in folders]
    sizes = sorted({run.config.image_size for run in runs})
    if len(sizes) > 1:
        raise UserError(f"--run: the runs' image sizes differ ({sizes}); audit them one by one")
    return runs


def _elsewhere(runs: Sequence[Finished]) -> list[str]:
    """Notes on runs that were computed on another kind of device than they are audited on."""
    here = jax.default_backend()
    there = [run.folder.name for run in runs if run.results["environment"]["backend"] != here]
    if not there:
        return []
    return [f"audited on the {here}, but {', '.join(there)} was not run there: last digits differ"]


def _tell_elsewhere(runs: Sequence[Finished], record: dict) -> None:
    """Says and notes it; an audit may go on on another device than it was begun on."""
    for note in _elsewhere(runs):
        warn(note)
        if note not in record["notes"]:
            record["notes"].append(note)


def _before(output: Path, runs: Sequence[Finished]) -> dict | None:
    """What an audit of the same runs has found so far; None where there is none.

    Raises:
      UserError: the folder holds an audit of other runs, which would be lost.
    """
    path = output / "audit.json"
    if not path.exists():
        return None
    before = results.read(path)
    if before.get("runs") != [run.folder.name for run in runs]:
        raise UserError(f"--output {output}: holds an audit of other runs; choose another folder")
    if before.get("fingerprints") != [_fingerprint(run) for run in runs]:
        return None  # of another version, or the runs were made again
    if done := len(before["localization"]):
        say(f"Going on behind {done} of {len(runs)} runs; delete {output} to begin anew")
    return before


def _fingerprint(run: Finished) -> str:
    return hashlib.sha256((run.folder / "results.json").read_bytes()).hexdigest()


def _configs(data: str | None, data_dir: str | None, runs: Sequence[Config]) -> dict[str, Config]:
    """What to load by protocol: those of the runs; what a paper run is worth takes clean, too.

    Raises:
      UserError: one file of patches cannot hold them all, or the runs' windows differ.
    """
    wanted = {run.protocol for run in runs}
    if "paper" in wanted:
        wanted.add("clean")
    protocols = [protocol for protocol in options.PROTOCOLS if protocol in wanted]
    if data is not None and options.is_exported(data) and len(protocols) > 1:
        raise UserError(
            f"--data {data}: holds one protocol's patches, and these runs need "
            f"{' and '.join(protocols)}; give the release itself"
        )
    configs = {}
    for protocol in protocols:
        given: dict[str, Any] = {
            "data": data, "data_dir": data_dir, "protocol": protocol,
            "image_size": runs[0].image_size,
        }  # fmt: skip
        for name in ("background_size", "windows"):  # unknown to a run from a file of patches
            known = {getattr(run, name) for run in runs if run.protocol == protocol} - {None}
            if len(known) > 1:
                raise UserError(
                    f"--run: the runs' {name.replace('_', ' ')} differ ({sorted(known)}); audit "
                    "them one by one"
                )
            if known:
                given[name] = known.pop()
        configs[protocol] = options.resolve(given)
    return configs


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
    run: Finished,
    runs: Sequence[Finished],
    datasets: dict[str, Dataset],
    known: Callable[[Path], Maps],
    record: dict,
) -> None:
    """Adds what one of the runs is found to be worth to the record.

    Args:
      run, runs: the one, and all of them.
      datasets: by protocol.
      known: of a run's folder its maps of its own test set, normalised without labels.
      record: of `run`.
    """
    config = run.config
    name = f"{config.backbone} {config.strategy}"
    facts = {
        "backbone": config.backbone,
        "strategy": config.strategy,
        "protocol": config.protocol,
        "run": run.folder.name,
    }
    if config.protocol == "paper":
        say(f"{name}: accounting for its figures")
        steps = causes.steps(run, datasets, _partner(run, runs), known)
        record["rows"] += [facts | row for row in accounting.account(steps)]
    say(f"{name}, {config.protocol} protocol: are its maps faithful?")
    test = datasets[config.protocol].splits["test"]
    index = maps.sample(test)
    sample, found = test.select(index), known(run.folder)
    few = Maps(found.maps[index], found.logits[index], None)
    record["faithfulness"].append(facts | maps.faithful(run, sample, few))
    record["randomization"].append(facts | maps.randomized(run, sample, few))
    keys = ("ll_score", "ll_score_ci95", "baselines", "against_baselines")
    record["localization"].append(facts | {k: run.results["localization"].get(k) for k in keys})


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
    paper = [run for run in runs if run.config.protocol == "paper"]
    notes = [
        *["the worth of a cause depends on the order in which they are changed"] * bool(paper),
        f"faithfulness and randomisation: of at most {maps.SAMPLE} test patches, drawn with seed "
        f"{maps.SEED}",
    ]
    if dataset.source == loading.DEMO:
        warn("DEMO DATA: synthetic phantoms; give --data PATH for the CBIS-DDSM release")
        notes.insert(0, "demo data: synthetic phantoms; the figures say nothing about the study")
    alone = [run.folder.name for run in paper if _partner(run, runs) is None]
    if alone:
        notes.append(f"no clean run was given beside {', '.join(alone)}: the last step is not told")
    return notes
