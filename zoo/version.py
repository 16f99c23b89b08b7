"""The zoo's version: of the package, and in every figure that the zoo computes."""

__version__ = "0.1.0"
