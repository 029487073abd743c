"""Which folders a command may write to, and who else may meanwhile."""

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


def test_two_processes_cannot_have_one_folder_and_an_error_gives_it_back(tmp_path):
    def fail():
        with folders.lock(tmp_path):
            with (
                pytest.raises(UserError, match="another process is running there"),
                folders.lock(tmp_path),
            ):
                pass
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as kept:  # noqa: F841 - its frames are kept, too
        fail()
    with folders.lock(tmp_path):
        folders.require_seen(tmp_path)


def test_a_folder_that_nobody_has_locked_is_of_another_disk(tmp_path):
    with pytest.raises(UserError, match="is not the first host's folder"):
        folders.require_seen(tmp_path)


def test_preparing_takes_turns_in_a_folder_that_is_made(tmp_path):
    with folders.turn(tmp_path / "new" / "place"):
        folders.require_seen(tmp_path / "new" / "place")
