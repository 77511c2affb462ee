"""One dashboard: what the rooms' boards measure, from the readings in InfluxDB, asked in InfluxQL."""

from typing import Any

DATASOURCE = {"type": "influxdb", "uid": "campus-telemetry"}
PANELS = (
    ("CO2", "co2_ppm", "mean", "ppm"),
    ("Nhiệt độ · Temperature", "temperature_c", "mean", "celsius"),
    ("Chuyển động · Motion", "motion", "max", "bool_yes_no"),
    ("Ánh sáng · Light", "illuminance_lx", "mean", "lux"),
    ("Công suất · Power", "power_w.1", "mean", "watt"),
    ("Cường độ tín hiệu · Signal strength", "rssi_dbm", "mean", "dBm"),
)
"""(title, point, aggregate, Grafana unit)"""


def query(point: str, aggregate: str) -> str:
    """InfluxQL of one panel. `$site` and `$board` are Grafana's, quoted by it as regular expressions.

    quality 0 and 1 (good, hold) are the readings that may enter figures.
    """
    return (  # constants of PANELS only
        f'SELECT {aggregate}("value") FROM "readings" WHERE "site" =~ /^$site$/ AND "board" =~ /^$board$/ '  # noqa: S608
        f'AND "point" = \'{point}\' AND "quality" <= 1 AND $timeFilter GROUP BY time($__interval), "board" fill(none)'
    )


def dashboard() -> dict[str, Any]:
    """The dashboard's JSON model."""
    return {
        "uid": "campus-rooms",
        "title": "Phòng học · Rooms",
        "tags": ["campus"],
        "timezone": "Asia/Ho_Chi_Minh",
        "schemaVersion": 39,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [_variable("site"), _variable("board")]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(PANELS)],
    }


def _variable(tag: str) -> dict[str, Any]:
    return {
        "name": tag,
        "type": "query",
        "datasource": DATASOURCE,
        "query": f'SHOW TAG VALUES FROM "readings" WITH KEY = "{tag}"',
        "includeAll": True,
        "multi": True,
        "refresh": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(number: int, title: str, point: str, aggregate: str, unit: str) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": DATASOURCE,
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "custom": {"spanNulls": False}}, "overrides": []},
        "targets": [
            {
                "refId": "A",
                "datasource": DATASOURCE,
                "rawQuery": True,
                "resultFormat": "time_series",
                "alias": "$tag_board",
                "query": query(point, aggregate),
            }
        ],
    }
