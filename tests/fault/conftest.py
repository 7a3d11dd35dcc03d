import pytest

from service import Names


@pytest.fixture(scope="session")
def names():
    one = Names()
    yield one
    one.stop()
