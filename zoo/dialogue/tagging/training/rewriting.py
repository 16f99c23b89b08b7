"""Messages as people write them, made from short ones: joined, with capitals and punctuation.

Chats of customers that were collected for research are in lower case, without punctuation and a
clause each. Real messages say several things at once: "Hi, I'm Ana Lopez, order 4471 was for March
3rd". The messages made here join clauses around values of the training data.
"""

from __future__ import annotations

import datetime
import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from zoo.dialogue.datasets import Span, TaggedMessage

CLAUSES: Mapping[str, tuple[str, ...]] = {
    "account": ("account {}", "my account number is {}", "from account {}", "account no. {}"),
    "address": ("my address is {}", "ship it to {}", "I live at {}", "deliver to {}"),
    "amount": (
        "it was {}",
        "I was charged {}",
        "the amount is {}",
        "a refund of {}",
        "you took {} from my account",
        "{} was too much",
    ),
    "booking": ("booking {}", "my booking reference is {}", "confirmation number {}"),
    "card": ("card {}", "my card number is {}", "the card ending in {}", "card no. {}"),
    "city": ("in {}", "I live in {}", "from {}"),
    "claim": ("claim {}", "my claim number is {}", "about claim {}"),
    "company": ("I work for {}", "my company is {}", "at {}"),
    "date": ("for {}", "on {}", "it was for {}", "the date is {}", "since {}", "{} please"),
    "email": ("my email is {}", "write to {}", "email {}", "{} is my email"),
    "order": (
        "order {}",
        "my order number is {}",
        "about order {}",
        "order #{}",
        "order no. {}",
        "my order {} has not arrived",
        "where is order {}",
        "order {} was",
    ),
    "people": ("for {}", "we are {}", "a table for {}", "there will be {}"),
    "person": ("I'm {}", "I am {}", "this is {}", "my name is {}", "it's {}", "{} here", "name {}"),
    "phone": (
        "my phone number is {}",
        "my number is {}",
        "call me on {}",
        "call {}",
        "phone {}",
        "you can reach me at {}",
        "{} is my phone",
    ),
    "policy": ("policy {}", "my policy number is {}", "about policy {}"),
    "postcode": ("zip {}", "my zip code is {}", "postcode {}"),
    "time": ("at {}", "around {}", "by {}", "at about {}"),
}
"""For each label the clauses that its values are put into."""

_CAPITALS = ("person", "city", "company", "departure", "destination")
_CODES = ("account", "booking", "claim", "order", "policy")
_PHONES = (
    "###-###-####",
    "###-####-####",
    "(###) ###-####",
    "(###)###-####",
    "### ### ####",
    "##########",
    "###.###.####",
    "+1 ### ### ####",
    "+1-###-###-####",
    "+44 ## #### ####",
    "+44 #### ######",
    "0## #### ####",
    "0#### ######",
    "+49 ### #######",
    "###-####",
)
_CARDS = ("#" * 16, "#### #### #### ####", "####-####-####-####", "####")
_MONEY = (
    *("${}", "${}", "${}", "€{}", "£{}", "$ {}", "{}€", "{} €", "{}$"),
    *("{} dollars", "{} euros", "{} pounds", "{} USD", "USD {}", "{} EUR"),
)
_DATES = (
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m/%d/%y", "{day}/{month}", "{month}/{day}"),
    *("%B {ordinal}", "%B {day}", "{ordinal} of %B", "{day} %B %Y", "%b {day}", "{day} %b"),
    *("%B {ordinal}, %Y", "%A", "%A %B {ordinal}", "{ordinal} %B"),
)
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}
_OPENINGS = ("Hi", "Hello", "Hey there", "Good morning", "Hi there", "Thanks", "Sorry", "OK")
_JOINS = (", ", ", ", ", ", ". ", ". ", " and ", " - ", "; ", "\n", " ")


def rewritten(messages: Sequence[TaggedMessage], count: int, seed: int) -> list[TaggedMessage]:
    """New messages from the values and the sentences of others.

    Args:
        messages: in the labels of the model.
        count: how many to make.
        seed: of the choice.
    """
    rng = random.Random(seed)
    bank: dict[str, list[str]] = defaultdict(list)
    plain: list[TaggedMessage] = []
    for message in messages:
        for span in message.entities:
            bank[span.label].append(message.text[span.start : span.end])
        if len(message.text) < 80:
            plain.append(message)
    bank["order"].append("4471")  # orders get numbers of their own, see _code
    labels = [label for label in CLAUSES if bank[label]]
    made = []
    for _ in range(count):
        parts = []
        if rng.random() < 0.35:
            parts.append(TaggedMessage(rng.choice(_OPENINGS)))
        for _ in range(rng.choice((1, 1, 2, 2, 3))):
            if plain and rng.random() < 0.3:
                parts.append(_capitalised(rng.choice(plain)))
            else:
                parts.append(_clause(rng, bank, rng.choice(labels)))
        joined = parts[0]
        for part in parts[1:]:
            joined = _joined(joined, rng.choice(_JOINS), part)
        made.append(_cased(rng, joined))
    return made


