"""What the recipes share: the training loop, its checkpoints and its pictures."""
