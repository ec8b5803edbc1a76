"""Ask the application in this container whether it is healthy: exit code 0 if it is. Run by `check-health`."""

from __future__ import annotations

import os
import ssl
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection

SECONDS = 4.0


def main() -> int:
    where = ("127.0.0.1", int(os.environ["PORT"]))
    connection = HTTPConnection(*where, timeout=SECONDS)
    if os.environ.get("TARGET_PROTOCOL") == "HTTPS":
        # It signed its certificate itself; the question is whether it answers.
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(*where, timeout=SECONDS, context=unverified)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == HTTPStatus.OK else 1
    except (OSError, HTTPException):
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
