"""A page for a phone: a board without Wi-Fi and without USB is told its settings over an access point of its own.

The network has WPA2 and the board's own password. Every name leads to one page; it asks for four things, says which
is wrong, and has them saved. Nobody else's network is looked for: the person types the name. portal_vi.html and
portal_en.html hold the page with all that it may say: formats for `%`, so that text costs no bytecode.
"""

import asyncio
import os
import socket

from .clock import Uptime
from .port import sleep_ms

BYTES = 1024  # the longest head of a request, and the longest body
CONNECTIONS = 3  # more end the oldest, so a client that stalls keeps nobody out
EXCHANGE_MS = 5000  # for a request and its answer together
SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of a claim code
PAGE = __file__.rpartition(".")[0] + "_%s.html"


class AccessPoint:
    """The chip's radio as an access point. network: MicroPython's `network` module, or one like it."""

    address = "192.168.4.1"

    def __init__(self, network):
        self._radio = network.WLAN(network.AP_IF)

    def open(self, name, password):
        """Raises OSError or RuntimeError where the chip does not take it."""
        self._radio.active(True)  # it takes settings only while it is on
        self._radio.config(ssid=name, key=password, security=3, max_clients=CONNECTIONS)  # 3: WPA2
        self._radio.ifconfig((self.address, "255.255.255.0", self.address, self.address))

    def close(self):
        self._radio.active(False)


