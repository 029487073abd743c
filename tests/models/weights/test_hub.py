"""ImageNet weights from the hub's cache, and a quick end where there are none."""

import time

import huggingface_hub.constants
import huggingface_hub.errors
import pytest
from safetensors.numpy import save_file

from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.weights import hub
from tests import weights_file


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def unreachable(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}",
    )


def test_cached_weights_need_no_network(cache, unreachable):
    repo = cache / "models--timm--tiny.tv_in1k"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0" * 40)
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    save_file(weights_file.arrays("tiny"), snapshot / hub.FILE)

    ours, source, _ = backbones.load("tiny", weights="imagenet")
    direct, direct_source, _ = backbones.load("tiny", weights=str(snapshot / hub.FILE))
    assert source == direct_source | {"source": "timm/tiny.tv_in1k"}
    assert (ours.params["stem"]["conv"]["kernel"] == direct.params["stem"]["conv"]["kernel"]).all()


def test_downloads_what_is_not_cached(monkeypatch, tmp_path):
    def download(repo, file, local_files_only=False):
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("not here")
        assert (repo, file) == ("timm/vgg19.tv_in1k", "model.safetensors")
        return tmp_path / file

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert hub.fetch("vgg19") == tmp_path / hub.FILE


@pytest.mark.parametrize("offline", [False, True])
def test_unavailable_is_said_quickly_with_ways_out(cache, unreachable, offline):
    start = time.monotonic()
    with pytest.raises(hub.WeightsUnavailable, match=r"--weights FILE.*--weights random") as raised:
        backbones.load("vgg16", weights="imagenet", offline=offline)
    assert time.monotonic() - start < 3 * hub.PATIENCE_S
    assert isinstance(raised.value, UserError)
    assert "\n" not in str(raised.value)
