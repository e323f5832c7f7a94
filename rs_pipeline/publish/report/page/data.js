/* Results of the run by unit, kind and period. A kind is an indicator, or an indicator judged against one target. */
const core = part("core");
const { units, periods } = core;
const last = periods.length - 1;
const found = part("indicators") || { kinds: [], reasons: [], notes: [], statuses: [], scenes: null };
const { kinds } = found;
for (const { columns } of kinds)
  if (columns)
    for (const [i, name] of ["status", "reason"].entries())
      columns[name] = columns.answer.map((a) => (a < 0 ? -1 : found.answers[a][i]));
const polygons = units.map((_, i) => i).filter((i) => units[i].path !== undefined);
const withRows = units
  .map((_, i) => i)
  .filter((i) =>
    kinds.some((k) => k.columns && k.columns.status.slice(i * periods.length, (i + 1) * periods.length).some((v) => v >= 0)),
  );
/* Places without a polygon of their own: the region first, then the prefectures. */
const LEVELS = ["region", "prefecture"];
const regions = withRows
  .filter((i) => units[i].path === undefined)
  .sort((a, b) => LEVELS.indexOf(units[a].level) - LEVELS.indexOf(units[b].level) || a - b);
const whole = regions.find((i) => units[i].level === "region") ?? null;
const prefectures = regions.filter((i) => units[i].level === "prefecture");
const countiesOf = (u) =>
  units[u].level === "prefecture" ? polygons.filter((v) => units[v].prefecture === units[u].name) : u === whole ? polygons : [];

const at = (column, slot) => (column && column[slot] !== undefined ? column[slot] : null);

const NUMBERS = ["observed_fraction", "value", "lower", "upper", "slope_per_year", "slope_lower", "slope_upper"];

/* The row of a unit, or null. */
const answer = (unit, k, period) => {
  const kind = kinds[k];
  if (!kind) return null;
  if (kind.everywhere) {
    const [status, reason] = [found.statuses[kind.everywhere[0]], found.reasons[kind.everywhere[1]]];
    return { unit, period, kind: k, status, reason, note: "", ...Object.fromEntries(NUMBERS.map((name) => [name, null])) };
  }
  const slot = unit * periods.length + period,
    c = kind.columns;
  if (!(c.status[slot] >= 0)) return null;
  return {
    unit,
    period,
    kind: k,
    status: found.statuses[c.status[slot]],
    reason: found.reasons[c.reason[slot]],
    note: found.notes[c.reason[slot]],
    ...Object.fromEntries(NUMBERS.map((name) => [name, at(c[name], slot)])),
  };
};
const scenesOf = (unit, period) => at(found.scenes, unit * periods.length + period);
/* The first row of an indicator, whatever its target; null where the table has none. */
const rowOf = (indicator, unit, period) => {
  const k = unit === null ? -1 : kinds.findIndex((x) => x.indicator === indicator);
  return k < 0 ? null : answer(unit, k, period);
};
/* Share of a unit's area that was observed: that of permanent water, which is decided for every pixel. */
const observedOf = (unit, period) => (rowOf("water_permanent_area", unit, period) || { observed_fraction: null }).observed_fraction;
const clearOf = (unit, period) => at(part("clear").dates, unit * periods.length + period);

/* A number of a row, or a dash. `data-cell` names its cell of indicators.csv, so that page and table can be compared. */
const figure = (row, column = "value", show = fmt) => {
  const value = row ? row[column] : null;
  if (value === null) return "–";
  const { indicator, target_id } = kinds[row.kind];
  const cell = [units[row.unit].code, periods[row.period], indicator, target_id, column].join("|");
  return h("data", { value, "data-cell": cell }, show(value));
};
/* Bounds come in pairs: a missing one is infinite. */
const bounds = (row) => {
  if (!row || (row.lower === null && row.upper === null)) return null;
  const [low, high] = [figure(row, "lower"), figure(row, "upper")];
  if (row.upper === null) return tn("{low} or more", { low });
  return row.lower === null ? tn("{high} or less", { high }) : tn("{low} to {high}", { low, high });
};

const valued = kinds.map((_, k) => k).filter((k) => kinds[k].columns && (kinds[k].columns.value || kinds[k].columns.lower));
const mapped = kinds.map((_, k) => k).filter((k) => kinds[k].columns);
const gradable = (k) => Boolean(kinds[k].target_id) && kinds[k].target_operator !== "qualitative";
const graded = mapped.filter(gradable);
const order = (k) => (valued.includes(k) ? 0 : 2) + (gradable(k) ? 0 : 1);
mapped.sort((a, b) => order(a) - order(b) || a - b);

const nameOf = (i) => (units[i] ? (units[i].path === undefined ? t(units[i].name) : units[i].name) : "");
const titleOf = (k) => t(kinds[k].title);

const targetText = (kind) => {
  if (!kind.target_operator) return "";
  const sign = { ">=": "≥", "<=": "≤" }[kind.target_operator] || plain(kind.target_operator);
  const none = kind.target_value === null || (/^[a-z]/.test(kind.target_operator) && kind.target_value === 0);
  const goal = none ? sign : `${sign} ${fmt(kind.target_value)} ${unitText(kind.unit)}`.trim();
  return kind.target_year ? t("{goal} by {year}", { goal, year: kind.target_year }) : goal;
};

/* Range of an indicator over the counties or the region's own rows; a target far outside (a provincial total) is left out. */
const ranges = new Map();
const rangeOf = (k, whole) => {
  const key = `${k} ${whole}`;
  if (!ranges.has(key)) {
    const group = whole ? regions : polygons;
    const rows = group.flatMap((u) => periods.map((_, p) => answer(u, k, p))).filter((r) => r && r.value !== null);
    ranges.set(
      key,
      spread(
        rows.flatMap((r) => [r.value, r.lower, r.upper]).filter((v) => v !== null),
        kinds[k].target_value,
      ),
    );
  }
  return ranges.get(key);
};
const spread = (seen, target) => {
  if (!seen.length) return [0, 1];
  let low = Math.min(...seen),
    high = Math.max(...seen);
  const near = Math.max(high - low, Math.abs(high), Math.abs(low)) * 2;
  if (target !== null && target !== undefined && target >= low - near && target <= high + near) {
    low = Math.min(low, target);
    high = Math.max(high, target);
  }
  if (high === low) return high === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
  const pad = (high - low) * 0.06;
  return [low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad];
};

/* How many of the counties have each status. */
const tally = (k, period, among = polygons) => {
  const counts = {};
  for (const u of among) {
    const row = answer(u, k, period);
    if (row) counts[row.status] = (counts[row.status] || 0) + 1;
  }
  return counts;
};