class Portal:
    """access_point: an AccessPoint. nvs: an Nvs. board: the board's id. config_values: the document of config.json.

    save(changes) merges {"wifi": {"ssid", "password"}, "broker": {"host"}} into it, or raises OSError or ValueError.
    """

    def __init__(self, access_point, nvs, board, config_values, save, port=80, dns_port=53):
        self._point = access_point
        self._nvs = nvs
        self._shown = {
            "name": "campus-" + board[-6:],
            "token": "%x" % int.from_bytes(os.urandom(8), "big"),
            "said": "",
            "ssid": "",
            "host": config_values.get("broker", {}).get("host", ""),
            "code": "",
        }
        self._save = save
        self._ports = port, dns_port
        self._host = access_point.address + ("" if port == 80 else ":%d" % port)
        self._uptime = Uptime()
        self._open = []  # (since, task) of each connection, the oldest first
        self._saved = False

    async def serve(self, minutes=10):
        """True: settings were saved, the board has to restart. False: nobody asked for the page for `minutes`.

        False at once, with nothing opened, when NVS has no password of 8 signs or more. Raises OSError.
        """
        password = self._nvs.text("ap_password", "")
        if len(password) < 8:
            return False
        address, opened = self._point.address, self._open
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server = None
        try:
            self._point.open(self._shown["name"], password)
            names.setblocking(False)
            names.bind(socket.getaddrinfo(address, self._ports[1])[0][-1])
            server = await asyncio.start_server(self._connected, address, self._ports[0])
            self._asked_at = self._uptime()
            while not self._saved and self._uptime() - self._asked_at < minutes * 60000:
                await sleep_ms(20)
                answer_names(names, address)
                while opened and (len(opened) > CONNECTIONS or self._uptime() - opened[0][0] > EXCHANGE_MS):
                    opened.pop(0)[1].cancel()
            await sleep_ms(1000)  # the phone needs its last answer before the network goes
            return self._saved
        finally:
            for _, task in opened:
                task.cancel()
            if server:
                server.close()
                await server.wait_closed()
            names.close()
            self._point.close()

    async def _connected(self, reader, writer):
        mine = (self._uptime(), asyncio.current_task())
        self._open.append(mine)
        try:
            try:
                page = (await self._page(reader)).encode()
                head = "200 \r\nContent-Type: text/html"
            except (ValueError, LookupError):  # whatever it is: there is one thing to do here
                page = b""
                head = "302 \r\nLocation: http://%s/" % self._host
            writer.write(("HTTP/1.0 %s\r\nContent-Length: %d\r\n\r\n" % (head, len(page))).encode() + page)
            await writer.drain()
            while await reader.read(256):  # closing on what was not read yet would take the answer back
                pass
        except OSError:  # the phone went away
            pass
        finally:
            if mine in self._open:
                self._open.remove(mine)
            writer.close()  # does the work on CPython, wait_closed on MicroPython
            await writer.wait_closed()

    async def _page(self, reader):
        """The page, once a form that came was taken. Raises ValueError or LookupError for no request to us."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += await more(reader, BYTES - len(got))
        head, _, body = got.partition(b"\r\n\r\n")
        head = str(head, "utf-8").lower()
        method, path, _ = head.split(None, 2)
        if header(head, "host") != self._host:  # a phone that looks for a portal, or a name rebound to us
            raise ValueError
        self._asked_at = self._uptime()
        shown = self._shown.copy()
        if method == "post":
            length = int(header(head, "content-length"))
            while len(body) < length:
                body += await more(reader, min(length, BYTES) - len(body))
            given = form(body)
            if given["token"] != shown["token"]:  # another site's form, or one from before a restart
                raise ValueError
            given["said"] = self._take(given)
            shown.update(given)
        for name in shown:
            shown[name] = escape(shown[name])
        language = path[1:] or header(head, "accept-language")[:2]
        with open(PAGE % ("en" if language == "en" else "vi")) as file:
            return file.read() % shown

    def _take(self, given):
        """What the page has to say: "saved"; or which of its sentences on what is wrong, then nothing was written."""
        ssid, host, password = given["ssid"].strip(), given["host"].strip(), given["password"]
        known = self._nvs.text("password")
        code = given["code"].strip()
        secret = claim_code(code) if code else known
        said = ""
        if not 0 < len(ssid.encode()) <= 32:
            said += " ssid"
        if password and not 8 <= len(password.encode()) <= 63:
            said += " password"
        if not valid_host(host):
            said += " host"
        if not secret:
            said += " code"
        if not said:
            try:
                # The secret first: cut off between the two, a board without Wi-Fi opens its portal once more.
                self._nvs.set(password=secret)
                self._save({"wifi": {"ssid": ssid, "password": password}, "broker": {"host": host}})
                self._saved = True
                return "saved"
            except (OSError, ValueError):
                self._nvs.set(password=known)
                said = "failed"
        return said + " again" if password else said  # it is not sent back


async def more(reader, limit):
    """What comes next. Raises ValueError when nothing more comes, or may come."""
    got = await reader.read(limit)
    if not got:
        raise ValueError
    return got


def header(head, name):
    """The value of a header in the head of a request, all in lower case; empty if there is none."""
    return head.partition("\r\n" + name + ":")[2].partition("\r\n")[0].strip()


def form(body):
    """name -> text of a urlencoded form. Raises ValueError, for a control sign in a text too."""
    fields = {}
    for pair in body.split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        value, *coded = value.split(b"%")
        for each in coded:
            value += bytes((int(each[:2], 16),)) + each[2:]
        if min(value or b" ") < 32:
            raise ValueError
        fields[str(name, "utf-8")] = str(value, "utf-8")
    return fields


def escape(text):
    """`text` for HTML, between double quotes."""
    return text.replace("&", "&#38;").replace('"', "&#34;")


def valid_host(host):
    """Whether it may be the name or the IPv4 address of a server."""
    labels = host.split(".")
    if not all(labels) or host.upper().strip(SIGNS + "ILOU.-"):
        return False
    # What is all digits cannot be a name: there is no such top-level one.
    return not host.replace(".", "").isdigit() or (len(labels) == 4 and max(map(int, labels)) < 256)


def claim_code(text):
    """A claim code as it was typed, in the form in which it is the password; None for what is none.

    Form and check sign (Luhn modulo 32) are those of campus/boards/accounts.py.
    """
    code = "".join(text.upper().replace("-", "").split())
    for typed, meant in ("I1", "L1", "O0"):
        code = code.replace(typed, meant)
    total = 0
    for at, sign in enumerate(code):
        value = SIGNS.find(sign) * (2 - at % 2)
        if value < 0:
            return None
        total += value // 32 + value % 32
    return code if len(code) == 20 and total % 32 == 0 else None


def answer_names(names, address):
    """Answer the DNS queries that wait at the socket `names`, a few at a time."""
    try:
        for _ in range(8):
            query, asker = names.recvfrom(512)
            answer = dns_answer(query, address)
            if answer:
                names.sendto(answer, asker)
    except OSError:  # none waits
        pass


def dns_answer(query, address):
    """The answer to a DNS query (RFC 1035 section 4): `address` for every name. None for what is no query.

    Of other types than A there is nothing: an empty answer, so that a phone need not wait for one.
    """
    end = query.find(b"\0", 12) + 5  # of the name, whose end is the first zero, the type and the class
    if not 16 < end <= len(query) or query[5] != 1 or query[2] & 0xF8:
        return None
    question = query[12:end]
    found = question[-4:] == b"\0\1\0\1"
    # For the name of the question: A, IN, good for 10 s.
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + bytes(map(int, address.split(".")))
    return query[:2] + b"\x85\x80\0\1\0" + bytes((found,)) + b"\0\0\0\0" + question + record * found
