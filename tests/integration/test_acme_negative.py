"""What ACME must refuse, with which status and type, and with the headers that errors carry too."""
import base64
import json
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from acme_client import Key, b64, csr, jws
from refusals import refused

UNKNOWN = "0" * 32


def order_payload(*names, **more):
    return {"identifiers": [{"type": "dns", "value": n} for n in names], **more}


# ---- the envelope -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/jose+json; charset=utf-8", "application/jose", ""])
def test_media_type(client, media):
    message = jws(client.key, client.protected(client.kid), "")
    refused(client.send(client.kid, message, media), 415, "malformed")


def unpadded_only(text):
    return text + "=" * (-len(text) % 4 or 4)


ENVELOPES = {
    "empty": lambda m: "",
    "no JSON": lambda m: "hello",
    "not an object": lambda m: json.dumps([m]),
    "trailing bytes": lambda m: json.dumps(m) + "x",
    "no payload": lambda m: {k: v for k, v in m.items() if k != "payload"},
    "no protected": lambda m: {k: v for k, v in m.items() if k != "protected"},
    "no signature": lambda m: {k: v for k, v in m.items() if k != "signature"},
    "unprotected header": lambda m: {**m, "header": {"alg": "ES256"}},
    "general serialisation": lambda m: {"payload": m["payload"], "signatures": [{k: m[k] for k in ("protected", "signature")}]},
    "both serialisations": lambda m: {**m, "signatures": []},
    "payload twice": lambda m: json.dumps(m)[:-1] + f', "payload": "{m["payload"]}"}}',
    "payload is a number": lambda m: {**m, "payload": 7},
    "signature is null": lambda m: {**m, "signature": None},
    "padded protected": lambda m: {**m, "protected": unpadded_only(m["protected"])},
    "padded signature": lambda m: {**m, "signature": unpadded_only(m["signature"])},
    "standard alphabet": lambda m: {**m, "signature": base64.b64encode(b"\xff\xfe" * 32).decode().rstrip("=")},
    "white space": lambda m: {**m, "payload": m["payload"] + "\n"},
    "compact": lambda m: ".".join((m["protected"], m["payload"], m["signature"])),
    "empty protected": lambda m: {**m, "protected": ""},
    "protected is no object": lambda m: {**m, "protected": b64(b"[]")},
}


@pytest.mark.parametrize("case", ENVELOPES)
def test_envelope(client, case):
    message = ENVELOPES[case](jws(client.key, client.protected(client.kid), ""))
    refused(client.send(client.kid, message), 400, "malformed")


