"""The settings as options of every command."""

import inspect
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from campus.settings import Settings

SHOWN = ("data", "mqtt", "telemetry", "records", "http", "hosts", "tz")


def with_settings(data: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the settings of SHOWN as options, the same for every command; it receives `settings: Settings`.

    `data` is this command's own default of the data folder.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        wanted = [f for f in fields(Settings) if f.name in SHOWN]
        own = inspect.signature(command)

        def run(**given: Any) -> Any:
            options = {f.name: given.pop(f.name) for f in wanted}
            if data and options.get("data") is None and not os.environ.get("CAMPUS_DATA"):
                options["data"] = data
            return command(settings=Settings.load(options, file=given.pop("config")), **given)

        extra = [_option(f.name, Path if f.name == "data" else str, _help(f, data)) for f in wanted]
        extra.append(_option("config", Path, "A TOML file with these settings \\[env: CAMPUS_CONFIG]"))
        kept = [p for name, p in own.parameters.items() if name != "settings"]
        kept = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in kept]
        signature = inspect.Signature(kept + extra)
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def from_zero(value: float) -> float:
    """Callback of an option: a number that is not negative, nor nan nor infinite."""
    if not 0 <= value < float("inf"):
        raise typer.BadParameter("write a number that is not negative.")
    return value


def _help(setting: Any, data: str | None) -> str:
    default = f" [default: {data if data and setting.name == 'data' else setting.default}]"
    return f"{setting.metadata['help']}{default} [env: CAMPUS_{setting.name.upper()}]".replace("[", "\\[")


def _option(name: str, kind: type, help: str) -> inspect.Parameter:
    option = typer.Option(f"--{name}", help=help, show_default=False, rich_help_panel="Settings")
    annotation: Any = Annotated[Path | None, option] if kind is Path else Annotated[str | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
