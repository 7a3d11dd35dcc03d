"""Limits: an address and an account that send too much wait as long as they are told, and nobody else does."""
import time

import pytest
from acme_client import Client, Key, b64, jws
from service import Service


@pytest.fixture(scope="module")
def by_address(tmp_path_factory):
    """20 units at once, then two a second."""
    one = Service(tmp_path_factory.mktemp("limits"), sets=["limits.address=2", "limits.burst=10s"])
    yield one
    one.stop()


@pytest.fixture(scope="module")
def by_account(tmp_path_factory):
    one = Service(tmp_path_factory.mktemp("limits"), sets=["limits.account=2", "limits.burst=10s"])
    yield one
    one.stop()


def spend(send, most=200):
    """Sends until it is limited: how often it was not, and the 429."""
    for n in range(most):
        reply = send()
        if reply.status == 429:
            return n, reply
    raise AssertionError(f"{most} requests and no limit")


def check_limited(service, reply):
    assert reply.type == "rateLimited" and reply.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(reply.headers["Retry-After"]) <= 10
    links = reply.headers.get_all("Link")
    assert f'<https://localhost:{service.https}/>;rel="help"' in links and any('rel="index"' in link for link in links)
    assert reply.headers["Replay-Nonce"] and reply.headers["Cache-Control"] == "no-store"


def test_address(by_address):
    client = Client(by_address.directory, by_address.root)
    client.register()
    url = client.kid
    n, reply = spend(lambda: client.post(url))
    assert n <= 25
    check_limited(by_address, reply)
    # What is not signed is still served, and the time that was told is true.
    assert client.http("GET", by_address.directory).status == 200
    assert client.http("HEAD", client.directory["newNonce"]).status == 200
    client.nonce = reply.headers["Replay-Nonce"]
    time.sleep(int(reply.headers["Retry-After"]))
    assert client.post(url).status == 200


def test_bad_signatures_pay_too(by_address):
    client = Client(by_address.directory, by_address.root)
    client.kid = client.directory["newAccount"].replace("new-account", "acct/" + "0" * 32)

    def send():
        message = jws(client.key, client.protected(client.directory["newOrder"], use_jwk=False), {})
        message["signature"] = b64(bytes(64))
        return client.send(client.directory["newOrder"], message)

    n, reply = spend(send)
    assert n <= 25
    check_limited(by_address, reply)


def test_dear_keys(by_address):
    """Signatures of P-384 cost ten times those of P-256."""
    client = Client(by_address.directory, by_address.root, Key("ES384"))
    time.sleep(5)
    n, reply = spend(lambda: client.post(client.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True), 20)
    assert n <= 4 and reply.type == "rateLimited"


def test_the_nonce_of_a_limited_request_is_not_spent(by_account):
    client = Client(by_account.directory, by_account.root)
    client.register()
    sent = {}

    def send():
        sent["message"] = jws(client.key, client.protected(client.kid), "")
        return client.send(client.kid, sent["message"])

    _, reply = spend(send)
    time.sleep(int(reply.headers["Retry-After"]))
    assert client.send(client.kid, sent["message"]).status == 200
    assert client.send(client.kid, sent["message"]).type in ("badNonce", "rateLimited")


def test_account(by_account):
    """One account is limited, another from the same address is not; bad signatures in its name cost it nothing."""
    greedy, modest = (Client(by_account.directory, by_account.root) for _ in range(2))
    greedy.register()
    modest.register()
    for _ in range(60):
        message = jws(Key(), modest.protected(modest.kid), "")
        assert modest.send(modest.kid, message).type == "malformed"
    n, reply = spend(lambda: greedy.post(greedy.kid))
    assert 19 <= n <= 30
    check_limited(by_account, reply)
    assert modest.post(modest.kid).status == 200


def test_defaults_are_not_met(service, client):
    for _ in range(1500):
        assert client.post(client.kid).status == 200
    for key in ("ES384", "EdDSA"):
        other = Client(service.directory, service.root, Key(key))
        other.register()
        for _ in range(100):
            assert other.post(other.kid).status == 200


def test_private_defaults(tmp_path):
    one = Service(tmp_path, kind="private")
    try:
        client = Client(one.directory, one.root)
        client.register()
        for _ in range(500):
            assert client.post(client.kid).status == 200
    finally:
        one.stop()
