"""CONTRIBUTING.md tells of the code as it is."""

import re
from pathlib import Path

import jaxcbis.labels
import tfds_cbis.labels
from jaxcbis.data import exported
from tests.conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_files_and_folders_are_there():
    named = set(re.findall(r"`([\w./-]+(?:\.py|\.md|\.toml|/))`", TEXT))
    assert len(named) > 40
    absent = [
        name for name in named if not any((ROOT / at / name).exists() for at in ("", "jaxcbis"))
    ]
    assert not absent


def test_every_room_has_its_floor():
    table = TEXT.partition("| floor of `jaxcbis/` |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`([\w./]+)`", table))
    rooms = {
        path.name + "/" * path.is_dir()
        for path in (ROOT / "jaxcbis").iterdir()
        if not path.name.startswith("__") and path.suffix in ("", ".py")
    }
    assert rooms <= told


def test_the_file_of_a_data_set_is_one(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "CONTRIBUTING.md", "exec"), {"__name__": "example"})
    dataset = exported.load(Path("mine.npz"), 64, "paper")
    assert {name: len(part) for name, part in dataset.splits.items()} == {
        "train": 40, "validation": 10, "test": 10,
    }  # fmt: skip


def test_program_and_data_set_have_the_same_classes():
    for name in ("LABELS", "BACKGROUND", "SUFFIXES"):
        assert getattr(jaxcbis.labels, name) == getattr(tfds_cbis.labels, name)
