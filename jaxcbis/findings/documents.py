"""The files: findings.md, and findings-centred.md beside it, from a folder of results."""

import json
from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.findings import centred, shifted
from jaxcbis.machine import files

NAME, CENTRED_NAME = "findings.md", "findings-centred.md"
#: What is read: by protocol, the study.
STUDIES = {"paper": "study-paper.json", "clean": "study-clean.json"}
#: The audit of the runs that the studies chose; that of runs by the shifted protocol.
AUDIT, LOOKING = "audit.json", "looking.json"


def write(folder: Path) -> list[Path]:
    """Writes `findings.md` beside a folder `results`.

    Without an audit of runs by the shifted protocol it says what the studies say; with one, they
    have a document of their own, `findings-centred.md`.

    Args:
      folder: holds results/study-paper.json, results/study-clean.json, results/audit.json and, of
        runs by the shifted protocol, results/looking.json with its picture in `folder`.

    Returns:
      The files.

    Raises:
      UserError: a file is absent or no such result, or a document cannot be written.
    """
    results = folder / "results"
    studies = {name: _read(results / file) for name, file in STUDIES.items()}
    audit = _read(results / AUDIT)
    looking = _read(results / LOOKING) if (results / LOOKING).exists() else None
    if looking is not None and looking.get("looking", ...) is None:
        raise UserError(
            f"{results / LOOKING}: audits no run by the shifted protocol; audit such runs, or "
            "remove the file"
        )
    try:
        if looking is None:
            texts = {NAME: centred.text(studies, audit)}
        else:
            texts = {
                NAME: shifted.text(looking, beside=CENTRED_NAME),
                CENTRED_NAME: centred.text(studies, audit, centred.TITLE_BESIDE),
            }
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{results}: not the results of this version's study and audit ({error!r}); "
            "make them again"
        ) from error
    for name, text in texts.items():
        files.write(folder / name, text, "free space there or make the folder writable")
    return [folder / name for name in texts]


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot read {path} ({error}); expected the results of a study or an audit"
        ) from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected the results of a study or an audit")
    return found
