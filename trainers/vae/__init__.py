"""The stereo AudioVAE: `recipes.vae` gives the knobs, `persist` saves and loads models."""
