"""What the server says no to, in words for the person at the page, with the status for HTTP."""

from __future__ import annotations

from tryon import TryOnError


class RefusedError(TryOnError):
    """A request that is not carried out.

    Attributes:
        status: HTTP status code.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
