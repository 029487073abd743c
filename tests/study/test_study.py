"""The command `study`: it goes on where it was ended, and gives what single runs give."""

import contextlib
import dataclasses
import io
import json
import multiprocessing
import signal
import subprocess
import time

import pytest

from jaxcbis.config import Config, resolve
from jaxcbis.errors import UserError
from jaxcbis.records import folders
from jaxcbis.report import run_report
from jaxcbis.report.comparison import document
from jaxcbis.runs import claim
from jaxcbis.runs import run as one_run
from jaxcbis.study import cells, execution, tables
from jaxcbis.study.cells import Grid
from jaxcbis.study.execution import Machine
from jaxcbis.study.run import run
from tests import processes, stripes, tiny_run

if multiprocessing.parent_process():  # a study's own process, which imports this, draws nothing
    run_report.write = lambda *_: None

#: Two runs.
GRID = Grid(["tiny"], ["s2"], 1, ["random"], batch_sizes=(20,), backbone_rates=(3e-5, 3e-4))


def content(folder):
    return json.loads((folder / "study.json").read_text())


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Options of all runs."""
    file = stripes.write(tmp_path_factory.mktemp("study") / "patches.npz")
    return {"data": str(file), "image_size": stripes.SIZE, "epochs": 1}


@pytest.fixture(scope="module")
def studied(given, tmp_path_factory):
    """A study that was ended within its second run and went on: folder, study.json then, words."""
    folder = tmp_path_factory.mktemp("studied") / "study"

    def ends_in_the_second(config, shared, on_epoch):
        def interrupt(row):
            raise KeyboardInterrupt

        second = config.backbone_lr == GRID.backbone_rates[1]
        return do_whole(config, shared, interrupt if second else on_epoch)

    do_whole = one_run.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution.one_run, "run", ends_in_the_second)
        with pytest.raises(KeyboardInterrupt), tiny_run.no_reports():
            run(given, GRID, folder)
    before = content(folder)
    with contextlib.redirect_stdout(io.StringIO()) as said, tiny_run.no_reports():
        run(given, GRID, folder)
    return folder, before, said.getvalue()


def test_a_study_that_was_ended_goes_on(studied):
    folder, before, said = studied
    assert before["status"] == "interrupted"
    (done,) = before["cells"]
    assert "1 of them are done already" in said
    found = content(folder)
    assert found["status"] == "finished"
    assert found["cells"][0] == done  # with its seconds: not run again
    assert [row["hyperparameters"]["backbone_lr"] for row in found["cells"]] == [3e-5, 3e-4]
    (chosen,) = found["chosen"]
    assert chosen["run"] == min(found["cells"], key=lambda row: row["val_loss"])["run"]
    assert (
        found["notes"] == json.loads((folder / chosen["run"] / "results.json").read_text())["notes"]
    )
    for name in ("tables.md", "tables.tex", "report.html"):
        assert "tiny s2" in (folder / name).read_text()
    assert not (folder / "tables" / "differences.csv").exists(), "one model differs from none"


def test_its_runs_are_what_single_runs_are(given, studied, tmp_path):
    last = content(studied[0])["cells"][-1]
    sets = {key: last["hyperparameters"][key] for key in ("batch_size", "backbone_lr")}
    alone = {"backbone": "tiny", "strategy": "s2", "weights": "random", "output": str(tmp_path)}
    with tiny_run.no_reports():
        single = one_run.run(resolve(given | alone | sets))
    assert last["test"] == single["test"]
    assert last["localization"] == single["localization"]


def test_other_options_are_refused(given, studied):
    folder = studied[0]
    before = (folder / "study.json").read_bytes()
    with pytest.raises(UserError, match="patience was 7, is 3"):
        run(given | {"patience": 3}, GRID, folder)
    assert (folder / "study.json").read_bytes() == before


def test_the_folder_is_taken_before_it_is_looked_at(given, studied):
    """What another process is about to change says nothing."""
    with folders.lock(studied[0]), pytest.raises(UserError, match="another process"):
        run(given | {"patience": 3}, GRID, studied[0])


@pytest.mark.parametrize(("room", "last"), [(document, "write_study"), (tables, "write")])
def test_a_study_is_finished_once_all_is_written(given, studied, monkeypatch, room, last):
    folder = studied[0]
    path = folder / "study.json"
    (folder / "study.json").write_text(path.read_text().replace('"finished"', '"interrupted"', 1))

    def full(*arguments):
        raise UserError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(room, last, full)
        with pytest.raises(UserError, match="no room"):
            run(given, GRID, folder)
    assert content(folder)["status"] == "interrupted"
    run(given, GRID, folder)
    assert content(folder)["status"] == "finished"


class OfTests(Config):
    """Options whose arrival registers the backbones of tests in a process: it imports this."""


def test_a_run_in_a_process_of_its_own_is_what_it_is_in_a_row(given, studied, tmp_path):
    row = content(studied[0])["cells"][0]
    begun = json.loads((studied[0] / row["run"] / "results.json").read_text())
    config = cells.configure(given, cells.of(row), "random", tmp_path)
    told = []
    execution.do(
        [OfTests(**dataclasses.asdict(config))],
        lambda _, epoch: told.append(epoch and epoch["epoch"]),
        Machine(1, 1, claim.threads_of(begun), "a process"),
    )
    assert told == [0, 1, None]
    found = json.loads((tmp_path / row["run"] / "results.json").read_text())
    assert found["test"] == row["test"]
    assert found["localization"] == row["localization"]


def test_runs_side_by_side_have_a_device_each(given, tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "2")
    config = resolve(given)
    machine = execution.machine(config, 1, parallel=True)
    assert machine == Machine(2, 2, 1, "2 x cpu (cpu), one run on each")
    with pytest.raises(UserError, match="JAX finds no GPU"):
        execution.machine(dataclasses.replace(config, device="gpu"), 1, parallel=True)


@pytest.mark.full
@pytest.mark.parametrize("words", [[], ["--parallel", "runs"]])
def test_a_killed_study_goes_on(given, studied, tmp_path, words):
    folder = tmp_path / "study"
    command = [
        "study", "--data", given["data"], "--backbones", "tiny", "--strategies", "s2",
        "--weights", "random", "--image-size", stripes.SIZE, "--epochs", 1, "--output", folder,
        *words,
    ]  # fmt: skip
    environment = processes.ENVIRONMENT | {"JAX_NUM_CPU_DEVICES": "2" if words else "1"}
    with processes.begin(*command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if (folder / "study.json").exists() and content(folder)["cells"]:
                process.kill()
            time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL
    before = content(folder)
    assert before["status"] == "interrupted"
    said = processes.run(*command, env=environment)
    assert "of them are done already" in said
    if words:
        assert "on 2 x cpu (cpu), one run on each" in said
    after = {row["run"]: row for row in content(folder)["cells"]}
    assert len(after) == 6
    for row in before["cells"]:  # with its seconds: not run again
        assert after[row["run"]] == row
    last = content(folder)["cells"][-1]
    alone = cells.configure(given, cells.of(last), "random", tmp_path / "alone")
    with tiny_run.no_reports():
        found = one_run.run(alone)
    for part in ("test", "localization"):
        assert found[part] == last[part]


def test_what_hangs_on_the_backbone_is_kept_as_it_was_asked_for(studied):
    found = content(studied[0])
    assert found["config"]["output_stride"] is None
    assert found["config"]["head"] is None
    assert [(row["output_stride"], row["head"]) for row in found["cells"]] == [(32, "pool")] * 2


def test_a_study_of_before_there_was_a_choice_goes_on(given, studied):
    path = studied[0] / "study.json"
    before = path.read_text()
    old = json.loads(before)
    for name in ("output_stride", "head", "look_weight", "windows"):
        del old["config"][name]
    path.write_text(json.dumps(old))
    assert run(given, GRID, studied[0])["status"] == "finished"
    path.write_text(before)
    with pytest.raises(UserError, match="output_stride was None, is 16"):
        run(given | {"output_stride": 16}, GRID, studied[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--head", "flatten"), "--head flatten: resnet50 has"),
        (("--output-stride", 32), "--output-stride 32: vgg19 has"),
    ],
)
def test_what_one_of_the_backbones_cannot_take_is_refused_first(
    tmp_path, refused_here, words, said
):
    line = refused_here("study", *words, "--output", tmp_path / "study")
    assert said in line
    assert not (tmp_path / "study").exists()


def test_a_backbone_may_take_what_another_could_not(tmp_path, refused_here):
    """It is stopped by its weights alone."""
    words = ("--backbones", "vgg19", "--head", "flatten", "--weights", "a", "b")
    assert "got 2 for 1" in refused_here("study", *words, "--output", tmp_path / "study")


def test_weights_that_fit_no_backbone_are_refused_before_anything_is_made(tmp_path, refused_here):
    words = ("study", "--weights", "a.h5", "b.h5", "c.h5")
    line = refused_here(*words, "--output", tmp_path / "study")
    assert "got 3 for 2 backbones" in line
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("name", ["full", "file", "file/study"])
def test_a_folder_that_cannot_hold_a_study_is_refused(tmp_path, name, refused_here):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    line = refused_here("study", "--output", tmp_path / name)
    assert str(tmp_path / name) in line
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["thesis.tex"]
    assert (tmp_path / "full" / "thesis.tex").read_text() == "mine"
