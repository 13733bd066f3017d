"""The page: Gradio's controls beside our own live view, wired to the script in the browser.

No control calls Gradio's server: each hands its value to `assets/live.js`, which tells our
endpoint, so that every browser changes its own session only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tryon import REGIONS
from tryon.types import MAX_INTENSITY

from .gallery import ASSETS
from .products import FINISHES

if TYPE_CHECKING:
    import gradio as gr

HEAD = """
<meta name="color-scheme" content="light">
<link rel="stylesheet" href="live/assets/page.css">
<script type="module" src="live/assets/live.js"></script>
"""
# Title, coverage and colour to begin with; those that have finishes offer a choice.
PRODUCTS = (
    ("Lipstick", 0.9, "#b0103a", "satin"),
    ("Eyeshadow", 0.0, "#7a4a8a", "shimmer"),
    ("Blush", 0.0, "#d8616b", None),
    ("Eyeliner", 0.0, "#14100f", None),
)


def build_page() -> gr.Blocks:
    """The page, not yet served."""
    import gradio as gr

    page: gr.Blocks
    with gr.Blocks(title="tryon", analytics_enabled=False, fill_width=True) as page:
        with gr.Row(elem_id="page"):
            with gr.Column(elem_id="left", scale=1):
                gr.HTML(
                    (ASSETS / "stage.html").read_text(encoding="utf-8"), apply_default_css=False
                )
            with gr.Column(elem_id="right", scale=0), gr.Tabs():
                with gr.Tab("Intensity"):
                    _intensities()
                with gr.Tab("My colours"):
                    _products()
    return page


def theme() -> Any:
    """Gradio's theme in our colours, with the system's fonts: others would be fetched."""
    import gradio as gr

    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.rose,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    ).set(slider_color="#a82450", body_background_fill="#fbf7f5")


def _intensities() -> None:
    import gradio as gr

    words = "0 is bare, 1 is as in the photo, 1.5 is more than that."
    gr.HTML(f"<p class='help'>{words}</p>", apply_default_css=False)
    sliders = {
        region: gr.Slider(
            0, MAX_INTENSITY, 1.0, step=0.05, label=label, elem_id=f"at-{region}", buttons=[]
        )
        for region, label in {"all": "Whole face", **{r: r.capitalize() for r in REGIONS}}.items()
    }
    for region, slider in sliders.items():
        slider.input(None, slider, js=f"(value) => tryon.intensity('{region}', value)")
    others = [slider for region, slider in sliders.items() if region != "all"]
    # The whole face sets every region, and their sliders show it.
    sliders["all"].input(None, sliders["all"], others, js=f"(v) => Array({len(others)}).fill(v)")


def _products() -> None:
    import gradio as gr

    words = "Mix your own. What you cover here goes on over the look you wear."
    gr.HTML(f"<p class='help'>{words}</p>", apply_default_css=False)
    controls: list[Any] = []
    for title, coverage, colour, finish in PRODUCTS:
        name = title.lower()
        with gr.Column(elem_classes="product"):
            controls.append(
                gr.Slider(
                    0, 1, coverage, step=0.05, label=title, elem_id=f"cover-{name}", buttons=[]
                )
            )
            with gr.Row():
                label = f"{title} colour"
                controls.append(
                    gr.ColorPicker(colour, label=label, elem_id=f"colour-{name}", min_width=80)
                )
                if finish is not None:
                    controls.append(
                        gr.Dropdown(
                            list(FINISHES),
                            value=finish,
                            label="Finish",
                            elem_id=f"finish-{name}",
                            min_width=80,
                        )
                    )
    for control in controls:
        act = control.input if hasattr(control, "input") else control.change
        act(None, controls, js="(...values) => tryon.products(...values)")
