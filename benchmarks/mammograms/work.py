"""One row, in a process of its own, so that its peak memory is its own.

Called as `python -m benchmarks.mammograms.work DEVICE DATA RUN ROW`, the last three in JSON; prints
JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np

from benchmarks import alone, measure, memory
from benchmarks.mammograms.rows import KEPT, Row
from jaxcbis.errors import UserError

#: Repetitions: so many at least, so many at most, and none more after so many seconds.
LEAST, MOST, ENOUGH = 2, 5, 2.0
#: Mammograms of a release that are cut, at most.
FILMS = 16


class Call(NamedTuple):
    """What a row repeats.

    Attributes:
      run: the timed work; comes back when it is done.
      reckoned_mb: MiB that the compiler says its program takes; None where it does not tell.
    """

    run: Callable[[], Any]
    reckoned_mb: float | None


class Full(Exception):
    """A program that takes more memory than is free."""

    def __init__(self, needed: float, free: float):
        super().__init__(f"it needs {needed:.0f} MiB, of which {free:.0f} are free")
        self.needed = needed


def main(row: Row, device: str, data: str | None, run: str | None) -> dict:
    """Measures a row.

    Args:
      row: to measure.
      device: 'cpu', 'gpu' or 'auto'.
      data: a release, of which `cut` and `sweep` take mammograms.
      run: folder of a finished patch run, for `sweep`.

    Returns:
      {'seconds': the median of a call, 'repetitions', 'memory_mb': the most that it held beyond
      what Python and libraries had before it, 'peak_mb': the most of the whole process while it
      computed, or of the GPU, 'reckoned_mb'}; of `cut` also 'read_s', of `sweep` 'model', 'windows'
      and 'window'. {'reason', 'reckoned_mb'} where it could not be measured.
    """
    from jaxcbis.machine import backend

    try:
        backend.start(device, measure.cores())
        if row.row == "cut":
            return _cut(row, Path(data or ""))
        if row.row == "sweep":
            return _sweep(Path(data or ""), Path(run or ""))
        return _network(row)
    except Full as error:
        return {"reason": str(error), "reckoned_mb": error.needed}
    except UserError as error:
        return {"reason": str(error)}
    except (RuntimeError, MemoryError) as error:
        if not measure.is_out_of_memory(error):
            raise
        return {"reason": "out of memory"}


def _network(row: Row) -> dict:
    from jaxcbis.machine import device

    free = device.free_memory() / 2**20
    meter = memory.of_jax()
    held = meter.held()
    call = prepare(row)
    if call.reckoned_mb is not None and call.reckoned_mb > free:
        raise Full(call.reckoned_mb, free)
    call.run()
    meter.forget()
    times: list[float] = []
    while len(times) < LEAST or (len(times) < MOST and sum(times) < ENOUGH):
        began = time.perf_counter()
        call.run()
        times.append(time.perf_counter() - began)
    return _measured(times, meter, held) | {"reckoned_mb": call.reckoned_mb}


def prepare(row: Row) -> Call:
    """The network of a row and its program, compiled but not yet run."""
    import jax.numpy as jnp

    from jaxcbis.data.normalization import Statistics
    from jaxcbis.labels import LABELS
    from jaxcbis.machine import sharding
    from jaxcbis.mammograms import config
    from jaxcbis.models import backbones, whole_image

    size = {"height": row.height, "width": row.width, "precision": row.precision}
    kept = row.row.endswith(KEPT)
    given = size | {"data": "-", "run": ["-"], "no_gradient_checkpointing": kept}
    how = config.resolve(given | {"batch_size": row.views})
    dtype = jnp.dtype(how.precision)
    patch = backbones.load(
        str(row.model), weights="random", num_classes=len(LABELS), dtype=dtype
    ).model
    classes = np.zeros(len(LABELS), np.float32)
    model = whole_image.build(
        patch, Statistics(0.5, 0.25, classes, classes + 1), top=how.top, blocks=how.top_blocks,
        top_input=how.top_input, dtype=dtype,
    )  # fmt: skip
    images = np.random.default_rng(0).integers(
        0, 256, (row.views, how.height, how.width, 1), np.uint8
    )
    model = sharding.on_all(model)
    if "step" in row.row:
        return _step(row, how, (patch, model), images)
    return _map(model, images) if row.row == "map" else _forward(model, images)


def _step(row: Row, how: Any, networks: tuple[Any, Any], images: np.ndarray) -> Call:
    """A step as a run takes it, by the run's own recipe."""
    import jax

    from jaxcbis.mammograms import train
    from jaxcbis.mammograms.inputs import Member
    from jaxcbis.training import augmentation, steps
    from jaxcbis.training import memory as reckoning
    from jaxcbis.training.batches import Batch
    from jaxcbis.training.phase import planned

    patch, model = networks
    member = Member(cast(Any, SimpleNamespace(model=patch)), model, {}, [], Path(), 0)
    recipe = train.recipe(how, member)
    phase = recipe.phases[0 if row.row.startswith("top") else -1]
    plan = planned(recipe, phase, model)
    state = steps.start(phase.learning_rates, model)
    frozen = model.select({*model.params, *model.stats} - set(plan.trainable))
    labels = np.arange(row.views, dtype=np.int32) % 2
    batch = Batch(images, labels, None, augmentation.draw(row.views, (0,)))
    program = steps.train_step.lower(plan, state, frozen, batch).compile()

    def run() -> None:
        nonlocal state
        state, _ = program(state, frozen, batch)
        jax.block_until_ready(state)

    return Call(run, reckoning.taken(program) / 2**20)


