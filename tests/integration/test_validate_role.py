"""The validator as a confined process of a whole CA: what it needs of the system it gets, and a death costs nobody anything."""
import shutil
import threading
import types

import pytest

from acme_client import Client
from service import Service, wait_for
from test_validate_dnssec import Knot
from validator_rig import WELL_KNOWN, TlsServer, Web, alpn_certificate, san, tls_context
import hashlib
from acme_client import b64

pytestmark = pytest.mark.skipif(not shutil.which("knotd"), reason="knotd is not installed")


@pytest.fixture(scope="module")
def knot(tmp_path_factory):
    k = Knot(tmp_path_factory.mktemp("knot"))
    yield k
    k.stop()


@pytest.fixture(scope="module")
def web():
    w = Web()
    yield w
    w.stop()


@pytest.fixture(scope="module")
def web_tls(tmp_path_factory):
    context = tls_context(tmp_path_factory.mktemp("tls"), alpn_certificate([san("whoever.test")], b"", identifiers=0), protocols=())
    w = Web(tls=context)
    yield w
    w.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory, knot, web, web_tls):
    names = types.SimpleNamespace(dns=knot.port, http=web.port, alpn=web_tls.port)
    s = Service(tmp_path_factory.mktemp("s"), names, sets=[f"validation.trust_anchor={knot.ds('signed.com')}"])
    yield s
    s.stop()


@pytest.fixture
def client(service):
    c = Client(service.directory, service.root)
    c.register()
    return c


def test_every_way_under_confinement(service, client, knot, web, web_tls):
    """Signed answers, answers over TCP, a redirect to TLS: no call that the filter forbids."""
    before = service.roles()["validator"]

    def redirect(name, token, authorization):
        web.redirect(token, f"https://www.com:{web_tls.port}/{token}")
        web_tls.answers[f"/{token}"] = (200, {}, authorization.encode())

    def records(name, token, authorization):
        for i in range(40):
            knot.extra.setdefault("signed.com", []).append(f'_acme-challenge.many 300 TXT "{"y" * 200}{i}"')
        knot.add("signed.com", f'_acme-challenge.many 300 TXT "{b64(hashlib.sha256(authorization.encode()).digest())}"')

    client.issue(["www.signed.com"], redirect)
    client.issue(["many.signed.com"], records, "dns-01")
    client.issue(["*.many.signed.com"], records, "dns-01")
    assert service.roles()["validator"] == before, service.tail()


def test_tls_alpn_under_confinement(tmp_path, knot):
    server = TlsServer()
    names = types.SimpleNamespace(dns=knot.port, http=1, alpn=server.port)
    service = Service(tmp_path, names)
    try:
        client = Client(service.directory, service.root)
        client.register()
        before = service.roles()["validator"]

        def solve(name, token, authorization):
            value = b"\x04\x20" + hashlib.sha256(authorization.encode()).digest()
            server.context = tls_context(tmp_path, alpn_certificate([san(name)], value))

        client.issue(["www.com"], solve, "tls-alpn-01")
        assert service.roles()["validator"] == before, service.tail()
    finally:
        service.stop()
        server.stop()


def test_killed_in_the_middle(service, client, web):
    """The validator dies while a server makes it wait; the job runs again by itself, and the client notices nothing."""
    asked, release = threading.Event(), threading.Event()
    order_url, order = client.order(["www.com"])
    challenge = next(c for c in client.ok(order["authorizations"][0]).json["challenges"] if c["type"] == "http-01")
    authorization = challenge["token"] + "." + client.key.thumbprint()

    def slow(handler):
        asked.set()
        release.wait(5)
        handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(authorization)}\r\n\r\n{authorization}".encode())

    web.answers[WELL_KNOWN + challenge["token"]] = slow
    client.ok(challenge["url"], {})
    assert asked.wait(10)
    before = service.roles()["validator"]
    service.kill("validator")
    release.set()
    wait_for(lambda: service.roles().get("validator", before) != before, "a new validator", 5)
    assert client.poll(order["authorizations"][0]).json["status"] == "valid", service.tail()


def test_nothing_of_an_applicant_is_logged(service, client, web):
    """Names, addresses and answers of applicants are records of the store, not lines of the log."""
    _, order = client.order(["www.com"])
    challenge = next(c for c in client.ok(order["authorizations"][0]).json["challenges"] if c["type"] == "http-01")
    web.put(challenge["token"], "a very private answer", 200)
    client.ok(challenge["url"], {})
    done = client.poll(order["authorizations"][0])
    assert done.json["status"] == "invalid"
    log = service.log_path.read_text(errors="replace")
    for secret in ("private answer", "www.com", "127.0.0.1 port"):
        assert secret not in log
