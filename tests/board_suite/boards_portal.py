"""The portal's answers: to phones, people and attackers; what it saves, and what it does not."""

import asyncio

from firmware.board.portal import Portal

CODE = "0123456789ABCDEFGHJS"  # its last sign is the check sign
GOOD = {"ssid": "Trường học", "password": "mật khẩu", "host": "192.168.1.10", "code": CODE}
ADDRESS = "192.168.4.1"


class Point:
    """An access point that only notes what is asked of it."""

    def __init__(self, address):
        self.address = address
        self.calls = []

    def open(self, name, password):
        self.calls.append((name, password))

    def close(self):
        self.calls.append("close")


class Nvs:
    def __init__(self, **held):
        self.held = held

    def text(self, key, default=None):
        return self.held.get(key, default)

    def set(self, **values):
        for key in values:
            if values[key] is None:
                self.held.pop(key, None)
            else:
                self.held[key] = values[key]


class Stream:
    """Gives the pieces of a request, then its end; keeps what is written."""

    def __init__(self, *pieces):
        self._pieces = list(pieces)
        self.written = b""
        self.closed = False

    async def read(self, limit):
        if not self._pieces or not limit:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > limit:
            self._pieces.insert(0, piece[limit:])
        return piece[:limit]

    def write(self, data):
        self.written += data

    async def drain(self):
        pass

    def close(self):
        pass

    async def wait_closed(self):
        self.closed = True


class Office:
    """A portal with everything it needs; `saved` and `nvs` show what it wrote. failing: an error that `save` raises."""

    def __init__(self, failing=None, **held):
        self.failing = failing
        self.saved = []
        self.nvs = Nvs(ap_password="made-up-word", **held)
        self.point = Point(ADDRESS)
        broker = {"host": "192.168.1.10", "port": 8883}
        self.portal = Portal(self.point, self.nvs, "esp32-a0b1c2d3e4f5", {"broker": broker}, self.save)

    def save(self, changes):
        if self.failing:
            raise self.failing
        self.saved.append(changes)

    def asks(self, *pieces):
        """(status, headers and body as text) of the answer."""
        stream = Stream(*pieces)
        asyncio.run(self.portal._connected(stream, stream))
        assert stream.closed and not self.portal._open
        return int(stream.written.split(b" ")[1]), str(stream.written, "utf-8")

    def gets(self, path, *headers, method="GET", host=ADDRESS):
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + host] + list(headers)
        return self.asks("\r\n".join(lines + ["", ""]).encode())

    def posts(self, path="/vi", to=ADDRESS, method="POST", **fields):
        """`to`: the Host header. fields: other values of the form than the right ones."""
        values = dict(GOOD, token=self.portal._shown["token"])
        values.update(fields)
        body = "&".join([name + "=" + coded(values[name]) for name in values])
        lines = (method, path, to, len(body))
        head = "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % lines
        return self.asks(head.encode(), body.encode())


def said(page):
    """The names of the sentences that the page shows."""
    return page.partition('<body class="')[2].partition('"')[0].split()


def coded(text):
    return "".join(["%%%02X" % byte for byte in text.encode()])


def test_the_page_is_in_the_language_of_the_path_or_of_the_phone():
    office = Office()
    for path, header, lang, label in (
        ("/", "Accept-Language: en-US,en;q=0.9", "en", "Wi-Fi password"),
        ("/", "Accept-Language: vi-VN,vi;q=0.9,en", "vi", "Mật khẩu Wi-Fi"),
        ("/", "Accept-Language: fr", "vi", "Mật khẩu Wi-Fi"),
        ("/", "X: y", "vi", "Mật khẩu Wi-Fi"),
        ("/vi", "Accept-Language: en", "vi", "Mật khẩu Wi-Fi"),
        ("/en", "Accept-Language: vi", "en", "Wi-Fi password"),
        ("/../main.py", "Accept-Language: ../", "vi", "Mật khẩu Wi-Fi"),
    ):
        status, page = office.gets(path, header)
        assert status == 200 and "<html lang=%s>" % lang in page and label in page, (path, header)
        assert 'value="192.168.1.10"' in page and "campus-d3e4f5" in page
        assert "action=/" + lang in page and not said(page)


def test_both_pages_have_every_sentence():
    office = Office()
    for path in ("/vi", "/en"):
        _, page = office.gets(path)
        for name in SENTENCES:
            rule, sentence = ".%s .%s" % (name, name), "<b class=%s>" % name
            assert rule in page and len(page.split(sentence)) == 2, (path, name)
            assert page.partition(sentence)[2].partition("</b>")[0].endswith("."), (path, name)
        assert "%" not in page.replace("width:100%", "")


SENTENCES = ("ssid", "password", "again", "host", "code", "failed", "saved")


def test_right_settings_are_saved_and_the_code_becomes_the_password():
    office = Office()
    status, page = office.posts(code="olz3-4567 89ab-cdef-ghjs".replace("z", "2"), ssid=" Trường học ")
    assert status == 200 and said(page) == ["saved"]
    changes = {
        "wifi": {"ssid": "Trường học", "password": "mật khẩu"},
        "broker": {"host": "192.168.1.10"},
    }
    assert office.saved == [changes] and office.portal._saved
    assert office.nvs.held["password"] == CODE


def test_one_wrong_field_is_told_and_nothing_is_written():
    for name, value in (
        ("ssid", ""),
        ("ssid", "   "),
        ("ssid", "ữ" * 11),  # 33 bytes
        ("password", "1234567"),
        ("password", "x" * 64),
        ("password", "ữ" * 22),  # 66 bytes
        ("host", "192.168.1.300"),
        ("code", CODE[:-1] + "R"),
        ("code", ""),
    ):
        office = Office()
        for path in ("/vi", "/en"):
            status, page = office.posts(path, **{name: value})
            assert status == 200 and said(page) == [name, "again"], (name, value, page)
            assert "<html lang=%s>" % path[1:] in page
        assert not office.saved and "password" not in office.nvs.held and not office.portal._saved


