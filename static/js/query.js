// The query page: ACE over the textarea, completion, the price as one types, the place of an error, charts.
import { drawAll } from "./charts.js";

const host = document.querySelector("[data-editor]");
const form = document.getElementById("editor-form");
const area = host.querySelector("textarea");
const dark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
let editor = null;
let mark = null;

function price() {
  document.getElementById("price").dispatchEvent(new CustomEvent("sql-changed"));
}

function completer(schema) {
  const tables = Object.keys(schema);
  return {
    identifierRegexps: [/[a-zA-Z_0-9.]/],
    getCompletions(_editor, _session, _position, prefix, done) {
      const text = area.value.toLowerCase();
      const used = tables.filter((name) => text.includes(name) || text.includes(name.split(".")[1]));
      const columns = (used.length ? used : tables).flatMap((name) => schema[name].map((column) => [column, name]));
      done(null, [
        ...tables.map((name) => ({ value: name, caption: name, meta: "table", score: 900 })),
        ...columns.map(([column, name]) => ({ value: column, caption: column, meta: name, score: used.length ? 1000 : 500 })),
      ]);
    },
  };
}

function begin() {
  const ace = window.ace;
  if (!ace) return; // the textarea goes on by itself
  const base = host.dataset.ace;
  ace.config.set("basePath", base);
  ace.config.set("useStrictCSP", true);
  ace.config.set("loadWorkerFromBlob", false);
  const place = document.createElement("div");
  place.className = "ace-host";
  area.hidden = true;
  host.append(place);
  editor = ace.edit(place, {
    value: area.value, mode: "ace/mode/sql", theme: theme(), minLines: 9, maxLines: 26, fontSize: 13, showPrintMargin: false,
    useWorker: false, highlightActiveLine: false, showFoldWidgets: false, tabSize: 2, useSoftTabs: true, wrap: true,
    enableBasicAutocompletion: true, enableLiveAutocompletion: true,
    textInputAriaLabel: "SQL",
  });
  editor.renderer.setScrollMargin(8, 8);
  const tools = ace.require("ace/ext/language_tools");
  tools.setCompleters([completer(JSON.parse(host.dataset.schema || "{}")), tools.keyWordCompleter]);
  editor.session.on("change", () => {
    area.value = editor.getValue();
    clearMark();
    price();
  });
  editor.commands.addCommand({ name: "run", bindKey: "Ctrl-Enter|Command-Enter", exec: () => form.requestSubmit() });
  // Tab leaves the editor after Escape, so that the keyboard is never caught in it.
  editor.commands.addCommand({ name: "leave", bindKey: "Esc", exec: () => editor.completer?.detach() ?? form.querySelector("[data-run]").focus() });
  editor.focus();
  editor.navigateFileEnd();
}

const theme = () => (dark() ? "ace/theme/github_dark" : "ace/theme/github_light_default");

function clearMark() {
  if (!editor) return;
  editor.session.clearAnnotations();
  if (mark !== null) editor.session.removeMarker(mark);
  mark = null;
}

function showRefusal(part) {
  if (!editor) return;
  clearMark();
  const row = Number(part.dataset.line || 0) - 1;
  if (row < 0) return;
  const column = Math.max(0, Number(part.dataset.column || 1) - 1);
  editor.session.setAnnotations([{ row, column, text: part.dataset.refusal, type: "error" }]);
  const { Range } = window.ace.require("ace/range");
  mark = editor.session.addMarker(new Range(row, 0, row, 1), "refused-line", "fullLine");
}

function look(root) {
  for (const part of [root, ...root.querySelectorAll("[data-refusal]")]) if (part.dataset?.refusal) showRefusal(part);
  drawAll(root);
}

area.addEventListener("input", price);
area.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") form.requestSubmit();
});
document.addEventListener("theme", () => editor?.setTheme(theme()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => editor?.setTheme(theme()));
document.addEventListener("click", async (event) => {
  const insert = event.target.closest("[data-insert]");
  if (insert?.matches("button")) {
    if (editor) {
      editor.insert(insert.dataset.insert);
      editor.focus();
    } else area.setRangeText(insert.dataset.insert, area.selectionStart, area.selectionEnd, "end");
  }
  const share = event.target.closest("[data-copy-address]");
  if (share) {
    await navigator.clipboard.writeText(location.href);
    share.lastChild.textContent = "Copied";
  }
});
document.body.addEventListener("htmx:load", (event) => look(event.target));
setInterval(() => {
  for (const part of document.querySelectorAll("[data-since]")) {
    const seconds = (Date.now() - new Date(part.dataset.since)) / 1000;
    if (seconds > 0.3) part.textContent = seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  }
}, 100);

addEventListener("load", () => {
  begin();
  look(document.getElementById("result"));
});
