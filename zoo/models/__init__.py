"""The zoo's own architectures. Importing this package imports no TensorFlow: see the registry."""

from zoo.registry import Architecture

ARCHITECTURES = (
    Architecture(
        name="char_lstm",
        task="text-generation",
        summary="Character language model: embedding, LSTM, GRU or RNN layers, softmax.",
        builder="zoo.models.char_lstm:build",
        config="zoo.models.char_lstm:CharLSTMConfig",
        processor="zoo.processing.characters:Characters",
        task_class="zoo.tasks.text_generation:TextGeneration",
        recipe="zoo.recipes.char_lstm",
        default_weights="shakespeare",
    ),
)
