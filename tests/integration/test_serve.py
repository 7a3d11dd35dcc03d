"""avow serve: roles, restarts, stopping, refusals, confinement as the kernel shows it."""
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from acme_client import free_port
from service import AVOW, Service, wait_for

ROLES = {"front", "store", "registrar", "validator", "signer", "keeper"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("serve"))
    yield service
    service.stop()


def serve(service, *sets, env=None):
    """Runs serve to its end, which is expected to be soon."""
    return subprocess.run([AVOW, "serve", "--dir", str(service.dir), *sum((["--set", s] for s in [*service.sets, *sets]), [])],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30,
                          env={**os.environ, **(env or {})})


def get(service, path):
    context = ssl.create_default_context(cafile=str(service.root))
    return urllib.request.urlopen(f"https://localhost:{service.https}{path}", timeout=5, context=context)


def answers(service):
    """The whole way: front by TLS, store behind it (the account of an unknown key is asked for), and the operators' socket."""
    try:
        with get(service, "/directory") as answer:
            ok = answer.status == 200
        return ok and service.command("cert", "list", "--json", check=False).returncode == 0
    except OSError:
        return False


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def open_files(pid):
    out = []
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            out.append(os.readlink(link))
        except FileNotFoundError:
            pass
    return out


def test_roles_are_children(ca):
    assert set(ca.roles()) == ROLES
    for role, pid in ca.roles().items():
        assert status(pid)["PPid"].strip() == str(ca.process.pid)
        line = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
        assert line == f"avow: {role}"


def test_roles_are_confined(ca):
    users = set()
    for role, pid in ca.roles().items():
        now = status(pid)
        assert now["NoNewPrivs"].strip() == "1" and now["Seccomp"].strip() == "2", role
        assert int(now["CapEff"], 16) == 0 or os.geteuid() != 0, role
        core = next(l for l in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines() if l.startswith("Max core"))
        assert core.split()[4:6] == ["0", "0"]
        # An undumpable process belongs to root, whoever runs it.
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0
        users.add(now["Uid"].split()[0])
    if os.geteuid() == 0:
        assert len(users) == len(ROLES) and "0" not in users


def test_roles_hold_what_they_need(ca):
    held = {role: open_files(pid) for role, pid in ca.roles().items()}
    below = {role: [os.path.relpath(f, ca.dir) for f in files if f.startswith(str(ca.dir))] for role, files in held.items()}
    for role in ROLES:
        assert "keys/root.key" not in below[role], role
        assert not [f for f in below[role] if f.startswith("db")] or role == "store"
        assert not [f for f in below[role] if f.startswith("journal")] or role == "signer"
        assert not [f for f in below[role] if f.startswith("published")] or role in ("front", "keeper")
        assert "keys/issuing-I1.key" not in below[role] or role == "signer"
        assert "keys/web.key" not in below[role] or role == "front"
    assert not any(f.startswith("keys") for f in below["store"] + below["registrar"] + below["keeper"])
    listeners = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
    for port in (ca.https, ca.http):
        line = next(l for l in listeners.splitlines() if f":{port} " in l)
        assert f"pid={ca.roles()['front']}" in line


@pytest.mark.parametrize("role", sorted(ROLES))
def test_role_comes_back(ca, role):
    before = ca.roles()
    ca.kill(role)
    killed = time.time()
    wait_for(lambda: ca.roles().get(role) not in (None, before[role]), f"a new {role}", 2)
    wait_for(lambda: answers(ca), "an answer", 5)
    assert time.time() - killed < 4
    after = ca.roles()
    assert {r: p for r, p in after.items() if r != role} == {r: p for r, p in before.items() if r != role}


def test_all_roles_come_back(ca):
    before = ca.roles()
    for role in sorted(ROLES):
        os.kill(before[role], signal.SIGKILL)
    wait_for(lambda: set(ca.roles()) == ROLES and not set(ca.roles().values()) & set(before.values()), "new roles", 5)
    wait_for(lambda: answers(ca), "an answer", 10)


