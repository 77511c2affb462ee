"""Which telemetry store a setting names."""

from pathlib import Path

from campus.errors import UsageError
from campus.telemetry import TelemetryStore


def open_telemetry(
    url: str, data: Path, raw_days: int = 30, mean_months: int = 13, journal: str | None = None
) -> TelemetryStore:
    """Open 'duckdb' (DATA/telemetry.duckdb, made when absent) or 'influxdb://user:password@host:8086/db[?api=v1]'.

    DuckDB keeps readings `raw_days` after a day last received any, then 15-minute means until they are
    `mean_months` old, then daily ones; 0 keeps for ever. What InfluxDB keeps is set on the server.
    `journal` names the journal of one of several collectors that write to one server's store.
    Raises UsageError for a URL that is neither, StoreError when the store cannot be opened.
    """
    # Imported here: who uses one database does not load the other's client.
    if url == "duckdb":
        from campus.telemetry.duckdb import DuckDBTelemetry

        return DuckDBTelemetry(data / "telemetry.duckdb", raw_days, mean_months)
    if url.partition("://")[0] in ("influxdb", "influxdbs"):
        from campus.telemetry.influx import open_influx

        return open_influx(url, journal)
    raise UsageError(
        f"telemetry is '{url}': write duckdb, or influxdb://user:password@host:8086/database for a server."
    )
