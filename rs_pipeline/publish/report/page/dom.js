/* Elements, and the parts of the data. Texts enter only as text nodes and attributes, never as markup. */
const $ = (id) => document.getElementById(id);

const maker =
  (namespace) =>
  (tag, attributes, ...children) => {
    const node = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
    return node;
  };
const h = maker(null);
const s = maker("http://www.w3.org/2000/svg");

/* A part of the data is parsed when it is first asked for. */
const parts = {};
const part = (name) => (parts[name] === undefined ? (parts[name] = JSON.parse($(`data-${name}`).textContent)) : parts[name]);

/* Content wider than its container scrolls, also by keyboard: the container is focusable while there is something to scroll. */
const overflow = new ResizeObserver((entries) => {
  for (const { target } of entries)
    if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", 0);
    else target.removeAttribute("tabindex");
});
const scrolled = (...children) => {
  const node = h("div", { class: "scroll" }, ...children);
  overflow.observe(node);
  return node;
};

/* Arrow keys, Home and End move the focus among the elements of a container that match. */
const arrows = (container, selector) => {
  container.addEventListener("keydown", (event) => {
    const all = [...container.querySelectorAll(selector)],
      at = all.indexOf(event.target.closest(selector));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || !all[to]) return;
    event.preventDefault();
    all[to].focus();
  });
  return container;
};

const tip = (event, text) => {
  const node = $("tip");
  node.hidden = !text;
  if (!text) return;
  node.textContent = text;
  const box = event.target.getBoundingClientRect();
  const x = event.clientX ?? box.right,
    y = event.clientY ?? box.bottom;
  node.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - node.offsetWidth - 8))}px`;
  node.style.top = `${Math.max(8, Math.min(y + 14, innerHeight - node.offsetHeight - 8))}px`;
};
const tipped = (text) => ({ onpointermove: (e) => tip(e, text()), onpointerleave: (e) => tip(e, "") });
const say = (text) => {
  $("live").textContent = text;
};
