"""The ways through ACME that end well, and what clients rely on in each answer (docs/guide/acme.md)."""
import re
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from acme_client import Client, Key, b64, csr, jws
from service import Service


def blocks(pem):
    return re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", pem, re.S)


def leaf(pem):
    return x509.load_pem_x509_certificate(blocks(pem)[0].encode())


def der(pem):
    return leaf(pem).public_bytes(serialization.Encoding.DER)


def alternative_names(certificate):
    return certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value


def common_headers(client, reply, post=True):
    assert f'<{client.directory["newNonce"].replace("/acme/new-nonce", "/directory")}>;rel="index"' in reply.headers.get_all("Link")
    assert reply.headers["Cache-Control"] == "no-store"
    assert ("Replay-Nonce" in reply.headers) == post
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


def test_directory(stranger, service):
    d = stranger.directory
    base = f"https://localhost:{service.https}"
    assert {k: d[k] for k in ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")} == {
        "newNonce": f"{base}/acme/new-nonce", "newAccount": f"{base}/acme/new-account", "newOrder": f"{base}/acme/new-order",
        "revokeCert": f"{base}/acme/revoke-cert", "keyChange": f"{base}/acme/key-change"}
    assert {"classic", "tlsserver", "shortlived"} <= set(d["meta"]["profiles"])
    assert d["meta"]["externalAccountRequired"] is False
    assert d["meta"]["caaIdentities"] == ["localhost"]
    assert stranger.http("GET", f"{base}/").headers["Content-Type"].startswith("text/html")


def test_new_nonce(stranger):
    head = stranger.http("HEAD", stranger.directory["newNonce"])
    get = stranger.http("GET", stranger.directory["newNonce"])
    assert (head.status, get.status, head.body, get.body) == (200, 204, b"", b"")
    assert head.headers["Cache-Control"] == get.headers["Cache-Control"] == "no-store"
    nonces = {head.headers["Replay-Nonce"], get.headers["Replay-Nonce"]}
    assert len(nonces) == 2 and all(re.fullmatch(r"[A-Za-z0-9_-]+", n) for n in nonces)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "RS256", "EdDSA"])
