"""Who writes in which split of the handwriting corpora; everyone else is in the training split.

No writer, will or letter is in two splits.
"""

from __future__ import annotations

import re


def _names(prefix: str, numbers: str) -> frozenset[str]:
    return frozenset(prefix + number for number in numbers.split())


COPISTE_VALIDATION = _names(
    "imp_wikitexte_",
    "0082 0091 0101 0103 0108 0111 0117 0125 0203 0206 0209 0227 0230 0310",
) | _names("wikitexte_", "0009 0013 0024 0029 0057 0059 0087 0111 0137 0235 0249 0281")
COPISTE_TEST = _names(
    "imp_wikitexte_", "0024 0090 0105 0123 0147 0158 0166 0178 0183 0307"
) | _names("wikitexte_", "0002 0007 0014 0019 0048 0063 0066 0071 0182 0184 0190 0234")

POILUS_VALIDATION = _names(
    "TestamentsDePoilus_will_",
    "AD78_0020 AD78_0045 AD78_0076 AD95_0036 AN_0082 AN_0154 AN_0158 AN_0180 AN_0183 AN_0225 "
    "AN_0265 AN_0305 AN_0332 AN_0340",
)
POILUS_TEST = _names(
    "TestamentsDePoilus_will_",
    "AN_0001 AN_0006 AN_0065 AN_0090 AN_0192 AN_0199 AN_0201 AN_0213 AN_0240 AN_0252 AN_0314 "
    "AN_0334",
)

HOOKER_VALIDATION = _names("JDH_2_16_", "186 194 67 83")
HOOKER_TEST = _names("JDH_2_16_", "167 173 177 196 22 32 50 65 66 71 74")

UNIPEN_VALIDATION = frozenset(
    [
        "1012",
        "3050",
        "aks",
        "anita_2956",
        "bam11",
        "billrivard",
        "cam",
        "crlmtchl",
        "ctw",
        "d1_ww000093",
        "d1_ww000145",
        "d1_ww001119",
        "d1_ww001123",
        "d2_ww000140",
        "eng_0003",
        "eric_behnke_1",
        "g9304",
        "gene_ciccarelli",
        "hpb0-ckb",
        "hpb5-swd",
        "jane_zahra",
        "jekn827",
        "jg2699",
        "jhjung",
        "jmmeiss",
        "jtkr3293",
        "mark_pontarelli_1",
        "mlmt5536",
        "mum_0113",
        "paul_polizzotto",
        "phi-writer-sw1",
        "psh",
        "ra0112",
        "rhonda_rogers",
        "rila",
        "rish6239",
        "rmnn2357",
        "shirley_4567",
        "sncn4237.b",
        "sv3771",
        "usha_3527",
        "wcd",
        "wd143.dat",
        "wd217.dat",
        "yhw0092",
        "ylsn6164",
    ]
)
UNIPEN_TEST = frozenset(
    [
        "1017",
        "2044",
        "3042",
        "aal",
        "albaharna",
        "bs2",
        "cp4232",
        "d1_st000024",
        "d1_st000038",
        "d1_ww000092",
        "d1_ww000101",
        "davidsinger",
        "defne_5672",
        "ek2448",
        "flad4341",
        "gregory_slama",
        "harveylehtman",
        "hpb0-mml",
        "hpb0-sd",
        "hpb2-mg",
        "hpb3rc0",
        "irl_8127",
        "jhkim",
        "jon_klein",
        "kate",
        "mark_polland",
        "oa",
        "peter",
        "r01-12",
        "r04-04",
        "rcw-dig15",
        "tds-dig21",
        "tg4289",
        "wd216.dat",
        "zor-dig22",
    ]
)


def copiste_writer(page: str) -> str:
    """Who copied a page: a text is of one hand, and its pages are numbered from 1."""
    return re.sub(r"_\d$", "", page)


def poilus_writer(page: str) -> str:
    """Whose will a page is of: its pages are numbered from 0."""
    return page.rpartition("-")[0]


def hooker_letter(page: str) -> str:
    """Which letter a page is of."""
    return re.sub(r"_?\d{3}(?: \(\d+\))?$", "", page)


def split_of(name: str, validation: frozenset[str], test: frozenset[str]) -> str:
    """The split of a writer, a will or a letter."""
    return "validation" if name in validation else "test" if name in test else "train"
