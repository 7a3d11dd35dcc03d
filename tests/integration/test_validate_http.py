"""http-01 against real servers: RFC 8555, 8.3; TLS BR 3.2.2.4.19."""
import ssl
import time

import pytest

from validator_rig import (ACCOUNT, HTTP, THUMBPRINT, WELL_KNOWN, Dns, Validator, Web, alpn_certificate, authorization,
                           finite_field_context, san, tls_context)


@pytest.fixture(scope="module")
def dns():
    d = Dns()
    yield d
    d.stop()


@pytest.fixture(scope="module")
def web():
    w = Web()
    yield w
    w.stop()


@pytest.fixture(scope="module")
def web_tls(tmp_path_factory):
    """HTTPS with a certificate nobody knows."""
    context = tls_context(tmp_path_factory.mktemp("tls"), alpn_certificate([san("whoever.test")], b"", identifiers=0), protocols=())
    w = Web(tls=context)
    yield w
    w.stop()


@pytest.fixture(scope="module")
def validator(tmp_path_factory, dns, web, web_tls):
    v = Validator(tmp_path_factory.mktemp("v"), [f"validation.resolvers=127.0.0.1:{dns.port}", f"validation.http_port={web.port}",
                                                 f"validation.tls_port={web_tls.port}"])
    yield v
    v.stop()


def kinds(answer):
    return [row[0] for row in answer["met"]]


def test_right_answer(validator, web):
    token = validator.token()
    web.put(token, authorization(token) + " \r\n\t")
    a = validator.validate("dns", "www.right.test", HTTP, token)
    assert a["good"] and a["error"] == "AVOW_OK", a
    assert a["control"] == [{"name": "www.right.test", "type": 1, "method": 1, "scope": 1, "account": ACCOUNT,
                             "age_ms": a["control"][0]["age_ms"], "thumbprint": THUMBPRINT.hex()}]
    assert 0 <= a["control"][0]["age_ms"] < 1000
    # A reserved name in a test CA: public CAA cannot speak of it.
    assert a["caa"] == [{"name": "www.right.test", "wildcard": False, "method": 1, "verdict": 3, "holds_ms": 8 * 3600 * 1000,
                         "account": ACCOUNT}]
    assert ["dns", "www.right.test A", "127.0.0.1"] in a["met"] and ["dns", "www.right.test AAAA", "no such records"] in a["met"]
    assert kinds(a)[-2:] == ["connect", "http"]
    path, headers = web.seen[-1]
    assert path == WELL_KNOWN + token and headers["Host"] == f"www.right.test:{web.port}"
    assert headers["User-Agent"].startswith("Avow/") and "Cookie" not in headers and "Authorization" not in headers


def test_localhost_needs_no_dns(validator, web):
    token = validator.token()
    web.put(token, authorization(token))
    a = validator.validate("dns", "a.localhost", HTTP, token)
    assert a["good"] and ["dns", "a.localhost", "loopback (RFC 6761)"] in a["met"]


def test_address(validator, web):
    token = validator.token()
    web.put(token, authorization(token))
    a = validator.validate("ip", "127.0.0.1", HTTP, token)
    assert a["good"] and a["control"][0]["type"] == 2 and a["caa"] == [] and a["caa_expires"] == 0


@pytest.mark.parametrize("body, status, error, words", [
    ("nonsense", 200, "ERR_INCORRECT_RESPONSE", "(8 bytes) is not the key authorization"),
    ("", 200, "ERR_INCORRECT_RESPONSE", "(0 bytes)"),
    (" {}", 200, "ERR_INCORRECT_RESPONSE", "is not the key authorization"),
    ("{other}", 200, "ERR_INCORRECT_RESPONSE", "another account's key"),
    ("{}" + "x" * 2000, 200, "ERR_INCORRECT_RESPONSE", "longer than"),
    ("{}" + " " * 100000, 200, "ERR_INCORRECT_RESPONSE", "longer than"),
    ("{}", 404, "ERR_UNAUTHORIZED", "status 404"),
    ("{}", 500, "ERR_UNAUTHORIZED", "status 500"),
    ("x" * 100000, 403, "ERR_UNAUTHORIZED", "status 403"),
    ("{}", 304, "ERR_UNAUTHORIZED", "status 304"),
])
def test_wrong_answers(validator, web, body, status, error, words):
    token = validator.token()
    web.put(token, body.replace("{other}", authorization(token, bytes(32))).replace("{}", authorization(token)), status)
    a = validator.validate("dns", "wrong.test", HTTP, token)
    assert not a["good"] and a["error"] == error and words in a["detail"], a
    assert a["control"] == [] and a["caa"] == []


