"""The files: findings.md, and those beside it, from a folder of results."""

import json
from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.findings import centred, shifted, whole
from jaxcbis.machine import files

NAME, CENTRED_NAME = "findings.md", "findings-centred.md"
WHOLE_NAME = "findings-mammograms.md"
#: What is read: by protocol, the study.
STUDIES = {"paper": "study-paper.json", "clean": "study-clean.json"}
#: The audit of the runs that the studies chose; that of runs by the shifted protocol; further ones
#: of such runs, each with a document of its own.
AUDIT, LOOKING, FURTHER = "audit.json", "looking.json", "looking-*.json"
#: Of `gathering.gather`: the mammogram runs.
WHOLE = "mammograms.json"


def write(folder: Path) -> list[Path]:
    """Writes `findings.md` beside a folder `results`.

    Without an audit of runs by the shifted protocol it says what the studies say; with one, they
    have a document of their own, `findings-centred.md`. Each further audit, of runs on smaller
    images, say, is looking-NAME.json and gives `findings-NAME.md`. Mammogram runs, which
    are in mammograms.json, give `findings-mammograms.md`.

    Args:
      folder: holds results/study-paper.json, results/study-clean.json, results/audit.json and, of
        runs by the shifted protocol, results/looking.json and further ones with their pictures,
        looking.png and looking-NAME.png, in `folder`; and results/mammograms.json.

    Returns:
      The files.

    Raises:
      UserError: a file is absent or no such result, or a document cannot be written.
    """
    results = folder / "results"
    studies = {name: _read(results / file) for name, file in STUDIES.items()}
    audit = _read(results / AUDIT)
    paths = [path for path in (results / LOOKING, *sorted(results.glob(FURTHER))) if path.exists()]
    audits = {path.stem: _audit_of_shifted(path) for path in paths}
    names = {stem: f"{stem.replace('looking', 'findings')}.md" for stem in audits}
    try:
        if not audits:
            texts = {NAME: centred.text(studies, audit)}
        else:
            texts = {
                names[stem]: shifted.text(
                    found,
                    beside=CENTRED_NAME,
                    picture=f"{stem}.png",
                    others=[name for name in names.values() if name != names[stem]],
                )
                for stem, found in audits.items()
            } | {CENTRED_NAME: centred.text(studies, audit, centred.TITLE_BESIDE)}
        if (results / WHOLE).exists():
            texts[WHOLE_NAME] = whole.text(_read(results / WHOLE))
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{results}: not the results of this version's study and audit ({error!r}); "
            "make them again"
        ) from error
    for name, text in texts.items():
        files.write(folder / name, text, "free space there or make the folder writable")
    return [folder / name for name in texts]


def _audit_of_shifted(path: Path) -> dict:
    found = _read(path)
    if found.get("looking", ...) is None:
        raise UserError(
            f"{path}: audits no run by the shifted protocol; audit such runs, or remove the file"
        )
    return found


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