def test_what_was_typed_stays_but_for_the_password():
    office = Office()
    _, page = office.posts(ssid='A "<b>&', host="a b", code="what<", password="secret-word")
    for kept in ('"A &#34;<b>&#38;"', '"a b"', '"what<"'):
        assert kept in page, (kept, page)
    assert said(page) == ["host", "code", "again"] and "secret-word" not in page
    assert "again" not in said(office.posts(host="a b", password="")[1])  # there was none


def test_what_was_typed_is_never_read_for_names_of_fields():
    office = Office()
    for ssid in ("%(code)s", "%(token)s", "%s", "100%", "%%", "%(", "@code", "{code}", "&#38;"):
        _, page = office.posts(ssid=ssid, host="%(ssid)s", code="%(name)s")
        for kept in (ssid.replace("&", "&#38;"), "%(ssid)s", "%(name)s"):
            assert 'value="%s"' % kept in page, (ssid, page)
        assert said(page) == ["host", "code", "again"]
    assert said(office.posts(said="saved", name="x", ssid="")[1]) == ["ssid", "again"]


def test_an_open_network_and_the_limits_are_taken():
    for fields in (
        {"password": ""},
        {"password": "12345678"},
        {"password": "x" * 63},
        {"ssid": "x" * 32},
        {"ssid": "a"},
        {"host": "campus.truong-hoc.edu.vn"},
    ):
        office = Office()
        assert said(office.posts(**fields)[1]) == ["saved"], fields
        assert len(office.saved) == 1


def test_a_board_that_has_a_password_keeps_it_when_no_code_is_typed():
    office = Office(password="its-own")
    assert said(office.posts(code=" ")[1]) == ["saved"]
    assert office.nvs.held["password"] == "its-own"
    assert said(office.posts(code="12")[1]) == ["code", "again"]  # a wrong one is no empty one


def test_what_cannot_be_saved_is_told_and_changes_nothing():
    for error in (OSError(28), ValueError("config.json: site has to be an id")):
        for held in ({}, {"password": "its-own"}):
            office = Office(error, **held)
            status, page = office.posts()
            assert status == 200 and said(page) == ["failed", "again"]
            assert office.nvs.held.get("password") == held.get("password") and not office.portal._saved


def test_only_a_form_of_this_start_and_of_this_address_counts():
    office = Office()
    for given in ({"token": "12"}, {"token": ""}, {"to": "evil.example"}, {"to": "192.168.4.1.evil.example"}):
        status, answer = office.posts(**given)
        assert status == 302 and "Location: http://192.168.4.1/\r\n" in answer, given
    assert not office.saved
    assert Office().portal._shown["token"] != Office().portal._shown["token"]
    assert said(office.posts()[1]) == ["saved"]  # the same with its token and its host


def test_phones_that_look_for_a_portal_are_led_to_the_page():
    office = Office()
    for host, path in (
        ("connectivitycheck.gstatic.com", "/generate_204"),  # Android
        ("captive.apple.com", "/hotspot-detect.html"),  # iOS, macOS
        ("www.msftconnecttest.com", "/connecttest.txt"),  # Windows
        ("www.msftconnecttest.com", "/redirect"),
        ("detectportal.firefox.com", "/success.txt?ipv4"),
        ("vnexpress.net", "/"),
        ("192.168.4.1:8080", "/"),
    ):
        status, answer = office.gets(path, host=host)
        assert status == 302 and "Location: http://192.168.4.1/\r\n" in answer, host


def test_only_a_post_writes():
    office = Office()
    for method in ("GET", "HEAD", "PUT", "DELETE", "POSTS"):
        assert not said(office.posts(method=method)[1]), method
    assert not office.saved


def test_what_is_no_request_is_led_to_the_page_in_a_line():
    office = Office()
    for pieces in BAD:
        status, answer = office.asks(*pieces)
        assert status == 302 and "Location: http://192.168.4.1/\r\n" in answer and len(answer) < 100, pieces
    assert office.posts(more="x" * 300)[0] == 302 and not office.saved  # 900 bytes more


HOST = b"Host: 192.168.4.1\r\n"
BAD = (
    (),
    (b"",),
    (b"\r\n\r\n",),
    (b"GET / HTTP/1.1\r\n\r\n",),
    (b"GET /\r\n\r\n",),
    (b"\xff\xfe / HTTP/1.1\r\n" + HOST + b"\r\n",),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60) + b"\r\n\r\n",),  # TLS
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 1024 + b"\r\n\r\n",),
    (b"GET / HTTP/1.1\r\n" + HOST,),
    (b"POST / HTTP/1.1\r\n" + HOST + b"\r\n",),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n",),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n\r\nssid=",),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nssid=", b"a"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nssid=\r\n0\r\n\r\n",),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 7\r\n\r\nssid=%4",),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\nssid=a",),
)


def test_a_request_may_come_in_any_pieces():
    office = Office()
    body = ("token=%s&ssid=a&password=&host=a.b&code=%s" % (office.portal._shown["token"], CODE)).encode()
    head = b"POST /en HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
    for size in (1, 2, 7, 100, 1000):
        whole = head + body
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert said(office.asks(*pieces)[1]) == ["saved"], size
    full = b"GET / HTTP/1.1\r\n" + HOST
    full += b"X: " + b"y" * (1024 - len(full) - 3 - 4) + b"\r\n\r\n"
    assert len(full) == 1024 and office.asks(full)[0] == 200
    assert office.asks(full.replace(b"X: ", b"X: y"))[0] == 302
