/* Words and numbers. Every text of the page is written in English and looked up for Chinese. */
let language = "en";

const t = (text, values = {}) => {
  const words = (language === "zh" && part("chinese")[text]) || text;
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
};

/* `t` with elements in the place of the placeholders. */
const tn = (text, values) =>
  t(text)
    .split(/(\{\w+\})/)
    .map((piece) => (/^\{\w+\}$/.test(piece) ? (values[piece.slice(1, -1)] ?? piece) : piece));

const fmt = (v) => {
  if (v === null || v === undefined) return "–";
  const size = Math.abs(v);
  if (size >= 1000) return v.toLocaleString("en", { maximumFractionDigits: 0 });
  return String(Number(v.toPrecision(size >= 100 ? 4 : 3))).replace("-", "−");
};
const percent = (v) => (v === null || v === undefined ? "–" : `${(100 * v).toFixed(v > 0.995 && v < 1 ? 1 : 0)} %`);
const unitText = (u) =>
  u && u !== "1"
    ? t(u)
        .replace("km2", "km²")
        .replace("/yr", language === "zh" ? "/年" : "/yr")
    : "";
const span = (low, high) => (low === null || high === null ? "" : t("{low} to {high}", { low: fmt(low), high: fmt(high) }));
const comma = () => (language === "zh" ? "，" : ", ");
const plain = (code) => t(String(code).replaceAll("_", " "));
