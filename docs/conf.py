import os
import pathlib
import re
import warnings

import sklearn_xent

project = "sklearn_xent"
author = "The sklearn_xent developers"
copyright = "2026, " + author
release = version = sklearn_xent.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas show without a network
    "myst_parser",  # the changelog is Markdown
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
if os.environ.get("DOCS_INTERSPHINX"):  # needs the network
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }

default_role = "py:obj"
templates_path = ["_templates"]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_title = "sklearn_xent"
html_sidebars = {"*": []}  # pages of their own, without sections to navigate
html_theme_options = {
    "header_links_before_dropdown": 5,
    "header_dropdown_text": "More",
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False

# what is copied runs: no prompts, no results
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autosummary_generate = True
toc_object_entries_show_parents = "hide"  # the column beside a page is narrow
autodoc_typehints = "none"  # the docstrings say more than Any
numpydoc_show_class_members = False
# undocumented or unknown parameters, and summaries, fail the build
numpydoc_validation_checks = {"PR01", "PR02", "PR06", "RT03", "SS01", "GL01", "GL03", "YD01"}
# what functions return: their fields are documented as attributes
# what functions return, and no user makes
RETURNED = "Decomposition|Comparison|CrossEntropyPath|Inference|ProfileInference|Report"
numpydoc_validation_exclude = {
    r"\.(Decomposition|Comparison|CrossEntropyPath)\b",
    r"\.(Inference|ProfileInference|Report)$",
}
numpydoc_class_members_toctree = False

warnings.filterwarnings("ignore", message="Matplotlib is currently using agg")
suppress_warnings = ["config.cache"]  # the orders below are functions
SECTIONS = (pathlib.Path(__file__).parents[1] / "examples" / "README.rst").read_text()


def place(path):
    """Where an example is in the gallery's sections; one that is in none fails the build."""
    return SECTIONS.index(f"../examples/{os.path.basename(path)}\n")


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "backreferences_dir": "gallery/backreferences",
    "filename_pattern": r"/plot_",
    "within_subsection_order": place,
    "minigallery_sort_order": place,
    "capture_repr": (),  # no page ends with the repr of a display
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 1e6,
    "abort_on_example_error": True,
}


def sections_alone(app, docname, source):
    """Take the list of all examples out of the gallery's page: its sections have shown them."""
    if docname == "gallery/index":
        thumbnails = r"\.\. raw:: html\n\n    <div class=\"sphx-glr-thumbnails\">.*?(?=\.\. toctree::)"
        source[0], found = re.subn(thumbnails, "", source[0], flags=re.DOTALL)
        assert found == 1, "sphinx-gallery writes its list of examples in another way"


def without_arguments(app, what, name, obj, options, signature, annotation):
    """Show how a class is called only where a user calls it."""
    return ("", None) if re.fullmatch(rf"sklearn_xent\.({RETURNED})", name) else None


def without_aliases(app, what, name, obj, skip, options):
    """Leave out the fields of a named tuple, which its docstring describes."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    app.connect("source-read", sections_alone)
    app.connect("autodoc-process-signature", without_arguments)
    app.connect("autodoc-skip-member", without_aliases)
