"""TLS in front of a PostgreSQL that has none: what a client meets on the wire is the real thing."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HOST = "127.0.0.1"
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
IDLE_SECONDS = 30.0


@contextmanager
def postgres_tls(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """Give the port of a server that takes TLS only, and hands what is inside to `port`."""
    threads: list[threading.Thread] = []
    with socket.create_server((HOST, 0)) as listener:

        def accept() -> None:
            with suppress(OSError):  # the listener is shut
                while True:
                    client, _ = listener.accept()
                    threads.append(threading.Thread(target=_serve, args=(context, client, port)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for thread in threads:
        thread.join()


def server_context(certificate: str, key: str, client_ca: str | None) -> ssl.SSLContext:
    """Return a server's context; with an authority, clients must show a certificate of it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _serve(context: ssl.SSLContext, client: socket.socket, port: int) -> None:
    # a client that has gone, or was not let in, is no concern of the proxy's
    with client, suppress(OSError):
        client.settimeout(IDLE_SECONDS)
        if client.recv(len(SSL_REQUEST), socket.MSG_WAITALL) != SSL_REQUEST:
            return
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as outer,
            socket.create_connection((HOST, port)) as inner,
        ):
            _pump(outer, inner)


def _pump(outer: ssl.SSLSocket, inner: socket.socket) -> None:
    """Pass bytes both ways, in one thread, until either side ends."""
    while True:
        both: list[socket.socket] = [outer, inner]
        ready = [outer] if outer.pending() else select.select(both, [], [], IDLE_SECONDS)[0]
        if not ready:
            return
        for source in ready:
            data = source.recv(65_536)
            if not data:
                return
            (inner if source is outer else outer).sendall(data)
