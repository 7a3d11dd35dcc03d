"""Client × operation: what each of seven clients can do of issue, forced renewal and revocation, with http-01, dns-01 (wildcard)
and tls-alpn-01, RSA and ECDSA keys, and nonces rejected at 20 % where the client retries."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import CA, key_type_of, listening, pem_blocks, record, run, serial_of, verify, wait_for

MAIL = "someone@example.net"


def fresh(ca, path, folder, name, before=None):
    """The certificate at `path` is verified by three programs, known to the CA as good, and not the one of before."""
    serial = verify(ca, path, folder, name)
    assert ca.status(serial) == "good"
    assert serial != before
    return serial


def revoked(ca, serial):
    wait_for(lambda: ca.status(serial) == "revoked", f"revocation of {serial}", 15)


def revoke_by_key(ca, tmp, chain, key, client):
    """Clients without such a command: certbot revokes with nothing but the certificate and its key, as any holder of the key may."""
    serial = serial_of(chain)
    leaf = tmp / "to-revoke.pem"
    leaf.write_text(pem_blocks(pathlib.Path(chain).read_text())[0])
    certbot(ca, tmp / "revoker", "revoke", "--cert-path", leaf, "--key-path", key, "--no-delete-after-revoke", "--reason", "keycompromise")
    revoked(ca, serial)
    record(client, "revoke by certificate key", "yes (by certbot: no such command)")


# ---- certbot -----------------------------------------------------------------------------------------------------------------

def certbot(ca, tmp, *args, **kw):
    env = {**os.environ, "REQUESTS_CA_BUNDLE": str(ca.root)}
    return run(["certbot", *args, "--non-interactive", "--server", ca.url, "--config-dir", tmp / "config", "--work-dir", tmp / "work",
                "--logs-dir", tmp / "logs"], env=env, **kw)


@pytest.mark.parametrize("key", ["ecdsa", "rsa"])
def test_certbot_http01(ca, tmp_path, key):
    name = f"certbot-{key}.test"
    options = ["--standalone", "--agree-tos", "--register-unsafely-without-email", "--key-type", key, "-d", name]
    certbot(ca, tmp_path, "certonly", *options)
    chain = tmp_path / "config" / "live" / name / "fullchain.pem"
    first = fresh(ca, chain, tmp_path / "v1", name)
    assert key_type_of(chain) == key
    record("certbot", f"issue http-01 {key}")
    certbot(ca, tmp_path, "renew", "--force-renewal", "--no-random-sleep-on-renew")
    second = fresh(ca, chain, tmp_path / "v2", name, first)
    record("certbot", "forced renewal")
    certbot(ca, tmp_path, "revoke", "--cert-name", name, "--no-delete-after-revoke", "--reason", "superseded")
    revoked(ca, second)
    assert ca.status(first) == "good"
    record("certbot", "revoke by account")


def test_certbot_dry_run(ca, tmp_path):
    """The second run meets the authorization of the first, gives it up (RFC 8555, 7.5.2) and proves the name again."""
    for _ in range(2):
        certbot(ca, tmp_path, "certonly", "--dry-run", "--standalone", "--agree-tos", "--register-unsafely-without-email", "-d", "certbot-dry.test")
    log = (tmp_path / "logs" / "letsencrypt.log").read_text()
    assert '"status": "deactivated"' in log and "Recreating order after authz deactivation" in log
    assert not (tmp_path / "config" / "live").exists()
    record("certbot", "dry run, authorizations deactivated")


def test_certbot_revoke_by_certificate_key(ca, tmp_path):
    name = "certbot-bykey.test"
    certbot(ca, tmp_path, "certonly", "--standalone", "--agree-tos", "-m", MAIL, "--no-eff-email", "-d", name)
    live = tmp_path / "config" / "live" / name
    serial = fresh(ca, live / "fullchain.pem", tmp_path / "v", name)
    certbot(ca, tmp_path, "revoke", "--cert-path", live / "cert.pem", "--key-path", live / "privkey.pem", "--reason", "keycompromise")
    revoked(ca, serial)
    record("certbot", "revoke by certificate key")


def test_certbot_dns01_wildcard(ca, tmp_path, dns_hook):
    hooks = ["--manual-auth-hook", f"{dns_hook} set _acme-challenge.$CERTBOT_DOMAIN $CERTBOT_VALIDATION",
             "--manual-cleanup-hook", f"{dns_hook} clear _acme-challenge.$CERTBOT_DOMAIN x"]
    certbot(ca, tmp_path, "certonly", "--manual", "--preferred-challenges", "dns", *hooks, "--agree-tos",
            "--register-unsafely-without-email", "--cert-name", "w", "-d", "*.certbot-dns.test")
    chain = tmp_path / "config" / "live" / "w" / "fullchain.pem"
    fresh(ca, chain, tmp_path / "v", "any.certbot-dns.test")
    record("certbot", "issue dns-01 wildcard")


def test_certbot_rejected_nonces(rejecting_ca, tmp_path):
    """certbot retries a rejected nonce once; two rejections in a row end it. Three tries are enough by far."""
    name = "certbot-nonce.test"
    for attempt in range(4):
        out = certbot(rejecting_ca, tmp_path, "certonly", "--standalone", "--agree-tos", "--register-unsafely-without-email", "-d", name,
                      check=False)
        chain = tmp_path / "config" / "live" / name / "fullchain.pem"
        if chain.exists():
            break
        assert "badNonce" in out or "nonce" in out, out
    fresh(rejecting_ca, chain, tmp_path / "v", name)
    record("certbot", "20 % nonces rejected")


# ---- lego --------------------------------------------------------------------------------------------------------------------

def lego(ca, tmp, *args, env=None, **kw):
    return run(["lego", "--server", ca.url, "--path", tmp / "lego", "--email", MAIL, "--accept-tos", *args],
               env={**os.environ, "LEGO_CA_CERTIFICATES": str(ca.root), **(env or {})}, **kw)


@pytest.mark.parametrize("key,method", [("ec256", "http"), ("rsa2048", "http"), ("ec384", "tls")])
def test_lego(ca, tmp_path, key, method):
    name = f"lego-{key}-{method}.test"
    options = ["--key-type", key, f"--{method}", "-d", name]
    lego(ca, tmp_path, *options, "run")
    chain = tmp_path / "lego" / "certificates" / f"{name}.crt"
    first = fresh(ca, chain, tmp_path / "v1", name)
    record("lego", f"issue {'http-01' if method == 'http' else 'tls-alpn-01'} {'rsa' if key[0] == 'r' else 'ecdsa'}")
    lego(ca, tmp_path, *options, "renew", "--days", "4000", "--no-random-sleep")
    second = fresh(ca, chain, tmp_path / "v2", name, first)
    record("lego", "forced renewal")
    lego(ca, tmp_path, *options, "revoke")
    revoked(ca, second)
    record("lego", "revoke by account")


def test_lego_dns01_wildcard(ca, tmp_path, dns_hook):
    script = tmp_path / "exec"
    script.write_text(f'#!/bin/sh\nif [ "$1" = present ]; then exec {dns_hook} set "$2" "$3"; else exec {dns_hook} clear "$2" x; fi\n')
    script.chmod(0o755)
    lego(ca, tmp_path, "--dns", "exec", "--dns.resolvers", "127.0.0.1:8053", "--dns.disable-cp", "-d", "*.lego-dns.test", "run",
         env={"EXEC_PATH": str(script)})
    fresh(ca, tmp_path / "lego" / "certificates" / "_.lego-dns.test.crt", tmp_path / "v", "x.lego-dns.test")
    record("lego", "issue dns-01 wildcard")


def test_lego_rejected_nonces(rejecting_ca, tmp_path):
    name = "lego-nonce.test"
    lego(rejecting_ca, tmp_path, "--http", "-d", name, "run")
    fresh(rejecting_ca, tmp_path / "lego" / "certificates" / f"{name}.crt", tmp_path / "v", name)
    record("lego", "20 % nonces rejected")


# ---- uacme -------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def trusting_uacme(ca):
    """uacme reads only the system's bundle: put ours over it in this mount namespace."""
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    if not os.path.exists(bundle):
        pathlib.Path(bundle).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(bundle).touch()
    run(["mount", "--bind", ca.root, bundle])
    yield
    run(["umount", bundle])


