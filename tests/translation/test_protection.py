"""What a translation must keep is found, and nothing else."""

from __future__ import annotations

import pytest

from zoo.translation.protection import (
    NAME,
    NUMBER,
    TAG,
    find_protected,
    has_words,
    plain_outside,
    split_protected,
    with_entities,
    without_entities,
)


def test_a_link_may_lead_to_an_address_with_brackets() -> None:
    found = find_protected("See [the page](https://a.org/x_(y)) and ![it](b.png).")
    assert [one.text for one in found] == ["[", "](https://a.org/x_(y))", "![", "](b.png)"]
    assert {one.kind for one in found} == {TAG}


def test_spelling_is_plain_outside_of_what_is_kept() -> None:
    text = "“See” `echo “a”` at https://a.org/x–y, <a title=“b”>it’s</a> ½"
    plain = '"See" `echo “a”` at https://a.org/x–y, <a title=“b”>it\'s</a> ½'
    assert plain_outside(text) == plain
    assert not find_protected("Fine.It is so.And e.g.this or z.B.das.")
    assert plain_outside("I can’t … “go”") == 'I can\'t ... "go"'


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I have 911 books, 1,299.99 and 1 299 and -5.", ["911", "1,299.99", "1 299", "-5"]),
        ("It costs $1,299.99, 50 € or 20%.", ["$1,299.99", "50 €", "20%"]),
        ("On 2013-05-01, 1/2/2013 or 01.05.2013.", ["2013-05-01", "1/2/2013", "01.05.2013"]),
        ("At 2:30, 10am, 7h30 and 10:40h.", ["2:30", "10am", "7h30", "10:40h"]),
        ("Call +1 555-123-4567, MP3, A4, COVID-19.", ["+1 555-123-4567", "MP3", "A4", "COVID-19"]),
        ("A 24-hour day of -5 °C.", ["24", "-5 °C"]),
        ("5 km, 3 kg, 120 km/h, 2 l and 10 min.", ["5 km", "3 kg", "120 km/h", "2 l", "10 min"]),
        ("½ cup, 1½ m², < 100, ±5 or 5&nbsp;€", ["½", "1½ m²", "< 100", "±5", "5&nbsp;€"]),
        ("#12, § 5, No. 7, n° 3 of AB-12-CD", ["#12", "§ 5", "No. 7", "n° 3", "AB-12-CD"]),
        (
            "DE89 3704 0044 0532 0130 00, 4111 1111 1111",
            ["DE89 3704 0044 0532 0130 00", "4111 1111 1111"],
        ),
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
        ("(See https://a.org/M_(planet).)", ["https://a.org/M_(planet)"]),
        (
            "Https://a.com/b HTTP://A.COM/B EXAMPLE.COM",
            ["Https://a.com/b", "HTTP://A.COM/B", "EXAMPLE.COM"],
        ),
        ("Look at bit.ly/abc, t.me/x1. It", ["bit.ly/abc", "t.me/x1"]),
        ("{ name } {  } %1 of %L2, at", ["{ name }", "{  }", "%1", "%L2"]),
        ("#été @Élise java.util.List x", ["#été", "@Élise", "java.util.List"]),
        ("{name} {0:.2f} {{ user }} ${x}", ["{name}", "{0:.2f}", "{{ user }}", "${x}"]),
        (
            "%d %s %1$s %(n)s %.2f %NAME% [NAME]!",
            ["%d", "%s", "%1$s", "%(n)s", "%.2f", "%NAME%", "[NAME]"],
        ),
        ("Open /etc/hosts, ~/a.txt or src/a.py.", ["/etc/hosts", "~/a.txt", "src/a.py"]),
        ("In C:\\Users\\Tom\\a.txt, README.md.", ["C:\\Users\\Tom\\a.txt", "README.md"]),
        ("In C:\\Program Files\\App and", ["C:\\Program Files\\App"]),
        ("%{a} #{b} :c_d :smile: [Name]", ["%{a}", "#{b}", ":c_d", ":smile:", "[Name]"]),
        (
            "{n, plural, one {# a} other {# b}} __X__",
            ["{n, plural, one {# a} other {# b}}", "__X__"],
        ),
        ("R&D &amp; AT&amp;T & <%= x %>", ["R&D", "&amp;", "AT&amp;T", "&", "<%= x %>"]),
        ("Use file_name, main(), --force and -v.", ["file_name", "main()", "--force", "-v"]),
        ("Dear <name>, @jack &lt; 192.168.0.1", ["<name>", "@jack", "&lt;", "192.168.0.1"]),
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
    ("text", "tags"),
    [
        (
            "A&nbsp;b &lt;i&gt;c&lt;/i&gt; © <0>d</0>",
            ["&nbsp;", "&lt;i&gt;", "&lt;/i&gt;", "©", "<0>", "</0>"],
        ),
        ("**Hi** _you_ *there* ~~no~~", ["**", "**", "_", "_", "*", "*", "~~", "~~"]),
        ("See [this](https://a.b/c) and ![it](a.png)", ["[", "](https://a.b/c)", "![", "](a.png)"]),
    ],
)
def test_tags_are_marks_of_html_and_markdown(text: str, tags: list[str]) -> None:
    found = find_protected(text)
    assert [one.text for one in found] == tags
    assert {one.kind for one in found} == {TAG}


def test_entities_of_letters_become_letters_and_come_back() -> None:
    text = "Don&rsquo;t eat caf&eacute; &amp; &#39;x&#39; at https://a.b?c&eacute;d &nope;"
    plain, entities = without_entities(text)
    assert plain == "Don’t eat café &amp; 'x' at https://a.b?c&eacute;d &nope;"
    assert with_entities("l'été", entities) == "l&#39;&eacute;t&eacute;"
    assert with_entities("l'été", without_entities("no entity & it")[1]) == "l'été"
    assert not has_words("&nbsp;&amp; &hellip;")
    assert has_words("&eacute;")


@pytest.mark.parametrize(
    "text",
    [
        "Cats * dogs, a snake: :) [x] it's",
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


@pytest.mark.parametrize("part", ["a", "a.b", "ab-", "a@", "1.a", "../", "A-1", "a_b", "{a"])
def test_a_text_without_a_space_takes_no_more_time_than_its_length(part: str) -> None:
    text = part * (40_000 // len(part))  # minutes, where each place is tried with all that follow
    rest = "".join(split_protected(text))
    assert rest == text
