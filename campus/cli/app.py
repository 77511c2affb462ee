"""The table of commands, and what becomes of an error."""

import errno
import getpass
import logging
import re
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from campus.acting import COMMAND_LINE, acting
from campus.errors import CampusError

COMMANDS = {
    "demo": ("campus.cli.demo", "demo", "Start"),
    "up": ("campus.cli.services", "up", "Start"),
    "collector": ("campus.cli.services", "collector", "Start"),
    "api": ("campus.cli.services", "api", "Start"),
    "init": ("campus.cli.init", "init", "Set up"),
    "inventory": ("campus.cli.people", "inventory", "Set up"),
    "equipment": ("campus.cli.equipment", "equipment_app", "Set up"),
    "timetable": ("campus.cli.timetable", "timetable_app", "Set up"),
    "people": ("campus.cli.accounts", "people_app", "Set up"),
    "password": ("campus.cli.people", "password", "Set up"),
    "board": ("campus.cli.boards", "board_app", "Set up"),
    "doctor": ("campus.cli.doctor", "doctor", "Set up"),
    "backup": ("campus.cli.backup", "backup", "Keep"),
    "restore": ("campus.cli.restore", "restore", "Keep"),
    "indicators": ("campus.cli.figures", "indicators", "Read"),
    "month": ("campus.cli.figures", "month_app", "Read"),
    "incidents": ("campus.cli.incidents", "incidents", "Read"),
    "audit": ("campus.cli.audit", "audit_app", "Read"),
    "export": ("campus.cli.reading", "export_app", "Read"),
    "dead-letters": ("campus.cli.letters", "dead_letters", "Read"),
    "gaps": ("campus.cli.letters", "gaps", "Read"),
    "simulate": ("campus.cli.simulate", "simulate", "Try and measure"),
    "replay": ("campus.cli.replay", "replay", "Try and measure"),
    "evaluate": ("campus.cli.evaluate", "evaluate", "Try and measure"),
    "semester": ("campus.cli.semester", "semester", "Try and measure"),
    "bench": ("campus.cli.bench", "bench_app", "Try and measure"),
}
"""name -> (module, attribute, panel of the help page)"""


class LazyGroup(TyperGroup):
    """Imports a command's module when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, name: str) -> Any:
        if name not in COMMANDS:
            return None
        module, attribute, panel = COMMANDS[name]
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            command: Any = typer.main.get_group(target)
        else:
            single = typer.Typer(add_completion=False)
            single.command(name)(target)
            command = typer.main.get_command(single)
        command.name = name
        command.rich_help_panel = panel
        for one in (command, *getattr(command, "commands", {}).values()):
            # The lines of a docstring, which are set for another width, become paragraphs.
            one.help = re.sub(r"(?<!\n)\n(?!\n)", " ", one.help or "")
        return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Begin with `campus demo`: a virtual school on this machine. Settings: docs/settings.md.",
)


def _version(asked: bool) -> None:
    if asked:
        print(f"campus {version('campus-monitor')}")
        raise typer.Exit


@app.callback()
def root(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version")
    ] = False,
) -> None:
    """Campus Monitor: know how a school's rooms, labs and equipment are really used."""


def _user() -> str:
    """The account of this machine that gives the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "somebody"


def run(arguments: list[str] | None = None) -> int:
    """The exit code of one command: 0, 1 for a failure, 2 for a wrong request, 130 after Ctrl-C."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    try:
        with acting(_user(), COMMAND_LINE):
            app(arguments)
    except CampusError as error:
        print(f"campus: {error}", file=sys.stderr)
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stdout = None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(
            "campus: There is no room left on the disk; what was being written is not complete.",
            file=sys.stderr,
        )
        return 1
    return 0