@pytest.mark.parametrize("status, good", [(301, True), (302, True), (307, True), (308, True), (303, False), (300, False)])
def test_redirect_codes(validator, web, status, good):
    token = validator.token()
    web.redirect(token, f"/elsewhere/{token}?q=1#part", status)
    web.answers[f"/elsewhere/{token}?q=1"] = (200, {}, authorization(token).encode())
    a = validator.validate("dns", "moved.test", HTTP, token)
    assert a["good"] == good, a
    assert ("redirect" in kinds(a)) == good


@pytest.mark.parametrize("location, words", [
    (None, "exactly one Location"),
    ("ftp://moved.test/x", "other than http or https"),
    ("file:///etc/passwd", "other than http or https"),
    ("gopher://127.0.0.1:80/x", "other than http or https"),
    ("http://moved.test:8081/x", "port other than"),
    ("http://moved.test:22/x", "port other than"),
    ("http://user@moved.test/x", "user name"),
    ("http://user:secret@moved.test/x", "user name"),
    ("http://[::1%25eth0]:80/x", "neither a host name nor an address"),
    ("http://bad_name.test/x", "neither a host name nor an address"),
    ("http://moved.test:99999/x", ""),
    ("//", ""),
    ("http://" + "a" * 3000 + ".test/", "too long"),
    ("http://m\u00f6ved.test/", "forbidden characters"),
    (WELL_KNOWN + "{token}", "circle"),
])
def test_refused_redirects(validator, web, location, words):
    token = validator.token()
    web.redirect(token, location and location.format(token=token).encode("utf-8").decode("latin-1"))
    a = validator.validate("dns", "moved.test", HTTP, token)
    assert not a["good"] and a["error"] == "ERR_UNAUTHORIZED" and words in a["detail"], a


def test_two_locations(validator, web):
    token = validator.token()

    def twice(handler):
        handler.send_response(302)
        handler.send_header("Location", f"/a/{token}")
        handler.send_header("Location", f"/b/{token}")
        handler.end_headers()

    web.answers[WELL_KNOWN + token] = twice
    a = validator.validate("dns", "moved.test", HTTP, token)
    assert a["error"] == "ERR_UNAUTHORIZED" and "exactly one Location" in a["detail"]


@pytest.mark.parametrize("hops, good", [(10, True), (11, False)])
def test_many_redirects(validator, web, hops, good):
    token = validator.token()
    web.redirect(token, f"/hop/{token}/1")
    for i in range(1, hops):
        web.answers[f"/hop/{token}/{i}"] = (302, {"Location": f"/hop/{token}/{i + 1}"}, b"")
    web.answers[f"/hop/{token}/{hops}"] = (200, {}, authorization(token).encode())
    a = validator.validate("dns", "moved.test", HTTP, token)
    assert a["good"] == good, a
    assert good or "more than 10" in a["detail"]


def test_redirect_to_https_elsewhere(validator, web, web_tls):
    """Another host, TLS with an unknown certificate: followed, resolved anew, not verified (it proves no more than http)."""
    token = validator.token()
    web.redirect(token, f"https://other.test:{web_tls.port}/{token}")
    web_tls.answers[f"/{token}"] = (200, {}, authorization(token).encode())
    a = validator.validate("dns", "moved.test", HTTP, token)
    assert a["good"], a
    assert ["dns", "other.test A", "127.0.0.1"] in a["met"]


def test_redirect_to_broken_tls(validator, web, web_tls):
    token = validator.token()
    web.redirect(token, f"https://other.test:{web.port}/{token}")
    a = validator.validate("dns", "moved.test", HTTP, token)
    assert a["error"] == "ERR_TLS", a


def test_redirect_to_costly_key_exchange(tmp_path, dns, web):
    server = Web(tls=finite_field_context(tmp_path, [san("dhe.test")], b"", protocols=()))
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", f"validation.http_port={web.port}",
                             f"validation.tls_port={server.port}"])
    token = v.token()
    web.redirect(token, f"https://dhe.test:{server.port}/{token}")
    server.answers[f"/{token}"] = (200, {}, authorization(token).encode())
    a = v.validate("dns", "moved.test", HTTP, token)
    assert not a["good"] and a["error"] == "ERR_TLS", a
    v.stop()
    server.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "127.1"])
