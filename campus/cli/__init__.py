"""`campus`, the one command-line program, and the only package that may import every service.

`main` is light: a command's services are imported when it runs, so that `campus --help` answers at once.
"""


def main() -> None:
    """Run the command line; a CampusError becomes one line on standard error and its exit code."""
    from campus.cli.app import run

    raise SystemExit(run())


__all__ = ["main"]
