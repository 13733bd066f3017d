"""Training: painted pairs, losses, loops and reports. The runtime never imports it."""
