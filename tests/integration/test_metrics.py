"""Metrics of the web process: the text that Prometheus reads, counting what happens, and no name in it."""
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from acme_client import Client, free_port
from service import AVOW, Names, Service

SAMPLE = re.compile(r'^([a-z_]+)(\{[a-z]+="[^"{}]*"(?:,[a-z]+="[^"{}]*")*\})? ([0-9.]+(?:e[+-][0-9]+)?)$')


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    names, port = Names(), free_port()
    one = Service(tmp_path_factory.mktemp("metrics"), names, sets=[f"metrics=127.0.0.1:{port}"])
    one.names, one.port = names, port
    yield one
    one.stop()
    names.stop()


def scrape(ca):
    with urllib.request.urlopen(f"http://127.0.0.1:{ca.port}/metrics", timeout=10) as reply:
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = reply.read().decode()
    assert text.endswith("\n")
    values, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        if line.startswith("#"):
            continue
        found = SAMPLE.match(line)
        assert found, line
        assert re.sub(r"_(bucket|sum|count)$", "", found[1]) in typed or found[1] in typed, line
        assert found[1] + (found[2] or "") not in values
        values[found[1] + (found[2] or "")] = float(found[3])
    return values, text


def test_counts(ca):
    before, _ = scrape(ca)
    client = Client(ca.directory, ca.root)
    client.register()
    client.issue(["counted.example.org"], ca.names.solve_http)
    assert client.post(client.directory["newOrder"], {"identifiers": []}).status == 400
    after, text = scrape(ca)

    def grew(name):
        return after.get(name, 0) - before.get(name, 0)

    assert grew('avow_acme_requests_total{route="new_account",status="2xx"}') == 1
    assert grew('avow_acme_requests_total{route="new_order",status="2xx"}') == 1
    assert grew('avow_acme_requests_total{route="new_order",status="4xx"}') == 1
    assert grew('avow_acme_requests_total{route="finalize",status="2xx"}') == 1
    total = sum(v for k, v in after.items() if k.startswith("avow_acme_requests_total"))
    assert after["avow_acme_request_seconds_count"] == total == after['avow_acme_request_seconds_bucket{le="+Inf"}']
    buckets = [v for k, v in after.items() if k.startswith("avow_acme_request_seconds_bucket")]
    assert buckets == sorted(buckets) and len(buckets) == 13
    assert grew("avow_http_requests_total") >= grew("avow_acme_request_seconds_count") > 5
    assert after["avow_http_connections"] >= 1 and after["avow_front_has_certificate"] == 1
    for personal in ("counted", "example.org", "127.0.0.1", client.kid.rsplit("/", 1)[1]):
        assert personal not in text


def test_only_metrics_are_there(ca):
    for path in ("/", "/directory", "/metricsx", "/acme/new-nonce"):
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(f"http://127.0.0.1:{ca.port}{path}", timeout=10)
        assert told.value.code == 404


def test_rude_clients_disturb_nobody(ca):
    client = Client(ca.directory, ca.root)
    with socket.create_connection(("127.0.0.1", ca.port)) as silent, socket.create_connection(("127.0.0.1", ca.port)) as endless:
        endless.sendall(b"GET /metrics HTTP/1.1\r\n" + b"a" * 8000)
        client.register()
        client.issue(["rude.example.org"], ca.names.solve_http)
        assert scrape(ca)[0]["avow_http_requests_total"] > 0
        silent.close()
    assert scrape(ca)[0]["avow_http_requests_total"] > 0


def test_comes_back_with_the_front(ca):
    ca.kill("front")
    end = time.time() + 20
    while True:
        try:
            scrape(ca)
            break
        except OSError:
            assert time.time() < end
            time.sleep(0.1)


def test_off_by_default_and_loopback_only(tmp_path):
    one = Service(tmp_path, start=False)
    assert '#metrics = ""' in (one.dir / "avow.conf").read_text()
    for value in ("0.0.0.0:9000", "192.0.2.1:9000", "127.0.0.1:1,127.0.0.1:2", "[::]:9000", "nonsense"):
        done = subprocess.run([AVOW, "serve", "--dir", str(one.dir), "--set", f"metrics={value}"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and "expected one ADDRESS:PORT on loopback" in done.stderr, done