HEADERS = {
    "no alg": ({"alg": None}, "malformed"),
    "alg none": ({"alg": "none"}, "badSignatureAlgorithm"),
    "alg HS256": ({"alg": "HS256"}, "badSignatureAlgorithm"),
    "alg unknown": ({"alg": "ES256K"}, "badSignatureAlgorithm"),
    "alg of another key": ({"alg": "ES384"}, "badSignatureAlgorithm"),
    "alg is a number": ({"alg": 7}, "malformed"),
    "critical extension": ({"crit": ["exp"], "exp": 1}, "malformed"),
    "b64 false": ({"crit": ["b64"], "b64": False}, "malformed"),
    "jwk and kid": ({"jwk": Key().jwk()}, "malformed"),
    "neither jwk nor kid": ({"kid": None}, "malformed"),
    "no url": ({"url": None}, "malformed"),
    "url is a number": ({"url": 7}, "malformed"),
    "url is empty": ({"url": ""}, "malformed"),
    "kid is empty": ({"kid": ""}, "malformed"),
    "nonce is no base64url": ({"nonce": "a+b/c="}, "malformed"),
    "nonce is a number": ({"nonce": 7}, "malformed"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_protected_header(client, case):
    change, kind = HEADERS[case]
    head = {k: v for k, v in {**client.protected(client.kid), **change}.items() if v is not None}
    refused(client.send(client.kid, jws(client.key, head, "")), 400, kind)


def test_duplicate_member_in_protected(client):
    head = json.dumps(client.protected(client.kid))
    text = b64((head[:-1] + ', "alg": "ES256"}').encode())
    signature = b64(client.key.sign(f"{text}.".encode()))
    refused(client.send(client.kid, {"protected": text, "payload": "", "signature": signature}), 400, "malformed")


# ---- keys --------------------------------------------------------------------------------------------------------------

def test_keys_of_new_account(stranger):
    url = stranger.directory["newAccount"]
    good = stranger.key.jwk()
    weak = Key("RS256", rsa.generate_private_key(65537, 1024))
    secret = b64(stranger.key.private.private_numbers().private_value.to_bytes(32, "big"))
    for jwk, kinds in (({**good, "d": secret}, ("malformed",)), ({"kty": "oct", "k": "AAAA"}, ("badPublicKey", "malformed")),
                       ({**good, "x": good["y"]}, ("badPublicKey", "malformed")), ({**good, "crv": "secp256k1"}, ("badPublicKey",)),
                       ({**good, "x": good["x"][:-2]}, ("badPublicKey", "malformed")), ({}, ("malformed",)), ("text", ("malformed",)),
                       ({k: v for k, v in good.items() if k != "y"}, ("malformed", "badPublicKey"))):
        reply = stranger.send(url, jws(stranger.key, stranger.protected(url, jwk=jwk), {"termsOfServiceAgreed": True}))
        assert reply.type in kinds, (jwk, reply.body)
        refused(reply, 400, reply.type)
    reply = stranger.send(url, jws(weak, {**stranger.protected(url, jwk=weak.jwk()), "alg": "RS256"}, {"termsOfServiceAgreed": True}))
    refused(reply, 400, "badPublicKey")


def test_signer_of_each_url(client):
    """jwk where an account must sign, kid where a key must."""
    for url, payload in ((client.directory["newOrder"], order_payload("a.test")), (client.kid, "")):
        refused(client.post(url, payload, use_jwk=True), 400, "malformed")
    refused(client.post(client.directory["newAccount"], {"termsOfServiceAgreed": True}), 400, "malformed")


@pytest.mark.parametrize("kid", ["{base}/acme/acct/" + UNKNOWN, "{base}/acme/acct/1", "{base}/acme/order/" + UNKNOWN, "https://other.test/acme/acct/" + UNKNOWN,
                                 UNKNOWN, "{own}/", "{own}?x", "{plain}"])
def test_unknown_account(client, service, kid):
    base = f"https://localhost:{service.https}"
    text = kid.format(base=base, own=client.kid, plain=client.kid.replace("https", "http"))
    refused(client.post(client.directory["newOrder"], order_payload("a.test"), kid=text), 400, "accountDoesNotExist")


def test_signature(client, service):
    url = client.kid
    head = client.protected(url)
    message = jws(client.key, head, "")
    other = jws(Key(), head, "")
    broken = {**message, "signature": ("A" if message["signature"][0] != "A" else "B") + message["signature"][1:]}
    short = {**message, "signature": message["signature"][:-4]}
    swapped = {**message, "payload": b64(b"{}")}
    for bad in (other, broken, short, swapped, {**message, "signature": ""}):
        refused(client.send(url, bad), 400, "malformed")
    # A nonce is spent only by a signature that is right.
    assert client.send(url, message).status == 200
    refused(client.send(url, message), 400, "badNonce")


KEY_CHANGES = {
    "kid inside": lambda h, p: h.update(kid=p["account"], jwk=None) or h.pop("jwk"),
    "nonce inside": lambda h, p: h.update(nonce="AAAA"),
    "no url": lambda h, p: h.pop("url"),
    "another url": lambda h, p: h.update(url=h["url"] + "/"),
    "no account": lambda h, p: p.pop("account"),
    "another account": lambda h, p: p.update(account=p["account"][:-1]),
    "no old key": lambda h, p: p.pop("oldKey"),
    "another old key": lambda h, p: p.update(oldKey=Key().jwk()),
    "the new key as old key": lambda h, p: p.update(oldKey=h["jwk"]),
    "another new key": lambda h, p: h.update(jwk=Key().jwk()),
}


@pytest.mark.parametrize("case", KEY_CHANGES)
def test_key_change(client, case):
    refused(client.key_change(Key(), KEY_CHANGES[case]), 400, "malformed")
    assert client.ok(client.kid).json["status"] == "valid"


def test_key_change_envelope(client, service, stranger):
    url = client.directory["keyChange"]
    for payload in ("", {}, {"oldKey": client.key.jwk()}, [], "x"):
        refused(client.post(url, payload), 400, "malformed")
    refused(client.key_change(client.key), 400, "malformed")
    refused(client.key_change(Key(private=rsa.generate_private_key(65537, 1024), alg="RS256")), 400, "badPublicKey")
    # By the key in a jwk: there is no account to change.
    new = Key()
    inner = jws(new, {"alg": new.alg, "jwk": new.jwk(), "url": url}, {"account": client.kid, "oldKey": client.key.jwk()})
    refused(client.post(url, inner, use_jwk=True), 400, "malformed")
    # The key of another account, whatever has become of that.
    stranger.register()
    for _ in range(2):
        reply = refused(client.key_change(stranger.key), 409, "malformed")
        assert reply.headers["Location"] == stranger.kid
        stranger.post(stranger.kid, {"status": "deactivated"})
    assert client.ok(client.kid).json["status"] == "valid"


# ---- nonce and url -----------------------------------------------------------------------------------------------------

def test_nonces(client):
    nonce = client.fresh_nonce()
    first = client.send(client.kid, jws(client.key, client.protected(client.kid, nonce=nonce), ""))
    assert first.status == 200
    for bad in (nonce, nonce[:-2], nonce[:-1], "A" + nonce[1:] if nonce[0] != "A" else "B" + nonce[1:], "AAAA", None):
        reply = refused(client.send(client.kid, jws(client.key, client.protected(client.kid, nonce=bad), "")), 400, "badNonce")
        # The nonce of the refusal is good.
        again = client.protected(client.kid, nonce=reply.headers["Replay-Nonce"])
        assert client.send(client.kid, jws(client.key, again, "")).status == 200


def test_nonce_is_replaced_on_every_error(client):
    seen = set()
    for _ in range(5):
        reply = refused(client.post(client.directory["newOrder"], order_payload("bad_name.test")), 400, "rejectedIdentifier")
        seen.add(reply.headers["Replay-Nonce"])
    assert len(seen) == 5


def test_url_must_match(client, service):
    own = client.kid
    for url in (own + "/orders", own.replace("https", "http"), own.replace("localhost", "other.test"), own.replace(str(service.https), "1"), own + "?x=1",
                own + "/"):
        reply = client.send(own, jws(client.key, client.protected(url), ""))
        refused(reply, 403, "unauthorized")
    # The Host header alone decides nothing.
    message = json.dumps(jws(client.key, client.protected(own.replace(f"localhost:{service.https}", "evil.test")), ""))
    reply = client.http("POST", own, message, {"Content-Type": "application/jose+json", "Host": "evil.test"})
    refused(reply, 403, "unauthorized")


# ---- methods and paths ---------------------------------------------------------------------------------------------------

def test_methods(client):
    order_url, order = client.order(["methods.negative.test"])
    authz = order["authorizations"][0]
    challenge = client.ok(authz).json["challenges"][0]["url"]
    for url in (client.directory["newAccount"], client.directory["newOrder"], client.directory["revokeCert"], client.kid, client.kid + "/orders",
                order_url, order["finalize"], authz, challenge):
        for method in ("GET", "HEAD"):
            reply = client.http(method, url)
            assert reply.status == 405 and "POST" in reply.headers["Allow"]
        assert client.http("GET", url).type == "malformed"
    for url in (client.directory["newNonce"], client.directory["newNonce"].replace("/acme/new-nonce", "/directory")):
        assert client.http("POST", url, "", {"Content-Type": "application/jose+json"}).status == 405


def test_unknown_paths(client, service):
    base = f"https://localhost:{service.https}"
    for path in ("/acme", "/acme/", "/acme/x", "/acme/order/", f"/acme/order/{UNKNOWN}/x", f"/acme/cert/{UNKNOWN}/1", "/acme/new-authz", "/acme//new-nonce",
                 "/nothing"):
        assert client.http("GET", base + path).status == 404, path
    reply = client.http("POST", base + "/acme/x", "{}", {"Content-Type": "application/jose+json"})
    refused(reply, 404, "malformed")


def test_post_as_get_has_no_payload(client):
    order_url, order = client.order(["payload.negative.test"])
    for url in (order_url, order["authorizations"][0], client.kid + "/orders"):
        for payload in ({}, b"null", b"{}", b"x"):
            refused(client.post(url, payload), 400, "malformed")


def test_body_limit(client):
    reply = client.send(client.kid, b"x" * 50001)
    assert (reply.status, reply.type) == (413, "malformed")
    # Exactly at the limit it is read, and is no JWS.
    refused(client.send(client.kid, b"x" * 50000), 400, "malformed")


# ---- objects of others ---------------------------------------------------------------------------------------------------

def test_foreign_and_unknown_objects_look_the_same(client, stranger, names):
    stranger.register()
    order_url, order = client.order(["foreign.negative.test"])
    authz = order["authorizations"][0]
    challenge = next(c for c in client.ok(authz).json["challenges"] if c["type"] == "http-01")
    client.authorize(order, names.solve_http)
    client.finalize(order_url, order, csr(["foreign.negative.test"])[0])
    certificate = client.ok(order_url).json["certificate"]
    bodies = set()
    for url in (order_url, authz, challenge["url"], certificate, client.kid, client.kid + "/orders"):
        base, own = url.rsplit("/", 1) if not url.endswith("/orders") else (url[:-len("/orders")].rsplit("/", 1)[0], None)
        end = "" if own else "/orders"
        for target in (url, f"{base}/{UNKNOWN}{end}", f"{base}/xyz{end}", f"{base}/{'F' * 32}{end}"):
            reply = refused(stranger.post(target), 404, "malformed")
            bodies.add(reply.body)
    request = {"csr": b64(csr(["foreign.negative.test"])[0])}
    for url in (order["finalize"], order["finalize"].replace(order_url.rsplit("/", 1)[1], UNKNOWN)):
        bodies.add(refused(stranger.post(url, request), 404, "malformed").body)
    bodies.add(refused(stranger.post(challenge["url"], {}), 404, "malformed").body)
    assert len(bodies) == 1


# ---- accounts ------------------------------------------------------------------------------------------------------------

def test_only_return_existing(stranger):
    refused(stranger.post(stranger.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True), 400, "accountDoesNotExist")
    # It made none.
    refused(stranger.post(stranger.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True), 400, "accountDoesNotExist")


@pytest.mark.parametrize("contact,kind", [
    (["tel:+12025551212"], "unsupportedContact"), (["https://example.org"], "unsupportedContact"), (["mailto:"], "invalidContact"),
    (["mailto:a@example.org?subject=x"], "invalidContact"), (["mailto:a@example.org,b@example.org"], "invalidContact"),
    (["mailto:nobody"], "invalidContact"), ("mailto:a@example.org", "malformed"), ([7], "malformed")])
def test_contacts(client, stranger, contact, kind):
    reply = refused(stranger.post(stranger.directory["newAccount"], {"termsOfServiceAgreed": True, "contact": contact}, use_jwk=True), 400, kind)
    assert b"example.org" not in reply.body
    refused(client.post(client.kid, {"contact": contact}), 400, kind)


def test_account_payloads(client, stranger):
    for payload in (b"", b"[]", b"null", b"{", b'{"onlyReturnExisting":1}', b'{"termsOfServiceAgreed":"yes"}', b'{"a":1,"a":2}', b'{"a":[[[[[[[[[]]]]]]]]]}'):
        refused(stranger.post(stranger.directory["newAccount"], payload, use_jwk=True), 400, "malformed")
    for payload in (b"[]", b"7", {"status": "revoked"}, {"status": "invalid"}, {"status": 7}):
        refused(client.post(client.kid, payload), 400, "malformed")


# ---- orders --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("payload,kind", [
    ({}, "malformed"), (b"[]", "malformed"), ({"identifiers": []}, "malformed"), ({"identifiers": {}}, "malformed"), ({"identifiers": ["a.test"]}, "malformed"),
    ({"identifiers": [{"type": "dns"}]}, "malformed"), ({"identifiers": [{"value": "a.test"}]}, "malformed"),
    ({"identifiers": [{"type": "email", "value": "a@example.org"}]}, "unsupportedIdentifier"),
    (order_payload(""), "rejectedIdentifier"), (order_payload("a..test"), "rejectedIdentifier"), (order_payload("-a.test"), "rejectedIdentifier"),
    (order_payload("a.test."), "rejectedIdentifier"), (order_payload("a_b.test"), "rejectedIdentifier"), (order_payload("ä.test"), "rejectedIdentifier"),
    (order_payload("*.*.test"), "rejectedIdentifier"), (order_payload("a.*.test"), "rejectedIdentifier"), (order_payload("*"), "rejectedIdentifier"),
    (order_payload("*a.test"), "rejectedIdentifier"), (order_payload("192.0.2.1"), "rejectedIdentifier"), (order_payload("a" * 64 + ".test"), "rejectedIdentifier"),
    (order_payload("xn--a.test"), "rejectedIdentifier"), (order_payload("a b.test"), "rejectedIdentifier"), (order_payload("*.com"), "rejectedIdentifier"),
    (order_payload("a.test", profile="nothing"), "invalidProfile"), (order_payload("a.test", profile=""), "invalidProfile"),
    (order_payload("a.test", profile=7), "malformed"), (order_payload("a.test", notBefore="yesterday"), "malformed"),
    (order_payload("a.test", notAfter=7), "malformed"), (order_payload("a.test", notAfter="2020-01-01T00:00:00Z"), "malformed"),
    (order_payload("a.test", notBefore="2040-01-02T00:00:00Z", notAfter="2040-01-01T00:00:00Z"), "malformed"),
    (order_payload(*[f"n{i}.test" for i in range(101)]), "malformed"),
    (order_payload(*[f"n{i}.test" for i in range(26)], profile="shortlived"), "malformed"),
    ({"identifiers": [{"type": "ip", "value": "127.0.0.1"}], "profile": "classic"}, "rejectedIdentifier"),
    ({"identifiers": [{"type": "ip", "value": "127.0.0.1/8"}], "profile": "shortlived"}, "rejectedIdentifier"),
])
def test_new_order(client, payload, kind):
    refused(client.post(client.directory["newOrder"], payload), 400, kind)


