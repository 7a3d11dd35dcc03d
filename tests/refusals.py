"""What every refused ACME request has in common, and the proof that it left nothing behind."""


def refused(reply, status, kind):
    """A problem document with all that belongs to an answer to POST."""
    assert (reply.status, reply.type) == (status, kind), reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["status"] == status and reply.json["detail"]
    assert reply.headers["Replay-Nonce"] and reply.headers["Cache-Control"] == "no-store"
    assert any(v.endswith(';rel="index"') for v in reply.headers.get_all("Link"))
    if status >= 500:
        assert reply.headers["Retry-After"]
    if kind == "badSignatureAlgorithm":
        assert {"ES256", "ES384", "RS256", "EdDSA"} <= set(reply.json["algorithms"])
    return reply


def everything(service):
    """All accounts with their numbers of orders and certificates, and all certificates with their states."""
    return [service.command(what, "list", "--json").stdout for what in ("account", "cert")]


class Watch:
    """everything(), asked for again only when the database was written since: there are many tests."""

    def __init__(self, service):
        self.service, self.written, self.seen = service, None, None

    def look(self):
        files = sorted(p for p in (self.service.dir / "db").iterdir() if not p.name.endswith("-shm"))
        written = [(p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in files]
        if written != self.written:
            self.written, self.seen = written, everything(self.service)
        return self.seen
