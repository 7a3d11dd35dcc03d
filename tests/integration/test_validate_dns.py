"""dns-01 and CAA with a name server that says what the test wants: RFC 8555, 8.4; RFC 8659; RFC 8657."""
import pytest

from validator_rig import ACCOUNT, ALPN, DNS, HTTP, Dns, Validator, Web, authorization, dns_value

ME = "ca.example"
MY_URI = f"https://ca.example:14000/acme/acct/{ACCOUNT}"


@pytest.fixture(scope="module")
def dns():
    d = Dns()
    yield d
    d.stop()


@pytest.fixture(scope="module")
def web():
    w = Web()
    yield w
    w.stop()


@pytest.fixture(scope="module")
def validator(tmp_path_factory, dns, web):
    v = Validator(tmp_path_factory.mktemp("v"), [f"validation.resolvers=127.0.0.1:{dns.port}", f"validation.http_port={web.port}"])
    yield v
    v.stop()


@pytest.mark.parametrize("kind, scope", [("dns", 1), ("wildcard", 2)])
def test_txt(validator, dns, kind, scope):
    token = validator.token()
    dns.txt("txt.test", "something else")
    dns.txt("txt.test", dns_value(token))
    dns.txt("txt.test", "and more")
    a = validator.validate(kind, "txt.test", DNS, token)
    assert a["good"], a
    assert a["control"][0]["scope"] == scope and a["control"][0]["name"] == "txt.test" and a["control"][0]["method"] == 2
    assert a["caa"][0]["wildcard"] == (kind == "wildcard")
    assert a["met"][-1][:2] == ["txt", "_acme-challenge.txt.test"]


def test_http_is_no_wildcard_scope(validator, web):
    token = validator.token()
    web.put(token, authorization(token))
    assert validator.validate("dns", "scope.test", HTTP, token)["control"][0]["scope"] == 1


def test_txt_behind_alias(validator, dns):
    token = validator.token()
    dns.cname("_acme-challenge.alias.test", "challenges.elsewhere.test")
    dns.tell("set-txt", host="challenges.elsewhere.test.", value=dns_value(token))
    assert validator.validate("dns", "alias.test", DNS, token)["good"]


def test_txt_wrong(validator, dns):
    token = validator.token()
    a = validator.validate("dns", "none.test", DNS, token)
    assert a["error"] == "ERR_UNAUTHORIZED" and "no TXT record" in a["detail"], a
    dns.txt("bad.test", dns_value(token).swapcase())
    dns.txt("bad.test", "a \"quoted\" value\t" + "z" * 200)
    a = validator.validate("dns", "bad.test", DNS, token)
    assert a["error"] == "ERR_INCORRECT_RESPONSE" and "None of the 2 TXT records" in a["detail"], a
    dns.servfail("_acme-challenge.fail.test")
    a = validator.validate("dns", "fail.test", DNS, token)
    assert a["error"] == "ERR_DNS" and "SERVFAIL" in a["detail"], a
    long = ".".join(["a" * 60] * 4) + ".test"
    assert validator.validate("dns", long, DNS, token)["error"] in ("ERR_DNS", "ERR_UNAUTHORIZED")


def test_correction_counts_at_once(validator, dns):
    """No answer is remembered: an applicant who sets the record late or corrects it need not wait."""
    token = validator.token()
    assert not validator.validate("dns", "late.test", DNS, token)["good"]
    dns.txt("late.test", "wrong")
    assert not validator.validate("dns", "late.test", DNS, token)["good"]
    dns.txt("late.test", dns_value(token))
    assert validator.validate("dns", "late.test", DNS, token)["good"]


CAA_TABLE = [
    # records at the name, wildcard, method, permitted
    ([], "dns", HTTP, True),
    ([("issue", ME)], "dns", HTTP, True),
    ([("issue", ME.upper())], "dns", HTTP, True),
    ([("ISSUE", ME)], "dns", HTTP, True),
    ([("issue", "other.example")], "dns", HTTP, False),
    ([("issue", ";")], "dns", HTTP, False),
    ([("issue", "other.example"), ("issue", ME)], "dns", HTTP, True),
    ([("issue", ";"), ("issue", ME)], "dns", HTTP, True),
    ([("iodef", "mailto:x@y.example")], "dns", HTTP, True),
    ([("unknownproperty", "x")], "dns", HTTP, True),
    ([("issuewild", "other.example")], "dns", HTTP, True),
    ([("issuewild", "other.example")], "wildcard", DNS, False),
    ([("issuewild", ME)], "wildcard", DNS, True),
    ([("issue", ME), ("issuewild", ";")], "wildcard", DNS, False),
    ([("issue", ME), ("issuewild", ";")], "dns", DNS, True),
    ([("issue", "other.example"), ("issuewild", ME)], "wildcard", DNS, True),
    ([("issue", ME)], "wildcard", DNS, True),
    ([("issue", f"{ME}; accounturi={MY_URI}")], "dns", HTTP, True),
    ([("issue", f"{ME}; accounturi={MY_URI}0")], "dns", HTTP, False),
    ([("issue", f"{ME}; accounturi={MY_URI}; accounturi={MY_URI}")], "dns", HTTP, False),
    ([("issue", f"{ME}; validationmethods=dns-01")], "dns", HTTP, False),
    ([("issue", f"{ME}; validationmethods=dns-01,http-01")], "dns", HTTP, True),
    ([("issue", f"{ME}; validationmethods=dns-01")], "dns", DNS, True),
    ([("issue", f"{ME}; accounturi={MY_URI}; validationmethods=tls-alpn-01")], "dns", ALPN, True),
    ([("issue", f"{ME}; unknown=1")], "dns", HTTP, True),
    ([("issue", f"{ME} malformed")], "dns", HTTP, False),
]


