"""Array kernels: arrays in, arrays out. `reference` defines correct, the others must agree."""
