"""Accounts, orders, authorizations and challenges that must be refused (RFC 8555, 7.3 to 7.5; names: ca-rules 16 to 20)."""

import pytest

from acme_client import Client, b64, csr
from refusals import everything, refused
from service import Service

pytestmark = pytest.mark.usefixtures("nothing_changes")

UNKNOWN = "0" * 32


def order_payload(*names, **more):
    return {"identifiers": [{"type": "dns", "value": n} for n in names], **more}


def ids(*pairs, **more):
    return {"identifiers": [{"type": t, "value": v} for t, v in pairs], **more}


# ---- accounts ------------------------------------------------------------------------------------------------------------

CONTACTS = {
    "no scheme": (["a@example.org"], "invalidContact"), "empty": ([""], "invalidContact"), "ftp": (["ftp://example.org/"], "unsupportedContact"),
    "sms": (["sms:+15105550101"], "unsupportedContact"), "javascript": (["javascript:alert(1)"], "unsupportedContact"),
    "two at signs": (["mailto:a@b@example.org"], "invalidContact"), "no local part": (["mailto:@example.org"], "invalidContact"),
    "no domain": (["mailto:a@"], "invalidContact"), "one label": (["mailto:a@localhost"], "invalidContact"),
    "space": (["mailto:a b@example.org"], "invalidContact"), "line end": (["mailto:a@example.org\r\nBcc: b@example.org"], "invalidContact"),
    "quoted": (['mailto:"a"@example.org'], "invalidContact"), "address literal": (["mailto:a@[192.0.2.1]"], "invalidContact"),
    "display name": (["mailto:A <a@example.org>"], "invalidContact"), "two in one": (["mailto:a@example.org, b@example.org"], "invalidContact"),
    "semicolon": (["mailto:a@example.org;b@example.org"], "invalidContact"), "body field": (["mailto:a@example.org?body=x"], "invalidContact"),
    "empty field": (["mailto:a@example.org?"], "invalidContact"), "two dots": (["mailto:a..b@example.org"], "invalidContact"),
    "dot first": (["mailto:.a@example.org"], "invalidContact"), "dot last": (["mailto:a.@example.org"], "invalidContact"),
    "underscore": (["mailto:a@exa_mple.org"], "invalidContact"), "trailing dot": (["mailto:a@example.org."], "invalidContact"),
    "other script": (["mailto:ä@example.org"], "invalidContact"), "long local part": (["mailto:" + "a" * 65 + "@example.org"], "invalidContact"),
    "long": (["mailto:a@" + ".".join(["a" * 60] * 5)], "invalidContact"), "wildcard": (["mailto:a@*.example.org"], "invalidContact"),
    "second bad": (["mailto:a@example.org", "mailto:b"], "invalidContact"), "too many": (["mailto:a@example.org"] * 100, "invalidContact"),
    "null": (None, "malformed"), "null inside": ([None], "malformed"), "object": ({"mailto": "a@example.org"}, "malformed"),
    "nested": ([["mailto:a@example.org"]], "malformed"), "flag": (True, "malformed"),
}


@pytest.mark.parametrize("case", CONTACTS)
def test_contact(member, stranger, case):
    contact, kind = CONTACTS[case]
    refused(stranger.post(stranger.directory["newAccount"], {"termsOfServiceAgreed": True, "contact": contact}, use_jwk=True), 400, kind)
    reply = refused(member.post(member.kid, {"contact": contact}), 400, kind)
    assert b"example" not in reply.body
    refused(stranger.post(stranger.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True), 400, "accountDoesNotExist")


