"""Many images at once: each by itself, none in the place of another one, nothing lost."""

import gc
import json
import unicodedata
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxcbis.commands.main import main
from jaxcbis.data import pictures
from jaxcbis.detection import overlay
from jaxcbis.errors import UserError
from jaxcbis.runs import explain_places
from tests import tiny_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("many") / "run", lesion_side=16.0)


@pytest.fixture
def undrawn(monkeypatch):
    """Sweeps leave an empty file for their picture, which takes most of their time."""
    monkeypatch.setattr(overlay, "write", lambda path, *_: path.write_bytes(b""))


def write(path: Path, *, seed=0, size=(18, 24)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, size[::-1]).astype(np.uint8)
    Image.fromarray(pixels).save(path, format="PNG")
    return path


@pytest.fixture
def images(tmp_path):
    return [write(tmp_path / f"{name}.png", seed=i) for i, name in enumerate("abc")]


def explained(code, *words):
    assert main(["explain", *map(str, words)]) == code


def test_one_bad_image_does_not_keep_the_others(run, images, tmp_path, capsys):
    small = write(tmp_path / "small.png", size=(4, 4))
    words = (images[0], small, tmp_path / "none.png", images[1], "--run", run)
    out = tmp_path / "out"
    explained(2, *words, "--output", out, "--json", tmp_path / "a.json")
    said, (line,) = (lambda told: (told.out, told.err.splitlines()))(capsys.readouterr())
    none = tmp_path / "none.png"
    assert line == f"jaxcbis: 2 of 4 images not explained: {small}, {none}"
    for path in (small, none):  # each once when it failed, and once in the last line
        assert said.count(str(path)) == 1
    assert f"{small}: 4 x 4 pixels" in said
    found = json.loads((tmp_path / "a.json").read_text())
    assert [item["image"] for item in found["images"]] == [str(images[0]), str(images[1])]
    assert [item["image"] for item in found["failed"]] == [str(small), str(tmp_path / "none.png")]
    reasons = [item["reason"] for item in found["failed"]]
    assert reasons[0] == "4 x 4 pixels, expected at least 8 x 8"
    assert reasons[1].startswith("cannot be read, No such file or directory; expected an image")
    assert found["status"] == "finished"
    assert {file.name for file in out.iterdir()} == {"a-cam.png", "b-cam.png"}


def test_a_single_image_that_fails_is_told_once(run, tmp_path, capsys):
    small = write(tmp_path / "small.png", size=(4, 4))
    explained(2, small, "--run", run, "--output", tmp_path / "out")
    told = capsys.readouterr()
    assert told.err == f"jaxcbis: {small}: 4 x 4 pixels, expected at least 8 x 8\n"
    assert str(small) not in told.out


def test_many_that_fail_are_counted(run, images, tmp_path, capsys):
    none = ["a", *(f"{i}.png" for i in range(29))]
    explained(2, *none, images[0], "--run", run, "--output", tmp_path / "out")
    told = capsys.readouterr()
    assert "\na: cannot be read" in told.out
    (line,) = told.err.splitlines()
    assert line.endswith(f"30 of 31 images not explained: {', '.join(none[:20])} and 10 more")


def test_json_alone_stays_json(run, images, tmp_path, capsys):
    small = write(tmp_path / "small.png", size=(4, 4))
    explained(2, small, *images, "--run", run, "--output", tmp_path / "out", "--json", "-")
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert len(found["images"]) == 3
    assert [item["image"] for item in found["failed"]] == [str(small)]
    (line,) = told.err.splitlines()
    assert f"1 of 4 images not explained: {small}: " in line


@pytest.mark.usefixtures("undrawn")
def test_a_sweep_names_the_image_that_is_smaller_than_a_window(
    run, images, tmp_path, capsys, monkeypatch
):
    """Also where the words on it hold its name."""
    monkeypatch.chdir(tmp_path)
    small = write(Path("m"), size=(12, 10))
    words = (small, images[0], "--sweep", "--run", run, "--output", tmp_path / "out")
    explained(2, *words)
    assert f"1 of 2 images not explained: {small}: the mammogram has" in capsys.readouterr().err
    assert (tmp_path / "out" / "a-sweep.png").exists()


@pytest.mark.parametrize("to", ["file", "-"])
def test_an_interrupt_keeps_what_was_answered(run, images, tmp_path, capsys, monkeypatch, to):
    read = pictures.read

    def interrupted(path):
        if path == images[2]:
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(pictures, "read", interrupted)
    file = tmp_path / "a.json"
    words = (*images, "--run", run, "--output", tmp_path / "out")
    explained(130, *words, "--json", "-" if to == "-" else file)
    told = capsys.readouterr()
    found = json.loads(told.out if to == "-" else file.read_text())
    assert [item["image"] for item in found["images"]] == [*map(str, images[:2])]
    assert found["status"] == "interrupted"


