/* Section of view `findings`: watched places by kind, in the period that the page shows. */
const drawPlaces = () => {
  const places = part("places");
  if (!places || !places.n) return null;
  const p = period(),
    of = (r) => r.seen[p];
  const columns = [
    { title: t("Kind"), value: (r) => plain(r.kind), cell: (r) => plain(r.kind) },
    { title: t("Watched place"), value: (r) => r.name || r.id, cell: (r) => [r.name || r.id, " ", small(r.id)] },
    { title: t("County"), value: (r) => (r.unit === null ? "" : nameOf(r.unit)), cell: (r) => (r.unit === null ? "–" : nameOf(r.unit)) },
    { title: t("What is measured"), value: (r) => t(r.title), cell: (r) => t(r.title) },
    {
      title: `${t("Value")} ${periods[p]}`,
      number: true,
      value: (r) => of(r)[0],
      cell: (r) => (of(r)[0] === null ? small(t(of(r)[3])) : `${fmt(of(r)[0])} ${unitText(r.measure)}`),
    },
    { title: t("Interval"), number: true, cell: (r) => span(of(r)[1], of(r)[2]) },
    { title: t("Findings"), number: true, value: (r) => of(r)[4], cell: (r) => fmt(of(r)[4]) },
    { title: t("Targets"), value: (r) => r.targets.join(", "), cell: (r) => r.targets.join(", ") || "–" },
  ];
  return folded(
    t("Watched places"),
    () => [
      table("places", columns, places.rows, { stack: true }),
      places.n > places.rows.length &&
        h("p", { class: "hint" }, t("The first {n} of {all} are shown; all are in places/places.csv.", { n: places.rows.length, all: fmt(places.n) })),
    ].filter(Boolean),
    printing,
  );
};
