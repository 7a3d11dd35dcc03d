"""avow check: a CA in order passes, running or stopped; each thing that is wrong is found, named and told what to do about."""
import json
import os
import shutil
import socket
import sqlite3
import subprocess

import pytest
from service import AVOW, Names, Service


def check(service, *more):
    sets = sum((["--set", s] for s in service.sets), [])
    done = subprocess.run([AVOW, "check", "--dir", str(service.dir), "--json", *sets, *more], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    assert done.stderr == "", done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, rows


def bad(service, *more):
    """What is not in order, as {check: (result, about)}; each row has advice, and the exit status fits."""
    status, rows = check(service, *more)
    found = {row["check"]: (row["result"], row["about"]) for row in rows if row["result"] != "ok"}
    assert all(row.get("advice") for row in rows if row["result"] != "ok"), rows
    assert status == (1 if any(result == "fail" for result, _ in found.values()) else 0)
    return found


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A CA that served once and was stopped; tests work on copies."""
    service = Service(tmp_path_factory.mktemp("check"))
    service.stop()
    return service


@pytest.fixture
def ca(stopped, tmp_path):
    copy = Service.__new__(Service)
    copy.__dict__.update(stopped.__dict__)
    copy.dir = tmp_path / "ca"
    subprocess.run(["cp", "-a", str(stopped.dir), str(copy.dir)], check=True)
    return copy


def listing(folder):
    return sorted((str(p.relative_to(folder)), p.stat().st_mode, p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*"))


def test_new(tmp_path):
    service = Service(tmp_path, start=False)
    before = listing(service.dir)
    assert bad(service) == {}
    assert listing(service.dir) == before


def test_stopped(ca):
    before = listing(ca.dir)
    status, rows = check(ca)
    assert status == 0 and all(row["result"] == "ok" for row in rows), rows
    assert listing(ca.dir) == before
    names = {row["check"] for row in rows}
    assert {"avow.conf", "policy.conf", "files", "chain", "root certificate", "issuing certificate", "keys/web.key", "journal/journal.log",
            "clock", "db/avow.sqlite", "published/crl/I1/0.crl", f"listen.https 127.0.0.1:{ca.https}"} <= names
    assert "schema version" in next(row["about"] for row in rows if row["check"] == "db/avow.sqlite")


def test_running(tmp_path):
    names = Names()
    service = Service(tmp_path, names)
    try:
        status, rows = check(service)
        told = {row["check"]: row for row in rows}
        assert told[f"listen.https 127.0.0.1:{service.https}"]["about"] == "the directory answers over TLS, trusted by the root"
        assert told[f"listen.http 127.0.0.1:{service.http}"]["about"] == "serves the root certificate"
        assert told["web certificate"]["result"] == "ok" and f"resolver 127.0.0.1@{names.dns}" in told
        assert status == 0, rows
        text = service.command("check", *sum((["--set", s] for s in service.sets), [])).stdout
        assert text.splitlines()[-1] == "0 failed, 0 warned; the CA is running" or "warned; the CA is running" in text.splitlines()[-1]
        # Without the overrides it looks where avow.conf says: nothing of this CA listens there.
        done = service.command("check", "--json", "--set", "listen.https=127.0.0.1:1", check=False)
        assert done.returncode == 1 and "listen.https 127.0.0.1:1" in done.stdout
    finally:
        service.stop()
        names.stop()


def test_resolver_that_is_silent(ca):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        found = bad(ca, "--set", f"validation.resolvers=127.0.0.1:{port}")
    assert found == {f"resolver 127.0.0.1@{port}": ("fail", "it does not answer")}


def test_port_taken(ca):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", ca.https))
        other.listen()
        assert bad(ca) == {f"listen.https 127.0.0.1:{ca.https}": ("fail", "another program listens there")}


@pytest.mark.parametrize("path", ["avow.conf", "root.pem", "keys/issuing-I1.key", "keys/web.key", "keys/ring.signer", "keys/ring.validator",
                                  "keys/token.key", "ca/root.der", "ca/I1.der", "journal/journal.log", "db/avow.sqlite",
                                  "published/crl/I1/0.crl", "published/crl/root/0.crl"])
def test_missing(ca, path):
    (ca.dir / path).unlink()
    found = bad(ca)
    assert any(path in name and result == "fail" for name, (result, _) in found.items()), found


def test_root_key_kept_elsewhere(ca):
    (ca.dir / "keys/root.key").unlink()
    assert bad(ca) == {}


@pytest.mark.parametrize("path, mode", [("keys", 0o755), ("keys/issuing-I1.key", 0o640), ("keys/root.key", 0o600), ("avow.conf", 0o644),
                                        ("db", 0o711), ("journal/journal.log", 0o606), (".", 0o755), ("published", 0o777)])
def test_too_open(ca, path, mode):
    os.chmod(ca.dir / path, mode)
    found = bad(ca)
    assert list(found) == [f"file {path}"] and found[f"file {path}"][0] == "fail" and f"{mode:04o}" in found[f"file {path}"][1], found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner(ca):
    os.chown(ca.dir / "keys/web.key", 12345, -1)
    assert bad(ca) == {"file keys/web.key": ("fail", "it belongs to user 12345")}


def test_a_link_is_no_file(ca):
    key = ca.dir / "keys/token.key"
    key.rename(ca.dir / "keys/elsewhere")
    key.symlink_to("elsewhere")
    assert bad(ca)["file keys/token.key"] == ("fail", "it is no regular file")


def test_keys_that_do_not_fit(ca):
    shutil.copy(ca.dir / "keys/web.key", ca.dir / "keys/issuing-I1.key")
    assert bad(ca) == {"keys/issuing-I1.key": ("fail", "it is not the key of its certificate")}


def test_certificates_that_do_not_fit(ca):
    shutil.copy(ca.dir / "ca/I1.der", ca.dir / "ca/root.der")
    found = bad(ca)
    assert found["chain"][0] == "fail" and found["root.pem"][0] == "fail" and found["keys/root.key"][0] == "fail", found


@pytest.mark.parametrize("shift, want", [("1000d", {"issuing certificate": "warn"}), ("1200d", {"issuing certificate": "fail"}),
                                         ("3400d", {"root certificate": "warn"}), ("4000d", {"root certificate": "fail"})])
def test_dates(ca, shift, want):
    found = bad(ca, "--set", f"test.clock={shift}")
    for name, result in want.items():
        assert found[name][0] == result, found


def test_crl_grows_old(ca):
    assert bad(ca, "--set", "test.clock=6d")["published/crl/I1/0.crl"][0] == "warn"
    assert bad(ca, "--set", "test.clock=8d")["published/crl/I1/0.crl"][0] == "fail"


def test_clock_behind_the_journal(ca):
    found = bad(ca, "--set", "test.clock=-10m")
    assert found["clock"][0] == "fail" and "behind the journal" in found["clock"][1]


def test_journal_damaged(ca):
    path = ca.dir / "journal/journal.log"
    bytes_ = bytearray(path.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    path.write_bytes(bytes_)
    found = bad(ca)
    assert list(found) == ["journal/journal.log"] and found["journal/journal.log"][0] == "fail" and "at byte" in found["journal/journal.log"][1]


def test_journal_torn(ca):
    path = ca.dir / "journal/journal.log"
    path.write_bytes(path.read_bytes()[:-5])
    assert bad(ca)["journal/journal.log"][0] == "warn"


def test_database_damaged(ca):
    path = ca.dir / "db/avow.sqlite"
    with open(path, "r+b") as f:
        f.seek(4096 * 3)
        f.write(os.urandom(4096 * 4))
    assert bad(ca)["db/avow.sqlite"][0] == "fail"


def test_database_of_a_newer_program(ca):
    with sqlite3.connect(ca.dir / "db/avow.sqlite") as db:
        db.execute("INSERT INTO schema_version(version, applied) VALUES(9999, 0)")
    db.close()
    found = bad(ca)
    assert found["db/avow.sqlite"][0] == "fail" and "9999" in found["db/avow.sqlite"][1]


def test_database_after_a_kill(tmp_path):
    """What a killed store left in its log is read with it, and left as it is."""
    service = Service(tmp_path)
    pids = service.roles().values()
    service.process.kill()
    service.process.wait()
    for pid in pids:
        while os.path.exists(f"/proc/{pid}"):
            pass
    before = listing(service.dir)
    assert (service.dir / "db/avow.sqlite-wal").stat().st_size > 0
    assert bad(service) == {}
    assert listing(service.dir) == before


def test_configuration(ca):
    with open(ca.dir / "avow.conf", "a") as f:
        f.write('nonsense = "1"\n')
    found = bad(ca)
    assert found["avow.conf"][0] == "fail" and "nonsense" in found["avow.conf"][1]


def test_policy(ca):
    (ca.dir / "policy.conf").write_text("nonsense\n")
    assert bad(ca)["policy.conf"][0] == "fail"


def test_no_ca(tmp_path):
    for folder in (tmp_path / "none",):
        done = subprocess.run([AVOW, "check", "--dir", str(folder)], capture_output=True, text=True)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    done = subprocess.run([AVOW, "check", "--dir", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1 and "avow.conf" in done.stdout
    for args in ([], ["--dir", str(tmp_path), "more"], ["--dir", str(tmp_path), "--set", "x"]):
        assert subprocess.run([AVOW, "check", *args], capture_output=True).returncode == 2
