"""A compiled program's text, read: which kernels a GPU starts, and what they do.

Outside of fusions each instruction is a kernel of its own, but for those that only name memory.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: Instructions that compute nothing; nor does one that waits for another, `copy-done` and so on.
_NAMES = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "after-all"}
_MOVES = {"copy", "transpose"}
_COMPUTATION = re.compile(r"^(ENTRY )?%(\S+) \(.*\{$")
_INSTRUCTION = re.compile(r"^  (?:ROOT )?%\S+ = (\(.*?\)|\S+) ([a-z][a-z-]*)\((.*)$")
_CALLED = re.compile(r"(?:calls|to_apply|body)=%([\w.-]+)")
_TARGET = re.compile(r'custom_call_target="([^"]+)"')
_DIMENSIONS = re.compile(r"^\w+\[([\d,]+)\]")

#: Of an array: its dimensions but ones, in order of length, as of all of its transposes.
Size = tuple[int, ...]


def size_of(shape: Iterable[int]) -> Size:
    """The size of an array of this shape."""
    return tuple(sorted(length for length in shape if length > 1))


class Instruction(NamedTuple):
    """One line of a computation.

    Attributes:
      shape: type, dimensions and layout of its result; several results in parentheses.
      opcode: what it does.
      rest: its operands and attributes.
    """

    shape: str
    opcode: str
    rest: str

    @property
    def size(self) -> Size:
        """Of its result; () for a number, and for several results."""
        found = _DIMENSIONS.match(self.shape)
        return size_of(map(int, found[1].split(","))) if found else ()


class Kernel(NamedTuple):
    """What a GPU starts in one go.

    Attributes:
      target: the library's function that it is, or ''.
      parts: the instruction or, of a fusion, those that are fused.
    """

    target: str
    parts: list[Instruction]

    def has(self, word: str) -> bool:
        """Whether a part's opcode holds the word."""
        return any(word in part.opcode for part in self.parts)

    def moved(self) -> set[Size]:
        """The arrays that it copies or transposes, whatever else it does."""
        return {part.size for part in self.parts if part.opcode in _MOVES}

    def only_moves(self) -> bool:
        """Whether it computes nothing."""
        return {part.opcode for part in self.parts} - _NAMES <= _MOVES


class Program:
    """The computations of `jax.stages.Compiled.as_text()`."""

    def __init__(self, text: str):
        self._computations: dict[str, list[Instruction]] = {}
        for line in text.splitlines():
            if found := _COMPUTATION.match(line):
                instructions = self._computations[found[2]] = []
                if found[1]:
                    self._entry = found[2]
            elif found := _INSTRUCTION.match(line):
                instructions.append(Instruction(*found.groups()))

    def entry(self) -> list[Kernel]:
        """The kernels that a call starts once: those outside of loops."""
        return list(self._kernels(self._entry))

    def loops(self) -> list[list[Kernel]]:
        """The kernels of a single turn of each loop."""
        return [
            list(self._kernels(_CALLED.findall(rest)[-1]))
            for instructions in self._computations.values()
            for _, opcode, rest in instructions
            if opcode == "while"
        ]

    def _kernels(self, computation: str) -> Iterator[Kernel]:
        for instruction in self._computations[computation]:
            _, opcode, rest = instruction
            if opcode in _NAMES or opcode.endswith("-done"):
                continue
            called = _CALLED.findall(rest)
            if opcode in ("call", "conditional"):
                for name in called:
                    yield from self._kernels(name)
            else:
                fused = [part for name in called for part in self._computations[name]]
                target = _TARGET.search(rest)
                is_fusion = opcode.startswith("fusion")
                yield Kernel(target[1] if target else "", fused if is_fusion else [instruction])
