"""Tagged messages of one's own, in the formats that people have.

========================= ====================================================================
``.conll .bio .iob .tsv`` a word, other columns, a tag; a blank line ends a message; BIO, IOBES
                          and BILOU
``.jsonl``                a table a line: doccano, Prodigy, or ``text``, ``entities``, ``intent``
``.json``                 Label Studio, or spaCy's ``[text, {"entities": [...]}]`` and documents
``.spacy``                spaCy's binary format, if spaCy is installed
``.yml .yaml``            Rasa's NLU examples, ``[Ana](person)``, by intent
========================= ====================================================================
"""

from __future__ import annotations

import itertools
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.dialogue.datasets import Span, TaggedMessage, from_tokens
from zoo.dialogue.messages import check_text
from zoo.dialogue.training.learning import held_out
from zoo.errors import DataError, UsageError, ZooWarning
from zoo.files import read_text, user_path

_TAG = re.compile(r"O|[BIESUL]-.+")
_IN_BIO = {"S": "B", "U": "B", "E": "I", "L": "I"}
"""Marks of single words and of last words, in IOBES and in BILOU, as those of BIO."""

_REFUSED = ("reject", "ignore")
"""Answers of Prodigy for what is wrong or was not looked at."""

_SPANS = ("entities", "spans", "ents", "label", "labels")
"""What exports call the entities of a message."""

_RASA = re.compile(r"\[(?P<text>[^\]]+)\](?:\((?P<label>[^()]+)\)|(?=[\[{]))")
_RASA_LEFT = re.compile(r"\][(\[{]")
_LEFT_OUT = re.compile(r"(?:\s|\\n)+")  # what some exports write otherwise in their copies


def read_tagged(path: Path) -> list[TaggedMessage]:
    """The messages of a file, by its suffix; see the module.

    Raises:
        DataError: the file is missing or malformed, a span lies outside of its message or overlaps
            another, or there is no message.
        UsageError: the suffix is of no known format.
    """
    readers: dict[str, Callable[[Path], Iterable[TaggedMessage]]] = {
        **dict.fromkeys((".conll", ".bio", ".iob", ".tsv"), _columns),
        ".jsonl": _json_lines,
        ".json": _json,
        ".spacy": _spacy,
        **dict.fromkeys((".yml", ".yaml"), _rasa),
    }
    if path.suffix.lower() not in readers:
        raise UsageError(f"{path}: the file's name must end in {', '.join(sorted(readers))}")
    messages = list(readers[path.suffix.lower()](path))
    if not messages:
        raise DataError(f"{path} holds no message")
    return messages


def tagged_message(
    text: Any, spans: Iterable[tuple[Any, Any, Any]], where: str, intent: str = ""
) -> TaggedMessage:
    """A message with its entities, checked.

    Args:
        text: the message.
        spans: label, start and end of each entity.
        where: its place in the data, for messages.
        intent: what it is for.

    Raises:
        DataError: a field has another type, or a span is empty, outside of the message, or overlaps
            another.
    """
    if not isinstance(text, str) or not isinstance(intent, str):
        raise DataError(f"{where}: the text and the intent of a message must be text")
    check_text(text, where)
    entities = []
    for label, start, end in spans:
        numbers = type(start) is int and type(end) is int
        if not isinstance(label, str) or not label or not numbers:
            raise DataError(f"{where}: an entity needs a label and two whole numbers")
        if not 0 <= start < end <= len(text):
            raise DataError(
                f"{where}: the entity {label!r} from {start} to {end} lies outside of the message, "
                f"which has {len(text)} characters"
            )
        entities.append(Span(label, start, end))
    entities.sort(key=lambda span: span.start)
    for before, after in itertools.pairwise(entities):
        if after.start < before.end:
            raise DataError(
                f"{where}: the entities {before.label!r} and {after.label!r} overlap at character "
                f"{after.start}; keep one of them"
            )
    return TaggedMessage(text, tuple(entities), intent)