ACCOUNT_PAYLOADS = {
    "status and contact": ({"status": "deactivated", "contact": ["mailto:x"]}, "invalidContact"),
    "status in upper case": ({"status": "Deactivated"}, "malformed"),
    "status null": ({"status": None}, "malformed"), "status list": ({"status": ["deactivated"]}, "malformed"),
    "status empty": ({"status": ""}, "malformed"),
    "status twice": (b'{"status": "valid", "status": "deactivated"}', "malformed"), "text": (b'"deactivated"', "malformed"),
    "list": (b"[{}]", "malformed"),
    "trailing": (b"{} {}", "malformed"), "number": (b"0", "malformed"), "space": (b" ", "malformed"), "UTF-16": ("{}".encode("utf-16"), "malformed"),
    "NUL in a string": (b'{"status": "deactivated\\u0000"}', "malformed"), "lone surrogate": (b'{"status": "\\ud800"}', "malformed"),
    "infinity": (b'{"a": 1e999}', "malformed"), "not a number": (b'{"a": NaN}', "malformed"), "octal": (b'{"a": 010}', "malformed"),
}


@pytest.mark.parametrize("case", ACCOUNT_PAYLOADS)
def test_account_update(member, case):
    payload, kind = ACCOUNT_PAYLOADS[case]
    refused(member.post(member.kid, payload), 400, kind)
    assert member.ok(member.kid).json["status"] == "valid"


@pytest.mark.parametrize("payload", [b'{"onlyReturnExisting": "true"}', b'{"onlyReturnExisting": null}', b'{"termsOfServiceAgreed": 1}',
                                     b'{"termsOfServiceAgreed": null}', b'{"termsOfServiceAgreed": true, "termsOfServiceAgreed": true}', b"true",
                                     b"{}x"])
def test_new_account_payload(stranger, payload):
    refused(stranger.post(stranger.directory["newAccount"], payload, use_jwk=True), 400, "malformed")


def test_only_return_existing_makes_nothing_of_it(member):
    """The account's own key: found, and nothing of the payload is taken."""
    reply = member.ok(member.directory["newAccount"], {"onlyReturnExisting": True, "contact": ["mailto:a@example.org"]}, use_jwk=True)
    assert reply.status == 200 and reply.headers["Location"] == member.kid and "contact" not in reply.json


@pytest.fixture(scope="module")
def leaver(service, names):
    """A deactivated account and the URLs of what it had."""
    one = Client(service.directory, service.root)
    one.register()
    one.urls = {"account": one.kid, "orders": one.kid + "/orders", "newOrder": one.directory["newOrder"], "revokeCert": one.directory["revokeCert"],
                "keyChange": one.directory["keyChange"]}
    one.urls["order"], order = one.order(["leaver.test"])
    one.urls["finalize"], one.urls["authz"] = order["finalize"], order["authorizations"][0]
    one.urls["challenge"] = one.ok(one.urls["authz"]).json["challenges"][0]["url"]
    two_url, two = one.order(["leaver-two.test"])
    one.authorize(two, names.solve_http)
    one.finalize(two_url, two, csr(["leaver-two.test"])[0])
    one.urls["certificate"] = one.ok(two_url).json["certificate"]
    assert one.ok(one.kid, {"status": "deactivated"}).json["status"] == "deactivated"
    return one


@pytest.mark.parametrize("what", ["account", "orders", "order", "authz", "challenge", "certificate"])
def test_deactivated_account_reads_nothing(leaver, what):
    refused(leaver.post(leaver.urls[what]), 403, "unauthorized")


@pytest.mark.parametrize("what, payload", [
    ("account", {"status": "valid"}), ("account", {"status": "deactivated"}), ("account", {"contact": []}), ("newOrder", order_payload("a.test")),
    ("challenge", {}), ("finalize", {"csr": b64(csr(["leaver.test"])[0])}), ("authz", {"status": "deactivated"}),
    ("revokeCert", {"certificate": "AAAA"}),
    ("keyChange", {})])
def test_deactivated_account_does_nothing(leaver, what, payload):
    refused(leaver.post(leaver.urls[what], payload), 403, "unauthorized")


@pytest.mark.parametrize("payload", [{}, {"termsOfServiceAgreed": True}, {"onlyReturnExisting": True}])
def test_key_of_a_deactivated_account(leaver, payload):
    refused(leaver.post(leaver.directory["newAccount"], payload, use_jwk=True), 403, "unauthorized")


# ---- orders --------------------------------------------------------------------------------------------------------------

