"""The proxy in front of a server: open, stalled, reset."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.chaos.faulty_proxy import FaultyProxy


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(10)
        yield listening


@pytest.fixture
def proxy(server: socket.socket) -> Iterator[FaultyProxy]:
    made = FaultyProxy()
    made.open(server.getsockname()[1])
    yield made
    made.close()


@pytest.fixture
def ends(server: socket.socket, proxy: FaultyProxy) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's end and the server's end of a connection through the proxy."""
    with closing(socket.create_connection(("127.0.0.1", proxy.port), 10)) as client:
        accepted, _ = server.accept()
        with closing(accepted):
            accepted.settimeout(10)
            client.sendall(b"!")
            assert accepted.recv(1) == b"!"  # the proxy stands open by now
            yield client, accepted


def test_what_is_sent_passes_both_ways(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    client.sendall(b"to")
    assert server.recv(9) == b"to"
    server.sendall(b"from")
    assert client.recv(9) == b"from"


def test_jammed_nothing_passes_until_it_is_free_again(
    proxy: FaultyProxy, ends: tuple[socket.socket, socket.socket]
) -> None:
    client, server = ends
    proxy.stall()
    client.sendall(b"late")
    server.settimeout(0.3)
    with pytest.raises(TimeoutError):
        server.recv(9)
    proxy.resume()
    server.settimeout(10)
    assert server.recv(9) == b"late"


def test_after_a_reset_both_ends_are_cut_off(proxy: FaultyProxy, ends: tuple[socket.socket, socket.socket]) -> None:
    proxy.reset()
    for end in ends:
        with pytest.raises(ConnectionResetError):
            end.recv(9)
