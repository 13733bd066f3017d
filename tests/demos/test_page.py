"""The page as it is served: complete without the internet, and silent towards it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="needs gradio: pip install 'tryon[demo]'")
pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")

ROOT = Path(__file__).resolve().parents[2]

# In a process of its own: an audit hook stays, and Gradio reads its settings when it loads.
PROGRAM = """
import asyncio, sys, re

def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen"):
        if "127.0.0.1" not in str(arguments):
            print("REACHES OUT", event, arguments, flush=True)

sys.addaudithook(hook)
import httpx
from demos.gradio_live.app import build_app

async def main():
    http = httpx.AsyncClient(transport=httpx.ASGITransport(build_app()), base_url="http://127.0.0.1")
    page = await http.get("/")
    assert page.status_code == 200, page.text
    tags = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[^>]*>", page.text)
    assert tags
    for tag in tags:
        assert not re.search(r"(src|href)=.(https?:)?//", tag) or "preconnect" in tag, tag
    theme = await http.get("/theme.css")
    assert not re.search(r"(url\\(|@import)[^;]{0,9}//", theme.text), theme.text
    config = (await http.get("/config")).json()
    assert config["analytics_enabled"] is False
    assert config["dependencies"]
    assert not any(d["backend_fn"] for d in config["dependencies"]), "controls act in the page"
    assert not any(c["type"] in ("image", "file", "gallery") for c in config["components"])
    for name, kind in (("page.css", "text/css"), ("live.js", "javascript")):
        asset = await http.get(f"/live/assets/{name}")
        assert asset.status_code == 200 and kind in asset.headers["content-type"]
        assert not re.search(r"https?://", asset.text)
    for path in ("/live/assets/../page.py", "/live/assets/%2e%2e%2fpage.py", "/live/assets/x.js"):
        assert (await http.get(path)).status_code == 404
    assert (await http.post("/gradio_api/upload", files={"files": b"x"})).status_code == 404
    print("served")

asyncio.run(main())
"""


def test_the_page_is_complete_and_silent(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["served"], done.stdout
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written == []
