"""What MicroPython's unix port lacks of a serial console: the raw REPL that mpremote speaks, on stdin and stdout.

The original is shared/runtime/pyexec.c of MicroPython. `raw_repl.py raw` begins in raw mode, as a board does after a
soft reset that was asked for there. The process ends with 76 for a soft reset.
"""

import sys

SOFT_RESET = 76
WINDOW = 128  # bytes that a sender of raw paste mode may send before it waits

read = sys.stdin.buffer.read
say = sys.stdout.write
names = {"__name__": "__main__"}


def receive():
    """One byte; without a sender there is no more console."""
    return read(1) or sys.exit(0)


def paste():
    """What is sent in raw paste mode, up to Ctrl-D; Ctrl-C breaks it off."""
    sys.stdout.buffer.write(b"R\x01" + bytes((WINDOW & 255, WINDOW >> 8)) + b"\x01")
    source, left = b"", WINDOW
    while True:
        byte = receive()
        if byte in b"\x03\x04":
            say("\x04")
            return source if byte == b"\x04" else b"raise KeyboardInterrupt"
        source += byte
        left -= 1
        if not left:
            say("\x01")
            left = WINDOW


def execute(source):
    try:
        exec(str(source, "utf-8"), names)
    except SystemExit:
        raise
    except BaseException as error:
        say("\x04")
        sys.print_exception(error, sys.stdout)
    else:
        say("\x04")
    say("\x04>")


def raw():
    say("raw REPL; CTRL-B to exit\r\n>")
    line = b""
    while True:
        byte = receive()
        if byte == b"\x01" and line == b"\x05A":
            execute(paste())
        elif byte == b"\x01":
            say("raw REPL; CTRL-B to exit\r\n>")
        elif byte == b"\x02":
            return
        elif byte == b"\x04":
            say("OK")
            if not line:
                say("\r\n")
                sys.exit(SOFT_RESET)
            execute(line)
        elif byte != b"\x03":
            line += byte
            continue
        line = b""


def friendly():
    while True:
        say("\r\nMicroPython\r\n>>> ")
        while receive() != b"\x01":
            pass
        say("\r\n")
        raw()


if sys.argv[1:] == ["raw"]:
    raw()
friendly()
