r"""Which TeX may be typeset: only commands known to do nothing but draw.

A page's MathJax is shared by all its cells and keeps definitions (`\def`, `\newcommand`, `\let`) and labels;
other commands make links, set classes and styles, load packages, or move what they draw over its surroundings. So the
list says what is allowed, and what is not on it is shown as code.
"""

from __future__ import annotations

import re

MAX_LENGTH = 5000
"""Characters of one formula; longer ones are shown as code (front-ends.md, section 3)."""
_MAX_DEPTH = 60  # MathJax descends once per brace
_MAX_BACK = 8  # spaces to the left, each up to a third of an em: more could draw over what stands before the formula

_COMMAND_WORDS = """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi omicron pi
    varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon
    Phi Psi Omega varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega digamma
    aleph beth gimel daleth hbar hslash ell wp Re Im imath jmath partial infty nabla emptyset varnothing forall exists
    nexists neg lnot top bot angle measuredangle sphericalangle triangle square blacksquare Box Diamond diamond
    lozenge blacklozenge star bigstar ast circ bullet cdot cdotp ldotp times div pm mp dotplus setminus smallsetminus
    cap cup Cap Cup uplus sqcap sqcup wedge land vee lor barwedge veebar oplus ominus otimes oslash odot amalg dagger
    ddagger wr bigcirc boxplus boxminus boxtimes boxdot ltimes rtimes intercal
    le leq ge geq lt gt ne neq ll gg lll ggg leqslant geqslant lesssim gtrsim approx approxeq sim simeq cong equiv
    asymp doteq propto varpropto prec succ preceq succeq precsim succsim subset supset subseteq supseteq subsetneq
    supsetneq subseteqq supseteqq sqsubset sqsupset sqsubseteq sqsupseteq in notin ni owns mid nmid parallel nparallel
    perp vdash dashv models vDash Vdash bowtie smile frown between pitchfork triangleq triangleleft triangleright
    trianglelefteq trianglerighteq nleq ngeq nless ngtr nsim ncong nsubseteq nsupseteq nprec nsucc lessgtr gtrless
    therefore because not colon coloneqq eqqcolon vcentcolon
    to gets leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow uparrow downarrow updownarrow
    Uparrow Downarrow Updownarrow longleftarrow longrightarrow longleftrightarrow Longleftarrow Longrightarrow
    Longleftrightarrow mapsto longmapsto implies impliedby iff hookleftarrow hookrightarrow leftharpoonup
    leftharpoondown rightharpoonup rightharpoondown rightleftharpoons leftrightharpoons nearrow searrow swarrow
    nwarrow rightsquigarrow leadsto twoheadrightarrow twoheadleftarrow rightarrowtail circlearrowleft circlearrowright
    curvearrowleft curvearrowright upharpoonright restriction multimap nrightarrow nleftarrow nRightarrow nLeftarrow
    xrightarrow xleftarrow xRightarrow xLeftarrow xleftrightarrow xmapsto
    sum prod coprod int iint iiint oint bigcap bigcup bigsqcup bigvee bigwedge bigodot bigotimes bigoplus biguplus
    arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max min
    Pr sec sin sinh sup tan tanh injlim projlim varlimsup varliminf operatorname operatornamewithlimits bmod pmod mod
    pod limits nolimits
    frac dfrac tfrac cfrac binom dbinom tbinom sqrt root of over choose atop brace brack stackrel overset underset
    overline underline overbrace underbrace overrightarrow overleftarrow overleftrightarrow underrightarrow
    underleftarrow widehat widetilde hat check breve acute grave tilde bar vec dot ddot dddot ddddot mathring prime
    backprime boxed substack sideset cancel bcancel xcancel phantom hphantom vphantom
    left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm
    lbrace rbrace lbrack rbrack langle rangle lvert rvert lVert rVert vert Vert lfloor rfloor lceil rceil ulcorner
    urcorner llcorner lrcorner lgroup rgroup lmoustache rmoustache backslash
    mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak mathbb mathnormal boldsymbol bm pmb bf it rm sf tt cal
    frak Bbb text textrm textbf textit textsf texttt textnormal mbox emph displaystyle textstyle scriptstyle
    scriptscriptstyle tiny small normalsize large Large mathop mathbin mathrel mathord mathopen mathclose mathpunct
    mathinner
    quad qquad enspace thinspace medspace thickspace negthinspace negmedspace negthickspace space nobreakspace
    ldots cdots vdots ddots dots dotsb dotsc dotsi dotsm dotso iddots hdots nonumber notag tag cr hline hdashline
    dag ddag S P pounds yen euro copyright circledR checkmark maltese flat natural sharp clubsuit diamondsuit
    heartsuit spadesuit degree textdegree mho eth Finv Game complement surd Bbbk
    color textcolor begin end ce pu
"""
_COMMANDS = frozenset(_COMMAND_WORDS.split())
_SYMBOLS = frozenset("\\ ,;:!.|{}#%&_>'\"`^~=-/\n")
_ENVIRONMENT_WORDS = """
    matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array align aligned alignat alignedat alignat gather
    gathered equation eqnarray multline split cases dcases rcases subarray flalign
"""
_ENVIRONMENTS = frozenset(_ENVIRONMENT_WORDS.split())
_COMMAND = re.compile(r"\\([A-Za-z]+|.|\Z)", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)(\{([A-Za-z]+)\*?\})?")
_BACK = re.compile(r"\\(?:!|neg(?:thin|med|thick)space(?![A-Za-z]))")
# What stands after \begin{…} says how often, and `\\[…]` how far: \begin{alignat}{999999999} alone ends the page.
_COLUMNS = re.compile(r"\\begin\{(?:sub)?array\}\s*(?:\[[tbc]\]\s*)?(\{[lcr|: ]{1,60}\})?")
_PAIRS = re.compile(r"\\begin\{align(?:ed)?at\*?\}\s*(?:\[[tbc]\]\s*)?(\{\d{1,2}\})?")
_ROW = re.compile(r"\\\\\*?\s*\[(\s*\d{0,2}(?:\.\d{1,3})?\s*(?:em|ex|pt|mm|px|mu)\s*\])?")
_COLOUR = re.compile(r"\\(?:text)?color(?![A-Za-z])(\{[A-Za-z]{1,20}\}|\{#[0-9A-Fa-f]{3,6}\})?")


def harmless(tex: str) -> bool:
    """Whether `tex` (without its delimiters) may be given to MathJax."""
    if len(tex) > MAX_LENGTH or "$" in tex or not tex.strip():
        return False
    commands = _COMMAND.findall(tex)
    if any(c not in _COMMANDS and c not in _SYMBOLS for c in commands):
        return False
    if any(name not in _ENVIRONMENTS for _, name in _ENVIRONMENT.findall(tex)) or len(_BACK.findall(tex)) > _MAX_BACK:
        return False
    arguments = (_COLOUR, _COLUMNS, _PAIRS, _ROW)
    return all(all(argument.findall(tex)) for argument in arguments) and _balanced(tex)


def _balanced(tex: str) -> bool:
    depth = 0
    for sign in re.findall(r"\\.|[{}]", tex, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if not 0 <= depth <= _MAX_DEPTH:
            return False
    return depth == 0