def _forward(model: Any, images: np.ndarray) -> Call:
    from jaxcbis.models.inference import forward
    from jaxcbis.models.model import HEAD
    from jaxcbis.training import memory as reckoning

    program = forward.lower(model, images, (*model.stages, HEAD)).compile()
    return Call(lambda: np.asarray(program(model, images)), reckoning.taken(program) / 2**20)


def _map(model: Any, images: np.ndarray) -> Call:
    from jaxcbis.evaluation import activation_maps
    from jaxcbis.models import whole_image

    stage = whole_image.mapped(model)
    return Call(lambda: activation_maps.maps(model, images, stage=stage), None)


@contextmanager
def _films(data: Path) -> Iterator[Iterator[tuple[np.ndarray, float]]]:
    """Mammograms of a release that can be read, and the seconds of reading each.

    Raises:
      UserError: it is no release.
    """
    from jaxcbis.data.prepared import user_errors
    from tfds_cbis.release.cases import views
    from tfds_cbis.release.files import Release
    from tfds_cbis.release.images import Unusable, read_mammogram

    def read(release: Release) -> Iterator[tuple[np.ndarray, float]]:
        lesions, _ = release.lesions()
        for view in views(lesions):
            began = time.perf_counter()
            try:
                film, _ = read_mammogram(release, view)
            except Unusable:
                continue
            yield film, time.perf_counter() - began

    with user_errors(), Release(data) as release:
        yield read(release)


def _cut(row: Row, data: Path) -> dict:
    from jaxcbis.data import mammograms

    meter = memory.process()
    held = meter.held()
    reading: list[float] = []
    times: list[float] = []
    meter.forget()
    with _films(data) as films:
        for (film, seconds), _ in zip(films, range(FILMS), strict=False):
            began = time.perf_counter()
            mammograms.cut(film, cast(int, row.height), cast(int, row.width))
            times.append(time.perf_counter() - began)
            reading.append(seconds)
    if not times:
        raise UserError(f"--data {data}: holds no mammogram that can be read")
    return _measured(times, meter, held) | {"read_s": float(np.median(reading))}


def _sweep(data: Path, run: Path) -> dict:
    """Windows show a mammogram as the run's own crops showed theirs."""
    from functools import partial

    from jaxcbis.data.patches import eight_bit
    from jaxcbis.detection import mammograms, outlook
    from jaxcbis.detection import sweep as sweeping
    from jaxcbis.models.inference import BATCH
    from jaxcbis.runs import answers, finished

    meter = memory.of_jax()
    held = meter.held()
    patches = finished.load(run)
    answer = partial(answers.predict, patches)
    times: list[float] = []
    windows: list[int] = []
    side = 0
    with _films(data) as films:
        for film, _ in films:
            fitting = outlook.fitting_window(patches.results, film.shape)
            side = fitting or mammograms.side(patches, None)
            planned = mammograms.plan(patches, eight_bit(film), side)
            if not planned.looked_at.size:
                continue
            if not times:  # compiles
                sweeping.sweep(answer, planned._replace(looked_at=planned.looked_at[:BATCH]))
                meter.forget()
            began = time.perf_counter()
            sweeping.sweep(answer, planned)
            times.append(time.perf_counter() - began)
            windows.append(planned.looked_at.size)
            if len(times) >= LEAST and sum(times) >= ENOUGH:
                break
    if not times:
        raise UserError(f"--data {data}: holds no mammogram that can be read")
    return _measured(times, meter, held) | {
        "model": patches.config.backbone, "precision": patches.config.precision,
        "windows": float(np.median(windows)), "window": side,
    }  # fmt: skip


def _measured(times: list[float], meter: memory.Meter, held: float | None) -> dict:
    return {
        "seconds": float(np.median(times)),
        "repetitions": len(times),
        "memory_mb": meter.growth(held),
        "peak_mb": meter.peak(),
    }


if __name__ == "__main__":
    alone.first_to_go()
    os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = "0.9"  # no other framework shares the GPU
    device, *words = sys.argv[1:]
    data, run, row = map(json.loads, words)
    print(json.dumps(main(Row(*row), device, data, run)))
