"""Trains on one of two hosts, whose clock may be ahead; run by test_hosts.py in processes.

Its arguments are the coordinator's address, the number of this process, by how much its clock runs
faster than a real one, and the folder of the checkpoints.
"""

import sys
import time
from pathlib import Path

from jaxcbis.machine import backend, hosts, sharding
from jaxcbis.models import backbones
from jaxcbis.training import fit as loop
from jaxcbis.training.batches import Splits
from tests import tiny  # noqa: F401 - registers its backbones
from tests.training.small import recipe, stripes


def main(address: str, number: str, speed: str, folder: str) -> None:
    monotonic = time.monotonic
    time.monotonic = lambda: monotonic() * float(speed)
    # The clock decides: after a checkpoint the fast one has waited long enough, the other has not.
    loop.CHECKPOINT_SHARE = 0.05
    with hosts.joined(address, 2, int(number)):
        backend.start("cpu")
        model = sharding.on_all(backbones.load("tiny", weights="random", seed=1).model)
        head = recipe(epochs=40, patience=40, phases=recipe().phases[:1])
        loop.fit(model, head, Splits(stripes(16, 0), stripes(8, 1)), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
