"""A line of TCP to a server that can be cut without a word, and led elsewhere."""

import contextlib
import itertools
import socket
import threading


class Wire:
    """Forwards connections from a port of its own; while it is cut nothing comes through, and nothing is closed."""

    def __init__(self, port: int) -> None:
        self._targets = itertools.cycle([port])
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """From now on every byte stays on the way, and so does the beginning of every connection."""
        self._flows.clear()

    def mend(self) -> None:
        """Let what was on the way arrive."""
        self._flows.set()

    def lead_to(self, *ports: int) -> None:
        """Close what is open; new connections go to these ports in turn."""
        self._targets = itertools.cycle(ports)
        for each in self._sockets.copy():
            shut(each)

    def close(self) -> None:
        self.mend()
        shut(self._listener)
        self._listener.close()
        self.lead_to(0)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener's end
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._flows.wait()
        with near:
            try:
                far = socket.create_connection(("127.0.0.1", next(self._targets)))
            except OSError:
                return
            with far:
                self._sockets |= {near, far}
                back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
                back.start()
                self._pump(near, far)
                back.join()
                self._sockets -= {near, far}

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        self._flows.wait()
        shut(sink)
        shut(source)


def shut(each: socket.socket) -> None:
    """End both directions; a socket that is closed already stays so."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
