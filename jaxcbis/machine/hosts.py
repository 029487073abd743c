"""Several hosts in one run: connecting them, what each one does, and losing one.

All run the same program on the same data, and so take the same decisions; `sharding` divides the
work between them. Only the first one writes and reports. For a run on one host nothing here starts
JAX.
"""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from jaxcbis.config import CLUSTER
from jaxcbis.errors import UserError, first_line

#: Seconds that hosts wait for each other at the start.
JOINING = 60
#: Seconds without a sign of life after which a host counts as lost.
HEARTBEAT = 20
#: Seconds that the others wait at the end, while the first one evaluates and writes.
WRITING = 3600
LOST = (
    "another host of this run was lost or has stopped; see what it said, then start all of them "
    "again with --resume, fewer if need be"
)
#: What JAX says then.
_SIGNS = ("Gloo", "NCCL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "oordination service")


@contextmanager
def joined(
    coordinator: str | None, num_processes: int | None, process_id: int | None
) -> Iterator[None]:
    """Connects this host with the others of a run, if there are any, for as long as it lasts.

    Must come before JAX computes anything. Within it an error that comes of a lost host is told as
    one.

    Args:
      coordinator, num_processes, process_id: the options of the same name.

    Raises:
      UserError: the others were not reached, or one was lost.
    """
    if coordinator is None:
        yield
        return
    import jax

    # A CPU would run a step and the next one's preparation at once, in another order on each host,
    # and one's message would be taken for the other's.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    try:
        jax.distributed.initialize(
            None if coordinator == CLUSTER else coordinator,
            num_processes,
            process_id,
            initialization_timeout=JOINING,
            heartbeat_timeout_seconds=HEARTBEAT,
            shutdown_timeout_seconds=WRITING,
        )
    except ValueError as error:  # what it lacks is not in the environment
        raise UserError(
            f"--coordinator {CLUSTER}: found no cluster; start it by srun or mpirun, or give "
            f"HOST:PORT, --num-processes and --process-id ({first_line(error)})"
        ) from error
    except RuntimeError as error:
        raise UserError(
            f"--coordinator {coordinator}: the hosts of the run did not meet there within "
            f"{JOINING} s ({first_line(error)}); start all of them, with one address and number"
        ) from error
    try:
        yield
    except (RuntimeError, ValueError, UserError) as error:
        if _comes_of_a_lost_host(error):
            raise UserError(LOST) from error
        raise
    jax.distributed.shutdown()  # waits for the others, so not where one may be lost


def first() -> bool:
    """Whether this host is the one that writes and reports."""
    if _alone():
        return True
    import jax

    return jax.process_index() == 0


def share(count: int) -> range:
    """Those of `count` items that this host is to read."""
    if _alone():
        return range(count)
    import jax

    return range(jax.process_index(), count, jax.process_count())


def exchange(arrays: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Gives every host the arrays of all, which may differ in shape; called by all of them.

    Args:
      arrays: of this host, as many as on every other one.

    Returns:
      The arrays of each host, in the order of the hosts.
    """
    if _alone():
        return [list(arrays)]
    from jax.experimental import multihost_utils

    file = io.BytesIO()
    np.savez(file, *arrays)
    content = np.frombuffer(file.getbuffer(), np.uint8)
    sizes = multihost_utils.process_allgather(np.array(len(content)))
    padded = np.zeros(sizes.max(), np.uint8)
    padded[: len(content)] = content
    gathered = multihost_utils.process_allgather(padded)
    files = [
        np.load(io.BytesIO(row[:size].tobytes())) for row, size in zip(gathered, sizes, strict=True)
    ]
    return [[file[name] for name in file.files] for file in files]


def least(value: float) -> float:
    """The least of the hosts' values; called by all of them."""
    if _alone():
        return value
    from jax.experimental import multihost_utils

    return float(multihost_utils.process_allgather(np.array(value, np.float32)).min())


def of_first(decision: bool) -> bool:
    """What the first host decides, for all; called by all of them.

    Where one hangs on a clock or a disk, every host might decide by itself otherwise, and wait for
    the others in another place.
    """
    if _alone():
        return decision
    from jax.experimental import multihost_utils

    return bool(multihost_utils.broadcast_one_to_all(np.array(decision)))


def wait_for_all(name: str) -> None:
    """Goes on when all hosts have come here."""
    if not _alone():
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(name)


def tells_of_a_lost_host(text: str) -> bool:
    """Whether JAX said that, in an error or in what it wrote before it ended the process."""
    return any(sign in text for sign in _SIGNS)


def _alone() -> bool:
    """Whether this process is connected with no other; one that has not loaded JAX is not."""
    if "jax" not in sys.modules:
        return True
    import jax

    return not jax.distributed.is_initialized()


def _comes_of_a_lost_host(error: BaseException | None) -> bool:
    while error is not None:
        if tells_of_a_lost_host(str(error)):
            return True
        error = error.__cause__
    return False
