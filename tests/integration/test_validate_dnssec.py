"""Validation and CAA with zones that Knot signs: right, bogus, stripped. TLS BR 3.2.2.4 and 3.2.2.8.1; RFC 4035, 5."""
import shutil
import subprocess

import pytest

from acme_client import free_port
from service import wait_for
from validator_rig import DNS, HTTP, Validator, Web, authorization, dns_value

SIGNED = ["signed.com", "hashed.com", "forged.com"]
ZONES = ["com", "stripped.com", *SIGNED]


class Knot:
    """Authoritative for `com`, unsigned, and the zones below it; Knot keeps the signatures."""

    def __init__(self, folder):
        self.folder, self.port, self.serial, self.extra = folder, free_port(), 1, {}
        for name in ("db", "run"):
            (folder / name).mkdir()
        self.conf = folder / "knot.conf"
        self.conf.write_text(
            f"server:\n  rundir: {folder}/run\n  listen: 127.0.0.1@{self.port}\ndatabase:\n  storage: {folder}/db\n"
            "policy:\n  - id: nsec\n    algorithm: ecdsap256sha256\n  - id: nsec3\n    algorithm: ecdsap256sha256\n    nsec3: on\n"
            f"template:\n  - id: default\n    storage: {folder}\n    file: \"%s.zone\"\n    zonefile-sync: -1\n    zonefile-load: difference\n"
            "    journal-content: all\nzone:\n"
            + "".join(f"  - domain: {z}.\n" + (f"    dnssec-signing: on\n    dnssec-policy: {'nsec3' if z == 'hashed.com' else 'nsec'}\n"
                                               if z in SIGNED else "") for z in ZONES))
        self.write()
        self.process = subprocess.Popen(["knotd", "-c", str(self.conf)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: all(self.ask(z, "DNSKEY") for z in SIGNED), "signed zones")

    def ask(self, name, kind):
        return subprocess.run(["kdig", "@127.0.0.1", "-p", str(self.port), name, kind, "+short", "+timeout=1", "+retry=0"],
                              capture_output=True, text=True).stdout.strip()

    def write(self):
        for z in ZONES:
            (self.folder / f"{z}.zone").write_text(
                f"$ORIGIN {z}.\n@ 300 SOA ns.com. x.com. {self.serial} 3600 600 86400 300\n@ 300 NS ns.com.\n@ 300 A 127.0.0.1\n"
                f"www 300 A 127.0.0.1\n{'ns 300 A 127.0.0.1' if z == 'com' else ''}\n" + "".join(f"{r}\n" for r in self.extra.get(z, [])))

    def add(self, zone, record):
        self.extra.setdefault(zone, []).append(record)
        self.serial += 100
        self.write()
        subprocess.run(["knotc", "-c", str(self.conf), "-b", "zone-reload", f"{zone}."], check=True, capture_output=True)

    def ds(self, zone):
        lines = subprocess.run(["keymgr", "-c", str(self.conf), f"{zone}.", "ds"], check=True, capture_output=True, text=True).stdout
        return next(line for line in lines.splitlines() if " 13 2 " in line)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


pytestmark = pytest.mark.skipif(not shutil.which("knotd"), reason="knotd is not installed")


@pytest.fixture(scope="module")
def knot(tmp_path_factory):
    k = Knot(tmp_path_factory.mktemp("knot"))
    yield k
    k.stop()


@pytest.fixture(scope="module")
def web():
    w = Web()
    yield w
    w.stop()


@pytest.fixture(scope="module")
def validator(tmp_path_factory, knot, web):
    right = [knot.ds("signed.com"), knot.ds("hashed.com")]
    # The digest of another zone's key, for a zone that is signed and for one that is not.
    wrong = [f"{zone}. {knot.ds('signed.com').split(' ', 1)[1]}" for zone in ("forged.com", "stripped.com")]
    v = Validator(tmp_path_factory.mktemp("v"), [f"validation.resolvers=127.0.0.1:{knot.port}", f"validation.http_port={web.port}",
                                                 f"validation.trust_anchor={', '.join(right + wrong)}"])
    yield v
    v.stop()


@pytest.mark.parametrize("zone", ["signed.com", "hashed.com", "com"])
def test_good(validator, web, zone):
    token = validator.token()
    web.put(token, authorization(token))
    a = validator.validate("dns", f"www.{zone}", HTTP, token)
    assert a["good"], a
    secure = " (DNSSEC)" if zone != "com" else ""
    assert ["dns", f"www.{zone} A", f"127.0.0.1{secure}"] in a["met"]
    assert a["caa"][0]["verdict"] == 1


@pytest.mark.parametrize("zone", ["forged.com", "stripped.com"])
def test_bogus_is_a_dns_error(validator, web, zone):
    token = validator.token()
    web.put(token, authorization(token))
    for method in (HTTP, DNS):
        a = validator.validate("dns", f"www.{zone}", method, token)
        assert not a["good"] and a["error"] == "ERR_DNS" and "DNSSEC" in a["detail"], a
        assert not any(row[0] == "connect" for row in a["met"])
    a = validator.caa(f"www.{zone}")
    assert not a["good"] and a["error"] == "ERR_DNS" and "DNSSEC" in a["detail"], a


@pytest.mark.parametrize("zone", ["signed.com", "hashed.com"])
def test_signed_caa(validator, knot, zone):
    knot.add(zone, 'no 300 CAA 0 issue ";"')
    knot.add(zone, 'crit 300 CAA 128 tbs "x"')
    knot.add(zone, 'odd 300 CAA 1 tbs "x"')
    knot.add(zone, 'soft 300 CAA 64 tbs "x"')
    a = validator.caa(f"no.{zone}")
    assert a["error"] == "ERR_CAA" and a["met"][0][2] == '0 issue ";" (DNSSEC)', a
    for name in ("crit", "odd"):
        a = validator.caa(f"{name}.{zone}")
        assert a["error"] == "ERR_CAA" and "critical" in a["detail"], a
    assert validator.caa(f"soft.{zone}")["good"]
    assert validator.caa(f"nothing.here.{zone}")["good"]


def test_txt_of_several_strings(validator, knot):
    token = validator.token()
    value = dns_value(token)
    knot.add("signed.com", f'_acme-challenge.parts 300 TXT "{value[:10]}" "" "{value[10:]}"')
    knot.add("signed.com", f'_acme-challenge.apart 300 TXT "{value[:10]}"')
    knot.add("signed.com", f'_acme-challenge.apart 300 TXT "{value[10:]}"')
    assert validator.validate("dns", "parts.signed.com", DNS, token)["good"]
    assert validator.validate("dns", "apart.signed.com", DNS, token)["error"] == "ERR_INCORRECT_RESPONSE"


def test_many_and_large_records(validator, knot):
    """Over UDP's size: truncated, asked again over TCP; the right one is found among many."""
    token = validator.token()
    for i in range(40):
        knot.extra.setdefault("signed.com", []).append(f'_acme-challenge.many 300 TXT "{"x" * 200}{i}"')
    knot.add("signed.com", f'_acme-challenge.many 300 TXT "{dns_value(token)}"')
    assert validator.validate("dns", "many.signed.com", DNS, token)["good"]


def test_no_answer_in_time(tmp_path):
    """A resolver that never answers: an error after ten seconds, not a hang and not permission."""
    import socket
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    v = Validator(tmp_path, [f"validation.resolvers=127.0.0.1:{silent.getsockname()[1]}"])
    requests = [v.send(f"caa dns www.silent.org {HTTP} {'0' * 32}"), v.start("dns", "www.silent.org", DNS, v.token())]
    for a in map(v.answer, requests):
        assert not a["good"] and a["error"] == "ERR_DNS", a
    v.stop()
    silent.close()
