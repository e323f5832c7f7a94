/* What the run found, by unit, kind and period. A kind is an indicator, or an indicator against one target. */
const core = part("core");
const { units, periods } = core;
const last = periods.length - 1;
const found = part("indicators") || { kinds: [], reasons: [], notes: [], statuses: [], scenes: null };
const { kinds } = found;
const polygons = units.map((_, i) => i).filter((i) => units[i].path !== undefined);
const withRows = units
  .map((_, i) => i)
  .filter((i) =>
    kinds.some((k) => k.columns && k.columns.status.slice(i * periods.length, (i + 1) * periods.length).some((v) => v >= 0)),
  );
const regions = withRows.filter((i) => units[i].path === undefined);

const at = (column, slot) => (column && column[slot] !== undefined ? column[slot] : null);

/* The row of a unit, or null. */
const answer = (unit, k, period) => {
  const kind = kinds[k];
  if (!kind) return null;
  if (kind.everywhere) {
    return {
      kind: k,
      status: found.statuses[kind.everywhere[0]],
      reason: found.reasons[kind.everywhere[1]],
      note: "",
      observed: null,
      value: null,
      lower: null,
      upper: null,
    };
  }
  const slot = unit * periods.length + period,
    c = kind.columns;
  if (!(c.status[slot] >= 0)) return null;
  return {
    kind: k,
    status: found.statuses[c.status[slot]],
    reason: found.reasons[c.reason[slot]],
    note: found.notes[c.reason[slot]],
    observed: at(c.observed_fraction, slot),
    value: at(c.value, slot),
    lower: at(c.lower, slot),
    upper: at(c.upper, slot),
  };
};
const scenesOf = (unit, period) => at(found.scenes, unit * periods.length + period);
/* What the table of indicators says of the whole region in a period, null where it has no value. */
const regionFigure = (name, label) => {
  const figures = core.totals.find((x) => x.period === label);
  return figures && figures[name] ? figures[name][0] : null;
};
const observedOf = (unit, period, name = "share") => {
  if (name === "share" && units[unit].path === undefined)
    return (core.totals.find((x) => x.period === periods[period]) || { observed: null }).observed;
  return at(part("observed")[name], unit * periods.length + period);
};

const valued = kinds.map((_, k) => k).filter((k) => kinds[k].columns && (kinds[k].columns.value || kinds[k].columns.lower));
const mapped = kinds.map((_, k) => k).filter((k) => kinds[k].columns);
const graded = mapped.filter((k) => kinds[k].target_id);
const order = (k) => (valued.includes(k) ? 0 : 2) + (kinds[k].target_id ? 0 : 1);
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
const tally = (k, period) => {
  const counts = {};
  for (const u of polygons) {
    const row = answer(u, k, period);
    if (row) counts[row.status] = (counts[row.status] || 0) + 1;
  }
  return counts;
};
