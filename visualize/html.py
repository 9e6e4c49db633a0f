"""Drawing and SVG -> one page on its own: no network, light and dark, pan and zoom.

Without its script the page is still a picture that scrolls, with the browser's own tooltips.
"""

from __future__ import annotations

import html

from visualize.dot import caption
from visualize.style import FONTS, LOOKS, Look
from visualize.walk import Drawing

DARK_LOOKS = {
    "root": Look("#e2e8f0", "#e2e8f0", "#0f172a", "#334155", ""),
    "op": Look("#1e293b", "#94a3b8", "#f1f5f9", "#cbd5e1", ""),
    "leaf": Look("#1e3a5f", "#93c5fd", "#f1f5f9", "#dbeafe", ""),
    "saved": Look("#3a2c10", "#e0a94a", "#f1f5f9", "#e7dcc4", ""),
    "more": Look("#0f172a", "#64748b", "#cbd5e1", "#cbd5e1", ""),
}

STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --text: #0f172a; --quiet: #475569;
  --line: #e2e8f0; --edge: #64748b; LIGHT }
@media (prefers-color-scheme: dark) { :root { --page: #0f172a; --text: #f1f5f9; --quiet: #cbd5e1;
  --line: #334155; --edge: #94a3b8; DARK } }
* { box-sizing: border-box; }
body { margin: 0; height: 100vh; display: flex; flex-direction: column; background: var(--page);
  color: var(--text); font: 14px/1.45 FONTS; }
header, footer { padding: 10px 18px; display: flex; flex-wrap: wrap; gap: 6px 18px;
  align-items: center; }
header { border-bottom: 1px solid var(--line); } footer { border-top: 1px solid var(--line); }
h1 { font-size: 17px; margin: 0; } p { margin: 0; } .quiet, footer { color: var(--quiet); }
footer { font-size: 12px; }
.facts { flex-basis: 100%; color: var(--text); font-size: 13px; min-height: 1.5em; }
nav { margin-left: auto; display: flex; gap: 6px; } nav[hidden] { display: none; }
button { font: inherit; color: inherit; background: transparent; border: 1px solid var(--edge);
  border-radius: 6px; padding: 2px 12px; cursor: pointer; }
button:hover { border-color: var(--text); }
main { flex: 1; min-height: 0; overflow: auto; }
main.moves { overflow: hidden; cursor: grab; touch-action: none; }
main.moves svg { position: absolute; transform-origin: 0 0; } main { position: relative; }
main svg { display: block; margin: 0 auto; } main.moves svg { margin: 0; }
.key { display: inline-flex; align-items: center; gap: 6px; }
.key i { width: 15px; height: 12px; border: 1.5px solid; display: inline-block; }
svg .paper, svg .graph > polygon { fill: transparent; stroke: none; }
svg .edge path { stroke: var(--edge); fill: none; } svg .edge text { fill: var(--quiet); }
svg .edge polygon { fill: var(--edge); stroke: var(--edge); }
svg .node:focus { outline: none; } svg .node:focus-visible > :not(text) { stroke-width: 3; }
svg .node:hover > :not(text) { stroke-width: 2.5; }
"""

SCRIPT = """
(function () {
  const main = document.querySelector("main"), svg = main.querySelector("svg");
  const box = svg.viewBox.baseVal, facts = document.querySelector(".facts");
  let scale = 1, x = 0, y = 0, held = null;
  svg.setAttribute("width", box.width); svg.setAttribute("height", box.height);
  main.classList.add("moves"); document.querySelector("nav").hidden = false;
  function show() { svg.style.transform = `translate(${x}px,${y}px) scale(${scale})`; }
  function fit(whole) {
    const wide = main.clientWidth / box.width, high = main.clientHeight / box.height;
    scale = Math.min(whole ? high : Math.max(high, 0.6), wide, 1.6);
    x = (main.clientWidth - box.width * scale) / 2;
    y = Math.max(0, (main.clientHeight - box.height * scale) / 2); show();
  }
  function zoom(factor, atX, atY) {
    const next = Math.min(8, Math.max(0.05, scale * factor));
    x = atX - (atX - x) * next / scale; y = atY - (atY - y) * next / scale; scale = next; show();
  }
  function zoomMiddle(factor) { zoom(factor, main.clientWidth / 2, main.clientHeight / 2); }
  const actions = { "+": () => zoomMiddle(1.25), "-": () => zoomMiddle(0.8), "0": () => fit(true) };
  document.querySelectorAll("nav button").forEach(b => b.onclick = actions[b.dataset.key]);
  document.addEventListener("keydown", e => {
    if (actions[e.key] && !e.ctrlKey && !e.metaKey) actions[e.key]();
  });
  main.addEventListener("wheel", e => {
    const edge = main.getBoundingClientRect(); e.preventDefault();
    zoom(Math.exp(-e.deltaY / 500), e.clientX - edge.left, e.clientY - edge.top);
  }, { passive: false });
  main.addEventListener("pointerdown", e => {
    held = [e.clientX - x, e.clientY - y]; main.setPointerCapture(e.pointerId);
  });
  main.addEventListener("pointermove", e => {
    if (held) { x = e.clientX - held[0]; y = e.clientY - held[1]; show(); }
  });
  main.addEventListener("pointerup", () => { held = null; });
  svg.querySelectorAll(".node").forEach(node => {
    const title = node.querySelector("title"); node.setAttribute("tabindex", "0");
    const tell = () => { if (title) facts.textContent = title.textContent; };
    node.addEventListener("pointerenter", tell); node.addEventListener("focus", tell);
  });
  window.addEventListener("resize", () => fit(false)); fit(false);
})();
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1><p class="quiet">{summary}</p>
<nav hidden aria-label="zoom"><button data-key="-" aria-label="zoom out">-</button>
<button data-key="+" aria-label="zoom in">+</button><button data-key="0">Fit</button></nav></header>
<main>
{svg}</main>
<footer><p class="facts" aria-live="polite">Point at a box to read more about it.</p>
{legend}
{notes}
</footer>
<script>{script}</script>
</body>
</html>
"""


def page(drawing: Drawing, svg: str, title: str) -> str:
    """Return the whole page as text. `svg` is the picture without its legend."""
    return PAGE.format(
        title=html.escape(title),
        style=_style(),
        summary=html.escape(drawing.summary),
        svg=svg,
        legend=_legend(drawing),
        notes="\n".join(f"<p>{html.escape(line)}</p>" for line in caption(drawing, width=200)),
        script=SCRIPT,
    )


def _style() -> str:
    rules = [_rules(kind) for kind in LOOKS]
    style = STYLE.replace("LIGHT", _variables(LOOKS)).replace("DARK", _variables(DARK_LOOKS))
    return style.replace("FONTS", FONTS) + "\n".join([*rules, ""])


def _variables(looks: dict[str, Look]) -> str:
    return " ".join(
        f"--{kind}-fill: {look.fill}; --{kind}-stroke: {look.stroke}; "
        f"--{kind}-title: {look.title}; --{kind}-detail: {look.detail};"
        for kind, look in looks.items()
    )


def _rules(kind: str) -> str:
    """Return the style of one kind of box; the variables change with the reader's light or dark."""
    box, look = f"svg .{kind}", LOOKS[kind]
    corner = "border-radius: 4px; " if look.rounded else ""
    dash = "border-style: dashed; " if look.dashed else ""
    return (
        f"{box} > :not(text) {{ fill: var(--{kind}-fill); stroke: var(--{kind}-stroke); }}\n"
        f"{box} text {{ fill: var(--{kind}-title); }} "
        f"{box} text ~ text {{ fill: var(--{kind}-detail); }}\n"
        f".key.{kind} i {{ {corner}{dash}background: var(--{kind}-fill); "
        f"border-color: var(--{kind}-stroke); }}"
    )


def _legend(drawing: Drawing) -> str:
    kinds = {box.kind for box in drawing.boxes}
    return "\n".join(
        f'<span class="key {kind}"><i></i>{html.escape(look.legend)}</span>'
        for kind, look in LOOKS.items()
        if kind in kinds
    )
