"""The conditional GAN: `recipes.cgan` gives the knobs."""
