"""What finalize and revokeCert must refuse (RFC 8555, 7.4, 7.6; R13 to R16; ca-rules 7 to 10, 15, 16, 22, 32)."""
import datetime
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

import der
from acme_client import Client, Key, b64, csr
from der import SEQUENCE, common_name, extension, oid, requested, san, tlv
from refusals import refused

pytestmark = pytest.mark.usefixtures("nothing_changes")

NAME = "ready.negative.test"
UNKNOWN = "0" * 32


def public(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def owner(service, names):
    """An account with a ready order, and with a valid one."""
    one = Client(service.directory, service.root)
    one.register()
    one.ready_url, one.ready = one.order([NAME])
    one.authorize(one.ready, names.solve_http)
    one.valid_url, one.valid = one.order(["issued.negative.test"])
    one.authorize(one.valid, names.solve_http)
    one.certificate_key = ec.generate_private_key(ec.SECP256R1())
    pem = one.finalize(one.valid_url, one.valid, csr(["issued.negative.test"], one.certificate_key)[0])
    one.valid = one.ok(one.valid_url).json
    one.certificate = x509.load_pem_x509_certificate(pem.encode())
    one.der = one.certificate.public_bytes(serialization.Encoding.DER)
    one.issuer = x509.load_pem_x509_certificate(pem[pem.index("-----END CERTIFICATE-----\n") + 26:].encode())
    return one


@pytest.fixture
def same(owner):
    before = [owner.ok(u).json for u in (owner.ready_url, owner.valid_url)]
    yield
    assert [owner.ok(u).json for u in (owner.ready_url, owner.valid_url)] == before and before[0]["status"] == "ready"


# ---- names and structure of the request ----------------------------------------------------------------------------------

def plain(**more):
    return der.request(requested(san(NAME)), **more)


def other_name(tag, content):
    return tlv(tag, content)


CSRS = {
    "no SAN, no CN": lambda: der.request(), "empty SAN": lambda: der.request(requested(san())),
    "empty extension request": lambda: der.request(requested()),
    "one name more": lambda: csr([NAME, "more.test"])[0], "other name": lambda: csr(["other.test"])[0], "name below": lambda: csr(["www." + NAME])[0],
    "name above": lambda: csr(["negative.test"])[0], "wildcard of it": lambda: csr(["*." + NAME])[0],
    "it and its wildcard": lambda: csr([NAME, "*." + NAME])[0],
    "other CN": lambda: csr([NAME], cn="other.test")[0], "only another CN": lambda: csr([], cn="other.test")[0],
    "wildcard CN": lambda: csr([NAME], cn="*." + NAME)[0],
    "CN with a space": lambda: csr([NAME], cn=NAME + " ")[0], "CN with a dot": lambda: csr([NAME], cn=NAME + ".")[0],
    "CN is text": lambda: csr([NAME], cn="My Server")[0],
    "CN is a URL": lambda: csr([NAME], cn="https://" + NAME)[0], "CN is an address": lambda: csr([NAME], cn="192.0.2.1")[0],
    "CN in other script": lambda: csr([NAME], cn="ä.test")[0],
    "two CNs": lambda: plain(subject=common_name(NAME) + common_name(NAME)), "empty CN": lambda: plain(subject=common_name("")),
    "CN with NUL": lambda: plain(subject=common_name(NAME + "\0")),
    "CN in UTF-16": lambda: plain(subject=common_name(NAME.encode("utf-16-be"), 0x1E)),
    "CN is a number": lambda: plain(subject=common_name(b"\1", 2)),
    "empty RDN": lambda: plain(subject=tlv(der.SET)), "subject is garbage": lambda: plain(subject=b"\x31\x05\1"),
    "rfc822Name": lambda: der.request(requested(san(NAME, other_name(0x81, b"a@ready.negative.test")))),
    "URI": lambda: der.request(requested(san(NAME, other_name(0x86, b"https://" + NAME.encode())))),
    "directoryName": lambda: der.request(requested(san(NAME, other_name(0xA4, tlv(SEQUENCE))))),
    "registeredID": lambda: der.request(requested(san(NAME, other_name(0x88, b"\x2a\3")))),
    "otherName": lambda: der.request(requested(san(NAME, other_name(0xA0, oid("1.2.3") + tlv(0xA0, tlv(der.UTF8, b"x")))))),
    "x400Address": lambda: der.request(requested(san(NAME, other_name(0xA3, b"")))),
    "address besides": lambda: der.request(requested(san(NAME, other_name(0x87, b"\x7f\0\0\1")))),
    "IPv6 besides": lambda: der.request(requested(san(NAME, other_name(0x87, bytes(15) + b"\1")))),
    "address of 5 octets": lambda: der.request(requested(san(NAME, other_name(0x87, b"\x7f\0\0\1\0")))),
    "address with mask": lambda: der.request(requested(san(NAME, other_name(0x87, bytes(8))))),
    "empty name besides": lambda: der.request(requested(san(NAME, ""))), "name with NUL": lambda: der.request(requested(san(NAME, NAME + "\0.test"))),
    "name with a dot": lambda: der.request(requested(san(NAME + "."))),
    "name with a space": lambda: der.request(requested(san(" " + NAME))), "8-bit name": lambda: der.request(requested(san(NAME, b"\xe4.test"))),
    "underscore": lambda: der.request(requested(san(NAME, "_a." + NAME))),
    "address as dNSName": lambda: der.request(requested(san(NAME, "127.0.0.1"))),
    "constructed name": lambda: der.request(requested(san(NAME, tlv(0xA2, b"\x0c\1a")))),
    "1,500 names": lambda: der.request(requested(san(*[f"n{i}.test" for i in range(1500)]))),
    "SAN twice": lambda: der.request(requested(san(NAME), san(NAME))),
    "two extension requests": lambda: der.request(requested(san(NAME)), requested(san(NAME))),
    "SAN is garbage": lambda: der.request(requested(extension(der.SAN, b"\x30\x05\1"))),
    "bytes behind the SAN": lambda: der.request(requested(extension(der.SAN, tlv(SEQUENCE, der.dns(NAME)) + b"\0"))),
    "SAN is a set": lambda: der.request(requested(extension(der.SAN, tlv(der.SET, der.dns(NAME))))),
    "CA:TRUE": lambda: der.request(requested(san(NAME), extension(der.BASIC, tlv(SEQUENCE, tlv(der.BOOLEAN, b"\xff"))))),
    "CA:TRUE, critical": lambda: der.request(requested(san(NAME),
        extension(der.BASIC, tlv(SEQUENCE, tlv(der.BOOLEAN, b"\xff")), tlv(der.BOOLEAN, b"\xff")))),
    "CA with a path": lambda: der.request(requested(san(NAME), extension(der.BASIC, tlv(SEQUENCE, tlv(der.BOOLEAN, b"\xff"), tlv(2, b"\0"))))),
    "CA:TRUE as 1": lambda: der.request(requested(san(NAME), extension(der.BASIC, tlv(SEQUENCE, tlv(der.BOOLEAN, b"\1"))))),
    "must-staple": lambda: der.request(requested(san(NAME), extension(der.STAPLE, tlv(SEQUENCE, tlv(2, b"\5"))))),
    "50 extensions": lambda: der.request(requested(san(NAME), *[extension(f"1.2.3.{i}", b"\5\0") for i in range(50)])),
    "version 1": lambda: plain(version=1), "bytes inside": lambda: plain(inner=b"\5\0"), "bytes at the end": lambda: plain(outer=b"\5\0"),
    "bytes behind": lambda: plain() + b"\0",
    "two requests": lambda: plain() * 2, "cut off": lambda: plain()[:-1], "one octet": lambda: b"\x30", "empty": lambda: b"", "null": lambda: b"\5\0",
    "indefinite length": lambda: b"\x30\x80" + plain()[4:] + b"\0\0",
    "long length": lambda: b"\x30\x84\0\0" + plain()[2:], "length beyond": lambda: b"\x30\x84\xff\xff\xff\xff" + plain()[4:],
    "PEM": lambda: b"-----BEGIN CERTIFICATE REQUEST-----\n",
    "a certificate": None, "garbage": lambda: bytes(range(256)), "50 levels": lambda: nested(50), "5,000 levels": lambda: nested(5000),
}


def nested(levels):
    out = b""
    for _ in range(levels):
        out = tlv(SEQUENCE, out)
    return out


@pytest.mark.parametrize("case", CSRS)
def test_request(owner, same, case):
    data = CSRS[case]() if CSRS[case] else owner.der
    refused(owner.post(owner.ready["finalize"], {"csr": b64(data)}), 400, "badCSR")


# ---- keys and signatures of the request ----------------------------------------------------------------------------------

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SHA256_RSA, NULL = "1.2.840.113549.1.1.11", b"\5\0"


def algorithm(number, parameters=b""):
    return tlv(SEQUENCE, oid(number), parameters)


def rsa_spki(n, e=65537, parameters=NULL, number="1.2.840.113549.1.1.1"):
    def integer(v):
        return tlv(2, v.to_bytes(v.bit_length() // 8 + 1, "big"))
    return tlv(SEQUENCE, algorithm(number, parameters), tlv(der.BITS, b"\0", tlv(SEQUENCE, integer(n), integer(e))))


def point_spki(curve, point):
    return tlv(SEQUENCE, algorithm("1.2.840.10045.2.1", curve), tlv(der.BITS, b"\0", point))


def rsa_request(number, digest, scheme=None, parameters=NULL):
    return plain(spki=public(RSA), alg=algorithm(number, parameters), sign=lambda info: RSA.sign(info, scheme or padding.PKCS1v15(), digest))


N = RSA.public_key().public_numbers().n
P256_CURVE = oid("1.2.840.10045.3.1.7")
POINT = P256.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
COMPRESSED = P256.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
ED = ed25519.Ed25519PrivateKey.generate()

KEYS = {
    "RSA 1024": lambda: csr([NAME], rsa.generate_private_key(65537, 1024))[0], "RSA 2040": lambda: plain(spki=rsa_spki(N >> 8 | 1)),
    "RSA 2047": lambda: plain(spki=rsa_spki(N >> 1 | 1)),
    "RSA even": lambda: plain(spki=rsa_spki(N - 1)), "RSA e=1": lambda: plain(spki=rsa_spki(N, 1)), "RSA e=2": lambda: plain(spki=rsa_spki(N, 2)),
    "RSA e=0": lambda: plain(spki=rsa_spki(N, 0)),
    "RSA e even": lambda: plain(spki=rsa_spki(N, 65536)), "RSA 16384": lambda: plain(spki=rsa_spki(1 << 16383 | 1)),
    "RSA factor 3": lambda: plain(spki=rsa_spki(3 * (1 << 2046 | 1))),
    "RSA factor 751": lambda: plain(spki=rsa_spki((N // 1502 * 2 + 1) * 751)), "RSA without NULL": lambda: plain(spki=rsa_spki(N, parameters=b"")),
    "RSA-PSS key": lambda: plain(spki=rsa_spki(N, number="1.2.840.113549.1.1.10")),
    "RSA n=0": lambda: plain(spki=rsa_spki(0)), "P-192": lambda: csr([NAME], ec.generate_private_key(ec.SECP192R1()))[0],
    "P-224": lambda: csr([NAME], ec.generate_private_key(ec.SECP224R1()))[0],
    "secp256k1": lambda: csr([NAME], ec.generate_private_key(ec.SECP256K1()))[0],
    "brainpool": lambda: csr([NAME], ec.generate_private_key(ec.BrainpoolP256R1()))[0],
    "Ed25519": lambda: csr([NAME], ED)[0], "explicit curve": lambda: plain(spki=point_spki(tlv(SEQUENCE, tlv(2, b"\1")), POINT)),
    "implicit curve": lambda: plain(spki=point_spki(NULL, POINT)),
    "no curve": lambda: plain(spki=point_spki(b"", POINT)), "compressed point": lambda: plain(key=P256, spki=point_spki(P256_CURVE, COMPRESSED)),
    "point at infinity": lambda: plain(spki=point_spki(P256_CURVE, b"\0")),
    "point off the curve": lambda: plain(spki=point_spki(P256_CURVE, POINT[:-1] + bytes([POINT[-1] ^ 1]))),
    "point too short": lambda: plain(spki=point_spki(P256_CURVE, POINT[:-1])),
    "point beyond p": lambda: plain(spki=point_spki(P256_CURVE, b"\4" + b"\xff" * 64)),
    "hybrid point": lambda: plain(key=P256, spki=point_spki(P256_CURVE, bytes([6 | POINT[-1] & 1]) + POINT[1:])),
    "unknown key type": lambda: plain(spki=tlv(SEQUENCE, algorithm("1.2.3.4"), tlv(der.BITS, b"\0" + POINT))),
    "DSA": lambda: plain(spki=tlv(SEQUENCE, algorithm("1.2.840.10040.4.1"), tlv(der.BITS, b"\0" + tlv(2, b"\5")))),
    "empty key": lambda: plain(spki=tlv(SEQUENCE)), "bits unused in the key": lambda: plain(key=P256,
        spki=tlv(SEQUENCE, algorithm("1.2.840.10045.2.1", P256_CURVE), tlv(der.BITS, b"\1", POINT))),
    "account's key": None,
}
SIGNATURES = {
    "MD5": lambda: rsa_request("1.2.840.113549.1.1.4", hashes.MD5()), "SHA-1": lambda: rsa_request("1.2.840.113549.1.1.5", hashes.SHA1()),
    "SHA-224": lambda: rsa_request("1.2.840.113549.1.1.14", hashes.SHA224()),
    "PSS": lambda: rsa_request("1.2.840.113549.1.1.10", hashes.SHA256(), PSS, b""),
    "PSS called PKCS1": lambda: rsa_request(SHA256_RSA, hashes.SHA256(), PSS), "SHA-1 called SHA-256": lambda: rsa_request(SHA256_RSA, hashes.SHA1()),
    "RSA algorithm without NULL": lambda: rsa_request(SHA256_RSA, hashes.SHA256(), parameters=tlv(SEQUENCE)),
    "ECDSA with SHA-1": lambda: plain(key=P256, alg=algorithm("1.2.840.10045.4.1"), sign=lambda i: P256.sign(i, ec.ECDSA(hashes.SHA1()))),
    "ECDSA called SHA-384": lambda: plain(key=P256, alg=algorithm(der.ECDSA_SHA384)),
    "ECDSA with parameters": lambda: plain(key=P256, alg=algorithm(der.ECDSA_SHA256, NULL)),
    "ECDSA called RSA": lambda: plain(key=P256, alg=algorithm(SHA256_RSA, NULL)), "of another key": lambda: plain(spki=public(P256)),
    "empty": lambda: plain(sign=lambda i: b""), "zeros": lambda: plain(sign=lambda i: bytes(70)),
    "of other octets": lambda: plain(key=P256, sign=lambda i: P256.sign(i + b"\0", ec.ECDSA(hashes.SHA256()))),
    "r and s are 0": lambda: plain(sign=lambda i: tlv(SEQUENCE, tlv(2, b"\0"), tlv(2, b"\0"))),
    "bytes behind": lambda: plain(key=P256, sign=lambda i: P256.sign(i, ec.ECDSA(hashes.SHA256())) + b"\0"),
    "raw": lambda: plain(key=P256, sign=lambda i: Key("ES256", P256).sign(i)),
    "no algorithm": lambda: plain(alg=tlv(SEQUENCE)), "unknown algorithm": lambda: plain(alg=algorithm("1.2.3.4")),
}


@pytest.mark.parametrize("case", KEYS)
def test_key_of_the_request(owner, same, case):
    data = KEYS[case]() if KEYS[case] else csr([NAME], owner.key.private)[0]
    reply = owner.post(owner.ready["finalize"], {"csr": b64(data)})
    refused(reply, 400, reply.type)
    assert reply.type in ("badCSR", "badPublicKey")


@pytest.mark.parametrize("case", SIGNATURES)
def test_signature_of_the_request(owner, same, case):
    refused(owner.post(owner.ready["finalize"], {"csr": b64(SIGNATURES[case]())}), 400, "badCSR")


@pytest.mark.parametrize("payload",
    [b'{"csr": null}', b'{"csr": []}', b'{"csr": {}}', b'{"CSR": "AAAA"}', b'{"csr": "AAAA", "csr": "AAAA"}', b"null", b'"csr"', b"{}{}"])
def test_payload_of_finalize(owner, same, payload):
    refused(owner.post(owner.ready["finalize"], payload), 400, "malformed")


@pytest.mark.parametrize("change",
    [lambda t: t + "=", lambda t: t.replace("M", "+", 1), lambda t: t + "\n", lambda t: " " + t, lambda t: t[:10] + "*" + t[10:],
                                    lambda t: "-----BEGIN CERTIFICATE REQUEST-----\n" + t], ids=range(6))
def test_spelling_of_the_request(owner, same, change):
    refused(owner.post(owner.ready["finalize"], {"csr": change(b64(plain()))}), 400, "badCSR")


def test_finalize_twice(owner, same):
    """With the same key the order once more, with another key nothing."""
    other, again = csr(["issued.negative.test"])[0], csr(["issued.negative.test"], owner.certificate_key)[0]
    refused(owner.post(owner.valid["finalize"], {"csr": b64(other)}), 403, "orderNotReady")
    assert owner.ok(owner.valid["finalize"], {"csr": b64(again)}).json == owner.valid


def test_finalize_of_a_stranger(member, owner, same):
    for order in (owner.ready, owner.valid):
        refused(member.post(order["finalize"], {"csr": b64(plain())}), 404, "malformed")
        refused(member.post(order["finalize"], {}), 404, "malformed")


# ---- certificates ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("payload", [{}, b"null", b"x"])
def test_certificate_is_only_read(owner, same, payload):
    refused(owner.post(owner.valid["certificate"], payload), 400, "malformed")


def test_certificate_of_another_account(member, owner, same):
    bodies = {refused(member.post(owner.valid["certificate"]), 404, "malformed").body}
    bodies.add(refused(member.post(owner.valid["certificate"][:-32] + UNKNOWN), 404, "malformed").body)
    assert len(bodies) == 1


# ---- revocation ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("reason", [-2 ** 63, -2, -1, 2, 6, 7, 8, 9, 10, 11, 12, 255, 256, 257, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 63 - 1])
def test_reason(owner, same, reason):
    refused(owner.post(owner.directory["revokeCert"], {"certificate": b64(owner.der), "reason": reason}), 400, "badRevocationReason")


@pytest.mark.parametrize("reason",
    [b'"1"', b'""', b"1.0", b"1e0", b"0.5", b"true", b"null", b"[1]", b"{}", b"NaN", b"01", b"9223372036854775808", b"1, \"reason\": 1"])
def test_reason_that_is_no_integer(owner, same, reason):
    payload = b'{"certificate": "%s", "reason": %s}' % (b64(owner.der).encode(), reason)
    refused(owner.post(owner.directory["revokeCert"], payload), 400, "malformed")


@pytest.mark.parametrize("payload",
    [b'{"certificate": null}', b'{"certificate": []}', b'{"Certificate": "AAAA"}', b'{"certificate": "A"}', b'{"certificate": "AB"}',
                                     b'{"certificate": "AA=="}', b'{"certificate": "AA+/"}', b'{"certificate": " AAAA"}', b'{"reason": 1}',
                                     b'"AAAA"'])
def test_payload_of_revocation(owner, same, payload):
    refused(owner.post(owner.directory["revokeCert"], payload), 400, "malformed")


def forged(owner, key, issuer=None):
    """The owner's certificate as another CA would have issued it."""
    c, day = owner.certificate, datetime.timedelta(days=1)
    now = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME,
        "issued.negative.test")])).issuer_name(issuer or c.issuer)
    builder = builder.public_key(c.public_key()).serial_number(c.serial_number).not_valid_before(now - day).not_valid_after(now + 5000 * day)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


UNKNOWN_CERTIFICATES = {
    "byte behind": lambda o: o.der + b"\0", "cut off": lambda o: o.der[:-1], "twice": lambda o: o.der * 2,
    "signature altered": lambda o: o.der[:-1] + bytes([o.der[-1] ^ 1]),
    "serial altered": lambda o: o.der.replace(o.certificate.serial_number.to_bytes(20, "big").lstrip(b"\0")[-8:], bytes(8)),
    "long length": lambda o: b"\x30\x83\0" + o.der[2:],
    "other CA, same serial and names": lambda o: forged(o, ec.generate_private_key(ec.SECP256R1())),
    "other CA": lambda o: forged(o, P256, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Other")])),
    "the issuer's": lambda o: o.issuer.public_bytes(serialization.Encoding.DER), "the root's": None, "a CSR": lambda o: plain(),
    "to be signed part": lambda o: o.certificate.tbs_certificate_bytes,
    "PEM": lambda o: o.certificate.public_bytes(serialization.Encoding.PEM), "key": lambda o: public(o.certificate_key), "one octet": lambda o: b"\0",
    "digest": lambda o: o.certificate.fingerprint(hashes.SHA256()),
    "serial": lambda o: o.certificate.serial_number.to_bytes(20, "big"), "20,000 octets": lambda o: b"\x30" * 20000,
}


@pytest.mark.parametrize("by_key", [False, True], ids=["account", "key"])
@pytest.mark.parametrize("case", UNKNOWN_CERTIFICATES)
def test_unknown_certificate(service, owner, same, case, by_key):
    root = x509.load_pem_x509_certificate(service.root.read_bytes()).public_bytes(serialization.Encoding.DER)
    data = UNKNOWN_CERTIFICATES[case](owner) if UNKNOWN_CERTIFICATES[case] else root
    assert data != owner.der
    key = Key("ES256", owner.certificate_key)
    signer = {"use_jwk": True, "key": key, "jwk": key.jwk()} if by_key else {}
    refused(owner.post(owner.directory["revokeCert"], {"certificate": b64(data)}, **signer), 404, "malformed")


@pytest.mark.parametrize("payload", [{}, {"reason": 1}, {"reason": 5}])
def test_revocation_by_others(member, owner, same, payload):
    """Another account, its key, a fresh key, and the certificate's key under an account that it is not of."""
    url, payload = owner.directory["revokeCert"], {"certificate": b64(owner.der), **payload}
    refused(member.post(url, payload), 403, "unauthorized")
    refused(member.post(url, payload, use_jwk=True), 403, "unauthorized")
    fresh, own = Key(), Key("ES256", owner.certificate_key)
    refused(member.post(url, payload, use_jwk=True, key=fresh, jwk=fresh.jwk()), 403, "unauthorized")
    refused(member.post(url, payload, key=own), 400, "malformed")
    refused(owner.post(url, payload, use_jwk=True, key=fresh, jwk=own.jwk()), 400, "malformed")
    refused(owner.post(url, payload, use_jwk=True), 403, "unauthorized")


@pytest.fixture(scope="module")
def past(owner, names):
    """A certificate of the owner's that has just expired, and its key."""
    end = int(time.time()) + 3
    key = ec.generate_private_key(ec.SECP256R1())
    pem = owner.issue([NAME], names.solve_http, key=key, notAfter=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))
    while time.time() < end + 1.5:
        time.sleep(0.1)
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER), Key("ES256", key)


def test_expired_certificate(owner, past):
    data, key = past
    url, payload = owner.directory["revokeCert"], {"certificate": b64(data)}
    refused(owner.post(url, payload), 403, "unauthorized")
    refused(owner.post(url, payload, use_jwk=True, key=key, jwk=key.jwk()), 403, "unauthorized")


@pytest.fixture(scope="module")
def revoked(owner, names):
    """A revoked certificate of the owner's, and one revoked by its own key."""
    out = []
    for by_key in (False, True):
        key = ec.generate_private_key(ec.SECP256R1())
        pem = owner.issue([NAME], names.solve_http, key=key)
        data = x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
        jose = Key("ES256", key)
        owner.ok(owner.directory["revokeCert"], {"certificate": b64(data), "reason": 1 if by_key else 4},
            **({"use_jwk": True, "key": jose, "jwk": jose.jwk()} if by_key else {}))
        out.append((data, jose))
    return out


def test_revoked_certificate(member, owner, revoked):
    url = owner.directory["revokeCert"]
    for data, key in revoked:
        for reason in (0, 3, 4, 5):
            refused(owner.post(url, {"certificate": b64(data), "reason": reason}), 400, "alreadyRevoked")
        # Who may not revoke it is not told that it is.
        refused(member.post(url, {"certificate": b64(data)}), 403, "unauthorized")
    data, key = revoked[1]
    refused(owner.post(url, {"certificate": b64(data), "reason": 1}, use_jwk=True, key=key, jwk=key.jwk()), 400, "alreadyRevoked")


@pytest.fixture(scope="module")
def unlucky(owner, revoked):
    """The order that was finalized with a key known to be compromised. The signer finds out: front has no list of keys."""
    url, order = owner.order([NAME])
    reply = owner.ok(order["finalize"], {"csr": b64(csr([NAME], revoked[1][1].private)[0])})
    return url, order, reply if reply.json["status"] == "invalid" else owner.poll(url)


def test_key_that_was_compromised(owner, same, unlucky):
    """No certificate for it (ca-rules 13); the order says why, for good."""
    url, order, reply = unlucky
    assert reply.json["status"] == "invalid" and "certificate" not in reply.json
    assert reply.json["error"]["type"] == "urn:ietf:params:acme:error:badPublicKey" and reply.json["error"]["detail"]
    assert owner.ok(url).json == reply.json
    refused(owner.post(order["finalize"], {"csr": b64(plain())}), 403, "orderNotReady")