def _columns(path: Path) -> Iterator[TaggedMessage]:
    words: list[str] = []
    tags: list[str] = []
    odd: list[int] = []
    for number, line in enumerate([*read_text([path]).split("\n"), ""], 1):
        columns = line.split("\t") if "\t" in line else line.split()
        if line.startswith("-DOCSTART-"):
            continue
        if not line.strip():
            if words:
                yield from_tokens(words, tags)
            words, tags = [], []
            continue
        word, tag = columns[0].strip(), columns[-1].strip()
        if len(columns) < 2 or not word or not _TAG.fullmatch(tag):
            if line.startswith("# "):
                continue
            raise DataError(
                f"{path}: line {number} is {line!r:.60}; expected a word and a tag such as O, "
                "B-date or I-date"
            )
        tag = _IN_BIO.get(tag[0], tag[0]) + tag[1:]
        if tag[0] == "I" and (not tags or tags[-1][1:] != tag[1:]):
            odd.append(number)
        words.append(word)
        tags.append(tag)
    if odd:
        warnings.warn(
            f"{path}: {len(odd)} inside tags have no entity before them, the first in line "
            f"{odd[0]}; each begins an entity",
            ZooWarning,
            stacklevel=2,
        )


def _json_lines(path: Path) -> Iterator[TaggedMessage]:
    """The messages of lines; those that are broken are left out with a warning, unless all are."""
    errors: list[DataError] = []
    good = 0
    for number, line in enumerate(read_text([path]).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            row = _parsed(line, where)
            message = _message_of_table(row, where)
        except DataError as error:
            errors.append(error)
            continue
        good += 1
        if not _is_refused(row):
            yield message
    if errors and not good:
        raise errors[0]
    if errors:
        total = good + len(errors)
        left_out = f"{len(errors):,} of {total:,} lines left out, the first: {errors[0]}"
        warnings.warn(left_out, ZooWarning, stacklevel=2)


def _json(path: Path) -> Iterator[TaggedMessage]:
    content = _parsed(read_text([path]), str(path))
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        content = [row for row in content["annotations"] if row is not None]
    if not isinstance(content, list):
        raise DataError(f"{path} is not a list of messages")
    for number, row in enumerate(content, 1):
        where = f"{path}: message {number}"
        if isinstance(row, list) and len(row) == 2 and isinstance(row[1], dict):
            yield _message_of_table({"text": row[0], **row[1]}, where)
        elif isinstance(row, dict) and "data" in row:
            yield from _label_studio(row, where)
        else:
            message = _message_of_table(row, where)
            if not _is_refused(row):
                yield message


def _is_refused(row: Mapping[str, Any]) -> bool:
    """Whether the annotation of a message was found wrong, or the message was not looked at."""
    return row.get("answer") in _REFUSED


def _message_of_table(row: Any, where: str) -> TaggedMessage:
    """A message of doccano, of Prodigy, or with ``entities`` or ``spans``."""
    if not isinstance(row, dict) or "text" not in row:
        raise DataError(f"{where} is no table with 'text'")
    for name in _SPANS[:3]:
        if not isinstance(row.get(name) or [], list):
            raise DataError(f"{where}: {name!r} must be a list")
    lists = [row[name] for name in _SPANS if isinstance(row.get(name), list)]
    lists += [value for name, value in row.items() if name not in _SPANS and _are_spans(value)]
    names = [one for one in lists if one and all(isinstance(name, str) for name in one)]
    spans: list[Any] = next((one for one in lists if one and one not in names), [])
    told = [row.get("intent"), row.get("label"), *names, row.get("accept"), _category(row)]
    intents = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in told]
    intent = next((one for one in intents if isinstance(one, str) and one), "")
    read = [_span(one, row["text"], where) for one in spans]
    return tagged_message(row["text"], read, where, intent)


