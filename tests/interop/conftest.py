"""Real ACME clients against a real Avow, in a network and mount namespace of their own, where ports 53, 80 and 443 are free.

run.py starts pytest inside `unshare -n -m`; by hand: unshare -n -m /usr/bin/python3 -m pytest tests/interop"""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
AVOW = os.environ.get("AVOW", str(ROOT / "build" / "avow"))
CHALL = "http://127.0.0.1:8055"
RESULTS = {}  # (client, operation) → result, written to the build folder as a table


def isolated():
    """True when we are in a network namespace of our own: then nothing but loopback is there."""
    links = pathlib.Path("/sys/class/net")
    mine, init = os.readlink("/proc/self/ns/net"), None
    try:
        init = os.readlink("/proc/1/ns/net")
    except OSError:
        pass
    return mine != init and links.exists()


def pytest_sessionstart(session):
    if not isolated():
        pytest.exit("run the interop tests in namespaces of their own: unshare -n -m /usr/bin/python3 -m pytest tests/interop", 4)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def pytest_sessionfinish(session, exitstatus):
    if not RESULTS:
        return
    operations = sorted({o for _, o in RESULTS})
    lines = ["| client | " + " | ".join(operations) + " |", "|---" * (len(operations) + 1) + "|"]
    for client in sorted({c for c, _ in RESULTS}):
        lines.append(f"| {client} | " + " | ".join(RESULTS.get((client, o), "–") for o in operations) + " |")
    pathlib.Path(AVOW).with_name("clients.md").write_text("\n".join(lines) + "\n")


def record(client, operation, result="yes"):
    RESULTS[(client, operation)] = result


def run(args, timeout=90, check=True, **kw):
    done = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout, **kw)
    if check and done.returncode != 0:
        raise AssertionError(f"{args[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def wait_for(test, what, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        if test():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def challtest(path, body):
    urllib.request.urlopen(urllib.request.Request(f"{CHALL}/{path}", json.dumps(body).encode()), timeout=5).read()


class CA:
    """One running CA of kind test: names resolve by pebble-challtestsrv, validation goes to ports 80 and 443."""

    def __init__(self, folder, port, reject=0, sets=()):
        self.dir, self.port = folder / "ca", port
        run([AVOW, "init", "--dir", self.dir, "--kind", "test", "--host", "localhost"])
        self.sets = [f"listen.https=127.0.0.1:{port}", f"listen.http=127.0.0.1:{port + 1}", "validation.resolvers=127.0.0.1:8053",
                     f"test.reject_nonces={reject}", *sets]
        self.root = self.dir / "root.pem"
        self.url = f"https://localhost:{port}/directory"
        self.log = open(folder / "serve.log", "wb")
        self.process = subprocess.Popen([AVOW, "serve", "--dir", str(self.dir), *sum((["--set", s] for s in self.sets), [])],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        assert line.strip() == f"ready {self.url}", f"{line!r}\n{(folder / 'serve.log').read_text()[-3000:]}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0

    def certificates(self):
        out = run([AVOW, "cert", "list", "--json", "--dir", self.dir])
        return [json.loads(line) for line in out.splitlines()]

    def show(self, serial):
        return json.loads(run([AVOW, "cert", "show", serial, "--json", "--dir", self.dir]))

    def status(self, serial):
        return next(c for c in self.certificates() if c["serial"] == serial)["status"]


@pytest.fixture(scope="session")
def names():
    """pebble-challtestsrv: every name is 127.0.0.1; TXT by its management port."""
    process = subprocess.Popen(["pebble-challtestsrv", "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-http01", "", "-https01", "",
                                "-tlsalpn01", "", "-dns01", "127.0.0.1:8053", "-management", "127.0.0.1:8055"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: listening(8055), "pebble-challtestsrv")
    yield
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def ca(names, tmp_path_factory):
    one = CA(tmp_path_factory.mktemp("avow"), 14000, reject=0)
    yield one
    one.stop()


@pytest.fixture(scope="session")
def rejecting_ca(names, tmp_path_factory):
    """Answers 20 % of the good nonces with badNonce."""
    one = CA(tmp_path_factory.mktemp("avow-reject"), 14100, reject=20)
    yield one
    one.stop()


@pytest.fixture
def webroot(tmp_path):
    """A plain web server on port 80 that serves tmp_path/www."""
    www = tmp_path / "www"
    (www / ".well-known" / "acme-challenge").mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(www))

        def log_message(self, *args):
            pass

    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 80), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield www / ".well-known" / "acme-challenge"
    server.shutdown()
    server.server_close()


@pytest.fixture
def dns_hook(tmp_path):
    """A script `hook set|clear NAME VALUE` that tells the DNS server a TXT record."""
    path = tmp_path / "dns-hook"
    path.write_text(f"""#!/usr/bin/python3
import json, sys, urllib.request
what, name, value = sys.argv[1:4]
name = name.rstrip(".") + "."
body = {{"host": name, "value": value}} if what == "set" else {{"host": name}}
urllib.request.urlopen(urllib.request.Request("{CHALL}/" + ("set-txt" if what == "set" else "clear-txt"), json.dumps(body).encode())).read()
""")
    path.chmod(0o755)
    return path


def pem_blocks(text):
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", text, re.S)


def serial_of(path):
    return run(["openssl", "x509", "-in", path, "-noout", "-serial"]).strip().split("=")[1].lower()


def key_type_of(path):
    text = run(["openssl", "x509", "-in", path, "-noout", "-text"])
    return "rsa" if "rsaEncryption" in text else "ecdsa"


def verify(ca, chain, folder, name):
    """The chain by three independent verifiers: OpenSSL (strict), GnuTLS and NSS."""
    folder.mkdir(exist_ok=True)
    blocks = pem_blocks(pathlib.Path(chain).read_text())
    leaf, issuers = folder / "leaf.pem", folder / "issuers.pem"
    leaf.write_text(blocks[0])
    issuers.write_text("".join(blocks[1:]) or pathlib.Path(ca.dir / "root.pem").read_text())
    assert len(blocks) >= 2, "the chain lacks its issuer"
    run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name, "-CAfile", ca.root, "-untrusted", issuers, leaf])
    (folder / "chain.pem").write_text("".join(blocks) )
    run(["certtool", "--verify", "--load-ca-certificate", ca.root, "--verify-hostname", name, "--infile", folder / "chain.pem"])
    db = folder / "nss"
    db.mkdir(exist_ok=True)
    run(["certutil", "-N", "--empty-password", "-d", f"sql:{db}"])
    run(["certutil", "-A", "-n", "root", "-t", "C,,", "-d", f"sql:{db}", "-i", ca.root])
    run(["certutil", "-A", "-n", "issuer", "-t", ",,", "-d", f"sql:{db}", "-i", issuers])
    run(["certutil", "-A", "-n", "leaf", "-t", ",,", "-d", f"sql:{db}", "-i", leaf])
    assert "valid" in run(["certutil", "-V", "-n", "leaf", "-u", "V", "-d", f"sql:{db}"])
    return serial_of(leaf)
