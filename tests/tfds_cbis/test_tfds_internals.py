"""What happens where TFDS is newer than the versions that were looked into."""

import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

import tfds_cbis
from tests.tfds_cbis.healthy_release import SIZE
from tfds_cbis import tfds_internals
from tfds_cbis.errors import CbisError

SAID = r"tensorflow-datasets 4\.10\.1 is newer .*pip install 'tensorflow-datasets<4\.10'"


def test_a_newer_tfds_is_refused_where_it_would_prepare_and_reads_all_the_same(
    healthy, tmp_path, monkeypatch
):
    tfds_cbis.prepare(healthy.folder, data_dir=tmp_path / "old", background_size=SIZE)
    monkeypatch.setattr(tfds, "__version__", "4.10.1")
    with pytest.raises(CbisError, match=SAID):
        tfds_cbis.prepare(healthy.folder, data_dir=tmp_path / "new", background_size=SIZE)
    again = tfds_cbis.prepare(healthy.folder, data_dir=tmp_path / "old", background_size=SIZE)
    assert len(again.as_data_source("test")) == 19


def test_a_newer_tfds_that_lacks_something_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tfds, "__version__", "4.10.1")
    monkeypatch.delattr("tensorflow_datasets.core.shuffle")
    monkeypatch.setitem(sys.modules, "tensorflow_datasets.core.shuffle", None)
    spec = importlib.util.spec_from_file_location("again", tfds_internals.__file__)
    with pytest.raises(ImportError, match=SAID):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_the_projects_requirement_has_the_same_bound():
    file = Path(__file__).resolve().parents[2] / "pyproject.toml"
    needed = tomllib.loads(file.read_text())["project"]["dependencies"]
    (bound,) = [each for each in needed if each.startswith("tensorflow-datasets")]
    assert bound.endswith(f"<{tfds_internals.UNKNOWN}")
