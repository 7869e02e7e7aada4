"""The neural codec: `recipes.codec` gives the knobs."""
