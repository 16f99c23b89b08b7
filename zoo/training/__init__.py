"""Training: the loop, its checkpoints and pictures, recipes; independent of any task."""
