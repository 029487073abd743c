"""What differs in how runs were made: options, data, weights, program and machine."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from jaxcbis import config as options
from jaxcbis.config import INCIDENTAL, Config
from jaxcbis.report.page.folder import Run
from jaxcbis.report.tables import NONE, Table

#: Hexadecimal digits shown of a fingerprint.
DIGITS = 8
#: Options that are compared by content, not by name.
_BY_CONTENT = ("data", "weights")
_COMMIT = re.compile("[0-9a-f]{40}")
#: What is told of the machine and the program, by its key in results.json.
MACHINE = {"git_commit": "commit of the program", "jax": "JAX", "device": "device"}


def differing(runs: Sequence[Run]) -> Table:
    """A row for each thing that differs, a column for each run.

    Data are the same if their test patches, patients and counts are, wherever they lie; weights, if
    the files' bytes are.
    """
    rows = []
    settled = [_settled(run.results["config"]) for run in runs]
    for name in (option.name for option in dataclasses.fields(Config)):
        if name not in (*INCIDENTAL, *_BY_CONTENT):
            rows.append((f"--{name.replace('_', '-')}", [text(of[name]) for of in settled]))
    rows.append(("data", [_data(run) for run in runs]))
    rows.append(("weights", [_weights(run.results) for run in runs]))
    for key, name in MACHINE.items():
        found = [run.results.get("environment") or {} for run in runs]
        rows.append((name, [text(of.get(key)) for of in found]))
    return Table(
        "What differs in how they were made",
        ("option", *(run.name for run in runs)),
        [(name, *cells) for name, cells in rows if len(set(cells)) > 1],
        "All other options, resolved with their defaults, are the same. Data and weights: by "
        "fingerprints of their content.",
    )


def _settled(config: dict) -> dict[str, Any]:
    """The options of a run; one that its version did not have has its default."""
    known = {name: value for name, value in config.items() if name in options.NAMES}
    return dataclasses.asdict(options.resolve(known))


def _data(run: Run) -> str:
    data, answers = run.results.get("data") or {}, run.answers
    if not data:
        return NONE
    told: list[Any] = [data.get("name"), data.get("splits")]
    if answers is not None:
        fields = (answers.ids, answers.patients, answers.labels.astype(str))
        told.append(sorted(zip(*(map(str, field) for field in fields), strict=True)))
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return f"{data.get('name', NONE)}, {digest[:DIGITS]}"


def _weights(results: dict) -> str:
    weights = results.get("weights") or {}
    if weights.get("sha256"):
        return f"{weights.get('format', NONE)}, {weights['sha256'][:DIGITS]}"
    return str(weights.get("format", NONE))


def text(value: Any) -> str:
    """A value as a cell; of a commit the first digits."""
    if value is None:
        return NONE
    if isinstance(value, str) and _COMMIT.fullmatch(value):
        return value[:DIGITS]
    return f"{value:g}" if isinstance(value, float) else str(value)
