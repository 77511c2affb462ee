"""The one exception that reaches a person: a sentence on what is wrong and what to do next."""


class CampusError(Exception):
    """A problem the user can act on. The command line prints it as one line and exits with `exit_code`."""

    exit_code = 1


class UsageError(CampusError):
    """What was asked cannot be done as asked: a bad option, a bad file, an unknown room."""

    exit_code = 2


class StoreError(CampusError):
    """A store cannot be opened, read or written."""


class NotFound(UsageError):
    """A site, room, board or other record that does not exist. The API answers 404."""
