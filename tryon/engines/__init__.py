"""Runtimes of the networks behind one interface; each says its name, none falls back."""
