"""The sensors a board can have. A driver is imported only when config.json asks for it.

A driver is a module with a class Sensor(options, pins):

* `points`: point -> {"unit", "deadband", "min_interval_ms", "max_interval_ms"} (but unit, all optional);
* `async read()` -> point -> value; None = measured but invalid; a point left out = nothing new this time;
* `why`: point -> reason of a None: "warmup", "crc", "failed" or "timeout";
* `edge` (optional): true while something waits that must be reported at once.
"""

KINDS = {"pir": "pir", "scd4x": "scd4x"}
"""kind in config.json -> module here."""
REPORTING = ("deadband", "min_interval_ms", "max_interval_ms")


def create(name, options, pins):
    """The sensor of kind `name`. options: its part of config.json; pins: the `machine` module or one like it.

    options["points"], point -> {key: whole number or fraction}, changes how the sensor's points are reported.
    Raises ValueError for an unknown kind, a missing option, or a point or key that the sensor does not have.
    """
    if name not in KINDS:
        raise ValueError("there is no sensor kind %r; there are: %s" % (name, ", ".join(sorted(KINDS))))
    module = __import__(__name__ + "." + KINDS[name], None, None, ("Sensor",))
    try:
        sensor = module.Sensor(options, pins)
    except KeyError as error:
        raise ValueError("the sensor %s needs the option %r" % (name, error.args[0]))
    changes = options.get("points")
    if changes:
        sensor.points = _changed(name, sensor.points, changes)
    return sensor


def _changed(name, points, changes):
    changed = {point: dict(points[point]) for point in points}
    for point in changes:
        if point not in points:
            raise ValueError("the sensor %s does not measure %r" % (name, point))
        for key in changes[point]:
            value = changes[point][key]
            whole = type(value) is int or (key == "deadband" and type(value) is float)
            if key not in REPORTING or not whole or value < (key == "max_interval_ms"):
                raise ValueError("the sensor %s cannot have %s of %s as %r" % (name, key, point, value))
            changed[point][key] = value
    return changed
