"""How a decoder may attend to the encoder's outputs; :mod:`zoo.translation.attention` has how."""

MULTIPLICATIVE, SCALED, ADDITIVE, NONE = "multiplicative", "scaled", "additive", "none"
KINDS = (MULTIPLICATIVE, SCALED, ADDITIVE, NONE)
"""How a decoder may attend to the encoder's outputs."""
