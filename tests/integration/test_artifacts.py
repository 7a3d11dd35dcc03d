"""Certificates and CRLs of every kind, judged by the tools of others: OpenSSL (strict), GnuTLS, NSS and python3-cryptography."""
import os
import pathlib
import subprocess

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("AVOW", str(ROOT / "build" / "avow"))).parent
MAKER = BUILD / "tests" / "unit" / "pki" / "artifacts_maker"


def run(*command, text=None):
    done = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session", params=["ec", "rsa"])
def made(request, tmp_path_factory):
    """A folder of PEM files of one CA."""
    folder = tmp_path_factory.mktemp("artifacts")
    run(MAKER, folder)
    return folder / request.param


def leaves(made):
    found = sorted(made.glob("leaf-*.pem"))
    assert len(found) == 48, "3 profiles, 3 kinds of key, 1 to 4 names; classic ones also with a common name"
    return found


def test_openssl_strict(made):
    for leaf in leaves(made):
        run("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", made / "root.pem",
            "-untrusted", made / "I1.pem", leaf)


def test_openssl_checks_names(made):
    for leaf in leaves(made):
        run("openssl", "verify", "-x509_strict", "-verify_hostname", "www.a.example", "-CAfile", made / "root.pem",
            "-untrusted", made / "I1.pem", leaf)


def test_openssl_with_crl(made):
    """Without an issuing distribution point: with one, it would have to be the certificate's own."""
    for leaf in leaves(made):
        run("openssl", "verify", "-crl_check", "-CRLfile", made / "crl-3.pem", "-CAfile", made / "root.pem",
            "-untrusted", made / "I1.pem", leaf)


def test_openssl_finds_shard(made):
    """The certificate's distribution point is the shard's name, so that OpenSSL takes the shard as its CRL."""
    for leaf in leaves(made):
        if "shortlived" in leaf.name:
            continue
        run("openssl", "verify", "-crl_check", "-extended_crl", "-CRLfile", made / "crl-3-shard.pem", "-CAfile",
            made / "root.pem", "-untrusted", made / "I1.pem", leaf)


def test_openssl_crls(made):
    crls = sorted(made.glob("crl-*.pem"))
    assert len(crls) == 8
    for crl in crls:
        run("openssl", "crl", "-in", crl, "-CAfile", made / "I1.pem", "-noout")


def test_gnutls(made):
    for leaf in leaves(made):
        chain = leaf.read_text() + (made / "I1.pem").read_text()
        said = run("certtool", "--verify", "--load-ca-certificate", made / "root.pem", text=chain)
        assert "Chain verification output: Verified." in said, said


def test_gnutls_crls(made):
    for crl in made.glob("crl-*.pem"):
        said = run("certtool", "--verify-crl", "--load-ca-certificate", made / "I1.pem", "--infile", crl)
        assert "Verified." in said, said


def test_nss(made, tmp_path):
    run("certutil", "-N", "-d", tmp_path, "--empty-password")
    run("certutil", "-A", "-d", tmp_path, "-n", "root", "-t", "C,,", "-a", "-i", made / "root.pem")
    run("certutil", "-A", "-d", tmp_path, "-n", "I1", "-t", ",,", "-a", "-i", made / "I1.pem")
    for leaf in leaves(made):
        # NSS's own checker asks a server's RSA key for keyEncipherment, which only RSA key transport (not in TLS 1.3) needs;
        # Firefox, which has another checker, does not. As Let's Encrypt's, only the classic profile has that bit.
        if "-RSA-" in leaf.name and "classic" not in leaf.name:
            continue
        run("vfychain", "-d", tmp_path, "-pp", "-u", "1", "-a", leaf)


def test_cryptography_reads_the_profile(made):
    issuer = x509.load_pem_x509_certificate((made / "I1.pem").read_bytes())
    for leaf in leaves(made):
        cert = x509.load_pem_x509_certificate(leaf.read_bytes())
        assert cert.version == x509.Version.v3 and cert.issuer == issuer.subject
        assert len(cert.subject.rdns) == (1 if "-cn" in leaf.name else 0)
        find = cert.extensions.get_extension_for_oid
        present = {e.oid for e in cert.extensions}
        assert find(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).critical == (not cert.subject.rdns)
        assert find(ExtensionOID.BASIC_CONSTRAINTS).critical
        assert find(ExtensionOID.KEY_USAGE).critical and find(ExtensionOID.KEY_USAGE).value.digital_signature
        assert find(ExtensionOID.KEY_USAGE).value.key_encipherment == ("classic-RSA" in leaf.name)
        purposes = list(find(ExtensionOID.EXTENDED_KEY_USAGE).value)
        assert purposes[0] == ExtendedKeyUsageOID.SERVER_AUTH
        assert (ExtendedKeyUsageOID.CLIENT_AUTH in purposes) == ("public" in leaf.name)
        assert (ExtensionOID.SUBJECT_KEY_IDENTIFIER in present) == ("shortlived" not in leaf.name)
        assert (ExtensionOID.CERTIFICATE_POLICIES in present) == ("public" in leaf.name)
        assert (ExtensionOID.CRL_DISTRIBUTION_POINTS in present) == ("shortlived" not in leaf.name)
        authority = find(ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value
        assert authority.authority_cert_issuer is None
        assert authority.key_identifier == issuer.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_KEY_IDENTIFIER).value.digest


def test_cryptography_reads_crls(made):
    issuer = x509.load_pem_x509_certificate((made / "I1.pem").read_bytes())
    for crl_file in made.glob("crl-*.pem"):
        crl = x509.load_pem_x509_crl(crl_file.read_bytes())
        assert crl.is_signature_valid(issuer.public_key())
        assert len(crl) == int(crl_file.name[4])
        assert crl.extensions.get_extension_for_oid(ExtensionOID.CRL_NUMBER).value.crl_number == 1000
        points = [e for e in crl.extensions if e.oid == ExtensionOID.ISSUING_DISTRIBUTION_POINT]
        assert len(points) == ("shard" in crl_file.name)
        for point in points:
            assert point.critical and point.value.only_contains_user_certs
            assert point.value.full_name[0].value == "http://ca.example/crl/I1/3.crl"
        reasons = [[e.value.reason for e in revoked.extensions] for revoked in crl]
        assert reasons == [[], [x509.ReasonFlags.key_compromise], [x509.ReasonFlags.privilege_withdrawn]][:len(crl)]
