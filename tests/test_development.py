"""docs/development.md tells of the code as it is."""

import re

import jaxcbis.labels
import tfds_cbis.labels
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")


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


def test_program_and_data_set_have_the_same_classes():
    for name in ("LABELS", "BACKGROUND", "SUFFIXES"):
        assert getattr(jaxcbis.labels, name) == getattr(tfds_cbis.labels, name)
