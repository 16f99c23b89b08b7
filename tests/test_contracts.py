"""The contracts hold: for mypy, which reads this file too, and where the zoo asks at run time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import assert_type

import numpy as np
import pytest

import recipes.char_lstm
import recipes.crnn
import recipes.ctc_speech
import recipes.pen_bilstm
import recipes.sentiment_lstm
import recipes.seq2seq_lstm
import recipes.tagger_bilstm
import recipes.tracker_lstm
from zoo.architectures import ARCHITECTURES
from zoo.catalogue import registry
from zoo.contracts import (
    CheckedConfig,
    Config,
    ConfigWithContext,
    ConfigWithReadout,
    ConfigWithShapes,
    ConfigWithVocabulary,
    Processor,
    ProcessorWithVocabulary,
    StreamingConfig,
)
from zoo.dialogue.mood.processor import MoodWords
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.tracking.processor import TrackedWords
from zoo.errors import UsageError
from zoo.handwriting.ink_files import Ink
from zoo.handwriting.ink_reading import PenRecognition
from zoo.handwriting.line_reading import LineRecognition
from zoo.handwriting.processor import Lines, Pen
from zoo.handwriting.results import Reading
from zoo.loading import load_model
from zoo.speech.networks import CTCBiLSTMConfig, CTCLSTMConfig
from zoo.speech.processor import Speech
from zoo.speech.recognition import SpeechRecognition
from zoo.speech.results import Transcript
from zoo.task import Task
from zoo.text.char_lstm import CharGRUConfig, CharLSTMConfig
from zoo.text.char_transformer import CharTransformerConfig
from zoo.text.generation import TextGeneration
from zoo.text.processor import Characters
from zoo.text.results import GeneratedText
from zoo.training.recipe import Recipe, recipe_of
from zoo.translation.processor import Subwords
from zoo.translation.results import TranslatedText
from zoo.translation.seq2seq_values import Seq2SeqConfig
from zoo.translation.translation import Translation

RECIPES: tuple[Recipe, ...] = (
    recipes.char_lstm,
    recipes.crnn,
    recipes.ctc_speech,
    recipes.pen_bilstm,
    recipes.sentiment_lstm,
    recipes.seq2seq_lstm,
    recipes.tagger_bilstm,
    recipes.tracker_lstm,
)
PROCESSORS: tuple[type[Processor], ...] = (
    Characters,
    Speech,
    Lines,
    Pen,
    Subwords,
    MoodWords,
    TaggedWords,
    TrackedWords,
)


def types_of_verbs(
    text: TextGeneration, speech: SpeechRecognition, lines: LineRecognition, pen: PenRecognition
) -> None:
    """One input gives one result, a list gives a list; only checked, never run."""
    assert_type(text.generate("a"), GeneratedText)
    assert_type(text.generate(["a"]), list[GeneratedText])
    assert_type(speech.transcribe("a.wav"), Transcript)
    assert_type(speech.transcribe(["a.wav", np.zeros(1)]), list[Transcript])
    assert_type(lines.read("a.png"), Reading)
    assert_type(lines.read(["a.png", b""], n_best=2), list[Reading])
    assert_type(pen.read([[(0, 0), (1, 2)]]), Reading)
    assert_type(pen.read([Ink([np.zeros((1, 2))])]), list[Reading])
    assert_type(load_model("a"), Task)
    assert_type(load_model("a", kind=Translation, offline=True), Translation)
    assert_type(load_model("a", kind=Translation).translate("b"), TranslatedText)


def types_of_configs() -> tuple[Config, ...]:
    """Each has what it is asked for."""
    checked: CheckedConfig = CharGRUConfig(2)
    context: ConfigWithContext = CharTransformerConfig(2)
    shapes: ConfigWithShapes = CharLSTMConfig(2)
    vocabulary: ConfigWithVocabulary = CTCBiLSTMConfig(2)
    streaming: StreamingConfig = CTCLSTMConfig(2)
    readout: ConfigWithReadout = Seq2SeqConfig(5)
    return checked, context, shapes, vocabulary, streaming, readout


def test_the_contracts_that_are_asked_for_at_run_time_are_recognised() -> None:
    checked, context, shapes, vocabulary, streaming, readout = types_of_configs()
    assert isinstance(checked, CheckedConfig)
    assert isinstance(context, ConfigWithContext)
    assert not isinstance(shapes, ConfigWithContext)
    assert isinstance(shapes, ConfigWithShapes)
    assert isinstance(vocabulary, ConfigWithVocabulary)
    assert not isinstance(vocabulary, StreamingConfig | ConfigWithReadout)
    assert isinstance(streaming, StreamingConfig)
    assert isinstance(readout, ConfigWithReadout)
    assert isinstance(Characters(("a", "b")), ProcessorWithVocabulary)


def test_every_architecture_names_a_recipe_that_is_one() -> None:
    checked = {name for recipe in RECIPES for name in recipe.MODELS}
    for architecture in ARCHITECTURES:
        recipe = recipe_of(architecture)
        named = {name.partition(".")[0] for name in recipe.MODELS}
        assert architecture.name in named
        assert recipe.MODELS.keys() <= checked


def test_the_processor_of_every_architecture_is_checked() -> None:
    assert {architecture.load("processor") for architecture in ARCHITECTURES} == set(PROCESSORS)


def test_what_is_not_a_recipe_is_refused() -> None:
    architecture = replace(registry().architecture("char_lstm"), recipe="zoo.text.datasets")
    with pytest.raises(UsageError, match=r"zoo\.text\.datasets is not a recipe: it needs MODELS"):
        recipe_of(architecture)
    for recipe, message in (("", "has no recipe"), ("zoo.nowhere", "cannot import the recipe")):
        with pytest.raises(UsageError, match=message):
            recipe_of(replace(architecture, recipe=recipe))


def test_a_model_of_another_kind_than_asked_for_is_refused(tiny_folder: Path) -> None:
    assert isinstance(load_model(tiny_folder, kind=TextGeneration), TextGeneration)
    with pytest.raises(UsageError, match="is a model for text-generation, not a Translation"):
        load_model(tiny_folder, kind=Translation)
