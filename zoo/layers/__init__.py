"""Recurrent layers: Keras's layers with a faster gradient on the CPU and weight dropout."""

from zoo.layers.convert import to_keras_layers
from zoo.layers.factory import recurrent_layer
from zoo.layers.gru import GRU
from zoo.layers.lstm import LSTM
from zoo.layers.simple_rnn import SimpleRNN

__all__ = ["GRU", "LSTM", "SimpleRNN", "recurrent_layer", "to_keras_layers"]
