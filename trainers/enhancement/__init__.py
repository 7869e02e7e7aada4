"""The speech enhancer: CMGAN with a metric discriminator, and what the enhancement document asks about it."""
