"""Programs that show what the library can do; each is read from top to bottom in minutes."""
