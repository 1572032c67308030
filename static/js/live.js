// One event stream a page. It carries no content: elements refetch their own fragment by htmx when they hear
// "operation" (anything changed) or "op-<id>" (this one did). Pages are right without it, by polling slowly.
const states = new Map();
const body = document.body;

function tell(operation) {
  states.set(operation.id, operation.state);
  body.dispatchEvent(new CustomEvent("operation", { detail: operation }));
  body.dispatchEvent(new CustomEvent(`op-${operation.id}`, { detail: operation }));
}

if (body.dataset.user) {
  const source = new EventSource("/events");
  let opened = false;
  source.addEventListener("operation", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("ready", () => {
    if (opened) body.dispatchEvent(new CustomEvent("operation")); // news may have been missed
    opened = true;
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// A fragment may be older than the news that came while it was on its way.
body.addEventListener("htmx:load", (event) => {
  for (const part of [event.target, ...event.target.querySelectorAll("[data-operation]")]) {
    const state = states.get(part.dataset?.operation);
    if (state && state !== part.dataset.state) body.dispatchEvent(new CustomEvent(`op-${part.dataset.operation}`));
  }
});
