"""Workers of a batch on a Ray cluster: one actor each, which loads the networks once.

The only file that imports Ray; its usage reports are switched off, and files are read and written
by the actors themselves, so that every machine must see the folders under the same names.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tryon.batch_files import Job, Outcome
from tryon.batch_workers import Worker, WorkerLostError
from tryon.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from tryon.offline import Wish

_STORE = 200 << 20  # bytes of shared memory for a cluster of our own; only small messages pass


def connect(address: str) -> int:
    """Join a cluster, or start one on this machine.

    Args:
        address: of a cluster; `auto` takes the one running here, or starts one.

    Returns:
        How many CPUs it has.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: There is no such cluster.
    """
    ray = _ray()
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        if address != "auto":
            ray.init(address=address, **quiet)
        else:
            try:
                ray.init(address="auto", **quiet)
            except ConnectionError:
                ray.init(include_dashboard=False, object_store_memory=_STORE, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"no Ray cluster at {address} ({reason}); is it running?") from None
    return int(ray.cluster_resources().get("CPU", 1))


def disconnect() -> None:
    """Leave the cluster; one that was started here ends."""
    _ray().shutdown()


class RayLane:
    """A worker in a Ray actor; see `Worker` for the arguments."""

    def __init__(self, wish: Wish, tone_map: bool) -> None:
        self._ray = _ray()
        # Not restarted by Ray: the lane counts the tries itself.
        actor = self._ray.remote(num_cpus=wish.config.threads, max_restarts=0)(Worker)
        self._actor: Any = actor.remote(wish, tone_map)

    def run(self, job: Job) -> Outcome:
        """See `Lane`."""
        try:
            outcome: Outcome = self._ray.get(self._actor.work.remote(job))
        except self._ray.exceptions.RayError as error:
            raise WorkerLostError(type(error).__name__) from None
        return outcome

    def close(self) -> None:
        """See `Lane`."""
        if self._ray.is_initialized():
            self._ray.kill(self._actor)


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            '--ray needs Ray; install it with: pip install "tryon[batch]"'
        ) from error
    return ray