def uacme(ca, tmp, *args, **kw):
    return run(["uacme", "-v", "-y", "-a", ca.url, "-c", tmp / "uacme", *args], **kw)


def uacme_hook(tmp, name, begin, done):
    """Arguments of the hook: method, type, identifier, token, authentication value."""
    path = tmp / name
    path.write_text(f'#!/bin/sh\ncase "$1" in\nbegin) {begin} ;;\ndone|failed) {done} ;;\nesac\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("key", ["EC", "RSA"])
def test_uacme_http01(ca, tmp_path, webroot, trusting_uacme, key):
    name = f"uacme-{key.lower()}.test"
    hook = uacme_hook(tmp_path, "http", f'[ "$2" = http-01 ] || exit 1; printf %s "$5" > {webroot}/"$4"', f'rm -f {webroot}/"$4"')
    uacme(ca, tmp_path, "new", MAIL)
    uacme(ca, tmp_path, "-t", key, "-h", hook, "issue", name)
    chain = tmp_path / "uacme" / name / "cert.pem"
    first = fresh(ca, chain, tmp_path / "v1", name)
    record("uacme", f"issue http-01 {'rsa' if key == 'RSA' else 'ecdsa'}")
    uacme(ca, tmp_path, "-f", "-t", key, "-h", hook, "issue", name)
    second = fresh(ca, chain, tmp_path / "v2", name, first)
    record("uacme", "forced renewal")
    uacme(ca, tmp_path, "revoke", chain)
    revoked(ca, second)
    record("uacme", "revoke by account")


def test_uacme_dns01_wildcard(ca, tmp_path, dns_hook, trusting_uacme):
    hook = uacme_hook(tmp_path, "dns", f'[ "$2" = dns-01 ] || exit 1; exec {dns_hook} set "_acme-challenge.$3" "$5"',
                      f'exec {dns_hook} clear "_acme-challenge.$3" x')
    uacme(ca, tmp_path, "new", MAIL)
    uacme(ca, tmp_path, "-h", hook, "issue", "*.uacme-dns.test")
    fresh(ca, tmp_path / "uacme" / "uacme-dns.test" / "cert.pem", tmp_path / "v", "x.uacme-dns.test")
    record("uacme", "issue dns-01 wildcard")


def test_uacme_tls_alpn01(ca, tmp_path, trusting_uacme):
    name, sock = "uacme-alpn.test", tmp_path / "ualpn.sock"
    server = subprocess.Popen(["ualpn", "-v", "-s", str(sock), "-p", str(tmp_path / "ualpn.pid"), "-b", "127.0.0.1@443", "-c", "127.0.0.1@9", "-u", "root"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(tmp_path / "ualpn.log", "wb"))
    hook = uacme_hook(tmp_path, "alpn", f'[ "$2" = tls-alpn-01 ] && echo "auth $3 $5" | ualpn -s {sock} | grep -q OK',
                      f'echo "unauth $3" | ualpn -s {sock}')
    try:
        wait_for(lambda: listening(443), "ualpn")
        uacme(ca, tmp_path, "new", MAIL)
        uacme(ca, tmp_path, "-h", hook, "issue", name)
    finally:
        server.terminate()
        server.wait(10)
    fresh(ca, tmp_path / "uacme" / name / "cert.pem", tmp_path / "v", name)
    record("uacme", "issue tls-alpn-01 ecdsa")


def test_uacme_rejected_nonces(rejecting_ca, tmp_path, webroot):
    """uacme retries a rejected nonce, but not for ever; four tries are enough by far."""
    name = "uacme-nonce.test"
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    run(["mount", "--bind", rejecting_ca.root, bundle])
    try:
        hook = uacme_hook(tmp_path, "http", f'[ "$2" = http-01 ] || exit 1; printf %s "$5" > {webroot}/"$4"', f'rm -f {webroot}/"$4"')
        chain = tmp_path / "uacme" / name / "cert.pem"
        for attempt in range(8):
            uacme(rejecting_ca, tmp_path, "new", MAIL, check=False)
            out = uacme(rejecting_ca, tmp_path, "-h", hook, "issue", name, check=False)
            if chain.exists():
                break
        assert chain.exists(), out
    finally:
        run(["umount", bundle])
    fresh(rejecting_ca, chain, tmp_path / "v", name)
    record("uacme", "20 % nonces rejected")


# ---- dehydrated --------------------------------------------------------------------------------------------------------------

def dehydrated(ca, tmp, *args, **kw):
    return run(["dehydrated", "-f", tmp / "config", *args], **kw)


def dehydrated_config(ca, tmp, kind, algorithm, webroot=None):
    hook = tmp / "hook"
    hook.write_text("#!/bin/sh\n[ -x \"$DNS_HOOK\" ] || exit 0\ncase \"$1\" in\ndeploy_challenge) exec \"$DNS_HOOK\" set \"_acme-challenge.$2\" \"$4\" ;;\n"
                    "clean_challenge) exec \"$DNS_HOOK\" clear \"_acme-challenge.$2\" x ;;\nesac\n")
    hook.chmod(0o755)
    (tmp / "config").write_text(f'CA="{ca.url}"\nCURL_OPTS="--cacert {ca.root}"\nCHALLENGETYPE="{kind}"\nKEY_ALGO={algorithm}\n'
                                f'WELLKNOWN="{webroot or tmp}"\nBASEDIR="{tmp}"\nHOOK="{hook}"\nCONTACT_EMAIL={MAIL}\nIP_VERSION=4\n'
                                f'OCSP_MUST_STAPLE=no\nALPNCERTDIR="{tmp}/alpn"\n')


@pytest.mark.parametrize("algorithm", ["prime256v1", "rsa"])
def test_dehydrated_http01(ca, tmp_path, webroot, algorithm):
    name = f"dehydrated-{algorithm}.test"
    dehydrated_config(ca, tmp_path, "http-01", algorithm, webroot)
    dehydrated(ca, tmp_path, "--register", "--accept-terms")
    dehydrated(ca, tmp_path, "-c", "-d", name)
    chain = tmp_path / "certs" / name / "fullchain.pem"
    first = fresh(ca, chain, tmp_path / "v1", name)
    record("dehydrated", f"issue http-01 {'rsa' if algorithm == 'rsa' else 'ecdsa'}")
    dehydrated(ca, tmp_path, "-c", "-x", "-d", name)
    second = fresh(ca, chain, tmp_path / "v2", name, first)
    record("dehydrated", "forced renewal")
    dehydrated(ca, tmp_path, "-r", chain)
    revoked(ca, second)
    record("dehydrated", "revoke by account")


def test_dehydrated_dns01_wildcard(ca, tmp_path, dns_hook):
    dehydrated_config(ca, tmp_path, "dns-01", "prime256v1")
    env = {**os.environ, "DNS_HOOK": str(dns_hook)}
    dehydrated(ca, tmp_path, "--register", "--accept-terms", env=env)
    dehydrated(ca, tmp_path, "-c", "-d", "*.dehydrated-dns.test", "--alias", "w", env=env)
    fresh(ca, tmp_path / "certs" / "w" / "fullchain.pem", tmp_path / "v", "x.dehydrated-dns.test")
    record("dehydrated", "issue dns-01 wildcard")


ALPN_SERVER = """
import socket, ssl, sys, pathlib
folder = pathlib.Path(sys.argv[1])
def pick(conn, name, ctx):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(folder / f"{name}.crt.pem", folder / f"{name}.key.pem")
    c.set_alpn_protocols(["acme-tls/1"])
    conn.context = c
base = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
base.set_alpn_protocols(["acme-tls/1"])
base.sni_callback = pick
s = socket.create_server(("127.0.0.1", 443))
while True:
    c, _ = s.accept()
    try:
        base.wrap_socket(c, server_side=True).close()
    except OSError:
        pass
"""


def test_dehydrated_tls_alpn01(ca, tmp_path):
    name = "dehydrated-alpn.test"
    dehydrated_config(ca, tmp_path, "tls-alpn-01", "prime256v1")
    (tmp_path / "alpn").mkdir()
    server = subprocess.Popen(["/usr/bin/python3", "-c", ALPN_SERVER, str(tmp_path / "alpn")], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listening(443), "the ALPN server")
        dehydrated(ca, tmp_path, "--register", "--accept-terms")
        dehydrated(ca, tmp_path, "-c", "-d", name)
    finally:
        server.terminate()
        server.wait(10)
    fresh(ca, tmp_path / "certs" / name / "fullchain.pem", tmp_path / "v", name)
    record("dehydrated", "issue tls-alpn-01 ecdsa")
    record("dehydrated", "20 % nonces rejected", "no: knows no badNonce")


# ---- acme-tiny ---------------------------------------------------------------------------------------------------------------

def acme_tiny(ca, tmp, webroot, name, key):
    run(["openssl", "genrsa", "-out", tmp / "account.key", "2048"])
    if key == "rsa":
        run(["openssl", "genrsa", "-out", tmp / "cert.key", "2048"])
    else:
        run(["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", tmp / "cert.key"])
    run(["openssl", "req", "-new", "-key", tmp / "cert.key", "-subj", "/", "-addext", f"subjectAltName=DNS:{name}", "-out", tmp / "csr.pem"])
    done = subprocess.run(["acme-tiny", "--account-key", str(tmp / "account.key"), "--csr", str(tmp / "csr.pem"), "--acme-dir", str(webroot),
                           "--directory-url", ca.url, "--disable-check"], env={**os.environ, "SSL_CERT_FILE": str(ca.root)}, timeout=90,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    (tmp / "chain.pem").write_text(done.stdout)
    return tmp / "chain.pem"


@pytest.mark.parametrize("key", ["rsa", "ecdsa"])
def test_acme_tiny(ca, tmp_path, webroot, key):
    name = f"tiny-{key}.test"
    first = fresh(ca, acme_tiny(ca, tmp_path, webroot, name, key), tmp_path / "v1", name)
    record("acme-tiny", f"issue http-01 {key}")
    fresh(ca, acme_tiny(ca, tmp_path, webroot, name, key), tmp_path / "v2", name, first)
    record("acme-tiny", "forced renewal")
    revoke_by_key(ca, tmp_path, tmp_path / "chain.pem", tmp_path / "cert.key", "acme-tiny")


def test_acme_tiny_rejected_nonces(rejecting_ca, tmp_path, webroot):
    name = "tiny-nonce.test"
    fresh(rejecting_ca, acme_tiny(rejecting_ca, tmp_path, webroot, name, "rsa"), tmp_path / "v", name)
    record("acme-tiny", "20 % nonces rejected")


# ---- Caddy -------------------------------------------------------------------------------------------------------------------

def served_chain(ca, name, folder):
    """The chain that the server on port 443 shows, as a file; None while it shows none that verifies."""
    done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:443", "-servername", name, "-showcerts", "-CAfile", str(ca.root)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=20)
    if "Verify return code: 0" not in done.stdout or not pem_blocks(done.stdout):
        return None  # a failed handshake, too, ends with return code 0
    folder.mkdir(exist_ok=True)
    (folder / "served.pem").write_text("".join(b + ("" if b.endswith("\n") else "\n") for b in pem_blocks(done.stdout)))
    return folder / "served.pem"


def caddy_run(ca, tmp, name, key, challenge, ratio=None):
    disable = {"http": "disable_tlsalpn_challenge", "tls": "disable_http_challenge"}[challenge]
    (tmp / "Caddyfile").write_text(f"""{{
  admin off
  email {MAIL}
  key_type {key}
  storage file_system {tmp}/caddy
}}
https://{name} {{
  tls {{
    issuer acme {{
      dir {ca.url}
      trusted_roots {ca.root}
      {disable}
    }}
  }}
  respond "hello"
}}
""")
    return subprocess.Popen(["caddy", "run", "--config", str(tmp / "Caddyfile"), "--adapter", "caddyfile"], stdout=subprocess.DEVNULL,
                            stderr=open(tmp / "caddy.log", "wb"), env={**os.environ, "HOME": str(tmp)})


@pytest.mark.parametrize("key,challenge", [("p256", "http"), ("rsa2048", "http"), ("p256", "tls")])
def test_caddy(ca, tmp_path, key, challenge):
    name = f"caddy-{key}-{challenge}.test"
    server = caddy_run(ca, tmp_path, name, key, challenge)
    try:
        wait_for(lambda: listening(443) and served_chain(ca, name, tmp_path / "s"), f"Caddy's certificate\n{(tmp_path / 'caddy.log')}", 60)
        first = fresh(ca, tmp_path / "s" / "served.pem", tmp_path / "v1", name)
        record("Caddy", f"issue {'http-01' if challenge == 'http' else 'tls-alpn-01'} {'rsa' if key[0] == 'r' else 'ecdsa'}")
    finally:
        server.terminate()
        server.wait(20)
    # Caddy renews at a ratio of the lifetime; without its certificate files it must ask again, with the same account.
    shutil.rmtree(tmp_path / "caddy" / "certificates")
    server = caddy_run(ca, tmp_path, name, key, challenge)
    try:
        wait_for(lambda: listening(443) and served_chain(ca, name, tmp_path / "s"), "Caddy's second certificate", 60)
        fresh(ca, tmp_path / "s" / "served.pem", tmp_path / "v2", name, first)
        record("Caddy", "forced renewal", "yes (by removing its certificate)")
    finally:
        server.terminate()
        server.wait(20)
    key_file = next((tmp_path / "caddy" / "certificates").rglob(f"{name}.key"))
    revoke_by_key(ca, tmp_path, tmp_path / "s" / "served.pem", key_file, "Caddy")


def test_caddy_rejected_nonces(rejecting_ca, tmp_path):
    name = "caddy-nonce.test"
    server = caddy_run(rejecting_ca, tmp_path, name, "p256", "http")
    try:
        wait_for(lambda: listening(443) and served_chain(rejecting_ca, name, tmp_path / "s"), "Caddy's certificate", 60)
        fresh(rejecting_ca, tmp_path / "s" / "served.pem", tmp_path / "v", name)
    finally:
        server.terminate()
        server.wait(20)
    record("Caddy", "20 % nonces rejected")


# ---- Apache mod_md -----------------------------------------------------------------------------------------------------------

@pytest.fixture
def open_tmp():
    """A folder that www-data can reach, unlike pytest's own."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="avow-modmd-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Apache:
    def __init__(self, ca, tmp, name, extra, key="secp256r1"):
        self.tmp = tmp
        modules = "/usr/lib/apache2/modules"
        (tmp / "www").mkdir(exist_ok=True)
        shutil.copy(ca.root, tmp / "root.pem")
        (tmp / "httpd.conf").write_text(f"""
ServerRoot {tmp}
PidFile {tmp}/httpd.pid
ErrorLog {tmp}/error.log
LogLevel warn md:debug
ServerName {name}
User www-data
Group www-data
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule md_module {modules}/mod_md.so
Listen 127.0.0.1:80
Listen 127.0.0.1:443
Protocols http/1.1 acme-tls/1
DefaultRuntimeDir {tmp}
MDStoreDir {tmp}/md
MDCertificateAuthority {ca.url}
MDCACertificateFile {tmp}/root.pem
MDCertificateAgreement accepted
MDContactEmail {MAIL}
MDPrivateKeys {key}
MDCertificateCheck local file:///dev/null
MDRetryDelay 1s
MDStapling off
{extra}
<VirtualHost *:443>
  ServerName {name}
  SSLEngine on
  DocumentRoot {tmp}/www
</VirtualHost>
<VirtualHost *:80>
  ServerName {name}
  DocumentRoot {tmp}/www
</VirtualHost>
""".replace("MDCertificateCheck local file:///dev/null\n", ""))

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/apache2", "-f", str(self.tmp / "httpd.conf"), "-DFOREGROUND"], stdout=subprocess.DEVNULL,
                                        stderr=open(self.tmp / "stderr.log", "wb"))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def until(self, ca, name, folder, before=None, seconds=60):
        """mod_md gets a certificate in the background and takes it up at a graceful restart."""
        wait_for(lambda: listening(443), "Apache")  # before that a signal would end it

        def shown():
            if list((self.tmp / "md" / "staging").glob("*/pubcert*.pem")):
                self.process.send_signal(signal.SIGUSR1)  # graceful: takes up what is staged
                time.sleep(1)
            chain = listening(443) and served_chain(ca, name, folder)
            return chain and serial_of(chain) != before
        try:
            wait_for(shown, "mod_md's certificate", seconds)
        except AssertionError as e:
            logs = "".join(p.read_text(errors="replace")[-3000:] for p in (self.tmp / "error.log", self.tmp / "stderr.log") if p.exists())
            raise AssertionError(f"{e}\n{logs}") from None
        return folder / "served.pem"


@pytest.mark.parametrize("key,method", [("secp256r1", "http-01"), ("RSA 2048", "http-01"), ("secp256r1", "tls-alpn-01")])
def test_mod_md(ca, open_tmp, key, method):
    name = f"modmd-{key.split()[0].lower()}-{method}.test"
    apache = Apache(ca, open_tmp, name, f"MDomain {name}\nMDCAChallenges {method}", key)
    apache.start()
    try:
        first = fresh(ca, apache.until(ca, name, open_tmp / "s"), open_tmp / "v1", name)
        record("mod_md", f"issue {method} {'rsa' if key[0] == 'R' else 'ecdsa'}")
    finally:
        apache.stop()
    if method != "http-01" or key[0] == "R":
        return
    apache = Apache(ca, open_tmp, name, f"MDomain {name}\nMDCAChallenges {method}\nMDRenewWindow 2159h", key)
    apache.start()
    try:
        fresh(ca, apache.until(ca, name, open_tmp / "s", first), open_tmp / "v2", name, first)
        record("mod_md", "forced renewal")
    finally:
        apache.stop()
    key_file = next((open_tmp / "md" / "domains").rglob("privkey*.pem"))
    revoke_by_key(ca, open_tmp, open_tmp / "s" / "served.pem", key_file, "mod_md")


def test_mod_md_dns01_wildcard(ca, open_tmp, dns_hook):
    name = "modmd-dns.test"
    dns_hook = shutil.copy(dns_hook, open_tmp / "dns-hook")
    script = open_tmp / "md-dns"
    script.write_text(f'#!/bin/sh\nif [ "$1" = setup ]; then exec {dns_hook} set "_acme-challenge.$2" "$3"; else exec {dns_hook} clear "_acme-challenge.$2" x; fi\n')
    script.chmod(0o755)
    apache = Apache(ca, open_tmp, name, f"MDomain {name} *.{name}\nMDCAChallenges dns-01\nMDChallengeDns01 {script}")
    apache.start()
    try:
        fresh(ca, apache.until(ca, name, open_tmp / "s"), open_tmp / "v", f"x.{name}")
        record("mod_md", "issue dns-01 wildcard")
    finally:
        apache.stop()


def test_mod_md_rejected_nonces(rejecting_ca, open_tmp):
    name = "modmd-nonce.test"
    apache = Apache(rejecting_ca, open_tmp, name, f"MDomain {name}\nMDCAChallenges http-01")
    apache.start()
    try:
        fresh(rejecting_ca, apache.until(rejecting_ca, name, open_tmp / "s"), open_tmp / "v", name)
        record("mod_md", "20 % nonces rejected")
    finally:
        apache.stop()


# ---- what the CA publishes ---------------------------------------------------------------------------------------------------

def test_crls_verify(ca, tmp_path):
    """The CRL is served over plain HTTP from the start and verifies under OpenSSL, GnuTLS and NSS."""
    check_crls(ca, tmp_path, 1)


def test_sharded_crls_verify(names, tmp_path_factory, tmp_path):
    one = CA(tmp_path_factory.mktemp("avow-shards"), 14200, sets=["crl.shards=4"])
    try:
        wait_for(lambda: len(list((one.dir / "published" / "crl" / "I1").glob("*.crl"))) == 4, "four CRLs")
        check_crls(one, tmp_path, 4)
    finally:
        one.stop()


def check_crls(ca, tmp_path, count):
    base = f"http://127.0.0.1:{ca.port + 1}"
    run(["curl", "-sf", "-o", tmp_path / "I1.cer", f"{base}/ca/I1.cer"])
    run(["openssl", "x509", "-inform", "DER", "-in", tmp_path / "I1.cer", "-out", tmp_path / "I1.pem"])
    run(["openssl", "verify", "-x509_strict", "-CAfile", ca.root, tmp_path / "I1.pem"])
    db = tmp_path / "nss"
    db.mkdir()
    run(["certutil", "-N", "--empty-password", "-d", f"sql:{db}"])
    run(["certutil", "-A", "-n", "root", "-t", "C,,", "-d", f"sql:{db}", "-i", ca.root])
    run(["certutil", "-A", "-n", "I1", "-t", ",,", "-d", f"sql:{db}", "-i", tmp_path / "I1.pem"])
    shards = sorted((ca.dir / "published" / "crl" / "I1").glob("*.crl"))
    assert len(shards) == count
    for path in shards:
        crl = tmp_path / path.name
        headers = run(["curl", "-sf", "-D", "-", "-o", crl, f"{base}/crl/I1/{path.name}"])
        assert "application/pkix-crl" in headers
        assert "verify OK" in run(["openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-CAfile", tmp_path / "I1.pem"])
        run(["openssl", "crl", "-inform", "DER", "-in", crl, "-out", tmp_path / "crl.pem"])
        run(["certtool", "--verify-crl", "--load-ca-certificate", tmp_path / "I1.pem", "--infile", tmp_path / "crl.pem"])
        if len(shards) == 1:  # NSS knows no issuing distribution point, which a shard's CRL must have (RFC 5280, 5.2.5)
            run(["crlutil", "-I", "-i", crl, "-d", f"sql:{db}"])
