"""Starts a CA and what its validator meets, for tests: Service (avow init and serve on free ports) and Names (pebble-challtestsrv)."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

from acme_client import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
AVOW = os.environ.get("AVOW", str(ROOT / "build" / "avow"))


def wait_for(test, what, seconds=20):
    end = time.time() + seconds
    while True:
        found = test()
        if found:
            return found
        if time.time() > end:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Names:
    """DNS, http-01 and tls-alpn-01 on free ports of 127.0.0.1; every name resolves to it."""

    def __init__(self):
        self.dns, self.http, self.alpn, self.management = (free_port() for _ in range(4))
        self.process = subprocess.Popen(
            ["pebble-challtestsrv", "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-http01", f"127.0.0.1:{self.http}", "-https01", "",
             "-tlsalpn01", f"127.0.0.1:{self.alpn}", "-dns01", f"127.0.0.1:{self.dns}", "-management", f"127.0.0.1:{self.management}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listening(self.management), "pebble-challtestsrv")

    def tell(self, path, **body):
        url = f"http://127.0.0.1:{self.management}/{path}"
        return urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=5).read()

    def solve_http(self, name, token, authorization):
        self.tell("add-http01", token=token, content=authorization)

    def solve_dns(self, name, token, authorization):
        import hashlib
        from acme_client import b64
        self.tell("set-txt", host=f"_acme-challenge.{name}.", value=b64(hashlib.sha256(authorization.encode()).digest()))

    def solve_alpn(self, name, token, authorization):
        self.tell("add-tlsalpn01", host=name, content=authorization)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Service:
    """A CA below `folder`; `names` gives resolver and ports."""

    def __init__(self, folder, names=None, kind="test", sets=(), env=None, host="localhost", start=True):
        self.dir, self.https, self.http = pathlib.Path(folder) / "ca", free_port(), free_port()
        done = subprocess.run([AVOW, "init", "--dir", str(self.dir), "--kind", kind, "--host", host], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        self.sets = [f"listen.https=127.0.0.1:{self.https}", f"listen.http=127.0.0.1:{self.http}"]
        if names:
            self.sets += [f"validation.resolvers=127.0.0.1:{names.dns}", f"validation.http_port={names.http}",
                          f"validation.tls_port={names.alpn}"]
        self.sets += list(sets)
        self.directory, self.root = f"https://localhost:{self.https}/directory", self.dir / "root.pem"
        self.log_path, self.process = pathlib.Path(folder) / "serve.log", None
        if start:
            self.start(env)

    def start(self, env=None):
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([AVOW, "serve", "--dir", str(self.dir), *sum((["--set", s] for s in self.sets), [])],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        assert line.strip() == f"ready {self.directory}", f"{line!r}\n{self.tail()}"

    def tail(self, n=4000):
        return self.log_path.read_text(errors="replace")[-n:]

    def roles(self):
        """Role → process id, as the process list shows them."""
        out = {}
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            try:
                name = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:
                continue
            if name.startswith("avow: "):
                out[name[6:].strip()] = int(pid)
        return out

    def kill(self, role):
        os.kill(self.roles()[role], signal.SIGKILL)

    def command(self, *args, check=True):
        done = subprocess.run([AVOW, *args, "--dir", str(self.dir)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=30)
        assert not check or done.returncode == 0, done.stderr
        return done

    def certificates(self):
        return [json.loads(line) for line in self.command("cert", "list", "--json").stdout.splitlines()]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(30)
            assert code == 0, f"serve ended with {code}\n{self.tail()}"
        self.process = None
