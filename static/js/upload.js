// Uploads in parts: create → where does part n go → PUT → complete. Four at a time, tried again with growing pauses, and
// resumed after a reload: the upload's id is kept under the file's name, size and date.
const API = "/api/v1/uploads";
const AT_ONCE = 4;
const TRIES = 6;
const TABULAR = /\.(csv|tsv|json|jsonl|ndjson|parquet)(\.gz)?$/i;
const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

async function ask(method, url, body) {
  const headers = { "X-CSRFToken": csrf(), Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail || "The portal did not answer as it should."), { status: response.status });
  return answer;
}

function put(target, blob, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(target.method, target.url);
    for (const [name, value] of Object.entries(target.headers ?? {})) request.setRequestHeader(name, value);
    if (new URL(target.url, location.href).origin === location.origin) request.setRequestHeader("X-CSRFToken", csrf());
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(Object.assign(new Error(reason(request)), { status: request.status })));
    request.onerror = () => reject(new Error("The connection broke."));
    request.send(blob);
  });
}

function reason(request) {
  try {
    return JSON.parse(request.responseText).detail;
  } catch {
    return "A part was not taken.";
  }
}

async function again(work) {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (tried === TRIES || (error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429)) throw error;
      await new Promise((wake) => setTimeout(wake, Math.random() * 500 * 2 ** tried));
    }
  }
}

async function begin(file, bucket, key, memory) {
  const kept = localStorage.getItem(memory);
  if (kept) {
    try {
      const upload = await ask("GET", `${API}/${kept}`);
      if (upload.state === "open") return upload;
    } catch {
      // gone meanwhile: begin anew
    }
  }
  const upload = await ask("POST", API, { bucket, key, size: file.size, content_type: file.type || "application/octet-stream" });
  localStorage.setItem(memory, upload.id);
  return upload;
}

export async function upload(file, bucket, key, show) {
  const memory = `upload:${document.body.dataset.user}:${bucket}/${key}:${file.size}:${file.lastModified}`;
  const state = await again(() => begin(file, bucket, key, memory));
  const sent = new Map(state.done.map((part) => [part, Math.min(state.part_size, file.size - (part - 1) * state.part_size)]));
  const left = Array.from({ length: state.parts }, (_, index) => index + 1).filter((part) => !sent.has(part));
  const tell = () => show(file.size ? [...sent.values()].reduce((sum, bytes) => sum + bytes, 0) / file.size : 1, state.storage);
  tell();
  const worker = async () => {
    for (let part = left.shift(); part; part = left.shift()) {
      const number = part;
      const blob = file.slice((number - 1) * state.part_size, Math.min(file.size, number * state.part_size));
      await again(async () => {
        const target = await ask("POST", `${API}/${state.id}/parts/${number}`);
        await put(target, blob, (bytes) => {
          sent.set(number, Math.min(bytes, blob.size));
          tell();
        });
        sent.set(number, blob.size);
        tell();
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, left.length) }, worker));
  const made = await again(() => ask("POST", `${API}/${state.id}/complete`));
  localStorage.removeItem(memory);
  return made;
}

// --- the page ---------------------------------------------------------------------------------------------------------

function line(list, file) {
  const row = document.createElement("p");
  const name = Object.assign(document.createElement("strong"), { textContent: file.name });
  const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0, ariaLabel: `Upload of ${file.name}` });
  const words = Object.assign(document.createElement("span"), { className: "muted" });
  row.append(name, " ", bar, " ", words);
  list.append(row);
  return {
    progress: (share, storage) => ((bar.value = share), (words.textContent = `${Math.floor(share * 100)} % · ${monthly(storage)}`)),
    done: () => (bar.remove(), (words.textContent = "uploaded")),
    failed: (error) => (bar.remove(), (words.className = "bad"), (words.textContent = `${error.message} Choose the file again to go on where it stopped.`)),
  };
}

function monthly({ usd_per_month }) {
  const usd = Number(usd_per_month);
  if (usd > 0 && usd < 0.000001) return "kept for less than $0.000001 a month at AWS prices";
  return `kept for $${usd >= 0.01 || usd === 0 ? usd.toFixed(2) : usd.toPrecision(2)} a month at AWS prices`;
}

async function ensureBucket(place) {
  if (place.dataset.bucket) return place.dataset.bucket;
  await ask("POST", "/api/v1/buckets", { name: place.dataset.create, team: place.dataset.team });
  return (place.dataset.bucket = place.dataset.create);
}

async function take(place, files) {
  const list = document.getElementById("uploads");
  const stored = [];
  let bucket;
  for (const file of files) {
    const shown = line(list, file);
    try {
      bucket ??= await ensureBucket(place);
      const key = (place.dataset.prefix || "") + file.name;
      await upload(file, bucket, key, shown.progress);
      shown.done();
      stored.push(key);
    } catch (error) {
      shown.failed(error);
    }
  }
  if (stored.length === 1 && files.length === 1 && TABULAR.test(stored[0])) describe(`s3://${bucket}/${stored[0]}`);
  else if (stored.length) refresh(bucket, place.dataset.prefix || "");
}

function describe(location) {
  const form = Object.assign(document.createElement("form"), { method: "post", action: "/tables/new" });
  for (const [name, value] of Object.entries({ csrfmiddlewaretoken: csrf(), location })) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
}

function refresh(bucket, prefix) {
  const address = `/data/files/${encodeURIComponent(bucket)}/${prefix.split("/").map(encodeURIComponent).join("/")}`;
  if (document.getElementById("files")) window.htmx.ajax("GET", address, { target: "#files", swap: "outerHTML" });
  else location.assign(address);
}

for (const place of document.querySelectorAll("[data-drop]")) {
  const area = place.hasAttribute("data-page") ? document.body : place;
  place.querySelector("[data-pick]").addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    take(place, files);
  });
  for (const type of ["dragenter", "dragover"]) {
    area.addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      place.classList.add("over");
    });
  }
  area.addEventListener("dragleave", (event) => event.relatedTarget || place.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    place.classList.remove("over");
    take(place, [...event.dataTransfer.files]);
  });
}
