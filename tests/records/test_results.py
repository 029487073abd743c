"""results.json is whole or not there, strict JSON, and in a stable order."""

import json
import os

import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.records import results
from tests.report.example_run import results as example


def test_round_trip_in_stable_order(tmp_path):
    run = example()
    path = tmp_path / "results.json"
    results.write(path, dict(reversed(run.items())) | {"extra": np.float32(0.5)})
    back = results.read(path)
    assert list(back) == [*results.KEYS, "extra"]
    assert {key: back[key] for key in run} == json.loads(json.dumps(run))
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_a_number_that_is_not_finite_is_refused_and_the_old_file_kept(tmp_path):
    path = tmp_path / "results.json"
    results.write(path, {"schema": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.write(path, {"schema": 1, "test": {"accuracy": float("nan")}})
    assert results.read(path) == {"schema": 1}


def test_a_full_disk_is_one_line_and_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    results.write(path, {"schema": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*results\.json: No space left on device"):
        results.write(path, {"schema": 1, "status": "finished"})
    assert results.read(path) == {"schema": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_of_an_earlier_version_has_null_for_what_was_added(tmp_path):
    run = example()
    for key in results.ADDED:
        del run[key]
    results.write(tmp_path / "results.json", run)
    found = results.read_run(tmp_path / "results.json")
    assert {found[key] for key in results.ADDED} == {None}
    assert found["test"] == json.loads(json.dumps(run["test"]))


def test_an_absent_folder_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="No such file or directory"):
        results.write(tmp_path / "absent" / "results.json", {"schema": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read .*No such file"),
        ("{", "no valid JSON"),
        ("[]", "schema None, expected 1"),
        ('{"schema": 2}', "schema 2, expected 1"),
    ],
)
def test_reading_what_is_no_result(tmp_path, text, message):
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        results.read(path)


def _umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask
