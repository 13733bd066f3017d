"""`TryOnSession`: the one place that knows the order of the stages.

Frame -> parse -> track -> unwrap -> student -> smooth -> gate -> composite -> frame. It moves no
frames by itself: cameras, files and windows are the caller's.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from tryon.engines.base import Engine, PreparedLook, stack_texture
from tryon.engines.choose import choose
from tryon.errors import ConfigError, ImageError, SessionClosedError
from tryon.face.parser import FaceParser, ParserConfig
from tryon.face.track import FaceTracker, TrackConfig
from tryon.face.unwrap import unwrap_face
from tryon.layer.composite import composite_layer, warm_up
from tryon.layer.gate import FadeConfig, check_intensity, fade, gate_layer
from tryon.layer.smooth import STILLS, LayerSmoother, SmoothConfig
from tryon.look.look import FULL, Look
from tryon.types import (
    REGIONS,
    Face,
    Frame,
    MakeupLayer,
    StageTimings,
    TryOnResult,
    UInt8,
)

MIN_SIDE, MAX_SIDE = 64, 8192


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Settings of a session."""

    backend: str = "auto"  # auto, openvino, torch
    parser: str = "fast"  # fast, mediapipe
    max_faces: int = 1  # 1..4
    threads: int = 2  # CPU threads for the networks
    stills: bool = False  # each picture is taken for itself: nothing is remembered or smoothed
    track: TrackConfig = field(default_factory=TrackConfig)
    smooth: SmoothConfig = field(default_factory=SmoothConfig)
    fade: FadeConfig = field(default_factory=FadeConfig)

    def __post_init__(self) -> None:
        if self.parser not in ("fast", "mediapipe"):
            raise ConfigError(f"parser is {self.parser!r}; choose fast or mediapipe")


