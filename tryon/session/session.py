"""`TryOnSession`: the one place that knows the order of the stages.

Frame -> parse -> track -> unwrap -> student -> smooth -> gate -> composite -> frame. It moves no
frames by itself: cameras, files and windows are the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType

from tryon.engines.choose import choose
from tryon.errors import SessionClosedError
from tryon.face.cut import ShotCounter
from tryon.face.parser import ParserConfig, open_parser
from tryon.face.track import FaceTracker
from tryon.layer.ahead import Draft, smooth_window, windows
from tryon.layer.composite import composite_layer, warm_up
from tryon.layer.gate import gate_layer
from tryon.layer.hold import LayerHold
from tryon.layer.refresh import LayerRefresh
from tryon.layer.smooth import STILLS, LayerSmoother
from tryon.look.look import Look
from tryon.session.config import SessionConfig
from tryon.session.covers import open_covers
from tryon.session.fitting import predict
from tryon.session.intake import Intake
from tryon.session.reading import Reading, Stopwatch
from tryon.session.wardrobe import Wardrobe
from tryon.session.workplace import open_workplace
from tryon.types import Frame, TryOnResult, UInt8


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
            WeightsError, EngineError: the networks or the kernels cannot be loaded.
            MissingExtraError: the chosen parser or backend is not installed.
        """
        self.config = config or SessionConfig()
        settings = ParserConfig(self.config.max_faces, self.config.threads)
        # Side by side: both spend their time outside Python.
        with ThreadPoolExecutor(1, "tryon-load") as pool:
            parser = pool.submit(open_parser, self.config.parser, settings)
            backend, model = self.config.backend, self.config.model
            engine = choose(backend, model, threads=self.config.threads)
            warm_up(engine.size)
            self._workplace = open_workplace(self.config.kernels, engine)
            self._covers = open_covers(self.config.occlusion, self.config.threads)
            self._parser = parser.result()
        self._tracker = FaceTracker(self.config.track)
        smooth = STILLS if self.config.stills else self.config.smooth
        self._smoother = LayerSmoother(smooth, self._workplace.kernels)
        self._hold = LayerHold(self.config.hold)
        self._refresh = LayerRefresh(self.config.refresh)
        self._wardrobe = Wardrobe(engine)
        self._busy = self._workplace.turn
        self._closed = False
        self._intake = Intake()
        if look is not None:
            self.set_look(look)

    @property
    def backend(self) -> str:
        """Engine, kernels and parser in use."""
        place = self._workplace
        return f"{place.engine.name} + {place.kernels.name} kernels + {self._parser.name}"

    @property
    def look(self) -> Look | None:
        """The look that everybody wears who has none of their own."""
        return self._wardrobe.wearing.common.look

    @property
    def intensities(self) -> tuple[float, ...]:
        """Intensity of each of REGIONS in that look."""
        return self._wardrobe.wearing.common.intensities

    def set_look(self, look: Look | None, face: int | None = None) -> None:
        """Wear another look, or none, from the next frame on; takes the look's intensities.

        Args:
            look: what to wear; None is bare.
            face: the `track_id` of one face; None changes everybody.

        Raises:
            SessionClosedError: after `close`.
        """
        self._check_open()
        self._wardrobe.set_look(look, face)

    def set_intensity(self, region: str, value: float, face: int | None = None) -> None:
        """Set the intensity of a region, or of `all`; 0 is bit-identical, at most 1.5.

        Args:
            region: one of REGIONS, or `all`.
            value: 0 none, 1 as photographed.
            face: the `track_id` of one face; None changes everybody.

        Raises:
            ConfigError: unknown region or value out of range.
        """
        self._wardrobe.set_intensity(region, value, face)

    def reset(self) -> None:
        """Forget the faces seen so far, as after a seek or a cut."""
        with self._busy:
            self._parser.reset()
            self._tracker.reset()
            self._smoother.reset()
            self._hold.reset()
            self._refresh.reset()
            if self._covers:
                self._covers.reset()
            self._intake.reset()

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
            if self.config.stills:
                self.reset()
            refresh = None if self.config.stills else self._refresh
            reading = self._read(self._intake.frame(frame), self._tracker, refresh=refresh)
            result = self._paint(reading, self._steadied(reading))
            self._refresh.measured(result.timings)
            return result

    def process_all(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, TryOnResult]]:
        """Put the look on a whole film, smoothing over the frames after each one as well.

        Args:
            frames: as for `process`, in order; read `config.ahead.frames` ahead of the results.

        Yields:
            Every frame once, in order, with its result.

        Raises:
            SessionClosedError, ImageError: as `process`.
        """
        for reading, window in windows(self._read_all(frames), self.config.ahead.frames):
            with self._busy:
                self._check_open()
                reading.clock.resume()
                drafts = smooth_window(window, self.config.ahead, self._workplace.kernels)
                if drafts:
                    reading.clock.lap("smooth")
                result = self._paint(reading, drafts)
            yield reading.frame, result

    def _read_all(self, frames: Iterable[Frame]) -> Iterator[Reading]:
        self.reset()
        count_shots, shot = ShotCounter(), 0
        # The window steadies landmarks, without the delay of the tracker's own filter.
        tracker = FaceTracker(replace(self.config.track, smooth=False))
        for frame in frames:
            with self._busy:
                self._check_open()
                frame = self._intake.frame(frame)
                before, shot = shot, count_shots(frame.image)
                if shot != before:
                    self.reset()
                    tracker.reset()
                reading = self._read(frame, tracker, shot)
            yield reading

    def _read(
        self,
        frame: Frame,
        tracker: FaceTracker,
        shot: int = 0,
        refresh: LayerRefresh | None = None,
    ) -> Reading:
        """Find the faces of a frame and predict their layers."""
        wearing = self._wardrobe.wearing
        clock = Stopwatch()
        if self._intake.is_seek(frame):
            self.reset()  # before parsing: the parser is to look anew
        seconds = self._intake.seconds(frame)
        faces = self._parser.parse(frame)
        clock.lap("parse")
        faces = tracker.update(faces, seconds)
        clock.lap("track")
        # A face that was lost may still be painted: the kernels are to bring it along.
        expected = [face.landmarks for face in (*faces, *tracker.lost(seconds))]
        picture = self._workplace.kernels.picture(frame.image, expected)
        place, fade, covers = self._workplace, self.config.fade, self._covers
        drafts = predict(
            place, frame, picture, faces, wearing, fade, clock, refresh, covers, seconds
        )
        return Reading(frame, picture, faces, drafts, seconds, shot, clock)

    def close(self) -> None:
        """Free the networks once the frame in work is done; may be called twice."""
        with self._busy:
            if not self._closed:
                self._closed = True
                self._parser.close()
                self._workplace.engine.close()

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

    def _steadied(self, reading: Reading) -> list[Draft]:
        """The drafts of a live frame, smoothed over the past; what lost faces wore fades out."""
        drafts = []
        for draft in reading.drafts:
            layer, appeared = self._smoother.update(
                draft.face.track_id, draft.layer, draft.visibility, reading.seconds
            )
            drafts.append(replace(draft, layer=layer, share=draft.share * appeared))
        wearing = self._wardrobe.wearing
        lost = [f for f in self._tracker.lost(reading.seconds) if wearing.of(f.track_id).visible]
        drafts = self._hold.update(reading.frame.image, drafts, lost, reading.seconds)
        if drafts:
            reading.clock.lap("smooth")
        return drafts

    def _paint(self, reading: Reading, drafts: Sequence[Draft]) -> TryOnResult:
        """Put the layers on the frame; without any, the result holds the very same array."""
        image, kernels = reading.frame.image, self._workplace.kernels
        if drafts:
            canvas = kernels.canvas(reading.picture, [draft.face.landmarks for draft in drafts])
            for d in drafts:
                layer = gate_layer(d.layer, d.visibility, d.intensities, d.share, kernels, d.free)
                composite_layer(canvas, d.face, layer, kernels)
            image = kernels.store(canvas)
            reading.clock.lap("composite")
        return TryOnResult(image, reading.faces, reading.clock.timings(), self.backend)
