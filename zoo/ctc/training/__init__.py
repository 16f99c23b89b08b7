"""The objective of CTC, and the choice of a language model."""
