"""Page and endpoint put together into one ASGI application, behind one door."""

from __future__ import annotations

import os

from .gallery import load_gallery
from .guard import LOOPBACK, Guard
from .visits import Limits


def build_app(limits: Limits | None = None, hosts: frozenset[str] | None = LOOPBACK) -> Guard:
    """The whole demo.

    Args:
        limits: how much is given away.
        hosts: names by which the server may be called; None for any.

    Raises:
        TryOnError: a look of the gallery is damaged.
    """
    # Before Gradio loads: it would report its use, and ask for its newest version.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import gradio as gr

    from .page import HEAD, build_page, theme
    from .server import OWN, build_api

    api = build_api(load_gallery(), limits or Limits())
    app = gr.mount_gradio_app(
        api,
        build_page(),
        path="/",
        theme=theme(),
        head=HEAD,
        footer_links=[],
        ssr_mode=False,
        allowed_paths=[],
        max_file_size="1kb",
        enable_monitoring=False,
        mcp_server=False,
        run_history=False,
        pwa=False,
    )
    return Guard(app, hosts, OWN)
