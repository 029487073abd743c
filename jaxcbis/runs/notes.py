"""What a reader of a run's figures must know: the `notes` of results.json."""

import itertools

from jaxcbis.data import summary
from jaxcbis.data.patches import OVERLAP, SPLITS
from jaxcbis.labels import LABELS
from jaxcbis.machine import device
from jaxcbis.report.blind import NO_MASKS, without_masks

UNFINISHED = "the run is not finished: its figures are null"
DEMO = "demo data: synthetic phantoms, not mammograms; the figures say nothing about the study"


def of_data(data: dict, protocol: str) -> list[str]:
    """Notes on the data.

    Args:
      data: of results.json.
      protocol: that cut and split them.
    """
    apart = data["splits"].get(OVERLAP, {"total": 0})["total"]
    notes = [
        "paper protocol: every image is normalised by its true class, test images too, which tells "
        "the model something of the answer; test_without_label_normalization is the same model "
        "without that"
        if protocol == "paper"
        else f"{protocol} protocol: one normalisation for all, no patient on two sides"
        + f"; test leaves out {apart} official test items of patients in train, which "
        "test_official holds" * (apart > 0)
    ]
    if data["short"]:
        told = summary.falling_short(data["short"], data["splits"].values())
        notes.append(f"{told}; see data.short")
    notes += summary.assumptions(data.get("assumed", ()))
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


def centred(protocol: str) -> str:
    """What a localisation term teaches where every lesion lies in the middle."""
    return (
        f"under the {protocol} protocol lesions lie in the middle of their patches, so the "
        "localisation term rewards a map that is hot there and sees nothing; "
        "give --protocol shifted"
    )


def of_devices(environment: dict) -> list[str]:
    """A note for every change of the number of devices, over which sums round in another order.

    Args:
      environment: of results.json, with the 'devices_before' of `record.begin`.
    """
    numbers = [*environment.get("devices_before", ()), environment["devices"]]
    return [
        f"begun on {was} devices and continued on {now}: last digits may differ"
        for was, now in itertools.pairwise(numbers)
    ]


def environment(threads: int, before: dict | None) -> dict:
    """Of this machine; and, if their number has changed, the devices that were used before.

    Args:
      threads: of XLA on a CPU.
      before: results so far of a run that is resumed.

    Returns:
      Key `environment` of results.json.
    """
    now = device.environment(threads)
    if before is None:
        return now
    was = before["environment"]
    numbers = [*was.get("devices_before", ()), was.get("devices", now["devices"])]
    changed = [a for a, b in zip(numbers, [*numbers[1:], now["devices"]], strict=True) if a != b]
    return now | ({"devices_before": changed} if changed else {})


def of_covering(covering: dict | None, *, masks: bool = True) -> list[str]:
    """A note where lesions could not be covered.

    Args:
      covering: of results.json.
      masks: whether a test lesion has one.
    """
    if covering is None:
        return ["covering needs room beside the lesion: --protocol shifted"]
    if not covering["n"] and not masks:
        return ["no masks, so no lesion is covered: the AUCs of covering are null"]
    if not covering["n"]:
        return ["no test lesion has as much room beside it: the AUCs of covering are null"]
    return []


def of_intervals(scores: dict) -> list[str]:
    """A note on main figures that have no interval.

    Args:
      scores: of `test.score`.
    """
    told = dict(scores)
    if (official := told.get("test_official")) and official["n"] == told["test"]["n"]:
        del told["test_official"]  # the test set again
    without = [
        f"{part}.{name}"
        for part, found in told.items()
        for name, value in (found or {}).items()
        if value is not None and found.get(f"{name}_ci95", "none was asked for") is None
    ]
    if not without:
        return []
    return [
        f"no 95 % interval of {', '.join(without)}: resampling the test patients does not vary the "
        "figure"
    ]


def of_maps(located: dict) -> list[str]:
    """Notes on maps that say little.

    Args:
      located: the localization of results.json.
    """
    absent, lesions = located["n_without_mask"], located["samples"]["all"]["lesions"]["n"]
    if without_masks(located):
        return [f"{NO_MASKS}: all figures of localization are null"]
    notes = []
    if absent:
        notes.append(
            f"localisation leaves out {absent} of {lesions + absent} test lesions: their masks are "
            "empty"
        )
    if located["grid"] == 1:
        notes.append("the maps have one cell at this image size: localisation says nothing")
    if located["zero_maps"]:
        notes.append(f"{located['zero_maps']} class activation maps are zero everywhere, score 0")
    return notes
