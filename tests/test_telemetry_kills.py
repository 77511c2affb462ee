"""200 kill -9 spread over all that the embedded store does: each time it opens and holds what it must."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("telemetry_kills.py")
SPREAD = ("write", "remove", "sort", "thin", "checkpoint", "migrate", "sort", "thin", "fold")


def killed(folder: Path, kills: int, phases: tuple[str, ...], transaction: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, str(kills), ",".join(phases), transaction],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_200_kills_cost_nothing(tmp_path):
    """After each kill the store opens and equals a model of the batches up to its cursor; each phase was hit."""
    result = killed(tmp_path, 200, SPREAD, "one")
    print(result)
    assert result["problems"] == []
    assert sum(result["hit"].values()) == 200 and result["batches"] > 200
    assert {phase for phase in SPREAD if result["hit"].get(phase, 0) < 10} == set()


@pytest.mark.parametrize("phase", ["thin", "sort"])
def test_control_without_one_transaction(tmp_path, phase):
    """The control: with thinning or rewriting not in one transaction, the same loop finds readings lost or doubled."""
    assert killed(tmp_path, 12, (phase,), "control")["problems"] != []
