"""The documentation names what is there, its links lead somewhere, and its Python runs."""

import json
import re
import runpy
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.__main__ import COMMANDS
from jaxcbis.commands.main import main
from jaxcbis.designs import BACKBONES
from jaxcbis.labels import LABELS
from jaxcbis.mammograms.figures import literature
from tests import processes, tiny_mammogram, tiny_run
from tests.conftest import ROOT

DOCS = ROOT / "docs"
DOCUMENTS = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
#: Rows of the table of benchmarks, by what stands in their first cell.
BENCHMARKS = {
    line.split("|")[1].strip(): line
    for line in (DOCS / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `python -m benchmarks")
}


def name(document: Path) -> str:
    return str(document.relative_to(ROOT))


@cache
def anchors(document: Path) -> set[str]:
    """What a link may name of a document: its headings, as GitHub and MkDocs spell them."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if document.is_relative_to(DOCS):
            assert target.is_relative_to(DOCS), f"{link} is not on the site"
        assert not anchor or anchor in anchors(target), link


def test_they_name_files_that_are_there():
    """Python files by the end of their path, tests by the whole of it, as commands have them."""
    packages = ("jaxcbis", "tfds_cbis", "benchmarks", "tests", "docs")
    places = [ROOT / "run.py", *(path for name in packages for path in (ROOT / name).rglob("*.py"))]
    files = {f"/{path.relative_to(ROOT)}" for path in places}
    assert len(DOCUMENTS) > 20
    for document in DOCUMENTS:
        for quoted in re.findall(r"`([^`]+)`", document.read_text(encoding="utf-8")):
            for named in re.findall(r"(?<![\w/.])[\w/]+\.py\b", quoted):
                assert any(file.endswith(f"/{named}") for file in files), f"{document}: {named}"
            for named in re.findall(r"(?<![\w/.])tests/[\w/]+", quoted):
                assert (ROOT / named).exists() or (ROOT / f"{named}.py").exists(), named


@pytest.mark.parametrize("cell", BENCHMARKS)
def test_a_row_names_only_options_of_its_benchmark(cell):
    named = re.match(r"`python -m benchmarks ?([a-z][\w-]*)?", cell)[1]
    module = import_module(f"benchmarks.{COMMANDS[named] if named else '__main__'}")
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", BENCHMARKS[cell]))
    assert options <= set(module._parser()._option_string_actions)


def test_every_benchmark_has_a_row():
    named = {re.match(r"`python -m benchmarks ?([a-z][\w-]*)?", cell)[1] for cell in BENCHMARKS}
    assert named == {None, *COMMANDS}


def test_the_glossary_is_that_of_a_report():
    made = runpy.run_path(str(DOCS / "making" / "glossary.py"))
    text = made["PAGE"].read_text(encoding="utf-8")
    assert made["fill"](text) == text, "run python docs/making/glossary.py"


def test_what_others_report_is_what_runs_hold_of_it():
    made = runpy.run_path(str(DOCS / "making" / "literature.py"))
    text = made["PAGE"].read_text(encoding="utf-8")
    assert made["fill"](text) == text, "run python docs/making/literature.py"
    assert all(f"| {of.auc:g} | {of.split} |" in text for of in literature.FIGURES)


def python(document: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / document).read_text("utf-8"), re.DOTALL)


def test_the_data_set_alone(demo_dir, capsys):
    """The block that needs no model, on the smaller demo set."""
    assert main(["prepare", "--data-dir", str(demo_dir), "--quiet"]) == 0
    (prepared,) = demo_dir.glob("cbis_ddsm_demo-*")
    (block,) = python("data.md")
    named = '"cbis_ddsm_patches/paper"'
    assert named in block
    capsys.readouterr()
    exec(block.replace(named, f"{named}, data_dir={str(prepared)!r}"), {})
    assert re.fullmatch(r"\S+ \(\d+, \d+, 1\) \[.*\]\n", capsys.readouterr().out)


#: Blocks of Python as a user has them, in one process in which JAX has not started. The tiny
#: network stands for ResNet50.
RUN = """
import json, os, sys
import cv2, jax
import tests.tiny
from jaxcbis.designs import BACKBONES
BACKBONES["resnet50"] = BACKBONES["tiny"]
before = dict(os.environ)
os.chdir(sys.argv[1])
names = {}
for block in json.loads(open("blocks.json").read()):
    exec(block, names)
    print("----")
changed = {key for key in before | os.environ if before.get(key) != os.environ.get(key)}
changed -= {"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"}  # scikit-learn's
print(json.dumps(sorted(changed)))
"""


def test_the_python_runs_and_leaves_the_environment_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(BACKBONES, "resnet50", BACKBONES["tiny"])
    folder = tmp_path / "runs" / "resnet50-s2-paper-seed0"
    tiny_run.write(folder, backbone="resnet50", lesion_side=16.4)
    tiny_mammogram.write(tmp_path / "runs" / "whole")
    patch = np.random.default_rng(1).integers(0, 256, (17, 50)).astype(np.uint8)
    for name, pixels in (("patch", patch), ("mammogram", tiny_mammogram.film(90, 64))):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    readme = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    blocks = [*readme, *python("own-data.md"), *python("explain.md"), *python("python.md"),
              *python("mammograms.md")]  # fmt: skip
    blocks = [block for block in blocks if "jaxcbis.train" not in block]  # doctests do that
    assert len(blocks) == 8
    untouched = {key: value for key, value in processes.ENVIRONMENT.items() if key != "NPROC"}
    (tmp_path / "blocks.json").write_text(json.dumps(blocks))
    said = processes.run(tmp_path, program=("-c", RUN), env=untouched)
    of_readme, _, of_sweep, *_, of_whole, end = said.split("----\n")
    assert of_readme.split()[0] in LABELS
    assert json.loads(end) == []
    assert of_sweep.startswith("(")
    assert (tmp_path / "patch-explained.png").exists()
    label, probability, *_ = of_whole.split()
    assert label in ("malignant", "benign")
    assert 0 < float(probability) < 1
    for name in ("model.stablehlo", "mammogram-explained.png", "whole.stablehlo"):
        assert (tmp_path / name).exists()
