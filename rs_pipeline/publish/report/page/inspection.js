/* View `inspection`: reaches and ponds that are to be looked at on the spot, with small pictures of the dates. */
const CARDS = 12;
let cardsFrom = 0;

const drawInspection = () => {
  const all = part("reaches"),
    u = units.findIndex((x) => x.code === state.argument);
  const head = heading(
    t("Black-odorous water: where to look"),
    t(
      "A list for inspection, not a finding. Whether water is black and odorous in law is measured on the spot (transparency, dissolved oxygen, redox potential, ammonia nitrogen); the satellite sees dark, colour-shifted water on repeated dates.",
    ),
  );
  if (!all) return [head, note(t("There are no reaches: water/reaches.gpkg is missing."))];
  if (!Object.keys(all).length) return [head, note(t("No reach or pond was wide enough to be found in this run."))];
  const now = all[periods[period()]] || { classes: [], rows: [], n_listed: 0 },
    rows = now.rows.filter((r) => u < 0 || r.unit === u);
  const held = [...new Set(now.rows.map((r) => r.unit))].filter((v) => units[v]).map((v) => [units[v].code, nameOf(v)]);
  if (u >= 0 && !held.some(([code]) => code === units[u].code)) held.push([units[u].code, nameOf(u)]);
  cardsFrom = cardsFrom < rows.length ? cardsFrom : 0;
  const shown = printing ? rows : rows.slice(cardsFrom, cardsFrom + CARDS);
  return [
    head,
    h(
      "div",
      { class: "controls" },
      periodControl(),
      select(
        t("County"),
        u < 0 ? "" : units[u].code,
        [["", t("all")], ...held],
        (v) => {
          cardsFrom = 0;
          location.hash = address("inspection", v);
        },
        "county",
      ),
    ),
    h(
      "p",
      { class: "legend" },
      Object.keys(REACH)
        .filter((c) => now.classes.includes(c))
        .map((c) => swatch(`background:${REACH[c]}`, plain(c))),
    ),
    suspectedIn(u < 0 ? whole : u),
    now.n_visited > 0 &&
      h(
        "p",
        { class: "hint" },
        t("{n} reaches and ponds are classed by a visit of this period, whatever the satellite saw.", { n: fmt(now.n_visited) }),
      ),
    rows.length
      ? arrows(h("ol", { class: "reaches", start: cardsFrom + 1 }, shown.map(reachCard)), ".reachcard")
      : note(
          t(
            "No reach is suspected or possible here in this period. That is a statement about the reaches that could be assessed, not about all water.",
          ),
        ),
    rows.length > CARDS &&
      !printing &&
      cardPager(cardsFrom, rows.length, (from) => {
        cardsFrom = from;
        draw();
      }),
    now.n_listed > now.rows.length &&
      h(
        "p",
        { class: "hint" },
        t("The first {n} of {all} are shown; all are in water/reaches.gpkg.", { n: now.rows.length, all: now.n_listed }),
      ),
  ];
};
/* Number and length of suspected reaches of a unit, from indicators.csv. */
const suspectedIn = (u) => {
  const [count, length] = ["black_odorous_reaches", "black_odorous_length_km"].map((name) => rowOf(name, u, period()));
  if (!count) return null;
  if (count.value === null) return h("p", { class: "hint" }, `${nameOf(u)}: `, badge(count.status), ` ${t(count.note)}`);
  return h(
    "p",
    {},
    `${nameOf(u)}: `,
    tn("{n} suspected reaches and ponds", { n: h("strong", {}, figure(count)) }),
    bounds(count) && small(" (", bounds(count), ")"),
    length && length.value !== null && [comma(), figure(length), " km", bounds(length) && small(" (", bounds(length), ")")],
  );
};
const reachCard = (r) =>
  h(
    "li",
    { class: "reachcard", tabindex: 0 },
    h(
      "div",
      { class: "facts" },
      h(
        "p",
        {},
        h(
          "span",
          { class: "badge", style: `background:${REACH[r.class]};color:${r.class === "suspected" ? "#fff" : "#1c2b33"}` },
          plain(r.class),
        ),
        r.field && ` ${t("{found} by a visit; the satellite: {seen}", { found: plain(r.field), seen: plain(r.seen_as) })}`,
        " ",
        h("strong", {}, t("probability")),
        " ",
        fmt(r.p),
        " ",
        probability(r.p),
      ),
      h(
        "p",
        {},
        units[r.unit] && units[r.unit].path !== undefined ? countyPath(r.unit) : nameOf(r.unit),
        ` · ${plain(r.kind)} · `,
        h("code", {}, r.id),
      ),
      h(
        "p",
        {},
        r.lon === null ? "" : h("code", {}, `${r.lon.toFixed(5)}, ${r.lat.toFixed(5)}`),
        ` · ${t("{width} m wide, {length} m long", { width: fmt(r.width_m), length: fmt(r.length_m) })}`,
      ),
      h(
        "p",
        {},
        t("dark on {positive} of {n} dates, in {months} months", {
          positive: fmt(r.positive),
          n: fmt(r.n),
          months: fmt(r.months),
        }),
        r.vetoes &&
          ` · ${t("against it")}: ${r.vetoes
            .split(";")
            .map((v) => {
              const [name, n] = v.split(":");
              return n ? `${plain(name)} ×${n}` : plain(name);
            })
            .join(comma())}`,
      ),
    ),
    r.pictures.length > 0 &&
      h(
        "div",
        { class: "dates" },
        r.pictures.map(([day, positive, path]) =>
          h(
            "figure",
            { class: positive ? "positive" : null },
            picture(path, `${r.id}${comma()}${day}${comma()}${positive ? t("dark") : t("not dark")}`, {
              width: 96,
              height: 96,
            }),
            h("figcaption", {}, day, small(positive ? t("dark") : t("not dark"))),
          ),
        ),
      ),
  );
const probability = (p) =>
  s(
    "svg",
    { width: 80, height: 10, viewBox: "0 0 80 10", "aria-hidden": "true" },
    s("rect", { width: 80, height: 10, fill: "#e8ebe9" }),
    s("rect", { width: 80 * (p ?? 0), height: 10, fill: "#1c2b33" }),
  );
