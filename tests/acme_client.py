"""A small ACME client for tests: python3-cryptography for keys, http.client for requests, nothing hidden. It can also send what
no honest client would: see Client.send()."""
import base64
import hashlib
import http.client
import json
import socket
import ssl
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


CURVES = {"ES256": (ec.SECP256R1, hashes.SHA256, "P-256", 32), "ES384": (ec.SECP384R1, hashes.SHA384, "P-384", 48),
          "ES512": (ec.SECP521R1, hashes.SHA512, "P-521", 66)}


class Key:
    """An account key of one of the JOSE algorithms."""

    def __init__(self, alg="ES256", private=None):
        self.alg = alg
        if private is not None:
            self.private = private
        elif alg in CURVES:
            self.private = ec.generate_private_key(CURVES[alg][0]())
        elif alg == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = rsa.generate_private_key(65537, 2048)

    def jwk(self):
        public = self.private.public_key()
        if self.alg in CURVES:
            n, size = public.public_numbers(), CURVES[self.alg][3]
            return {"crv": CURVES[self.alg][2], "kty": "EC", "x": number(n.x, size), "y": number(n.y, size)}
        if self.alg == "EdDSA":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"crv": "Ed25519", "kty": "OKP", "x": b64(raw)}
        n = public.public_numbers()
        return {"e": number(n.e), "kty": "RSA", "n": number(n.n)}

    def thumbprint(self):
        return b64(hashlib.sha256(json.dumps(self.jwk(), sort_keys=True, separators=(",", ":")).encode()).digest())

    def sign(self, data):
        if self.alg in CURVES:
            _, digest, _, size = CURVES[self.alg]
            r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(digest())))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if self.alg == "EdDSA":
            return self.private.sign(data)
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())


def jws(key, protected, payload):
    """Flattened JWS; `payload` is bytes, a JSON value, or "" for POST-as-GET."""
    if not isinstance(payload, (bytes, str)):
        payload = json.dumps(payload).encode()
    head = b64(json.dumps(protected).encode())
    body = b64(payload if isinstance(payload, bytes) else payload.encode())
    return {"protected": head, "payload": body, "signature": b64(key.sign(f"{head}.{body}".encode()))}


def csr(names, key=None, cn=None, extensions=(), digest=None):
    """A CSR for DNS names (and its key)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else (digest or hashes.SHA256())
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER), key


class Reply:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        """The problem type without its prefix."""
        return self.json.get("type", "").rsplit(":", 1)[-1]


class Problem(Exception):
    def __init__(self, reply):
        super().__init__(f"{reply.status} {reply.body[:600]!r}")
        self.reply = reply


class Client:
    def __init__(self, directory, root, key=None, timeout=20):
        self.key, self.root, self.timeout = key or Key(), root, timeout
        self.kid, self.nonce, self.connection = None, None, None
        self.base = urllib.parse.urlsplit(directory)
        reply = self.http("GET", directory)
        if reply.status != 200:
            raise Problem(reply)
        self.directory = reply.json

    def connect(self):
        context = ssl.create_default_context(cafile=str(self.root))
        self.connection = http.client.HTTPSConnection(self.base.hostname, self.base.port, timeout=self.timeout, context=context)

    def http(self, method, url, body=None, headers=None):
        parts = urllib.parse.urlsplit(url)
        path = parts.path + ("?" + parts.query if parts.query else "")
        for attempt in range(2):
            if self.connection is None:
                self.connect()
            try:
                self.connection.request(method, path, body, headers or {})
                reply = Reply(self.connection.getresponse())
                break
            except (OSError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                if attempt:
                    raise
        if "Replay-Nonce" in reply.headers:
            self.nonce = reply.headers["Replay-Nonce"]
        return reply

    def fresh_nonce(self):
        if not self.nonce:
            self.http("HEAD", self.directory["newNonce"])
        nonce, self.nonce = self.nonce, None
        return nonce

    def protected(self, url, use_jwk=False, **other):
        head = {"alg": self.key.alg, "nonce": self.fresh_nonce(), "url": url}
        head.update({"jwk": self.key.jwk()} if use_jwk or not self.kid else {"kid": self.kid})
        head.update(other)
        return {k: v for k, v in head.items() if v is not None}

    def send(self, url, message, content_type="application/jose+json"):
        """Posts any body as it is."""
        body = message if isinstance(message, (bytes, str)) else json.dumps(message)
        return self.http("POST", url, body, {"Content-Type": content_type})

    def post(self, url, payload="", use_jwk=False, key=None, **other):
        """One signed request; retries badNonce as RFC 8555, 6.5 says."""
        for _ in range(10):
            reply = self.send(url, jws(key or self.key, self.protected(url, use_jwk, **other), payload))
            if reply.status != 400 or reply.type != "badNonce":
                break
        return reply

    def ok(self, url, payload="", **other):
        reply = self.post(url, payload, **other)
        if reply.status >= 400:
            raise Problem(reply)
        return reply

    def register(self, **payload):
        reply = self.ok(self.directory["newAccount"], {"termsOfServiceAgreed": True, **payload}, use_jwk=True)
        self.kid = reply.headers["Location"]
        return reply

    def key_change(self, new, spoil=None):
        """The reply to a key change; `spoil` may change the inner header and payload, in place."""
        url = self.directory["keyChange"]
        head, payload = {"alg": new.alg, "jwk": new.jwk(), "url": url}, {"account": self.kid, "oldKey": self.key.jwk()}
        if spoil:
            spoil(head, payload)
        reply = self.post(url, jws(new, head, payload))
        if reply.status == 200:
            self.key = new
        return reply

    def order(self, names, **more):
        identifiers = [n if isinstance(n, dict) else {"type": "dns", "value": n} for n in names]
        reply = self.ok(self.directory["newOrder"], {"identifiers": identifiers, **more})
        return reply.headers["Location"], reply.json

    def poll(self, url, until=("valid",), seconds=30):
        end = time.time() + seconds
        while True:
            reply = self.ok(url)
            if reply.json["status"] in until or reply.json["status"] == "invalid":
                return reply
            if time.time() > end:
                raise TimeoutError(f"{url} stays {reply.json['status']}")
            time.sleep(0.05)

    def authorize(self, order, solve, method="http-01"):
        """Solves all authorizations; `solve(identifier, token, key_authorization)` puts the answer up."""
        for url in order["authorizations"]:
            authz = self.ok(url).json
            if authz["status"] == "valid":
                continue
            challenge = next(c for c in authz["challenges"] if c["type"] == method)
            solve(authz["identifier"]["value"], challenge["token"], challenge["token"] + "." + self.key.thumbprint())
            self.ok(challenge["url"], {})
            done = self.poll(url)
            if done.json["status"] != "valid":
                raise Problem(done)

    def finalize(self, order_url, order, der):
        self.ok(order["finalize"], {"csr": b64(der)})
        done = self.poll(order_url)
        if done.json["status"] != "valid":
            raise Problem(done)
        return self.ok(done.json["certificate"]).body.decode()

    def issue(self, names, solve, method="http-01", key=None, **more):
        """The whole way: the PEM chain of a new certificate for DNS names."""
        order_url, order = self.order(names, **more)
        self.authorize(order, solve, method)
        return self.finalize(order_url, order, csr(names, key)[0])


def serial_hex(pem):
    """The serial as `avow` prints it: whole octets in lower-case hexadecimal."""
    text = f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:x}"
    return "0" * (len(text) % 2) + text


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
