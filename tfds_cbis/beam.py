"""The work of preparing on an Apache Beam runner: many machines in the place of many threads."""

import contextlib
import functools
import io
import logging
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tfds_cbis.errors import CbisError


def mapper(arguments: list[str], folder: Path) -> Callable[..., Iterator[Any]]:
    """Makes the counterpart of `threads.in_parallel`.

    Args:
      arguments: Beam's own options, such as `--runner=FlinkRunner`; none is its local runner.
      folder: where results wait until they are fetched. It and the release must have the same
        path on every worker.

    Raises:
      CbisError: Beam is not installed, or does not know an option.
    """
    logging.disable(logging.WARNING)  # Beam's warnings at its import tell of clouds
    try:
        from apache_beam.options.pipeline_options import PipelineOptions

        with contextlib.redirect_stderr(io.StringIO()):  # its usage has hundreds of lines
            options = PipelineOptions(arguments)
            known = options.get_all_options()
    except ModuleNotFoundError as error:
        raise CbisError(
            f"--beam: {error.name} is not installed; pip install 'jaxcbis[beam]'"
        ) from error
    except SystemExit as error:
        raise CbisError(f"--beam: {' '.join(arguments)}: not options of Beam") from error
    finally:
        logging.disable(logging.NOTSET)
    given = (each.removeprefix("--").split("=")[0] for each in arguments if each.startswith("--"))
    if strange := [name for name in given if name not in known]:
        raise CbisError(f"--beam: Beam has no option --{strange[0]}; see its pipeline options")

    def on_beam(task: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".beam-", dir=folder.resolve()) as place:
            count = _run(options, task, list(items), Path(place))
            for number in range(count):
                path = Path(place) / str(number)
                yield pickle.loads(path.read_bytes())
                path.unlink()

    return on_beam


def _run(options: Any, task: Callable[[Any], Any], items: list[Any], place: Path) -> int:
    import apache_beam as beam

    try:
        with _off_the_screen(), beam.Pipeline(options=options) as pipeline:
            _ = (
                pipeline
                | beam.Create(list(enumerate(items)))
                | beam.Reshuffle()  # or a runner may do all of them on one worker
                | beam.Map(functools.partial(_keep, task, place))
            )
    except Exception as error:  # every runner has its own
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CbisError(
            f"--beam: the pipeline failed: {reason[-1]}; check that its workers reach the release "
            f"and {place.parent}, and have jaxcbis installed"
        ) from error
    return len(items)


@contextlib.contextmanager
def _off_the_screen() -> Iterator[None]:
    """Keeps the errors' stream for us: local workers inherit it, and log their start and end."""
    sys.stderr.flush()
    screen = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)


def _keep(task: Callable[[Any], Any], place: Path, numbered: tuple[int, Any]) -> None:
    """Leaves the result where the host finds it; a runner may do an item twice."""
    number, item = numbered
    with tempfile.NamedTemporaryFile(dir=place, delete=False) as file:
        file.write(pickle.dumps(task(item)))
    Path(file.name).replace(place / str(number))