def test_redirect_to_address(validator, web, host):
    """However the address is spelt, it is taken as an address and checked as one; loopback is allowed in kind test."""
    token = validator.token()
    web.redirect(token, f"http://{host}:{web.port}/{token}")
    web.answers[f"/{token}"] = (200, {}, authorization(token).encode())
    a = validator.validate("dns", "moved.test", HTTP, token)
    assert a["good"] or a["error"] == "ERR_UNAUTHORIZED", a
    assert not any(row[0] == "dns" and host in row[1] for row in a["met"])


def test_ipv6_first_then_ipv4_once(validator, web, dns):
    dns.aaaa("both.test", "::1")
    dns.a("both.test", "127.0.0.1")
    token = validator.token()
    web.put(token, authorization(token))
    a = validator.validate("dns", "both.test", HTTP, token)
    assert a["good"], a
    connects = [row for row in a["met"] if row[0] == "connect"]
    assert connects[0][1].startswith("::1 ") and "refused" in connects[0][2] and connects[1][2] == "connected"


def test_ipv6_that_answers_is_the_answer(validator, dns):
    """A wrong answer over IPv6 is no reason to ask over IPv4."""
    six = None
    four = Web()
    try:
        six = Web(port=four.port, address="::1")
        v = Validator("/tmp", [f"validation.resolvers=127.0.0.1:{dns.port}", f"validation.http_port={four.port}"])
        dns.aaaa("six.test", "::1")
        token = v.token()
        four.put(token, authorization(token))
        six.put(token, "wrong")
        a = v.validate("dns", "six.test", HTTP, token)
        assert a["error"] == "ERR_INCORRECT_RESPONSE" and not four.seen and len(six.seen) == 1
        v.stop()
    finally:
        four.stop()
        if six:
            six.stop()


def test_dns_failures(validator, dns):
    dns.servfail("broken.test")
    a = validator.validate("dns", "broken.test", HTTP, validator.token())
    assert a["error"] == "ERR_DNS" and "SERVFAIL" in a["detail"], a


def test_nobody_listens(tmp_path, dns):
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", "validation.http_port=1"])
    a = v.validate("dns", "closed.test", HTTP, v.token())
    assert a["error"] == "ERR_CONNECTION" and "127.0.0.1 port 1" in a["detail"], a
    v.stop()


