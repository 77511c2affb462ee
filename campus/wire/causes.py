"""Why a message is refused: the causes of a WireError, and what each means. Boards do not carry it."""

CAUSES = {
    "json": "not UTF-8 JSON, nested too deeply, or a number JSON does not have",
    "version": "a version of the contract this program does not know",
    "shape": "a key is missing or has another type",
    "id": "an id outside [a-z0-9-]{1,64}, or a reserved word",
    "boot": "a boot outside [0-9a-f]{8,16}",
    "seq": "a record number outside 0..2^32-1, not rising, or below low",
    "time": "a time that is not an integer of milliseconds, out of range, or not rising for a point",
    "rows": "no row, more than 512 rows, or a row of another length than its columns",
    "size": "more bytes than allowed",
    "point": "a point name outside the syntax, or twice",
    "value": 'a value that is not a finite number, null or "-"',
    "topic": "a topic that the contract does not have",
}
