/* Appearance: statuses, colours, small elements. Colour-blind readers can tell the statuses apart by hue (blue, orange), lightness and
   pattern. */
const STATUS = {
  met: { label: "met", sign: "✓", fill: "#12507b" },
  on_track: { label: "on track", sign: "↗", fill: "#7fb6d9" },
  undecidable: { label: "undecidable", sign: "≈", fill: "url(#undecidable)" },
  slipping: { label: "slipping", sign: "⤵", fill: "#e8d36a" },
  off_track: { label: "off track", sign: "↘", fill: "#f0b357" },
  not_met: { label: "not met", sign: "✕", fill: "#a63d12" },
  insufficient_data: { label: "too little data", sign: "…", fill: "url(#insufficient)" },
  no_target: { label: "no target", sign: "–", fill: "#c9d3d4" },
  not_built: { label: "not built", sign: "□", fill: "#dcd3e0" },
  needs_table: { label: "needs a table", sign: "▤", fill: "#e8e2d2" },
  not_observable: { label: "not observable", sign: "⊘", fill: "url(#unseen)" },
};
const statusOf = (name) => STATUS[name] || { label: String(name).replaceAll("_", " "), sign: "·", fill: "#ddd" };
const RAMP = ["#f6f1dc", "#d5e3bd", "#9ccdb4", "#5fb0ad", "#38899f", "#245f87", "#1d3764"];
const TREND = {
  eroding: "#b4480f",
  stable: "#7b878b",
  accreting: "#12507b",
  reclaimed: "#7a5195",
  undecidable: "#c2a63e",
  insufficient_data: "#c9d0d3",
};
const SERIES = ["#12507b", "#c7701a", "#5f8f3a", "#7a5195", "#3b9aa8", "#555"];
const REACH = {
  suspected: "#1a1a1a",
  possible: "#e69f00",
  clear: "#5aa9d6",
  insufficient: "#b7a6c9",
  not_assessable: "#d9dedf",
};

const mix = (share) => {
  const f = Math.min(1, Math.max(0, share)) * (RAMP.length - 1),
    i = Math.min(RAMP.length - 2, Math.floor(f)),
    w = f - i;
  const channel = (c, k) => parseInt(c.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `rgb(${[0, 1, 2].map((k) => Math.round(channel(RAMP[i], k) * (1 - w) + channel(RAMP[i + 1], k) * w)).join(",")})`;
};

/* Black or white, whichever is more legible on a colour of `mix`: the contrast is at least 4.5 (WCAG 2.1, 1.4.3). */
const inkOn = (colour) => {
  const [red, green, blue] = colour.match(/\d+/g).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
};

const badge = (status) =>
  h("span", { class: `badge ${status in STATUS ? status : ""}`, "data-sign": statusOf(status).sign }, t(statusOf(status).label));
const note = (...words) => h("p", { class: "note" }, words);
const small = (...words) => h("small", {}, words);
const swatch = (style, label, round) => h("span", { class: "key" }, h("i", { class: round ? "round" : null, style }), label);
const statusKey = (name) =>
  h("span", { class: "key" }, h("i", { class: name }), `${statusOf(name).sign} ${t(statusOf(name).label)}`);

const select = (label, value, options, onchange, keep = label) =>
  h(
    "label",
    {},
    h("span", {}, label),
    h(
      "select",
      { "data-keep": keep, onchange: (e) => onchange(e.target.value) },
      options.map((o) =>
        o.group
          ? h(
              "optgroup",
              { label: o.group },
              o.options.map(([v, text]) => h("option", { value: v, selected: String(v) === String(value) }, text)),
            )
          : h("option", { value: o[0], selected: String(o[0]) === String(value) }, o[1]),
      ),
    ),
  );
const statusSelect = (names, onchange) =>
  select(
    t("Status"),
    "",
    [["", t("all")], ...names.map((name) => [name, t(statusOf(name).label)])],
    onchange,
    "status",
  );
const searchBox = (placeholder, oninput, keep = null) =>
  h(
    "label",
    {},
    h("span", {}, t("Search")),
    h("input", { type: "search", "data-keep": keep, placeholder, oninput: (e) => oninput(e.target.value) }),
  );
const choice = (label, value, options, onchange) =>
  h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, label),
    options.map(([v, text]) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(v === value), "data-keep": `${label} ${v}`, onclick: () => onchange(v) },
        text,
      ),
    ),
  );
const periodControl = () =>
  h(
    "div",
    { class: "period", role: "group", "aria-label": t("Period") },
    h(
      "button",
      {
        type: "button",
        "data-keep": "earlier",
        "aria-label": t("Earlier period"),
        disabled: period() === 0,
        onclick: () => change({ period: periods[period() - 1] }),
      },
      "‹",
    ),
    select(
      t("Period"),
      periods[period()],
      periods.map((p) => [p, p]),
      (v) => change({ period: v }),
      "period",
    ),
    h(
      "button",
      {
        type: "button",
        "data-keep": "later",
        "aria-label": t("Later period"),
        disabled: period() === last,
        onclick: () => change({ period: periods[period() + 1] }),
      },
      "›",
    ),
  );

/* A bar of the statuses of the counties. */
const bar = (counts, label) => {
  const names = Object.keys(STATUS).filter((name) => counts[name]);
  const words = names.map((name) => `${counts[name]} ${t(statusOf(name).label)}`).join(comma());
  return h(
    "span",
    { class: "bar", role: "img", "aria-label": `${label}: ${words}`, title: words },
    names.map((name) =>
      h("i", { class: name, style: `flex:${counts[name]}` }, counts[name] >= 3 || names.length < 4 ? String(counts[name]) : ""),
    ),
  );
};
const picture = (path, alt, attributes = {}) =>
  h("img", {
    src: `pictures/${path}`,
    alt,
    loading: printing ? "eager" : "lazy",
    decoding: printing ? "sync" : "async",
    ...attributes,
    onerror: (e) => e.target.replaceWith(h("span", { class: "lost" }, t("no picture"))),
  });
const printButton = () => h("button", { type: "button", class: "noprint", onclick: () => printWhole() }, t("Print"));

/* A section that can be opened: closed at first on a phone, or everywhere if `open` is false. It is drawn when it is first
   opened, so closed sections cost nothing. */
const NARROW = 600;
const folded = (title, draw, open = innerWidth > NARROW || printing) => {
  const node = h("details", { class: "fold", open }, h("summary", {}, h("h3", {}, title)));
  const fill = () => node.append(...[draw()].flat());
  if (open) fill();
  else node.addEventListener("toggle", fill, { once: true });
  return node;
};
const countyPath = (u, text) => h("a", { href: address("county", units[u].code) }, text ?? nameOf(u));
