"""TensorFlow's import without the notes that it writes when it starts."""

from __future__ import annotations

import os
import sys
import tempfile

from zoo.errors import UsageError, needing_training

_BACKENDS = ("tensorflow", "jax", "torch", "openvino", "numpy")


def import_tensorflow_quietly() -> None:
    """Import TensorFlow and let it find its devices, with its start-up notes kept off the terminal.

    They come from C++ code that writes to the file descriptor whatever the log level, so that is
    what is turned aside. Whoever sets ``TF_CPP_MIN_LOG_LEVEL`` sees them; so does everyone if the
    import fails.

    Raises:
        UsageError: a backend is asked for that Keras does not have.
        ZooError: TensorFlow is not installed.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend not in _BACKENDS:
        raise UsageError(f"KERAS_BACKEND is {backend!r}; Keras has {', '.join(_BACKENDS)}")
    # On another backend too: the layers import TensorFlow.
    if "tensorflow" in sys.modules or os.environ.get("TF_CPP_MIN_LOG_LEVEL"):
        return
    if sys.stderr is None:
        return  # nothing is shown anyway
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        failed = True
        try:
            with needing_training():
                import tensorflow as tf

            tf.config.list_logical_devices()
            failed = False
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            if failed:
                aside.seek(0)
                sys.stderr.write(aside.read().decode(errors="replace"))
