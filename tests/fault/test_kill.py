"""kill -9 of each role in the middle of issuance, from outside and at every named fault point: the client's retry succeeds, nothing that
was acknowledged is lost, and no serial is ever signed twice. The program is the build with fault points."""
import pathlib
import re
import threading
import time

import pytest

from acme_client import Client, Problem, serial_hex
from service import ROOT, Service, wait_for

ROLES = ["front", "store", "registrar", "validator", "signer", "keeper"]


@pytest.fixture
def serving(names, tmp_path):
    """Starts services and leaves none behind, however the test ends."""
    started = []

    def make(**more):
        started.append(Service(tmp_path, names, **more))
        return started[-1]
    yield make
    for service in started:
        if service.process and service.process.poll() is None:
            service.process.kill()
            service.process.wait(10)


def fault_points():
    """Every fault_point("…") of the source: a new one is tested without being listed here."""
    found = set()
    for path in (ROOT / "src").rglob("*.c"):
        found |= set(re.findall(r'fault_point\("([^"]+)"\)', path.read_text()))
    return sorted(found)


def patient(what, seconds=40):
    """What a client does: it tries again, with a new order if it must."""
    end, problem = time.time() + seconds, None
    while time.time() < end:
        try:
            return what()
        except (Problem, OSError, TimeoutError, KeyError, ValueError) as e:
            problem = e
            time.sleep(0.2)
    raise AssertionError(f"no success within {seconds} s; last: {problem!r}")


def registered(service):
    def go():
        client = Client(service.directory, service.root, timeout=15)
        client.register()
        return client
    return patient(go)


def unique_serials(service):
    serials = [c["serial"] for c in service.certificates()]
    assert len(serials) == len(set(serials))
    return serials


@pytest.mark.parametrize("role", ROLES)
def test_kill_role_while_issuing(role, names, serving):
    """Three clients issue without a pause while the role is killed four times, at different moments."""
    service = serving()
    got, errors, stop = [], [], threading.Event()

    def work(index):
        try:
            client, n = registered(service), 0
            while not stop.is_set():
                n += 1
                got.append(serial_hex(patient(lambda: client.issue([f"k{n}.c{index}.{role}.test"], names.solve_http))))
        except Exception as e:  # shown by the main thread
            errors.append(e)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    try:
        for i in range(4):
            time.sleep(0.4 + 0.13 * i)
            before = service.roles()[role]
            service.kill(role)
            wait_for(lambda: service.roles().get(role, before) != before, f"{role} is back", 4)
        time.sleep(0.5)
    finally:
        stop.set()
        for t in threads:
            t.join(60)
    assert not errors, f"{errors}\n{service.tail()}"
    assert len(got) >= 4 and len(got) == len(set(got))
    assert set(got) <= set(unique_serials(service))
    service.stop()
    service.start()  # and after a restart all of it is still there
    assert set(got) <= set(unique_serials(service))
    service.stop()


@pytest.mark.parametrize("point", fault_points())
def test_die_at(point, names, serving):
    """The role that passes the point dies there, at its second passage (the first may belong to the start; rare ones: at the first)."""
    service = serving(sets=["crl.shards=4"], env={"AVOW_FAULT": f"{point}:{1 if point in rare() else 2}"})
    client = registered(service)
    got = [serial_hex(patient(lambda: client.issue([f"f{i}.test"], names.solve_http))) for i in range(3)]
    revoked = got[0]

    def revoke():
        listed = next(c for c in service.certificates() if c["serial"] == revoked)
        if listed["status"] == "revoked":
            return True
        pem = service.command("cert", "show", revoked).stdout
        der = pem_der(pem)
        reply = client.post(client.directory["revokeCert"], {"certificate": der, "reason": 4})
        if reply.status != 200 and reply.type != "alreadyRevoked":
            raise Problem(reply)
        return True
    patient(revoke)
    wait_for(lambda: next(c for c in service.certificates() if c["serial"] == revoked)["status"] == "revoked", "revocation")
    wait_for(lambda: set(service.roles()) == set(ROLES), "all roles are back", 5)

    def died():  # then a role was ready twice, perhaps already during the start
        return len(re.findall(r"event=role.ready", service.log_path.read_text())) > len(ROLES)
    if point not in rare():
        wait_for(died, f"the death at {point}", 5)
    assert set(got) <= set(unique_serials(service))
    service.stop()
    service.start()
    assert set(got) <= set(unique_serials(service))
    service.stop()


def pem_der(text):
    from acme_client import b64
    import base64
    body = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.S).group(1)
    return b64(base64.b64decode(body))


def rare():
    """Points that this scenario passes less than twice; each is named with its reason in docs/protocol/faults.md."""
    text = (ROOT / "docs" / "protocol" / "faults.md").read_text()
    return set(re.findall(r"^\| `([^`]+)` \|.*\brare\b", text, re.M))
