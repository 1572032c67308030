// What every page has: live news, menus, the activity drawer, copy buttons, the search key.
import "./live.js";

const on = (type, selector, act) =>
  document.addEventListener(type, (event) => {
    const target = event.target.closest?.(selector);
    if (target) act(target, event);
  });

document.documentElement.classList.add("js");

on("click", "[data-dismiss]", (button) => button.closest("[data-flash]").remove());
on("change", "[data-submit]", (field) => field.form.requestSubmit());
on("focusin", "[data-select]", (field) => field.select());
on("click", "[data-copy]", async (button) => {
  await navigator.clipboard.writeText(button.dataset.copy);
  const words = button.innerHTML;
  button.textContent = "Copied";
  setTimeout(() => (button.innerHTML = words), 1500);
});

const drawer = document.getElementById("drawer");
on("click", "[data-activity]", (link, event) => {
  if (!drawer || event.ctrlKey || event.metaKey || location.pathname === "/activity") return;
  event.preventDefault();
  window.htmx.ajax("GET", "/activity", { target: "#drawer", swap: "innerHTML" }).then(() => drawer.showModal());
});
on("click", "[data-close-drawer]", () => drawer.close());
drawer?.addEventListener("click", (event) => event.target === drawer && drawer.close());
drawer?.addEventListener("close", () => drawer.replaceChildren());

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.querySelector("[data-search]")?.select();
  }
  if (event.key === "Escape") document.querySelectorAll("details[data-menu][open]").forEach((menu) => (menu.open = false));
});

on("click", "[data-theme-switch]", (button, event) => {
  event.preventDefault();
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  document.dispatchEvent(new CustomEvent("theme", { detail: root.dataset.theme }));
});
