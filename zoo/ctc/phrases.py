"""Given phrases: which of them a recording or a line is, if it is one at all.

The phrases are compiled into a tree of label prefixes. CTC's forward algorithm (Graves et al. 2006)
runs over all its nodes at once, so each phrase gets the exact sum over its alignments and nothing
is pruned; a frame costs a few operations on arrays of as many numbers as the tree has nodes. For
sequences of phrases the end of one leads to the beginning of the next, and of the ways that meet
there the likeliest is followed (token passing, Young et al. 1989).

:mod:`zoo.ctc.phrase_search` tells whether it is any of them.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from zoo.ctc.alphabet import SEPARATOR, Alphabet
from zoo.ctc.grammar import Phrase, expand
from zoo.errors import DataError, UsageError
from zoo.files import is_file, read_text, user_path

_GRAMMAR_MARKS = frozenset("|()[]{}\n")

PhraseSource = str | os.PathLike[str] | Iterable[str | Phrase]
"""A list of phrases or of a grammar's lines, the path of a file of these, or a grammar's text."""


def read_phrases(source: PhraseSource) -> tuple[Phrase, ...]:
    """The phrases that a caller means.

    Args:
        source: a list of phrases or of the lines of a grammar (:mod:`zoo.ctc.grammar`), the path of
            a text file with these, or a grammar itself as text with its marks.

    Raises:
        UsageError: the grammar is malformed, a phrase is empty, or there are none.
        DataError: the file cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        path = user_path(source)
        if isinstance(source, str) and not is_file(path):
            if _GRAMMAR_MARKS & set(source):
                return expand(source)
            raise DataError(
                f"cannot read {source}: no such file; a phrase goes into a list: [{source!r}]"
            )
        return expand(read_text([Path(path)]))
    try:
        listed = list(source)
    except TypeError:
        raise UsageError(
            f"phrases are a list, a file or a grammar, not {type(source).__name__}"
        ) from None
    ready = tuple(one for one in listed if isinstance(one, Phrase))
    if any(not one.text.strip() for one in ready):
        raise UsageError("a phrase is empty")
    return ready if listed and len(ready) == len(listed) else expand(listed)  # type: ignore[arg-type]


class PhraseTree:
    """The prefixes of phrases as a tree of labels; its root is the empty prefix.

    Args:
        phrases: what to listen for.
        alphabet: the recogniser's labels; small and capital letters stand for each other where it
            has only one of them.

    Attributes:
        phrases: those that were given, of such that are spelled alike the first.
        spellings: the labels of each.
        label: ``(nodes,)`` the last label of each prefix; of the root the separator, which may come
            before a phrase, or the blank.
        parent: ``(nodes,)`` the prefix without it; the root is its own.
        ends: ``(phrases,)`` the node of each phrase.
        after: ``(phrases,)`` the node of each phrase and a separator, or that of ``ends`` again
            where the alphabet has no separator.

    Raises:
        UsageError: a phrase has characters that the alphabet lacks.
    """

    def __init__(self, phrases: Sequence[Phrase], alphabet: Alphabet) -> None:
        spelled: dict[tuple[int, ...], Phrase] = {}
        for phrase in phrases:
            labels_of = alphabet.spell(phrase.text, f"{phrase.text!r}").tolist()
            spelled.setdefault(tuple(labels_of), phrase)
        self.phrases, self.spellings = tuple(spelled.values()), list(spelled)
        self.blank = alphabet.blank
        self.separator = alphabet.separator
        known: dict[tuple[int, int], int] = {}
        labels = [self.blank if self.separator is None else self.separator]
        parents, texts = [0], [(0, 0)]
        ends, after = [], []
        for number, spelling in enumerate(self.spellings):
            node = 0
            ending = () if self.separator is None else (self.separator,)
            for depth, label in enumerate((*spelling, *ending), 1):
                child = known.setdefault((node, int(label)), len(labels))
                if child == len(labels):
                    labels.append(int(label))
                    parents.append(node)
                    texts.append((number, depth))
                node = child
                if depth == len(spelling):
                    ends.append(node)
            after.append(node)
        self.label, self.parent = np.array(labels), np.array(parents)
        self.ends, self.after = np.array(ends), np.array(after)
        self._texts = texts

    def text(self, node: int) -> str:
        """The text of a prefix, as the first phrase with it is written."""
        phrase, depth = self._texts[node]
        return self.phrases[phrase].text[:depth]

    def labels_of(self, sequence: Sequence[int]) -> tuple[int, ...]:
        """The labels of a sequence of phrases, with separators between them."""
        labels: list[int] = []
        for number in sequence:
            if labels and self.separator is not None:
                labels.append(self.separator)
            labels.extend(self.spellings[number])
        return tuple(labels)


