"""The whole application against a sandbox behind a relay that stamps what passes: its start, and its first request."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

from tests.benchmarks.measure import Figures
from tests.benchmarks.session import ROOT, Session


class Relay:
    """Passes bytes on both ways. ``posts`` are the times at which a POST of a message began to arrive."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.posts: list[float] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(self._target)
                threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, outward: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if outward and data.startswith(b"POST ") and b"/messages" in data.split(b"\r\n", 1)[0]:
                    self.posts.append(time.monotonic())
                sink.sendall(
                    data.replace(f"127.0.0.1:{self.port}".encode(), "{}:{}".format(*self._target).encode()) if outward else data
                )
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """No more connections."""
        self._server.close()


def _hello() -> float:
    session = Session.of("hello")
    try:
        return session.ready() * 1000
    finally:
        session.close()


def application() -> Figures:
    """From the start to the first echoed letter, memory, idleness; from Enter on the first message to its request.

    A processor changes its pace within a run by more than the figures differ: hello is started right before and right after.
    """
    sandbox = subprocess.Popen(
        [sys.executable, "-m", "app", "sandbox", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    assert sandbox.stdout is not None
    ready = json.loads(sandbox.stdout.readline())
    address = urlsplit(ready["codeer"]["base"])
    relay = Relay(address.hostname or "127.0.0.1", address.port or 80)
    base = f"http://127.0.0.1:{relay.port}{address.path}"
    hello = _hello()
    session = Session([sys.executable, "-m", "app"], {"CODEER_API_KEY": ready["codeer"]["key"], "CODEER_API_BASE": base})
    try:
        figures = {"app start ms": session.ready() * 1000}
        hello = (hello + _hello()) / 2
        figures["app start by hello"] = figures["app start ms"] / hello
        session.wait_for("Parrot", 10)
        time.sleep(1.0)
        figures["app memory MB"] = session.memory()
        cpu, size, began = session.cpu(), session.size, time.monotonic()
        time.sleep(4.0)
        figures["app idle cpu %"] = 100 * (session.cpu() - cpu) / (time.monotonic() - began)
        figures["app idle bytes/s"] = (session.size - size) / (time.monotonic() - began)
        session.send("\x05\x15")
        session.wait_for("Type a name", 5)
        session.send("parrot")
        session.wait_for("1 of 5", 5)
        session.send("\r")
        session.wait_for("Write a message", 10)
        session.quiet(0.5)
        session.send("polly")
        session.wait_for("polly", 5)
        entered = session.send("\r")
        session.wait(lambda: relay.posts, 10)
        if relay.posts:
            figures["app request ms"] = 1000 * (relay.posts[0] - entered)
            figures["app request by hello"] = figures["app request ms"] / hello
        return figures
    finally:
        session.close()
        relay.close()
        sandbox.terminate()
        sandbox.wait(5)
