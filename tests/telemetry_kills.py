"""kill -9 a process that writes, rewrites, thins and migrates a DuckDB store, again and again; run as a program.

Each child is forked from this process, which has DuckDB loaded and no connection open, so a kill costs a fraction of a
second. A child opens the store that the last one left, compares it with a model, goes on, and says which phase it
enters and leaves; the kill comes at a random moment of the phase wanted, or between two statements of its transaction.
Prints one JSON document: kills that hit each phase, and what did not agree.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import duckdb
import telemetry_model  # its batch() must be no global here: DuckDB looks for a variable of that name
from telemetry_model import Model, write_schema_1

from campus.errors import StoreError
from campus.telemetry import duckdb_days, duckdb_means
from campus.telemetry.duckdb import DuckDBTelemetry

DAY = 86_400_000
PHASES = ("write", "remove", "sort", "thin", "checkpoint", "fold", "migrate")
LONGEST_S = {"write": 0.004, "remove": 0.005, "sort": 0.008, "thin": 0.012, "checkpoint": 0.02, "fold": 0.01}
CHECKED = "checked "
OLD = 12
"""Batches in the file of schema 1."""
BEGIN, END = 205, 265
"""Batches that the store begins with, when the first days become daily, and with which it begins anew."""


class Cut:
    """A writing connection that runs each statement by itself and calls `after` behind it."""

    def __init__(self, writer: duckdb.DuckDBPyConnection, after: Callable[[], None]) -> None:
        self._writer, self._after = writer, after

    def execute(self, sql: str, *values: Any) -> Any:
        for part in [sql] if values else filter(str.strip, sql.split(";")):
            done = self._writer.execute(part, *values)
            self._after()
        return done


class Worker:
    """In the child: a store that says its phases, and dies by itself after `cuts` statements of the phase `wanted`."""

    def __init__(self, pipe: int, wanted: str, cuts: int, one_transaction: bool) -> None:
        self._pipe, self._wanted, self._cuts = pipe, wanted, cuts
        self._one_transaction, self._phase = one_transaction, ""

    def say(self, phase: str) -> None:
        self._phase = phase
        os.write(self._pipe, f"{phase}\n".encode())

    def run(self, path: Path, model: Model) -> None:
        self.say("migrate" if self._wanted == "migrate" else "open")
        try:
            store = DuckDBTelemetry(path, raw_days=2, mean_months=1)
            model.extend(store.cursor())
            answer = (store.cursor(), model.differs(store))
        except StoreError as error:
            answer = (-1, str(error))
        self.say(f"{CHECKED}{json.dumps(answer)}")
        self._listen(store)
        while True:
            number = store.cursor() + 1
            readings, removed = telemetry_model.batch(number)
            self.say("remove" if removed else "write")
            store.write(number, readings, removed)
            store.maintain(now_ms(number))

    def _listen(self, store: DuckDBTelemetry) -> None:
        file, opened, checkpoint = store._file, store._file.transaction, store._file.checkpoint
        file._connection.execute("SET python_scan_all_frames = true")  # `Cut` stands between it and the batch

        @contextmanager
        def transaction() -> Iterator[Any]:
            with opened() if self._one_transaction else nullcontext(file._connection) as writer:
                yield Cut(writer, self._cut)
            self.say("")

        def aloud() -> None:
            self.say("checkpoint")
            checkpoint()
            self.say("")

        file.transaction, file.checkpoint = transaction, aloud  # type: ignore[method-assign,assignment]
        for module, name, phase in (
            (duckdb_days, "rewrite", "sort"),
            (duckdb_means, "thin", "thin"),
            (duckdb_means, "fold", "fold"),
        ):
            setattr(module, name, self._said(phase, getattr(module, name)))

    def _said(self, phase: str, made: Callable[[int], str]) -> Callable[[int], str]:
        def statements(day: int) -> str:
            self.say(phase)
            return made(day)

        return statements

    def _cut(self) -> None:
        if self._phase == self._wanted and self._cuts:
            self._cuts -= 1
            if not self._cuts:
                os.kill(os.getpid(), signal.SIGKILL)


def now_ms(number: int) -> int:
    """The time when batch `number` came: six a day."""
    return Model.START + number // 6 * DAY + 2 * 3_600_000


def killed(
    path: Path, model: Model, wanted: str, cuts: int, delay_s: float, one_transaction: bool = True
) -> tuple[str, int, str]:
    """Fork a worker and kill it in the phase `wanted` ("": once it has looked at the store).

    The phase that was hit, the cursor it had found, and what did not agree with the model.
    """
    out, into = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(out)
        try:
            Worker(into, wanted, cuts, one_transaction).run(path, model)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(into)
    with os.fdopen(out) as said:
        phase, cursor, problem = "", -1, ""
        for line in said:
            phase = line.strip()
            if phase.startswith(CHECKED):
                cursor, problem = json.loads(phase.removeprefix(CHECKED))
                phase = ""
            if problem or (phase == wanted and not cuts and (wanted or cursor >= 0)):
                time.sleep(delay_s)
                os.kill(pid, signal.SIGKILL)
                break
        for line in said:
            phase = line.strip() if not line.startswith(CHECKED) else ""
    _, status = os.waitpid(pid, 0)
    if not problem and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        raise SystemExit(f"The worker that was to be killed in '{wanted}' ended by itself in '{phase}'.")
    return phase, cursor, problem


def filled(path: Path) -> None:
    store = DuckDBTelemetry(path, raw_days=2, mean_months=1)
    for number in range(1, BEGIN + 1):
        store.write(number, *telemetry_model.batch(number))
        store.maintain(now_ms(number))
    store.close()


def put(file: Path, target: Path) -> None:
    target.with_name(target.name + ".wal").unlink(missing_ok=True)
    shutil.copy(file, target)


def in_child(action: Callable[[], object]) -> None:
    pid = os.fork()
    if not pid:
        action()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("A child failed.")


def main(folder: Path, kills: int, wanted: list[str], one_transaction: bool) -> None:
    rng = random.Random(11)
    hit: Counter[str] = Counter()
    problems: list[str] = []
    live, begun = folder / "live.duckdb", folder / "begun.duckdb"
    old, fresh = folder / "schema-1.duckdb", folder / "migrated.duckdb"
    in_child(lambda: write_schema_1(old, OLD))
    in_child(lambda: filled(begun))
    old_model = Model()
    old_model.extend(OLD, with_received=False)
    model, batches = Model(), 0
    model.extend(END)
    for kill in range(kills):
        phase = wanted[kill % len(wanted)]
        if phase == "migrate":
            put(old, fresh)
            hit[killed(fresh, Model(), phase, 0, rng.uniform(0, 0.06))[0]] += 1
            _, cursor, problem = killed(fresh, old_model, "", 0, 0)
            problems += [f"kill {kill} in {phase}: {problem}"] if problem or cursor < OLD else []
            continue
        if model.number >= END:
            put(begun, live)
            model = Model()
            model.extend(BEGIN)
        inside = phase != "checkpoint" and (kill // len(wanted) % 2 or not one_transaction)
        cuts, delay_s = rng.randint(1, 3) if inside else 0, rng.uniform(0, LONGEST_S[phase])
        found, cursor, problem = killed(live, model, phase, cuts, delay_s, one_transaction)
        if problem:
            problems.append(f"kill {kill - 1}: {problem}")
            break
        hit[found] += 1
        batches += cursor - model.number
        model.extend(cursor)
    _, cursor, problem = killed(live, model, "", 0, 0)
    problems += [f"the last kill: {problem}"] if problem else []
    print(json.dumps({"hit": hit, "problems": problems, "batches": batches}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4] == "one")