NAMES = [
    ".", "..", ".a.test", "a.test..", "a..test", "a.test.", "-.test", "a-.test", "-a.test", "a.-test", "a.test-", "_a.test", "_acme-challenge.a.test",
    "a_b.test",
    "ab--cd.test", "xn--.test", "xn--a-ecp.test-.x", "xn--zzzzzz99.test", "a b.test", " a.test", "a.test ", "a\t.test", "a.test\n", "a.test\r\n",
    "ä.test", "ａ.test", "a。test", "http://a.test", "a.test/", "a.test:443", "a.test?x", "a@a.test", "a,b.test", "a.test,b.test", "[::1]", "::1",
    "127.0.0.1", "1.2.3", "1.2.3.4.5", "0x7f.1", "a.1", "a.127", "2130706433", "b" * 64 + ".test", ".".join(["a" * 63] * 4), "a." * 127 + "test",
    "1.2.0.192.in-addr.arpa", "in-addr.arpa", "a.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa", "*", "*.", "*.*", "**.a.test", "*.*.a.test", "a.*.test",
    "a*.test", "*a.test",
    "*.-a.test", "*.1.2.3.4", "*..test", "*.com", "*.co.uk", "*.org", "com", "co.uk", "a.test%00", "a\\.test", "'a'.test", "a;b.test", "(a).test",
    "a.test#", "​a.test",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda n: ascii(n)[:40])
def test_name(member, name):
    reply = refused(member.post(member.directory["newOrder"], order_payload(name)), 400, "rejectedIdentifier")
    assert reply.body.isascii()


def test_one_bad_name_among_good_ones(member):
    reply = refused(member.post(member.directory["newOrder"], order_payload("a.test", "b.test", "-.test")), 400, "rejectedIdentifier")
    named = [s["identifier"]["value"] for s in reply.json.get("subproblems", [])]
    assert named in ([], ["-.test"])


