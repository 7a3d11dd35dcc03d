"""tls-alpn-01 against real TLS servers: RFC 8737, RFC 8738."""
import ssl

import pytest

from validator_rig import (ALPN, Dns, TlsServer, Validator, alpn_certificate, alpn_value, finite_field_context, san, tls_context)


@pytest.fixture(scope="module")
def dns():
    d = Dns()
    yield d
    d.stop()


@pytest.fixture(scope="module")
def server():
    s = TlsServer()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def validator(tmp_path_factory, dns, server):
    v = Validator(tmp_path_factory.mktemp("v"), [f"validation.resolvers=127.0.0.1:{dns.port}", f"validation.tls_port={server.port}"])
    yield v
    v.stop()


@pytest.mark.parametrize("versions", [None, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)])
def test_right_certificate(validator, server, tmp_path, versions):
    token = validator.token()
    server.context = tls_context(tmp_path, alpn_certificate([san("right.test")], alpn_value(token)), versions=versions)
    a = validator.validate("dns", "right.test", ALPN, token)
    assert a["good"] and a["control"][0]["method"] == 3, a
    assert server.asked[-1] == "right.test"
    assert a["met"][-1][0] == "tls" and "acme-tls/1" in a["met"][-1][2]


@pytest.mark.parametrize("address, sni", [("127.0.0.1", "1.0.0.127.in-addr.arpa"), ("::1", "1." + "0." * 31 + "ip6.arpa")])
def test_address_is_asked_for_by_its_reverse_name(validator, server, tmp_path, address, sni):
    one = server if "." in address else TlsServer(server.port, address)
    token = validator.token()
    one.context = tls_context(tmp_path, alpn_certificate([san(address)], alpn_value(token)))
    a = validator.validate("ip", address, ALPN, token)
    assert a["good"] and a["caa"] == [], a
    assert one.asked[-1] == sni
    if one is not server:
        one.stop()


@pytest.mark.parametrize("what, error, words", [
    ("no san", "ERR_UNAUTHORIZED", "exactly one subjectAltName"),
    ("two names", "ERR_UNAUTHORIZED", "nothing else"),
    ("other name", "ERR_UNAUTHORIZED", "nothing else"),
    ("name and address", "ERR_UNAUTHORIZED", "nothing else"),
    ("wildcard", "ERR_UNAUTHORIZED", "nothing else"),
    ("no identifier", "ERR_UNAUTHORIZED", "exactly one acmeIdentifier"),
    ("not critical", "ERR_UNAUTHORIZED", "not critical"),
    ("trailing byte", "ERR_UNAUTHORIZED", "OCTET STRING"),
    ("short digest", "ERR_UNAUTHORIZED", "OCTET STRING"),
    ("bare digest", "ERR_UNAUTHORIZED", "OCTET STRING"),
    ("long form length", "ERR_UNAUTHORIZED", "OCTET STRING"),
    ("other digest", "ERR_INCORRECT_RESPONSE", "digest of another"),
    ("other issuer name", "ERR_UNAUTHORIZED", "self-signed"),
    ("other key", "ERR_UNAUTHORIZED", "self-signed"),
])
def test_wrong_certificates(validator, server, tmp_path, what, error, words):
    token, name = validator.token(), "wrong.test"
    value, names, options = alpn_value(token), [san(name)], {}
    if what == "no san":
        names = []
    elif what == "two names":
        names.append(san("more.test"))
    elif what == "other name":
        names = [san("more.test")]
    elif what == "name and address":
        names.append(san("127.0.0.1"))
    elif what == "wildcard":
        names = [san("*." + name)]
    elif what == "no identifier":
        options["identifiers"] = 0
    elif what == "not critical":
        options["critical"] = False
    elif what == "trailing byte":
        value += b"\0"
    elif what == "short digest":
        value = b"\x04\x1f" + value[2:33]
    elif what == "bare digest":
        value = value[2:]
    elif what == "long form length":
        value = b"\x04\x81\x20" + value[2:]
    elif what == "other digest":
        value = alpn_value(validator.token())
    elif what == "other issuer name":
        options["issuer"] = "other name"
    elif what == "other key":
        options["issuer"] = "other key"
    server.context = tls_context(tmp_path, alpn_certificate(names, value, **options))
    a = validator.validate("dns", name, ALPN, token)
    assert not a["good"] and a["error"] == error and words in a["detail"], a


@pytest.mark.parametrize("protocols, errors", [((), ("ERR_UNAUTHORIZED",)), (("http/1.1",), ("ERR_UNAUTHORIZED", "ERR_TLS"))])
def test_wrong_protocol(validator, server, tmp_path, protocols, errors):
    token = validator.token()
    server.context = tls_context(tmp_path, alpn_certificate([san("proto.test")], alpn_value(token)), protocols=protocols)
    a = validator.validate("dns", "proto.test", ALPN, token)
    assert not a["good"] and a["error"] in errors, a


def test_old_tls(validator, server, tmp_path):
    token = validator.token()
    context = tls_context(tmp_path, alpn_certificate([san("old.test")], alpn_value(token)))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    server.context = context
    a = validator.validate("dns", "old.test", ALPN, token)
    assert a["error"] == "ERR_TLS", a


def test_costly_key_exchange(validator, server, tmp_path):
    """Over a finite field the server decides what a handshake costs us: not offered."""
    token = validator.token()
    server.context = finite_field_context(tmp_path, [san("dhe.test")], alpn_value(token))
    a = validator.validate("dns", "dhe.test", ALPN, token)
    assert not a["good"] and a["error"] == "ERR_TLS", a


def test_nobody_listens_and_one_fall_back(tmp_path, dns, server):
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", "validation.tls_port=1"])
    dns.aaaa("both.test", "::1")
    a = v.validate("dns", "both.test", ALPN, v.token())
    assert a["error"] == "ERR_CONNECTION" and "127.0.0.1 port 1" in a["detail"], a
    assert [row[1] for row in a["met"] if row[0] == "connect"] == ["::1 port 1", "127.0.0.1 port 1"]
    v.stop()


def test_no_tls_at_all(tmp_path, dns):
    from validator_rig import Web
    web = Web()
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", f"validation.tls_port={web.port}"])
    a = v.validate("dns", "plain.test", ALPN, v.token())
    assert a["error"] == "ERR_TLS", a
    v.stop()
    web.stop()
