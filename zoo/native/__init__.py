"""Recurrent networks in machine code, compiled by Numba: shared kernels and what runs on them."""