ORDERS = {
    "no identifiers": ({"notBefore": "2040-01-01T00:00:00Z"}, "malformed"), "null": ({"identifiers": None}, "malformed"),
    "text": ({"identifiers": "a.test"}, "malformed"),
    "type is a number": (ids((7, "a.test")), "malformed"), "value is a number": (ids(("dns", 7)), "malformed"),
    "value is null": (ids(("dns", None)), "malformed"),
    "value is a list": (ids(("dns", ["a.test"])), "malformed"), "null identifier": ({"identifiers": [None]}, "malformed"),
    "nested": ({"identifiers": [[{"type": "dns", "value": "a.test"}]]}, "malformed"),
    "type in upper case": (ids(("DNS", "a.test")), "unsupportedIdentifier"), "empty type": (ids(("", "a.test")), "unsupportedIdentifier"),
    "type uri": (ids(("uri", "https://a.test/")), "unsupportedIdentifier"), "type TNAuthList": (ids(("TNAuthList", "AAAA")), "unsupportedIdentifier"),
    "type permanent-identifier": (ids(("permanent-identifier", "1")), "unsupportedIdentifier"),
    "good and unsupported": (ids(("dns", "a.test"), ("email", "a@example.org")), "unsupportedIdentifier"),
    "identifiers twice": (b'{"identifiers": [], "identifiers": [{"type": "dns", "value": "a.test"}]}', "malformed"),
    "value twice": (b'{"identifiers": [{"type": "dns", "value": "a.test", "value": "b.test"}]}', "malformed"),
    "500 names": (order_payload(*[f"n{i}.test" for i in range(500)]), "malformed"),
    "101 times the same": (order_payload(*["a.test"] * 101), "malformed"),
    "profile null": (order_payload("a.test", profile=None), "malformed"), "profile list": (order_payload("a.test", profile=["classic"]), "malformed"),
    "profile in upper case": (order_payload("a.test", profile="CLASSIC"), "invalidProfile"),
    "profile with NUL": (order_payload("a.test", profile="classic\0"), "malformed"),
    "profile with a path": (order_payload("a.test", profile="../classic"), "invalidProfile"),
    "long profile": (order_payload("a.test", profile="a" * 9000), "invalidProfile"),
    "notAfter is null": (order_payload("a.test", notAfter=None), "malformed"),
    "notAfter is empty": (order_payload("a.test", notAfter=""), "malformed"),
    "notAfter without zone": (order_payload("a.test", notAfter="2040-01-01T00:00:00"), "malformed"),
    "notAfter is a date": (order_payload("a.test", notAfter="2040-01-01"), "malformed"),
    "notAfter of 30 February": (order_payload("a.test", notAfter="2040-02-30T00:00:00Z"), "malformed"),
    "notAfter at 25 h": (order_payload("a.test", notAfter="2040-01-01T25:00:00Z"), "malformed"),
    "notAfter before 1970": (order_payload("a.test", notAfter="1960-01-01T00:00:00Z"), "malformed"),
    "notAfter in seconds": (order_payload("a.test", notAfter="2208988800"), "malformed"),
    "notAfter with a space": (order_payload("a.test", notAfter="2040-01-01 00:00:00Z "), "malformed"),
    "notBefore is a list": (order_payload("a.test", notBefore=[]), "malformed"),
    "notBefore of month 13": (order_payload("a.test", notBefore="2040-13-01T00:00:00Z"), "malformed"),
    "both equal": (order_payload("a.test", notBefore="2040-01-01T00:00:00Z", notAfter="2040-01-01T00:00:00Z"), "malformed"),
    "notAfter beyond any certificate": (order_payload("a.test", notAfter="2090-01-01T00:00:00Z"), "malformed"),
    "notBefore far ahead": (order_payload("a.test", notBefore="2090-01-01T00:00:00Z"), "malformed"),
    "notBefore long past": (order_payload("a.test", notBefore="2001-01-01T00:00:00Z"), "malformed"),
    "name with NUL": (order_payload("a.test\0.example"), "malformed"),
    "address with NUL": (ids(("ip", "1.2.3.4\0"), profile="shortlived"), "malformed"),
}
IPS = ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "0x01020304", "16909060", "1.2.3.4:80", "1.2.3.4/32",
    "[2001:db8::1]", "2001:db8::1%eth0", "2001:db8:::1",
       "2001:db8::1::2", "2001:db8::1/64", "g::1", "*.1.2.3.4", "a.test", ":", "::ffff:1.2.3.256"]


@pytest.mark.parametrize("case", ORDERS)
def test_order(member, case):
    payload, kind = ORDERS[case]
    refused(member.post(member.directory["newOrder"], payload), 400, kind)


@pytest.mark.parametrize("value", IPS, ids=ascii)
def test_ip(member, value):
    refused(member.post(member.directory["newOrder"], ids(("ip", value), profile="shortlived")), 400, "rejectedIdentifier")


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """A private CA that lists no internal names but localhost: what else is not public it does not certify."""
    one = Service(tmp_path_factory.mktemp("private"), kind="private")
    client = Client(one.directory, one.root)
    client.register()
    client.service = one
    yield client
    one.stop()


@pytest.mark.parametrize("name", [
    "intranet", "x.local", "x.internal", "a.test", "x.example", "x.invalid", "notlocalhost", "x.onion", "x.alt", "x.home.arpa", "router.lan",
    "mail.corp",
    "x.nosuchtld", "*.x.internal", "*.local", "ipv4only.arpa", "expyuzz4wqqyqhjn.onion", "a" * 56 + ".onion", "com", "co.uk", "*.co.uk",
    "1.0.0.127.in-addr.arpa"])
def test_names_that_are_not_public(private, name):
    before = everything(private.service)
    refused(private.post(private.directory["newOrder"], order_payload(name)), 400, "rejectedIdentifier")
    assert everything(private.service) == before


