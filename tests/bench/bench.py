#!/usr/bin/python3
"""make bench: CPU per certificate over all processes, here and on Pebble in the same run, and the floor of the primitives.

Each server is started fresh on loopback, warmed up, and then loaded by tests/bench/load.c (closed loop), which is also its
DNS and http-01 responder. CPU time comes from /proc/PID/stat of every process of the server. Machines are noisy: compare
ratios within one run."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def children(pid):
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            out += children(int(child))
    return out


def cpu_s(pids):
    total = {}
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        name = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().rsplit("/", 1)[-1]
        total[name] = total.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICK
    return total


def pss_mb(pids):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


class Avow:
    name, clients, certificates, tries = "avow", 64, 1 << 20, 1

    def __init__(self, program, work, dns_port, http_port, extra=()):
        self.dir, port, plain = work / "ca", free_port(), free_port()
        subprocess.run([program, "init", "--dir", self.dir, "--kind", "test", "--host", "localhost"], check=True,
                       stdout=subprocess.DEVNULL)
        sets = [f"listen.https=127.0.0.1:{port}", f"listen.http=127.0.0.1:{plain}", f"validation.resolvers=127.0.0.1:{dns_port}",
                f"validation.http_port={http_port}", "log.level=warn", *extra]
        self.process = subprocess.Popen([program, "serve", "--dir", self.dir, *sum((["--set", s] for s in sets), [])],
                                        stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("ready"):
            raise SystemExit("bench: avow does not serve")
        self.load = ["--port", str(port), "--ca", str(self.dir / "root.pem")]
        self.pids = children(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Pebble:
    """Debian's Pebble 2.4 can deadlock in its memory store (a read lock taken twice while a writer waits): a run that does is made
    again, with fewer clients and certificates than ours."""
    name, clients, certificates, tries = "pebble", 4, 400, 4

    def __init__(self, work, dns_port, http_port):
        port, management = free_port(), free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", work / "key.pem", "-out",
                        work / "cert.pem"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        config = {"pebble": {"listenAddress": f"127.0.0.1:{port}", "managementListenAddress": f"127.0.0.1:{management}",
                             "certificate": str(work / "cert.pem"), "privateKey": str(work / "key.pem"), "httpPort": http_port,
                             "tlsPort": free_port(), "ocspResponderURL": "", "externalAccountBindingRequired": False}}
        (work / "pebble.json").write_text(json.dumps(config))
        env = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        self.process = subprocess.Popen(["pebble", "-config", work / "pebble.json", "-dnsserver", f"127.0.0.1:{dns_port}"], env=env,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        self.load = ["--port", str(port), "--ca", str(work / "cert.pem"), "--directory", "/dir"]
        self.pids = [self.process.pid]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def row(kind, make, label, load, args, load_args):
    for left in reversed(range(kind.tries)):
        result = measure(kind, make, label, load, args, load_args)
        if result["failures"] == 0 or left == 0:
            return result
        print(f"bench: {kind.name} hung; again", file=sys.stderr)


def measure(kind, make, label, load, args, load_args):
    certificates, clients = min(args.certificates, kind.certificates), min(args.clients, kind.clients)
    work = pathlib.Path(tempfile.mkdtemp(prefix="avow-bench-"))
    dns_port, http_port = free_port(), free_port()
    server = make(work, dns_port, http_port)
    try:
        idle = pss_mb(server.pids)
        command = [load, *server.load, "--dns-port", str(dns_port), "--http-port", str(http_port), "--clients", str(clients),
                   "--certificates", str(certificates), "--warmup", str(max(20, certificates // 10)), "--wait", *load_args]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if client.stdout.readline().strip() != "warm":  # it says so also when requests failed
            raise SystemExit(f"bench: the load generator did not start against {server.name}")
        before = cpu_s(server.pids)
        client.stdin.write("\n")
        client.stdin.flush()
        result = json.loads(client.stdout.readline())
        client.wait(10)
        after = cpu_s(server.pids)
        n = max(1, result["certificates"])
        result["by_process"] = {k: round((v - before.get(k, 0)) * 1000 / n, 3) for k, v in after.items()}
        result["cpu_ms"] = sum(result["by_process"].values())
        result["pss_idle_mb"] = idle
        result["label"] = label
        return result
    finally:
        server.stop()
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/avow")
    parser.add_argument("--load", default="build/tests/bench/load")
    parser.add_argument("--certificates", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="one object a row")
    parser.add_argument("--only", default="", help="rows whose label contains this")
    args = parser.parse_args()
    program, load = os.path.abspath(args.program), os.path.abspath(args.load)
    floor = json.loads(subprocess.run([str(pathlib.Path(load).with_name("floor"))], check=True, stdout=subprocess.PIPE, text=True).stdout)

    def avow(*extra):
        return lambda work, dns, http: Avow(program, work, dns, http, extra)
    rows = [("avow http-01, kept alive", avow(), []), ("avow http-01, new TLS connection each", avow(), ["--new-connection"]),
            ("avow dns-01", avow(), ["--challenge", "dns-01"]), ("avow 10 names", avow(), ["--names", "10"]),
            ("avow RSA-2048 account", avow(), ["--account-key", "rsa2048"]), ("avow ES384 account", avow(), ["--account-key", "p384"])]
    if shutil.which("pebble"):
        rows.append(("pebble http-01, kept alive", Pebble, []))
        rows.append(("pebble http-01, new TLS connection each", Pebble, ["--new-connection"]))
        rows.append(("pebble dns-01", Pebble, ["--challenge", "dns-01"]))
    results = []
    for label, make, load_args in rows:
        if args.only not in label:
            continue
        print(f"running: {label} …", file=sys.stderr)
        results.append(row(Pebble if make is Pebble else Avow, make, label, load, args, load_args))
    if args.json:
        print(json.dumps({"floor": floor}))
        for r in results:
            print(json.dumps(r))
        return
    print(f"{'':42} {'CPU ms/cert':>11} {'certs/s':>8} {'p50 ms':>7} {'p95':>7} {'p99':>7} {'idle PSS MB':>11} failures")
    for r in results:
        print(f"{r['label']:42} {r['cpu_ms']:11.2f} {r['per_second']:8.0f} {r['p50_ms']:7.1f} {r['p95_ms']:7.1f} {r['p99_ms']:7.1f}"
              f" {r['pss_idle_mb']:11.1f} {r['failures']}")
    print(f"{'floor: 9 verifications, 1 signature, 7 syncs':42} {floor['sum_ms']:11.2f}   (verify {floor['p256_verify_us']:.0f} us, "
          f"sign {floor['p256_sign_us']:.0f} us, write+fdatasync {floor['fdatasync_us']:.0f} us)")
    for r in results:
        print(f"{r['label']}: " + ", ".join(f"{k} {v:.2f}" for k, v in sorted(r["by_process"].items(), key=lambda kv: -kv[1])))


if __name__ == "__main__":
    main()
