"""How a row is measured: warm-up, two sides in alternation, medians, spread. Of no framework."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from benchmarks.memory import Meter

T = TypeVar("T")
#: Batches of a repetition on a GPU, where a run does not wait for the device after every one.
GPU_STEPS = 16
_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "out of memory", "can't allocate memory", "bad_alloc")


def cores() -> int:
    """Cores that this process may use: on a CPU, either side has as many threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Skipped(Exception):
    """A row that cannot be measured here; the message says why."""


class Late(BaseException):
    """A deadline has passed; no Exception, which a compiler's internals would catch."""


class Work(NamedTuple):
    """What a row does, the same on both sides.

    Attributes:
      row, model: names.
      batch: images per step or call.
      size: side of an image in pixels.
      images: training patches of an epoch; half as many validate.
      epochs: of each phase of a whole run.
      first: stage that the inputs enter.
      shape: [height, width, channels] of its input; an image has one channel.
      phases: learning rate by trainable stage, of each phase; one phase for a single step.
      batch_norm: 'frozen' normalises by stored statistics while training, 'train' by the batch's.
      steps: batches of a repetition, one after the other with one wait at the end.
    """

    row: str
    model: str
    batch: int
    size: int
    images: int = 0
    epochs: int = 1
    first: str = ""
    shape: tuple[int, ...] = ()
    phases: tuple[dict[str, float], ...] = ()
    batch_norm: str = "frozen"
    steps: int = 1


class Task(NamedTuple):
    """One side of a row.

    Attributes:
      fresh: draws new inputs and puts them where they are needed; not timed.
      work: the timed work on them; comes back when the device is done.
      seconds: reads the time off the result, where not all of the work counts.
      warm_up: a shorter way to compile everything than one repetition.
      name: of the implementation, with its settings.
    """

    fresh: Callable[[np.random.Generator], Any]
    work: Callable[[Any], Any]
    seconds: Callable[[Any], float] | None = None
    warm_up: Callable[[np.random.Generator], Any] | None = None
    name: str = ""

    def time(self, rng: np.random.Generator) -> float:
        """Seconds of one repetition on fresh inputs."""
        inputs = self.fresh(rng)
        began = time.perf_counter()
        result = self.work(inputs)
        took = time.perf_counter() - began
        return self.seconds(result) if self.seconds else took

    def warm(self, rng: np.random.Generator) -> None:
        """Compiles, and fills caches and allocators."""
        (self.warm_up or self.time)(rng)


def build(
    make: Callable[[], Task], rng: np.random.Generator, meter: Meter
) -> tuple[Task, float | None]:
    """Makes one side and warms it.

    Returns:
      The task, and the most memory in MiB that it holds while it runs, beyond what was held before
      it was made; compiling does not count.
    """
    held = meter.held()
    task = make()
    task.warm(rng)
    meter.forget()
    task.warm(rng)
    return task, meter.growth(held)


def alternate(
    ours: Task, peer: Task | None, rng: np.random.Generator, repetitions: int, seconds: float
) -> tuple[list[float], list[float]]:
    """Times both sides in turn; which one goes first alternates, so that drift hits both alike.

    Each warms up again before it is timed: in a run a step follows one of its own kind, and not
    another framework's, whose threads still spin and whose data fill the caches.

    Args:
      ours, peer: already warm; without a peer only ours is timed.
      rng: of the inputs.
      repetitions: most of each side.
      seconds: after which no further repetition begins; one is always done.

    Returns:
      Seconds of every repetition of ours, and of the peer.
    """
    times: tuple[list[float], list[float]] = ([], [])
    sides = [(ours, times[0])] + ([(peer, times[1])] if peer else [])
    began = time.perf_counter()
    for i in range(repetitions):
        if i and time.perf_counter() - began > seconds:
            break
        for task, taken in sides if i % 2 == 0 else reversed(sides):
            task.warm(rng)
            taken.append(task.time(rng))
    return times


def spread(times: list[float]) -> float | None:
    """Interquartile range over median; None for fewer than three repetitions."""
    if len(times) < 3:
        return None
    low, middle, high = np.percentile(times, [25, 50, 75])
    return float((high - low) / middle)


def summarize(work: Work, unit: str, ours: list[float], peer: list[float], name: str) -> dict:
    """One row of the results.

    Args:
      work: that was done.
      unit: 's', or 'images/s' for the images of `work.steps` batches per repetition.
      ours, peer: seconds of the repetitions; `peer` may be empty.
      name: of the peer.

    Returns:
      {'row', 'model', 'batch', 'ours', 'peer', 'peer_name', 'unit', 'ratio', 'spread'}: medians,
      their ratio (above 1: ours is faster) and the larger of the two sides' spreads.
    """

    def in_unit(times: list[float]) -> float | None:
        if not times:
            return None
        middle = float(np.median(times))
        return middle if unit == "s" else work.batch * work.steps / middle

    spreads = [s for s in (spread(ours), spread(peer)) if s is not None]
    return {
        "row": work.row,
        "model": work.model,
        "batch": work.batch,
        "ours": in_unit(ours),
        "peer": in_unit(peer),
        "peer_name": name if peer else None,
        "unit": unit,
        "ratio": float(np.median(peer) / np.median(ours)) if peer else None,
        "spread": max(spreads, default=None),
    }


def is_out_of_memory(error: BaseException) -> bool:
    """Whether JAX, PyTorch or Python says with this that memory ran out."""
    return isinstance(error, MemoryError) or any(
        text.lower() in str(error).lower() for text in _OUT_OF_MEMORY
    )


def halving(run: Callable[[int], T], batch: int, what: str, note: Callable[[str], None]) -> T:
    """Runs at a batch size or, where memory runs out, at half of it, and says so.

    Args:
      run: of the batch size.
      batch: to begin with.
      what: is run, for the note.
      note: takes a line that the user must read.

    Raises:
      Skipped: not even a batch of one fits.
    """
    while True:
        try:
            return run(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Only here has the traceback let go of the arrays that filled the memory.
        if batch == 1:
            raise Skipped(f"{what}: out of memory at batch 1")
        note(f"{what}: out of memory at batch {batch}, measured at batch {batch // 2}")
        batch //= 2


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raises Late in the block once the time is up; main thread of a Unix process only."""

    def ring(number: int, frame: object) -> NoReturn:
        raise Late(f"not done within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
