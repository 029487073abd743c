"""Which folders a command may write to."""

import pytest

from jaxcbis.errors import UserError
from jaxcbis.records import folders


def test_what_a_killed_process_leaves_does_not_occupy_a_folder(tmp_path):
    assert folders.unused(tmp_path)
    (tmp_path / ".lock").touch()
    (tmp_path / ".results.json.partial").write_text("{")
    assert folders.unused(tmp_path)
    (tmp_path / "results.json").write_text("{")
    assert not folders.unused(tmp_path)


def test_two_processes_cannot_have_one_folder(tmp_path):
    held = folders.lock(tmp_path)
    with pytest.raises(UserError, match="another process is running there"):
        folders.lock(tmp_path)
    held.close()
    folders.lock(tmp_path).close()
