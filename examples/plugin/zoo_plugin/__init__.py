"""An example of a package that adds an architecture and a task to the zoo."""

__version__ = "0.1.0"
