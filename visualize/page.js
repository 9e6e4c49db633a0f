(function () {
  const main = document.querySelector("main"), svg = main.querySelector("svg");
  const box = svg.viewBox.baseVal, facts = document.querySelector(".facts");
  let scale = 1, x = 0, y = 0, held = null;
  svg.setAttribute("width", box.width); svg.setAttribute("height", box.height);
  main.classList.add("moves"); document.querySelector("nav").hidden = false;
  function show() { svg.style.transform = `translate(${x}px,${y}px) scale(${scale})`; }
  function fit(whole) {
    const wide = main.clientWidth / box.width, high = main.clientHeight / box.height;
    scale = Math.min(whole ? high : Math.max(high, 0.75), wide, 1.6);
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
