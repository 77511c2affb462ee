"""How a point is written: `name`, or `name.n` for channel n of a board with several."""

_FIRST = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_SIGNS = _FIRST + _DIGITS + "_"


def base(point):
    """`power_w` of `power_w.1`."""
    return point.split(".", 1)[0]


def valid_point(text):
    """Whether `text` is written as a point: [a-z][a-z0-9_]*, at most 48 signs, then perhaps .0 to .999.

    A channel has no leading zero, so that one channel has one name. A well-written point that the table lacks
    is accepted: newer boards may know more.
    """
    if type(text) is not str:
        return False
    name, dot, number = text.partition(".")
    if not 1 <= len(name) <= 48 or name[0] not in _FIRST or name.strip(_SIGNS):
        return False
    if not dot:
        return True
    return 1 <= len(number) <= 3 and not number.strip(_DIGITS) and (number[0] != "0" or len(number) == 1)
