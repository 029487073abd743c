"""Where caches and data sets are kept, on machines with a HOME and without."""

import errno
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from jaxcbis.machine import places
from tests import full_disk


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder of this user in one for temporary files that is the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp" / f"jaxcbis-{os.getuid()}"


@pytest.fixture
def unwritable(tmp_path) -> Path:
    """A folder that nobody can make, not even root: a file stands in its way."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "home"


@pytest.fixture
def nobody(monkeypatch):
    """A user without an entry in passwd, as containers have."""

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_where_home_can_be_written_to_nothing_changes(tmp_path, temporary):
    home = {"HOME": str(tmp_path)}
    assert places.settle(home) == ({}, [])
    assert places.compiled(home) == tmp_path / ".cache" / "jaxcbis" / "compiled"
    assert not temporary.exists()
    assert not (tmp_path / "tensorflow_datasets").exists()


@pytest.mark.parametrize("cache", ["", ".", "cache", "~/cache"])
def test_a_cache_that_is_empty_or_not_absolute_counts_as_not_set(tmp_path, cache):
    """As the XDG Base Directory Specification has it."""
    given = {"HOME": str(tmp_path), "XDG_CACHE_HOME": cache}
    assert places.settle(given) == ({"XDG_CACHE_HOME": None}, [])
    assert places.compiled(given) == tmp_path / ".cache" / "jaxcbis" / "compiled"


def test_a_cache_that_is_set_is_taken(tmp_path, unwritable):
    given = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "mine")}
    assert places.settle(given) == ({}, [])
    assert places.compiled(given) == tmp_path / "mine" / "jaxcbis" / "compiled"
    refused = given | {"XDG_CACHE_HOME": str(unwritable)}
    found = places.settle(refused)
    assert str(unwritable) in found.said[0]
    assert set(found.changes) == {"XDG_CACHE_HOME", "MPLCONFIGDIR"}


@pytest.mark.parametrize(
    "name", ["HOME", "TFDS_DATA_DIR", "HF_HOME", "HF_HUB_CACHE", "MPLCONFIGDIR"]
)
def test_what_libraries_would_take_for_the_current_folder_is_left_out(name, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_home", lambda environment: tmp_path)
    assert places.settle({"HOME": str(tmp_path), name: ""}).changes == {name: None}


@pytest.mark.usefixtures("nobody")
def test_without_a_home_one_line_says_where_all_is_kept(temporary):
    for _ in range(2):  # the same place at the second start
        changes, (line,) = places.settle({})
        assert changes == {
            "XDG_CACHE_HOME": str(temporary / "cache"),
            "MPLCONFIGDIR": str(temporary / "cache" / "matplotlib"),
            "TFDS_DATA_DIR": str(temporary / "tensorflow_datasets"),
        }
        assert "no HOME" in line
        assert f"they are kept in {temporary}; set XDG_CACHE_HOME and TFDS_DATA_DIR" in line
    assert places.compiled(changes).parent.is_dir()


def test_without_home_it_is_what_the_system_has_for_the_user(tmp_path, monkeypatch):
    entry = pwd.struct_passwd(("me", "x", os.getuid(), 0, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda number: entry)
    assert places.settle({}) == ({}, [])
    assert places.compiled({}) == tmp_path / ".cache" / "jaxcbis" / "compiled"


def test_a_home_that_cannot_be_written_to_is_named(unwritable, temporary):
    changes, (line,) = places.settle({"HOME": str(unwritable)})
    assert changes["XDG_CACHE_HOME"] == str(temporary / "cache")
    assert f"{unwritable}/.cache" in line
    assert f"{unwritable}/tensorflow_datasets" in line
    assert "MPLCONFIGDIR" not in places.settle({"HOME": str(unwritable), "MPLCONFIGDIR": "/m"})[0]


def test_what_the_user_has_set_stays(unwritable, tmp_path):
    """Data sets have a folder of their own; what cannot be written there is an error."""
    given = {
        "HOME": str(unwritable), "XDG_CACHE_HOME": str(tmp_path), "TFDS_DATA_DIR": "/proc/no",
    }  # fmt: skip
    # Matplotlib would say that it takes another folder than one in HOME.
    matplotlib = {"MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    assert places.settle(given) == (matplotlib, [])
    for name in ("XDG_CONFIG_HOME", "MPLCONFIGDIR"):
        assert places.settle(given | {name: str(tmp_path)}) == ({}, [])


def test_a_home_that_cannot_be_searched_is_as_one_that_cannot_be_written_to(
    tmp_path, temporary, monkeypatch
):
    """As of root, in a container that runs as another user."""

    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    home = tmp_path / "home"
    home.mkdir()
    closed(home, monkeypatch)
    monkeypatch.setattr(Path, "glob", refused)
    changes, (line,) = places.settle({"HOME": str(home)})
    assert changes["TFDS_DATA_DIR"] == str(temporary / "tensorflow_datasets")
    assert f"{home}/tensorflow_datasets" in line


def closed(folder: Path, monkeypatch) -> None:
    """Has a folder refuse to be written to, which it cannot do to root."""
    real = os.access

    def access(path, mode):
        inside = Path(path).is_relative_to(folder)
        return not (inside and mode & os.W_OK) and real(path, mode)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr(places, "_takes", lambda cache: not cache.is_relative_to(folder))


def test_what_lies_in_a_home_that_is_only_read_is_found(tmp_path, monkeypatch):
    home = tmp_path / "home"
    weights = home / ".cache" / "huggingface" / "hub" / "models--timm--vgg16.tv_in1k"
    weights.mkdir(parents=True)
    (home / "tensorflow_datasets" / "cbis_ddsm_patches").mkdir(parents=True)
    closed(home, monkeypatch)
    changes, (line,) = places.settle({"HOME": str(home)})
    assert changes["HF_HOME"] == str(home / ".cache" / "huggingface")
    assert "TFDS_DATA_DIR" not in changes
    assert "TFDS_DATA_DIR" not in line
    (home / "tensorflow_datasets" / "cbis_ddsm_patches").rmdir()
    assert "TFDS_DATA_DIR" in places.settle({"HOME": str(home)}).changes
    changes, _ = places.settle({"HOME": str(home), "HF_HUB_CACHE": "/baked"})
    assert "HF_HOME" not in changes
    weights.rename(weights.with_name("models--others"))  # ours must be fetched, so kept elsewhere
    assert "HF_HOME" not in places.settle({"HOME": str(home)}).changes


def test_a_full_disk_is_no_place_for_a_cache(tmp_path, temporary):
    with full_disk.disk(tmp_path / "home", 8) as home:
        assert places.settle({"HOME": str(home)}) == ({}, [])
        full_disk.fill(home)
        changes, (line,) = places.settle({"HOME": str(home)})
    assert changes["XDG_CACHE_HOME"] == str(temporary / "cache")
    assert "data sets" in line


@pytest.mark.parametrize("made", ["open", "link", "file"])
def test_a_temporary_folder_that_another_may_have_made_is_not_taken(
    made, unwritable, temporary, tmp_path
):
    if made == "file":
        temporary.touch(0o600)
    elif made == "link":
        (tmp_path / "theirs").mkdir(0o700)
        temporary.symlink_to(tmp_path / "theirs")
    else:
        temporary.mkdir()
        temporary.chmod(0o777)
    changes, _ = places.settle({"HOME": str(unwritable)})
    found = Path(changes["XDG_CACHE_HOME"]).parent
    assert found != temporary
    assert found.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("nobody")
def test_without_any_folder_to_write_to_nothing_is_kept(monkeypatch):
    def none():
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    changes, (line,) = places.settle({})
    assert changes == {}
    assert line.endswith("or TMPDIR")
    assert places.compiled({}) is None


def test_a_data_set_among_temporary_files_is_told(unwritable, temporary, tmp_path):
    changes, _ = places.settle({"HOME": str(unwritable)})
    note = places.passing(changes)
    assert str(temporary / "tensorflow_datasets") in note
    assert "--data-dir" in note
    assert places.passing({}) is None
    mine = tmp_path / "jaxcbis-mine" / "tensorflow_datasets"  # in no folder for temporary files
    assert places.passing({"TFDS_DATA_DIR": str(mine)}) is None
