"""Faces: parsed and tracked in the frame, unwrapped into one fixed atlas."""
