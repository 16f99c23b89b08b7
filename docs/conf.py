"""Settings of the documentation; build it with scripts/docs."""

import zoo

project = "the zoo"
author = "the maintainers of the zoo"
version = release = zoo.__version__
html_title = f"{project} {release}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
]
html_theme = "furo"
html_copy_source = False
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

smartquotes = False  # they would make one dash of the two in --option
# A docstring says `name` where it means code.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
# Thousands of functions in the contents of one page help nobody, and the theme copies them for
# every page: more than half of the time that the documentation took.
toc_object_entries = False

# Every reference must lead somewhere, but these lead out of the project.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(np|numpy|keras|tf|tensorflow|tensorflow_datasets|click|collections|pathlib|typing|os|abc|PIL|xml|datetime)\..*",
    ),
    (r"py:.*", r"(Path|Any|Callable|Iterable|Iterator|Mapping|Sequence|ClassVar|Protocol)"),
    (r"py:.*", r"(Self|Unpack|TypedDict|NamedTuple)"),
    (r"py:(class|obj)", r"(.*\.)?([A-Z]|TaskT|Source|Read)"),  # type variables
    # Names of types in signatures, which are not pages of their own.
    (r"py:class", r"(AudioSource|LayoutFormat|zoo\.dialogue\..*\.(Sentiment|Tracker)Inference)"),
]


def shorten_defaults(app, what, name, thing, options, signature, returns):
    """Write a dataclass's ``<factory>`` as ``...``, which Sphinx can parse as Python."""
    return (signature or "").replace("<factory>", "...") or None, returns


def show_public_bases(app, name, thing, options, bases):
    """Name a private base's own bases in its place, since it has no entry that could be linked."""
    while private := [b for b in bases if getattr(b, "__name__", "").startswith("_")]:
        for base in private:
            place = bases.index(base)
            bases[place : place + 1] = base.__bases__


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", shorten_defaults)
    app.connect("autodoc-process-bases", show_public_bases)
