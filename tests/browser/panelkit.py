"""A panel in a page: opened in a shared notebook, found as its user finds it, looked over by axe-core.

Loaded by the fixture `open_panel_in` of `conftest.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
# What stands out of a panel's right edge, its scrolling parts (which have their own bars) left out.
OVER_THE_EDGE = """panel => {
  const edge = panel.getBoundingClientRect().right + 1;
  const inside = [...panel.querySelectorAll('*')].filter(e => !e.closest('pre, table, .claude-magic-table *'));
  return inside.filter(e => e.getClientRects().length && e.getBoundingClientRect().right > edge).map(e => e.outerHTML);
}"""
# Elements that no payload may bring into a panel.
LIVE = """panel => [...panel.querySelectorAll('*')].filter(e => !e.closest('mjx-container')).filter(e =>
    /^(SCRIPT|LINK|META|BASE|IFRAME|OBJECT|EMBED|FORM|SVG|VIDEO|AUDIO|MATH|FRAME)$/i.test(e.tagName)
    || (e.tagName === 'IMG' && !e.src.startsWith('blob:'))
    || [...e.attributes].some(a => /^on|^action|commandlinker/.test(a.name))
    || (e.tagName === 'A' && !/^(https?:|mailto:|#|javascript:void)/.test(e.getAttribute('href') || '#')))
  .map(e => e.outerHTML.slice(0, 200))"""


class PanelPage:
    """An open panel.

    Attributes:
        notebook: the page it is in.
        name: the panel's; also the kernel's variable.
        out: the locator of the cell's output.

    """

    def __init__(self, notebook, name: str) -> None:
        self.notebook, self.name = notebook, name
        self.page = notebook.page
        self.page.bring_to_front()  # a page behind another one paints late
        self.at = notebook.run(f"{name} = get_ipython().run_line_magic('claude', 'panel {name}')\n{name}")
        self.out = notebook.output(self.at)
        self.panel = self.out.locator(".claude-magic-panel")
        self.out.locator(".claude-magic-form, .claude-magic-chat").first.wait_for()
        self.alert = self.out.get_by_role("alert")
        self.command = self.out.locator(".claude-magic-command code")

    def button(self, name: str):
        """Return a button by its name."""
        return self.out.get_by_role("button", name=name, exact=True)

    def field(self, label: str):
        """Return a control by its label."""
        return self.out.get_by_label(label, exact=True)

    def says(self, words: str) -> None:
        """Wait until the panel says so."""
        self.out.get_by_text(words).first.wait_for()

    def kernel(self, expression: str):
        """Evaluate Python in the kernel."""
        at = self.notebook.run(f"import json\nprint(json.dumps({expression}))")
        (output,) = self.notebook.outputs(at)
        return json.loads(output["text"])

    @contextlib.contextmanager
    def busy_kernel(self):
        """Keep the kernel busy with a cell inside the block; nothing may land in that cell's output."""
        asleep = self.notebook.add("import time\ntime.sleep(60)")
        self.notebook.start(asleep)
        self.notebook.wait_for("panel.sessionContext.session.kernel.status === 'busy'")
        yield
        assert self.notebook.js("nb.widgets[arg].model.executionCount", asleep) is None, "the cell has ended"
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel') }")
        self.notebook.finish(asleep)
        assert [o.get("ename") for o in self.notebook.outputs(asleep)] == ["KeyboardInterrupt"]

    def quietly(self, source: str) -> int:
        """Run a cell that must succeed; return its index."""
        at = self.notebook.run(source)
        assert [o["evalue"] for o in self.notebook.outputs(at) if o["output_type"] == "error"] == []
        return at

    def corpus(self, path: Path, beacon) -> int:
        """Give the kernel the payloads, cleaned as everything that is shown, as `small`; return how many there are."""
        self.quietly(
            f"import importlib.util\nfrom claude_magic.rendering import plain\n"
            f"spec = importlib.util.spec_from_file_location('payloads', {str(path)!r})\n"
            f"corpus = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(corpus)\n"
            f"small = [plain(x) for x in corpus.payloads({beacon.address!r}) if len(x) < 600]"
        )
        number = self.kernel("len(small)")
        assert number > 130
        return number

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme: Dark or Light."""
        command = "arg => window.jupyterapp.commands.execute('apputils:change-theme', {theme: arg})"
        self.page.evaluate(command, f"JupyterLab {name}")
        wanted = "false" if name == "Dark" else "true"
        self.notebook.wait_for("document.body.dataset.jpThemeLight === arg", wanted)
        self.page.wait_for_timeout(200)

    def violations(self) -> list[tuple[str, list[str]]]:
        """Run axe-core on the panel; return the rules that were broken, and where."""
        import axe_playwright_python

        source = Path(axe_playwright_python.__file__).parent / "axe.min.js"
        self.page.evaluate(source.read_text(encoding="utf-8"))
        self.panel.evaluate("e => e.setAttribute('data-axe', '')")
        found = self.page.evaluate("() => axe.run('[data-axe]', {resultTypes: ['violations']})")
        self.panel.evaluate("e => e.removeAttribute('data-axe')")
        assert len(found["passes"]) > 8, "axe saw no panel"
        return [(v["id"], [n["html"] + str(n["any"][:1]) for n in v["nodes"]]) for v in found["violations"]]

    def sound(self) -> None:
        """Look the panel over: axe in dark and light, nothing over the edge at 400 px; then take its picture."""
        for name in ("Dark", "Light"):
            self.theme(name)
            assert self.violations() == [], name
        self.panel.evaluate("e => e.style.width = '400px'")
        assert self.panel.evaluate(OVER_THE_EDGE) == []
        self.panel.evaluate("e => e.style.width = ''")
        if os.environ.get("CLAUDE_MAGIC_SCREENSHOTS") == "1" and self.notebook.ui == "lab":
            self.take_picture()

    def take_picture(self) -> None:
        """Save the whole panel as the README's picture."""
        IMAGES.mkdir(exist_ok=True)
        usual = self.page.viewport_size
        self.page.set_viewport_size({"width": 1100, "height": 2200})
        self.page.evaluate("document.activeElement?.blur()")
        self.page.mouse.move(0, 0)
        self.panel.scroll_into_view_if_needed()
        self.page.wait_for_timeout(500)
        self.panel.screenshot(path=IMAGES / f"panel-{self.name}.png")
        self.page.set_viewport_size(usual)

    def tabbed(self, presses: int) -> list[str]:
        """Press Tab so often; return the names of what had the focus."""
        seen = []
        for _ in range(presses):
            self.page.keyboard.press("Tab")
            seen.append(
                self.page.evaluate(
                    """() => { const e = document.activeElement; return e.getAttribute('aria-label')
                    || e.labels?.[0]?.textContent || e.textContent; }"""
                )
            )
        return seen

    def dead(self, beacon) -> None:
        """Nothing that came from elsewhere lives: no script ran, no request went out, no such element is there."""
        self.page.wait_for_timeout(300)
        assert self.notebook.js("window.claudeMagicFired ?? 0") == 0
        assert beacon.seen == []
        assert self.notebook.foreign == []
        assert self.panel.evaluate(LIVE) == []

    def close(self) -> None:
        """Press Close: the panel goes, its threads end, and nothing was put into other cells."""
        self.button("Close").click()
        self.panel.wait_for(state="detached")
        running = f"[t.name for t in __import__('threading').enumerate() if t.name == 'claude_magic-{self.name}']"
        for _ in range(50):
            if not self.kernel(running):
                break
            self.page.wait_for_timeout(100)
        assert self.kernel(running) == []
        assert len(self.notebook.outputs(self.at)) == 1
