"""Requests whose JWS must be refused (RFC 8555, 6.2 to 6.5): each leaves every object as it was."""
import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from acme_client import Client, Key, b64, jws, number, unb64
from refusals import refused
from service import Service, wait_for

pytestmark = pytest.mark.usefixtures("nothing_changes")

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def terms():
    return {"termsOfServiceAgreed": True}


# ---- the envelope -----------------------------------------------------------------------------------------------------

def twice(name):
    return lambda m: (json.dumps(m)[:-1] + f', "{name}": {json.dumps(m[name])}}}').encode()


def spare_bits(text):
    """The same octets in another spelling: the bits that no octet takes are set (RFC 4648, 3.5)."""
    assert len(text) % 4
    return text[:-1] + ALPHABET[ALPHABET.index(text[-1]) | 1]


def put(name, value):
    return lambda m: {**m, name: value(m[name]) if callable(value) else value}


ENVELOPES = {
    "byte order mark": lambda m: b"\xef\xbb\xbf" + json.dumps(m).encode(),
    "UTF-16": lambda m: json.dumps(m).encode("utf-16-le"),
    "invalid UTF-8": lambda m: json.dumps(m).encode().replace(b'"payload"', b'"payl\xffoad"'),
    "NUL behind": lambda m: json.dumps(m).encode() + b"\0",
    "two objects": lambda m: (json.dumps(m) * 2).encode(),
    "comment": lambda m: json.dumps(m).encode() + b" // end",
    "single quotes": lambda m: str(m).encode(),
    "trailing comma": lambda m: json.dumps(m).encode()[:-1] + b",}",
    "cut off": lambda m: json.dumps(m).encode()[:-1],
    "form": lambda m: "&".join(f"{k}={v}" for k, v in m.items()).encode(),
    "null": lambda m: b"null",
    "number": lambda m: b"7",
    "deep": lambda m: b'{"a":' * 500 + b"1" + b"}" * 500,
    "protected twice": twice("protected"),
    "signature twice": twice("signature"),
    "escaped name twice": lambda m: (json.dumps(m)[:-1] + ', "pa\\u0079load": ""}').encode(),
    "member of ours": lambda m: {**m, "kid": "x"},
    "empty header": lambda m: {**m, "header": {}},
    "null header": lambda m: {**m, "header": None},
    "two signatures": lambda m: {"payload": m["payload"], "signatures": [{k: m[k] for k in ("protected", "signature")}] * 2},
    "upper-case names": lambda m: {k.upper(): v for k, v in m.items()},
    "payload is null": put("payload", None),
    "payload is an object": put("payload", {}),
    "payload detached": lambda m: {k: v for k, v in m.items() if k != "payload"} | {"b64": False},
    "payload in plain text": put("payload", "{}"),
    "signature is a list": put("signature", lambda s: [s]),
    "protected is an object": put("protected", lambda p: json.loads(unb64(p))),
    "protected with line end": put("protected", lambda p: p + "\r\n"),
    "protected with a NUL": put("protected", lambda p: p + "\0"),
    "protected ends early": put("protected", lambda p: p[:-1] if len(p) % 4 == 2 else p + "A" * (5 - len(p) % 4)),
    "protected is garbage": put("protected", b64(b"\0\1\2")),
    "protected is null": put("protected", b64(b"null")),
    "protected is deep": put("protected", b64(b'{"a":' * 40 + b"1" + b"}" * 40)),
    "protected not in UTF-8": put("protected", b64(b'{"alg":"ES256\xff"}')),
    "signature of five characters": put("signature", "AAAAA"),
    "signature with spare bits": put("signature", spare_bits),
    "signature in standard base64": put("signature", lambda s: base64.b64encode(unb64(s)).decode()),
    "payload of one character": put("payload", "A"),
    "payload with spare bits": put("payload", "e31"),
}


@pytest.mark.parametrize("case", ENVELOPES)
def test_envelope(member, case):
    refused(member.send(member.kid, ENVELOPES[case](jws(member.key, member.protected(member.kid), ""))), 400, "malformed")


