// Charts of query results. Plotly is fetched with the first chart, not before.
const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]; // Okabe and Ito: told apart by the colour-blind
const POINTS_MAX = 5000;
const GROUPS_MAX = HUES.length;
// Plotly writes a style element for its maps unless this id is taken; the policy would refuse it. We draw no maps.
const MAP_STYLE = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";
let loading = null;

function load(place) {
  loading ??= new Promise((resolve, reject) => {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: place.dataset.style, id: "plotly.js-style-global" });
    document.head.append(Object.assign(document.createElement("template"), { id: MAP_STYLE }));
    sheet.onload = () => {
      const script = Object.assign(document.createElement("script"), { src: place.dataset.plotly, onload: resolve, onerror: reject });
      document.head.append(script);
    };
    sheet.onerror = reject;
    document.head.append(sheet);
  });
  return loading;
}

async function fetchRows(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || "The rows could not be read.");
  return body;
}

function column(data, name) {
  const index = data.columns.findIndex((one) => one.name === name);
  if (index < 0) return null;
  const number = /^(tinyint|smallint|int|bigint|float|real|double|decimal)/.test(data.columns[index].type);
  return data.rows.map((row) => (number && row[index] !== null ? Number(row[index]) : row[index]));
}

function traces(data, chart) {
  const x = column(data, chart.x);
  const y = chart.y ? column(data, chart.y) : null;
  const groups = chart.color ? column(data, chart.color) : null;
  const names = groups ? [...new Set(groups)] : [null];
  const kept = names.slice(0, GROUPS_MAX - (names.length > GROUPS_MAX ? 1 : 0));
  if (kept.length < names.length) kept.push("other");
  return kept.map((name, index) => {
    const mine = (value, i) => !groups || groups[i] === name || (name === "other" && !kept.includes(groups[i]));
    const color = HUES[index];
    const base = { name: String(name ?? ""), x: x.filter(mine), marker: { color, size: 5 }, line: { color, width: 1.75 } };
    if (chart.kind === "histogram") return { ...base, type: "histogram", marker: { color } };
    if (chart.kind === "bar") return { ...base, type: "bar", y: y.filter(mine), marker: { color } };
    return { ...base, type: "scatter", y: y.filter(mine), mode: chart.kind === "line" ? "lines+markers" : "markers" };
  });
}

function layout(place, chart, count) {
  const style = getComputedStyle(place);
  const line = getComputedStyle(place.closest(".result") ?? place).borderColor;
  const axis = (title) => ({ title: { text: title }, gridcolor: "rgba(128,140,150,0.22)", zerolinecolor: "rgba(128,140,150,0.4)", linecolor: line, automargin: true });
  return {
    font: { family: "system-ui, sans-serif", size: 12, color: style.color }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 56, r: 16, t: 12, b: 48 }, showlegend: count > 1, bargap: 0.25, hovermode: chart.kind === "scatter" ? "closest" : "x",
    xaxis: axis(chart.x), yaxis: axis(chart.kind === "histogram" ? "rows" : chart.y),
  };
}

async function draw(place) {
  const panel = place.closest(".result");
  const note = panel.querySelector("[data-chart-note]");
  const read = (name) => panel.querySelector(`[data-chart-${name}]`)?.value ?? "";
  const kept = document.querySelector("[data-chart-kept]");
  const [data] = await Promise.all([fetchRows(place.dataset.rows), load(place)]);
  const render = () => {
    const chart = { kind: read("kind"), x: read("x"), y: read("y"), color: read("color") };
    if (chart.kind !== "histogram" && !chart.y) {
      note.textContent = "Choose what goes up.";
      return;
    }
    if (kept) kept.value = JSON.stringify(chart);
    const series = traces(data, chart);
    window.Plotly.react(place, series, layout(place, chart, series.length), { responsive: true, displaylogo: false, displayModeBar: false });
    note.textContent = data.total > data.rows.length ? `Drawn from the first ${POINTS_MAX.toLocaleString("en")} of ${data.total.toLocaleString("en")} rows.` : "";
  };
  panel.querySelectorAll(".chart-tools select").forEach((select) => select.addEventListener("change", render));
  document.addEventListener("theme", () => requestAnimationFrame(render));
  render();
  place.dataset.drawn = "true";
}

export function drawAll(root) {
  for (const place of root.querySelectorAll("[data-chart]")) {
    if (place.dataset.begun) continue;
    place.dataset.begun = "true";
    draw(place).catch((error) => (place.closest(".result").querySelector("[data-chart-note]").textContent = error.message));
  }
}
