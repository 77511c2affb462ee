"""The floor of the ingestion benchmark: a paho subscriber as anyone would write it, that only counts.

    python -m collector.bench_floor --mqtt mqtt://127.0.0.1:1883 --messages 200000

Nothing is decoded or stored; paho acknowledges by itself. It prints `ready` once it is subscribed, `stored` when that
many messages came, and, after a line on standard input, what it counted as one JSON line.
"""

import argparse
import json
import sys
import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from campus.errors import CampusError
from campus.wire.server import subscription
from collector.address import BrokerAddress

PATIENCE_S = 30.0


def run(address: BrokerAddress, messages: int) -> int:
    """Count until `messages` came; the count. Raises CampusError when nothing comes for PATIENCE_S."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    count = 0

    def connected(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(subscription("telemetry"), 1)

    def subscribed(*_: Any) -> None:
        print("ready", flush=True)

    def arrived(client: mqtt.Client, _data: Any, _message: mqtt.MQTTMessage) -> None:
        nonlocal count
        count += 1
        if count == messages:
            client.disconnect()

    client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, arrived
    client.username_pw_set(address.user, address.password)
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        raise CampusError(address.explain(error)) from error
    done = threading.Event()
    threading.Thread(
        target=_give_up, args=(client, done, lambda: count), name="patience", daemon=True
    ).start()
    client.loop_forever()
    done.set()
    if count < messages:
        raise CampusError(f"Only {count} of {messages} messages came; the last {PATIENCE_S:.0f} s ago.")
    return count


def _give_up(client: mqtt.Client, done: threading.Event, count: Any) -> None:
    seen = -1
    while not done.wait(PATIENCE_S):
        if count() == seen:
            client.disconnect()
        seen = count()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mqtt", required=True)
    parser.add_argument("--messages", type=int, default=200_000)
    given = parser.parse_args()
    try:
        count = run(BrokerAddress.parse(given.mqtt), given.messages)
    except CampusError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("stored", flush=True)
    sys.stdin.readline()
    print(json.dumps({"messages": count}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