HEADERS = {
    "alg NONE": ({"alg": "NONE"}, "badSignatureAlgorithm"), "alg empty": ({"alg": ""}, "badSignatureAlgorithm"),
    "alg es256": ({"alg": "es256"}, "badSignatureAlgorithm"), "alg HS384": ({"alg": "HS384"}, "badSignatureAlgorithm"),
    "alg HS512": ({"alg": "HS512"}, "badSignatureAlgorithm"), "alg RS384": ({"alg": "RS384"}, "badSignatureAlgorithm"),
    "alg RS512": ({"alg": "RS512"}, "badSignatureAlgorithm"), "alg PS256": ({"alg": "PS256"}, "badSignatureAlgorithm"),
    "alg RS1": ({"alg": "RS1"}, "badSignatureAlgorithm"), "alg RS256 for EC": ({"alg": "RS256"}, "badSignatureAlgorithm"),
    "alg EdDSA for EC": ({"alg": "EdDSA"}, "badSignatureAlgorithm"), "alg ES512 for P-256": ({"alg": "ES512"}, "badSignatureAlgorithm"),
    "alg of encryption": ({"alg": "RSA-OAEP"}, "badSignatureAlgorithm"), "alg with NUL": ({"alg": "ES256\0"}, None),
    "alg list": ({"alg": ["ES256"]}, "malformed"), "alg null": ({"alg": None}, "malformed"), "crit empty": ({"crit": []}, "malformed"),
    "crit of a header we know": ({"crit": ["url"]}, "malformed"), "crit null": ({"crit": None}, "malformed"),
    "kid null": ({"kid": None}, "malformed"), "kid list": ({"kid": []}, "malformed"), "kid with a space": ({"kid": " "}, "malformed"),
    "kid too long": ({"kid": "https://localhost/" + "a" * 3000}, "malformed"), "url null": ({"url": None}, "malformed"),
    "url list": ({"url": []}, "malformed"), "url with NUL": ({"url": "https://localhost/\0"}, "malformed"),
    "url in other script": ({"url": "https://lοcalhost/"}, "malformed"), "nonce null": ({"nonce": None}, "malformed"),
    "nonce empty": ({"nonce": ""}, "malformed"), "nonce padded": ({"nonce": "AAAA=="}, "malformed"),
    "nonce too long": ({"nonce": "A" * 5000}, "malformed"), "jwk null beside kid": ({"jwk": None}, "malformed"),
    "jwk empty beside kid": ({"jwk": {}}, "malformed"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_protected_header(member, case):
    change, kind = HEADERS[case]
    reply = member.send(member.kid, jws(member.key, {**member.protected(member.kid), **change}, ""))
    refused(reply, 400, kind or reply.type)
    assert reply.type in ("malformed", "badSignatureAlgorithm")


@pytest.mark.parametrize("name", ["kid", "url", "nonce", "alg"])
def test_header_twice(member, name):
    head = member.protected(member.kid)
    text = b64((json.dumps(head)[:-1] + f', "{name}": {json.dumps(head[name])}}}').encode())
    refused(member.send(member.kid, {"protected": text, "payload": "", "signature": b64(member.key.sign(f"{text}.".encode()))}), 400, "malformed")


@pytest.mark.parametrize("media", [
    "application/jose+json;", "application/jose+json; charset=UTF-8", "application/jose+json;q=1", "application/jose+json, application/json",
    "application/*", "*/*", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/pkix-cert",
    '"application/jose+json"',
    "application/jose json", "application/jwt", "text/plain;application/jose+json"])
def test_media_type(member, media):
    refused(member.send(member.kid, jws(member.key, member.protected(member.kid), ""), media), 415, "malformed")


def test_no_media_type(member):
    message = json.dumps(jws(member.key, member.protected(member.kid), ""))
    refused(member.http("POST", member.kid, message), 415, "malformed")


def test_nonce_as_request_header(member):
    head = member.protected(member.kid)
    message = json.dumps(jws(member.key, head, ""))
    refused(member.http("POST", member.kid, message, {"Content-Type": "application/jose+json", "Replay-Nonce": head["nonce"]}), 400, "malformed")


# ---- keys and signatures -------------------------------------------------------------------------------------------------

def rsa_jwk(n, e=b"\1\0\1"):
    return {"kty": "RSA", "n": b64(n) if isinstance(n, bytes) else number(n), "e": b64(e)}


def small_key(bits):
    return rsa.generate_private_key(65537, bits).public_key().public_numbers().n


RSA_N = small_key(2048)
EC_KEY = Key()
EC = EC_KEY.jwk()
P384 = Key("ES384")
ZERO = b64(bytes(32))

JWKS = {
    "RSA 1024": ("RS256", rsa_jwk(small_key(1024)), ("badPublicKey",)), "RSA 2040": ("RS256", rsa_jwk(RSA_N >> 8 | 1), ("badPublicKey",)),
    "RSA 2047": ("RS256", rsa_jwk(RSA_N >> 1 | 1), ("badPublicKey",)), "RSA even": ("RS256", rsa_jwk(RSA_N - 1), ("badPublicKey",)),
    "RSA e=1": ("RS256", rsa_jwk(RSA_N, b"\1"), ("badPublicKey",)), "RSA e=2": ("RS256", rsa_jwk(RSA_N, b"\2"), ("badPublicKey",)),
    "RSA e=0": ("RS256", rsa_jwk(RSA_N, b"\0"), ("badPublicKey", "malformed")), "RSA e even": ("RS256", rsa_jwk(RSA_N, b"\1\0\0"), ("badPublicKey",)),
    "RSA e too large": ("RS256", rsa_jwk(RSA_N, b"\1" * 300), ("badPublicKey",)),
    "RSA n empty": ("RS256", rsa_jwk(b""), ("badPublicKey", "malformed")),
    "RSA e empty": ("RS256", rsa_jwk(RSA_N, b""), ("badPublicKey", "malformed")), "RSA 16384": ("RS256", rsa_jwk(1 << 16383 | 1), ("badPublicKey",)),
    "RSA n padded": ("RS256", {**rsa_jwk(RSA_N), "n": number(RSA_N) + "=="}, ("malformed",)),
    "RSA without e": ("RS256", {"kty": "RSA", "n": number(RSA_N)}, ("malformed",)),
    "RSA with p": ("RS256", {**rsa_jwk(RSA_N), "p": "AQAB"}, ("malformed",)), "RSA factor 3": ("RS256", rsa_jwk(RSA_N // 3 * 3 | 1), None),
    "EC origin": ("ES256", {**EC, "x": ZERO, "y": ZERO}, ("badPublicKey",)), "EC off the curve": ("ES256", {**EC, "y": EC["x"]}, ("badPublicKey",)),
    "EC x beyond p": ("ES256", {**EC, "x": b64(b"\xff" * 32)}, ("badPublicKey",)),
    "EC x of 33 octets": ("ES256", {**EC, "x": b64(b"\0" + unb64(EC["x"]))}, ("badPublicKey", "malformed")),
    "EC x of 31 octets": ("ES256", {**EC, "x": b64(unb64(EC["x"])[:31])}, ("badPublicKey", "malformed")),
    "EC without crv": ("ES256", {k: v for k, v in EC.items() if k != "crv"}, ("badPublicKey", "malformed")),
    "EC P-192": ("ES256", {**EC, "crv": "P-192"}, ("badPublicKey",)), "EC crv in lower case": ("ES256", {**EC, "crv": "p-256"}, ("badPublicKey",)),
    "EC P-384 called P-256": ("ES256", {**P384.jwk(), "crv": "P-256"}, ("badPublicKey", "malformed")),
    "EC number as x": ("ES256", {**EC, "x": 7}, ("malformed",)), "EC standard base64": ("ES256", {**EC, "x": "+/" * 21 + "+"}, ("malformed",)),
    "ES256 with P-384": ("ES256", P384.jwk(), ("badSignatureAlgorithm",)), "ES384 with P-256": ("ES384", EC, ("badSignatureAlgorithm",)),
    "ES256 with RSA": ("ES256", rsa_jwk(RSA_N), ("badSignatureAlgorithm",)), "RS256 with P-256": ("RS256", EC, ("badSignatureAlgorithm",)),
    "JWK for ES384": ("ES256", {**EC, "alg": "ES384"}, ("badSignatureAlgorithm",)),
    "JWK for HS256": ("ES256", {**EC, "alg": "HS256"}, ("malformed",)),
    "JWK for encryption": ("ES256", {**EC, "use": "enc"}, ("malformed",)), "JWK use is a number": ("ES256", {**EC, "use": 1}, ("malformed",)),
    "OKP X25519": ("EdDSA", {"kty": "OKP", "crv": "X25519", "x": ZERO}, ("badPublicKey",)),
    "OKP Ed448": ("EdDSA", {"kty": "OKP", "crv": "Ed448", "x": b64(bytes(57))}, ("badPublicKey",)),
    "OKP of 31 octets": ("EdDSA", {"kty": "OKP", "crv": "Ed25519", "x": b64(b"\1" * 31)}, ("badPublicKey", "malformed")),
    "symmetric": ("ES256", {"kty": "oct", "k": "AAAA"}, ("malformed",)), "kty in lower case": ("ES256", {**EC, "kty": "ec"}, ("badPublicKey",)),
    "kty is a number": ("ES256", {**EC, "kty": 7}, ("malformed",)), "list": ("ES256", [EC], ("malformed",)),
    "JWK set": ("ES256", {"keys": [EC]}, ("malformed",)),
}


@pytest.mark.parametrize("case", JWKS)
def test_jwk(stranger, case):
    alg, jwk, kinds = JWKS[case]
    url = stranger.directory["newAccount"]
    reply = stranger.send(url, jws(EC_KEY, {**stranger.protected(url, jwk=jwk), "alg": alg}, terms()))
    refused(reply, 400, reply.type)
    assert kinds is None or reply.type in kinds, reply.body


def ecdsa(r, s):
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def parts(signature):
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


SIGNATURES = {
    "DER": lambda key, data: key.private.sign(data, ec.ECDSA(hashes.SHA256())),
    "SHA-384": lambda key, data: Key("ES256", Wrong(key.private)).sign(data),
    "63 octets": lambda key, data: key.sign(data)[:63], "65 octets": lambda key, data: key.sign(data) + b"\0",
    "leading zero": lambda key, data: b"\0" + key.sign(data), "zeros": lambda key, data: bytes(64), "all ones": lambda key, data: b"\xff" * 64,
    "r is 0": lambda key, data: ecdsa(0, parts(key.sign(data))[1]), "s is 0": lambda key, data: ecdsa(parts(key.sign(data))[0], 0),
    "r is the order": lambda key, data: ecdsa(P256_ORDER, parts(key.sign(data))[1]),
    "s is the order": lambda key, data: ecdsa(parts(key.sign(data))[0], P256_ORDER),
    "halves exchanged": lambda key, data: key.sign(data)[32:] + key.sign(data)[:32],
    "of the payload only": lambda key, data: key.sign(data.split(b".", 1)[1]),
    "of decoded octets": lambda key, data: key.sign(unb64(data.split(b".")[0].decode()) + b"."),
    "of another key": lambda key, data: Key().sign(data), "as text": lambda key, data: b64(key.sign(data)).encode(),
}


class Wrong:
    """Signs with another digest than the algorithm's."""

    def __init__(self, private):
        self.private = private

    def sign(self, data, _):
        return self.private.sign(data, ec.ECDSA(hashes.SHA384()))


@pytest.mark.parametrize("case", SIGNATURES)
def test_signature(member, case):
    message = jws(member.key, member.protected(member.kid), "")
    data = f"{message['protected']}.{message['payload']}".encode()
    refused(member.send(member.kid, {**message, "signature": b64(SIGNATURES[case](member.key, data))}), 400, "malformed")


@pytest.mark.parametrize("case", ["PSS", "SHA-1", "SHA-512", "no padding", "short", "longer"])
def test_rsa_signature(stranger, case):
    key, url = Key("RS256"), stranger.directory["newAccount"]
    message = jws(key, {**stranger.protected(url, jwk=key.jwk()), "alg": "RS256"}, terms())
    data = f"{message['protected']}.{message['payload']}".encode()
    good = key.sign(data)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    bad = {"PSS": lambda: key.private.sign(data, pss, hashes.SHA256()), "SHA-1": lambda: key.private.sign(data, padding.PKCS1v15(), hashes.SHA1()),
           "SHA-512": lambda: key.private.sign(data, padding.PKCS1v15(), hashes.SHA512()), "no padding": lambda: b"\0" * 255 + b"\1",
           "short": lambda: good[1:], "longer": lambda: b"\0" + good}[case]()
    refused(stranger.send(url, {**message, "signature": b64(bad)}), 400, "malformed")


def test_signature_of_a_stranger(member, stranger):
    """A right signature of a stranger's key under the member's URL."""
    refused(stranger.post(member.kid, "", kid=member.kid), 400, "malformed")


# ---- url -----------------------------------------------------------------------------------------------------------------

URLS = {
    "path only": lambda u: u[u.index("/acme"):], "upper-case scheme": lambda u: u.replace("https", "HTTPS"),
    "upper-case host": lambda u: u.replace("localhost", "LOCALHOST"), "absolute host": lambda u: u.replace("localhost", "localhost."),
    "address": lambda u: u.replace("localhost", "127.0.0.1"), "user": lambda u: u.replace("localhost", "user@localhost"),
    "fragment": lambda u: u + "#x",
    "empty query": lambda u: u + "?", "double slash": lambda u: u.replace("/acme", "//acme"), "dot": lambda u: u.replace("/acme", "/./acme"),
    "dots": lambda u: u.replace("/acme", "/x/../acme"), "encoded": lambda u: u.replace("/acme", "/%61cme"),
    "upper-case id": lambda u: u[:-32] + u[-32:].upper() + "A",
    "without port": lambda u: "https://localhost" + u[u.index("/acme"):], "other resource": lambda u: u.replace("/acct/", "/order/"),
    "other port": lambda u: "https://localhost:1" + u[u.index("/acme"):], "of the directory": lambda u: u[:u.index("/acme")] + "/directory",
}


@pytest.mark.parametrize("case", URLS)
def test_url(member, case):
    url = URLS[case](member.kid)
    refused(member.send(member.kid, jws(member.key, member.protected(url), "")), 403, "unauthorized")


@pytest.mark.parametrize("change", [lambda u: u + "?a=b", lambda u: u + "/", lambda u: u.replace("/acct/", "/%61cct/")])
def test_request_target_in_another_spelling(member, change):
    """The JWS is for the account, the request line for another spelling of it."""
    message = jws(member.key, member.protected(member.kid), "")
    reply = member.send(change(member.kid), message)
    assert (reply.status, reply.type) in ((403, "unauthorized"), (404, "malformed")) and reply.headers["Replay-Nonce"]


# ---- nonces ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("case", ["random", "zeros", "short", "longer", "last bit", "first bit"])
def test_nonce_not_of_ours(member, case):
    good = unb64(member.fresh_nonce())
    bad = {"random": bytes(b ^ 0x5A for b in good), "zeros": bytes(len(good)), "short": good[1:], "longer": good + b"\0",
           "last bit": good[:-1] + bytes([good[-1] ^ 1]), "first bit": bytes([good[0] ^ 0x80]) + good[1:]}[case]
    refused(member.send(member.kid, jws(member.key, member.protected(member.kid, nonce=b64(bad)), "")), 400, "badNonce")


def test_nonce_is_spent_by_a_refused_request(member):
    """What was signed rightly spends its nonce even when it is refused: it cannot be sent again."""
    message = jws(member.key, member.protected(member.kid + "?x"), "")
    refused(member.send(member.kid, message), 403, "unauthorized")
    refused(member.send(member.kid + "?x", message), 400, "badNonce")


def test_nonces_of_other_servers_and_other_lives(tmp_path_factory, member):
    """A nonce of another CA, and one from before a restart of this one's store."""
    other = Service(tmp_path_factory.mktemp("restarted"))
    try:
        client = Client(other.directory, other.root)
        client.register()
        foreign = client.fresh_nonce()
        refused(member.send(member.kid, jws(member.key, member.protected(member.kid, nonce=foreign), "")), 400, "badNonce")
        old, was = client.fresh_nonce(), other.roles()["store"]
        other.kill("store")
        wait_for(lambda: other.roles().get("store", was) != was, "the store's return")
        message = jws(client.key, client.protected(client.kid, nonce=old), "")
        reply = wait_for(lambda: (r := client.send(client.kid, message)).status < 500 and r, "an answer of the new store")
        refused(reply, 400, "badNonce")
        assert client.post(client.kid).status == 200
    finally:
        other.stop()