def _are_spans(value: Any) -> bool:
    """Whether something looks like a list of entities, as JSON of Label Studio's "MIN" form has it
    under a name of one's own; words with their places have no label."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(one, dict) and "start" in one and {"label", "labels"} & one.keys()
            for one in value
        )
    )


def _category(row: Mapping[str, Any]) -> Any:
    """The categories of doccano's list ``cats``, or the one of spaCy's that holds, if it is one."""
    cats = row.get("cats")
    if isinstance(cats, list):
        return cats
    if not isinstance(cats, dict):
        return None
    true = [
        name for name, share in cats.items() if isinstance(share, (int, float)) and share >= 0.5
    ]
    return true[0] if len(true) == 1 else None


def _span(told: Any, text: Any, where: str) -> tuple[Any, Any, Any]:
    """Label, start and end of ``[start, end, label]`` or of a table, also of Label Studio's."""
    if isinstance(told, list) and len(told) == 3:
        return told[2], told[0], told[1]
    if isinstance(told, dict):
        start = told.get("start", told.get("start_offset"))
        end = told.get("end", told.get("end_offset"))
        labels = told.get("labels")
        first = labels[0] if isinstance(labels, list) and labels else None
        label = told.get("label", told.get("entity", first))
        return label, *_placed(text, start, end, told.get("text"), where)
    raise DataError(f"{where}: {told!r:.60} is no entity; expected [start, end, label]")


def _placed(text: Any, start: Any, end: Any, copied: Any, where: str) -> tuple[Any, Any]:
    """The ends of a span in characters, where the export has a copy of its text beside them.

    Tools that run in a browser count in units of UTF-16, in which an emoji is two.
    """
    known = isinstance(text, str) and isinstance(copied, str)
    if not known or type(start) is not int or type(end) is not int or not 0 <= start < end:
        return start, end
    wanted = _LEFT_OUT.sub("", copied)
    if _LEFT_OUT.sub("", text[start:end]) == wanted:
        return start, end
    units = text.encode("utf-16-le", "surrogatepass")
    try:
        before, inside = (
            units[2 * a : 2 * b].decode("utf-16-le") for a, b in ((0, start), (start, end))
        )
    except UnicodeDecodeError:
        before, inside = "", ""
    if _LEFT_OUT.sub("", inside) != wanted:
        raise DataError(
            f"{where}: from {start} to {end} the message has {text[start:end]!r:.60}, not "
            f"{copied!r:.60} as the export says"
        )
    return len(before), len(before) + len(inside)


def _label_studio(row: Mapping[str, Any], where: str) -> Iterator[TaggedMessage]:
    """The message of a task; none if it was not annotated."""
    try:
        done = [one for one in row["annotations"] if not one.get("was_cancelled")]
        texts = [one for one in row["data"].values() if isinstance(one, str)]
        text = row["data"]["text"] if "text" in row["data"] or len(texts) != 1 else texts[0]
        results = [one.get("value", {}) for one in (done[0]["result"] if done else ())]
        spans = [
            (names[0], *_placed(text, place["start"], place["end"], value.get("text"), where))
            for value in results
            for kind, names in value.items()
            if kind.endswith("labels") and names
            # Those of a web page have their places in its text beside those in its elements.
            for place in (value.get("globalOffsets", value),)
        ]
        chosen = [one["choices"] for one in results if one.get("choices")]
        intent = chosen[0][0] if len(chosen) == 1 and len(chosen[0]) == 1 else ""
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"{where} is not of Label Studio's form: {error!r}") from None
    if done:
        yield tagged_message(text, spans, where, intent)


