"""What README says of the commands, of the data set from Python, and of where things lie."""

import argparse
import dataclasses
import re
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS
from jaxcbis.commands.main import main, parser
from jaxcbis.config import Config

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
#: Rows of the table of commands, by what stands in their first cell.
ROWS = {line.split("|")[1].strip(): line for line in README.splitlines() if line.startswith("| `")}
OURS = [cell for cell in ROWS if "run.py" in cell or "jaxcbis" in cell or cell.startswith("`.. ")]
BENCHMARKS = [cell for cell in ROWS if cell.startswith("`python -m benchmarks")]


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def options_in(cell: str) -> set[str]:
    """Those that stand in a cell's row."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", ROWS[cell]))


def command_of(cell: str) -> str:
    named = re.match(r"`(?:python -m jaxcbis|\.\.) (\w+)", cell)
    return named.group(1) if named else "train"


def test_every_command_has_a_row():
    named = {command_of(cell) for cell in OURS}
    assert named | {"findings"} == set(commands())
    assert "`python -m jaxcbis findings docs`" in README  # it makes a page of ours


@pytest.mark.parametrize("cell", OURS)
def test_a_row_names_only_options_that_its_command_has(cell):
    assert options_in(cell) <= set(commands()[command_of(cell)]._option_string_actions)


@pytest.mark.parametrize("cell", BENCHMARKS)
def test_a_row_names_only_options_of_its_benchmark(cell):
    name = re.match(r"`python -m benchmarks ?([a-z][\w-]*)?", cell)[1]
    module = import_module(f"benchmarks.{COMMANDS[name] if name else '__main__'}")
    assert options_in(cell) <= set(module._parser()._option_string_actions)


def test_help_tells_every_default():
    text = " ".join(commands()["train"].format_help().split())
    for option in dataclasses.fields(Config):
        meta = option.metadata
        if meta["type"] is not bool:
            assert f"(default: {meta['shown'] or meta['default']}" in text, option.name


def test_the_data_set_from_python(demo_dir, tmp_path, capsys):
    """The snippet that needs no model, on the smaller demo set."""
    assert main(["prepare", "--data-dir", str(demo_dir), "--quiet"]) == 0
    (prepared,) = demo_dir.glob("cbis_ddsm_demo-*")
    snippets = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (snippet,) = (text for text in snippets if "tfds.builder" in text)
    name = '"cbis_ddsm_patches/paper"'
    assert name in snippet
    capsys.readouterr()
    exec(snippet.replace(name, f"{name}, data_dir={str(prepared)!r}"), {})
    said = capsys.readouterr().out
    assert re.fullmatch(r"\S+ \(\d+, \d+, 1\) \[.*\]\n", said)


def test_the_documents_name_files_that_are_there():
    """Python files by the end of their path, tests by the whole of it, as commands have them."""
    packages = ("jaxcbis", "tfds_cbis", "benchmarks", "tests")
    places = [ROOT / "run.py", *(path for name in packages for path in (ROOT / name).rglob("*.py"))]
    files = {f"/{path.relative_to(ROOT)}" for path in places}
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    assert len(documents) > 3
    for document in documents:
        for quoted in re.findall(r"`([^`]+)`", document.read_text()):
            for name in re.findall(r"(?<![\w/.])[\w/]+\.py\b", quoted):
                assert any(file.endswith(f"/{name}") for file in files), f"{document.name}: {name}"
            for name in re.findall(r"(?<![\w/.])tests/[\w/]+", quoted):
                assert (ROOT / name).exists() or (ROOT / f"{name}.py").exists(), name


def test_every_place_that_is_named_is_there():
    tree = README.split("## Finding your way")[1].split("```")[1]
    named = [line.split()[0] for line in tree.splitlines() if line and not line.startswith(" ")]
    assert named
    for place in named:
        assert (ROOT / place).exists(), place
