"""Finds the backbone in a file: how its arrays are named, and inside which other module."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxcbis.models.weights.tables import Row

#: Classifiers of torchvision, timm and Keras, which are always replaced.
_UNUSED = re.compile(
    r"(.*\.)?(fc|classifier|head|pre_logits|last_linear)\..*"
    r"|(.*/)?(fc1|fc2|fc1000|predictions|probs|dense(_\d+)?)/.*"
)
_COUNT = ".num_batches_tracked"
#: The running average of a network that lies beside it: MoCo's encoder_k, BYOL's target, an EMA.
_AVERAGE = re.compile(
    r"(?:^|[./_])(?:ema|encoder_k|momentum|target|teacher|averaged|swa)(?:[./_]|$)"
)


class Found(NamedTuple):
    """The backbone in a file.

    Attributes:
      rows: the table that fits best.
      prefixes: in front of the names of every whole backbone in the file, the one taken first and
        running averages last; of one that is not whole, where there is none.
      arrays: of the backbone by their names behind the prefix, less the classifier's.
      others: names in the file of what is beside it.
    """

    rows: Sequence[Row]
    prefixes: list[str]
    arrays: dict[str, np.ndarray]
    others: list[str]

    @property
    def sources(self) -> set[str]:
        """The names that the table asks for."""
        return _sources(self.rows)

    @property
    def likeness(self) -> float:
        """The share of names that file and table have in common."""
        wanted = self.sources
        return len(wanted & self.arrays.keys()) / len(wanted | self.arrays.keys())


def find(arrays: Mapping[str, np.ndarray], namings: Iterable[Sequence[Row]]) -> Found:
    """Finds the naming and the prefix with the most arrays of a backbone.

    Args:
      arrays: by the file's names.
      namings: tables that name the same parameters in several ways, the usual one first.
    """
    tried = [(rows, _prefixes(arrays, _sources(rows))) for rows in namings]
    shares = [max(counts.values()) / len(_sources(rows)) for rows, counts in tried]
    # A few names that agree by chance make no naming.
    rows, counts = tried[shares.index(max(shares)) if max(shares) > 0.5 else 0]
    most = max(counts.values())
    prefixes = sorted((prefix for prefix, n in counts.items() if n == most), key=is_average)
    if most < len(_sources(rows)):
        prefixes = prefixes[:1]
    roots = {_root(source) for source in _sources(rows)}
    taken, others = {}, []
    for name, array in arrays.items():
        inner = name.removeprefix(prefixes[0])
        if name.endswith(_COUNT):
            continue
        if name.startswith(prefixes[0]) and _root(inner) in roots:
            taken[inner] = array
        elif not _UNUSED.fullmatch(name):
            others.append(name)
    return Found(rows, prefixes, taken, others)


def is_average(prefix: str) -> bool:
    """Whether a prefix is that of the running average of a network, by its usual names."""
    return _AVERAGE.search(prefix) is not None


def _sources(rows: Iterable[Row]) -> set[str]:
    return {source for row in rows for source in row.sources}


def _prefixes(names: Iterable[str], sources: set[str]) -> Counter[str]:
    """How many sources there are behind each prefix; the empty one is always among them."""
    counts = Counter({"": 0})
    for name in names:
        counts.update(prefix for prefix in _parents(name) if name[len(prefix) :] in sources)
    return counts


def _parents(name: str) -> Iterator[str]:
    yield ""
    yield from (name[: mark.end()] for mark in re.finditer(r"[./]", name))


def _root(name: str) -> str:
    """The outermost part of a name; where it is numbered, that of any number."""
    root = re.split(r"[./]", name, maxsplit=1)[0]
    return root if root.isdecimal() else re.sub(r"\d+", "#", root)