# ---- authorizations and challenges -------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def pending(service, names):
    """The account of a pending order, with all its URLs; and of one whose validation failed."""
    one = Client(service.directory, service.root)
    one.register()
    one.urls = {"account's orders": one.kid + "/orders"}
    one.urls["order"], order = one.order(["pending.test"])
    one.urls["authz"], one.urls["finalize"] = order["authorizations"][0], order["finalize"]
    one.urls["challenge"] = one.ok(one.urls["authz"]).json["challenges"][0]["url"]
    one.failed, failed = one.order(["failed.test"])
    one.failed_finalize, one.failed_authz = failed["finalize"], failed["authorizations"][0]
    one.failed_challenge = next(c for c in one.ok(one.failed_authz).json["challenges"] if c["type"] == "http-01")["url"]
    one.ok(one.failed_challenge, {})
    assert one.poll(one.failed_authz).json["status"] == "invalid"
    return one


@pytest.fixture
def same(pending):
    """The order and its authorization are the same after the test as before."""
    def look():
        return [pending.ok(pending.urls[u]).json for u in ("order", "authz")] + [pending.ok(pending.failed).json,
            pending.ok(pending.failed_authz).json]
    before = look()
    yield
    assert look() == before


@pytest.mark.parametrize("payload", [b"null", b"[]", b'""', b"0", b" ", b"{", b"{}{}"])
@pytest.mark.parametrize("what", ["account's orders", "order", "authz", "challenge"])
def test_payload_of_what_is_read(pending, same, what, payload):
    refused(pending.post(pending.urls[what], payload), 400, "malformed")


@pytest.mark.parametrize("what", ["order", "authz", "challenge", "account's orders", "finalize"])
@pytest.mark.parametrize("payload", ["", {}], ids=["read", "write"])
def test_objects_of_another_account(member, pending, same, what, payload):
    """To the last byte what is answered for an object that does not exist."""
    url = pending.urls[what]
    reply = member.post(url, payload)
    refused(reply, 400 if payload == {} and reply.status == 400 else 404, "malformed")
    identifier = next(part for part in reversed(url.split("/")) if len(part) == 32)
    assert member.post(url.replace(identifier, UNKNOWN), payload).body == reply.body


@pytest.mark.parametrize("what", ["order", "authz", "challenge", "cert", "acct"])
@pytest.mark.parametrize("end", [UNKNOWN, "f" * 32, UNKNOWN[1:], UNKNOWN + "0", "..", "%2e%2e", "g" * 32, "-1", "1", "A" * 32, "%00", "x" * 2000])
def test_unknown_ids(member, what, end):
    base = member.kid[:member.kid.index("/acme/")]
    refused(member.post(f"{base}/acme/{what.replace('challenge', 'chall')}/{end}"), 404, "malformed")


@pytest.mark.parametrize("status", ["valid", "invalid", "revoked", "", 7, None])
def test_status_of_an_authorization(pending, same, status):
    refused(pending.post(pending.urls["authz"], {"status": status}), 400, "malformed")


def test_a_key_signs_for_no_account(pending, same):
    for what, payload in (("order", ""), ("authz", ""), ("challenge", {}), ("finalize", {"csr": b64(csr(["pending.test"])[0])})):
        refused(pending.post(pending.urls[what], payload, use_jwk=True), 400, "malformed")


def test_after_a_failed_validation(pending, same):
    """The order keeps its error; neither the challenge nor finalize brings it back."""
    order = pending.ok(pending.failed).json
    assert order["status"] == "invalid" and order["error"]["type"].startswith("urn:ietf:params:acme:error:") and "certificate" not in order
    assert [c["status"] for c in pending.ok(pending.failed_authz).json["challenges"]] == ["invalid"]
    reply = pending.post(pending.failed_challenge, {})
    assert reply.status in (200, 400, 403) and (reply.status != 200 or reply.json["status"] == "invalid")
    refused(pending.post(pending.failed_finalize, {"csr": b64(csr(["failed.test"])[0])}), 403, "orderNotReady")


@pytest.mark.parametrize("query", ["cursor=", "cursor=x", "cursor=" + UNKNOWN[1:], "cursor=" + UNKNOWN + "&a=b", "page=2", "cursor", "a"])
def test_cursor(pending, query):
    refused(pending.post(pending.urls["account's orders"] + "?" + query), 400, "malformed")
