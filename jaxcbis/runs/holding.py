"""The folder of a run held while it is computed, on one host or on several."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple, Protocol

from jaxcbis.machine import backend, device, hosts
from jaxcbis.machine.console import hushed
from jaxcbis.records import folders, results
from jaxcbis.runs import claim


class Placed(Protocol):
    """Options that say where a run is computed and where it goes."""

    @property
    def output(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def deterministic(self) -> bool: ...
    @property
    def coordinator(self) -> str | None: ...
    @property
    def num_processes(self) -> int | None: ...
    @property
    def process_id(self) -> int | None: ...


class Held(NamedTuple):
    """A run whose folder is its own.

    Attributes:
      before: its results so far, if it is resumed.
      threads: of XLA on a CPU.
      compile_seconds: spent on compiling since.
      finished: whether it is finished already, as the first host sees it.
    """

    before: dict | None
    threads: int
    compile_seconds: Callable[[], float]
    finished: bool


@contextmanager
def held(config: Placed, taken: Callable[[], dict | None]) -> Iterator[Held]:
    """Takes the folder, starts JAX and joins the other hosts. All but the first one say nothing.

    Args:
      config: of the run.
      taken: checks the folder, see `claim.take`; called before JAX starts, and again once no other
        process can change what the folder holds.

    Raises:
      UserError: the folder is not free, or JAX cannot start as asked.
    """
    folder = Path(config.output)
    if config.coordinator is None:  # of several hosts, each may look while another one does
        folders.require_free(folder)
    with folders.unmade_if_unused(folder):
        before = taken()
        with hosts.joined(config.coordinator, config.num_processes, config.process_id):
            threads = claim.threads_of(before) if before else None
            started = backend.start(config.device, threads, deterministic=config.deterministic)
            reports = hosts.first()
            with (
                nullcontext() if reports else hushed(),
                folders.lock(folder) if reports else nullcontext(),
                device.compile_clock() as compile_seconds,
            ):
                hosts.wait_for_all("the folder is taken")
                folders.require_seen(folder)
                # Another process may have finished the run while this one waited to begin.
                before = taken()
                finished = before is not None and before["status"] == results.FINISHED
                # Another host may still see an older file.
                finished = hosts.of_first(finished)
                yield Held(before, started.threads, compile_seconds, finished)
