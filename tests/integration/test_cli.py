"""The operators' commands: exit statuses, one clear line on errors, --json one object a line."""
import base64
import contextlib
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest
from acme_client import Client, serial_hex
from cryptography import x509
from service import AVOW, ROOT, Names, Service


def avow(*args, **kw):
    return subprocess.run([AVOW, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, **kw)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    with contextlib.ExitStack() as ends:
        names = Names()
        ends.callback(names.stop)
        service = Service(tmp_path_factory.mktemp("cli"), names)
        ends.callback(service.stop)
        client = Client(service.directory, service.root)
        client.register()
        service.client, service.names = client, names
        service.pem = client.issue(["one.example.org", "two.example.org"], names.solve_http)
        yield service


COMMANDS = [["init"], ["serve"], ["cert", "list"], ["cert", "show"], ["account", "list"], ["account", "show"], ["check"], ["version"]]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help(words):
    for option in ("--help", "-h"):
        done = avow(*words, option)
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.startswith("usage: avow " + " ".join(words)) and "--help" in done.stdout


def test_help_of_all():
    for args in (["--help"], ["-h"], ["help"]):
        done = avow(*args)
        assert done.returncode == 0 and all(" ".join(words) in done.stdout for words in COMMANDS)
    for option in ("--help", "-h"):
        done = avow("cert", option)
        assert done.returncode == 0 and "cert list" in done.stdout and "account" not in done.stdout


def test_version():
    done = avow("version")
    assert done.returncode == 0 and done.stdout.startswith("avow ") and avow("--version").stdout == done.stdout
    assert avow("version", "--dir", "/nowhere").stdout == done.stdout
    assert f"avow {json.loads(avow('version', '--json').stdout)['version']}\n" == done.stdout


@pytest.mark.parametrize("args", [
    [], ["nonsense"], ["cert"], ["cert", "nonsense"], ["cert", "list"], ["cert", "list", "--dir"], ["cert", "list", "--json=1", "--dir", "/x"],
    ["cert", "show", "--dir", "/x"], ["cert", "show", "--dir", "/x", "xyz"], ["cert", "show", "--dir", "/x", "abc"],
    ["cert", "show", "--dir", "/x", "00" * 21], ["cert", "show", "--dir", "/x", "01", "02"], ["account", "show", "--dir", "/x"],
    ["account", "show", "--dir", "/x", "AB" * 16], ["serve"], ["serve", "--dir", "/x", "--set", "novalue"], ["serve", "--dir", "/x", "more"],
    ["version", "more"], ["init"], ["init", "--dir", ""],
], ids=" ".join)
def test_wrong_usage(args):
    done = avow(*args)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1, done
    assert done.stderr.startswith("avow") and "--help" in done.stderr


def test_not_running(tmp_path):
    service = Service(tmp_path, start=False)
    for args in (["cert", "list"], ["cert", "show", "01"], ["account", "list"], ["account", "show", "0" * 32]):
        done = avow(*args, "--dir", service.dir)
        assert done.returncode == 3 and done.stdout == ""
        assert done.stderr == f"avow {args[0]} {args[1]}: the CA in {service.dir} is not running; start it with: avow serve --dir {service.dir}\n"
    done = avow("cert", "list", "--dir", tmp_path / "none")
    assert done.returncode == 1 and done.stderr.count("\n") == 1


def test_cert_list(ca):
    rows = ca.certificates()
    assert len(rows) == 2, rows
    own, issued = rows
    assert own["names"] == ["localhost"] and issued["names"] == ["one.example.org", "two.example.org"]
    cert = x509.load_pem_x509_certificate(ca.pem.encode())
    assert int(issued["serial"], 16) == cert.serial_number and issued["serial"] == issued["serial"].lower()
    assert issued["status"] == "good" and issued["issuer"] == "I1" and issued["profile"] == "classic"
    assert issued["not_before"] == cert.not_valid_before.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert issued["not_after"] == cert.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = ca.command("cert", "list").stdout.splitlines()
    assert lines[0].split() == ["SERIAL", "STATUS", "NOT", "AFTER", "NAMES"] and len(lines) == 3
    assert lines[2].split() == [issued["serial"], "good", issued["not_after"], "one.example.org,two.example.org"]
    for line in ca.command("cert", "list", "--json").stdout.splitlines():
        assert line.count('"serial"') == 1 and "\033" not in line


def test_cert_show(ca):
    row = ca.certificates()[1]
    text = ca.command("cert", "show", row["serial"]).stdout
    assert f"serial      {row['serial']}" in text and "one.example.org,two.example.org" in text
    der = x509.load_pem_x509_certificate(ca.pem.encode())
    assert x509.load_pem_x509_certificate(text[text.index("-----BEGIN"):].encode()) == der
    shown = json.loads(ca.command("cert", "show", row["serial"].upper(), "--json").stdout)
    assert x509.load_pem_x509_certificate(shown.pop("pem").encode()) == der
    account = json.loads(ca.command("account", "list", "--json").stdout)
    assert shown.pop("account") == account["id"] and shown.pop("issued") and shown.pop("shard") in range(4)
    assert shown == row
    own = ca.command("cert", "show", ca.certificates()[0]["serial"]).stdout
    assert "the CA's own" in own


def test_unknown_serial(ca):
    done = ca.command("cert", "show", "abcdef", check=False)
    assert done.returncode == 1 and done.stdout == "" and done.stderr == "avow cert show: there is no certificate with serial abcdef\n"


def test_accounts(ca):
    rows = [json.loads(line) for line in ca.command("account", "list", "--json").stdout.splitlines()]
    assert len(rows) == 1
    row = rows[0]
    thumbprint = base64.urlsafe_b64decode(ca.client.key.thumbprint() + "=").hex()
    assert row["status"] == "valid" and row["orders"] == 1 and row["certificates"] == 1 and row["thumbprint"] == thumbprint
    text = ca.command("account", "show", row["id"]).stdout
    assert row["id"] in text and thumbprint in text and "valid" in text
    shown = json.loads(ca.command("account", "show", row["id"], "--json").stdout)
    assert json.loads(shown["jwk"]) == ca.client.key.jwk() and shown["orders"] == 1
    done = ca.command("account", "show", "0" * 32, check=False)
    assert done.returncode == 1 and "there is no account" in done.stderr


def test_revoked(ca):
    cert = x509.load_pem_x509_certificate(ca.pem.encode())
    from cryptography.hazmat.primitives.serialization import Encoding
    der = base64.urlsafe_b64encode(cert.public_bytes(Encoding.DER)).rstrip(b"=").decode()
    ca.client.ok(ca.client.directory["revokeCert"], {"certificate": der, "reason": 4})
    row = ca.certificates()[1]
    assert row["status"] == "revoked" and row["reason"] == "superseded" and row["revoked"].endswith("Z")
    assert "superseded" in ca.command("cert", "show", row["serial"]).stdout


def on_terminal(*args, **env):
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([AVOW, *map(str, args)], stdin=subprocess.DEVNULL, stdout=slave, env={**os.environ, "TERM": "xterm", **env})
    os.close(slave)
    out = b""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        out += data
    os.close(master)
    assert process.wait() == 0
    return out


def test_colour_only_on_a_terminal(ca):
    assert b"\033[" in on_terminal("cert", "list", "--dir", ca.dir)
    assert b"\033[" not in on_terminal("cert", "list", "--dir", ca.dir, NO_COLOR="1")
    assert b"\033[" not in on_terminal("cert", "list", "--dir", ca.dir, "--json")
    assert b"\033[" not in on_terminal("cert", "list", "--dir", ca.dir, TERM="dumb")
    assert "\033[" not in ca.command("cert", "list").stdout


def test_reader_that_goes_away(ca):
    done = subprocess.run(f"set -o pipefail; {AVOW} cert list --dir {ca.dir} | head -c 1", shell=True, executable="/bin/bash",
                          capture_output=True, timeout=20)
    assert done.stdout == b"S" and done.stderr == b""


def test_many_pages(ca):
    """More certificates than a page has; each once, in a fixed order."""
    serials = [c["serial"] for c in ca.certificates()]
    for _ in range(205):
        serials.append(serial_hex(ca.client.issue(["one.example.org"], ca.names.solve_http)))
    assert [c["serial"] for c in ca.certificates()] == serials


def test_manual():
    """avow(1) names every command and option of --help; avow.conf(5) every key; both are good mdoc."""
    page = (ROOT / "man" / "avow.1").read_text()
    for words in COMMANDS:
        assert ".Cm " + " ".join(words) in page
        for option in re.findall(r"--(\w+)", avow(*words, "--help").stdout):
            assert f"Fl -{option}" in page, (words, option)
    conf = pathlib.Path(AVOW).parent / "man" / "avow.conf.5"
    for line in re.findall(r'^  \{"([a-z_.]+)", IN_', (ROOT / "src" / "conf" / "schema.c").read_text(), re.M):
        assert f"\n.It Ic {line} " in conf.read_text(), line
    if shutil.which("mandoc"):
        for path in (ROOT / "man" / "avow.1", conf):
            done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(path)], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


def test_systemd_unit():
    """The unit as systemd reads it: no unknown word, and an exposure that does not grow."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    unit = ROOT / "deploy" / "systemd" / "avow@.service"
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=28", str(unit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert not [l for l in done.stderr.splitlines() if "avow@" in l and "/usr/bin/avow is not executable" not in l], done.stderr


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="no systemd-sysusers here")
def test_systemd_makes_the_roles_users(tmp_path):
    (tmp_path / "etc").mkdir()
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", "--dry-run", str(ROOT / "deploy" / "systemd" / "avow.sysusers")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for role in ("front", "store", "registrar", "validator", "signer", "keeper"):
        assert f"'avow-{role}'" in done.stderr
