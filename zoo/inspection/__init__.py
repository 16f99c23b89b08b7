"""Looking into recurrent models: gates and states, what units follow, how far a gradient reaches.

Every task has the methods ``trace``, ``highway`` and ``attribute``; :func:`trace` is for any Keras
model. The room knows cells, not subjects: see :mod:`zoo.inspection.subject` for what a task gives.
"""

from zoo.inspection.keras_models import trace

__all__ = ["trace"]
