"""Write dashboards/*.json beside this file."""

import json
from pathlib import Path

from dashboards.grafana.rooms import dashboard

FOLDER = Path(__file__).parent / "dashboards"


def text() -> str:
    """The file's content: stable, so that a change shows as a difference."""
    return json.dumps(dashboard(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    (FOLDER / "rooms.json").write_text(text(), encoding="utf-8")
