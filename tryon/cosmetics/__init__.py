"""Painted makeup: what a style is, and how it lies on a bare face in the atlas."""
