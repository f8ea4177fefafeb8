"""The `csp` command imports what is asked for and lists everything else."""

import subprocess
import sys

RUN = (
    "import sys; from csp_cli.main import main\ntry:\n    main()\nfinally:\n    print('typer' in sys.modules)"
)


def csp(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_help_lists_commands_of_both_kinds():
    done = csp("--help")
    assert "rate" in done.stdout
    assert "contracts" in done.stdout


def test_a_plain_command_runs_without_typer():
    done = csp("rate", "--help")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "False")
    assert done.stdout.startswith("usage: csp rate")


def test_an_unknown_command_is_refused():
    assert csp("no-such-command").returncode == 2
