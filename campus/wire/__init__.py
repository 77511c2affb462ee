"""The MQTT contract v1: topics, points, encode, decode. The same files run on CPython and on MicroPython.

`campus.wire.topics`, `.telemetry`, `.lifecycle`, `.remote`, `.update` are imported one by one: a board loads what it
needs. `.server`, `.points` and `.causes` are for servers only. No module here uses more of Python than MicroPython 1.25
has.
"""
