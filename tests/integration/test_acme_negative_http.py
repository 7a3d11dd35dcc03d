"""HTTP below ACME (RFC 9110, RFC 9112; R2, R5, R20, R22): methods of every route, and bytes that no library sends."""
import json
import re
import socket
import ssl

import pytest

from acme_client import Client
from refusals import refused

pytestmark = pytest.mark.usefixtures("nothing_changes")

GET_ROUTES = ("directory", "newNonce")
POST_ROUTES = ("newAccount", "newOrder", "revokeCert", "keyChange", "account", "orders", "order", "finalize", "authz", "challenge", "certificate")


@pytest.fixture(scope="module")
def urls(service):
    """One URL of each route. That there is no such certificate does not matter to the method."""
    one = Client(service.directory, service.root)
    one.register()
    order_url, order = one.order(["routes.test"])
    authz = order["authorizations"][0]
    return {**{k: v for k, v in one.directory.items() if isinstance(v, str)}, "directory": service.directory, "account": one.kid,
        "orders": one.kid + "/orders",
            "order": order_url, "finalize": order["finalize"], "authz": authz, "challenge": one.ok(authz).json["challenges"][0]["url"],
            "certificate": one.kid.replace("/acct/", "/cert/")}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("route", POST_ROUTES)
def test_methods_of_posts(stranger, urls, route, method):
    reply = stranger.http(method, urls[route])
    assert reply.status == 405 and {m.strip() for m in reply.headers["Allow"].split(",")} == {"POST", "OPTIONS"}
    assert reply.headers["Content-Type"] == "application/problem+json" and any(v.endswith(';rel="index"') for v in reply.headers.get_all("Link"))
    assert (reply.body == b"") == (method == "HEAD") and (method == "HEAD" or reply.type == "malformed")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("route", GET_ROUTES)
