"""python -m benchmarks jpeg-cost: what the 8-bit JPEG of the Kaggle release costs beside DICOM.

Prepares the same mammograms from both releases, each in a process of its own, and compares their
patches, in levels of 8 bit: at the mammogram's size, and stretched to the model's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from jaxcbis.commands.words import Parser
from jaxcbis.data.patches import STEP, eight_bit, resize
from jaxcbis.data.prepared import user_errors
from jaxcbis.errors import UserError
from jaxcbis.runs.finished import Finished

_PREPARE = """
import json, resource, sys, time
from pathlib import Path
import tfds_cbis

began = time.perf_counter()
before = resource.getrusage(resource.RUSAGE_SELF)
done = 0

def progress(number, total):
    global done
    done = total

tfds_cbis.prepare(Path(sys.argv[1]), data_dir=Path(sys.argv[2]), progress=progress)
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_SELF)
of_cores = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({
    "mammograms": done, "seconds": seconds, "core_seconds_per_mammogram": of_cores / done,
    "peak_mib": used.ru_maxrss / 2**10,
}))
"""


def main(arguments: list[str]) -> None:
    """Runs the command.

    Raises:
      UserError: a release cannot be used, they share no patch, or the output cannot be written.
    """
    words = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found: dict = {"prepare": {}, "patches": {}}
        examples = {}
        for kind, release in (("jpeg", words.jpeg), ("dicom", words.dicom)):
            found["prepare"][kind] = _prepare(release, Path(folder) / kind)
            examples[kind] = _read(release, Path(folder) / kind)
        shared = sorted(examples["jpeg"].keys() & examples["dicom"].keys())
        if not shared:
            raise UserError(f"{words.jpeg} and {words.dicom} have no patch in common")
        pairs = [(examples["jpeg"][name], examples["dicom"][name]) for name in shared]
    found["patches"] = {
        "n": len(shared),
        "at source size": _differences(pairs),
        f"at {words.image_size} pixels": _differences(
            [(resize(a, words.image_size), resize(b, words.image_size)) for a, b in pairs]
        ),
    }
    if words.run is not None:
        found["model"] = _answers(words.run, pairs)
    text = json.dumps(found, indent=2)
    print(text)
    if words.output is not None:
        words.output.write_text(text + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="benchmarks jpeg-cost", description=__doc__)
    add = parser.add_argument
    add("--jpeg", type=Path, required=True, metavar="PATH", help="the Kaggle release")
    add("--dicom", type=Path, required=True, metavar="PATH", help="the same mammograms as DICOM")
    add("--image-size", type=int, default=224, metavar="N", help="side of a model's image")
    add("--run", type=Path, metavar="DIR", help="a finished run, to compare its answers")
    add("--output", type=Path, metavar="FILE", help="JSON file of what is printed")
    return parser


def _prepare(release: Path, data_dir: Path) -> dict:
    """Seconds and peak memory of a process that prepares a release."""
    command = [sys.executable, "-c", _PREPARE, str(release), str(data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def _read(release: Path, data_dir: Path) -> dict[str, np.ndarray]:
    """Patches [height, width] by id."""
    from tfds_cbis import prepare

    with user_errors():
        builder = prepare(release, data_dir=data_dir)
    return {
        example["id"].decode(): example["image"][..., 0]
        for split in builder.info.splits
        for example in builder.as_data_source(split)
    }


def _differences(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, dict[str, float]]:
    """How far JPEG, and the mere rounding to 8 bit, are from 16 bit; means over the patches.

    Who made the JPEGs may have stretched the grey values, which a normalisation takes back in
    part: a straight line is fitted to each patch to tell that from what is lost.
    """
    lines = np.array([np.polyfit(a.ravel(), b.ravel() / STEP, 1) for a, b in pairs])
    return {
        "jpeg": _distance([(a, b / STEP) for a, b in pairs]),
        "jpeg, brightness and contrast matched": _distance(
            [(np.polyval(line, a), b / STEP) for line, (a, b) in zip(lines, pairs, strict=True)]
        ),
        "rounding alone": _distance([(eight_bit(b), b / STEP) for _, b in pairs]),
        "gain": {
            "lowest": min(line[0] for line in lines),
            "highest": max(line[0] for line in lines),
        },
    }


def _distance(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    errors = [a - b for a, b in pairs]
    squares = [np.square(error).mean() for error in errors]
    return {
        "mean_absolute": float(np.mean([np.abs(error).mean() for error in errors])),
        "root_mean_square": float(np.mean(np.sqrt(squares))),
        "largest": float(max(np.abs(error).max() for error in errors)),
        "psnr_db": float(np.mean([10 * np.log10(255**2 / square) for square in squares])),
        "share_of_contrast": float(
            np.mean([np.sqrt(s) / b.std() for s, (_, b) in zip(squares, pairs, strict=True)])
        ),
    }


def _answers(folder: Path, pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """How a model's probabilities differ between the two."""
    from jaxcbis.runs import finished

    run = finished.load(folder)
    one, two = (_probabilities(run, [pair[k] for pair in pairs]) for k in (0, 1))
    return {
        "run": folder.name,
        "image_size": run.config.image_size,
        "mean_difference": float(np.abs(one - two).mean()),
        "largest_difference": float(np.abs(one - two).max()),
        "same_class": float((one.argmax(1) == two.argmax(1)).mean()),
    }


def _probabilities(run: Finished, images: list[np.ndarray]) -> np.ndarray:
    from jaxcbis.data import normalization
    from jaxcbis.evaluation import activation_maps

    stack = np.stack([resize(image, run.config.image_size) for image in images])
    inputs = normalization.normalize(stack, run.statistics)
    logits = activation_maps.logits(run.model, inputs)
    return activation_maps.softmax(logits)
