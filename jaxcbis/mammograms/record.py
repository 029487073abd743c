"""The content of a mammogram run's results.json, from its beginning to its end."""

from collections.abc import Sequence

from jaxcbis.data import loading, mammograms, normalization, summary
from jaxcbis.data.mammograms import OVERLAP, Mammograms
from jaxcbis.mammograms import config as options
from jaxcbis.mammograms import scale
from jaxcbis.mammograms.config import MammogramConfig
from jaxcbis.mammograms.inputs import Member, held_out
from jaxcbis.mammograms.page import answer
from jaxcbis.records import results
from jaxcbis.report import tensorboard
from jaxcbis.runs import notes
from jaxcbis.runs.finished import Finished
from jaxcbis.training.fit import Fitted


def begin(
    config: MammogramConfig,
    found: Mammograms,
    members: Sequence[Member],
    threads: int,
    before: dict | None,
) -> dict:
    """A run that has found nothing yet.

    Args:
      config: of the run.
      found: the views.
      members: that it begins with.
      threads: of XLA on a CPU.
      before: its results so far, if it is resumed.

    Returns:
      Every key, None where it is not known yet.
    """
    environment = notes.environment(threads, before)
    data = mammograms.describe(found)
    told = [
        *filter(None, [tensorboard.missing()]),
        *([notes.DEMO] if found.source == loading.DEMO else []),
        *found.notes,
        *_of_data(data),
        *of_start(config, found, members),
        *notes.of_devices(environment),
        *dict.fromkeys(note for member in members for note in member.notes),
    ]
    return dict.fromkeys(results.MAMMOGRAM_KEYS) | {
        "schema": results.SCHEMA,
        "status": results.INTERRUPTED,
        "kind": results.MAMMOGRAM,
        "config": options.recorded(config),
        "environment": environment,
        "data": data,
        "weights": [member.source for member in members],
        "patch_runs": [_patch_run(member.patch) for member in members],
        "notes": [notes.UNFINISHED, *told],
    }


def _patch_run(run: Finished) -> dict:
    test = run.results["test_without_label_normalization"] or run.results["test"]
    return {
        "folder": str(run.folder.absolute()),
        **{
            key: getattr(run.config, key)
            for key in ("backbone", "strategy", "protocol", "seed", "image_size")
        },
        "lesion_side": run.results["model"].get("lesion_side"),
        "test_malignancy_auc": test["malignancy_auc"],
    }


def _of_data(data: dict) -> list[str]:
    """Notes on the data, given `data` of results.json."""
    apart = data["splits"][OVERLAP]["total"]
    said = [
        "official split, no patient on two sides"
        + f"; test leaves out {apart} official test views of patients in train, which "
        "test_official holds" * (apart > 0)
    ]
    said += summary.assumptions(data["assumed"])
    if data["dropped"]:
        said.append(f"{len(data['dropped'])} views of the release were dropped, see data.dropped")
    return said


def of_start(config: MammogramConfig, found: Mammograms, members: Sequence[Member]) -> list[str]:
    """Notes on what the patch runs learned from, and at which scale.

    Args:
      config: of the run.
      found: the views.
      members: that it begins with.
    """
    said: list[str] = []
    if config.start == "patch":
        said += filter(None, (scale.mismatch(member.patch, found) for member in members))
        said += _of_seen(found, members)
    for folder, name in dict.fromkeys(
        (str(each.patch.folder), each.patch.results["data"]["name"]) for each in members
    ):
        if name != found.name:
            said.append(
                f"the patch run in {folder} learned from other data ({name}): whether test "
                "patients were among them is not known"
            )
    return said


def _of_seen(found: Mammograms, members: Sequence[Member]) -> list[str]:
    """A note on validation patients of whom a patch run may have learned, if there are any."""
    validating = set(found.splits["validation"].patients)
    told = (held_out(each.patch.results, found.name) for each in members)
    seen = set[str]().union(*(validating - apart for apart in told))
    if not seen:
        return []
    return [
        f"{answer.SEEN} the patch run may have learned from patches of {len(seen)} of the "
        f"{len(validating)} validation patients, though of no test patient. The validation "
        "loss, which ends the training, and the thresholds chosen on that split may be too "
        "good. A patch run whose split is by patient avoids it (--protocol clean or shifted)"
    ]


def trained(members: Sequence[Member], fits: Sequence[Fitted], images: int, timing: dict) -> dict:
    """What training adds: its keys of results.json; `timing` takes its seconds and its rate.

    Args:
      members, fits: of the run, and how each was trained.
      images: in the train split.
      timing: of results.json.
    """
    rows = [row for fit in fits for row in fit.progress.history]
    in_epochs = sum(row["seconds"] for row in rows)
    prefix = [phase for fit in fits for phase in fit.progress.prefix]
    timing["train_s"] = in_epochs + sum(phase["seconds"] for phase in prefix)
    timing["train_images_per_s"] = sum(row["epoch"] > 0 for row in rows) * images / in_epochs
    first = fits[0].progress
    return {
        "model": {
            "options": fits[0].model.architecture.options,
            "normalization": [normalization.to_json(each.patch.statistics) for each in members],
        },
        "history": first.history,
        "best": first.best,
        "prefix": first.prefix,
        "members": [
            {
                "run": str(member.patch.folder.absolute()), "history": fit.progress.history,
                "best": fit.progress.best, "prefix": fit.progress.prefix, "test": None,
                "options": fit.model.architecture.options,
            }
            for member, fit in zip(members, fits, strict=True)
        ],
    }  # fmt: skip


def finish(
    found: dict, scores: dict, of_members: Sequence[dict], told: Sequence[str], timing: dict
) -> dict:
    """A finished run.

    Args:
      found: of `begin` and `trained`.
      scores, of_members, told: of `test.score`.
      timing: of all its parts.
    """
    kept = [note for note in found["notes"] if note != notes.UNFINISHED]
    members = [
        member | {"test": test} for member, test in zip(found["members"], of_members, strict=True)
    ]
    return (
        found
        | scores
        | {
            "status": results.FINISHED,
            "members": members,
            "timing": timing,
            "notes": [*kept, *told],
        }
    )
