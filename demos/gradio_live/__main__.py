"""`python -m demos.gradio_live`, also `tryon demo`: serve the live page to browsers.

Arguments and printing only; what is served is made in `app.py`.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence

from tryon.console import run_main
from tryon.errors import ConfigError, MissingExtraError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="tryon demo", description="Wear looks live in a browser, on this machine."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 opens it to the network")
    add("--port", type=int, default=7860, help="port to listen at")
    add("--people", type=int, default=2, metavar="N", help="how many may be live at once")
    add("--threads", type=int, default=2, metavar="N", help="CPU threads for each of them")
    add("--certificate", metavar="FILE", help="TLS certificate (PEM): cameras need HTTPS elsewhere")
    add("--key", metavar="FILE", help="its key (PEM)")
    add(
        "--turn",
        nargs="+",
        default=(),
        metavar="URL",
        help="stun: or turn: servers, none if absent",
    )
    return run_main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    if not 1 <= arguments.people <= 16 or not 1 <= arguments.threads <= 64:
        raise ConfigError("--people is 1 to 16 and --threads 1 to 64")
    here = arguments.host in LOOPBACK
    _check_free(arguments.host, arguments.port)
    try:
        import uvicorn

        from .app import build_app
        from .guard import LOOPBACK as NAMES
        from .visits import Limits
    except ImportError as error:
        if (error.name or "").partition(".")[0] in ("tryon", "demos"):
            raise  # ours: a fault, not a missing package
        raise MissingExtraError(f"the demo needs {error.name}: pip install 'tryon[demo]'") from None
    from tryon import SessionConfig
    from tryon.streaming.webrtc import RtcConfig

    limits = Limits(
        people=arguments.people,
        session=SessionConfig(threads=arguments.threads),
        rtc=RtcConfig(ice_servers=tuple(arguments.turn)),
    )
    app = build_app(limits, NAMES if here else None)
    scheme = "https" if arguments.certificate else "http"
    if not here:
        print("warning: open to the network; everybody who reaches it may use it", file=sys.stderr)
        if scheme == "http":
            print(
                "warning: browsers give a camera to localhost or HTTPS pages only; "
                "add --certificate and --key",
                file=sys.stderr,
            )
    print(f"open {scheme}://{arguments.host}:{arguments.port}/  (Ctrl-C ends it)", flush=True)
    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        ssl_certfile=arguments.certificate,
        ssl_keyfile=arguments.key,
        timeout_graceful_shutdown=3,
    )

    class Server(uvicorn.Server):  # type: ignore[misc]  # uvicorn loads late
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.close()  # or it would wait for what nobody will see, and end with tracebacks
            await super().shutdown(sockets)

    Server(config).run()  # `uvicorn.run` would end as if nobody had pressed Ctrl-C


def _check_free(host: str, port: int) -> None:
    """Say in words that a port is taken, before anything is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot listen at {host} port {port} ({error}); choose another --port"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
