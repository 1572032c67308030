// The form of a new job: shows the fields of the code that is chosen, and one empty input more than are filled.
const form = document.getElementById("training-form");

function show() {
  const code = form.querySelector("[name=code]:checked")?.value;
  for (const part of form.querySelectorAll("[data-code]")) part.classList.toggle("chosen", part.dataset.code === code);
  let empty = 0;
  for (const row of form.querySelectorAll(".input-row")) {
    const filled = row.querySelector("[name^=data]").value !== "";
    row.toggleAttribute("data-more", !filled && empty++ > 0);
  }
}

form.addEventListener("input", show);
show();
