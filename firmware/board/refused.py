"""How a board says no to what the server asks."""


class Refused(Exception):
    """args: a code, such as "version" or "state"; perhaps what it is about; and what helps to go on, as an object."""
