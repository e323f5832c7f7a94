/* View `sheet`: all targets that can be graded on one sheet, for the region, a prefecture or a county, and what to do next. */
const SEVERITY = ["not_met", "off_track", "slipping", "undecidable", "on_track", "met", "insufficient_data"];
/* The reason of a verdict, in words: for a target with a year and for one without. */
const whyOf = (status, year) =>
  year
    ? {
        met: t("It holds, with the whole interval."),
        on_track: t("At the present pace it will hold in {year}.", { year }),
        undecidable: t("The interval reaches over the number, today or in {year}: nobody can say yet.", { year }),
        slipping: t("It holds today; at the present pace it will not in {year}.", { year }),
        off_track: t("At the present pace it will not hold in {year}.", { year }),
        not_met: t("It does not hold, with the whole interval."),
        insufficient_data: t("Too little was seen to say."),
      }[status]
    : {
        met: t("It holds, with the whole interval."),
        undecidable: t("The interval reaches over the number: nobody can say yet."),
        not_met: t("It does not hold, with the whole interval."),
        insufficient_data: t("Too little was seen to say."),
      }[status];
const why = (row) => whyOf(row.status, kinds[row.kind].target_year) || "";
const TEN = 10;

/* Rows against a target that can be graded here, the worst verdict first. */
const gradedRows = (u, p) =>
  kinds
    .map((kind, k) => (kind.target_id && kind.columns ? answer(u, k, p) : null))
    .filter((row) => row && SEVERITY.includes(row.status))
    .sort((a, b) => SEVERITY.indexOf(a.status) - SEVERITY.indexOf(b.status) || a.kind - b.kind);

const drawSheet = () => {
  const p = period(),
    u = units.findIndex((x) => x.code === state.argument),
    here = u >= 0 ? u : (whole ?? regions[0] ?? polygons[0] ?? null);
  if (!kinds.length || here === null)
    return [heading(t("Overview")), note(t("indicators.csv is not made yet: run the step `indicators`.")), toInspect()];
  const rows = gradedRows(here, p);
  return [
    heading(nameOf(here), summary(rows, p)),
    h(
      "div",
      { class: "controls" },
      periodControl(),
      select(t("Place"), units[here].code, countyOptions(), (v) => (location.hash = address("sheet", v)), "place"),
      printButton(),
    ),
    rows.length ? sheetTable(rows, here, p) : note(t("No target can be graded here in this period; the view Targets says why.")),
    h("div", { class: "two" }, toInspect(here), sinceLastRun(here)),
    here === whole && keyFigures(),
  ];
};

/* One sentence: how many targets can be graded, and their statuses. */
const summary = (rows, p) => {
  const count = (name) => rows.filter((row) => row.status === name).length;
  const all = new Set(kinds.map((kind) => kind.target_id).filter(Boolean)).size,
    seen = new Set(rows.map((row) => kinds[row.kind].target_id)).size;
  const told = SEVERITY.filter(count).map((name) => t("{n} {status}", { n: count(name), status: t(statusOf(name).label) }));
  return [
    t("In {period}, {seen} of {all} targets can be graded here, by {n} measures: {told}.", {
      period: periods[p],
      seen,
      all,
      n: rows.length,
      told: told.join(comma()),
    }),
    " ",
    h("a", { href: address("targets", "") }, t("The other {n} targets get no verdict here; why stands beside each.", { n: all - seen })),
  ];
};

