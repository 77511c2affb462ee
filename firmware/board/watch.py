"""The watchdog is fed only while every task goes on. The one that does not is named before the chip restarts."""


class Watch:
    """wdt: an object with feed(), or None. uptime() -> rising integer ms. nvs: keeps the name, under `stalled`."""

    def __init__(self, wdt, uptime, nvs):
        self.wdt = wdt
        self.uptime = uptime
        self.nvs = nvs
        self._tasks = {}  # name -> (how long it may be silent, when it was last alive)
        self._since = uptime()

    def expect(self, name, limit_ms):
        """From now on the task `name` says `alive` at least every `limit_ms`."""
        self._tasks[name] = limit_ms, self.uptime()

    def alive(self, name):
        self.expect(name, self._tasks[name][0])

    def look(self):
        """Call it more often than the watchdog bites."""
        now = self.uptime()
        for name in self._tasks:
            limit_ms, alive_at = self._tasks[name]
            if now - alive_at > limit_ms:
                print("stalled: " + name)
                self.nvs.set(stalled=name)  # written once: the same again costs no write
                self._since = now
                return
        if self.wdt:
            self.wdt.feed()

    def healthy_ms(self):
        """For how long every task has been alive."""
        return self.uptime() - self._since
