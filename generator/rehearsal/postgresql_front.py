"""What stands before a rehearsal's PostgreSQL and speaks as RDS does: TLS for every connection, and IAM's tokens.

The PostgreSQL of the wheels can do neither. A client sees no difference: it asks for TLS with PostgreSQL's own request,
it can verify the certificate to the full, and it is refused without TLS, as by `rds.force_ssl`. A user that is a member
of `rds_iam` gives a token of IAM where others give a password.
https://www.postgresql.org/docs/16/protocol-flow.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
SSL_REQUEST, GSS_ENCRYPTION_REQUEST = 80877103, 80877104
AUTHENTICATION_OK = struct.pack("!cII", b"R", 8, 0)
CLEARTEXT_PASSWORD_WANTED = struct.pack("!cII", b"R", 8, 3)
LONGEST_MESSAGE = 65536
CHUNK = 65536

TokenCheck = Callable[[str, str], bool]
"""Whether a user (first) may log in with a token (second)."""


class PostgreSqlFront:
    """A listener on a free port of 127.0.0.1 that passes connections on to a PostgreSQL's socket."""

    def __init__(self, socket: Path, tls: ssl.SSLContext, token_is_good: TokenCheck) -> None:
        self.port = 0
        self._socket = socket
        self._tls = tls
        self._token_is_good = token_is_good
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        """Close the listener and every connection."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for each in connections:
            each.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        # A client that leaves, or does not trust us, is no matter for anybody else; nor is the end of the server.
        with (
            contextlib.closing(to_client),
            contextlib.suppress(OSError, EOFError, ssl.SSLError, asyncio.CancelledError),
        ):
            first = await _first_message(client)
            while _code(first) == GSS_ENCRYPTION_REQUEST:
                to_client.write(b"N")
                first = await _first_message(client)
            if _code(first) != SSL_REQUEST:
                to_client.write(_refusal("28000", "no pg_hba.conf entry for host, no encryption"))
                await to_client.drain()
                return
            to_client.write(b"S")
            await to_client.start_tls(self._tls)
            server, to_server = await asyncio.open_unix_connection(str(self._socket))
            with contextlib.closing(to_server):
                if await self._admitted(client, to_client, server, to_server):
                    await _pass_on(client, to_client, server, to_server)

    async def _admitted(
        self,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> bool:
        """Pass on who the client is; where the server lets that user in at once, ask for the token instead of it."""
        startup = await _first_message(client)
        to_server.write(startup)
        answer = await server.read(len(AUTHENTICATION_OK))
        if answer == AUTHENTICATION_OK:
            to_client.write(CLEARTEXT_PASSWORD_WANTED)
            user = _user(startup)
            if not self._token_is_good(user, await _password(client)):
                to_client.write(_refusal("28000", f'PAM authentication failed for user "{user}"'))
                await to_client.drain()
                return False
        to_client.write(answer)
        return True


async def _first_message(reader: asyncio.StreamReader) -> bytes:
    """Read a message of the kind that has no type: how a client begins."""
    head = await reader.readexactly(4)
    return head + await reader.readexactly(_rest(head))


async def _password(reader: asyncio.StreamReader) -> str:
    kind, head = await reader.readexactly(1), await reader.readexactly(4)
    content = await reader.readexactly(_rest(head))
    return content.rstrip(b"\0").decode(errors="replace") if kind == b"p" else ""


def _rest(head: bytes) -> int:
    """Return how much of a message follows its length, which counts itself."""
    length = int(struct.unpack("!I", head)[0])
    if not 4 <= length <= LONGEST_MESSAGE:
        raise EOFError("not a message of PostgreSQL's protocol")
    return length - 4


def _code(message: bytes) -> int:
    return int(struct.unpack("!I", message[4:8].ljust(4, b"\0"))[0])


def _user(startup: bytes) -> str:
    fields = startup[8:].split(b"\0")
    return dict(zip(fields[::2], fields[1::2], strict=False)).get(b"user", b"").decode(errors="replace")


def _refusal(code: str, message: str) -> bytes:
    fields = "".join(
        f"{kind}{value}\0" for kind, value in (("S", "FATAL"), ("V", "FATAL"), ("C", code), ("M", message))
    )
    content = fields.encode() + b"\0"
    return b"E" + struct.pack("!I", len(content) + 4) + content


async def _pass_on(
    client: asyncio.StreamReader,
    to_client: asyncio.StreamWriter,
    server: asyncio.StreamReader,
    to_server: asyncio.StreamWriter,
) -> None:
    """Carry bytes both ways until either side ends."""
    ways = [asyncio.ensure_future(_carry(client, to_server)), asyncio.ensure_future(_carry(server, to_client))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in ways:
            each.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
