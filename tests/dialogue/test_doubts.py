"""Messages that a model cannot read: what is doubted, what is not, and where it is told."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.conftest import CommandLine
from tests.dialogue.test_mood import mood_bundle
from tests.dialogue.test_tracking import tracker_bundle
from tests.dialogue.toy import make_task, save, tagger_bundle
from zoo import load_model
from zoo.dialogue import doubts
from zoo.dialogue.spelling import Spelling
from zoo.dialogue.training.learning import DialogueFinetuning, language_of
from zoo.dialogue.words import Words
from zoo.errors import FolderError

FRENCH = "Je voudrais un restaurant italien"
FOREIGN = "it seems to be in French; the model knows only English"


@pytest.fixture(scope="module")
def tracker() -> Any:
    return load_model("tracker_lstm.woz")


def doubts_of(model: Any, text: str) -> tuple[str, ...]:
    found: tuple[str, ...] = model.doubts_of(model.processor.encode(text))
    return found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", doubts.EMPTY),
        (" \t\n", doubts.EMPTY),
        ("😀😀", doubts.UNREADABLE),
        ("\x00\x1b\u202e", doubts.UNREADABLE),
        ("Привет", f"{doubts.LETTERS} (Cyrillic)"),
        ("寿司が食べたい", f"{doubts.LETTERS} (CJK, Hiragana)"),
        ("ƃuoɹʍ", doubts.LETTERS),
        (FRENCH, FOREIGN),
        ("JE VOUDRAIS UN RESTAURANT ITALIEN", FOREIGN),
        ("Möchten Sie reservieren?", FOREIGN.replace("French", "German")),
        ("asdf qwer zxcv", doubts.WORDS),
        ("qwrtz plmk", doubts.SPELLING),
        ("jkshdf", doubts.SPELLING),
        ("LKJHG?", doubts.SPELLING),
        ("for (i = 0; i < n; i++) { s += a[i]; }", doubts.SIGNS),
        ("def f(x): return x*2", doubts.CODE),
        ('print("hello world")', doubts.CODE),
        ("SELECT * FROM users WHERE id=1;", doubts.CODE),
        ('See <a href="x">this page</a> now', doubts.CODE),
        ("numbers.append(3)", doubts.CODE),
        ("x" * 3_001, "it has 3,001 characters; messages are shorter"),
    ],
)
def test_a_message_that_the_model_cannot_read_is_doubted(
    tracker: Any, text: str, reason: str
) -> None:
    assert doubts_of(tracker, text) == (reason,)


@pytest.mark.parametrize(
    "text",
    [
        "ok",
        "?",
        "hola",
        "12345",
        "Ana Lopez",
        "Björk Tchaikovsky",
        "BRWC",
        "qwr 4471",
        "hmmmmm",
        "Is it open on Sunday (the 4th)? I like R&B; and jazz :)",
        "my mail is ana_lopez@mail.com, see https://mail.com/?a=1&b=(2)",
        "iPhone 15 Pro Max",
        "A cheap thai place, please",
        "I'd like 한국 food",
        "no!!!!!!!!!!!!!!!!!!!! 😀",
        "Café Zoë in the north",
        "ＣＨＥＡＰ food",
        "I want food " * 200,
    ],
)
def test_other_messages_are_not(tracker: Any, text: str) -> None:
    assert doubts_of(tracker, text) == ()


def test_the_language_of_known_words_is_not_looked_at(
    tracker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "language_probabilities", lambda text: pytest.fail("it was"))
    assert doubts_of(tracker, "a cheap restaurant in the north of town") == ()


def test_a_model_of_unknown_or_of_more_languages_doubts_fewer() -> None:
    bundle = tracker_bundle()
    assert doubts_of(make_task(bundle), FRENCH) == (FOREIGN,)
    for card, decoder in (
        ({}, {}),
        ({"languages": ["xx"]}, {}),
        (bundle.card, {"languages": ["en", "fr"]}),
    ):
        task = make_task(replace(bundle, card=card, decoder=decoder))
        assert doubts_of(task, FRENCH) == (doubts.WORDS,)


def test_limits_are_settings_of_the_model() -> None:
    bundle = tracker_bundle()
    text = "I want zib"
    assert doubts_of(make_task(bundle), text) == ()
    strict = replace(bundle, decoder={"unknown_words": 0.3, "most_characters": 5})
    found = doubts_of(make_task(strict), text)
    assert found == (doubts.WORDS, "it has 10 characters; messages are shorter")
    assert doubts_of(make_task(replace(strict, decoder={"fewest_words": 6})), FRENCH) == ()
    for decoder in ({"unknown_words": 2}, {"languages": "en"}, {"fewest_words": 0}):
        with pytest.raises(FolderError, match=r"config\.json, decoder"):
            doubts_of(make_task(replace(bundle, decoder=decoder)), text)


def test_letters_of_known_words_are_known() -> None:
    words = Words(("привет",), 1, "abc")
    settings = doubts.DoubtSettings()
    assert doubts.find_doubts(words.encode("Привет"), words, settings, ()) == ()
    (found,) = doubts.find_doubts(words.encode("Привет, друзья"), words, settings, ())
    assert found == f"{doubts.LETTERS} (Cyrillic)"


def test_a_small_vocabulary_does_not_show_how_words_are_spelt() -> None:
    few = Words(tuple(f"wor{chr(97 + i)}" for i in range(26)), 26, "abcdefghijklmnopqrstuvwxyz")
    assert few.spelling.surprise(["qwrtz"]) is None
    assert doubts.find_doubts(few.encode("qwrtz"), few, doubts.DoubtSettings(), ()) == ()


def test_spelling_costs_what_a_chain_of_letters_counts() -> None:
    spelling = Spelling(["ab"] * 999 + ["Ác"])
    b_after_a, a_first, b_last = (999.5 / 1002, 1000.5 / 1002, 999.5 / 1001)
    # Four letters begin a pair: the space before a word, a, b and c.
    assert spelling.surprise(["ab"]) == pytest.approx(-np.log([b_after_a, a_first, b_last]).mean())
    assert spelling.surprise(["aaaab"]) == spelling.surprise(["AB"])


def test_every_result_has_its_own_doubts_live_as_well() -> None:
    chat = [FRENCH, "", "I want food"]
    for bundle in (tagger_bundle(), mood_bundle(), tracker_bundle()):
        task = make_task(bundle)
        whole = task.read_all(chat)
        assert [one.doubts[:1] for one in whole[:2]] == [(FOREIGN,), (doubts.EMPTY,)]
        assert whole[0].to_dict()["doubts"] == [FOREIGN]
        assert getattr(task, task.verb)(chat) == whole
        live = task.open_conversation()
        live.feed(chat[0])
        later = task.open_conversation(live.state.to_json())
        assert [later.feed(text) for text in chat[1:]] == whole[1:]


def test_what_the_system_says_is_doubted_too() -> None:
    (state,) = make_task(tracker_bundle()).track([(FRENCH, "system")])
    assert state.doubts == (FOREIGN,)


def test_the_command_prints_doubts(
    cli: CommandLine, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tracker_bundle(), tmp_path / "tracker")
    done = cli.run(["run", folder, "I want food", FRENCH], 0)
    assert done.stderr == f"zoo: unsure: message 2: {FOREIGN}\n"
    done = cli.run(["run", folder, FRENCH, "--json"], 0)
    assert json.loads(done.stdout)[0]["doubts"] == [FOREIGN]
    assert not done.stderr
    stream = io.TextIOWrapper(io.BytesIO(json.dumps({"text": FRENCH}).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    done = cli.run(["run", folder, "--follow"], 0)
    assert json.loads(done.stdout)["doubts"] == [FOREIGN]
    assert "another language" in " ".join(cli.run(["show", folder], 0).stdout.split())


def test_the_language_of_own_data_is_learnt() -> None:
    texts = [FRENCH, "Où est la gare, s'il vous plaît ?", "Je ne veux pas payer trop cher"]
    assert language_of(texts) == "fr"
    assert language_of(["ok", "4471"]) is None
    finetuning: Any = SimpleNamespace(
        training=[SimpleNamespace(text=text) for text in texts], text_of=lambda one: one.text
    )
    task = make_task(tagger_bundle())
    DialogueFinetuning.finish(finetuning, task)
    assert task.decoder["languages"] == ["en", "fr"]
    finetuning.training = [SimpleNamespace(text="Where is my parcel? I want it now.")] * 3
    other = make_task(tagger_bundle())
    DialogueFinetuning.finish(finetuning, other)
    assert "languages" not in other.decoder