@pytest.mark.parametrize("number, row", enumerate(CAA_TABLE))
def test_caa(validator, dns, number, row):
    records, kind, method, permitted = row
    name = f"caa{number}.example.org"
    if records:
        dns.caa(name, *records)
    a = validator.caa(name, kind, method)
    assert a["good"] == permitted, a
    if permitted:
        assert a["caa"] == [{"name": name, "wildcard": kind == "wildcard", "method": method, "verdict": 1,
                             "holds_ms": 8 * 3600 * 1000, "account": ACCOUNT}]
    else:
        assert a["error"] == "ERR_CAA" and name in a["detail"] and a["caa"] == []
    assert a["met"][0][:2] == ["caa", name]


def test_climb(validator, dns):
    """The nearest set counts, however far up; what lies above it does not."""
    dns.caa("forbidding.net", ("issue", ";"))
    a = validator.caa("a.b.c.forbidding.net")
    assert a["error"] == "ERR_CAA" and "forbidding.net" in a["detail"]
    assert [row[1] for row in a["met"]] == ["a.b.c.forbidding.net", "b.c.forbidding.net", "c.forbidding.net", "forbidding.net"]
    dns.caa("c.forbidding.net", ("issue", ME))
    assert validator.caa("a.b.c.forbidding.net")["good"]
    assert not validator.caa("d.forbidding.net")["good"]
    assert [row[1] for row in validator.caa("x.y.nothing.info")["met"]] == ["x.y.nothing.info", "y.nothing.info", "nothing.info", "info"]


def test_alias_is_followed_by_the_resolver_only(validator, dns):
    """RFC 8659, 3: CAA of an alias's target counts for the alias itself; the target's parents do not."""
    dns.cname("www.alias.org", "host.target.org")
    dns.caa("host.target.org", ("issue", ";"))
    assert validator.caa("www.alias.org")["error"] == "ERR_CAA"
    dns.cname("ftp.alias.org", "deep.under.org")
    dns.caa("under.org", ("issue", ";"))
    assert validator.caa("ftp.alias.org")["good"]


def test_failed_look_up_is_never_permission(validator, dns, web):
    dns.servfail("broken.org")
    a = validator.caa("www.broken.org")
    assert not a["good"] and a["error"] == "ERR_DNS" and "SERVFAIL" in a["detail"] and a["caa"] == []
    # Below a nearer set the failure does not matter.
    dns.caa("good.broken.org", ("issue", ME))
    assert validator.caa("good.broken.org")["good"]


def test_validation_fails_with_caa(validator, dns, web):
    """The challenge is right and CAA forbids: nothing is stated."""
    dns.caa("strict.org", ("issue", "other.example"))
    token = validator.token()
    web.put(token, authorization(token))
    a = validator.validate("dns", "www.strict.org", HTTP, token)
    assert not a["good"] and a["error"] == "ERR_CAA" and a["control"] == [] and a["caa"] == [], a
    # The applicant's own failure comes first.
    a = validator.validate("dns", "www.strict.org", HTTP, validator.token())
    assert a["error"] == "ERR_UNAUTHORIZED"


def test_where_caa_cannot_speak(tmp_path, validator, dns):
    assert validator.caa("127.0.0.1", "ip")["caa"] == []
    for name in ("localhost", "x.localhost", "single", "a.test", "b.example", "c.local", "d.home.arpa"):
        a = validator.caa(name)
        assert a["good"] and a["caa"][0]["verdict"] == 3 and a["met"] == [], a
    without = Validator(tmp_path)
    assert without.caa("www.example.org")["caa"][0]["verdict"] == 3
    without.stop()


def test_private_suffixes(tmp_path, dns):
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", "private.suffixes=corp.example.net"], kind="private")
    dns.caa("example.net", ("issue", "other.example"))
    assert v.caa("www.corp.example.net")["caa"][0]["verdict"] == 3
    assert v.caa("corp.example.net")["caa"][0]["verdict"] == 3
    assert v.caa("xcorp.example.net")["error"] == "ERR_CAA"
    v.stop()


def test_public_ca_contacts_nothing_special(tmp_path):
    """Kind public starts with its own recursion and the root's anchors; loopback is out of its reach."""
    v = Validator(tmp_path, kind="public")
    a = v.validate("ip", "127.0.0.1", HTTP, v.token())
    assert a["error"] == "ERR_CONNECTION" and "Loopback" in a["detail"], a
    a = v.validate("dns", "localhost", HTTP, v.token())
    assert not a["good"] and "Loopback" in a["detail"], a
    v.stop()


def test_wrong_anchor_is_found_at_the_start(tmp_path, dns):
    for anchor in ("example.com. DS 1 13 2 zz", "example.com. DS x 13 2 00"):
        v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{dns.port}", f"validation.trust_anchor={anchor}"])
        assert v.process.wait(10) == 1
