"""Part of `campus bench api`: the load, a process of its own. Requests leave when they are planned, answered or not.

It takes {"url", "token", "rate", "seconds", "plan": {name: [address]}} as one line; each name has its turn,
in every round in another order. It prints
{"latencies_ms": {name: [from the planned moment to the last byte]}, "bytes": {name: mean}, "failed": {name: what}}.
"""

import asyncio
import json
import sys
import time
from random import Random
from typing import Any

import httpx

from api.security import COOKIE

CONNECTIONS = 64


async def run(told: dict[str, Any]) -> dict[str, Any]:
    names = list(told["plan"])
    latencies: dict[str, list[float]] = {name: [] for name in names}
    size: dict[str, int] = dict.fromkeys(names, 0)
    failed: dict[str, str] = {}
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    headers = {"Cookie": f"{COOKIE}={told['token']}"}
    async with httpx.AsyncClient(
        base_url=told["url"], headers=headers, limits=limits, timeout=60, trust_env=False
    ) as client:

        async def ask(name: str, address: str, planned: float) -> None:
            try:
                answer = await client.get(address)
            except httpx.HTTPError as error:
                failed[name] = f"{type(error).__name__} at {address}"
                return
            latencies[name].append(1e3 * (time.perf_counter() - planned))
            size[name] += len(answer.content)
            if answer.status_code != 200:
                failed[name] = f"{answer.status_code} at {address}: {answer.text[:200]}"

        begun, under_way, mixer = time.perf_counter() + 0.1, set(), Random(1)  # noqa: S311 nothing is kept secret by it
        for number in range(int(told["rate"] * told["seconds"])):
            if number % len(names) == 0:
                mixer.shuffle(names)
            planned = begun + number / told["rate"]
            await asyncio.sleep(max(0.0, planned - time.perf_counter()))
            name = names[number % len(names)]
            addresses = told["plan"][name]
            task = asyncio.create_task(ask(name, addresses[number // len(names) % len(addresses)], planned))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
    return {
        "latencies_ms": latencies,
        "bytes": {name: size[name] // max(1, len(latencies[name])) for name in names},
        "failed": failed,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(sys.stdin.readline())))))
