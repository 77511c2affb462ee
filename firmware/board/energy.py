"""Energy counters that outlive a power cut, in whole mWh. Integers only: a board's floats lose mWh beyond 16 kWh.

A value is saved before it is shown, so the counter that the collector sees never goes back. What a power cut costs is
the energy since the last save, a minute's at most.

Flash: a save takes 3 or 4 of NVS's entries of 32 bytes, a page holds 126 and the partition 6 pages. The 525600 saves of
a year erase each page 2100 to 2800 times; it stands 100000.
https://docs.espressif.com/projects/esp-idf/en/latest/esp32/api-reference/storage/nvs_flash.html
"""


class Energy:
    """`channels` counters, kept as one text under `key` of `nvs` (a board.nvs.Nvs). Times are ms of clock.Uptime."""

    def __init__(self, nvs, key, channels):
        self.nvs = nvs
        self.key = key
        texts = nvs.text(key, "").split(", ") + [""] * channels
        self._mwh = [int(text) if text.isdigit() else 0 for text in texts[:channels]]
        self._saved = self._mwh[:]
        self._saved_at = 0
        self._rest = [0] * channels  # mW*ms, not yet a mWh

    def count(self, channel, mw_ms):
        """Energy that was measured as such, in mW*ms."""
        whole, self._rest[channel] = divmod(self._rest[channel] + mw_ms, 3600000)
        self._mwh[channel] += whole

    def shown(self, now_ms):
        """The counters in mWh, as they are saved. Saves first, once a minute at most and only what changed.

        Raises OSError if that cannot be done; it is tried again a minute later.
        """
        if self._mwh != self._saved and now_ms - self._saved_at >= 60000:
            self._saved_at = now_ms
            self.nvs.set(**{self.key: str(self._mwh)[1:-1]})
            self._saved = self._mwh[:]
        return self._saved
