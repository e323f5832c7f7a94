/* State of the view. All of it is in the address after the #, so that a link leads to the same view. */
const DEFAULTS = { indicator: "", period: "", colour: "", layer: "", lang: "" };
const state = { view: "sheet", argument: "", ...DEFAULTS };

const readAddress = () => {
  const [path, query] = location.hash.slice(1).split("?");
  const [view, ...rest] = path.split("/");
  let argument = rest.join("/");
  try {
    argument = decodeURIComponent(argument);
  } catch {
    argument = "";
  }
  Object.assign(
    state,
    DEFAULTS,
    { view: VIEWS[view] ? view : "sheet", argument },
    Object.fromEntries([...new URLSearchParams(query || "")].filter(([key]) => key in DEFAULTS)),
  );
};
const address = (view, argument, changes = {}) => {
  const kept = Object.entries({ ...state, ...changes }).filter(([key, value]) => key in DEFAULTS && value !== "");
  const query = new URLSearchParams(kept).toString();
  return `#${view}${argument ? `/${encodeURIComponent(argument)}` : ""}${query ? `?${query}` : ""}`;
};
/* A change of view adds a step to the browser's history; a change within a view does not. */
const change = (changes) => {
  Object.assign(state, changes);
  history.replaceState(null, "", address(state.view, state.argument));
  draw();
};

const period = () => (periods.includes(state.period) ? periods.indexOf(state.period) : last);
const kindNow = () => {
  const k = kinds.findIndex((x) => x.key === state.indicator);
  return k >= 0 && mapped.includes(k) ? k : (mapped[0] ?? null);
};
const unitNow = () => {
  const u = units.findIndex((x) => x.code === state.argument);
  return u >= 0 ? u : (regions[0] ?? polygons[0] ?? null);
};