def test_subproblems(client):
    names = ["good.test", "bad_one.test", "bad_two.test"]
    reply = refused(client.post(client.directory["newOrder"], order_payload(*names)), 400, "rejectedIdentifier")
    subs = reply.json["subproblems"]
    assert [s["identifier"] for s in subs] == [{"type": "dns", "value": n} for n in names[1:]]
    assert all(s["type"].endswith(":rejectedIdentifier") and s["detail"] for s in subs)
    mixed = order_payload("bad_one.test")
    mixed["identifiers"].append({"type": "email", "value": "a.example.org"})
    reply = refused(client.post(client.directory["newOrder"], mixed), 400, "compound")
    assert {s["type"].rsplit(":", 1)[1] for s in reply.json["subproblems"]} == {"rejectedIdentifier", "unsupportedIdentifier"}
    # What is of an unknown type is not called a name.
    other = next(s for s in reply.json["subproblems"] if s["type"].endswith(":unsupportedIdentifier"))
    assert "identifier" not in other and "Identifier 2" in other["detail"]


@pytest.mark.parametrize("before,after", [(-7, None), (3, None), (None, 400), (None, -1), (1, 1), (1, 0.5), (-30, 1)])
def test_dates(client, before, after):
    """Days from now that the profile has no room for: known at once, not when the names are proved."""
    show = lambda days: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400))
    asked = {k: show(v) for k, v in (("notBefore", before), ("notAfter", after)) if v is not None}
    refused(client.post(client.directory["newOrder"], order_payload("dates.negative.test", **asked)), 400, "malformed")


