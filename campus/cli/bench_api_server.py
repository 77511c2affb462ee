"""Part of `campus bench api`: the server that is measured, a process of its own that ends with its standard input.

It takes {"data": folder, "now_ms": its clock's begin, "today": the last date with facts, "writes": room days written
anew a second, "anew": remember nothing} as one line, and answers with {"url", "token" of a session}.
"""

import json
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from api.app import create_app
from api.context import Context, Rates
from api.server import ApiServer
from campus.cli.bench_api_writes import written
from campus.cli.bench_indicators_school import SITE
from campus.cli.bench_parts import HOST
from campus.heap import settled
from campus.live import BoardState, Live, RoomState
from campus.records import open_records
from campus.telemetry.stores import open_telemetry


def main() -> None:
    told = json.loads(sys.stdin.readline())
    data, begun = Path(told["data"]), time.monotonic()

    def now() -> datetime:
        return datetime.fromtimestamp(told["now_ms"] / 1000 + time.monotonic() - begun, UTC)

    live = Live()
    with (
        closing(open_records("sqlite", data, now=now)) as records,
        closing(open_telemetry("duckdb", data)) as telemetry,
    ):
        for room in records.rooms(SITE):
            values = {"co2_ppm": 812.0, "temperature_c": 27.4}
            live.set_room(
                RoomState(SITE, room.id, True, told["now_ms"], told["now_ms"], told["now_ms"], values)
            )
        for board in records.boards(SITE):
            live.set_board(BoardState(SITE, board.id, "online", told["now_ms"], None, -61.0))
        context = Context(
            records=records,
            telemetry=telemetry,
            live=live,
            health=lambda: {"ready": True, "reasons": []},
            now=now,
            rates=Rates(per_second=10_000, at_once=10_000),  # one credential asks for everybody here
        )
        if told["anew"]:
            records.remember(0)
        records.ensure_admin()
        token = records.create_session(records.person("admin"), 12)
        server = ApiServer(create_app(context), HOST, 0)
        server.start()
        try:
            with settled(), written(records, date.fromisoformat(told["today"]), told["writes"]):
                print(json.dumps({"url": server.url, "token": token}), flush=True)
                sys.stdin.read()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