def _spacy(path: Path) -> Iterator[TaggedMessage]:
    try:
        import spacy
        from spacy.tokens import DocBin
    except ImportError:
        raise DataError(f"{path}: reading it needs spaCy; run: pip install spacy") from None
    try:
        docs = list(DocBin().from_disk(user_path(path)).get_docs(spacy.blank("en").vocab))
    except Exception as error:  # of many kinds, from msgpack, zlib and spaCy
        raise DataError(f"{path} is no file of spaCy's: {error}") from None
    for number, doc in enumerate(docs, 1):
        spans = [(one.label_, one.start_char, one.end_char) for one in doc.ents]
        where = f"{path}: message {number}"
        yield tagged_message(doc.text, spans, where, _category({"cats": doc.cats}) or "")


def _rasa(path: Path) -> Iterator[TaggedMessage]:
    import yaml

    try:
        # Plain text throughout: an intent may be called "yes".
        content = yaml.load(read_text([path]), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{path} is not valid YAML: {error}") from None
    groups = content.get("nlu") if isinstance(content, dict) else None
    if not isinstance(groups, list):
        raise DataError(f"{path} has no list 'nlu', as Rasa's training data has")
    for group in groups:
        if not isinstance(group, dict) or "intent" not in group:
            continue  # a synonym, a lookup table or a regular expression
        intent = str(group["intent"])
        told = group.get("examples") or ""
        for example in _rasa_examples(told, f"{path}: {intent}"):
            yield _rasa_example(example, intent, f"{path}: {intent}")


def _rasa_examples(told: Any, where: str) -> Iterator[str]:
    """The examples of an intent: a list, or text in which each line begins with a hyphen."""
    if isinstance(told, list):
        for row in told:
            text = str(row.get("text", "") if isinstance(row, dict) else row).strip()
            if text.startswith("-"):
                yield from _rasa_examples(text, where)
            elif text:
                yield text
        return
    lines = [line.strip() for line in str(told).split("\n")]
    yield from (line[1:].strip() for line in lines if line.startswith("-") and line[1:].strip())
    if others := [line for line in lines if line and line[0] not in "-#"]:
        warnings.warn(
            f"{where}: {len(others)} lines without '- ' left out, the first: {others[0]!r:.60}",
            ZooWarning,
            stacklevel=2,
        )


def _rasa_example(example: str, intent: str, where: str) -> TaggedMessage:
    parts: list[str] = []
    spans: list[tuple[str, int, int]] = []
    place = length = 0
    while match := _RASA.search(example, place):
        before, end, labels = example[place : match.start()], match.end(), [match["label"]]
        if not match["label"]:  # a table or a list of them, in whose values brackets may stand
            try:
                told, end = json.JSONDecoder().raw_decode(example, end)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{where} is not valid JSON: {error}") from None
            tables = told if isinstance(told, list) else [told]
            labels = [one.get("entity") if isinstance(one, dict) else None for one in tables]
            if any({"role", "group"} & one.keys() for one in tables if isinstance(one, dict)):
                warnings.warn(
                    f"{where}: roles and groups of entities are not learnt, only their labels",
                    ZooWarning,
                    stacklevel=2,
                )
        start = length + len(before)
        length = start + len(match["text"])
        spans += [(str(label or "").partition(":")[0], start, length) for label in labels]
        parts += [before, match["text"]]
        place = end
    text = "".join([*parts, example[place:]])
    if _RASA_LEFT.search(text):
        raise DataError(f"{where}: {example!r:.80} has an entity that cannot be read")
    return tagged_message(text, spans, where, intent)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not valid JSON: {error}") from None


def split_messages(
    messages: Sequence[TaggedMessage], fraction: float, seed: int
) -> tuple[list[TaggedMessage], list[TaggedMessage]]:
    """Training and validation messages; the same text is never in both.

    Args:
        messages: all of them.
        fraction: of the different texts held out for validation, one at least.
        seed: of the choice.

    Raises:
        DataError: there are fewer than two different messages.
    """
    texts = sorted({message.text for message in messages})
    held = {texts[n] for n in held_out(len(texts), fraction, seed, "different messages")}
    return (
        [message for message in messages if message.text not in held],
        [message for message in messages if message.text in held],
    )
