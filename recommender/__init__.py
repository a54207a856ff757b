"""The nightly recommender for small shops."""

__version__ = "0.2.0.dev0"
