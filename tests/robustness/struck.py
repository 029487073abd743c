"""python -m tests.robustness.struck PLACE SECONDS SIGNAL WORD..: a command struck from within.

A while after the command has first entered a function of jaxcbis it sends itself a signal. With 0
for a signal nothing strikes, and the last line on the screen tells, as JSON, how many seconds it
spent in each of PLACES.
"""

import json
import os
import sys
import threading
import time
from importlib import import_module

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.commands import main as commands

PLACES = (
    "training.kept_activations.compute",
    "training.checkpoints.save",
    "evaluation.activation_maps.logits",
    "evaluation.activation_maps.maps",
    "training.checkpoints.save_model",
    "evaluation.localization.score",
    "report.figures.of_run.write",
    "report.page.gallery.write",
    "report.page.document.write",
)


def main(struck: str, seconds: float, number: int, words: list[str]) -> None:
    spent: dict[str, float] = {}

    def watch(place: str) -> None:
        module, name = place.rsplit(".", 1)
        owner = import_module(f"jaxcbis.{module}")
        function = getattr(owner, name)

        def watched(*arguments, **named):
            if number and place == struck and place not in spent:
                strike = threading.Timer(seconds, os.kill, (os.getpid(), number))
                strike.daemon = True
                strike.start()
            began = time.monotonic()
            try:
                return function(*arguments, **named)
            finally:
                spent[place] = spent.get(place, 0) + time.monotonic() - began

        setattr(owner, name, watched)

    for place in PLACES:
        watch(place)
    try:
        commands.start(words)
    except SystemExit:
        print(json.dumps(spent))
        raise


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
