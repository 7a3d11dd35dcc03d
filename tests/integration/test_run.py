"""./run as its user meets it: on a terminal, stopped with Ctrl-C, or killed."""
import os
import pathlib
import pty
import select
import signal
import subprocess

import pytest
from acme_client import free_port
from service import AVOW, ROOT, listening, wait_for

BUILD = pathlib.Path(AVOW).resolve().parent


class Run:
    """./run on a terminal of its own; what it prints is collected in `text`."""

    def __init__(self, folder):
        if not (BUILD / "build.ninja").exists():
            pytest.skip("AVOW is not in a build folder")
        self.https, self.text = free_port(), ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # what is started with & by a script ignores it, and so do its children
            os.execve(ROOT / "run", ["./run", "--dir", f"{folder}/ca", "--set", f"listen.https=127.0.0.1:{self.https}",
                                     "--set", f"listen.http=127.0.0.1:{free_port()}"], {**os.environ, "BUILD": str(BUILD)})
        while f"cert list --dir {folder}/ca" not in self.text:
            assert self.read(), self.text

    def read(self):
        """Takes what comes; False: the terminal is closed."""
        assert select.select([self.terminal], [], [], 60)[0], f"nothing for a minute after\n{self.text}"
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def end(self):
        """Reads to the end; the exit status."""
        while self.read():
            pass
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.parametrize("how", ["ctrl-c", "SIGINT", "SIGTERM"])
def test_one_signal_stops_it_with_patience(tmp_path, how):
    run = Run(tmp_path)
    assert f"ready https://localhost:{run.https}/directory" in run.text
    if how == "ctrl-c":
        os.write(run.terminal, b"\x03")
    else:
        os.kill(run.pid, signal.Signals[how])
    assert run.end() == 0, run.text
    assert "ca.stopping" in run.text
    # Asked once, the supervisor lets every role end by itself, and nobody is told of anything amiss.
    assert "role.died" not in run.text and "level=warn" not in run.text, run.text


def test_its_end_is_the_servers(tmp_path):
    run = Run(tmp_path)
    os.kill(run.pid, signal.SIGKILL)
    wait_for(lambda: not listening(run.https), "the end of the server")
    assert run.end() == -signal.SIGKILL


@pytest.mark.parametrize("args", [["--bogus"], ["--dir"], ["--set"], ["extra"]])
def test_wrong_usage(args):
    done = subprocess.run([ROOT / "run", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 2 and done.stdout == "" and "usage: ./run" in done.stderr
