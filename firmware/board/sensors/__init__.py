"""The sensors a board can have. A driver is imported only when config.json asks for it.

A driver is a module with a class Sensor(options, pins):

* `points`: point -> {"unit", "deadband", "min_interval_ms", "max_interval_ms"} (but unit, all optional);
* `async read()` -> point -> value; None = measured but invalid; a point left out = nothing new this time;
* `why`: point -> reason of a None: "warmup", "crc", "failed", "timeout", "range" or "unknown";
* `edge` (optional): true while something waits that must be reported at once.

A module with KEEPS = True has a Sensor(options, pins, nvs), which keeps a counter there. For network and health,
`pins` is the Board itself.
"""

from campus.wire.names import valid_point

KINDS = "bh1750 bme280 ct door health hlw8012 ld2410 mhz19 network pir pzem scd4x sht sound".split()
"""`kind` in config.json: the module here."""
REPORTING = "deadband min_interval_ms max_interval_ms".split()


def create(kind, options, pins, nvs=None):
    """The sensor of one of the KINDS. options: its part of config.json; pins: the `machine` module or one like it; nvs:
    an Nvs, for a driver that keeps something over a restart.

    options["points"], point -> {key: whole number or fraction}, changes how the sensor's points are reported.
    Raises ValueError for a missing or wrong option, or a point or key that the sensor does not have.
    """
    module = __import__(__name__ + "." + kind, None, None, ("Sensor",))
    try:
        kept = (nvs,) if hasattr(module, "KEEPS") else ()
        sensor = module.Sensor(options, pins, *kept)
    except KeyError as error:
        raise ValueError("the sensor %s needs the option %r" % (kind, error.args[0]))
    for point in sensor.points:  # an option may be part of its name
        if not valid_point(point):
            raise ValueError("%r is no point" % point)
    changes = options.get("points")
    if changes:
        # Copies: the dictionaries are those of its class.
        sensor.points = {point: dict(sensor.points[point]) for point in sensor.points}
        for point in changes:
            _change(sensor.points.get(point), changes[point], kind + ": " + point)
    return sensor


def _change(described, changes, name):
    for key in changes:
        value = changes[key]
        whole = type(value) is int or (key == "deadband" and type(value) is float)
        if not described or key not in REPORTING or not whole or value < (key == "max_interval_ms"):
            raise ValueError("%s cannot have %s as %r" % (name, key, value))
        described[key] = value
