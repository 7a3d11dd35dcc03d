"""A few lines of DER, to build the certificate requests that no library builds."""
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SEQUENCE, SET, INTEGER, BITS, OCTETS, OID, UTF8, PRINTABLE, BOOLEAN = 0x30, 0x31, 0x02, 0x03, 0x04, 0x06, 0x0C, 0x13, 0x01
CN, SAN, BASIC, STAPLE = "2.5.4.3", "2.5.29.17", "2.5.29.19", "1.3.6.1.5.5.7.1.24"
EXTENSION_REQUEST, ECDSA_SHA256, ECDSA_SHA384 = "1.2.840.113549.1.9.14", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3"


def tlv(tag, *parts):
    content = b"".join(parts)
    n = len(content)
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([n]) if n < 128 else bytes([0x80 | len(size)]) + size) + content


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytes([first * 40 + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, 0x80 | arc & 0x7F)
        out += bytes(groups)
    return tlv(OID, out)


def dns(name):
    return tlv(0x82, name if isinstance(name, bytes) else name.encode())


def san(*names):
    """Names are strings, or other GeneralNames as they are."""
    return extension(SAN, tlv(SEQUENCE, *(n if isinstance(n, bytes) else dns(n) for n in names)))


def extension(kind, value, critical=b""):
    return tlv(SEQUENCE, oid(kind), critical, tlv(OCTETS, value))


def attribute(kind, *values):
    return tlv(SEQUENCE, oid(kind), tlv(SET, *values))


def requested(*extensions):
    return attribute(EXTENSION_REQUEST, tlv(SEQUENCE, *extensions))


def common_name(text, tag=UTF8):
    return tlv(SET, tlv(SEQUENCE, oid(CN), tlv(tag, text if isinstance(text, bytes) else text.encode())))


def request(*attributes, subject=b"", key=None, version=0, spki=None, alg=None, sign=None, inner=b"", outer=b""):
    """A certification request signed by `key` (P-256, SHA-256) or by `sign`, whatever its parts say."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    spki = spki or key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    info = tlv(SEQUENCE, tlv(INTEGER, bytes([version])), tlv(SEQUENCE, subject), spki, tlv(0xA0, *attributes), inner)
    signature = sign(info) if sign else key.sign(info, ec.ECDSA(hashes.SHA256()))
    return tlv(SEQUENCE, info, alg or tlv(SEQUENCE, oid(ECDSA_SHA256)), tlv(BITS, b"\0", signature), outer)
