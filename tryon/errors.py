"""The family of errors a user can meet: what happened and the remedy, in one line.

Each error also inherits the builtin it resembles, so that `except ValueError` and
`except OSError` keep working for callers who never heard of this package.
"""


class TryOnError(Exception):
    """Base of every error raised on purpose by this package."""


class ConfigError(TryOnError, ValueError):
    """A setting has a value outside its range; the message names field, value and range."""


class ImageError(TryOnError, ValueError):
    """A picture cannot be used: not an image, wrong format, or above the pixel limit."""


class ReferencePhotoError(TryOnError, ValueError):
    """The reference photo cannot give a look: no face, several, profile, or too small."""


class LookFormatError(TryOnError, ValueError):
    """A .look file is malformed, truncated, of another version, or does not match its digest."""


class WeightsError(TryOnError, OSError):
    """Model weights or a bundled network are missing or do not match their SHA-256."""


class EngineError(TryOnError, RuntimeError):
    """An inference engine cannot be loaded or failed while running."""


class MediaError(TryOnError, OSError):
    """A video cannot be read or written."""


class CameraError(TryOnError, OSError):
    """A camera does not open."""


class CameraLostError(CameraError):
    """A camera that was open stopped giving frames."""


class SinkError(TryOnError, OSError):
    """A window, virtual camera or writer cannot take frames."""


class SessionClosedError(TryOnError, RuntimeError):
    """The session was used after `close`."""


class MissingExtraError(TryOnError, ImportError):
    """An optional package is needed; the message gives the pip command."""
