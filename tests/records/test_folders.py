"""Which folders a command may write to, and who else may meanwhile."""

import subprocess

import pytest

from jaxcbis.errors import UserError
from jaxcbis.records import folders
from tests import processes


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


HOLDS = """
import sys
from pathlib import Path
from jaxcbis.records import folders
with folders.lock(Path(sys.argv[1])):
    print("has it", flush=True)
    sys.stdin.read()
"""


def test_another_process_has_the_folder_and_its_death_frees_it(tmp_path):
    with processes.begin(tmp_path, program=("-c", HOLDS), stdin=subprocess.PIPE) as other:
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(UserError, match="another process"), folders.lock(tmp_path):
            pass
        other.kill()
    with folders.lock(tmp_path):
        pass
