"""python -m benchmarks gpu: everything worth measuring on a GPU, in order of value, in one call.

Each step is a process with a limit of its own. Its results are in the output folder, gpu-*.json,
before the next one begins; summary.txt tells what became of each. A GPU is often rented, or
given for a limited time: whatever hangs or comes too late costs its own share of it alone.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.arguments import add_device, check
from benchmarks.gpu import exported, session
from benchmarks.gpu import runs as gpu_runs
from benchmarks.gpu.session import Step
from jaxcbis.commands.words import Parser
from jaxcbis.config import STRATEGIES
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.machine import files
from jaxcbis.machine.console import say, warn
from jaxcbis.mammograms import config
from jaxcbis.study import cells


class Rows(NamedTuple):
    """Rows of `python -m benchmarks` that one process measures.

    Attributes:
      name: of the step.
      rows: in order of value.
      share, least: of the step, see `session.Step`.
      batches: of the session's size, that one call takes.
    """

    name: str
    rows: tuple[str, ...]
    share: float
    least: float
    batches: int = 1


STEPS = Rows("steps", ("train_behind_prefix", "forward", "gradcam_head_only"), 32, 100)
EPOCHS = Rows("epochs", ("s2_epoch", "train_with_look", "gradcam", "train_all"), 12, 60)
#: Enough batches in one call that its start does not count.
MAPS = Rows("maps", ("gradcam_vs_forward",), 2, 20, batches=16)
OTHERS = Rows(
    "others",
    (
        "s1_run", "train_frozen", "train_behind_prefix_batch_stats", "train_all_batch_stats",
        "time_to_first_step", "second_start",
    ),
    8, 60,
)  # fmt: skip
#: What --only knows, in order of value.
PARTS = (
    "machine", "parity", "rows", "run", "mammograms", "epochs", "study", "maps", "profile",
    "others",
)  # fmt: skip
#: Of a whole mammogram, height and width in pixels, where a patch has the side behind them.
MAMMOGRAM, PATCH = (1152, 896), 224
_BOUNDS = {
    "batch": 1, "image_size": 32, "images": 1, "repetitions": 1, "seconds": 1, "tuning_seconds": 1,
}  # fmt: skip


def main(arguments: list[str]) -> list[dict]:
    """Does what there is time for.

    Returns:
      What became of each step, see `session.run`.

    Raises:
      UserError: bad usage, or unreadable data; what a step finds wrong stands in the summary.
    """
    began = time.monotonic()
    options = _parser().parse_args(arguments)
    check(options, _BOUNDS)
    if len(options.weights) not in (1, len(options.models)):
        raise UserError(
            f"--weights: got {len(options.weights)} for {len(options.models)} models; give one for "
            "all, or one per model in their order"
        )
    _, options.protocol = exported.read(options.data, options.image_size)
    options.data = options.data.resolve()  # the steps run in another folder
    options.weights = [
        given if given in ("imagenet", "random") else str(Path(given).resolve())
        for given in options.weights
    ]
    files.make_folder(options.folder)
    options.folder = options.folder.resolve()
    notes: list[str] = []
    options.against = [] if _missing_torch(notes) else ["--against", "torch"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        steps = [step for step in plan(options, work) if step is not None]
        left = options.seconds - (time.monotonic() - began)
        records = session.run(steps, options.folder, left, environment(work), notes)
    say(f"Results: {options.folder}   Summary: {options.folder / 'summary.txt'}")
    return records


def _missing_torch(notes: list[str]) -> bool:
    missing = [name for name in ("torch", "torchvision") if not find_spec(name)]
    if missing:
        notes.append(f"{' and '.join(missing)} not installed: ours alone is timed")
        warn(notes[-1])
    return bool(missing)


def environment(work: Path) -> dict[str, str]:
    """Of the processes: what one of them has compiled, the others read."""
    shared = {
        "JAX_COMPILATION_CACHE_DIR": str(work / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TORCHINDUCTOR_CACHE_DIR": str(work / "inductor"),
    }
    return shared | os.environ | {"PYTHONUNBUFFERED": "1", "MPLBACKEND": "Agg"}


def plan(options: argparse.Namespace, work: Path) -> Iterator[Step]:
    """The steps that --only leaves, in order of value.

    Args:
      options: of the command line, with `protocol` of the data and `against` as words.
      work: folder for what is not kept.
    """
    weights = dict(
        zip(options.models, options.weights * len(options.models), strict=False)
        if len(options.weights) == 1
        else zip(options.models, options.weights, strict=True)
    )
    parts: dict[str, Callable[[], Iterator[Step]]] = {
        "machine": lambda: iter([_bench(options, "machine", [], 2, 30)]),
        "parity": lambda: (
            _bench(
                options, f"parity-{model}",
                ["--model", model, "--weights", weights[model], "--data", str(options.data)],
                5, 40, "parity",
            )
            for model in options.models
        ),
        "rows": lambda: (_rows(options, model, STEPS) for model in options.models),
        "run": lambda: (
            _run(options, model, weights[model], strategy, work)
            for strategy in ("s2", "s1")
            for model in options.models
        ),
        "mammograms": lambda: iter([_mammograms(options)]),
        "epochs": lambda: (_rows(options, model, EPOCHS) for model in options.models),
        "study": lambda: iter([_study(options, list(weights.values()), work)]),
        "maps": lambda: (_rows(options, model, MAPS) for model in options.models),
        "profile": lambda: (
            _bench(
                options, f"profile-{model}",
                ["--models", model, "--batch", str(options.batch), "--rows", "train_behind_prefix"],
                3, 30, "profile",
            )
            for model in options.models
        ),
        "others": lambda: (_rows(options, model, OTHERS) for model in options.models),
    }  # fmt: skip
    for part in PARTS:
        if part in options.only:
            yield from parts[part]()


def _file(options: argparse.Namespace, name: str) -> Path:
    """Of a step's results."""
    return options.folder / f"gpu-{name}.json"


