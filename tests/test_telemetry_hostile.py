"""Ids and points as an attacker would write them: nothing enters, nothing else is matched or changed."""

import random

import pytest
from telemetry_places import CO2, FAR, NOON, PLACES, everything, places, readings

from campus.errors import StoreError
from campus.telemetry import GOOD, UNSYNCED, SeriesKey
from campus.wire.names import valid_point
from campus.wire.topics import valid_id

PIECES = [
    *(
        "'",
        '"',
        "`",
        ";",
        "--",
        "\\",
        "\\'",
        "\\\\",
        "\n",
        "\r",
        "\t",
        " ",
        ",",
        "=",
        "\x00",
        "%",
        "*",
        "/*",
        "*/",
        "#",
    ),
    *(
        "$1",
        "?",
        "{}",
        "{0}",
        "%s",
        "..",
        "/",
        "+",
        "(",
        ")",
        "[",
        "]",
        "|",
        "&",
        "<",
        "~",
        "^",
        "@",
        "\u202e",
        "\ufeff",
    ),
    *(
        "DROP TABLE series",
        "DROP MEASUREMENT readings",
        "' OR ''='",
        "' OR 1=1 --",
        '" OR "site" != \'\'',
        "=~ /.*/",
    ),
    *(
        "'; DELETE FROM readings; --",
        "'); DROP TABLE stray; --",
        "\\' OR time > 0 --",
        ",site=other",
        " value=1 1\n",
    ),
    *(
        "school' OR \"site\" = 'other",
        "readings,site=other value=1",
        "ATTACH 'x' AS y",
        "COPY stray TO '/tmp/x'",
    ),
    *(
        "\u0430",
        "\u0435",
        "ｓchool",
        "scho\u00f6l",
        "school\u200b",
        "\u2018",
        "\u02bc",
        "é",
        "A",
        "School",
        "SCHOOL",
    ),
]
"""What a hostile string is made of: quotes, comments, fragments of InfluxQL, SQL and line protocol, look-alikes."""


def hostile_strings(count: int) -> list[str]:
    """Distinct strings that are neither an id nor a point."""
    rng = random.Random(3)
    strings = {"", "a" * 65, "school" * 1700, "'" * 10_000, "\x00" * 10_000, *PIECES}
    while len(strings) < count + 20:
        parts = [
            rng.choice(PIECES),
            *rng.choices([*PIECES, "board-1", "school", "other", "co2_ppm"], k=rng.randint(1, 4)),
        ]
        rng.shuffle(parts)
        strings.add("".join(parts))
    return sorted(text for text in strings if not valid_id(text) and not valid_point(text))


@pytest.fixture(params=PLACES)
def store(request, tmp_path):
    for place in places(request, tmp_path):
        opened = place.open()
        yield opened
        opened.close()


def test_hostile_strings_neither_enter_nor_match(store):
    """600 strings as site, board and point through every method: refused or without a match, and nothing changes."""
    held = readings((CO2, NOON, 1.0, GOOD), (CO2, NOON + 1, 2.0, UNSYNCED), (FAR, NOON, 1.0, GOOD))
    store.write(1, held)
    before = everything(store), store.series(), store.means([CO2, FAR], 0, 2 * NOON), store.extent()
    strings = hostile_strings(600)
    assert len(set(strings)) >= 600
    for text in strings:
        keys = [
            *(SeriesKey(text, "board-1", "co2_ppm"), SeriesKey("school", text, "co2_ppm")),
            SeriesKey("school", "board-1", text),
        ]
        for key in keys:
            with pytest.raises(StoreError, match="no series of the wire contract"):
                store.write(2, readings((CO2, NOON + 2, 1.0, GOOD), (key, NOON + 2, 1.0, GOOD)))
        assert store.read(keys, 0, 2 * NOON) == {key: [] for key in keys} == store.means(keys, 0, 2 * NOON)
        for site, board in ((text, None), (None, text), (text, "board-1"), ("school", text)):
            assert store.series(site, board) == [] == list(store.rows(site, board, None, None))
        store.write(0, readings(), readings(*((key, NOON, 1.0, UNSYNCED) for key in keys)))
    assert store.cursor() == 1
    assert (everything(store), store.series(), store.means([CO2, FAR], 0, 2 * NOON), store.extent()) == before


def test_hostile_strings_remove_nothing(store):
    """Named in what is to be removed, they remove nothing: not of their series, not of another."""
    doubtful = [(key, NOON + i, 1.0, UNSYNCED) for i, key in enumerate((CO2, FAR))]
    store.write(1, readings(*doubtful))
    before = everything(store)
    keys = []
    for text in hostile_strings(500):
        keys += [SeriesKey(text, "board-1", "co2_ppm"), SeriesKey("school", text, "co2_ppm")]
        keys += [SeriesKey("school", "board-1", text)]
    store.write(2, readings(), readings(*((key, NOON + i, 1.0, UNSYNCED) for key in keys for i in range(2))))
    assert (store.cursor(), everything(store)) == (2, before)


def test_names_that_only_begin_alike_are_others(store):
    """Sites, boards and points of which one begins with the other stay apart in reading, means and removal."""
    names = ["school", "school-", "school-2", "schoo", "-school"]
    keys = [
        SeriesKey(site, board, point)
        for site in names
        for board in names
        for point in ("co2_ppm", "power_w.1")
    ]
    store.write(1, readings(*((key, NOON, float(i), UNSYNCED) for i, key in enumerate(keys))))
    for i, key in enumerate(keys):
        assert store.read([key], NOON, NOON + 1) == {key: [(NOON, float(i), UNSYNCED)]}
    for name in names:
        assert {key.site for key in store.series(name)} == {name}
        assert {row.board for part in store.rows(None, name, None, None) for row in part} == {name}
    store.write(2, readings(), readings((keys[0], NOON, 0.0, UNSYNCED)))
    assert sorted(row.value for row in everything(store)) == [float(i) for i in range(1, len(keys))]
