"""What Python's functions do to files and numbers, by the last part of their name.

Names, not types: the code is read, never run. The lists hold what analyses of tables use (pandas, polars, pyarrow,
duckdb, matplotlib, seaborn, plotly, altair, the standard library); a name that is in none of them gets the benefit of
doubt, which is "cannot tell".
"""
# ruff: noqa: SIM905 - lists of words read best as words

from __future__ import annotations

import re

# Open the file that an argument names.
_READERS = re.compile(
    r"(?:read|scan|open|load)_\w+|open|load|loads?txt|genfromtxt|fromfile|imread|imopen|dataset|connect|memmap"
    r"|(?:Parquet|Excel|Zip|Tar|H5|HDF|Netcdf)\w*(?:File|Store)|ZipFile|Workbook|PdfReader|FileInput|DictReader|reader"
)
# … as methods of a path.
PATH_READERS = frozenset({"open", "read_text", "read_bytes"})
# … or keywords that hold one.
PATH_WORDS = frozenset({"path", "filepath_or_buffer", "filename", "file", "fname", "source", "io", "fp", "path_or_buf"})
# Carry queries that name files.
QUERIES = frozenset({"sql", "query", "execute", "executescript", "read_sql", "read_sql_query", "from_query"})
# Get a path and do not open what it names.
_ONLOOKERS = frozenset(
    "print str repr Path PurePath exists isfile isdir is_file is_dir join basename dirname abspath realpath "
    "resolve stat getsize getmtime format append add extend insert sorted list tuple set len glob iglob iterdir "
    "listdir walk scandir rglob endswith startswith suffix replace copy copyfile copy2 move fspath expandvars "
    "expanduser joinpath split splitext as_posix relative_to absolute with_suffix with_name mkdir makedirs "
    "unlink remove enumerate zip map filter next iter min max dict info debug warning title suptitle set_title "
    "savefig upper lower strip removeprefix removesuffix match fullmatch search isinstance write writelines get "
    "setdefault update any all add_argument".split()
)
# Set up a figure: their numbers are sizes.
_STAGE = frozenset(
    "subplots figure gca gcf add_subplot add_axes add_gridspec GridSpec subplot subplot2grid subplot_mosaic "
    "twinx twiny set_xlim set_ylim set_xticks set_yticks xlim ylim xticks yticks tight_layout subplots_adjust "
    "rcParams set_theme set_option set_figwidth set_size_inches axhline axvline axhspan axvspan hlines vlines "
    "annotate text legend colorbar inset_axes make_subplots update_layout update_xaxes update_yaxes cycler "
    "set_palette default_rng seed set_seed".split()
)
# Draw their second argument over the first; the others draw the first.
_PAIRED = frozenset(
    "plot bar barh scatter step stem errorbar fill_between semilogx semilogy loglog stackplot polar line area".split()
)
_DRAWN = _PAIRED | frozenset(
    "hist pie boxplot violinplot imshow matshow pcolormesh contour contourf hexbin hist2d heatmap histplot "
    "barplot lineplot scatterplot kdeplot ecdfplot countplot regplot residplot lmplot catplot relplot displot "
    "pairplot jointplot stripplot swarmplot pointplot boxenplot clustermap Bar Scatter Pie Histogram Box Violin "
    "Heatmap Chart histogram box violin density_heatmap treemap sunburst funnel choropleth kde hexbin density".split()
)
LINES = frozenset({"plot", "line", "step", "fill_between", "loglog", "semilogx", "semilogy", "Scatter", "scatter"})
VALUES = frozenset({"y", "x", "height", "width", "data", "data_frame", "values", "z", "source", "wedges"})
WRITERS = re.compile(
    r"to_(csv|excel|parquet|json|feather|html|markdown|pickle|orc|xml)|write_(csv|parquet|json|excel|ipc)"
)
# Make numbers out of nothing.
_RANDOM = re.compile(
    r"rand|randn|randint|random|random_sample|integers|normal|uniform|choices?|shuffle|poisson|binomial|exponential"
    r"|lognormal|gauss|gammavariate|betavariate|standard_normal|make_(?:blobs|regression|classification)"
)
_RANDOM_OWNERS = re.compile(r"(?:^|\.)(?:random|rng|generator|default_rng|datasets)\b")
# Run a program or a text as code.
SHELLS = frozenset({"system", "run", "call", "check_call", "check_output", "getoutput", "Popen", "popen"})
UNREADABLE = frozenset(
    {"exec", "eval", "compile", "__import__", "runpy.run_path", "runpy.run_module", "importlib.import_module"}
)
COPIES = frozenset({"copy", "copyfile", "copy2", "move", "rename", "symlink_to"})
CHANGES = frozenset({"append", "extend", "insert", "add", "update", "appendleft", "setdefault", "concat"})


_KEEPING = frozenset(
    "str Path PurePath PosixPath list tuple sorted set iter reversed enumerate fspath abspath realpath normpath "
    "expanduser concat StringIO".split()
)


def keeps_text(name: str) -> bool:
    """Whether it gives back the text, or the texts, that it gets."""
    return name in _KEEPING


def reads(name: str) -> bool:
    """Whether a function of this name opens a file that it is given."""
    return bool(_READERS.fullmatch(name))


def looks_on(name: str) -> bool:
    """Whether it is known not to."""
    return name in _ONLOOKERS or name in _STAGE or name in _DRAWN


def sets_stage(name: str) -> bool:
    """Whether its numbers are sizes and limits, no data."""
    return name in _STAGE


def draws(name: str) -> bool:
    """Whether it draws."""
    return name in _DRAWN


def drawn_from(name: str) -> int:
    """Return the position of the argument that holds the values it draws, when it has so many."""
    return 1 if name in _PAIRED else 0


def makes_random(dotted: str) -> bool:
    """Whether `np.random.normal` and the like."""
    owner, _, name = dotted.rpartition(".")
    return bool(_RANDOM.fullmatch(name) and _RANDOM_OWNERS.search(owner)) or name.startswith("make_")
