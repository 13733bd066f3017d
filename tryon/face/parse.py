"""The oracle face parser: MediaPipe's own Tasks API, only for comparison and for tests.

It turns pictures into faces like `parse_fast`; it is never used by default, because MediaPipe 1.x
reports usage metrics to its vendor (Google) over the network and offers no switch to stop it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tryon.errors import EngineError, MissingExtraError
from tryon.face.bundle import bundle_path
from tryon.face.parser import ParserConfig, checked_image
from tryon.face.pose import estimate_pose
from tryon.types import Face, Frame, UInt8


class MediaPipeParser:
    """MediaPipe FaceLandmarker: video mode for `parse`, image mode for `detect`.

    Privacy: MediaPipe 1.x collects performance and usage metrics and sends them to Google; whoever
    uses this parser must tell their users. `FastParser` runs the same networks without it.

    Two properties differ from `FastParser`: with `max_faces=1` MediaPipe smooths the landmarks of
    a stream itself, and it gives no presence score, so `confidence` is always 1.

    Raises:
        MissingExtraError: mediapipe is not installed.
        WeightsError: the networks are missing or damaged.
    """

    name = "mediapipe"

    def __init__(self, config: ParserConfig | None = None) -> None:
        try:
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision
        except ImportError as error:
            raise MissingExtraError(
                'mediapipe is not installed; run: pip install "tryon[mediapipe]"'
            ) from error
        self._mediapipe: Any = mediapipe
        self._vision: Any = vision
        self._base = BaseOptions(model_asset_path=str(bundle_path()))
        self._config = config or ParserConfig()
        self._stream: Any = None
        self._still: Any = None
        self._clock = 0  # ms, of the last frame
        self._closed = False

    def parse(self, frame: Frame) -> tuple[Face, ...]:
        """Parse the next picture of a stream; see `FaceParser.parse`."""
        image = self._wrap(frame.image)
        if self._stream is None:
            self._stream = self._open(self._vision.RunningMode.VIDEO)
        stamp = frame.captured_at / 1e6 if frame.pts is None else float(frame.pts * 1000)
        self._clock = max(self._clock + 1, int(stamp))  # MediaPipe refuses time that stands still
        return self._faces(self._stream.detect_for_video(image, self._clock), frame.image)

    def detect(self, image: UInt8) -> tuple[Face, ...]:
        """Parse one still; see `FaceParser.detect`."""
        picture = self._wrap(image)
        if self._still is None:
            self._still = self._open(self._vision.RunningMode.IMAGE)
        return self._faces(self._still.detect(picture), image)

    def reset(self) -> None:
        """Forget the stream."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._clock = 0

    def close(self) -> None:
        """Free the networks."""
        self.reset()
        if self._still is not None:
            self._still.close()
        self._still = None
        self._closed = True

    def _open(self, mode: Any) -> Any:
        options = self._vision.FaceLandmarkerOptions(
            base_options=self._base,
            running_mode=mode,
            num_faces=self._config.max_faces,
            min_face_detection_confidence=self._config.min_detection,
            min_face_presence_confidence=self._config.min_presence,
        )
        return self._vision.FaceLandmarker.create_from_options(options)

    def _wrap(self, image: UInt8) -> Any:
        if self._closed:
            raise EngineError("the face parser is closed; make a new MediaPipeParser")
        data = checked_image(image)
        return self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=data)

    def _faces(self, result: Any, image: UInt8) -> tuple[Face, ...]:
        height, width = image.shape[:2]
        faces = []
        for points in result.face_landmarks:
            landmarks = np.array([(p.x, p.y, p.z) for p in points], np.float32)
            landmarks *= np.array([width, height, width], np.float32)
            if np.isfinite(landmarks).all():
                faces.append(Face(landmarks, estimate_pose(landmarks), 1.0))
        return tuple(faces)
