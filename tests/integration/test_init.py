"""avow init: what it makes, what it refuses, and that nothing is left behind."""
import os
import signal
import stat
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from service import AVOW, ROOT


def init(folder, *args, **kw):
    return subprocess.run([AVOW, "init", "--dir", str(folder), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, **kw)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def extension(cert, kind):
    return cert.extensions.get_extension_for_class(kind)


def test_makes(tmp_path):
    ca = tmp_path / "ca"
    done = init(ca, "--name", "Example Labs", "--country", "NL")
    assert done.returncode == 0 and done.stderr == ""
    assert f"avow serve --dir {ca}" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ca"]
    assert mode(ca) == 0o700 and mode(ca / "keys") == 0o700 and mode(ca / "keys" / "root.key") == 0o400
    for name in ["issuing-I1.key", "web.key", "ring.signer", "ring.validator", "token.key"]:
        assert mode(ca / "keys" / name) == 0o600, name
    for path in ["avow.conf", "db/avow.sqlite", "journal/journal.log"]:
        assert mode(ca / path) & 0o077 == 0, path
    assert len((ca / "keys" / "token.key").read_text().strip()) == 64
    assert not list(ca.glob(".avow*"))
    assert (ca / "policy.conf").read_bytes() == (ROOT / "policy" / "policy.conf").read_bytes()


def test_certificates(tmp_path):
    """ca-rules B4, 44 to 47."""
    assert init(tmp_path / "ca", "--name", "Example Labs", "--country", "NL").returncode == 0
    root = x509.load_pem_x509_certificate((tmp_path / "ca" / "root.pem").read_bytes())
    sub = x509.load_der_x509_certificate((tmp_path / "ca" / "ca" / "I1.der").read_bytes())
    assert (tmp_path / "ca" / "ca" / "root.der").read_bytes() == (tmp_path / "ca" / "published" / "ca" / "root.cer").read_bytes()
    assert (tmp_path / "ca" / "ca" / "I1.der").read_bytes() == (tmp_path / "ca" / "published" / "ca" / "I1.cer").read_bytes()
    for cert in (root, sub):
        kinds = [a.oid for a in cert.subject]
        assert kinds == [NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME]
        assert cert.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Example Labs"
        assert cert.serial_number > 2**100 and extension(cert, x509.BasicConstraints).critical
        usage = extension(cert, x509.KeyUsage)
        assert usage.critical and usage.value.key_cert_sign and usage.value.crl_sign and not usage.value.key_encipherment
    span = lambda c: (c.not_valid_after - c.not_valid_before).total_seconds() + 1
    assert root.issuer == root.subject and span(root) == 3652 * 86400
    assert extension(root, x509.BasicConstraints).value == x509.BasicConstraints(True, None)
    for kind in (x509.ExtendedKeyUsage, x509.CertificatePolicies, x509.CRLDistributionPoints, x509.AuthorityKeyIdentifier):
        with pytest.raises(x509.ExtensionNotFound):
            extension(root, kind)
    assert sub.issuer == root.subject and span(sub) == 1096 * 86400
    assert extension(sub, x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    assert list(extension(sub, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    policies = [p.policy_identifier.dotted_string for p in extension(sub, x509.CertificatePolicies).value]
    assert policies == ["2.5.29.32.0"]
    crl_url = extension(sub, x509.CRLDistributionPoints).value[0].full_name[0].value
    assert crl_url == "http://localhost:14080/crl/root/0.crl"
    access = extension(sub, x509.AuthorityInformationAccess).value
    assert [(d.access_method, d.access_location.value) for d in access] == [
        (AuthorityInformationAccessOID.CA_ISSUERS, "http://localhost:14080/ca/root.cer")]
    assert extension(sub, x509.AuthorityKeyIdentifier).value.key_identifier == extension(root, x509.SubjectKeyIdentifier).value.digest
    crl = x509.load_der_x509_crl((tmp_path / "ca" / "published" / "crl" / "root" / "0.crl").read_bytes())
    assert crl.is_signature_valid(root.public_key()) and len(crl) == 0 and crl.next_update > sub.not_valid_before


@pytest.mark.parametrize("key", ["p256", "p384", "rsa2048", "rsa3072"])
def test_openssl_agrees(tmp_path, key):
    ca = tmp_path / "ca"
    assert init(ca, "--key", key).returncode == 0
    (tmp_path / "i1.pem").write_bytes(
        subprocess.run(["openssl", "x509", "-inform", "DER", "-in", ca / "ca" / "I1.der"], check=True, capture_output=True).stdout)
    (tmp_path / "root.crl").write_bytes(subprocess.run(
        ["openssl", "crl", "-inform", "DER", "-in", ca / "published" / "crl" / "root" / "0.crl"], check=True, capture_output=True).stdout)
    done = subprocess.run(["openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", tmp_path / "root.crl", "-CAfile",
                           ca / "root.pem", "-check_ss_sig", tmp_path / "i1.pem"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("root.key", "issuing-I1.key"):
        private = load_pem_private_key((ca / "keys" / name).read_bytes(), None)
        assert private.key_size == {"p256": 256, "p384": 384, "rsa2048": 2048, "rsa3072": 3072}[key]
        assert isinstance(private, rsa.RSAPrivateKey if key.startswith("rsa") else ec.EllipticCurvePrivateKey)
    assert load_pem_private_key((ca / "keys" / "web.key").read_bytes(), None).key_size == 256


def test_empty_folder_is_taken(tmp_path):
    (tmp_path / "ca").mkdir(mode=0o755)
    assert init(str(tmp_path / "ca") + "/").returncode == 0
    assert mode(tmp_path / "ca") == 0o700


def test_every_ca_is_another(tmp_path):
    for name in ("a", "b"):
        assert init(tmp_path / name).returncode == 0
    for path in ["root.pem", "keys/root.key", "keys/web.key", "keys/ring.signer", "keys/ring.validator", "keys/token.key"]:
        assert (tmp_path / "a" / path).read_bytes() != (tmp_path / "b" / path).read_bytes(), path
    assert (tmp_path / "a" / "keys" / "ring.signer").read_bytes() != (tmp_path / "a" / "keys" / "ring.validator").read_bytes()


@pytest.mark.parametrize("args, status, words", [
    (["--host", "a b"], 2, "--host"),
    (["--host", "exa_mple.org"], 2, "--host"),
    (["--host", "*.example.org"], 2, "--host"),
    (["--host", ""], 2, "--host"),
    (["--host", "example.org,,example.net"], 2, "--host"),
    (["--host", "http://example.org"], 2, "--host"),
    (["--host", "exam\nple.org"], 2, "--host"),
    (["--host", "\"; kind = \"test"], 2, "--host"),
    (["--kind", "secret"], 2, "expected private, public or test"),
    (["--kind", "public"], 1, "--kind public"),
    (["--key", "rsa1024"], 2, "expected p256, p384, rsa2048 or rsa3072"),
    (["--country", "nl"], 2, "two capital letters"),
    (["--name", ""], 2, "--name"),
    (["--name", "x" * 65], 2, "--name"),
    (["--what"], 2, "--what"),
    (["more"], 2, "more"),
])
def test_refuses(tmp_path, args, status, words):
    done = init(tmp_path / "ca", *args)
    assert done.returncode == status and words in done.stderr, done.stderr
    assert done.stdout == "" and list(tmp_path.iterdir()) == []
    if args[0] != "--kind" or args[1] != "public":
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("hosts", ["192.0.2.7", "2001:db8::1", "ca.example.org,192.0.2.7", "xn--bcher-kva.example"])
def test_hosts(tmp_path, hosts):
    assert init(tmp_path / "ca", "--host", hosts).returncode == 0


def test_folder_in_use(tmp_path):
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "precious").write_text("x")
    done = init(tmp_path / "ca")
    assert done.returncode == 1 and "not empty" in done.stderr
    assert [p.name for p in tmp_path.rglob("*")] == ["ca", "precious"]
    (tmp_path / "file").write_text("x")
    done = init(tmp_path / "file")
    assert done.returncode == 1 and "not a folder" in done.stderr and (tmp_path / "file").read_text() == "x"
    done = init(tmp_path / "no" / "such" / "parent")
    assert done.returncode == 1 and done.stderr.count("\n") == 1


def test_leftovers(tmp_path):
    """DIR.tmp of a killed init is replaced; anything else called so is not touched."""
    other = tmp_path / "ca.tmp"
    other.mkdir()
    (other / "precious").write_text("x")
    done = init(tmp_path / "ca")
    assert done.returncode == 1 and "in the way" in done.stderr and (other / "precious").exists()
    (other / ".avow-init").write_text("")
    assert init(tmp_path / "ca").returncode == 0 and not other.exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path, signum):
    """Two RSA-3072 keys take long enough to be interrupted in the middle."""
    process = subprocess.Popen([AVOW, "init", "--dir", str(tmp_path / "ca"), "--key", "rsa3072"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.time() + 20
    while not (tmp_path / "ca.tmp" / "keys").exists() and time.time() < end:
        time.sleep(0.001)
    process.send_signal(signum)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1 and "interrupted" in stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("blocks", [0, 1, 2, 4, 40, 180])
def test_disk_full(tmp_path, blocks):
    """A file-size limit (KiB) stands for a full disk, at each of the files that are written."""
    done = subprocess.run(["bash", "-c", f"trap '' XFSZ; ulimit -f {blocks}; exec {AVOW} init --dir {tmp_path}/ca"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("avow init: ") and done.stderr.count("\n") == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind,host,listens", [("private", "ca.example.org", True), ("private", "ca.example.org,localhost", False),
                                               ("private", "127.0.0.1", False), ("test", "ca.example.org", False)])
def test_listens_where_its_clients_look(kind, host, listens, tmp_path):
    """The URLs in certificates are fixed from the first day: a private CA for others has ports 443 and 80 (decision 5)."""
    done = subprocess.run([AVOW, "init", "--dir", str(tmp_path / "ca"), "--kind", kind, "--host", host], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    text = (tmp_path / "ca" / "avow.conf").read_text()
    assert ('listen.https = "0.0.0.0:443' in text and 'listen.http = "0.0.0.0:80' in text) == listens
    issuer = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", str(tmp_path / "ca" / "ca" / "I1.der"), "-noout", "-text"],
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    first = host.split(",")[0]
    assert f"URI:http://{first}/ca/root.cer" in issuer if listens else f"URI:http://{first}:14080/ca/root.cer" in issuer
