"""The doctor: rules over what a run reported, each finding with its evidence, suspects and remedies."""
