"""What trainers share: losses, discriminators, measures, data, checkpoints, the loop."""
