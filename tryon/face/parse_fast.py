"""The default face parser: MediaPipe's networks run by OpenVINO on the CPU, with our own tracking.

It turns pictures into faces, agrees with MediaPipe to a few hundredths of a pixel on a still, and
never smooths, opens a socket, or writes anything but a temporary folder while it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tryon._openvino import load_openvino, open_core
from tryon.errors import EngineError
from tryon.face import bundle, detector
from tryon.face.parser import ParserConfig, checked_image
from tryon.face.pose import estimate_pose
from tryon.face.roi import Roi
from tryon.face.views import views
from tryon.types import Face, Float32, Frame, UInt8

CROP = 256  # px, side of the landmark network's input
CLOSER = 2  # closer views searched a frame while no face is known; all of them take a second or so
OVERLAP = 0.3  # IoU of regions above which two of them show one face


class FastParser:
    """Detector and landmark network with region-of-interest tracking.

    The detector runs only while fewer than `max_faces` are followed: at once when there is none or
    one was just lost, else every `detect_every` frames. It looks at the whole frame and, while that
    shows no face, at closer views in turn.

    Raises:
        WeightsError: the networks are missing or damaged.
        EngineError: OpenVINO cannot load them.
    """

    name = "fast"

    def __init__(self, config: ParserConfig | None = None) -> None:
        self._config = config or ParserConfig()
        threads = self._config.threads
        self._detector: _Network | None = _Network("face_detector", detector.SIZE, threads, -1.0)
        self._landmarker: _Network | None = _Network("face_landmarks_detector", CROP, threads, 0.0)
        self._rois: list[Roi] = []
        self._since_search = 0
        self._looked = 0  # closer views so far

    def parse(self, frame: Frame) -> tuple[Face, ...]:
        """Parse the next picture of a stream; see `FaceParser.parse`."""
        image = checked_image(frame.image)
        faces = self._read(image, self._rois)
        self._since_search += 1
        missing = len(faces) < max(len(self._rois), 1)
        due = missing or self._since_search >= self._config.detect_every
        if due and len(faces) < self._config.max_faces:
            self._since_search = 0
            faces = self._search(image, Roi.of_frame(*image.shape[1::-1]), faces)
            for _ in range(CLOSER):
                if not faces:
                    faces = self._search(image, self._next_view(image))
        self._rois = [Roi.of_landmarks(face.landmarks) for face in faces]
        return tuple(faces)

    def detect(self, image: UInt8) -> tuple[Face, ...]:
        """Parse one still, best detection first; see `FaceParser.detect`."""
        image = checked_image(image)
        for level in views(*image.shape[1::-1]):
            faces: list[Face] = []
            for view in level:
                if len(faces) < self._config.max_faces:
                    faces = self._search(image, view, faces)
            if faces:
                return tuple(faces)
        return ()

    def reset(self) -> None:
        """Forget the stream."""
        self._rois = []
        self._since_search = 0

    def close(self) -> None:
        """Free the networks."""
        self._detector = self._landmarker = None
        self.reset()

    def _next_view(self, image: UInt8) -> Roi:
        """The closer views of a frame, one after the other."""
        levels = views(*image.shape[1::-1])
        closer = [view for level in levels[1:] for view in level] or list(levels[0])
        self._looked += 1
        return closer[self._looked % len(closer)]

    def _search(self, image: UInt8, view: Roi, known: Sequence[Face] = ()) -> list[Face]:
        """Add the faces that the detector finds in a view where none is known."""
        network = _alive(self._detector)
        view.crop(image, network.input, replicate=False)
        regressors, logits = network.run()[:2]
        found = detector.decode(regressors[0], logits[0, :, 0], self._config.min_detection)
        affine = view.to_frame(detector.SIZE)
        taken = [Roi.of_landmarks(face.landmarks) for face in known]
        rois = [Roi.of_detection(detection.mapped(affine)) for detection in found]
        fresh = [roi for roi in rois if all(roi.iou(other) < OVERLAP for other in taken)]
        return self._read(image, fresh[: self._config.max_faces - len(known)], known)

    def _read(self, image: UInt8, rois: list[Roi], known: Sequence[Face] = ()) -> list[Face]:
        """Read the landmarks of each region; add those that show a face not known yet."""
        faces = list(known)
        taken = [Roi.of_landmarks(face.landmarks) for face in faces]
        for roi in rois:
            face = self._landmarks(image, roi)
            if face is None:
                continue
            where = Roi.of_landmarks(face.landmarks)
            # Two regions can slide onto one face; the one followed longer keeps it.
            if where.usable and all(where.iou(other) < OVERLAP for other in taken):
                faces.append(face)
                taken.append(where)
        return faces

    def _landmarks(self, image: UInt8, roi: Roi) -> Face | None:
        """Read one face, or None when the region shows none."""
        if not roi.usable:
            return None
        network = _alive(self._landmarker)
        roi.crop(image, network.input, replicate=True)
        raw, logit = network.run()[:2]
        presence = float(detector.sigmoid(logit.reshape(-1))[0])
        landmarks = roi.landmarks(raw.reshape(-1, 3), CROP)
        if not presence >= self._config.min_presence or not np.isfinite(landmarks).all():
            return None
        return Face(landmarks, estimate_pose(landmarks), presence)


class _Network:
    """One compiled network that reads a uint8 crop; `input` is the buffer it reads."""

    def __init__(self, name: bundle.Network, size: int, threads: int, low: float) -> None:
        """Compile the network.

        Args:
            name: which network of the bundle.
            size: side of its input, px.
            threads: inference threads.
            low: what black becomes (0 or -1); white becomes 1.

        Raises:
            EngineError: OpenVINO refuses it.
        """
        ov = load_openvino()

        try:
            core = open_core()
            with TemporaryDirectory(prefix="tryon-") as folder:  # it reads TFLite from files only
                path = Path(folder) / f"{name}.tflite"
                path.write_bytes(bundle.network(name))
                model = core.read_model(path)
            model.reshape([1, size, size, 3])
            steps = ov.preprocess.PrePostProcessor(model)
            steps.input().tensor().set_element_type(ov.Type.u8)
            scale = 255 / (1 - low)
            convert = steps.input().preprocess().convert_element_type(ov.Type.f32)
            convert.mean(-low * scale).scale(scale)
            # bf16 moves landmarks by a third of a pixel, so the runtime must not choose it; f16
            # moves them too, and took longer on the CPUs that have it.
            compiled = core.compile_model(
                steps.build(),
                "CPU",
                {
                    "PERFORMANCE_HINT": "LATENCY",
                    "NUM_STREAMS": 1,
                    "INFERENCE_NUM_THREADS": threads,
                    "INFERENCE_PRECISION_HINT": "f32",
                },
            )
            self._request: Any = compiled.create_infer_request()
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO cannot load {name} ({error}); reinstall it: pip install -U openvino"
            ) from error
        self.input: UInt8 = self._request.get_input_tensor().data[0]
        count = len(compiled.outputs)
        self._outputs = [self._request.get_output_tensor(i).data for i in range(count)]

    def run(self) -> list[Float32]:
        """Run on what `input` holds; the outputs are valid until the next run."""
        self._request.infer()
        return self._outputs


def _alive(network: _Network | None) -> _Network:
    if network is None:
        raise EngineError("the face parser is closed; make a new FastParser")
    return network