def test_authorization_changes(client, stranger, names):
    _, order = client.order(["authz.negative.test"])
    url = order["authorizations"][0]
    for payload in ({}, {"status": "valid"}, {"status": 4}, {"status": "revoked"}, [], "x"):
        refused(client.post(url, payload), 400, "malformed")
    assert client.ok(url).json["status"] == "pending"
    stranger.register()
    refused(stranger.post(url, {"status": "deactivated"}), 404, "malformed")
    assert client.ok(url).json["status"] == "pending"
    challenge = next(c for c in client.ok(url).json["challenges"] if c["type"] == "http-01")
    names.solve_http("authz.negative.test", challenge["token"], "something else")
    client.ok(challenge["url"], {})
    assert client.poll(url).json["status"] == "invalid"
    refused(client.post(url, {"status": "deactivated"}), 400, "malformed")


def test_finalize(client, names):
    domain = "finalize.negative.test"
    order_url, order = client.order([domain])
    refused(client.post(order["finalize"], {"csr": b64(csr([domain])[0])}), 403, "orderNotReady")
    client.authorize(order, names.solve_http)
    good = csr([domain])[0]
    weak = rsa.generate_private_key(65537, 1024)
    staple = x509.TLSFeature([x509.TLSFeatureType.status_request])
    bad_signature = good[:-4] + bytes(4)
    for request, kind in ((csr([domain, "more.negative.test"])[0], "badCSR"), (csr(["other.negative.test"])[0], "badCSR"), (csr([])[0], "badCSR"),
                          (csr([domain], cn="other.negative.test")[0], "badCSR"), (csr(["*." + domain])[0], "badCSR"),
                          (csr([domain], client.key.private)[0], "badCSR"), (csr([domain], extensions=[staple])[0], "badCSR"),
                          (bad_signature, "badCSR"), (good + b"\0", "badCSR"), (good[:-1], "badCSR"), (b"", "badCSR"), (b"\x30\x00", "badCSR"),
                          (csr([domain], weak)[0], "badPublicKey"), (csr([domain], ec.generate_private_key(ec.SECP256K1()))[0], "badPublicKey"),
                          (csr([domain], digest=hashes.SHA1())[0], "badCSR")):
        reply = client.post(order["finalize"], {"csr": b64(request)})
        assert reply.type == kind or (kind == "badPublicKey" and reply.type == "badCSR"), (reply.body, kind)
        refused(reply, 400, reply.type)
    for payload in ({}, b"", {"csr": 7}, b"[]"):
        refused(client.post(order["finalize"], payload), 400, "malformed")
    refused(client.post(order["finalize"], {"csr": b64(good) + "=="}), 400, "badCSR")
    # All of that did no harm: the order is still ready.
    assert client.ok(order_url).json["status"] == "ready"
    client.finalize(order_url, order, good)


