"""Trainers: `python -m trainers NAME …` turns a recipe into events. Flat loops over `trainers.kit`."""
