"""Chooses the board's program and starts it. No update replaces this file: it is what brings a board back from one.

The folders a/ and b/ are slots: board/, campus/ and, once all of it is there and checked, manifest.json. One slot runs,
an update fills the other. That is then on trial: it is started once, and unless it confirms itself (board/recovery.py)
the next start is the old program's. With no slots, board/ beside this file runs, as in a checkout.

Nothing of a slot is imported before one is chosen, for just that may be broken: what board/nvs.py does is done here in
small. NVS keys: `slot` runs, `trial` waits for its proof, `tried` is the trial that was started, `attempts` counts.
"""

import os
import sys

SAFE = 5  # starts in a row without a minute of health; from here on with network, remote and update only
OTHER = 10  # and where not even that lives, in the other slot, in turn
TRIAL_MS = 360000  # a trial that arms no watchdog of its own is ended by this one
PAUSE_MS = 10000  # before a restart: time to read what went wrong, and to press Ctrl-C


def kept(chip, key):
    """The text that an esp32.NVS holds under `key`; empty if there is none."""
    held = bytearray(16)
    try:
        return str(held[: chip.get_blob(key, held)], "utf-8")
    except (OSError, ValueError):
        return ""


def keep(chip, key, text):
    """Whether the text is durable."""
    try:
        chip.set_blob(key, text.encode())
        chip.commit()
        return True
    except OSError:
        return False


def choose(chip):
    """(slots, safe, trial): the slots in the order to try them, whether in safe mode, whether the first is on trial.

    Counts this start. chip: an esp32.NVS, or an object like it.
    """
    attempts = kept(chip, "attempts")
    attempts = int(attempts) if attempts.isdigit() else 0
    slot, trial = kept(chip, "slot"), kept(chip, "trial")
    # Noted before it runs, or it does not run: however a trial ends, it is not started again.
    on_trial = trial not in ("", kept(chip, "tried")) and keep(chip, "tried", trial)
    b_first = (trial if on_trial else slot) == "b"
    if not on_trial and attempts // OTHER % 2:
        b_first = not b_first
    keep(chip, "attempts", str(attempts + 1))
    return ("b", "a") if b_first else ("a", "b"), attempts >= SAFE and not on_trial, on_trial


def load(slots):
    """(slot, its `run`) of the first complete slot that can be imported; slot is None without slots."""
    root = sys.path[0]
    for slot in slots + (None,):
        try:
            if slot:
                os.stat(slot + "/manifest.json")
        except OSError:
            continue
        sys.path[0] = slot or root
        try:
            from board.app import run

            return slot, run
        except Exception as error:
            sys.print_exception(error)
        for name in list(sys.modules):  # or the next slot's program would be half of this one
            if name.split(".")[0] in ("board", "campus"):
                del sys.modules[name]
    raise ImportError("no program")


def start():
    """Run the program until it ends by itself or by Ctrl-C. What it raises is printed, and the chip restarted."""
    from time import sleep_ms  # these exist on a board only

    import machine
    from esp32 import NVS

    try:
        slots, safe, trial = choose(NVS("campus"))
        if trial:
            machine.WDT(timeout=TRIAL_MS)
        slot, run = load(slots)
        return run(safe, slot)
    except Exception as error:
        sys.print_exception(error)
    sleep_ms(PAUSE_MS)
    machine.reset()


if __name__ == "__main__":
    start()
