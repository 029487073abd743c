"""What a page tells of a mammogram run besides figures: its card, its machine, its options."""

from jaxcbis.mammograms.page.answer import run_name
from jaxcbis.report import paper
from jaxcbis.report.page import model_card
from jaxcbis.report.tables import NONE, is_demo


def card(results: dict) -> list[tuple[str, str]]:
    """Names and texts of the model card, in the order in which they are read.

    Args:
      results: content of results.json, of a finished run or not.
    """
    return [
        ("Model", f"{run_name(results)}. It gives a mammogram the probability that it shows a "
         "malignant lesion."),
        ("Intended use", "Research on methods: from patches to whole mammograms."),
        ("Not for", "Diagnosis. This is not a medical device. Do not use it to diagnose anybody."),
        ("Limits", _limits(results)),
        ("Licence of the data", model_card.data_licence(results)),
        ("Licence of the code", "Apache License 2.0"),
    ]  # fmt: skip


def facts(results: dict) -> list[tuple[str, str]]:
    """Status, data, weights and machine."""
    data, environment = results.get("data") or {}, results.get("environment") or {}
    weights = [
        f"{of.get('source', NONE)} ({of.get('format', NONE)}, SHA-256 {of.get('sha256') or NONE})"
        for of in results.get("weights") or []
    ]
    machine = (f"{key} {value}" for key, value in environment.items() if value is not None)
    return [
        ("Status", str(results.get("status", NONE))),
        ("Data", str(data.get("source", NONE))),
        ("Weights", "; ".join(weights) or NONE),
        ("Machine", ", ".join(machine)),
    ]


def options(results: dict) -> list[tuple[str, str]]:
    """All options of the run."""
    return [(name, _option(value)) for name, value in results["config"].items()]


def _limits(results: dict) -> str:
    found = [
        "Every view of CBIS-DDSM has a lesion, so views without any were neither trained on nor "
        "tested."
        if (results.get("data") or {}).get("name") == paper.DATA
        else "",
        "It has seen phantoms alone, no mammogram."
        if is_demo(results)
        else "Digitised film and digital mammograms look different; it knows what it was trained "
        "on.",
        "Another seed gives other figures.",
    ]
    return " ".join(text for text in found if text)


def _option(value: object) -> str:
    if value is None:
        return NONE
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
