"""The runs of a study: one after another on all devices, or side by side with one device each."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax

from jaxcbis.config import Config
from jaxcbis.data import loading, summary
from jaxcbis.data.patches import Dataset
from jaxcbis.machine import backend, console, device, workers
from jaxcbis.machine.backend import Share
from jaxcbis.machine.console import Level, hushed, telling, warn
from jaxcbis.records import paths
from jaxcbis.runs import inputs
from jaxcbis.runs import run as one_run
from jaxcbis.runs.run import Shared
from jaxcbis.training.batches import Kept

Watch = Callable[[Config, dict | None], None]
Work = Callable[[Config, Callable[[dict], None]], None]


class Machine(NamedTuple):
    """What the runs compute on.

    Attributes:
      devices: of this host.
      processes: that share them, each doing runs of its own; 0 for one run at a time on all.
      threads: of `backend.start`.
      described: for people.
    """

    devices: int
    processes: int
    threads: int | None
    described: str


def machine(config: Config, threads: int | None, parallel: bool) -> Machine:
    """Chooses what the runs compute on.

    Args:
      config: of a run.
      threads: of `backend.start`.
      parallel: the runs' processes will choose; this one must not start JAX on a GPU, whose memory
        goes to the first that comes.
    """
    if parallel:
        return workers.apart(_machine, config, threads, True)
    return _machine(config, threads, False)


def _machine(config: Config, threads: int | None, parallel: bool) -> Machine:
    backend.start(config.device, threads, deterministic=config.deterministic)
    devices = jax.local_device_count()
    described, processes = device.described(), 0
    if parallel:
        processes = devices * device.served()
        each = "one run" if processes == devices else f"{processes // devices} runs"
        described += f", {each} on each"
    return Machine(devices, processes, threads, described)


def do(configs: Sequence[Config], watch: Watch, machine: Machine) -> None:
    """Does runs; those in a row that share a backbone and seed share what they can.

    Args:
      configs: of the runs, which share their data.
      watch: called with every row of a run's history, and with None when its results are written.
      machine: of `machine`.

    Raises:
      UserError: something that the user has to put right.
    """
    paths.require_inputs(configs[0])
    # Before a release is prepared, which can take hours.
    if machine.processes:
        workers.apart(_look_apart, configs, machine.threads)
    else:
        _look(configs)
    dataset = inputs.load_data(configs[0])
    if dataset.source == loading.DEMO:
        warn("DEMO DATA: synthetic phantoms; give --data PATH for the CBIS-DDSM release")
    summary.show_dropped(dataset, configs[0].background_size)
    if not machine.processes:
        work = _worker(dataset, 1)
        for config in configs:
            work(config, partial(watch, config))
            watch(config, None)
        return
    del dataset  # each process has its own
    start = partial(_start, configs[0], machine, console.level())
    for config, row in workers.each(configs, start, machine.processes):
        watch(config, row)


def _look(configs: Sequence[Config]) -> None:
    """Reads the weights of every backbone, so that what is wrong with them is said at once."""
    with hushed():  # each run says what it starts from
        for config in {config.backbone: config for config in configs}.values():
            inputs.load_model(config)


def _look_apart(configs: Sequence[Config], threads: int | None) -> None:
    """The same in a process that then ends, where others will choose their devices."""
    backend.start(configs[0].device, threads, deterministic=configs[0].deterministic)
    _look(configs)


def _start(first: Config, machine: Machine, level: Level, number: int) -> Work:
    """Work in a process of its own; what all of these would say is said by the first."""
    share = Share(number, machine.processes, machine.devices)
    backend.start(first.device, machine.threads, deterministic=first.deterministic, share=share)
    with hushed():
        do = _worker(inputs.load_data(first), machine.processes)

    def work(config: Config, tell: Callable[[dict], None]) -> None:
        with telling(Level.HUSHED if number else level):
            do(config, tell)

    return work


def _worker(dataset: Dataset, sharers: int) -> Work:
    """Work that keeps what the runs of one backbone and seed share, until another group's turn."""
    group: tuple[str, int] | None = None
    shared: Shared | None = None

    def work(config: Config, tell: Callable[[dict], None]) -> None:
        nonlocal group, shared
        if group != (config.backbone, config.seed):
            shared = None  # the activations of the group before make room
            start = inputs.with_notes_on_masks(config, dataset, inputs.load_model(config))
            shared = Shared(dataset, start, Kept({}, sharers))
            group = config.backbone, config.seed
        with hushed():
            one_run.run(config, shared, on_epoch=tell)

    return work
