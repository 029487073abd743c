"""Which folders a command may write to, and who else may meanwhile."""

import subprocess
from contextlib import ExitStack, suppress

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


@pytest.mark.parametrize("made", [("runs", "a"), ("a",)])
def test_a_folder_that_was_made_in_vain_goes_again(tmp_path, made):
    folder = tmp_path.joinpath(*made)
    with suppress(UserError), folders.unmade_if_unused(folder):
        folder.mkdir(parents=True)
        with folders.lock(folder):
            raise UserError("no weights")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["there", "written", "taken"])
def test_a_folder_that_is_used_stays(tmp_path, kind):
    folder = tmp_path / "run"
    if kind == "there":
        folder.mkdir()
    with ExitStack() as held:
        with folders.unmade_if_unused(folder):
            folder.mkdir(exist_ok=True)
            if kind == "written":
                (folder / "results.json").touch()
            if kind == "taken":
                held.enter_context(folders.lock(folder))  # as another process has it
        assert folder.exists()


def test_a_folder_that_nobody_has_is_free(tmp_path):
    folders.require_free(tmp_path / "new")
    folders.require_free(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with folders.lock(tmp_path), pytest.raises(UserError, match="another process is running"):
        folders.require_free(tmp_path)
    folders.require_free(tmp_path)
