"""An error names only options that the command has which meets it."""

import re
from pathlib import Path

import pytest

import jaxcbis
from jaxcbis.commands import main

ROOT = Path(jaxcbis.__file__).parent
#: Files with errors that only some commands meet.
MET = {
    "audit": {"audit"}, "detection": {"explain", "froc"}, "runs/explain.py": {"explain"},
    "runs/finished.py": {"audit", "explain", "export", "froc"}, "study": {"study"},
    "training/phase.py": {"study", "train"}, "report": {"report", "study", "train"},
    "records/history.py": {"study", "train"}, "records/predictions.py": {"report", "train"},
    "machine/files.py": {"report", "findings", "audit", "study", "train"},
    "data/exported.py": {"audit", "train"},
}  # fmt: skip
#: Those that name the command, or say `for a training`.
OF_OTHERS = re.compile(
    r"prepare --export|(?:export again with|or train with) --[a-z-]+|\"--resume\"$", re.MULTILINE
)


@pytest.mark.parametrize("place", MET)
def test_an_error_names_options_that_its_commands_have(place):
    commands = main.parser()._subparsers._group_actions[0].choices
    known = set.intersection(*(set(commands[name]._option_string_actions) for name in MET[place]))
    files = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("*.py"))
    assert files
    for file in files:
        text = OF_OTHERS.sub("", re.sub(r'""".*?"""|#.*', "", file.read_text(), flags=re.DOTALL))
        literals = " ".join(re.findall(r'"[^"\n]*"', text))
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", literals))
        assert named <= known, file