def test_back_off(ca):
    """A role that keeps dying young is started ever later, at most 2 s apart."""
    starts = []
    for _ in range(6):
        pid = wait_for(lambda: ca.roles().get("keeper"), "a keeper", 4)
        starts.append(time.time())
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: ca.roles().get("keeper") != pid, "its death", 2)
    gaps = [b - a for a, b in zip(starts, starts[1:])]
    assert gaps[-1] > 0.5 and gaps[-1] < 2.6, gaps
    wait_for(lambda: set(ca.roles()) == ROLES, "all roles", 4)


def test_descriptors_do_not_pile_up(ca):
    wait_for(lambda: answers(ca), "an answer", 10)
    count = lambda: len(open_files(ca.process.pid))
    before = count()
    for _ in range(3):
        ca.command("cert", "list")
    wait_for(lambda: count() <= before, "the old number of descriptors", 10)


def test_second_serve_is_refused(ca):
    done = serve(ca)
    assert done.returncode == 1 and "already served" in done.stderr and done.stderr.count("\n") == 1
    assert answers(ca)


def test_roles_end_with_supervisor(tmp_path):
    service = Service(tmp_path)
    pids = service.roles().values()
    service.process.kill()
    service.process.wait()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the end of all roles", 5)
    # The folder is free again, and the socket that was left is replaced.
    service.start()
    assert answers(service)
    service.stop()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_stops(tmp_path, signum):
    service = Service(tmp_path)
    pids = service.roles().values()
    started = time.time()
    service.process.send_signal(signum)
    assert service.process.wait(30) == 0 and time.time() - started < 5
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    assert not (service.dir / "admin.sock").exists()
    assert service.command("cert", "list", check=False).returncode == 3


