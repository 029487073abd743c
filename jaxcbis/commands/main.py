"""The command line: parse, call one function, turn a user's error into one line."""

import argparse
import io
import os
import signal
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import NoReturn

import jaxcbis
from jaxcbis import config as options
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.machine import allocator, watched
from jaxcbis.machine.console import Level, set_level
from jaxcbis.machine.hosts import LOST

EXIT_FAULT = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

_INTERRUPTED = "interrupted; give the same command again to go on (for a training, add --resume)"
_AGAIN = "put that right and give the same command again (for a training, add --resume)"
_interrupted = False


class Parser(argparse.ArgumentParser):
    """argparse, but with one line for a wrong word on the command line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def start(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command as the whole process; `python -m jaxcbis` and run.py end here.

    Args:
      arguments: of `main`.
    """
    allocator.restart()
    try:
        code = main(arguments)
    except Exception:
        traceback.print_exc()
        code = EXIT_FAULT
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # Python's shutdown takes no exceptions
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, signal.SIG_DFL)
    if code:
        # A checkpoint may be half written in a thread, which would complain of Python's shutdown;
        # and JAX would wait for other hosts, which wait for this one.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Args:
      arguments: words behind the program's name; those of the process if None.

    Returns:
      Exit code: 0 done, 2 bad input or usage, 130 interrupted. A fault of ours raises.
    """
    global _interrupted
    _interrupted = False
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as by nohup
        signal.signal(signal.SIGINT, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a dash or a line
    try:
        words = _parser().parse_args(arguments)
        set_level(getattr(words, "level", Level.NORMAL))
        words.command(words)
    except (Exception, KeyboardInterrupt) as error:
        # A library may make another error of an interrupt that comes in the middle of its work.
        if _interrupted or isinstance(error, KeyboardInterrupt):
            line, code = _INTERRUPTED, EXIT_INTERRUPTED
        elif isinstance(error, UserError):
            line, code = str(error), EXIT_USER_ERROR
        elif isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            line, code = f"{where}{error.strerror or error}; {_AGAIN}", EXIT_USER_ERROR
        else:
            raise
        print(f"jaxcbis: {line}", file=sys.stderr)
        return code
    return 0


def _interrupt(number: int, frame: object) -> NoReturn:
    """A scheduler's SIGTERM ends a run as Ctrl-C does."""
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt


#: Options that all runs of a study have in common.
_IN_STUDIES = (
    "data", "protocol", "head_lr", "lr_decay", "epochs", "patience", "min_delta", "image_size",
    "batch_norm", "background_size", "precision", "device", "deterministic", "cam_threshold",
    "cam_method", "cam_stage", "data_dir",
)  # fmt: skip


_WINDOW = (
    "side of a lesion's crop in pixels of these mammograms, which are reduced to the training's "
    "resolution if it is larger there (default: that of the run's own crops, right where the "
    "resolution is the same)"
)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="jaxcbis", description=jaxcbis.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=jaxcbis.__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    train = commands.add_parser(
        "train", help="train, test and score one model (run.py)", allow_abbrev=False
    )
    options.add_arguments(train)
    _add_levels(train)
    train.set_defaults(command=_train)

    prepare = commands.add_parser(
        "prepare", help="build the data set of patches only", allow_abbrev=False
    )
    options.add_arguments(
        prepare, ("data", "protocol", "background_size", "image_size", "data_dir")
    )
    _add_levels(prepare)
    prepare.add_argument("--export", type=Path, metavar="FILE.npz", help="also write the patches")
    prepare.add_argument(
        "--beam", nargs=argparse.REMAINDER, metavar="OPTION",
        help="prepare on an Apache Beam runner; all words behind it are Beam's options",
    )  # fmt: skip
    prepare.set_defaults(command=_prepare)

    study = commands.add_parser(
        "study",
        help="train all backbones, strategies and hyperparameter sets; choose, compare",
        allow_abbrev=False,
    )
    options.add_arguments(study, _IN_STUDIES)
    _add_levels(study)
    add = study.add_argument
    add("--backbones", nargs="+", choices=BACKBONES, default=["vgg19", "resnet50"],
        help="default: vgg19 resnet50")  # fmt: skip
    add("--strategies", nargs="+", choices=options.STRATEGIES, default=["s1", "s2"],
        help="default: s1 s2")  # fmt: skip
    add("--seeds", type=int, default=1, metavar="N", help="from 0 on (default: 1)")
    add("--weights", nargs="+", default=["imagenet"], metavar="FILE",
        help="imagenet, random, or one file per backbone (default: imagenet)")  # fmt: skip
    add("--parallel", choices=["runs"],
        help="runs: each device does runs of its own, a GPU several side by side, which is faster "
        "than a share of every run where batches are small")  # fmt: skip
    add("--output", type=Path, required=True, metavar="DIR",
        help="folder of the study; the same command goes on where it was ended")  # fmt: skip
    study.set_defaults(command=_study)

    audit = commands.add_parser(
        "audit",
        help="what each flattering choice of the paper's protocol is worth",
        allow_abbrev=False,
    )
    options.add_arguments(audit, ("data", "data_dir"))
    audit.add_argument(
        "--run", nargs="+", type=Path, required=True, metavar="DIR",
        help="finished runs: paper runs, and the clean ones of the same backbone and strategy",
    )  # fmt: skip
    audit.add_argument("--output", type=Path, required=True, metavar="DIR", help="of the audit")
    _add_levels(audit)
    audit.set_defaults(command=_audit)

    check = commands.add_parser(
        "check", help="run the demo training: are its figures as they should be here?",
        allow_abbrev=False,
    )  # fmt: skip
    check.set_defaults(command=_check)

    findings = commands.add_parser(
        "findings", help="write findings.md from the results of two studies and their audit"
    )
    findings.add_argument("folder", type=Path, metavar="DIR", help="holds results/")
    findings.set_defaults(command=_findings)

    explain = commands.add_parser(
        "explain", help="what a finished run says of image files, and where it looks",
        allow_abbrev=False,
    )  # fmt: skip
    add = explain.add_argument
    add("images", nargs="+", type=Path, metavar="IMAGE",
        help="PNG, JPEG or DICOM: a lesion's patch, or with --sweep a mammogram")  # fmt: skip
    add("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--output", type=Path, default=Path(), metavar="DIR",
        help="for IMAGE-cam.png or IMAGE-sweep.png (default: the current one)")  # fmt: skip
    add("--json", metavar="FILE", help="also write the answers; - prints them instead of the text")
    add("--sweep", action="store_true",
        help="look at windows all over a mammogram: maps of all classes, best boxes")  # fmt: skip
    add("--window", type=int, metavar="N", help=_WINDOW)
    add("--boxes", type=int, default=5, metavar="K", help="best boxes to mark (default: 5)")
    explain.set_defaults(command=_explain)

    froc = commands.add_parser(
        "froc", help="sweep a release's test mammograms: lesions found against false positives",
        allow_abbrev=False,
    )  # fmt: skip
    add = froc.add_argument
    add("--data", type=Path, required=True, metavar="PATH",
        help="the Kaggle release (its folder or archive.zip) or the DICOM one")  # fmt: skip
    add("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--output", type=Path, required=True, metavar="DIR",
        help="folder of froc.json, froc.png and a picture per mammogram")  # fmt: skip
    add("--window", type=int, metavar="N", help=_WINDOW)
    froc.set_defaults(command=_froc)

    export = commands.add_parser(
        "export", help="write a run's model for serving without this package (StableHLO)",
        allow_abbrev=False,
    )  # fmt: skip
    export.add_argument("run", type=Path, metavar="DIR", help="folder of the run")
    export.add_argument("--output", type=Path, required=True, metavar="FILE", help="to write")
    export.set_defaults(command=_export)

    report = commands.add_parser(
        "report",
        help="rebuild the report of runs; of several also one side by side, comparison.html in the "
        "folder that they have in common",
    )
    report.add_argument("runs", nargs="+", type=Path, metavar="DIR")
    report.set_defaults(command=_report)
    return parser


