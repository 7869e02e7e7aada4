"""Typed recipes: what a trainer is told, with presets, sizes and the bands that series are held against."""

from recipes.registry import TRAINERS

__all__ = ["TRAINERS"]
