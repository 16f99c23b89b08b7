"""What a translation must keep is found, and nothing else."""

from __future__ import annotations

import pytest

from zoo.translation.protection import NAME, NUMBER, TAG, find_protected, has_words, split_protected


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I have 911 books, 1,299.99 and 1 299 and -5.", ["911", "1,299.99", "1 299", "-5"]),
        ("It costs $1,299.99, 50 € or 20%.", ["$1,299.99", "50 €", "20%"]),
        ("On 2013-05-01, 1/2/2013 or 01.05.2013.", ["2013-05-01", "1/2/2013", "01.05.2013"]),
        ("At 2:30, 10am, 7h30 and 10:40h.", ["2:30", "10am", "7h30", "10:40h"]),
        ("Call +1 555-123-4567, MP3, A4, COVID-19.", ["+1 555-123-4567", "MP3", "A4", "COVID-19"]),
        ("A 24-hour day of -5 °C.", ["24", "-5 °C"]),
    ],
)
def test_numbers_of_all_kinds_are_kept(text: str, kept: list[str]) -> None:
    found = find_protected(text)
    assert [one.text for one in found] == kept
    assert {one.kind for one in found} == {NUMBER}
    assert all(text[one.start : one.end] == one.text for one in found)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("See https://a.org/x?y=1&z=2, or (www.b.de).", ["https://a.org/x?y=1&z=2", "www.b.de"]),
        ("Ask tom+x@example.co.uk. Now", ["tom+x@example.co.uk"]),
        ("{name} {0:.2f} {{ user }} ${x}", ["{name}", "{0:.2f}", "{{ user }}", "${x}"]),
        (
            "%d %s %1$s %(n)s %.2f %NAME% [NAME]!",
            ["%d", "%s", "%1$s", "%(n)s", "%.2f", "%NAME%", "[NAME]"],
        ),
        ("Open /etc/hosts, ~/a.txt or src/a.py.", ["/etc/hosts", "~/a.txt", "src/a.py"]),
        ("In C:\\Users\\Tom\\a.txt, README.md.", ["C:\\Users\\Tom\\a.txt", "README.md"]),
        ("Use file_name, main(), --force and -v.", ["file_name", "main()", "--force", "-v"]),
        ("Dear <name>, @jack &nbsp; 192.168.0.1", ["<name>", "@jack", "&nbsp;", "192.168.0.1"]),
    ],
)
def test_addresses_placeholders_and_paths_are_kept(text: str, kept: list[str]) -> None:
    found = find_protected(text)
    assert [one.text for one in found] == kept
    assert {one.kind for one in found} == {NAME}


def test_tags_are_told_from_placeholders() -> None:
    found = find_protected('<b>Hi</b> <user>, <x-y>a</x-y> <img src="a b.png"/>')
    kinds = {one.text: one.kind for one in found}
    assert kinds.pop("<user>") == NAME
    assert set(kinds.values()) == {TAG}
    assert len(kinds) == 5


@pytest.mark.parametrize(
    "text",
    [
        "The 20th century, the 1st and the 1990s.",
        "Le 1er mai et la 2e fois.",
        "He and/or she, km/h, e.g. this.",
        "I left.Then he came. Don't!",
        "A well-known man - yes. (No.)",
    ],
)
def test_plain_words_are_not_kept(text: str) -> None:
    assert [one.text for one in find_protected(text)] == []


def test_a_text_without_letters_of_its_own_has_no_words() -> None:
    assert not has_words("https://example.com 911, {name}!")
    assert has_words("911 é")


def test_a_text_is_split_into_what_is_kept_and_what_is_not() -> None:
    text = "¿Hola {name}, see (911) please!"
    parts = split_protected(text)
    assert "".join(parts) == text
    assert parts == ["¿Hola", " ", "{name}", ", ", "see", " (", "911", ") ", "please!"]
