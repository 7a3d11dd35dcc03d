"""Requests at the same time of which one may succeed (R3, R8, R12): the others are refused, and leave nothing."""
import concurrent.futures
import json

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import Client, Key, b64, csr, jws
from refusals import refused

AT_ONCE = 8


def together(requests):
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return [f.result() for f in [pool.submit(r) for r in requests]]


def clients(service, key, kid=None):
    """Connected ones, each with a nonce, so that nothing but the request itself is left to do."""
    out = [Client(service.directory, service.root, key) for _ in range(AT_ONCE)]
    for one in out:
        one.kid = kid
        one.nonce = one.fresh_nonce()
    return out


def test_one_nonce(service, client):
    message = json.dumps(jws(client.key, client.protected(client.kid), ""))
    replies = together([lambda c=c: c.send(client.kid, message) for c in clients(service, client.key, client.kid)])
    assert sorted(r.status for r in replies) == [200] + [400] * (AT_ONCE - 1)
    for reply in replies:
        if reply.status == 400:
            refused(reply, 400, "badNonce")


def test_one_key(service):
    """One account for one key, and who comes second is told where it is."""
    many = clients(service, Key())
    replies = together([lambda c=c: c.post(c.directory["newAccount"], {"termsOfServiceAgreed": True}, use_jwk=True) for c in many])
    assert {r.status for r in replies} <= {200, 201} and len({r.headers["Location"] for r in replies}) == 1
    thumbprints = [json.loads(line)["thumbprint"] for line in service.command("account", "list", "--json").stdout.splitlines()]
    assert len(thumbprints) == len(set(thumbprints))


def test_one_finalize(service, client, names):
    """Different keys at once: one certificate, and it is for the key whose request was taken."""
    domain = "race.negative.test"
    url, order = client.order([domain])
    client.authorize(order, names.solve_http)
    requests = [{"csr": b64(csr([domain])[0])} for _ in range(AT_ONCE)]
    many = clients(service, client.key, client.kid)
    replies = together([lambda c=c, r=r: c.post(order["finalize"], r) for c, r in zip(many, requests)])
    taken = [r for r in replies if r.status == 200]
    for reply in replies:
        if reply.status != 200:
            refused(reply, 403, "orderNotReady")
    assert taken and client.poll(url).json["status"] == "valid"
    issued = [c for c in service.certificates() if domain in json.dumps(c)]
    assert len(issued) == 1
    again = [client.post(order["finalize"], r) for r in requests]
    assert sorted(r.status for r in again) == [200] + [403] * (AT_ONCE - 1)
    assert len([c for c in service.certificates() if domain in json.dumps(c)]) == 1


def test_one_revocation(service, client, names):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = client.issue(["race-two.negative.test"], names.solve_http, key=key)
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
    many = clients(service, client.key, client.kid)
    reasons = [0, 3, 4, 5] * (AT_ONCE // 4)
    replies = together([lambda c=c, r=r: c.post(client.directory["revokeCert"], {"certificate": b64(der), "reason": r}) for c,
        r in zip(many, reasons)])
    for reply in replies:
        if reply.status != 200:
            refused(reply, 400, "alreadyRevoked")
    assert any(r.status == 200 for r in replies)
    mine = [c for c in service.certificates() if "race-two.negative.test" in json.dumps(c)]
    assert len(mine) == 1 and mine[0]["status"] == "revoked"
    refused(client.post(client.directory["revokeCert"], {"certificate": b64(der)}), 400, "alreadyRevoked")


def test_deactivation_and_orders(service, client):
    """Whatever comes first: once deactivation is answered, no order is made any more."""
    many = clients(service, client.key, client.kid)
    payload = {"identifiers": [{"type": "dns", "value": "race-three.negative.test"}]}
    replies = together([lambda c=c: c.post(client.directory["newOrder"], payload) for c in many[1:]] +
                       [lambda: many[0].post(client.kid, {"status": "deactivated"})])
    assert replies[-1].status == 200 and replies[-1].json["status"] == "deactivated"
    for reply in replies[:-1]:
        if reply.status != 201:
            refused(reply, 403, "unauthorized")
    refused(client.post(client.directory["newOrder"], payload), 403, "unauthorized")