@pytest.mark.usefixtures("undrawn")
def test_one_image_is_in_memory_at_a_time(run, images, tmp_path, monkeypatch):
    read, seen = pictures.read, []

    def counted(path):
        gc.collect()
        assert not any(each() is not None for each in seen)
        picture = read(path)
        seen.append(weakref.ref(picture.pixels))
        return picture

    monkeypatch.setattr(pictures, "read", counted)
    explained(0, *images, "--run", run, "--output", tmp_path / "out")
    explained(0, *images, "--sweep", "--run", run, "--output", tmp_path / "out")
    assert len(seen) == 6


def test_every_image_has_a_picture_of_its_own(run, tmp_path):
    """The third's number would be the second's name; the last differs in its suffix alone."""
    names = ["a.png", "x/a.png", "a-2.png", "a.dcm"]
    given = [write(tmp_path / name, seed=i) for i, name in enumerate(names)]
    out = tmp_path / "out"
    explained(0, *given, "--run", run, "--output", out, "--json", tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())["images"]
    drawn = [Path(item["cam"]) for item in found]
    assert [file.name for file in drawn] == [
        "a-cam.png", "a-3-cam.png", "a-2-cam.png", "a-4-cam.png",
    ]  # fmt: skip
    assert len({file.read_bytes() for file in drawn}) == 4


def names_of(*images):
    found = explain_places.pictures([*map(Path, images)], Path("out"), "cam")
    return [file.name.removesuffix("-cam.png") for file in found]


def test_names_that_a_disk_may_take_for_one_differ():
    spelled = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    assert names_of("A.png", "x/a.png") == ["A", "a-2"]
    first, second = names_of(*(f"{name}.png" for name in spelled))
    assert unicodedata.normalize("NFC", second) == f"{unicodedata.normalize('NFC', first)}-2"


@pytest.mark.usefixtures("undrawn")
def test_names_stay_within_what_a_disk_takes(run, tmp_path):
    long = ["ä" * 120 + end + ".png" for end in "xy"]
    names = names_of(*long)
    assert len(set(names)) == 2
    assert max(len(name.encode()) for name in names) <= 204
    given = [write(tmp_path / name) for name in long]
    explained(0, *given, "--run", run, "--output", tmp_path / "out", "--sweep")
    assert len([*(tmp_path / "out").iterdir()]) == 2


def test_a_thousand_images_of_one_name():
    names = names_of(*(f"{i}/1-1.png" for i in range(1000)), "1-1-7.png")
    assert len(set(names)) == 1001
    assert names[-1] == "1-1-7"


def test_an_image_named_twice_is_answered_once(run, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = (images[1], "a.png", "./a.png", images[0], "--run", run, "--output", "out")
    explained(0, *words, "--json", "a.json")
    found = json.loads(Path("a.json").read_text())
    assert [item["image"] for item in found["images"]] == [str(images[1]), "a.png"]
    assert "2 names are of images named before: each is answered once" in found["notes"]


def test_no_image_is_overwritten(run, images, tmp_path, refused_here):
    pictured = write(tmp_path / "a-cam.png")
    before = pictured.read_bytes()
    words = ("explain", images[0], pictured, "--run", run, "--output", tmp_path)
    assert "would be overwritten" in refused_here(*words)
    assert pictured.read_bytes() == before
    # --json has taken the first image's place among the words
    swallowed = ("explain", images[1], "--run", run, "--output", tmp_path, "--json", images[0])
    assert "exists, and is no JSON" in refused_here(*swallowed)
    own = ("explain", images[1], "--run", run, "--output", tmp_path, "--json", images[1])
    assert "--json" in refused_here(*own)
    taken = ("explain", images[1], "--run", run, "--output", tmp_path, "--json")
    assert "its picture" in refused_here(*taken, tmp_path / "b-cam.png")


def test_places_are_tried_before_any_work(images, tmp_path, refused_here):
    """The run does not exist: that would be said later."""
    (tmp_path / "file").write_text("")
    words = ("explain", images[0], "--run", tmp_path / "none")
    assert "File exists; choose another" in refused_here(*words, "--output", tmp_path / "file")
    for file in (tmp_path, tmp_path / "none" / "a.json"):
        assert "give --json another FILE" in refused_here(
            *words, "--output", tmp_path, "--json", file
        )


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(explain_places.files, "reserve", full)
    with pytest.raises(UserError, match="Read-only file system; choose another --output"):
        explain_places.require_folder(tmp_path)