def test_servers_that_stall_or_babble(validator, web):
    """Ten seconds are all a server gets; side by side, so that the whole test takes about as long."""
    stop = time.time() + 15

    def trickle(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 87\r\n\r\n")
        while time.time() < stop:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(1)

    def endless_headers(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(2000):
            handler.wfile.write(b"X-More: " + b"y" * 100 + b"\r\n")

    answers = {
        "silence": lambda handler: time.sleep(15),
        "trickle": trickle,
        "headers": endless_headers,
        "http09": lambda handler: handler.wfile.write(b"just a body\n"),
        "hangup": lambda handler: handler.connection.shutdown(2),
        "short": lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 87\r\n\r\nhalf"),
    }
    requests = {}
    for name, answer in answers.items():
        token = validator.token()
        web.answers[WELL_KNOWN + token] = answer
        requests[name] = validator.start("dns", f"{name}.test", HTTP, token)
    started = time.time()
    for name, request in requests.items():
        a = validator.answer(request)
        assert a["error"] == "ERR_CONNECTION" and not a["good"], (name, a)
    assert time.time() - started < 13


def test_hundreds_at_once(validator, web):
    tokens = [validator.token() for _ in range(300)]
    for token in tokens:
        web.put(token, authorization(token))
    requests = [validator.start("dns", f"n{i}.many.test", HTTP, token) for i, token in enumerate(tokens)]
    bad = [a for a in map(validator.answer, requests) if not a["good"]]
    assert not bad, bad[:3]


def test_tokens(validator, web):
    good = validator.token()
    web.put(good, authorization(good))
    for token in ("x", good[:-1], good[:-1] + ("A" if good[-1] != "A" else "B"), "A" * 43, good + "A"):
        a = validator.validate("dns", "token.test", HTTP, token)
        assert a["type"] == "refused" and a["error"] == "ERR_MALFORMED" and a["detail"].startswith("token"), a
    assert len(set(validator.token() for _ in range(500))) == 500


def test_old_token(tmp_path, web):
    v = Validator(tmp_path, [f"validation.http_port={web.port}"])
    token = v.token()
    web.put(token, authorization(token))
    day = 24 * 3600 * 1000
    v.send(f"later {30 * day - 60000}")
    assert v.validate("dns", "old.localhost", HTTP, token)["good"]
    v.send("later 120000")
    a = v.validate("dns", "old.localhost", HTTP, token)
    assert a["type"] == "refused" and "30 days" in a["detail"]
    v.stop()


@pytest.mark.parametrize("kind, name, method, words", [
    ("wildcard", "w.test", HTTP, "dns-01 only"), ("ip", "127.0.0.1", 2, "not validated by dns-01"), ("dns", "w.test", 9, "method"),
    ("dns", "UPPER.test", HTTP, "identifier"), ("dns", "*.w.test", HTTP, "identifier"), ("dns", "w..test", HTTP, ""),
    ("ip", "127.0.0.01", HTTP, ""), ("ip", "::0:1", HTTP, "identifier"), ("dns", "w.test/x", HTTP, ""),
])
def test_requests_that_make_no_sense(validator, kind, name, method, words):
    a = validator.validate(kind, name, method, validator.token())
    assert a["type"] == "refused" and a["error"] == "ERR_MALFORMED" and words in a["detail"], a


def test_death_of_who_asked(tmp_path, web):
    """What runs is dropped without answers; the validator goes on."""
    v = Validator(tmp_path, [f"validation.http_port={web.port}"])
    for method in (HTTP, 3, HTTP):
        token = v.token()
        web.answers[WELL_KNOWN + token] = lambda handler: time.sleep(3)
        v.start("dns", "gone.localhost", method, token)
    time.sleep(0.3)
    v.send("cancel")
    token = v.token()
    web.put(token, authorization(token))
    assert v.validate("dns", "stays.localhost", HTTP, token)["good"]
    v.stop()


def test_special_addresses_are_not_contacted(tmp_path, dns):
    """Kind private without networks: neither loopback nor any other special-purpose address; all by name, literal, redirect."""
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", "private.suffixes=inside"], kind="private")
    for name, address, block in (("lo", "127.0.0.1", "Loopback"), ("ten", "10.1.2.3", "Private-Use"), ("link", "169.254.169.254", "Link Local"),
                                 ("multi", "224.0.0.1", "Multicast")):
        dns.a(f"{name}.inside", address)
        a = v.validate("dns", f"{name}.inside", HTTP, v.token())
        assert a["error"] == "ERR_CONNECTION" and block in a["detail"], a
        assert not any(row[0] == "connect" and "connected" in row[2] for row in a["met"])
        a = v.validate("ip", address, HTTP, v.token())
        assert a["error"] == "ERR_CONNECTION" and block in a["detail"], a
    for name, address in (("ula", "fd00::1"), ("nat64", "64:ff9b::7f00:1"), ("site", "fec0::1")):
        dns.tell("set-default-ipv4", ip="")
        dns.aaaa(f"{name}.inside", address)
        a = v.validate("dns", f"{name}.inside", HTTP, v.token())
        assert a["error"] in ("ERR_CONNECTION",) and "does not contact" in a["detail"], a
    dns.tell("set-default-ipv4", ip="127.0.0.1")
    a = v.validate("dns", "localhost", HTTP, v.token())
    assert a["error"] == "ERR_CONNECTION" and "Loopback" in a["detail"]
    v.stop()


def test_listed_networks(tmp_path, dns):
    """Kind private with loopback listed: it is contacted (nobody listens on its port 80, or somebody does who knows no token)."""
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", "private.suffixes=inside", "private.networks=127.0.0.0/8"], kind="private")
    a = v.validate("dns", "lo.inside", HTTP, v.token())
    assert a["error"] in ("ERR_CONNECTION", "ERR_UNAUTHORIZED") and "does not contact" not in a["detail"], a
    a = v.validate("dns", "x.localhost", HTTP, v.token())
    assert "does not contact" not in a["detail"], a
    v.stop()
