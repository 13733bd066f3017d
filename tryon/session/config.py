"""Settings of a session and of its stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tryon.errors import ConfigError
from tryon.face.parser import check_parser
from tryon.face.track import TrackConfig
from tryon.kernels.sets import KERNELS
from tryon.layer.ahead import AheadConfig
from tryon.layer.gate import FadeConfig
from tryon.layer.hold import HoldConfig
from tryon.layer.refresh import RefreshConfig
from tryon.layer.smooth import SmoothConfig
from tryon.session.covers import OcclusionConfig

OVERLAP = ("auto", "on", "off")
"""What may be asked for."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Settings of a session."""

    backend: str = "auto"  # auto, tensorrt, torch-cuda, openvino, torch
    kernels: str = "auto"  # auto (cuda where the backend is on a GPU), cuda, cpu
    overlap: str = "auto"  # the next frame parsed meanwhile: auto (student on a GPU), on, off
    parser: str = "fast"  # fast, mediapipe
    max_faces: int = 1  # 1..4
    threads: int = 2  # CPU threads for the networks
    model: Path | None = None  # folder of the student; None is the one that ships
    stills: bool = False  # each picture is taken for itself: nothing is remembered or smoothed
    track: TrackConfig = field(default_factory=TrackConfig)
    smooth: SmoothConfig = field(default_factory=SmoothConfig)
    ahead: AheadConfig = field(default_factory=AheadConfig)  # for `process_all` only
    occlusion: OcclusionConfig = field(default_factory=OcclusionConfig)
    fade: FadeConfig = field(default_factory=FadeConfig)
    hold: HoldConfig = field(default_factory=HoldConfig)  # for `process` only
    refresh: RefreshConfig = field(default_factory=RefreshConfig)  # for `process` only

    def __post_init__(self) -> None:
        check_parser(self.parser)
        if self.kernels not in KERNELS:
            raise ConfigError(f"kernels = {self.kernels}: use one of {', '.join(KERNELS)}")
        if self.overlap not in OVERLAP:
            raise ConfigError(f"overlap = {self.overlap}: use one of {', '.join(OVERLAP)}")
