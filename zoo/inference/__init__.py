"""Fast generation from a recurrent network: the whole loop of a run is compiled.

    stack = RecurrentStack(embedding, "lstm", layers, output_kernel, output_bias)
    generator = Generator(stack)
    ids, log_probs, state = generator.run(generator.initial_state(1), first, 400, seed=1)

Measurements: ``scripts/benchmarks/generation.py``.
"""

from zoo.inference.generator import Generator
from zoo.inference.stack import RecurrentStack

__all__ = ["Generator", "RecurrentStack"]
