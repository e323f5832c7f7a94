/* View `findings`: suspected places as a list and a map, with links, what speaks against each, and pictures of before and after. */
const FINDING = {
  black_odorous_water: "#1a1a1a",
  converted_in_red_line: "#a63d12",
  converted_in_reserve: "#c7701a",
  converted_in_water_zone: "#3b9aa8",
  bared_in_mine: "#7b5b3a",
  natural_coast_lost: "#7a5195",
  new_reclamation: "#12507b",
  vegetation_lost: "#5f8f3a",
};
let findingsFrom = 0;

const amountOf = (r) =>
  r.amount === null ? "–" : r.measure === "m2" ? `${fmt(r.amount / 1e4)} ${unitText("ha")}` : `${fmt(r.amount)} ${unitText(r.measure)}`;
const spanOf = (r) => (r.measure === "m2" ? span(r.lower === null ? null : r.lower / 1e4, r.upper === null ? null : r.upper / 1e4) : span(r.lower, r.upper));
const linksOf = (r) => {
  const names = { amap: t("Amap"), baidu: t("Baidu Maps"), geo: t("WGS 84") };
  return Object.keys(names)
    .filter((name) => r.links[name])
    .map((name) => [h("a", { href: r.links[name], target: name === "geo" ? null : "_blank", rel: "noreferrer" }, names[name]), " "]);
};