const sheetTable = (rows, here, p) => {
  const below = countiesOf(here);
  const columns = [
    {
      title: t("Target"),
      wide: true,
      value: (r) => kinds[r.kind].target_id,
      cell: (r) => [
        h("a", { href: address("map", "", { indicator: kinds[r.kind].key, colour: "", layer: "" }) }, titleOf(r.kind)),
        small(`${targetText(kinds[r.kind])} · ${kinds[r.kind].target_id}`),
      ],
    },
    {
      title: t("Value against the number"),
      number: true,
      cell: (r) => [h("strong", {}, figure(r)), ` ${unitText(kinds[r.kind].unit)}`, bounds(r) && small(bounds(r)), whisker(r)],
    },
    { title: t("Trend"), cell: (r) => trend(r) },
    {
      title: t("Verdict"),
      wide: true,
      value: (r) => SEVERITY.indexOf(r.status),
      cell: (r) => [badge(r.status), h("span", { class: "why" }, why(r)), r.note && h("details", { class: "noprint" }, h("summary", {}, t("Detail")), t(r.note))],
    },
    here === whole &&
      prefectures.length > 1 && {
        title: t("Prefectures"),
        cell: (r) => h("span", { class: "signs" }, prefectures.map((v) => sign(v, r.kind, p))),
      },
    below.length > 1 && { title: t("Counties"), cell: (r) => bar(tally(r.kind, p, below), titleOf(r.kind)) },
  ].filter(Boolean);
  return table("sheet", columns, rows, { stack: true, whole: true });
};

/* The verdict of a place as one sign that leads to its sheet. */
const sign = (u, k, p) => {
  const row = answer(u, k, p);
  if (!row) return null;
  const words = `${nameOf(u)}: ${t(statusOf(row.status).label)}`;
  const look = { class: `badge sign ${row.status in STATUS ? row.status : ""}`, "data-sign": statusOf(row.status).sign };
  return h("a", { ...look, href: address("sheet", units[u].code), title: words, "aria-label": words });
};

/* Values over the periods and, if the table has it, the slope per year. */
const trend = (row) => [
  sparkline(pointsOf(row.unit, row.kind), kinds[row.kind].target_value, titleOf(row.kind)),
  row.slope_per_year !== null &&
    small(tn("{slope} a year", { slope: figure(row, "slope_per_year", (v) => (v > 0 ? `+${fmt(v)}` : fmt(v))) })),
];

/* The first undecided findings of a place, each with its links. */
const toInspect = (here = null) => {
  const list = part("findings");
  if (!list) return null;
  const within = here === null || here === whole ? null : new Set([here, ...countiesOf(here)]),
    rows = list.rows.filter((r) => r.open && (within === null || within.has(r.unit)));
  return h(
    "section",
    {},
    h("h3", {}, t("What to inspect")),
    within === null && h("p", {}, t("{n} suspected places wait for a visit, {new} of them new.", { n: fmt(list.n_open), new: fmt(list.n_new) })),
    rows.length === 0 && note(t("No suspected place waits for a visit here.")),
    h(
      "ol",
      { class: "toinspect" },
      rows.slice(0, TEN).map((r) =>
        h(
          "li",
          {},
          h("a", { href: address("findings", r.id) }, t(r.kind)),
          ` · ${nameOf(r.unit)} · ${amountOf(r)} · ${t(r.state)} `,
          small(linksOf(r)),
        ),
      ),
    ),
    rows.length > TEN && h("p", {}, h("a", { href: address("findings", "") }, t("All findings"))),
  );
};

/* Verdicts that changed since an earlier run. */
const sinceLastRun = (here) => {
  const { earlier } = core;
  if (!earlier) return null;
  const within = here === whole ? null : new Set([here, ...countiesOf(here)]),
    rows = earlier.rows.filter(([u]) => within === null || within.has(u));
  const cells = ([u, p, key, before]) => {
    const row = answer(u, kinds.findIndex((kind) => kind.key === key), p);
    return h(
      "li",
      {},
      `${nameOf(u)} · ${periods[p]} · ${titleOf(row.kind)}: `,
      badge(before),
      " → ",
      badge(row.status),
    );
  };
  return h(
    "section",
    {},
    h("h3", {}, t("Since the earlier run")),
    h("p", {}, t("{n} of {all} verdicts are others than before; {added} are new.", { n: fmt(earlier.n), all: fmt(earlier.compared), added: fmt(earlier.added) })),
    h("ul", { class: "toinspect" }, rows.slice(0, TEN).map(cells)),
  );
};