def _clause(rng: random.Random, bank: Mapping[str, list[str]], label: str) -> TaggedMessage:
    value = rng.choice(bank[label])
    if label == "order" or (label in _CODES and rng.random() < 0.6):
        value = _code(rng)
    elif label == "email" and rng.random() < 0.7:
        value = _mail(rng, rng.choice(bank["person"] or ["ana"]))
    elif label in _WRITTEN and rng.random() < 0.6:
        value = _WRITTEN[label](rng)
    if label in _CAPITALS:
        value = _title(value)
    before, _, after = rng.choice(CLAUSES[label]).partition("{}")
    span = Span(label, len(before), len(before) + len(value))
    return TaggedMessage(f"{before}{value}{after}", (span,))


def _code(rng: random.Random) -> str:
    """A number as orders have, with letters before it now and then."""
    digits = "".join(rng.choices("0123456789", k=rng.randint(3, 9)))
    letters = "".join(rng.choices("ABCDEFGHKLMNPRSTUVWXYZ", k=rng.randint(1, 3)))
    return rng.choice((digits, digits, digits, f"{letters}{digits}", f"{letters}-{digits}"))


def _mail(rng: random.Random, name: str) -> str:
    user = rng.choice((".", "_", "", "-")).join(re.findall(r"\w+", name.lower())) or "info"
    number = rng.choice(("", "", str(rng.randint(1, 99))))
    host = rng.choice(("gmail.com", "mail.com", "yahoo.co.uk", "example.org", "outlook.com"))
    return f"{user}{number}@{host}"


def _digits(rng: random.Random, pattern: str) -> str:
    """A pattern with a digit for each ``#``."""
    return re.sub("#", lambda _: rng.choice("0123456789"), pattern)


def _phone(rng: random.Random) -> str:
    """A telephone number as people write it."""
    return _digits(rng, rng.choice(_PHONES))


def _card(rng: random.Random) -> str:
    """The number of a card, in groups or not, or its last four digits."""
    return _digits(
        rng, rng.choice(("#" * 16, "#### #### #### ####", "####-####-####-####", "####"))
    )


def _amount(rng: random.Random) -> str:
    """A sum of money, with a sign or a word for the currency on either side."""
    whole = rng.choice((rng.randint(1, 99), rng.randint(10, 999), rng.randint(1000, 9999)))
    number = f"{whole:,}" if rng.random() < 0.6 else str(whole)
    if rng.random() < 0.5:
        number += f".{rng.randint(0, 99):02d}"
    return rng.choice(_MONEY).format(number)


def _date(rng: random.Random) -> str:
    """A day in figures, or with the name of its month."""
    day = datetime.date(2019, 1, 1) + datetime.timedelta(rng.randrange(4000))
    ordinal = f"{day.day}{_ORDINALS.get(day.day % 10 * (day.day // 10 != 1), 'th')}"
    return day.strftime(rng.choice(_DATES)).format(day=day.day, month=day.month, ordinal=ordinal)


def _time(rng: random.Random) -> str:
    """A time of the day."""
    hour, minute = rng.randint(0, 23), rng.choice((0, 15, 30, 45, rng.randint(0, 59)))
    half = rng.choice(("am", "pm", " am", " pm", " PM", "AM"))
    return rng.choice(
        (
            f"{hour}:{minute:02d}",
            f"{hour % 12 + 1}:{minute:02d}{half}",
            f"{hour % 12 + 1}{half}",
            f"{hour % 12 + 1} o'clock",
        )
    )


_WRITTEN: Mapping[str, Callable[[random.Random], str]] = {
    "amount": _amount,
    "card": _card,
    "date": _date,
    "phone": _phone,
    "time": _time,
}
"""For labels whose values people write in many ways, one that writes them; the corpora, collected
by speech or in lower case, have few of these."""


def _joined(first: TaggedMessage, join: str, second: TaggedMessage) -> TaggedMessage:
    text, shift = first.text + join, len(first.text) + len(join)
    moved = (Span(s.label, s.start + shift, s.end + shift) for s in second.entities)
    return TaggedMessage(text + second.text, (*first.entities, *moved))


def _capitalised(message: TaggedMessage) -> TaggedMessage:
    """A message with capitals where names are and an ``I`` for every ``i``."""
    text = re.sub(r"\bi\b", "I", message.text)
    for span in message.entities:
        if span.label in _CAPITALS:
            text = text[: span.start] + _title(text[span.start : span.end]) + text[span.end :]
    return TaggedMessage(text, message.entities)


def _cased(rng: random.Random, message: TaggedMessage) -> TaggedMessage:
    """A message as it is, in lower case, or as a sentence with its end."""
    text, style = message.text, rng.random()
    lower = text.lower()
    if style < 0.3 and len(lower) == len(text):
        text = lower
    elif style < 0.7:
        text = text[:1].upper() + text[1:] + rng.choice((".", "!", "?", ".", ""))
    return TaggedMessage(text, message.entities)


def _title(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
