"""An HTTPS server on this machine that offers HTTP/2 or HTTP/1.1, and records which protocol each request used."""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TlsServer:
    """A server that answers every request with the same JSON document.

    With `fault`, the server fails every request over HTTP/2: `goaway` closes the connection, `reset` resets the stream, `cut`
    sends only the beginning of the body, and `garbage` sends bytes that are not HTTP/2.

    Attributes:
        url: the address of the server.
        used_protocols: the protocol of each request so far: `h2` or `http/1.1`.
        user_agents: the User-Agent of each request over HTTP/2.
        connections: the number of connections that clients have opened.
    """

    def __init__(self, folder: Path, offered_protocols: list[str], document: Any, fault: str = "") -> None:
        self._fault = fault
        self.used_protocols: list[str] = []
        self.user_agents: list[str] = []
        self.connections = 0
        self._body = json.dumps(document).encode()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*_certificate(folder))
        self._context.set_alpn_protocols(offered_protocols)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Accept connections until the socket is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(connection, server_side=True) as tls:
            if tls.selected_alpn_protocol() == "h2":
                self._answer_http2(tls)
            else:
                self._answer_http1(tls)

    def _answer_http1(self, tls: ssl.SSLSocket) -> None:
        while tls.recv(65536):
            self.used_protocols.append("http/1.1")
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self._body) + self._body)

    def _answer_http2(self, tls: ssl.SSLSocket) -> None:
        http2 = H2Connection(H2Configuration(client_side=False))
        http2.initiate_connection()
        tls.sendall(http2.data_to_send())
        while data := tls.recv(65536):
            for event in http2.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers = {bytes(name).decode(): bytes(value).decode() for name, value in event.headers}
                    self.used_protocols.append("h2")
                    self.user_agents.append(headers["user-agent"])
                    if self._fault:
                        self._fail(tls, http2, event.stream_id)
                        return
                    http2.send_headers(event.stream_id, [(":status", "200")])
                    http2.send_data(event.stream_id, self._body, end_stream=True)
            tls.sendall(http2.data_to_send())

    def _fail(self, tls: ssl.SSLSocket, http2: H2Connection, stream_id: int) -> None:
        if self._fault == "goaway":
            http2.close_connection(error_code=11)
        elif self._fault == "reset":
            http2.reset_stream(stream_id, error_code=2)
        elif self._fault == "cut":
            http2.send_headers(stream_id, [(":status", "200")])
            http2.send_data(stream_id, self._body[:5])
        else:
            tls.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        tls.sendall(http2.data_to_send())


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Create a certificate for `localhost`, and return the files of the certificate and of its private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file


@contextmanager
def tls_server(
    folder: Path, offered_protocols: list[str], document: Any, fault: str = ""
) -> Iterator[TlsServer]:
    """Run a server during the `with` block. Clients must trust the certificate `certificate.pem` in `folder`.

    Args:
        folder: the folder in which the certificate is created.
        offered_protocols: the protocols that the server accepts, such as `["h2", "http/1.1"]`.
        document: the JSON document that answers every request.
        fault: the fault of the server over HTTP/2, see `TlsServer`; empty for none.
    """
    server = TlsServer(folder, offered_protocols, document, fault)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