# ---- revocation ------------------------------------------------------------------------------------------------------------

@pytest.fixture
def issued(client, names):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = client.issue(["revoke.negative.test"], names.solve_http, key=key)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return certificate.public_bytes(serialization.Encoding.DER), key


def test_revoke(service, client, stranger, issued):
    der, key = issued
    url = client.directory["revokeCert"]
    for reason in (-1, 2, 6, 7, 8, 9, 10, 11, 2 ** 40):
        refused(client.post(url, {"certificate": b64(der), "reason": reason}), 400, "badRevocationReason")
    for payload in ({}, b"", b"[]", {"certificate": 7}, {"certificate": ""}, {"certificate": b64(der) + "="}, {"certificate": b64(der), "reason": "1"},
                    {"certificate": b64(der), "reason": 1.5}):
        refused(client.post(url, payload), 400, "malformed")
    for unknown in (der + b"\0", der[:-1], b"hello"):
        refused(client.post(url, {"certificate": b64(unknown)}), 404, "malformed")
    # Neither another account nor another key.
    stranger.register()
    refused(stranger.post(url, {"certificate": b64(der)}), 403, "unauthorized")
    refused(stranger.post(url, {"certificate": b64(der)}, use_jwk=True), 403, "unauthorized")
    assert client.ok(url, {"certificate": b64(der), "reason": 5}).status == 200
    refused(client.post(url, {"certificate": b64(der)}), 400, "alreadyRevoked")


