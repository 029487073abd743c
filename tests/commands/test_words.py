"""Help in groups, what was meant by a mistyped word, and what a shell completes."""

import argparse
import re
import subprocess

import pytest

from jaxcbis import config, flags
from jaxcbis.commands import completion, main

COMMANDS = main.parser()._subparsers._group_actions[0].choices


def test_no_words_give_help_and_the_code_of_bad_usage(capsys):
    assert main.main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for name in COMMANDS:
        assert re.search(rf"^    {name} ", said.err, re.MULTILINE), name


def test_every_option_is_in_one_group():
    members = [name for group in config.GROUPS.values() for name in group]
    assert sorted(members) == sorted(config.NAMES)


def test_help_of_a_training_is_in_groups(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = COMMANDS["train"].format_help()
    headings = re.findall(r"^([a-z][a-z ]*):$", text, re.MULTILINE)
    assert headings == [
        "options", "data", "model", "training", "maps", "output", "several hosts",
    ]  # fmt: skip
    output = text.split("\noutput:\n")[1].split("\n\n")[0]
    assert re.findall(r"^  (--[a-z]+)", output, re.MULTILINE) == [
        "--output", "--resume", "--like", "--quiet", "--verbose",
    ]  # fmt: skip
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained_in_sentences(name):
    command = COMMANDS[name]
    texts = [action.help for action in command._actions if action.dest != "help"]
    for text in (command.description, *texts):
        assert text, name
        assert text[0].isupper(), text
        assert text.endswith("."), text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "no command 'trian'; did you mean train? See jaxcbis --help"),
        (["frobnicate"], "no command 'frobnicate'; see jaxcbis --help"),
        (
            ["train", "--bakcbone", "vgg19"],
            "unrecognized arguments: --bakcbone vgg19; did you mean --backbone? "
            "See jaxcbis train --help",
        ),
        (["show", "--parts", "a"], "unrecognized arguments: --parts; see jaxcbis show --help"),
        (
            ["train", "--backbone", "resnet5"],
            "--backbone resnet5: expected one of vgg16, vgg19, resnet34, resnet50; did you mean "
            "resnet50? See jaxcbis train --help",
        ),
        (
            ["study", "--output", "s", "--parallel", "all"],
            "--parallel all: expected runs; see jaxcbis study --help",
        ),
        (
            ["--print-completion", "zch"],
            "--print-completion zch: expected one of bash, zsh, fish, tcsh; did you mean zsh?",
        ),
    ],
)
def test_what_may_have_been_meant_is_told(words, said, refused_here):
    line = refused_here(*words)
    if "resnet5:" in line:  # where the backbones of tests are registered, too
        line = re.sub(r", tiny[\w, ]*", "", line)
    assert line == f"jaxcbis: {said}"


COMPLETE = """
. "$1"
complete -p jaxcbis > /dev/null || exit 1
ask() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _shtab_jaxcbis
    echo "${COMPREPLY[@]}"
}
ask jaxcbis tr
ask jaxcbis train --backbone v
ask jaxcbis show "$2"
ask jaxcbis train --weights "$2"
"""


def test_bash_completes_commands_choices_folders_and_files(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["--print-completion", "bash"])
    assert not ended.value.code
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run.h5").touch()
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", script, tmp_path / "run"], capture_output=True, text=True
    )
    commands, backbones, folders, files = done.stdout.splitlines()
    assert commands == "train"
    assert backbones.split() == ["vgg16", "vgg19"]
    assert folders.split() == [str(tmp_path / "run-1")]
    assert sorted(files.split()) == [str(tmp_path / "run-1"), str(tmp_path / "run.h5")]


@pytest.mark.parametrize("shell", ["zsh", "fish", "tcsh"])
def test_other_shells_have_a_script_too(shell, capsys):
    with pytest.raises(SystemExit):
        main.main(["--print-completion", shell])
    assert "train" in capsys.readouterr().out


def test_without_its_package_the_script_says_what_to_install(monkeypatch, refused_here):
    monkeypatch.setattr(completion.packages, "missing", lambda *names: list(names))
    assert "pip install shtab" in refused_here("--print-completion", "bash")


def test_a_group_is_made_once():
    parser = argparse.ArgumentParser()
    assert flags.group(parser, "data") is flags.group(parser, "data")
