"""An S3 client that is watched, and can be stopped in the middle."""

from __future__ import annotations

from typing import Any


class Interrupted(Exception):  # noqa: N818
    """What stops a publisher in the middle."""


class Observed:
    """An S3 client that notes the names of what is put, and stops before the object with a given number."""

    def __init__(self, s3: Any, stop_at: int = -1) -> None:
        self._s3, self._stop_at = s3, stop_at
        self.put: list[str] = []
        self.exceptions = s3.exceptions

    def head_object(self, **request: Any) -> Any:
        return self._s3.head_object(**request)

    def put_object(self, **request: Any) -> Any:
        if len(self.put) == self._stop_at:
            raise Interrupted
        self.put.append(request["Key"].rpartition("/")[2])
        return self._s3.put_object(**request)
