"""The Python client, against the real server: every operation, shape by shape, and what it does in trouble."""

import importlib.util
import re
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from api_school import SITE, TOKEN, running

from api.app import create_app
from api.context import Rates
from api.server import ApiServer
from campus.client import (
    Changed,
    Client,
    Conflicting,
    Invalid,
    NotSignedIn,
    NotThere,
    TooMany,
    Unreachable,
    shapes,
)

ROOT = Path(__file__).parent.parent


def _maker():
    spec = importlib.util.spec_from_file_location("make_client", ROOT / "tools" / "make_client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture
def client(campus):
    with Client(campus.url, TOKEN) as client:
        yield client


@pytest.fixture(scope="module")
def document(campus):
    return campus.app.openapi()


def test_what_is_made_from_the_openapi_is_up_to_date(document):
    """After a change of the API, run `python tools/make_client.py`."""
    stale = [path.name for path, text in _maker().made(document).items() if path.read_text() != text]
    assert stale == []


def test_every_operation_is_a_method(client, document):
    """By its tag and its operationId; nothing of the API is out of reach."""
    for methods in document["paths"].values():
        for operation in methods.values():
            assert callable(getattr(getattr(client, operation["tags"][0]), operation["operationId"]))


def test_every_shape_has_the_fields_of_the_openapi(document):
    """No field more and none less, under the same names."""
    maker = _maker()
    for name, schema in document["components"]["schemas"].items():
        if not maker.LEFT_OUT.fullmatch(name):
            shape = getattr(shapes, maker.name_of(name))
            told = {field.alias or one for one, field in shape.model_fields.items()}
            assert told == set(schema.get("properties", {})), name
            needed = {field.alias or one for one, field in shape.model_fields.items() if field.is_required()}
            assert needed == set(schema.get("required", ())), name


def test_a_list_is_followed_to_its_end(client, campus):
    """Pages of five come as one iterator over all rooms, each once."""
    found = [room.id for room in client.sites.rooms(SITE, limit=5)]
    assert sorted(found) == sorted(room.id for room in campus.records.rooms(SITE))
    assert len(found) == 24


def test_pages_are_asked_for_only_as_they_are_needed(client, monkeypatch):
    """Who stops after the first item has asked once."""
    asked = []
    send = client._transport._http.send
    monkeypatch.setattr(client._transport._http, "send", lambda *a, **k: asked.append(1) or send(*a, **k))
    next(client.sites.rooms(SITE, limit=2))
    assert asked == [1]


def test_a_change_is_made_only_to_what_was_read(client):
    """Of two who read a building, the slower is told so, and nothing of theirs is written."""
    made = client.places.create_building(SITE, shapes.BuildingNew(id="annex", name="Annex"))
    mine, theirs = client.sites.building(SITE, made.id), client.sites.building(SITE, made.id)
    changed = client.places.change_building(SITE, made.id, shapes.BuildingChanges(floors=3), read=mine)
    assert (changed.floors, changed.name) == (3, "Annex")
    with pytest.raises(Changed):
        client.places.change_building(SITE, made.id, shapes.BuildingChanges(name="Other"), read=theirs)
    assert client.sites.building(SITE, made.id).name == "Annex"
    client.places.remove_building(SITE, made.id, read=client.sites.building(SITE, made.id))
    with pytest.raises(NotThere):
        client.sites.building(SITE, made.id)


def test_what_a_list_gave_says_nothing_to_a_change(client, campus):
    """A list has no ETags: to change blindly must be said, by leaving `read` out."""
    room = next(client.sites.rooms(SITE))
    with pytest.raises(ValueError, match="singly"):
        client.places.change_room(SITE, room.id, shapes.RoomChanges(capacity=40), read=room)


def test_refusals_are_typed(client, campus):
    """Status, sentence and fields, in the language asked for; a token that is none is told as such."""
    with pytest.raises(NotThere) as refused:
        client.sites.room(SITE, "nowhere")
    assert refused.value.status == 404 and "nowhere" in refused.value.detail
    with pytest.raises(Invalid) as refused:
        list(client.sites.rooms("NO ID"))
    assert refused.value.errors[0][0] == "path.site"
    with Client(campus.url, "no-token") as stranger, pytest.raises(NotSignedIn):
        stranger.sites.site(SITE)
    with Client(campus.url, TOKEN, language="vi") as speaker, pytest.raises(NotThere, match="Không"):
        speaker.sites.room(SITE, "nowhere")


@pytest.mark.parametrize("id", ["..", ".", ""])
def test_an_id_that_would_leave_its_place_is_refused(client, id):
    """Nothing is asked for at another address than the method's."""
    with pytest.raises(ValueError, match="no id"):
        client.sites.room(SITE, id)


@pytest.mark.parametrize("id", ["a/b", "a?b=1", "a#b", "../people"])
def test_an_id_is_quoted(client, id):
    """Signs that mean something in an address are part of the id, which the server then refuses."""
    with pytest.raises((Invalid, NotThere)):
        client.sites.room(SITE, id)


@pytest.fixture
def hurried(campus):
    """The same school behind a server that allows two requests at once, and then one a second."""
    rates = Rates(per_second=1, at_once=2, strangers_per_second=1)
    server = ApiServer(create_app(replace(campus.app.state.context, rates=rates)), "127.0.0.1", 0)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def test_it_waits_as_told_and_tries_again(hurried):
    """429 is no error as long as the tries last; the waits are those of Retry-After."""
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        time.sleep(seconds)

    with Client(hurried, TOKEN, sleep=sleep) as client:
        for _ in range(4):
            assert client.sites.site(SITE).id == SITE
    assert waits and all(wait >= 1 for wait in waits)


def test_it_does_not_try_for_ever(hurried):
    """After its tries the 429 is raised, with the seconds to wait."""
    with (
        Client(hurried, TOKEN, tries=2, sleep=lambda seconds: None) as client,
        pytest.raises(TooMany) as refused,
    ):
        for _ in range(10):
            client.sites.site(SITE)
    assert refused.value.retry_after >= 1


class Losing(httpx.HTTPTransport):
    """A network that carries every request, and loses the first `answers`."""

    def __init__(self, answers: int, forget_key: bool = False) -> None:
        super().__init__()
        self.left = answers
        self.forget_key = forget_key

    def handle_request(self, request):
        if self.forget_key:
            request.headers.pop("Idempotency-Key", None)
        answer = super().handle_request(request)
        if self.left:
            self.left -= 1
            answer.read()
            raise httpx.ReadError("the answer was lost", request=request)
        return answer


@pytest.mark.parametrize("forget_key", [False, True], ids=["with its key", "control: without"])
def test_a_write_whose_answer_was_lost_is_done_once(campus, forget_key):
    """The same key goes out again and the first answer comes back; without the key the second try is refused."""
    with Client(campus.url, TOKEN, sleep=lambda seconds: None) as client:
        for loan in list(client.equipment.loans(SITE, status="lent")):
            client.equipment.return_loan(SITE, loan.number, shapes.ReturnForm())
        before = len(list(client.equipment.loans(SITE)))
        lost = Losing(0, forget_key)
        client._transport._http._transport = lost
        piece = next(iter(client.equipment.equipment(SITE)))
        lost.left = 1
        form = shapes.LoanForm(equipment=piece.id, borrower="Cô Hoa")
        if forget_key:
            with pytest.raises(Conflicting):
                client.equipment.lend(SITE, form)
        else:
            assert client.equipment.lend(SITE, form).borrower == "Cô Hoa"
        assert len(list(client.equipment.loans(SITE))) == before + 1


def test_no_server_is_told_after_the_tries(free_port):
    """The waits between are bounded, and the error names the address."""
    waits = []
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, TOKEN, tries=3, sleep=waits.append) as client, pytest.raises(Unreachable, match=url):
        client.sites.site(SITE)
    assert waits == [0.5, 1.0]


