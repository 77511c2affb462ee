"""Progress of long work: a bar in a terminal, nothing in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress(label: str, total: float, console: Console | None = None) -> Iterator[Callable[[float], None]]:
    """`with progress("Replaying", 100) as told: told(10)`; on standard error unless a console is given."""
    console = console or Console(stderr=True)
    columns = (TextColumn(label), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=min(done, total))
