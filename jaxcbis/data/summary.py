"""What is in a data set, as results.json and a person are told."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from jaxcbis.data import patches, splits
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.machine.console import warn


def count(part: Patches) -> dict:
    """Counts a split as results.json has it: {'total', 'per_class', 'patients'}."""
    per_class = {label: int((part.labels == i).sum()) for i, label in enumerate(LABELS)}
    return {"total": len(part), "per_class": per_class, "patients": len(set(part.patients))}


def describe(dataset: Dataset) -> dict:
    """What results.json says of the data."""
    train, validation, test = (dataset.splits[name] for name in patches.SPLITS)
    return {
        "source": dataset.source,
        "name": dataset.name,
        "splits": {name: count(part) for name, part in dataset.splits.items()},
        "dropped": dataset.dropped,
        "short": list(dataset.short),
        "held_out_patients": splits.held_out(train.patients, validation.patients),
        "assumed": list(dataset.assumed),
        "leakage": splits.leakage(
            np.concatenate([train.patients, validation.patients]), test.patients
        ),
    }


def falling_short(short: Sequence[dict[str, str]], counts: Iterable[dict]) -> str:
    """How many of the lesions' windows fall short of their protocol, and in what.

    Args:
      short: of a Dataset.
      counts: of `count`, of each split.
    """
    lesions = sum(each["total"] - each["per_class"][LABELS[BACKGROUND]] for each in counts)
    reasons = Counter(item["reason"].partition(":")[0] for item in short)
    said = ", ".join(f"{reason} ({number})" for reason, number in sorted(reasons.items()))
    return f"{len(short)} of {lesions} windows on lesions fall short of the protocol: {said}"


def assumptions(assumed: Sequence[dict[str, str]]) -> list[str]:
    """What had to be assumed to read mammograms: a line for those that differ in numbers alone.

    Args:
      assumed: of a Dataset.
    """
    alike: dict[str, list[dict[str, str]]] = {}
    for item in assumed:
        alike.setdefault(re.sub(r"-?\d[\d.]*", "#", item["reason"]), []).append(item)
    return [
        f"{len(items)} mammograms read with a note, the first {items[0]['id']}: "
        f"{items[0]['reason']}"
        for items in alike.values()
    ]


def show_reasons(dropped: Sequence[dict[str, str]]) -> None:
    """Says what was left out, a line for each reason.

    Args:
      dropped: of a Dataset.
    """
    reasons: dict[str, list[str]] = {}
    for item in dropped:
        reasons.setdefault(item["reason"], []).append(item["id"])
    for reason, ids in reasons.items():
        few = ", ".join(ids[:3]) + (", .." if len(ids) > 3 else "")
        warn(f"{len(ids)} dropped: {reason} ({few})")


def show_dropped(dataset: Dataset, background_size: int | None) -> None:
    """Says what was assumed, what was left out of the data set, and what falls short.

    Args:
      dataset: of the run.
      background_size: side of the background crops that were cut; None where it could not be
        chosen, as of patches from a file.
    """
    for note in dataset.notes:
        warn(note)
    show_reasons(dataset.dropped)
    if dataset.short:
        warn(falling_short(dataset.short, map(count, dataset.splits.values())))
    for line in assumptions(dataset.assumed):
        warn(line)
    for name in ("train", "test"):
        part = dataset.splits[name]
        if len(part) and not (part.labels == BACKGROUND).any():
            smaller = ": a smaller --background-size may find room" if background_size else ""
            warn(f"no background patches in {name}{smaller}")
