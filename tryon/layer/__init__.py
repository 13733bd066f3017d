"""What happens to a predicted makeup layer: smoothed in the atlas, gated, put on the frame."""
