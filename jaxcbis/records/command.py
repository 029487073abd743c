"""The command that repeats a run."""

import shlex
from collections.abc import Mapping
from typing import Any

from jaxcbis import config as options

#: Always said: they name the run, and defaults of other options hang on them.
_NAMED = ("backbone", "strategy")
#: Of the same kind, where a run did not take their defaults.
_LEADING = (*_NAMED, "data", "protocol")


def command(config: Mapping[str, Any]) -> str:
    """The words that repeat a run: its model, and each option that is not at its default.

    Where and how the run was computed is left out: its device, its hosts, its folders.

    Args:
      config: 'config' of results.json. Options that its version did not have count as at their
        defaults.

    Returns:
      One line for a POSIX shell, e.g. 'jaxcbis train --backbone vgg19 --strategy s1 --seed 1'.

    Raises:
      UserError: this version has no such backbone, strategy or protocol.

    >>> command({"backbone": "vgg19", "strategy": "s1", "data": None, "seed": 1})
    'jaxcbis train --backbone vgg19 --strategy s1 --seed 1'
    """
    leading = {name: config[name] for name in _LEADING if config.get(name) is not None}
    defaults = vars(options.resolve(leading)) | {"data": None, "protocol": options.PROTOCOLS[0]}
    names = [*_LEADING, *(name for name in defaults if name not in _LEADING)]
    words = ["jaxcbis", "train"]
    for name in names:
        value = config.get(name)
        if name in options.INCIDENTAL or value is None:
            continue
        if name in _NAMED or value != defaults[name]:
            words.append(f"--{name.replace('_', '-')}")
            words += [] if value is True else [str(value)]
    return shlex.join(words)
