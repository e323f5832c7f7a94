/* View `targets`: every target of the document, with its verdicts or the reason why there are none. */
const drawTargets = () => {
  const p = period(),
    listed = kinds.length
      ? targetRows(p)
      : part("methods").targets.map((x) => ({ ...x, kind: null, counts: {}, status: x.observability, reason: x.caveat }));
  if (!listed.length) return [heading(t("Targets")), note(t("The run has no table of targets."))];
  const unseen = listed.filter((x) => ["not_observable", "needs_table", "not_built"].includes(x.status)).length;
  let wanted = "",
    group = "";
  const words = { seen: t("graded in this run"), needs_table: t("needs a table"), not_built: t("not built"), not_observable: t("not observable") };
  const groupOf = (x) => (["needs_table", "not_built", "not_observable"].includes(x.status) ? x.status : "seen");
  const columns = [
    {
      title: t("Target"),
      wide: true,
      value: (x) => x.target_id,
      cell: (x) => [
        x.kind !== null && mapped.includes(x.kind)
          ? h("a", { href: address("map", "", { indicator: kinds[x.kind].key, colour: "", layer: "" }) }, t(x.description))
          : t(x.description),
        small(
          [x.target_id, x.kind !== null && kinds[x.kind].title !== kinds[x.kind].description ? titleOf(x.kind) : ""]
            .filter(Boolean)
            .join(" · "),
        ),
      ],
    },
    { title: t("Clause"), number: true, value: (x) => Number(x.clause), cell: (x) => x.clause },
    { title: t("Topic"), value: (x) => t(x.topic), cell: (x) => t(x.topic) },
    { title: t("Number"), cell: (x) => (x.kind === null ? "" : targetText(kinds[x.kind])) },
    {
      title: t("Counties, {period}", { period: periods[p] }),
      cell: (x) => (Object.keys(x.counts).length ? bar(x.counts, t(x.description)) : badge(x.status)),
    },
    { title: t("Reason or caveat"), wide: true, cell: (x) => t(x.reason) },
    { title: t("Standard"), wide: true, cell: (x) => t(x.standard || "") },
  ];
  const list = () => {
    const kept = listed.filter(
      (x) =>
        (!group || groupOf(x) === group) &&
        [t(x.description), x.description, x.target_id, t(x.topic), t(x.reason), t(x.standard || "")]
          .join(" ")
          .toLowerCase()
          .includes(wanted.toLowerCase()),
    );
    return kept.length
      ? table("targets", columns, kept, { stack: true, sort: [0, false] })
      : note(t("No row passes the filters."));
  };
  const body = h("div", {}, list()),
    again = () => body.replaceChildren(list());
  return [
    heading(
      t("Targets"),
      t(
        "Every sentence of the document that sets a target is listed. {n} of {all} rows get no number from the satellites in this run; they stay here with the reason, so that nobody takes silence for success.",
        { n: unseen, all: listed.length },
      ),
    ),
    h(
      "div",
      { class: "controls" },
      periodControl(),
      searchBox(
        t("text or target"),
        (v) => {
          wanted = v;
          again();
        },
        "search",
      ),
      select(
        t("Show"),
        "",
        [["", t("all")], ...Object.entries(words)],
        (v) => {
          group = v;
          again();
        },
        "show",
      ),
    ),
    body,
    h("p", { class: "legend" }, Object.keys(STATUS).map(statusKey)),
  ];
};
const targetRows = (p) =>
  kinds
    .map((kind, k) => ({ kind, k }))
    .filter(({ kind }) => kind.target_id)
    .map(({ kind, k }) => {
      const counts = kind.columns ? tally(k, p) : {},
        names = Object.keys(counts),
        one = kind.everywhere ? found.statuses[kind.everywhere[0]] : names.length === 1 ? names[0] : "";
      const reason = kind.everywhere ? found.reasons[kind.everywhere[1]] : kind.caveat;
      return {
        clause: kind.clause,
        target_id: kind.target_id,
        description: kind.description || kind.title,
        topic: kind.topic,
        kind: k,
        counts: kind.everywhere ? {} : counts,
        status: one,
        reason: reason || kind.caveat,
        standard: kind.standard,
      };
    });