def _bench(
    options: argparse.Namespace, name: str, words: list[str], share: float, least: float,
    command: str | None = None,
) -> Step:  # fmt: skip
    """A command of the benchmarks; those that take images get their size."""
    size = ["--image-size", str(options.image_size)] if command else []
    file = _file(options, name)
    whole = [
        sys.executable, "-m", "benchmarks", command or name, "--device", options.device, *size,
        *words, "--output", str(file),
    ]  # fmt: skip
    return Step(name, lambda limit: whole, share, least, files=(file,))


def _mammograms(options: argparse.Namespace) -> Step:
    """As many times as large as the patches as 1152 x 896 is of the usual ones."""
    file = _file(options, "mammograms")
    height, width = (
        config.CELL * max(2, round(side * options.image_size / PATCH / config.CELL))
        for side in MAMMOGRAM
    )

    def words(limit: float) -> list[str]:
        return [
            sys.executable, "-m", "benchmarks", "mammograms", "--device", options.device,
            "--backbones", *options.models, "--precision", "bfloat16", "float32",
            "--sizes", f"{height}x{width}", "--seconds", str(max(1, 0.95 * limit)),
            "--output", str(file),
        ]  # fmt: skip

    return Step("mammograms", words, 20, 120, files=(file,))


def _rows(options: argparse.Namespace, model: str, part: Rows) -> Step:
    step = f"rows-{model}-{part.name}"
    file = _file(options, step)

    def words(limit: float) -> list[str]:
        seconds = max(1, limit / (3 * len(part.rows)))
        epochs = ["--epochs", str(options.epochs)] if options.epochs else []
        return [
            sys.executable, "-m", "benchmarks", *options.against, "--device", options.device,
            "--models", model, "--rows", *part.rows, "--batch", str(part.batches * options.batch),
            "--image-size", str(options.image_size), "--images", str(options.images), *epochs,
            "--repetitions", str(options.repetitions), "--seconds", str(seconds),
            "--tuning-seconds", str(options.tuning_seconds),
            "--output", str(file),
        ]  # fmt: skip

    # Without PyTorch there is nothing to tune.
    least = part.least if options.against else part.least / 3
    return Step(step, words, part.share, least, files=(file, file.with_suffix(".png")))


def _of_runs(options: argparse.Namespace) -> list[str]:
    """Options that single runs and the study's have in common."""
    epochs = ["--epochs", str(options.epochs)] if options.epochs else []
    return [
        "--data", str(options.data), "--protocol", options.protocol, "--precision", "bfloat16",
        "--device", options.device, "--image-size", str(options.image_size), *epochs,
    ]  # fmt: skip


def _run(options: argparse.Namespace, model: str, weights: str, strategy: str, work: Path) -> Step:
    name = f"run-{model}-{strategy}"
    output, file = work / name, _file(options, name)
    words = [
        sys.executable, "run.py", "--backbone", model, "--strategy", strategy,
        "--weights", weights, "--batch-size", str(options.batch), *_of_runs(options),
        "--output", str(output),
    ]  # fmt: skip

    def keep(seconds: float) -> None:
        gpu_runs.keep_run(output, seconds, file)

    return Step(name, lambda limit: words, 5, 40, keep, (file,))


def _study(options: argparse.Namespace, weights: list[str], work: Path) -> Step:
    output, file = work / "study", _file(options, "study")
    sets = len(cells.BATCH_SIZES) * len(cells.BACKBONE_RATES)
    planned = len(options.models) * len(STRATEGIES) * sets
    words = [
        sys.executable, "-m", "jaxcbis", "study", "--backbones", *options.models,
        "--strategies", *STRATEGIES, "--seeds", "1", "--weights", *weights, *_of_runs(options),
        "--parallel", "runs", "--output", str(output),
    ]  # fmt: skip

    def keep(seconds: float) -> None:
        gpu_runs.keep_study(output, seconds, planned, file)

    return Step("study", lambda limit: words, 25, 60, keep, (file,))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks gpu",
        description=__doc__.replace("\n\n", " "),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_device(parser)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="FILE.npz", help="of prepare --export")
    add("--weights", nargs="+", default=["imagenet"], metavar="FILE",
        help="imagenet, random or a file; one for all models, or one each")  # fmt: skip
    add("--output", dest="folder", type=Path, required=True, metavar="DIR", help="of the results")
    add("--seconds", type=float, default=540, metavar="X", help="for all steps")
    add("--only", nargs="+", choices=PARTS, default=list(PARTS), help="steps to take")
    add("--models", nargs="+", choices=BACKBONES, default=["resnet50", "vgg19"], help="backbones")
    add("--batch", type=int, default=16, metavar="N", help="images per step or call")
    add("--image-size", type=int, default=224, metavar="N", help="of the data, in pixels")
    add("--images", type=int, default=512, metavar="N", help="training patches of a row's epoch")
    add("--epochs", type=int, metavar="N", help="most of a phase; each command's own if not given")
    add("--repetitions", type=int, default=7, metavar="N", help="most of a row")
    add("--tuning-seconds", type=float, default=30, metavar="X",
        help="that a row's search for the fastest settings of PyTorch may take")  # fmt: skip
    parser.set_defaults(output=None)
    return parser
