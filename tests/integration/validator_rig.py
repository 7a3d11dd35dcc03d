"""The validator alone (tests/integration/validate_driver.c) and the machines it meets: names, web servers, TLS servers."""
import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import os
import pathlib
import queue
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

from acme_client import b64, free_port
from service import ROOT, listening, wait_for

BUILD = pathlib.Path(os.environ.get("AVOW", str(ROOT / "build" / "avow"))).parent
DRIVER = BUILD / "tests" / "unit" / "validate" / "validate_driver"
ACCOUNT, THUMBPRINT = "0" * 31 + "1", hashlib.sha256(b"a key").digest()
HTTP, DNS, ALPN = 1, 2, 3
WELL_KNOWN = "/.well-known/acme-challenge/"


class Validator:
    """One validate_driver; `sets` are settings of avow.conf."""

    def __init__(self, folder, sets=(), kind="test"):
        conf = pathlib.Path(folder) / f"{kind}.conf"
        conf.write_text(f'kind = "{kind}"\nhost = "ca.example"\n')
        base = ["listen.https=127.0.0.1:14000", "listen.http=127.0.0.1:14080"]
        self.process = subprocess.Popen([str(DRIVER), str(conf), *base, *sets], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sent, self.answers, self.early = 0, queue.Queue(), {}
        threading.Thread(target=lambda: [self.answers.put(json.loads(line)) for line in self.process.stdout], daemon=True).start()
        self.tokens = []

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.sent += 1
        return self.sent

    def answer(self, request, seconds=40):
        while request not in self.early:
            a = self.answers.get(timeout=seconds)
            assert a["encodes"], a
            self.early[a["request"]] = a
        return self.early.pop(request)

    def token(self):
        if not self.tokens:
            self.tokens = self.answer(self.send("mint 100"))["tokens"]
        return self.tokens.pop()

    def start(self, kind, name, method, token, account=ACCOUNT, thumbprint=THUMBPRINT):
        return self.send(f"validate {kind} {name} {method} {token} {account} {thumbprint.hex()}")

    def validate(self, *args, **kw):
        return self.answer(self.start(*args, **kw))

    def caa(self, name, kind="dns", method=HTTP, account=ACCOUNT):
        return self.answer(self.send(f"caa {kind} {name} {method} {account}"))

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


def authorization(token, thumbprint=THUMBPRINT):
    return f"{token}.{b64(thumbprint)}"


def dns_value(token):
    return b64(hashlib.sha256(authorization(token).encode()).digest())


class Dns:
    """pebble-challtestsrv as a name server only."""

    def __init__(self):
        self.port, self.management = free_port(), free_port()
        self.process = subprocess.Popen(
            ["pebble-challtestsrv", "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-http01", "", "-https01", "", "-tlsalpn01", "",
             "-dns01", f"127.0.0.1:{self.port}", "-management", f"127.0.0.1:{self.management}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listening(self.management), "pebble-challtestsrv")

    def tell(self, path, **body):
        url = f"http://127.0.0.1:{self.management}/{path}"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=5).read()

    def a(self, name, *addresses):
        self.tell("add-a", host=name + ".", addresses=list(addresses))

    def aaaa(self, name, *addresses):
        self.tell("add-aaaa", host=name + ".", addresses=list(addresses))

    def txt(self, name, value):
        self.tell("set-txt", host=f"_acme-challenge.{name}.", value=value)

    def caa(self, name, *policies):
        self.tell("add-caa", host=name + ".", policies=[{"tag": t, "value": v} for t, v in policies])

    def cname(self, name, target):
        self.tell("set-cname", host=name + ".", target=target + ".")

    def servfail(self, name):
        self.tell("set-servfail", host=name + ".")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Web:
    """An HTTP server whose answers the test writes: path → (status, headers, body) or a function of the handler."""

    def __init__(self, port=0, address="127.0.0.1", tls=None):
        answers = self.answers = {}
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append((self.path, dict(self.headers)))
                answer = answers.get(self.path, (404, {}, b"nothing here"))
                if callable(answer):
                    answer(self)
                    return
                status, headers, body = answer
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *args):
                pass

        self.server = Server((address, port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, token, body, status=200, **headers):
        self.answers[WELL_KNOWN + token] = (status, headers, body if isinstance(body, bytes) else body.encode())

    def redirect(self, token, location, status=302):
        self.answers[WELL_KNOWN + token] = (status, {"Location": location} if location else {}, b"moved" * 2000)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


ACME_IDENTIFIER = ObjectIdentifier("1.3.6.1.5.5.7.1.31")


def alpn_certificate(names, value, critical=True, identifiers=1, issuer="same", key=None):
    """A certificate for tls-alpn-01; `names` are SAN entries, `value` the extension's bytes. Returns PEM of it and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME challenge")])
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(subject if issuer != "other name" else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
               .public_key(key.public_key()).serial_number(1).not_valid_before(now - datetime.timedelta(1))
               .not_valid_after(now + datetime.timedelta(1)))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if identifiers:
        builder = builder.add_extension(x509.UnrecognizedExtension(ACME_IDENTIFIER, value), critical)
    signer = key if issuer != "other key" else ec.generate_private_key(ec.SECP256R1())
    cert = builder.sign(signer, hashes.SHA256())
    return cert.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def san(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def alpn_value(token):
    return b"\x04\x20" + hashlib.sha256(authorization(token).encode()).digest()


def tls_context(folder, pem, protocols=("acme-tls/1",), versions=None):
    path = pathlib.Path(folder) / f"tls-{time.monotonic_ns()}.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if versions:
        context.minimum_version, context.maximum_version = versions
    return context


def finite_field_context(folder, names, value, protocols=("acme-tls/1",)):
    """A server that agrees on keys over a finite field only, where the size of the modulus is its own choice."""
    key = rsa.generate_private_key(65537, 2048)
    context = tls_context(folder, alpn_certificate(names, value, key=key), protocols, (ssl.TLSVersion.TLSv1_2,) * 2)
    context.set_ciphers("DHE-RSA-AES128-GCM-SHA256")
    parameters = pathlib.Path(folder) / "dh.pem"
    subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", parameters], check=True)
    context.load_dh_params(parameters)
    return context


class TlsServer:
    """Shakes hands on one port with whatever context the test sets; keeps the server names it was asked for."""

    def __init__(self, port=0, address="127.0.0.1"):
        self.listener = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.port, self.context, self.asked = self.listener.getsockname()[1], None, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            context = self.context
            context.sni_callback = lambda s, name, c: self.asked.append(name)
            try:
                connection.settimeout(5)
                context.wrap_socket(connection, server_side=True).close()
            except (OSError, ssl.SSLError):
                connection.close()

    def stop(self):
        self.listener.close()
