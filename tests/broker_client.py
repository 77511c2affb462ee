"""An MQTT client that tests hold against a broker: who it is, whether it got in, and what it heard.

mosquitto refuses to publish or to subscribe without saying so: what is allowed shows in what arrives.
"""

import ssl
import threading
import time

import paho.mqtt.client as mqtt


def until(true, timeout: float = 30.0) -> bool:
    """Wait for `true()`; what it was in the end."""
    end = time.monotonic() + timeout
    while not (held := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(held)


class Client:
    """Connects at once. `reason` is "Success" or why the broker refused; TLS that fails raises ssl.SSLError."""

    def __init__(self, port, user=None, password=None, *, host="127.0.0.1", ca=None, identity="", will=None):
        self.heard: list[tuple[str, str]] = []
        self.reason = ""
        self.lost = threading.Event()
        self._answered = threading.Event()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=identity, reconnect_on_failure=False
        )
        if user is not None:
            self._client.username_pw_set(user, password)
        if ca is not None:
            self._client.tls_set_context(ssl.create_default_context(cadata=ca))
        if will is not None:
            self._client.will_set(will, "will", 1)
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *_: self.lost.set()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda c, u, m: self.heard.append((m.topic, m.payload.decode()))
        self._client.connect(host, port)
        self._client.loop_start()
        assert self._answered.wait(30), "the broker did not answer"

    def _connected(self, client, data, flags, reason, properties) -> None:
        self.reason = str(reason)
        self._answered.set()

    def subscribe(self, topic: str) -> None:
        self._subscribed.clear()
        self._client.subscribe(topic, 1)
        assert self._subscribed.wait(30)

    def publish(self, topic: str, payload: str = "x", retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(30)

    def topics(self) -> list[str]:
        return sorted({topic for topic, _ in self.heard})

    def break_off(self) -> None:
        """Go without a goodbye: the broker sends the will."""
        self._client.socket().close()
        self._client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self._client.disconnect()
        self._client.loop_stop()
