"""The live demo in a browser: a Gradio page, and an endpoint of our own for the frames."""
