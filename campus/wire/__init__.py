"""The MQTT contract v1: topics, points, encode, decode. The same files run on CPython and on MicroPython.

`campus.wire.topics`, `.points`, `.telemetry`, `.lifecycle` are imported one by one: a board loads what it
needs. No module here uses more of Python than MicroPython 1.25 has.
"""
