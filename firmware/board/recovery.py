"""What this start has to prove, and what follows: trials end, a minute of health is noted, safe mode gives way.

main.py has chosen the slot before this is loaded. A new program and a new configuration are each on trial until the
broker has acknowledged a birth; where it does not within 5 minutes, or the board restarts before, the old one is back.
Every step is written so that a power cut after it is made good by the next start.
"""

import os

HEALTHY_MS = 60000
PATIENCE_MS = 300000  # of a trial for its broker, and of safe mode for help


class Recovery:
    """nvs: an Nvs. slot and safe: as main.py gives them. Make it before config.json is read: it may put another there.

    notes: what the birth tells of earlier starts. trial: whether a program or a configuration waits for `accepted`.
    """

    def __init__(self, nvs, slot=None, safe=False, config="config.json"):
        self.nvs = nvs
        self.slot = slot
        self.safe = safe
        self._healthy = False
        trial = nvs.text("trial")
        self._program = slot is not None and trial == slot
        self._rev = _try_or_revert(nvs, config[:-4])  # below 0: given up just now
        self.trial = self._program or self._rev > 0
        stalled = nvs.text("stalled")
        told = (
            safe and "safe-mode",
            trial and not self._program and "update-reverted",
            self._rev < 0 and "config-reverted",
            stalled and "stalled:" + stalled,
        )
        self.notes = list(filter(None, told))

    def accepted(self):
        """The broker acknowledged this start's birth: what is on trial is confirmed. Call it once, before commands."""
        nvs = self.nvs
        if self.slot:
            nvs.set(slot=self.slot)
        if self._program:
            nvs.set(version=nvs.number("trial_version"))
        nvs.set(trial=None)
        nvs.set(tried=None, stalled=None)
        if self._rev > 0:
            nvs.set(config_trial=None)  # first: the other way round, a cut in between would revert what works
            nvs.set(config_error=None)
            nvs.set(config_rev=self._rev)
        self.trial = False

    def look(self, up_ms, healthy_ms):
        """Call it every second or so. True: restart now. healthy_ms: for how long every task has been alive."""
        if self.safe:
            if up_ms < PATIENCE_MS:
                return False
            self.nvs.set(attempts=4)  # one more start with everything, before safe mode is back
            return True
        if healthy_ms >= HEALTHY_MS and not self._healthy:
            self._healthy = True
            self.nvs.set(attempts=0)
        return self.trial and up_ms >= PATIENCE_MS


def _try_or_revert(nvs, stem):
    """Put a new configuration in its place, or the old one back. The rev on trial; below 0: the one given up; or 0."""
    rev = nvs.number("config_trial")
    try:
        if rev:
            os.rename(stem + ("new" if rev > 0 else "old"), stem + "json")
    except OSError:  # done by a start that was cut off
        pass
    if rev > 0:
        nvs.set(config_trial=-rev)
    elif rev:
        nvs.set(config_error="it was taken back: no broker within 5 minutes, or a restart before")
        nvs.set(config_rev=-rev)
        nvs.set(config_trial=None)
    return rev
