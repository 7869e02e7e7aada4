"""One file a rule. The list is in `doctor.rulebook`."""