# ---- bytes that no client library sends ------------------------------------------------------------------------------------

def test_acme_is_not_served_without_tls(service, stranger):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", service.http, timeout=5)
    for path in ("/directory", "/acme/new-nonce"):
        connection.request("GET", path)
        reply = connection.getresponse()
        assert reply.status == 404
        reply.read()


@pytest.mark.parametrize("status, head", [
    (400, b"POST /acme/new-order HTTP/1.1\nHost: localhost\n\n"), (400, b"post /acme/new-order HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    (414, b"POST /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"), (431, b"POST /acme/new-order HTTP/1.1\r\nX: " + b"a" * 70000 + b"\r\n\r\n"),
    (501, b"POST /acme/new-order HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    (505, b"POST /acme/new-order HTTP/2.0\r\nHost: localhost\r\n\r\n"),
])
def test_unreadable_requests_get_all_headers(raw, service, status, head):
    """Also where no path could be read, as ACME clients are whom to expect at the TLS port."""
    answer, body = raw(head).split(b"\r\n\r\n", 1)
    lines = answer.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert int(lines[0].split()[1]) == status and json.loads(body)["status"] == status
    assert headers["Content-Type"] == "application/problem+json" and headers["Cache-Control"] == "no-store"
    assert headers["Replay-Nonce"] and headers["Access-Control-Allow-Origin"] == "*" and headers["Link"].endswith(';rel="index"')
    assert headers.get("Retry-After") == ("60" if status >= 500 else None)


def test_pipelined_and_chunked(raw, service):
    host = f"localhost:{service.https}".encode()
    body = b"{}"
    chunked = b"POST /acme/new-account HTTP/1.1\r\nHost: %s\r\nContent-Type: application/jose+json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n%s\r\n0\r\n\r\n"
    got = raw(b"GET /directory HTTP/1.1\r\nHost: %s\r\n\r\n" % host + chunked % (host, body) +
              b"HEAD /acme/new-nonce HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host)
    heads = [line for line in got.split(b"\r\n") if line.startswith(b"HTTP/1.1 ") or b"HTTP/1.1 " in line]
    assert len(heads) == 3 and b"200" in heads[0] and b"400" in heads[1] and b"200" in heads[2]
    assert got.lower().count(b"replay-nonce:") == 2
