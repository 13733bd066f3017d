"""The session: the one place that knows the order of the stages."""

from tryon.session.config import SessionConfig
from tryon.session.session import TryOnSession

__all__ = ["SessionConfig", "TryOnSession"]
