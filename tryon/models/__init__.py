"""Networks and their files: definitions in PyTorch, weights and graphs checked by hash."""
