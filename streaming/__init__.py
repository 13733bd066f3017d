"""Moving frames: sources, a newest-wins slot, sinks, the live loop. Knows no makeup."""