/* The address names a county, or one finding. */
const drawFindings = () => {
  const list = part("findings"),
    head = heading(
      t("Suspected findings"),
      t("Places that the satellites suspect, the likeliest first. Each is to be looked at on the spot: the form findings/form.xlsx takes what was found there, and the next run knows it."),
    );
  if (!list) return [head, note(t("The list is not made yet: run the step `findings`."))];
  if (!list.n) return [head, note(t("Nothing is suspected in this run."))];
  const u = units.findIndex((x) => x.code === state.argument),
    chosen = list.rows.findIndex((r) => r.id === state.argument);
  const rows = chosen >= 0 ? [list.rows[chosen]] : list.rows.filter((r) => u < 0 || r.unit === u || countiesOf(u).includes(r.unit));
  findingsFrom = findingsFrom < rows.length ? findingsFrom : 0;
  const shown = printing ? rows : rows.slice(findingsFrom, findingsFrom + CARDS);
  const held = [...new Set(list.rows.map((r) => r.unit))].filter((v) => units[v]).map((v) => [units[v].code, nameOf(v)]);
  if (u >= 0 && !held.some(([code]) => code === units[u].code)) held.push([units[u].code, nameOf(u)]);
  return [
    head,
    h(
      "div",
      { class: "controls" },
      select(t("County"), u < 0 ? "" : units[u].code, [["", t("all")], ...held], (v) => (location.hash = address("findings", v)), "county"),
      chosen >= 0 && h("p", {}, h("a", { href: address("findings", "") }, t("All findings"))),
    ),
    h("p", {}, t("{n} suspected places wait for a visit, {new} of them new.", { n: fmt(list.n_open), new: fmt(list.n_new) })),
    findingsMap(rows),
    rows.length ? h("ol", { class: "reaches" }, shown.map(findingCard)) : note(t("No suspected place waits for a visit here.")),
    rows.length > CARDS && !printing && cardPager(findingsFrom, rows.length, (from) => { findingsFrom = from; draw(); }),
    list.n > list.rows.length &&
      h("p", { class: "hint" }, t("The first {n} of {all} are shown; all are in findings/findings.csv.", { n: list.rows.length, all: fmt(list.n) })),
  ];
};
const findingsMap = (rows) => {
  const seen = [...home];
  const svg = s(
    "svg",
    { class: "map", tabindex: 0, role: "img", "aria-label": t("Map of the suspected findings") },
    surroundings(),
    polygons.map((u) => s("path", { class: "county", d: units[u].path, fill: "#eef1ec", "fill-rule": "evenodd" })),
    polygons.length <= 30 && polygons.map((u) => s("text", { class: "place", x: units[u].at[0], y: units[u].at[1], "aria-hidden": "true" }, units[u].name)),
    [...rows].reverse().map((r) =>
      s("circle", {
        class: "finding",
        cx: r.at[0],
        cy: r.at[1],
        r: 11,
        fill: r.open ? FINDING[r.letter] || "#555" : "#fff",
        stroke: FINDING[r.letter] || "#555",
        onclick: () => (location.hash = address("findings", r.id)),
        ...tipped(() => `${r.rank} · ${t(r.kind)}\n${nameOf(r.unit)}${comma()}${t(r.state)}`),
      }),
    ),
  );
  return h(
    "figure",
    { class: "figure" },
    zoomable(svg, home, seen, () => requestAnimationFrame(() => fitNames(svg, seen))),
    h(
      "figcaption",
      { class: "legend" },
      [...new Map(rows.map((r) => [r.letter, r.kind]))].map(([letter, kind]) => swatch(`background:${FINDING[letter] || "#555"}`, t(kind), true)),
      rows.some((r) => !r.open) && swatch("background:#fff", t("decided by a visit"), true),
    ),
  );
};
const findingCard = (r) =>
  h(
    "li",
    { class: "reachcard", tabindex: 0, value: r.rank },
    h(
      "div",
      { class: "facts" },
      h(
        "p",
        {},
        h("span", { class: "badge", style: `background:${FINDING[r.letter] || "#555"};color:#fff` }, t(r.kind)),
        " ",
        h("strong", {}, t(r.state)),
        r.visited && ` (${r.visited})`,
      ),
      h("p", {}, units[r.unit].path !== undefined ? countyPath(r.unit) : nameOf(r.unit), r.township && ` ${r.township}`, " · ", h("code", {}, r.id)),
      h("p", {}, `${amountOf(r)} `, small(spanOf(r)), r.p !== null && [` · ${t("probability")} ${fmt(r.p)} `, probability(r.p)]),
      h("p", {}, t("first seen {first}, last seen {last}", { first: r.first, last: r.last }), r.against && ` · ${t("against it")}: ${t(r.against)}`),
      h("p", {}, h("code", {}, `${r.lon.toFixed(5)}, ${r.lat.toFixed(5)}`), " ", linksOf(r)),
      locator(r.unit, r.at),
    ),
    r.pictures.length > 0 &&
      h(
        "div",
        { class: "beforeafter", role: "group", "aria-label": t("Before and after") },
        r.pictures.map(([label, product, path]) =>
          h(
            "figure",
            {},
            picture(path, `${t(r.kind)}${comma()}${layerTitle(product)}${comma()}${label}`, { width: 600, height: 600 }),
            h("figcaption", {}, `${label} · ${layerTitle(product)}`),
          ),
        ),
      ),
  );
const layerTitle = (product) => t((part("layers").find((l) => l.product === product) || { title: "True colour" }).title);
const cardPager = (from, n, go) =>
  h(
    "div",
    { class: "pager" },
    h("button", { type: "button", "data-keep": "back", disabled: from === 0, onclick: () => go(from - CARDS) }, `‹ ${t("Back")}`),
    h("span", { role: "status" }, t("{from} to {to} of {n}", { from: from + 1, to: Math.min(n, from + CARDS), n })),
    h("button", { type: "button", "data-keep": "next", disabled: from + CARDS >= n, onclick: () => go(from + CARDS) }, `${t("Next")} ›`),
  );

/* The findings of a county on its page: the first ones, with their pictures. */
const findingsOf = (u) => {
  const list = part("findings"),
    rows = list ? list.rows.filter((r) => r.unit === u || countiesOf(u).includes(r.unit)) : [];
  return (
    rows.length > 0 &&
    h(
      "section",
      {},
      h("h3", {}, t("Suspected findings")),
      h("ol", { class: "reaches" }, rows.slice(0, 3).map(findingCard)),
      rows.length > 3 && h("p", {}, h("a", { href: address("findings", units[u].code) }, t("All {n} findings of this place", { n: rows.length }))),
    )
  );
};
