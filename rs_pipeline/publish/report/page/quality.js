/* View `quality`: quality of the data. */
const drawQuality = () => {
  const { scenes, orbits, chips } = part("quality"),
    out = [
      heading(
        t("Data quality"),
        scenes &&
          t("{used} of {found} scenes were used; {skipped} were skipped and {failed} failed, each with its reason.", {
            used: fmt(scenes.by_status.used),
            found: fmt(scenes.found),
            skipped: fmt(scenes.by_status.skipped),
            failed: fmt(scenes.by_status.failed),
          }),
      ),
    ];
  out.push(observedTable());
  if (!scenes) out.push(note(t("scenes.parquet is missing: the search has not run.")));
  else {
    out.push(
      h(
        "div",
        { class: "two" },
        h(
          "section",
          {},
          h("h3", {}, t("Scenes by sensor")),
          plainTable(
            "sensors",
            [t("Sensor"), t("Found"), t("Used"), t("Skipped"), t("Failed")],
            scenes.by_sensor,
            [1, 2, 3, 4],
          ),
        ),
        h("section", {}, h("h3", {}, t("Scenes used, by month")), calendar(scenes.calendar)),
        h(
          "section",
          {},
          h("h3", {}, t("Why scenes were left out")),
          scenes.reasons.length
            ? plainTable(
                "left out",
                [t("State"), t("Reason"), t("Scenes")],
                scenes.reasons.map(([state, reason, n]) => [t(state), t(reason), n]),
                [2],
              )
            : note(t("None was left out.")),
        ),
        h(
          "section",
          {},
          h("h3", {}, t("Offsets of the scenes used")),
          plainTable(
            "offsets",
            [t("Sensor"), t("Offset"), t("How it was decided"), t("Confidence"), t("Scenes")],
            scenes.offsets.map((r) => [r[0], r[1] === null ? "–" : String(r[1]), t(r[2]), t(r[3]), r[4]]),
            [4],
          ),
        ),
      ),
    );
    if (scenes.failed.length)
      out.push(
        h(
          "details",
          { open: printing },
          h("summary", {}, t("Scenes that failed ({n} listed)", { n: scenes.failed.length })),
          plainTable(
            "failed",
            [t("Scene"), t("Date"), t("Reason")],
            scenes.failed.map(([scene, day, reason]) => [scene, day, t(reason)]),
          ),
        ),
      );
  }
  out.push(h("h3", {}, t("Orbits: passes expected and found")));
  if (!orbits) out.push(note(t("orbits.csv is missing: the search has not run.")));
  else
    out.push(
      h(
        "p",
        { class: "hint" },
        t(
          "An orbit that has passed over the region once passes again after every repeat cycle; the days that lack a scene were not acquired, not processed, or not handed out.",
        ),
      ),
      orbitTable(orbits),
    );
  out.push(h("h3", {}, t("Reading")));
  if (!chips) out.push(note(t("No chips lie in this run's folder, so failures to read cannot be listed.")));
  else
    out.push(
      h(
        "p",
        {},
        t("{ok} chips were read, {empty} held no data, {failed} failed.", {
          ok: fmt(chips.counts.ok),
          empty: fmt(chips.counts.empty),
          failed: fmt(chips.counts.failed),
        }),
      ),
      ...chips.lost.map(([period, n, all]) =>
        note(
          t("In {period}, {n} of {all} units lost more of their scenes than the run may lose: their values say so, and the next run tries these scenes again.", {
            period,
            n,
            all,
          }),
        ),
      ),
      chips.failures.length > 0 &&
        h(
          "details",
          { open: printing },
          h("summary", {}, t("Chips that failed ({n} of {all} listed)", { n: chips.failures.length, all: chips.n_failures })),
          plainTable("chips", [t("Period"), t("Tile"), t("Scene"), t("Reason")], chips.failures.map(([season, tile, scene, reason]) => [season, tile, scene, t(reason)])),
        ),
    );
  return out;
};
const orbitTable = (orbits) =>
  table(
    "orbits",
    [
      { title: t("Satellite"), value: (r) => r[1], cell: (r) => [r[1], small(r[0])] },
      { title: t("Orbit"), number: true, value: (r) => r[2], cell: (r) => fmt(r[2]) },
      { title: t("Expected"), number: true, value: (r) => r[3], cell: (r) => fmt(r[3]) },
      { title: t("Found"), number: true, value: (r) => r[4], cell: (r) => fmt(r[4]) },
      { title: t("Used"), number: true, value: (r) => r[5], cell: (r) => fmt(r[5]) },
      {
        title: t("Share found"),
        number: true,
        value: (r) => (r[3] ? r[4] / r[3] : null),
        cell: (r) => (r[3] ? percent(Math.min(1, r[4] / r[3])) : "–"),
      },
      {
        title: t("Missing days"),
        wide: true,
        cell: (r) =>
          r[6]
            ? h("details", { open: printing }, h("summary", {}, t("{n} days", { n: r[6].split(" ").length })), r[6])
            : t("none"),
      },
    ],
    orbits,
    { sort: [0, false] },
  );
const observedTable = () => {
  const shown = periods.map((label, p) => [label, p]).filter(([, p]) => polygons.some((u) => observedOf(u, p) !== null));
  if (!shown.length)
    return [h("h3", {}, t("How much of every county was observed")), note(t("indicators.csv is not made yet: run the step `indicators`."))];
  const cell = (u, p) => {
    const share = observedOf(u, p);
    return share === null
      ? "–"
      : [
          h(
            "span",
            { class: "heat", style: `background:${mix(share)};color:${inkOn(mix(share))}` },
            figure(rowOf("water_permanent_area", u, p), "observed_fraction", percent),
          ),
          small(t("{n} dates", { n: fmt(clearOf(u, p)) })),
        ];
  };
  return h(
    "section",
    {},
    h("h3", {}, t("How much of every county was observed")),
    h("p", { class: "hint" }, t("Share of the area with a published water class; below it, the mean number of clear dates.")),
    table(
      "observed",
      [
        { title: t("County"), value: (u) => nameOf(u), cell: (u) => countyPath(u) },
        ...shown.map(([label, p]) => ({ title: label, number: true, value: (u) => observedOf(u, p), cell: (u) => cell(u, p) })),
      ],
      polygons,
      { sort: [shown.length, false] },
    ),
  );
};
