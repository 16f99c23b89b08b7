"""What the package adds to the zoo's registry.

The zoo imports this module whenever it lists models, so it must import neither TensorFlow nor
Keras. Code is named as ``"module:object"`` and imported when it is first used.
"""

from zoo.registry import Architecture, Registry, TaskEntry


def register(registry: Registry) -> None:
    """Add the package's architectures and its task."""
    registry.add_architecture(
        Architecture(
            name="tiny_gru",
            task="text-generation",
            summary="Character language model: embedding, one GRU layer, softmax.",
            builder="zoo_plugin.tiny_gru.network:build",
            config="zoo_plugin.tiny_gru.network:TinyGRUConfig",
            processor="zoo.text.processor:Characters",
            task_class="zoo.text.generation:TextGeneration",
            recipe="zoo_plugin.tiny_gru.recipe",
        )
    )
    registry.add_task(
        TaskEntry(
            name="language-identification",
            summary="Tell in which language a line of text is written.",
            command="zoo_plugin.line_language.command",
            verb="classify",
        )
    )
    registry.add_architecture(
        Architecture(
            name="line_gru",
            task="language-identification",
            summary="Classifier of lines: character embedding, GRU, softmax over languages.",
            builder="zoo_plugin.line_language.network:build",
            config="zoo_plugin.line_language.network:LineGRUConfig",
            processor="zoo_plugin.line_language.processor:LineProcessor",
            task_class="zoo_plugin.line_language.task:LanguageIdentification",
            recipe="zoo_plugin.line_language.recipe",
        )
    )
