"""What a role that was taken over can still do: in a build that lets a test say what it tries."""
import time

import pytest
from service import Service

ROLES = ["front", "store", "registrar", "validator", "signer", "keeper"]
# A denied call ends the role; these come back with an error instead, because libraries try them in good faith.
SOFT = {
    "open": {"front", "store", "keeper", "validator"},
    "create": {"front", "store", "keeper", "validator"},
    "unix_socket": {"validator"},
    "listen": set(),
    "fastopen": {"validator"},
}
ALLOWED = {("socket", "validator")}


def tried(folder, role, action):
    """The log line of the attempt."""
    service = Service(folder, start=False)
    try:
        service.start(env={"AVOW_TRY": f"{role}:{action}"})
        end = time.time() + 5
        while time.time() < end and f"method={action}" not in service.tail() and "denied system call" not in service.tail():
            time.sleep(0.05)
    except AssertionError:
        pass  # the role ended before it had served once: so does the CA
    finally:
        log = service.tail(20000)
        if service.process:
            service.process.terminate()
            service.process.wait(30)
    return log


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ["open", "create", "socket", "unix_socket", "listen", "fastopen", "exec", "fork", "kill", "ptrace"])
def test_forbidden(tmp_path, role, action):
    log = tried(tmp_path, role, action)
    if (action, role) in ALLOWED:
        assert f"role={role} event=sandbox.tried method={action}" in log and "error=none" in log
    elif role in SOFT.get(action, set()):
        assert f"role={role} event=sandbox.tried method={action} status=-1 error=E" in log, log
    elif action == "listen" and role == "validator":
        assert f"avow: {role}: denied system call" in log or "status=-1 error=EACCES" in log, log
    else:
        assert f"avow: {role}: denied system call" in log, log
