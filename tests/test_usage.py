"""A wrong command line: one sentence, what was meant, and exit code 2; and help with an example."""

from __future__ import annotations

import shlex

import click
import pytest
from click.testing import CliRunner
from house.test_documents import refused

from gradkit.cli import COMMANDS, main
from gradkit.cli.options import FORMER, Command
from gradkit.errors import did_you_mean

HELP = "`gradkit check --help` lists all options."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "chek a.py",
            "there is no command chek. Did you mean check? `gradkit --help` lists all commands.",
        ),
        ("zzz", "there is no command zzz. `gradkit --help` lists all commands."),
        ("check a.py --sed 1", f"gradkit check has no option --sed. Did you mean --seed? {HELP}"),
        ("check a.py --zzz", f"gradkit check has no option --zzz. {HELP}"),
        ("--zzz", "gradkit has no option --zzz. `gradkit --help` lists all options."),
        (
            "history results --format jsn",
            "--format: jsn is not one of text, json. Did you mean json?",
        ),
        ("history results --format zzz", "--format: zzz is not one of text, json."),
        ("check a.py --hints 7", "--hints: expected a whole number, 1 to 4; found 7."),
        ("check a.py --seed x", "--seed: expected a whole number, 0 or more; found x."),
        ("diff results one 2", "RUN: expected a whole number, 1 or more; found one."),
        ("override results a update x", "POINTS: expected a number; found x."),
        ("diff results 1", "RUN is missing. Usage: `gradkit diff [OPTIONS] DIR RUN RUN`."),
        (
            "grade submissions",
            "--out DIR is missing. Usage: `gradkit grade [OPTIONS] PATHS…`.",
        ),
        (
            "diff results 1 2 3",
            "got unexpected extra argument (3). Usage: `gradkit diff [OPTIONS] DIR RUN RUN`; "
            "see `gradkit diff --help`.",
        ),
        (
            "list classification-numpy",
            "unexpected argument classification-numpy. `gradkit list --assignment NAME` lists the "
            "tasks of an assignment; `gradkit list` lists the assignments.",
        ),
        (
            "check a.py --out",
            "--out needs a value. See `gradkit COMMAND --help`.",
        ),
        (
            "check a.py --task regresion-numpy",
            "--task regresion-numpy: there is no such task. The assignment has regression-numpy, "
            "regression-torch, classification-numpy, classification-torch. Did you mean "
            "regression-numpy?",
        ),
        (
            "explain swaped-index",
            "There is no mistake 'swaped-index' in the catalogue; similar mistakes are "
            "swapped-index, "
            "swapped-returns, wrong-index.",
        ),
    ],
)
def test_a_wrong_word_is_told_in_one_sentence(words: str, said: str) -> None:
    """What was found, what is expected, what to do; nothing on standard output."""
    done = CliRunner().invoke(main, shlex.split(words))
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"gradkit: {said}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("check a.py --output b", "--output is now called --out."),
        ("explain --output b", "--output is now called --out."),
        ("grade a --out b --lanes 2", "--lanes is now called --workers."),
        ("summary results --csv", "--csv is now called --format csv."),
        ("review results --anonymous", "--anonymous is now called --pseudonyms."),
        ("history results ann --json", "--json is now called --format json."),
        ("feedback results --moodle", "--moodle is now called --format moodle."),
        ("feedback results --canvas", "--canvas is now called --format canvas."),
        ("feedback results --folder", "--folder is now called --format folder."),
        (
            "history ann --class results",
            "--class is now the argument DIR: `gradkit history [OPTIONS] DIR [STUDENT]`.",
        ),
        (
            "show ann --class results",
            "--class is now the argument DIR: `gradkit show [OPTIONS] DIR|RESULT [NAME]`.",
        ),
        (
            "show r.json --submission ann",
            "--submission is now the argument NAME: `gradkit show [OPTIONS] DIR|RESULT [NAME]`.",
        ),
    ],
)
def test_a_word_of_0_1_is_told_with_the_new_one(words: str, said: str) -> None:
    """Wherever a command has what has taken its place."""
    done = CliRunner().invoke(main, shlex.split(words))
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"gradkit: {said}\n")


def test_a_former_word_elsewhere_is_just_wrong() -> None:
    """The new one would not help: the command has none."""
    done = CliRunner().invoke(main, ["doctor", "--output", "x"])
    assert done.stderr.startswith("gradkit: gradkit doctor has no option --output.")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_is_right(name: str) -> None:
    """It names the command, and click takes it; no former option is left."""
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, Command)
    program, *words = shlex.split(command.example)
    assert (program, words[0]) == ("gradkit", name)
    assert refused(words) == ""
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    assert f"Example:\n  {command.example}\n" in done.stdout
    options = {each for param in command.params for each in param.opts}
    assert not options & set(FORMER)


def test_without_a_command_there_is_help() -> None:
    """Not a sentence."""
    done = CliRunner().invoke(main, [])
    assert "Usage: gradkit [OPTIONS] COMMAND" in done.output


def test_what_was_probably_meant() -> None:
    """Capitals and underscores are no difference; what is far off is not guessed."""
    known = ["regression-numpy", "W1"]
    assert did_you_mean("Regression_numpy", known) == " Did you mean regression-numpy?"
    assert did_you_mean("w1", known) == " Did you mean W1?"
    assert did_you_mean("torch", known) == ""
