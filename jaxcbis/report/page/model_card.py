"""A run's model card: what it was made from, what it is for, and what it is not."""

from pathlib import Path

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.tables import NONE, backbone_name, has_random_weights, is_demo

_TORCH = (
    "torchvision's ImageNet weights: BSD-3-Clause; ImageNet's terms allow non-commercial research"
)
#: By the beginning of a backbone's name, of Keras' own files.
_KERAS = {
    "vgg": "Keras' own VGG weights: CC BY 4.0, Visual Geometry Group, Oxford",
    "resnet": "Keras' own ResNet50 weights: MIT, K. He et al.",
}
_LIMITS = {
    "paper": "Each patch was normalised with the statistics of its true class, and the test set "
    "may hold patients of the training set.",
    "clean": "Lesions lie in the middle of their patches, so a map that is hot there scores "
    "without looking.",
    "shifted": "Lesions take 25 to 75 % of a patch's side; others were not tested.",
}


def of(results: dict) -> list[tuple[str, str]]:
    """Names and texts of a model card, in the order in which they are read.

    Args:
      results: content of results.json, of a finished run or not.
    """
    config, data = results["config"], results.get("data") or {}
    splits = data.get("splits") or {}
    size = config.get("image_size")
    pixels = f" of {size} x {size} pixels" if size else ""
    return [
        ("Model", f"{backbone_name(config)}, trained with {config['strategy'].upper()}. It "
         f"assigns a patch{pixels} to one of {len(LABELS)} classes."),
        ("Intended use", "Research on methods: transfer learning, and maps that show where a model "
         "looks."),
        ("Not for", "Diagnosis. This is not a medical device. Do not use it to diagnose anybody."),
        ("Training data", _split(data, splits.get("train"))),
        ("Validation data", _split(data, splits.get("validation"))),
        ("Test data", _split(data, splits.get("test"))),
        ("Limits", _limits(results)),
        ("Licence of the data", data_licence(results)),
        ("Licence of the weights", _weights_licence(results)),
        ("Licence of the code", "Apache License 2.0"),
    ]  # fmt: skip


def _split(data: dict, split: dict | None) -> str:
    if not split:
        return NONE
    classes = ", ".join(f"{n} {label}" for label, n in split["per_class"].items() if n)
    return (
        f"{data.get('name')}: {split['total']} patches of {split.get('patients', NONE)} patients "
        f"({classes})."
    )


def _limits(results: dict) -> str:
    config, test = results["config"], results.get("test")
    found = ["It was trained and tested on patches, not on whole mammograms."]
    if is_demo(results):
        found.append("It has seen phantoms alone, no mammogram.")
    elif _of_the_study(results):
        found.append("CBIS-DDSM is digitised film; digital mammograms look different.")
    found.append(_LIMITS[config["protocol"]])
    absent = [label for label in LABELS if test and not test["per_class"][label]["support"]]
    if absent:
        found.append(f"It was not tested on {' and '.join(absent)}.")
    found.append("This is one training with one seed; another seed gives other figures.")
    return " ".join(found)


def data_licence(results: dict) -> str:
    """Of the data that a run, of patches or of mammograms, was made from."""
    if is_demo(results):
        return "none needed: the program draws them itself"
    if _of_the_study(results):
        return "CC BY 3.0: R. S. Lee et al., Scientific Data 4:170177 (2017)"
    return "that of the file's owner"


def _of_the_study(results: dict) -> bool:
    return (results.get("data") or {}).get("name") == paper.DATA


def _weights_licence(results: dict) -> str:
    if has_random_weights(results):
        return "none: the backbone started from random weights"
    weights, backbone = results.get("weights") or {}, results["config"]["backbone"]
    licence = _TORCH
    if str(weights.get("format")).startswith("keras"):
        licence = next((text for name, text in _KERAS.items() if name in backbone), NONE)
    if results["config"].get("weights") in (None, "imagenet"):
        return licence
    return f"that of {Path(str(weights.get('source'))).name}; {licence}"
