"""Which folders a command may write to."""

import pytest

from jaxcbis import output
from jaxcbis.errors import UserError


def test_what_a_killed_process_leaves_does_not_occupy_a_folder(tmp_path):
    assert output.unused(tmp_path)
    (tmp_path / ".lock").touch()
    (tmp_path / ".results.json.partial").write_text("{")
    assert output.unused(tmp_path)
    (tmp_path / "results.json").write_text("{")
    assert not output.unused(tmp_path)


def test_two_processes_cannot_have_one_folder(tmp_path):
    held = output.lock(tmp_path)
    with pytest.raises(UserError, match="another process is running there"):
        output.lock(tmp_path)
    held.close()
    output.lock(tmp_path).close()