def test_an_export_is_streamed_to_a_file(client, campus, tmp_path):
    """The file is there when it is whole."""
    written = client.export.export_resource(SITE, "rooms", tmp_path / "rooms.csv", format="csv")
    lines = written.read_text("utf-8-sig").splitlines()
    assert len(lines) == 25 and campus.room in written.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["rooms.csv"]


def test_an_export_that_breaks_off_leaves_no_file(client, tmp_path, monkeypatch):
    """Not even a part of it; what stood there before stays."""
    (tmp_path / "rooms.csv").write_text("older")

    def broken(self):
        yield b"half"
        raise httpx.ReadError("gone")

    monkeypatch.setattr(httpx.Response, "iter_bytes", broken)
    with pytest.raises(Unreachable):
        client.export.export_resource(SITE, "rooms", tmp_path / "rooms.csv")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("rooms.csv", "older")]


def test_live_events_come_as_they_happen(client, campus):
    """The stream is an iterator; what changes after it opened comes."""
    events = client.live.live_events(site=SITE)
    assert next(events).kind == "beat"
    state = campus.live.rooms(SITE)[0]
    campus.live.set_room(replace(state, values={"co2_ppm": 777.0}))
    event = next(one for one in events if one.kind == "room")
    assert (event.data["room"], event.data["values"]) == (state.room, {"co2_ppm": 777.0})
    events.close()


def test_it_needs_a_token():
    """An empty one is refused before anything is sent."""
    with pytest.raises(ValueError, match="token"):
        Client("http://127.0.0.1", "")


@pytest.mark.parametrize("page", ["api.md", "client.md"])
def test_the_examples_run(campus, page, tmp_path, monkeypatch, capsys):
    """Each Python block of the page, with this school's address and token in place of those it shows."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.S)
    assert len(blocks) == 1
    for block in blocks:
        exec(block.replace("http://127.0.0.1:8080", campus.url).replace('"TOKEN"', repr(TOKEN)), {})
    assert len(capsys.readouterr().out.splitlines()) == {"api.md": 1, "client.md": 24}[page]
    assert (tmp_path / "facts.csv").exists() == (page == "client.md")