def _add_levels(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    for level, text in (
        (Level.QUIET, "print nothing but warnings and errors, on stderr"),
        (Level.VERBOSE, "print every option and figure as well"),
    ):
        group.add_argument(
            f"--{level.name.lower()}", dest="level", action="store_const", const=level, help=text,
            default=Level.NORMAL,
        )  # fmt: skip


def _given(words: argparse.Namespace) -> dict:
    return {k: v for k, v in vars(words).items() if k in options.Config.__dataclass_fields__}


def _train(words: argparse.Namespace) -> None:
    config = options.resolve(_given(words))
    quiet_libraries()
    if config.coordinator is not None:
        watched.go_on_in_child(LOST)
    from jaxcbis.runs.run import run  # JAX starts only when there is work for it

    run(config)


def _prepare(words: argparse.Namespace) -> None:
    config = options.resolve(_given(words))
    quiet_libraries()
    from jaxcbis.runs import preparation

    preparation.prepare(config, export=words.export, beam=words.beam)


def _study(words: argparse.Namespace) -> None:
    if words.seeds < 1:
        raise UserError(f"--seeds {words.seeds}: expected a number of at least 1")
    given = {key: value for key, value in _given(words).items() if key in _IN_STUDIES}
    options.resolve(given)  # what is wrong is said before JAX starts
    quiet_libraries()
    from jaxcbis.study.cells import Grid
    from jaxcbis.study.run import run

    grid = Grid(words.backbones, words.strategies, words.seeds, words.weights)
    run(given, grid, words.output, parallel=words.parallel == "runs")


def _audit(words: argparse.Namespace) -> None:
    given = _given(words)
    quiet_libraries()
    from jaxcbis.audit.run import run

    run(given.get("data"), given.get("data_dir"), words.run, words.output)


def _check(words: argparse.Namespace) -> None:
    quiet_libraries()
    from jaxcbis.runs import check

    check.run()


def _findings(words: argparse.Namespace) -> None:
    from jaxcbis.study import findings

    print(findings.write(words.folder))


def _explain(words: argparse.Namespace) -> None:
    if words.boxes < 1:
        raise UserError(f"--boxes {words.boxes}: expected a number of at least 1")
    quiet_libraries()
    from jaxcbis.detection import mammograms
    from jaxcbis.runs import explain

    of_mammogram = partial(mammograms.explain, window=words.window, boxes=words.boxes)
    answer, kind = (of_mammogram, "sweep") if words.sweep else (explain.patch, "cam")
    explain.explain(words.images, words.run, words.output, answer, kind=kind, json_file=words.json)


def _froc(words: argparse.Namespace) -> None:
    quiet_libraries()
    from jaxcbis.detection.scoring import run

    run(words.data, words.run, words.output, window=words.window)


def _export(words: argparse.Namespace) -> None:
    quiet_libraries()
    from jaxcbis.machine import device
    from jaxcbis.runs.export import export
    from jaxcbis.runs.finished import load

    device.choose("auto")
    print(export(load(words.run), words.output))


def _report(words: argparse.Namespace) -> None:
    from jaxcbis.report.page import html

    for run in words.runs:
        print(html.write(run))
    if len(words.runs) > 1:
        print(html.compare(html.joint_path(words.runs), words.runs))


def quiet_libraries() -> None:
    """Keeps start-up chatter of XLA and TFDS off the screen; must come before their import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("ABSL_MIN_LOG_LEVEL", "1")