def test_signal_to_the_group(tmp_path):
    """Ctrl-C reaches all processes of the terminal: only the supervisor acts on it, so that the rest can finish."""
    service = Service(tmp_path, start=False)
    process = subprocess.Popen([AVOW, "serve", "--dir", str(service.dir), *sum((["--set", s] for s in service.sets), [])],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout.readline().startswith("ready ")
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0 and "role.died" not in stderr


def test_request_in_flight_is_answered(tmp_path):
    """A request of which half has arrived when SIGTERM comes is read to its end and answered."""
    service = Service(tmp_path)
    context = ssl.create_default_context(cafile=str(service.root))
    with context.wrap_socket(socket.create_connection(("127.0.0.1", service.https)), server_hostname="localhost") as s:
        s.sendall(b"GET /directory HTTP/1.1\r\nHost: localhost:%d\r\n" % service.https)
        time.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        s.sendall(b"\r\n")
        s.settimeout(10)
        assert s.recv(100).startswith(b"HTTP/1.1 200 ")
    assert service.process.wait(30) == 0


def test_notify(tmp_path):
    service = Service(tmp_path, start=False)
    for path in (str(tmp_path / "notify"), "@avow-test-%d" % os.getpid()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path.replace("@", "\0", 1))
            manager.settimeout(20)
            service.start(env={"NOTIFY_SOCKET": path})
            assert manager.recv(100) == b"READY=1"
            service.stop()
            assert manager.recv(100) == b"STOPPING=1"


def test_port_in_use(tmp_path):
    service = Service(tmp_path, start=False)
    with socket.create_server(("127.0.0.1", service.http)):
        done = serve(service)
    assert done.returncode == 1 and done.stdout == ""
    assert f"listen.http: cannot listen on 127.0.0.1:{service.http}: Address already in use" in done.stderr


def test_ipv6(tmp_path):
    if not socket.has_ipv6 or not pathlib.Path("/proc/net/if_inet6").read_text():
        pytest.skip("no IPv6 here")
    port = free_port()
    service = Service(tmp_path, start=False)
    service.sets.append(f"listen.http=[::1]:{port},127.0.0.1:{port}")
    service.start()
    for host in ("::1", "127.0.0.1"):
        with socket.create_connection((host, port), 5) as s:
            s.sendall(b"GET /ca/root.cer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200 ")
    service.stop()


@pytest.mark.parametrize("text, words", [
    ('nonsense = "x"\n', ["avow.conf:", "nonsense"]),
    ('crl.shards = "many"\n', ["avow.conf:", "crl.shards", "expected"]),
])
def test_bad_configuration(tmp_path, text, words):
    service = Service(tmp_path, start=False)
    conf = service.dir / "avow.conf"
    line = conf.read_text().count("\n") + 1
    conf.write_text(conf.read_text() + text)
    done = serve(service)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    for word in [*words, f":{line}:"]:
        assert word in done.stderr, done.stderr


def test_bad_set(tmp_path):
    service = Service(tmp_path, start=False)
    assert serve(service, "crl.shards").returncode == 2
    done = serve(service, "crl.shards=many")
    assert done.returncode == 1 and "crl.shards" in done.stderr and "expected" in done.stderr
    done = serve(service, "nonsense=1")
    assert done.returncode == 1 and "nonsense" in done.stderr


@pytest.mark.parametrize("path", ["keys/web.key", "keys/issuing-I1.key", "keys/ring.signer", "keys/token.key", "ca/root.der",
                                  "journal/journal.log"])
def test_missing_file(tmp_path, path):
    service = Service(tmp_path, start=False)
    (service.dir / path).unlink()
    done = serve(service)
    assert done.returncode == 1 and done.stdout == "", done.stderr


def test_no_ca(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        done = subprocess.run([AVOW, "serve", "--dir", str(folder)], capture_output=True, text=True, timeout=10)
        assert done.returncode == 1 and "avow init --dir" in done.stderr


def test_long_path(tmp_path):
    """Longer than the path of a Unix socket may be."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    service = Service(folder)
    assert answers(service)
    service.stop()


def test_memory(tmp_path):
    """test.memory: nothing on disk changes but what is published."""
    service = Service(tmp_path, sets=["test.memory=true"])
    before = (service.dir / "journal" / "journal.log").read_bytes()
    assert answers(service)
    service.kill("signer")
    wait_for(lambda: "signer" in service.roles() and answers(service), "an answer", 5)
    service.stop()
    assert (service.dir / "journal" / "journal.log").read_bytes() == before


def test_environment_is_not_passed_on(tmp_path):
    service = Service(tmp_path, start=False)
    service.start(env={"SECRET_OF_THE_SHELL": "x", "AVOW_ROLE": "front"})
    for pid in service.roles().values():
        assert b"SECRET_OF_THE_SHELL" not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    service.stop()


def test_admin_socket_takes_no_nonsense(ca):
    """Wrong messages end the command's connection, not the supervisor; silent commands do not keep others out."""
    path = str(ca.dir / "admin.sock")
    silent = []
    for content in (b"", b"\0", b"\1" + b"x" * 5000, b"\1\0\xb0" + b"\0" * 8 + b"\xff", b"\2"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(path)
            s.settimeout(10)
            if content:
                s.send(content)
                try:
                    s.recv(1000)
                except ConnectionResetError:
                    pass
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(path)
        silent.append(s)
    wait_for(lambda: ca.command("cert", "list", check=False).returncode == 0, "an answer", 20)
    for s in silent:
        s.close()
    assert set(ca.roles()) == ROLES


def test_admin_socket_is_for_the_ca_user(ca):
    assert os.stat(ca.dir / "admin.sock").st_mode & 0o777 == 0o600
    if os.geteuid() != 0:
        pytest.skip("needs another user")
    # Even with the way to the socket opened, the kernel's word on the peer counts.
    for path in (ca.dir, *list(ca.dir.parents)[:-2]):
        path.chmod(path.stat().st_mode | 0o055)
    (ca.dir / "admin.sock").chmod(0o666)
    program = shutil.copy(AVOW, ca.dir.parent)  # where it was built, others may not reach it: below /root, say
    try:
        done = subprocess.run([program, "cert", "list", "--dir", str(ca.dir)], capture_output=True, text=True, user=65534, timeout=20)
    finally:
        ca.dir.chmod(0o700)
        (ca.dir / "admin.sock").chmod(0o600)
    assert done.returncode == 1 and done.stdout == "", done


def test_clients_while_roles_die(ca):
    """Threads that keep asking see errors at most while a role is away, and none of them hangs."""
    stop, good, slow = threading.Event(), [0], [0]

    def ask():
        while not stop.is_set():
            began = time.time()
            if answers(ca):
                good[0] += 1
            slow[0] = max(slow[0], time.time() - began)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    for role in ("store", "front", "keeper"):
        ca.kill(role)
        time.sleep(1)
    wait_for(lambda: answers(ca), "an answer", 10)
    stop.set()
    for t in threads:
        t.join(60)
    assert good[0] > 0 and slow[0] < 12, slow
