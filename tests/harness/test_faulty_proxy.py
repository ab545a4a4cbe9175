"""The proxy in front of a server: open, stalled, reset, and losing an answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.harness.faulty_proxy import FaultyProxy


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(10)
        yield listening


@pytest.fixture
def proxy(server: socket.socket) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy()
    proxy.open(server.getsockname()[1])
    yield proxy
    proxy.close()


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


def test_stalled_nothing_passes_until_it_is_resumed(
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


def test_an_answer_is_lost_once_and_nothing_that_was_asked(
    proxy: FaultyProxy, ends: tuple[socket.socket, socket.socket]
) -> None:
    client, server = ends
    proxy.lose(b"done")
    client.sendall(b"done?")
    assert server.recv(9) == b"done?"
    server.sendall(b"soon")
    assert (client.recv(9), proxy.has_lost) == (b"soon", False)
    server.sendall(b"all done")
    with pytest.raises(ConnectionResetError):
        client.recv(9)
    assert proxy.has_lost
