"""What `campus bench peers` writes for programs of others: Node-RED's flow and settings, Telegraf's configuration.

Both take what any user would: QoS 1, the program's own acknowledgement, lines to InfluxDB in batches, one line for a
record, its four readings as fields.
"""

from typing import Any
from urllib.parse import urlsplit

from campus.cli.bench_parts import HOST

BATCH_LINES = 5000
FLUSH_MS = 250

_TO_LINES = """
const parts = msg.topic.split("/");
const told = msg.payload;
const lines = context.get("lines") || [];
for (const row of told.rows) {
    const fields = [];
    for (let i = 0; i < told.c.length; i++) {
        const value = row[i + 2];
        if (typeof value === "number") fields.push(`${told.c[i]}=${value}`);
    }
    if (fields.length) {
        lines.push(`telemetry,site=${parts[2]},board=${parts[3]} ${fields.join(",")} ${told.ts + row[1]}`);
    }
}
function flush() {
    clearTimeout(context.get("timer"));
    context.set("timer", undefined);
    const waiting = context.get("lines") || [];
    context.set("lines", []);
    if (waiting.length) node.send({ payload: waiting.join("\\n"), headers: { "content-type": "text/plain" } });
}
context.set("lines", lines);
if (lines.length >= BATCH_LINES) flush();
else if (!context.get("timer")) context.set("timer", setTimeout(flush, FLUSH_MS));
""".replace("BATCH_LINES", str(BATCH_LINES)).replace("FLUSH_MS", str(FLUSH_MS))


def node_red_flow(broker_url: str, influx_port: int) -> list[dict[str, Any]]:
    """mqtt in (JSON) -> function (line protocol, gathered) -> http request to InfluxDB."""
    parts = urlsplit(broker_url)
    tab = "flow"
    return [
        {"id": tab, "type": "tab", "label": "bench"},
        {
            "id": "broker", "type": "mqtt-broker", "broker": parts.hostname, "port": str(parts.port),
            "clientid": "", "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60",
            "cleansession": True,
        },
        {
            "id": "in", "type": "mqtt in", "z": tab, "topic": "campus/v1/+/+/telemetry", "qos": "1",
            "datatype": "json", "broker": "broker", "inputs": 0, "wires": [["lines"]],
        },
        {
            "id": "lines", "type": "function", "z": tab, "func": _TO_LINES, "outputs": 1, "timeout": 0,
            "initialize": "", "finalize": "", "libs": [], "wires": [["write"]],
        },
        {
            "id": "write", "type": "http request", "z": tab, "method": "POST", "ret": "txt",
            "url": f"http://{HOST}:{influx_port}/write?db=bench&precision=ms", "persist": True,
            "wires": [[]],
        },
    ]  # fmt: skip


def node_red_settings() -> str:
    """Nothing but the flow: no editor, no telemetry to the maker."""
    return """module.exports = {
    uiHost: "127.0.0.1", httpAdminRoot: false, httpNodeRoot: false, telemetry: { enabled: false },
    flowFilePretty: false, logging: { console: { level: "info", metrics: false, audit: false } },
};
"""


def telegraf_conf(broker_url: str, influx_port: int) -> str:
    """inputs.mqtt_consumer (one metric for a record) -> outputs.influxdb."""
    parts = urlsplit(broker_url)
    fields = {"motion": 3, "co2_ppm": 4, "temperature_c": 5, "power_w.1": 6}
    lines = "\n".join(f'"{name}" = "number(*[{place}])"' for name, place in fields.items())
    return f"""[agent]
interval = "1s"
flush_interval = "{FLUSH_MS}ms"
flush_jitter = "0s"
metric_batch_size = {BATCH_LINES}
metric_buffer_limit = {20 * BATCH_LINES}
omit_hostname = true
skip_processors_after_aggregators = true

[[inputs.mqtt_consumer]]
servers = ["tcp://{parts.hostname}:{parts.port}"]
topics = ["campus/v1/+/+/telemetry"]
topic_tag = ""
qos = 1
max_undelivered_messages = {2 * BATCH_LINES}
data_format = "xpath_json"
xpath_native_types = true

[[inputs.mqtt_consumer.topic_parsing]]
topic = "campus/v1/+/+/telemetry"
measurement = "_/_/_/_/measurement"
tags = "_/_/site/board/_"

[[inputs.mqtt_consumer.xpath]]
metric_selection = "/rows/*"
timestamp = "number(../../ts) + number(*[2])"
timestamp_format = "unix_ms"

[inputs.mqtt_consumer.xpath.fields]
{lines}

[[outputs.influxdb]]
urls = ["http://{HOST}:{influx_port}"]
database = "bench"
skip_database_creation = true
"""