@functools.lru_cache(8)
def compile_phrases(phrases: tuple[Phrase, ...], alphabet: Alphabet) -> PhraseTree:
    """The tree of phrases, kept for the next call.

    Raises:
        UsageError: see :class:`PhraseTree`.
    """
    return PhraseTree(phrases, alphabet)


class PhraseBeam:
    """The log-probabilities of all prefixes, fed with frames as they come.

    Args:
        tree: the phrases.
        repeat: whether a sequence of phrases may be said.
    """

    # Two numbers a node: paths that end in blank, and those that end in the node's label. With
    # ``repeat`` each has a history beside it: the number of a row of ``_told``, -1 for none.

    def __init__(self, tree: PhraseTree, repeat: bool = False) -> None:
        self.tree, self.repeat = tree, repeat
        nodes = len(tree.label)
        self._ends_blank = np.full(nodes, -np.inf)
        self._ends_blank[0] = 0.0
        self._ends_label = np.full(nodes, -np.inf)
        self._again = tree.label == tree.label[tree.parent]  # needs a blank before it
        self._first = np.flatnonzero(tree.parent == 0)[1:]
        self._blank_told, self._label_told = np.full((2, nodes), -1)
        self._told: list[tuple[int, int]] = []  # a phrase, and the history before it

    def feed(self, log_probs: np.ndarray) -> None:
        """Read the next frames ``(frames, labels)``."""
        for frame in log_probs.astype(np.float64):
            self._step(frame)

    def _step(self, frame: np.ndarray) -> None:
        tree = self.tree
        total = np.logaddexp(self._ends_blank, self._ends_label)
        before = np.where(self._again, self._ends_blank[tree.parent], total[tree.parent])
        # Any number of separators may come before a phrase, with blanks between them.
        before[0] = self._ends_blank[0] if tree.separator is not None else -np.inf
        if self.repeat:
            told = np.where(
                self._ends_blank >= self._ends_label, self._blank_told, self._label_told
            )
            told_before = np.where(self._again, self._blank_told[tree.parent], told[tree.parent])
            self._enter_again(total, told, before, told_before)
            self._blank_told = told
            self._label_told = np.where(self._ends_label >= before, self._label_told, told_before)
        self._ends_label = np.logaddexp(self._ends_label, before) + frame[tree.label]
        self._ends_blank = total + frame[tree.blank]

    def _enter_again(
        self, total: np.ndarray, told: np.ndarray, before: np.ndarray, told_before: np.ndarray
    ) -> None:
        """Let a phrase begin after another one and a separator, where that is the likelier way."""
        tree = self.tree
        best = int(total[tree.after].argmax())
        node = tree.after[best]
        if total[node] > total[0]:
            before[self._first] = total[node]
            told_before[self._first] = len(self._told)
            self._told.append((best, int(told[node])))

    def copy(self) -> PhraseBeam:
        """A beam in the same state that goes its own way."""
        twin = copy.copy(self)  # arrays are replaced, never changed
        twin._told = list(self._told)
        return twin

    def partial(self) -> str:
        """The text of the likeliest prefix so far."""
        total = np.logaddexp(self._ends_blank, self._ends_label)
        node = int(total.argmax())
        texts = [self.tree.phrases[number].text for number in self._history(node)]
        return SEPARATOR.join([*texts, self.tree.text(node)]).strip()

    def scores(self) -> np.ndarray:
        """Log-probability of each phrase, or of the best sequence that ends in it."""
        tree = self.tree
        total = np.logaddexp(self._ends_blank, self._ends_label)
        if tree.separator is None:
            found = total[tree.ends]
        else:  # a separator at the end is none of the text
            found = np.logaddexp(total[tree.ends], total[tree.after])
        return np.asarray(found)

    def sequence(self, last: int) -> tuple[int, ...]:
        """The numbers of the phrases that were said where the last one is this."""
        total = np.logaddexp(self._ends_blank, self._ends_label)
        ends = (int(self.tree.ends[last]), int(self.tree.after[last]))
        node = max(ends, key=lambda end: total[end])
        return (*self._history(node), last)

    def _history(self, node: int) -> tuple[int, ...]:
        by_blank = self._ends_blank[node] >= self._ends_label[node]
        told = int((self._blank_told if by_blank else self._label_told)[node])
        found: list[int] = []
        while told >= 0:
            phrase, told = self._told[told]
            found.append(phrase)
        return tuple(reversed(found))