def test_methods_of_gets(stranger, urls, route, method):
    reply = stranger.http(method, urls[route])
    assert reply.status == 405 and {m.strip() for m in reply.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
    assert reply.headers["Content-Type"] == "application/problem+json" and reply.type == "malformed" and reply.json["status"] == 405
    assert reply.headers["Replay-Nonce"]


@pytest.mark.parametrize("route", GET_ROUTES + POST_ROUTES)
def test_options(stranger, urls, route):
    """The preflight of a browser: answered without a nonce or an object touched."""
    reply = stranger.http("OPTIONS", urls[route], headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"})
    assert reply.status == 204 and reply.body == b"" and "OPTIONS" in reply.headers["Allow"]
    assert reply.headers["Access-Control-Allow-Origin"] == "*" and reply.headers["Access-Control-Allow-Headers"] == "Content-Type"


def test_head_of_what_is_read(stranger, urls):
    for route, status in (("directory", 200), ("newNonce", 200)):
        reply = stranger.http("HEAD", urls[route])
        assert (reply.status, reply.body) == (status, b"")
    reply = stranger.http("GET", urls["newNonce"])
    assert (reply.status, reply.body) == (204, b"") and reply.headers["Cache-Control"] == "no-store" and reply.headers["Replay-Nonce"]


def test_browsers_may_read_the_headers_of_refusals(stranger, urls):
    reply = refused(stranger.send(urls["newOrder"], "{}"), 400, "malformed")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert {"Link", "Location", "Replay-Nonce", "Retry-After"} <= {h.strip() for h in reply.headers["Access-Control-Expose-Headers"].split(",")}


@pytest.mark.parametrize("path", [
    "/acme", "/acme/", "/acme/new-order/", "/acme/new-Order", "/ACME/new-order", "/acme/new-order%20", "/acme/order", "/acme/order/",
    "/acme/orders/" + "0" * 32,
    "/acme/acct/" + "0" * 32 + "/orders/", "/acme/acct/" + "0" * 32 + "/keys", "/acme/order/" + "0" * 32 + "/finalize/", "/acme/order//finalize",
    "/acme//new-order",
    "//acme/new-order", "/acme/./new-order", "/acme/../acme/new-order", "/acme/new-order;x", "/acme/%6eew-order", "/acme/cert/" + "0" * 32 + "/x"])
def test_paths_that_do_not_exist(stranger, service, path):
    reply = stranger.http("POST", f"https://localhost:{service.https}{path}", "{}", {"Content-Type": "application/jose+json"})
    assert reply.status == 404, path
    if path.startswith("/acme/"):
        refused(reply, 404, "malformed")


# ---- bytes ---------------------------------------------------------------------------------------------------------------

H = b"Host: localhost\r\n"
J = b"Content-Type: application/jose+json\r\n"
POST = b"POST /acme/new-order HTTP/1.1\r\n"
CHUNKED = POST + H + J + b"Transfer-Encoding: chunked\r\n\r\n"

BYTES = {
    "no version": (400, b"POST /acme/new-order\r\n" + H + b"\r\n"), "HTTP/0.9": (400, b"GET /acme/new-nonce\r\n\r\n"),
    "HTTP/1.2": (505, b"GET /acme/new-nonce HTTP/1.2\r\n" + H + b"\r\n"),
    "HTTP/3.0": (505, b"GET /acme/new-nonce HTTP/3.0\r\n" + H + b"\r\n"), "HTTP/11": (400, b"GET /acme/new-nonce HTTP/11\r\n" + H + b"\r\n"),
    "http in lower case": (400, b"GET /acme/new-nonce http/1.1\r\n" + H + b"\r\n"),
    "two spaces": (400, b"GET  /acme/new-nonce HTTP/1.1\r\n" + H + b"\r\n"),
    "tab for a space": (400, b"GET\t/acme/new-nonce\tHTTP/1.1\r\n" + H + b"\r\n"),
    "space first": (400, b" GET /acme/new-nonce HTTP/1.1\r\n" + H + b"\r\n"),
    "unknown method": (501, b"BREW /acme/new-order HTTP/1.1\r\n" + H + b"\r\n"),
    "CONNECT": (501, b"CONNECT localhost:443 HTTP/1.1\r\n" + H + b"\r\n"),
    "HTTP/2 preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "fragment": (400, b"GET /acme/new-nonce#x HTTP/1.1\r\n" + H + b"\r\n"),
    "quote in the target": (400, b'GET /acme/"x HTTP/1.1\r\n' + H + b"\r\n"), "8-bit target": (400, b"GET /acme/\xe4 HTTP/1.1\r\n" + H + b"\r\n"),
    "half an escape": (400, b"GET /acme/%4 HTTP/1.1\r\n" + H + b"\r\n"), "no slash": (400, b"GET acme/new-nonce HTTP/1.1\r\n" + H + b"\r\n"),
    "asterisk": (400, b"GET * HTTP/1.1\r\n" + H + b"\r\n"),
    "other authority": (400, b"GET https://other.test/acme/new-nonce HTTP/1.1\r\n" + H + b"\r\n"),
    "ftp target": (400, b"GET ftp://localhost/acme/new-nonce HTTP/1.1\r\n" + H + b"\r\n"),
    "no Host": (400, POST + b"\r\n"), "two Hosts": (400, POST + H + H + b"\r\n"), "empty Host": (400, POST + b"Host:\r\n\r\n"),
    "Host with a path": (400, POST + b"Host: localhost/x\r\n\r\n"),
    "Host with a user": (400, POST + b"Host: a@localhost\r\n\r\n"), "Host list": (400, POST + b"Host: localhost, other.test\r\n\r\n"),
    "Host port 0": (400, POST + b"Host: localhost:0\r\n\r\n"),
    "Host port 65536": (400, POST + b"Host: localhost:65536\r\n\r\n"), "folded header": (400, POST + H + b"X: a\r\n b\r\n\r\n"),
    "space before the colon": (400, POST + H + b"X : a\r\n\r\n"),
    "no colon": (400, POST + H + b"X\r\n\r\n"), "empty name": (400, POST + H + b": a\r\n\r\n"),
    "NUL in a value": (400, POST + H + b"X: a\0b\r\n\r\n"), "bare CR": (400, POST + H + b"X: a\rb\r\n\r\n"),
    "bare LF": (400, POST + H + b"X: a\n\r\n"), "control character": (400, POST + H + b"X: \x01\r\n\r\n"),
    "8-bit name": (400, POST + H + b"\xe4: a\r\n\r\n"),
    "header list too long": (431, POST + H + b"X: a\r\n" * 200 + b"\r\n"), "header too long": (431, POST + H + b"X: " + b"a" * 40000 + b"\r\n\r\n"),
    "two Content-Types": (400, POST + H + J + J + b"Content-Length: 2\r\n\r\n{}"),
    "two lengths": (400, POST + H + J + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    "list of lengths": (400, POST + H + J + b"Content-Length: 2, 2\r\n\r\n{}"),
    "negative length": (400, POST + H + J + b"Content-Length: -2\r\n\r\n{}"),
    "signed length": (400, POST + H + J + b"Content-Length: +2\r\n\r\n{}"),
    "length in hexadecimal": (400, POST + H + J + b"Content-Length: 0x2\r\n\r\n{}"),
    "length with a zero": (400, POST + H + J + b"Content-Length: 02\r\n\r\n{}"), "empty length": (400, POST + H + J + b"Content-Length:\r\n\r\n"),
    "huge length": (413, POST + H + J + b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
    "length over the limit": (413, POST + H + J + b"Content-Length: 50001\r\n\r\n"),
    "length and chunks": (400, POST + H + J + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunked twice": (501, POST + H + J + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "two codings": (400, POST + H + J + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "gzip": (501, POST + H + J + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "chunks in HTTP/1.0": (400, b"POST /acme/new-order HTTP/1.0\r\n" + H + J + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "GET with a body": (400, b"GET /acme/new-nonce HTTP/1.1\r\n" + H + b"Content-Length: 2\r\n\r\n{}"),
    "HEAD with chunks": (400, b"HEAD /acme/new-nonce HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "other expectation": (417, POST + H + J + b"Expect: x\r\nContent-Length: 2\r\n\r\n{}"),
    "chunk without size": (400, CHUNKED + b"\r\n{}\r\n0\r\n\r\n"), "chunk size with 0x": (400, CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n"),
    "negative chunk": (400, CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk size with a space": (400, CHUNKED + b" 2\r\n{}\r\n0\r\n\r\n"), "space after the size": (400, CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n"),
    "huge chunk": (400, CHUNKED + b"FFFFFFFFFFFFFFFF2\r\n{}\r\n0\r\n\r\n"),
    "chunk longer than said": (400, CHUNKED + b"1\r\n{}\r\n0\r\n\r\n"), "chunk with bare LF": (400, CHUNKED + b"2\n{}\n0\n\n"),
    "trailer": (400, CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
    "control in an extension": (400, CHUNKED + b"2;\x01\r\n{}\r\n0\r\n\r\n"), "chunks over the limit": (413, CHUNKED + b"C351\r\n"),
    "last chunk over the limit": (413, CHUNKED + b"C350\r\n" + b"x" * 50000 + b"\r\n1\r\n"),
    "chunks of one byte": (413, CHUNKED + b"1;" + b"a" * 40 + b"\r\nx\r\n" + (b"1;" + b"a" * 40 + b"\r\nx\r\n") * 2000),
    "TLS in TLS": (400, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"),
    "two empty lines": (400, b"\r\n\r\n" + POST + H + b"\r\n"), "SSH": (400, b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
}


@pytest.mark.parametrize("case", BYTES)
def test_bytes(raw, case):
    """Refused, and the connection is closed: what comes behind such a request is not read as another one."""
    status, data = BYTES[case]
    got = raw(data + b"GET /directory HTTP/1.1\r\n" + H + b"\r\n" if b"C351" not in data else data)
    head, body = got.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = {}
    for line in lines[1:]:
        headers.setdefault(line.split(": ", 1)[0], []).append(line.split(": ", 1)[1])
    assert int(lines[0].split()[1]) == status, got[:300]
    assert len(re.findall(rb"HTTP/1\.1 \d", got)) == 1 and headers["Connection"] == ["close"]
    assert any(v.endswith(';rel="index"') for v in headers["Link"]) and headers["Content-Type"] == ["application/problem+json"]
    if not data.startswith(b"HEAD"):
        assert json.loads(body)["status"] == status
    if status >= 500:
        assert headers["Retry-After"] == ["60"]


@pytest.mark.parametrize("data",
    [POST + H + J + b"Content-Length: 10\r\n\r\n{}", CHUNKED + b"2\r\n{}\r\n", CHUNKED + b"A\r\n{}", POST + H, POST, b""], ids=range(6))
def test_request_that_ends_early(service, data):
    """The client goes away in the middle of a request: the server goes on."""
    context = ssl.create_default_context(cafile=str(service.root))
    with socket.create_connection(("127.0.0.1", service.https), timeout=5) as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
        tls.sendall(data)
        tls.unwrap().close()
    assert Client(service.directory, service.root).fresh_nonce()


def test_requests_in_one_piece(raw, service):
    """Refused requests in one write: one answer each, in their order, each with a nonce of its own."""
    host = f"Host: localhost:{service.https}\r\n".encode()
    bad = b"POST /acme/new-order HTTP/1.1\r\n" + host + J + b"Content-Length: 2\r\n\r\n{}"
    last = b"GET /acme/new-order HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
    got = raw(bad * 8 + bad.replace(b"application/jose", b"text") + last).decode()
    answers = got.split("HTTP/1.1 ")[1:]
    assert [int(a[:3]) for a in answers] == [400] * 8 + [415, 405]
    nonces = [line for line in got.split("\r\n") if line.startswith("Replay-Nonce: ")]
    assert len(nonces) == len(set(nonces)) == 9


@pytest.mark.parametrize("sizes", [[1] * 2, [2], [1, 1]])
def test_chunked_body_is_the_same_body(raw, sizes):
    chunks, body = b"", b"{}"
    for n in sizes:
        chunks, body = chunks + b"%x;name=value\r\n%s\r\n" % (n, body[:n]), body[n:]
    got = raw(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + chunks + b"0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 400 ") and b'"protected\\" is missing' in got


def test_expect_continue_is_refused_before_the_body(raw):
    got = raw(b"POST /acme/new-nonce HTTP/1.1\r\n" + H + J + b"Expect: 100-continue\r\nContent-Length: 40000\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 405 ") and b"100 Continue" not in got
