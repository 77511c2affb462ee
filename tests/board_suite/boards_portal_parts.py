"""What the portal is made of: requests, forms, hosts, claim codes and DNS queries, taken apart. All pure."""

import os

from firmware.board import portal
from firmware.board.portal import claim_code, dns_answer, escape, form, header, valid_host

CODE = "0123456789ABCDEFGHJS"  # its last sign is the check sign
QUERY = b"\x12\x34\x01\x00\0\1\0\0\0\0\0\0\x07captive\x05apple\x03com\0\0\1\0\1"
ADDRESS = "192.168.4.1"


def refuses(function, *args):
    try:
        function(*args)
    except (ValueError, LookupError):
        return True
    return False


def test_a_header_is_found():
    head = "post /vi http/1.1\r\nx-host: b\r\nhost:a\r\naccept-language:  en \r\nx\r\nhost: c"
    for name, value in (("host", "a"), ("accept-language", "en"), ("x", ""), ("vi http/1.1", ""), ("y", "")):
        assert header(head, name) == value, name


def test_a_form_is_decoded():
    assert form(b"ssid=Tr%C6%B0%E1%BB%9Dng+h%E1%BB%8Dc&password=a%2Bb%26c%3D%25&x") == {
        "ssid": "Trường học",
        "password": "a+b&c=%",
        "x": "",
    }
    assert form("a=tầng 2".encode()) == {"a": "tầng 2"}
    assert form(b"a=1&a=2") == {"a": "2"}
    for bad in (
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%C6",
        b"a=%FF",
        b"a=\xff",
        b"\xff=a",
        b"a=%00",
        b"a=x%0Ay",
        b"a=\t",
    ):
        assert refuses(form, bad), bad


def test_html_signs_are_escaped():
    assert escape('" onfocus="x">&amp;') == "&#34; onfocus=&#34;x&#34;>&#38;amp;"
    assert escape("Trường học 2") == "Trường học 2"


def test_hosts():
    for good in (
        "192.168.1.10",
        "0.0.0.0",
        "campus",
        "may-chu.truong.edu.vn",
        "CAMPUS.local",
        "3com.vn",
        "a" * 253,
    ):
        assert valid_host(good), good
    for bad in (
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a:1883",
        "http://a",
        "a/b",
        "a_b",
        "<a>",
        "trường.vn",
        "a\u200b.vn",
    ):
        assert not valid_host(bad), bad
    for bad in ("192.168.1", "192.168.1.256", "1.2.3.4.5", "1.2..3", "1.2.3.", "1", "192,168,1,10", "::1"):
        assert not valid_host(bad), bad


def test_a_claim_code_is_taken_as_people_type_it():
    for typed in (
        CODE,
        CODE.lower(),
        "0123-4567-89AB-CDEF-GHJS",
        " 0123 4567 89ab cdef ghjs ",
        "Oi23456789ABCDEFGHJS",
        "oL23\t4567-89AB--CDEF  GHJS",
    ):
        assert claim_code(typed) == CODE, typed
    for bad in ("", "0", CODE[:-1], CODE + "0", CODE[:-1] + "U", CODE[:-1] + "ữ", "0" * 19 + "1", "x" * 1000):
        assert claim_code(bad) is None, bad


def test_every_single_slip_in_a_claim_code_is_found():
    for at in range(20):
        for sign in portal.SIGNS:
            slip = CODE[:at] + sign + CODE[at + 1 :]
            assert (claim_code(slip) is None) == (sign != CODE[at]), slip
    for check in portal.SIGNS:
        assert claim_code("U" + CODE[1:-1] + check) is None  # a sign that is none, whatever its check sign


def test_dns_gives_its_own_address_for_every_name():
    question = QUERY[12:]
    answer = (
        b"\x12\x34\x85\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\xc0\xa8\x04\x01"
    )
    assert dns_answer(QUERY, ADDRESS) == answer
    root = QUERY[:12] + b"\0\0\1\0\1"
    assert dns_answer(root, ADDRESS)[-4:] == b"\xc0\xa8\x04\x01"
    with_options = QUERY[:10] + b"\0\1" + question + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    assert dns_answer(with_options, ADDRESS) == answer  # EDNS is not for us


def test_dns_has_nothing_of_other_types():
    for kind in (b"\0\x1c\0\1", b"\0\x41\0\1", b"\0\xff\0\1", b"\0\1\0\3"):
        answer = dns_answer(QUERY[:-4] + kind, ADDRESS)
        assert answer == b"\x12\x34\x85\x80\0\1\0\0\0\0\0\0" + QUERY[12:-4] + kind


def test_dns_leaves_alone_what_is_no_query():
    for end in range(len(QUERY)):
        assert dns_answer(QUERY[:end], ADDRESS) is None, end
    for bad in (
        QUERY[:2] + b"\x81" + QUERY[3:],  # an answer
        QUERY[:2] + b"\x29" + QUERY[3:],  # another operation
        QUERY[:5] + b"\0" + QUERY[6:],  # no question
        QUERY[:5] + b"\2" + QUERY[6:],  # two
        QUERY[:12] + b"\xc0\x0c\0\1\0\1",  # a pointer
        QUERY[:12] + b"\x07captive",  # no end
        bytes(512),
        b"\xff" * 512,
    ):
        assert dns_answer(bad, ADDRESS) is None, bad
    for _ in range(300):
        for noise in (os.urandom(os.urandom(1)[0]), QUERY[:12] + os.urandom(os.urandom(1)[0])):
            assert len(dns_answer(noise, ADDRESS) or b"") <= len(noise) + 16