def test_account_life(service, alg):
    client = Client(service.directory, service.root, Key(alg))
    made = client.register(contact=["mailto:someone@example.org"])
    assert made.status == 201
    common_headers(client, made)
    assert made.json["status"] == "valid" and "contact" not in made.json and made.json["orders"] == client.kid + "/orders"
    again = client.ok(client.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True)
    assert (again.status, again.headers["Location"]) == (200, client.kid)
    read = client.ok(client.kid)
    assert (read.status, read.json["status"]) == (200, "valid")
    updated = client.ok(client.kid, {"contact": ["mailto:other@example.org"]})
    assert updated.status == 200 and "contact" not in updated.json
    ended = client.ok(client.kid, {"status": "deactivated"})
    assert (ended.status, ended.json["status"]) == (200, "deactivated")
    for url, payload in ((client.kid, ""), (client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": "a.test"}]})):
        refused = client.post(url, payload)
        assert (refused.status, refused.type) == (403, "unauthorized")
    refused = client.post(client.directory["newAccount"], {"termsOfServiceAgreed": True}, use_jwk=True)
    assert (refused.status, refused.type) == (403, "unauthorized")


def test_key_change(service, client, names):
    """RFC 8555, 7.3.5: the account, its orders and what it proved stay; the old key is nobody's."""
    name, old, kid = "kept.keychange.test", client.key, client.kid
    order_url, order = client.order([name])
    client.authorize(order, names.solve_http)
    for alg in ("ES384", "RS256", "EdDSA", "ES256"):
        before = client.key
        changed = client.key_change(Key(alg))
        common_headers(client, changed)
        assert (changed.status, changed.json["status"], changed.headers["Location"]) == (200, "valid", kid)
        assert client.ok(kid).json == changed.json
        refused = client.post(kid, "", key=before, alg=before.alg)
        assert (refused.status, refused.type) == (400, "badSignatureAlgorithm" if before.alg != alg else "malformed")
    found = client.ok(client.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True)
    assert found.headers["Location"] == kid
    chain = client.finalize(order_url, order, csr([name])[0])
    _, again = client.order([name])
    assert again["status"] == "ready"
    assert client.ok(client.directory["revokeCert"], {"certificate": b64(der(chain))}).status == 200
    # The old key opens nothing, makes nothing, and does not come back.
    other = Client(service.directory, service.root, old)
    for payload, expected in (({"onlyReturnExisting": True}, (400, "accountDoesNotExist")), ({"termsOfServiceAgreed": True}, (403, "unauthorized"))):
        refused = other.post(other.directory["newAccount"], payload, use_jwk=True)
        assert (refused.status, refused.type) == expected
    refused = client.key_change(old)
    assert (refused.status, refused.type) == (400, "badPublicKey")


def test_order_answers(client, names):
    """Each answer on the way, member by member."""
    name = "answers.flow.test"
    made = client.ok(client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": name.upper()}]})
    order_url, order = made.headers["Location"], made.json
    common_headers(client, made)
    assert made.status == 201 and made.headers["Retry-After"] == "1"
    assert order["status"] == "pending" and order["identifiers"] == [{"type": "dns", "value": name}]
    assert order["finalize"] == order_url + "/finalize" and "certificate" not in order and "error" not in order
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", order["expires"])

    read = client.ok(order["authorizations"][0])
    common_headers(client, read)
    authz = read.json
    assert read.headers["Retry-After"] == "1" and authz["status"] == "pending" and "wildcard" not in authz
    assert {c["type"] for c in authz["challenges"]} == {"http-01", "dns-01", "tls-alpn-01"}
    assert {c["status"] for c in authz["challenges"]} == {"pending"}
    challenge = next(c for c in authz["challenges"] if c["type"] == "http-01")
    assert re.fullmatch(r"[A-Za-z0-9_-]{22,}", challenge["token"])

    polled = client.ok(challenge["url"])
    assert polled.json == challenge
    assert f'<{order["authorizations"][0]}>;rel="up"' in polled.headers.get_all("Link")
    names.solve_http(name, challenge["token"], challenge["token"] + "." + client.key.thumbprint())
    answered = client.ok(challenge["url"], {})
    common_headers(client, answered)
    assert answered.status == 200 and answered.json["url"] == challenge["url"]
    done = client.poll(order["authorizations"][0])
    assert [c["type"] for c in done.json["challenges"]] == ["http-01"]
    assert done.json["challenges"][0]["status"] == "valid" and "validated" in done.json["challenges"][0]
    assert "Retry-After" not in done.headers
    # Once more changes nothing.
    assert client.ok(challenge["url"], {}).json["status"] == "valid"

    ready = client.ok(order_url)
    assert ready.json["status"] == "ready" and ready.headers["Location"] == order_url
    request, key = csr([name])
    final = client.ok(order["finalize"], {"csr": b64(request)})
    common_headers(client, final)
    assert final.status == 200 and final.headers["Location"] == order_url and final.json["status"] in ("processing", "valid")
    assert final.json["finalize"] == order["finalize"]
    valid = client.poll(order_url)
    assert "Retry-After" not in valid.headers
    # A client that lost the answer repeats its request; with another key it is another request.
    repeated = client.ok(order["finalize"], {"csr": b64(request)})
    assert repeated.json["certificate"] == valid.json["certificate"]
    other = client.post(order["finalize"], {"csr": b64(csr([name])[0])})
    assert (other.status, other.type) == (403, "orderNotReady")

    download = client.ok(valid.json["certificate"])
    common_headers(client, download)
    # There is one chain (RFC 8555, 7.4.2).
    assert not [v for v in download.headers.get_all("Link") if "alternate" in v]
    other = client.post(valid.json["certificate"] + "/1")
    assert (other.status, other.type) == (404, "malformed")
    assert download.headers["Content-Type"] == "application/pem-certificate-chain"
    chain = download.body.decode()
    assert len(blocks(chain)) == 2 and "".join(blocks(chain)) == chain
    assert leaf(chain).public_key().public_numbers() == key.public_key().public_numbers()


def verify(service, chain, tmp_path):
    parts = blocks(chain)
    (tmp_path / "leaf.pem").write_text(parts[0])
    (tmp_path / "chain.pem").write_text("".join(parts[1:]))
    done = subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", str(service.root), "-untrusted", str(tmp_path / "chain.pem"),
                           str(tmp_path / "leaf.pem")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("method,domains,key", [
    ("http-01", ["a.http.flow.test", "b.http.flow.test"], lambda: ec.generate_private_key(ec.SECP256R1())),
    ("dns-01", ["dns.flow.test", "*.dns.flow.test"], lambda: ec.generate_private_key(ec.SECP384R1())),
    ("tls-alpn-01", ["alpn.flow.test"], lambda: rsa.generate_private_key(65537, 2048)),
])
def test_issue(service, client, names, tmp_path, method, domains, key):
    solve = {"http-01": names.solve_http, "dns-01": names.solve_dns, "tls-alpn-01": names.solve_alpn}[method]
    chain = client.issue(domains, solve, method, key())
    assert sorted(alternative_names(leaf(chain)).get_values_for_type(x509.DNSName)) == sorted(domains)
    verify(service, chain, tmp_path)


def test_wildcard_offers_dns_only(client):
    _, order = client.order(["*.wild.flow.test"])
    assert order["identifiers"] == [{"type": "dns", "value": "*.wild.flow.test"}]
    authz = client.ok(order["authorizations"][0]).json
    assert authz["wildcard"] is True and authz["identifier"] == {"type": "dns", "value": "wild.flow.test"}
    assert [c["type"] for c in authz["challenges"]] == ["dns-01"]


def test_profiles(client, names):
    for profile, hours in (("classic", 90 * 24), ("tlsserver", 45 * 24), ("shortlived", 160)):
        chain = client.issue([f"{profile}.profile.flow.test"], names.solve_http, profile=profile)
        certificate = leaf(chain)
        seconds = (certificate.not_valid_after - certificate.not_valid_before).total_seconds() + 1
        assert seconds == hours * 3600


def test_duplicates_are_one(client):
    _, order = client.order(["dup.flow.test", "DUP.flow.test", "dup.flow.test"])
    assert order["identifiers"] == [{"type": "dns", "value": "dup.flow.test"}]
    assert len(order["authorizations"]) == 1


def test_failed_challenge(client, names):
    order_url, order = client.order(["failed.flow.test"])
    challenge = next(c for c in client.ok(order["authorizations"][0]).json["challenges"] if c["type"] == "http-01")
    names.solve_http("failed.flow.test", challenge["token"], "something else")
    client.ok(challenge["url"], {})
    authz = client.poll(order["authorizations"][0]).json
    assert authz["status"] == "invalid" and [c["type"] for c in authz["challenges"]] == ["http-01"]
    error = authz["challenges"][0]["error"]
    assert authz["challenges"][0]["status"] == "invalid"
    assert error["type"] in ("urn:ietf:params:acme:error:unauthorized", "urn:ietf:params:acme:error:incorrectResponse")
    order = client.ok(order_url).json
    assert order["status"] == "invalid" and order["error"]["type"].startswith("urn:ietf:params:acme:error:")


def test_authorization_deactivated(client, names):
    """RFC 8555, 7.5.2: pending and valid ones; what was proved is not used again."""
    name, off = "given-up.flow.test", {"status": "deactivated"}
    order_url, order = client.order([name])
    reply = client.ok(order["authorizations"][0], off)
    common_headers(client, reply)
    assert (reply.status, reply.json["status"], reply.json["challenges"]) == (200, "deactivated", [])
    assert client.ok(order["authorizations"][0]).json == reply.json
    ended = client.ok(order_url).json
    assert ended["status"] == "invalid" and ended["error"]["type"].endswith(":unauthorized")
    order_url, order = client.order([name])
    client.authorize(order, names.solve_http)
    second_url, second = client.order([name])
    assert second["status"] == "ready" and second["authorizations"] == order["authorizations"]
    assert client.ok(order["authorizations"][0], off).json["status"] == "deactivated"
    assert client.ok(order["authorizations"][0], off).json["status"] == "deactivated"
    for url, one in ((order_url, order), (second_url, second)):
        assert client.ok(url).json["status"] == "invalid"
        refused = client.post(one["finalize"], {"csr": b64(csr([name])[0])})
        assert (refused.status, refused.type) == (403, "orderNotReady")
    _, third = client.order([name])
    assert third["status"] == "pending" and third["authorizations"] != order["authorizations"]


def test_dates(client, names):
    """What an order asks for stands in the certificate."""
    now = int(time.time())
    show = lambda s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))
    for before, after in ((now, now + 86400), (now + 86400, None), (None, now + 7 * 86400)):
        asked = {k: show(v) for k, v in (("notBefore", before), ("notAfter", after)) if v}
        order_url, order = client.order(["dates.flow.test"], **asked)
        assert {k: order[k] for k in asked} == asked
        client.authorize(order, names.solve_http)
        made = leaf(client.finalize(order_url, order, csr(["dates.flow.test"])[0]))
        assert before is None or show(before) == made.not_valid_before.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert after is None or show(after) == made.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_orders_list(client):
    made = [client.order([f"n{i}.list.flow.test"])[0] for i in range(103)]
    seen, url, pages = [], client.kid + "/orders", 0
    while url:
        reply = client.ok(url)
        seen += reply.json["orders"]
        pages += 1
        links = [re.fullmatch(r'<([^>]+)>;rel="next"', value) for value in reply.headers.get_all("Link")]
        url = next((m.group(1) for m in links if m), None)
    assert pages == 2 and seen == made[::-1]


def test_revoke_by_account(client, names):
    chain = client.issue(["acct.revoke.flow.test"], names.solve_http)
    reply = client.ok(client.directory["revokeCert"], {"certificate": b64(der(chain)), "reason": 4})
    common_headers(client, reply)
    assert (reply.status, reply.body) == (200, b"")
    again = client.post(client.directory["revokeCert"], {"certificate": b64(der(chain)), "reason": 4})
    assert (again.status, again.type) == (400, "alreadyRevoked")


def test_revoke_by_certificate_key(service, client, names):
    key = ec.generate_private_key(ec.SECP256R1())
    chain = client.issue(["key.revoke.flow.test"], names.solve_http, key=key)
    finder = Client(service.directory, service.root, Key("ES256", key))
    reply = finder.ok(finder.directory["revokeCert"], {"certificate": b64(der(chain))}, use_jwk=True)
    assert reply.status == 200
    shown = {int(c["serial"], 16): c for c in service.certificates()}[leaf(chain).serial_number]
    assert (shown["status"], shown["reason"]) == ("revoked", "keyCompromise")


def test_compromise_after_another_reason(service, client, names):
    """TLS BR 7.2.2: a second revocation makes the reason keyCompromise, and its key gets no certificate any more."""
    key, name = ec.generate_private_key(ec.SECP256R1()), "twice.revoke.flow.test"
    chain, revoke = client.issue([name], names.solve_http, key=key), client.directory["revokeCert"]
    show = lambda: next(c for c in service.certificates() if int(c["serial"], 16) == leaf(chain).serial_number)
    client.ok(revoke, {"certificate": b64(der(chain)), "reason": 4})
    first = show()
    assert first["reason"] == "superseded"
    finder = Client(service.directory, service.root, Key("ES256", key))
    assert finder.ok(revoke, {"certificate": b64(der(chain))}, use_jwk=True).status == 200
    assert show() == {**first, "reason": "keyCompromise"}
    again = finder.post(revoke, {"certificate": b64(der(chain))}, use_jwk=True)
    assert (again.status, again.type) == (400, "alreadyRevoked")
    url, order = client.order([name])
    client.ok(order["finalize"], {"csr": b64(csr([name], key)[0])})
    done = client.poll(url).json
    assert done["status"] == "invalid" and done["error"]["type"].endswith(":badPublicKey")


def test_cors_preflight(stranger):
    reply = stranger.http("OPTIONS", stranger.directory["newOrder"],
                          headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"})
    assert reply.status in (200, 204)
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert "content-type" in reply.headers["Access-Control-Allow-Headers"].lower()
    answer = stranger.http("HEAD", stranger.directory["newNonce"])
    exposed = {h.strip().lower() for h in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"link", "replay-nonce", "location", "retry-after"} <= exposed


def test_published_files(stranger, service):
    root = stranger.http("GET", f"https://localhost:{service.https}/ca/root.cer")
    assert root.status == 200 and root.headers["Content-Type"] == "application/pkix-cert"
    pem = x509.load_pem_x509_certificate(service.root.read_bytes())
    assert root.body == pem.public_bytes(serialization.Encoding.DER)


def test_rejected_nonces(names, tmp_path):
    """test.reject_nonces: some valid nonces are refused, never the one that came with a refusal."""
    service = Service(tmp_path, names, sets=["test.reject_nonces=50"])
    try:
        client = Client(service.directory, service.root)
        rejected = [0, 0]

        def post(url, payload, **other):
            for attempt in range(2):
                reply = client.send(url, jws(client.key, client.protected(url, **other), payload))
                if reply.status != 400 or reply.type != "badNonce":
                    return reply
                rejected[attempt] += 1
            raise AssertionError("a nonce that came with badNonce was rejected")

        made = post(client.directory["newAccount"], {"termsOfServiceAgreed": True}, use_jwk=True)
        client.kid = made.headers["Location"]
        for _ in range(60):
            assert post(client.kid, "").status == 200
        assert 5 < rejected[0] < 55 and rejected[1] == 0
    finally:
        service.stop()


def test_store_restart(client, service, names):
    """Requests meet a restarting store: the idempotent ones are repeated by the front, nonces of before come to an end."""
    client.issue(["before.restart.flow.test"], names.solve_http)
    service.kill("store")
    deadline = time.time() + 10
    while True:
        reply = client.post(client.kid)
        if reply.status == 200:
            break
        assert reply.status == 503 and reply.headers["Retry-After"] == "60" and time.time() < deadline
        time.sleep(0.2)
    client.issue(["after.restart.flow.test"], names.solve_http)
