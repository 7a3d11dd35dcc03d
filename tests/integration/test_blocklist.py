"""keys.blocklist: lists of keys that are refused, from the files of the operator to the answer of the server."""
import hashlib
import subprocess

import pytest
from acme_client import Client, b64, csr
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from service import AVOW, Names, Service


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def debian(key):
    """A line of openssl-blacklist."""
    return hashlib.sha1(b"Modulus=%X\n" % key.public_key().public_numbers().n).hexdigest()[20:]


@pytest.fixture
def ca(tmp_path):
    names = Names()
    service = Service(tmp_path, names, sets=["keys.blocklist=keys/blacklist.RSA-2048,lists/spki"], start=False)
    (service.dir / "lists").mkdir()
    yield service, names
    service.stop()
    names.stop()


def test_listed_keys_are_refused_and_lists_are_read_at_the_start(ca):
    service, names = ca
    weak_rsa, weak_ec = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    (service.dir / "keys/blacklist.RSA-2048").write_text(f"# weak\n{debian(weak_rsa)}\n")
    (service.dir / "lists/spki").write_text(hashlib.sha256(spki(weak_ec)).hexdigest() + "\n")
    service.start()
    client = Client(service.directory, service.root)
    client.register()
    order_url, order = client.order(["listed.test"])
    client.authorize(order, names.solve_http)
    for key in weak_rsa, weak_ec:
        reply = client.post(order["finalize"], {"csr": b64(csr(["listed.test"], key)[0])})
        assert (reply.status, reply.type) == (400, "badPublicKey"), reply.body
        assert client.ok(order_url).json["status"] == "ready"
    assert "BEGIN CERTIFICATE" in client.finalize(order_url, order, csr(["listed.test"])[0])
    service.stop()
    (service.dir / "lists/spki").write_text("")
    service.start()
    client.connection = None
    assert "BEGIN CERTIFICATE" in client.issue(["listed.test"], names.solve_http, key=weak_ec)


@pytest.mark.parametrize("text, said", [(None, "lists/spki"), ("abc\n", "lists/spki:1")])
def test_a_list_that_cannot_be_read_stops_the_start(ca, text, said):
    service, _ = ca
    (service.dir / "keys/blacklist.RSA-2048").write_text("")
    if text is not None:
        (service.dir / "lists/spki").write_text(text)
    done = subprocess.run([AVOW, "serve", "--dir", str(service.dir), *sum((["--set", s] for s in service.sets), [])],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode != 0 and "ready" not in done.stdout
    assert said in done.stderr, done.stderr[-2000:]