class TryOnSession:
    """Wears a look on a stream of frames.

    One thread calls `process`; `set_look`, `set_intensity` and `close` may come from any thread
    and take effect at a frame border.
    """

    def __init__(self, look: Look | None = None, config: SessionConfig | None = None) -> None:
        """Load the networks.

        Args:
            look: to wear from the first frame; None passes frames through until `set_look`.
            config: settings.

        Raises:
            WeightsError, EngineError: the networks cannot be loaded.
            MissingExtraError: the chosen parser or backend is not installed.
        """
        self.config = config or SessionConfig()
        # Side by side: both spend their time outside Python.
        with ThreadPoolExecutor(1, "tryon-load") as pool:
            parser = pool.submit(_open_parser, self.config)
            self._engine: Engine = choose(self.config.backend, threads=self.config.threads)
            warm_up(self._engine.size)
            self._parser = parser.result()
        self._tracker = FaceTracker(self.config.track)
        self._smoother = LayerSmoother(STILLS if self.config.stills else self.config.smooth)
        self._busy = threading.RLock()  # held while a frame is in work
        self._lock = threading.Lock()  # held while look and intensities change
        self._closed = False
        self._index = 0
        self._last_seconds = -np.inf
        self._look: Look | None = None
        self._prepared: PreparedLook | None = None
        self._intensities = FULL
        if look is not None:
            self.set_look(look)

    @property
    def backend(self) -> str:
        """Engine and parser in use."""
        return f"{self._engine.name} + {self._parser.name}"

    @property
    def look(self) -> Look | None:
        """The look being worn."""
        return self._look

    @property
    def intensities(self) -> tuple[float, ...]:
        """Intensity of each of REGIONS."""
        return self._intensities

    def set_look(self, look: Look | None) -> None:
        """Wear another look, or none, from the next frame on; takes the look's intensities.

        Raises:
            SessionClosedError: after `close`.
        """
        self._check_open()
        prepared = None if look is None else self._engine.prepare(look.texture)
        with self._lock:
            self._look, self._prepared = look, prepared
            self._intensities = FULL if look is None else look.intensities

    def set_intensity(self, region: str, value: float) -> None:
        """Set the intensity of a region, or of `all`; 0 is bit-identical, at most 1.5.

        Raises:
            ConfigError: unknown region or value out of range.
        """
        value = check_intensity(region, value)
        with self._lock:
            self._intensities = tuple(
                value if region in (name, "all") else old
                for name, old in zip(REGIONS, self._intensities, strict=True)
            )

    def reset(self) -> None:
        """Forget the faces seen so far, as after a seek or a cut."""
        with self._busy:
            self._parser.reset()
            self._tracker.reset()
            self._smoother.reset()
            self._last_seconds = -np.inf

    def process(self, frame: UInt8 | Frame) -> TryOnResult:
        """Put the look on one frame.

        Args:
            frame: (H, W, 3) uint8 RGB from 64x64 to 8192 a side, or a `Frame` with its time.

        Returns:
            The result; its image is the input array itself when nothing was painted.

        Raises:
            SessionClosedError: after `close`.
            ImageError: not such an array.
        """
        with self._busy:
            self._check_open()
            return self._process(self._as_frame(frame))

    def _process(self, frame: Frame) -> TryOnResult:
        if self.config.stills:
            self.reset()
        with self._lock:
            look, prepared, intensities = self._look, self._prepared, self._intensities
        clock = _Clock()
        seconds = self._seconds(frame)  # before parsing: a seek makes the parser look anew
        faces = self._parser.parse(frame)
        clock.lap("parse")
        faces = self._tracker.update(faces, seconds)
        clock.lap("track")
        image = frame.image
        if look is not None and prepared is not None and any(intensities):
            shares = [fade(face, self.config.fade) for face in faces]
            shown = [(f, s) for f, s in zip(faces, shares, strict=True) if s > 0]
            if shown:
                image = self._wear(frame, shown, look, prepared, intensities, seconds, clock)
        return TryOnResult(image, faces, clock.timings(), self.backend)

    def close(self) -> None:
        """Free the networks once the frame in work is done; may be called twice."""
        with self._busy:
            if not self._closed:
                self._closed = True
                self._parser.close()
                self._engine.close()

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosedError("the session is closed; open a new TryOnSession")

    def __enter__(self) -> TryOnSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wear(
        self,
        frame: Frame,
        shown: list[tuple[Face, float]],
        look: Look,
        prepared: PreparedLook,
        intensities: tuple[float, ...],
        seconds: float,
        clock: _Clock,
    ) -> UInt8:
        textures = [unwrap_face(frame.image, face, look.size) for face, _ in shown]
        clock.lap("unwrap")
        stacked = np.concatenate([stack_texture(t, self._engine.size) for t in textures])
        predicted = self._engine(stacked, prepared)
        clock.lap("student")
        layers = []
        for (face, share), texture, affine in zip(shown, textures, predicted, strict=True):
            if not np.isfinite(affine).all():
                continue  # a broken prediction leaves the face as it is
            layer = MakeupLayer(affine, frame.index, look.digest)
            layer, appeared = self._smoother.update(
                face.track_id, layer, texture.visibility, seconds
            )
            layers.append((face, layer, texture.visibility, share * appeared))
        clock.lap("smooth")
        if not layers:
            return frame.image
        image = frame.image.copy()
        for face, layer, visibility, share in layers:
            composite_layer(image, face, gate_layer(layer, visibility, intensities, share))
        clock.lap("composite")
        return image

    def _as_frame(self, frame: UInt8 | Frame) -> Frame:
        if not isinstance(frame, Frame):
            frame = Frame(frame, self._index, None, time.monotonic_ns())
        image = frame.image
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
            raise ImageError("a frame must be a (H, W, 3) uint8 RGB array")
        height, width, channels = image.shape
        if channels != 3 or min(height, width) < MIN_SIDE or max(height, width) > MAX_SIDE:
            raise ImageError(
                f"a frame of shape {image.shape} cannot be used; give RGB, "
                f"{MIN_SIDE} to {MAX_SIDE} px a side"
            )
        self._index = frame.index + 1
        return frame

    def _seconds(self, frame: Frame) -> float:
        """Time of the frame, never running backwards whatever the source's clock does."""
        # A frame that tells no time was captured just now.
        captured = frame.captured_at or time.monotonic_ns()
        given = float(frame.pts) if frame.pts is not None else captured / 1e9
        if given < self._last_seconds - 1.0:
            self.reset()  # a seek: what was tracked is of another place
        elif given <= self._last_seconds:
            given = self._last_seconds + 1e-3
        self._last_seconds = given
        return given


class _Clock:
    """Collects the stages' wall times."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = (now - self._last) * 1e3
        self._last = now

    def timings(self) -> StageTimings:
        return StageTimings(**self._laps, total=(time.perf_counter() - self._start) * 1e3)


def _open_parser(config: SessionConfig) -> FaceParser:
    settings = ParserConfig(max_faces=config.max_faces, threads=config.threads)
    if config.parser == "mediapipe":
        from tryon.face.parse import MediaPipeParser

        return MediaPipeParser(settings)
    from tryon.face.parse_fast import FastParser

    return FastParser(settings)
