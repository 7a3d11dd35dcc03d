"""One test CA for the whole folder, and clients of it."""
import socket
import ssl

import pytest

from acme_client import Client
from refusals import Watch
from service import Names, Service


@pytest.fixture(scope="session")
def names():
    one = Names()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def service(names, tmp_path_factory):
    one = Service(tmp_path_factory.mktemp("service"), names)
    yield one
    one.stop()


@pytest.fixture
def client(service):
    """A client with an account of its own."""
    one = Client(service.directory, service.root)
    one.register()
    return one


@pytest.fixture
def stranger(service):
    """A client without an account."""
    return Client(service.directory, service.root)


@pytest.fixture(scope="session")
def member(service):
    """A client with an account that all tests share whose requests are refused."""
    one = Client(service.directory, service.root)
    one.register()
    return one


@pytest.fixture(scope="session")
def watch(service):
    return Watch(service)


@pytest.fixture
def nothing_changes(watch, member):
    """Neither accounts, orders nor certificates are others after the test than before."""
    before = watch.look()
    yield
    assert watch.look() == before


@pytest.fixture
def raw(service):
    """Sends bytes over TLS and returns all that comes until the server closes or `seconds` pass."""

    def go(data, seconds=5):
        context = ssl.create_default_context(cafile=str(service.root))
        with socket.create_connection(("127.0.0.1", service.https), timeout=seconds) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(data)
                got = b""
                try:
                    while chunk := tls.recv(65536):
                        got += chunk
                except TimeoutError:
                    pass
                return got

    return go
