"""README is short, and what it says of commands, findings and speed is so."""

import argparse
import dataclasses
import json
import re

import pytest

from jaxcbis.commands.main import parser
from jaxcbis.config import Config
from jaxcbis.labels import LABELS
from jaxcbis.report import answer
from tests.conftest import ROOT
from tests.report import example_run

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Rows of the table of commands, by what stands in their first cell.
ROWS = {
    line.split("|")[1].strip(): line
    for line in README.splitlines()
    if line.startswith("| `jaxcbis")
}


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_it_is_short():
    assert len(README.splitlines()) <= 150


def test_two_commands_do_everything_on_a_fresh_machine():
    train, test = re.findall(r"```bash\n(.*?)\n```", README, re.DOTALL)
    for line in (train, test):
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -e ")
        assert "\n" not in line
    assert train.endswith(".venv/bin/python run.py --backbone resnet50 --strategy s2")
    assert test.endswith(".venv/bin/python -m pytest -n auto")


def test_the_ten_commands_that_most_people_need_have_a_row():
    named = [re.match(r"`jaxcbis (\w+)", cell)[1] for cell in ROWS]
    assert len(named) == len(set(named)) == 10
    assert set(named) <= set(commands())


def test_a_run_ends_as_it_says():
    """Line by line, but for figures, classes and verdicts, which are another run's."""

    def shape(line: str) -> str:
        classes = "|".join(LABELS)
        return re.sub(rf"\d\.\d\d|{classes}|better|worse|within noise", "_", line)

    (shown,) = re.findall(r"```text\n(.*?)\n```", section("Install and run the demo"), re.DOTALL)
    lines = answer.lines(example_run.results(demo=True))
    found = [f"{label:<9}{text}" for label, text in lines.items()]
    *told, report = shown.splitlines()
    assert [shape(line) for line in told] == [shape(line) for line in found]
    assert report == "Report   runs/resnet50-s2-paper-seed0/report.html"


@pytest.mark.parametrize("cell", ROWS)
def test_a_row_names_only_options_that_its_command_has(cell):
    command = commands()[re.match(r"`jaxcbis (\w+)", cell)[1]]
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", ROWS[cell])) <= set(
        command._option_string_actions
    )


def test_help_tells_every_default():
    text = " ".join(commands()["train"].format_help().split())
    for option in dataclasses.fields(Config):
        meta = option.metadata
        if meta["type"] is not bool:
            assert f"(default: {meta['shown'] or meta['default']}" in text, option.name


def test_what_we_found_is_what_the_audit_found():
    audit = json.loads((ROOT / "docs/results/looking.json").read_text())
    looking = audit["looking"]
    runs = {run["run"]: run for run in looking["runs"]}
    found = section("What we found")
    rows = [line.strip("| ").split(" | ") for line in found.splitlines() if line.startswith("| ")]
    table = {row[0]: row[1:] for row in rows}

    def spread(figure: dict) -> str:
        low, high = figure["ci95"]
        return f"{figure['value']:.2f} ({low:.2f} to {high:.2f})"

    for name, run in {
        "ResNet50 S2": "r50-s2-w0-s0",
        "ResNet50 S2, with the term": "r50-s2-w1-s0",
        "VGG19 S2": "v19-s2-w0-s0",
        "VGG19 S2, with the term": "v19-s2-w1-s0",
    }.items():
        assert (runs[run]["seed"], runs[run]["image_size"]) == (0, 224)
        figures = runs[run]["figures"]
        assert table[name] == [
            spread(figures["accuracy"]),
            spread(figures["malignancy_auc"]),
            f"{figures['pointing_game']['value']:.2f}",
            f"{figures['ll_score']['value']:.2f}",
        ]
    blind = runs["r50-s2-w0-s0"]["blind"].values()
    trivial = [row for row in audit["baselines"] if row["protocol"] == "shifted"]
    best = max(trivial, key=lambda row: row["accuracy"])
    assert table["best of those without a network"] == [
        spread({"value": best["accuracy"], "ci95": best["accuracy_ci95"]}),
        "–",
        *(
            f"{max(of[figure]['value'] for of in blind):.2f}"
            for figure in ("pointing_game", "ll_score")
        ),
    ]
    assert f"| {looking['n']['test']} test patches" in found
    covering = [
        f"{runs['r50-s2-w0-s0']['figures'][f'lesion_auc_{name}']['value']:.2f}"
        for name in ("intact", "covered", "elsewhere")
    ]
    assert re.findall(r"0\.\d\d", found.partition("They use it")[2])[:3] == covering


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("By overlap (LL), three do", "in pixel AP, 10 in the pointing game and 3 in the LL score"),
        ("Nine of ten plainly", "Of 10 runs plainly trained on shifted lesions, 9 beat every map"),
        ("(LL) rises by 0.13 to 0.28", "LL score is better in 9 of 9 comparisons (+0.13 to +0.28)"),
        (
            "malignancy AUC is worse in two and within noise in seven",
            "malignancy AUC is worse in 2, no different beyond noise in 7 of 9 comparisons",
        ),
        (
            "Accuracy is better in two, worse in one, and within noise in six",
            "accuracy is better in 2, worse in 1, no different beyond noise in 6 of 9 comparisons",
        ),
    ],
)
def test_what_we_found_is_what_the_findings_say(said, found):
    assert said in " ".join(README.split())
    assert found in " ".join((ROOT / "docs/findings.md").read_text(encoding="utf-8").split())


def test_speed_is_that_of_the_committed_results():
    def ratio(file: str, row: str) -> float:
        rows = json.loads((ROOT / "benchmarks/results" / file).read_text())["rows"]
        (found,) = (of["ratio"] for of in rows if (of["row"], of["model"]) == (row, "resnet50"))
        return round(found, 2)

    said = " ".join(section("What we found").partition("Speed beside")[2].split())
    assert [float(number) for number in re.findall(r"(\d\.\d\d)\b", said)] == [
        ratio("gpu-rows-resnet50-all.json", "train_all"),
        ratio("gpu-rows-resnet50-steps.json", "forward"),
        ratio("cpu-resnet50.json", "s1_run"),
        ratio("cpu-resnet50.json", "train_all"),
    ]
