"""The runs of a study: one after another on all devices, or side by side with one device each."""

from collections.abc import Callable, Sequence
from functools import partial

import jax

from jaxcbis import console, device, experiment, side_by_side
from jaxcbis.config import Config
from jaxcbis.console import Level, hushed, set_level, warn
from jaxcbis.data import loading, preparation
from jaxcbis.data.patches import Dataset
from jaxcbis.experiment import Shared

Watch = Callable[[Config, dict | None], None]
Work = Callable[[Config, Callable[[dict], None]], None]


def devices(name: str, threads: int | None, parallel: bool) -> tuple[int, str]:
    """Chooses what the runs compute on.

    Args:
      name, threads: of `device.choose`.
      parallel: the runs' processes will choose; this one must not start JAX on a GPU, whose memory
        goes to the first that comes.

    Returns:
      How many devices this host has, and what they are, for people.
    """
    return side_by_side.apart(_devices, name, threads) if parallel else _devices(name, threads)


def _devices(name: str, threads: int | None) -> tuple[int, str]:
    device.choose(name, threads)
    return jax.local_device_count(), device.described()


def do(configs: Sequence[Config], watch: Watch, parallel: int, threads: int | None) -> None:
    """Does runs; those in a row that share a backbone and seed share what they can.

    Args:
      configs: of the runs, which share their data.
      watch: called with every row of a run's history, and with None when its results are written.
      parallel: so many devices do a run each; 0 for one run at a time, on all of them.
      threads: of `device.choose`.

    Raises:
      UserError: something that the user has to put right.
    """
    dataset = preparation.load(configs[0])
    loading.require_all_splits(dataset)
    if dataset.source == loading.DEMO:
        warn("DEMO DATA: synthetic phantoms; give --data PATH for the CBIS-DDSM release")
    preparation.show_dropped(dataset)
    if not parallel:
        work = _worker(dataset)
        for config in configs:
            work(config, partial(watch, config))
            watch(config, None)
        return
    del dataset  # each process has its own
    start = partial(_start, configs[0], threads, parallel, console.level())
    for config, row in side_by_side.each(configs, start, parallel):
        watch(config, row)


def _start(first: Config, threads: int | None, of: int, level: Level, number: int) -> Work:
    """Work in a process of its own; what all of these would say is said by the first."""
    set_level(Level.HUSHED if number else level)
    device.restrict(number, of)
    device.choose(first.device, threads)
    with hushed():
        return _worker(preparation.load(first))


def _worker(dataset: Dataset) -> Work:
    group: tuple[str, int] | None = None
    shared: Shared | None = None

    def work(config: Config, tell: Callable[[dict], None]) -> None:
        nonlocal group, shared
        if group != (config.backbone, config.seed):
            shared = None  # the activations of the group before make room
            demo = dataset.source == loading.DEMO
            shared = Shared(dataset, experiment.load_backbone(config, demo), {})
            group = config.backbone, config.seed
        with hushed():
            experiment.run(config, shared, on_epoch=tell)

    return work
