"""Running texts for the character language models."""

from __future__ import annotations

from zoo.datasets.base import Resource, TextCorpus
from zoo.errors import DataError


class KarpathyShakespeare(TextCorpus):
    """Tiny Shakespeare, split as nanoGPT splits it: the last 10 % is the test text.

    nanoGPT calls that part "val" and publishes its figures on it. The validation text is cut out of
    the middle of the rest, so that nothing is chosen on the published part and training still
    reaches the play in whose middle the test text begins.
    """

    RESOURCE = Resource(
        "https://raw.githubusercontent.com/karpathy/char-rnn/"
        "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    )
    SUMMARY = "40,000 lines of Shakespeare's plays, as one text."
    HOMEPAGE = "https://github.com/karpathy/char-rnn"
    CITATION = "Andrej Karpathy, char-rnn, 2015. https://github.com/karpathy/char-rnn"
    LICENSE = "public domain"

    def split_text(self, text: str) -> dict[str, str]:
        """88 % to train on, 2 % to validate on and 10 % to test on."""
        return split_by_share(text, validation=(0.44, 0.46), test=0.9)


class WarAndPeace(TextCorpus):
    """War and Peace, Project Gutenberg's text without its header and footer.

    The last 20 % is the test text, the proportion of DeepOBS (Schneider et al. 2019); the
    validation text is 2 % out of the middle of the rest.
    """

    RESOURCE = Resource(
        "https://raw.githubusercontent.com/GITenberg/War-and-Peace_2600/"
        "fa22ab90f00f627e83d14acabe32d91602d2365d/2600-0.txt",
        "6cbcc5ca5e590fb9ace161a5b93e4ecf280d7118104be0d63b686c004cfa70ae",
    )
    SUMMARY = "War and Peace by Leo Tolstoy, translated by Louise and Aylmer Maude, as one text."
    HOMEPAGE = "https://www.gutenberg.org/ebooks/2600"
    CITATION = "Leo Tolstoy, War and Peace, Project Gutenberg EBook 2600."
    LICENSE = "public domain"

    def split_text(self, text: str) -> dict[str, str]:
        """78 % to train on, 2 % to validate on and 20 % to test on."""
        return split_by_share(gutenberg_body(text), validation=(0.39, 0.41), test=0.8)


def split_by_share(text: str, *, validation: tuple[float, float], test: float) -> dict[str, str]:
    """Cut a text: from ``test`` on to test, from the first to the second ``validation`` to choose.

    The training text is the rest, both sides of the validation text joined. All are fractions
    of the text's length.
    """
    start, end, last = (int(len(text) * fraction) for fraction in (*validation, test))
    return {
        "train": text[:start] + text[end:last],
        "validation": text[start:end],
        "test": text[last:],
    }


def gutenberg_body(text: str) -> str:
    """The book in a Project Gutenberg file: what stands between the licence's markers.

    Raises:
        DataError: the markers are missing.
    """
    start = text.find("*** START OF THIS PROJECT GUTENBERG EBOOK")
    end = text.find("End of the Project Gutenberg EBook")
    if start < 0 or end < start:
        raise DataError("the file has no Project Gutenberg markers")
    return text[text.index("\n", start) : end].strip()
