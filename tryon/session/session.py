"""`TryOnSession`: the one place that knows the order of the stages.

Frame -> parse -> track -> unwrap -> student -> smooth -> gate -> composite -> frame. It moves no
frames by itself: cameras, files, windows and threads are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Any

from tryon.engines.choose import choose
from tryon.face.parser import ParserConfig, open_parser
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
from tryon.session.parsing import Parsed, Parsing
from tryon.session.reading import Reading
from tryon.session.wardrobe import Wardrobe
from tryon.session.workplace import on_gpu, open_workplace
from tryon.types import Frame, TryOnResult, UInt8


class TryOnSession:
    """Wears a look on a stream of frames.

    One thread calls `process`, or one calls `parse` and another `wear`; `set_look`,
    `set_intensity` and `close` may come from any thread and take effect at a frame border.
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
            found = parser.result()
        self._parsing = Parsing(found, self.config.track, self.config.stills)
        smooth = STILLS if self.config.stills else self.config.smooth
        self._smoother = LayerSmoother(smooth, self._workplace.kernels)
        self._hold = LayerHold(self.config.hold)
        self._refresh = LayerRefresh(self.config.refresh)
        self._wardrobe = Wardrobe(engine)
        self._busy = self._workplace.turn
        self._shot = -1  # of the newest frame that was made up
        if look is not None:
            self.set_look(look)

    @property
    def backend(self) -> str:
        """Engine, kernels and parser in use."""
        place = self._workplace
        return f"{place.engine.name} + {place.kernels.name} kernels + {self._parsing.parser.name}"

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
        self._parsing.check_open()
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

    @property
    def stages(self) -> tuple[Callable[[Any], Any], ...]:
        """What a frame goes through; of two, the first may be a frame ahead on another thread.

        The CPU's networks use all cores by themselves: two frames at once pay where the student is
        on a GPU (`SessionConfig.overlap`).
        """
        overlap = self.config.overlap
        two = overlap == "on" or (overlap == "auto" and on_gpu(self._workplace.engine))
        return (self.parse, self.wear) if two else (self.process,)

    def wait_ready(self) -> None:
        """Wait until `backend` stays as it is: a first build of TensorRT engines takes minutes."""
        self._workplace.engine.wait_ready()

    def reset(self) -> None:
        """Forget the faces seen so far, as after a seek or a cut."""
        self._parsing.reset()

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
            return self.wear(self.parse(frame))

    def parse(self, frame: UInt8 | Frame) -> Parsed:
        """The first half of `process`: find the faces. It may go on while `wear` is at work."""
        return self._parsing.frame(frame)

    def wear(self, parsed: Parsed) -> TryOnResult:
        """The second half of `process`: put the look on the faces; in the order of parsing."""
        with self._busy:
            refresh = None if self.config.stills else self._refresh
            reading = self._read(parsed, refresh)
            result = self._paint(reading, self._steadied(reading))
            self._refresh.measured(result.timings, self._workplace.student_stages)
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
        return self.wear_all(self.parse_all(frames))

    def parse_all(self, frames: Iterable[Frame]) -> Iterator[Parsed]:
        """The first half of `process_all`; it may be read ahead on another thread."""
        return self._parsing.film(frames)

    def wear_all(self, film: Iterable[Parsed]) -> Iterator[tuple[Frame, TryOnResult]]:
        """The second half of `process_all`."""
        for reading, window in windows(self._read_all(film), self.config.ahead.frames):
            with self._busy:
                self._parsing.check_open()
                reading.parsed.clock.resume()
                drafts = smooth_window(window, self.config.ahead, self._workplace.kernels)
                if drafts:
                    reading.parsed.clock.lap("smooth")
                result = self._paint(reading, drafts)
            yield reading.parsed.frame, result

    def _read_all(self, film: Iterable[Parsed]) -> Iterator[Reading]:
        for parsed in film:
            with self._busy:
                reading = self._read(parsed)
            yield reading

    def _read(self, parsed: Parsed, refresh: LayerRefresh | None = None) -> Reading:
        """Predict the layers of a frame's faces."""
        self._parsing.check_open()
        if parsed.shot != self._shot:
            self._forget()
            self._shot = parsed.shot
        parsed.clock.resume()
        place, image = self._workplace, parsed.frame.image
        # A face that was lost may still be painted: the kernels are to bring it along.
        expected = [face.landmarks for face in (*parsed.faces, *parsed.lost)]
        picture = place.kernels.picture(image, expected)
        drafts = predict(
            place, parsed, picture, self._wardrobe.wearing, self.config.fade, refresh, self._covers
        )
        return Reading(parsed, picture, drafts)

    def _forget(self) -> None:
        """Nothing of the frames made up so far belongs to the next one."""
        self._smoother.reset()
        self._hold.reset()
        self._refresh.reset()
        if self._covers:
            self._covers.reset()

    def close(self) -> None:
        """Free the networks once the frame in work is done; may be called twice."""
        with self._busy:
            self._parsing.close()
            self._workplace.engine.close()

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
        parsed, drafts = reading.parsed, []
        for draft in reading.drafts:
            layer, appeared = self._smoother.update(
                draft.face.track_id, draft.layer, draft.visibility, parsed.seconds
            )
            drafts.append(replace(draft, layer=layer, share=draft.share * appeared))
        wearing = self._wardrobe.wearing
        lost = [face for face in parsed.lost if wearing.of(face.track_id).visible]
        drafts = self._hold.update(parsed.frame.image, drafts, lost, parsed.seconds)
        if drafts:
            parsed.clock.lap("smooth")
        return drafts

    def _paint(self, reading: Reading, drafts: Sequence[Draft]) -> TryOnResult:
        """Put the layers on the frame; without any, the result holds the very same array."""
        parsed, kernels = reading.parsed, self._workplace.kernels
        image = parsed.frame.image
        if drafts:
            canvas = kernels.canvas(reading.picture, [draft.face.landmarks for draft in drafts])
            for d in drafts:
                layer = gate_layer(d.layer, d.visibility, d.intensities, d.share, kernels, d.free)
                composite_layer(canvas, d.face, layer, kernels)
            image = kernels.store(canvas)
            parsed.clock.lap("composite")
        return TryOnResult(image, parsed.faces, parsed.clock.timings(), self.backend)
