"use strict";
// Keys and a form at a line. Without it every link and form works all the same.
(() => {
  const typing = (target) => target.closest("input, textarea, select") !== null;
  let isChanged = false;
  let chosen = -1;

  const choose = (step) => {
    const links = Array.from(document.querySelectorAll("a[data-student]"));
    if (links.length === 0) return false;
    chosen = Math.min(Math.max(chosen + step, 0), links.length - 1);
    links.forEach((link, place) => link.closest("tr").classList.toggle("chosen", place === chosen));
    links[chosen].focus();
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) event.target.blur();
    if (typing(event.target)) return;
    const steps = { j: 1, k: -1 };
    if (event.key in steps && choose(steps[event.key])) {
      event.preventDefault();
      return;
    }
    const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (target === null) return;
    event.preventDefault();
    if (target.matches("input")) target.focus();
    else target.click();
    if (target.matches("summary")) target.parentElement.querySelector("textarea").focus();
  });

  // A page with a form that is not saved asks before it is left.
  document.addEventListener("input", (event) => {
    if (event.target.closest("form[data-guard]") !== null) isChanged = true;
  });

  // If the server has stopped, the page stays, and so does what was typed.
  let isSending = false;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (isSending || !form.matches("[data-guard]")) {
      isChanged = false;
      return;
    }
    event.preventDefault();
    const sender = event.submitter;
    fetch(document.querySelector("script[src]").src, { method: "HEAD", cache: "no-store" }).then(
      () => {
        isSending = true;
        form.requestSubmit(sender);
      },
      () => {
        const problem = document.createElement("p");
        problem.className = "problem";
        problem.setAttribute("role", "alert");
        problem.textContent = "Not saved, because the server has stopped. Start `gradkit review --serve` "
          + "again, open the new address in another window, and copy your text from here.";
        if (!form.previousElementSibling?.matches(".problem")) form.before(problem);
      },
    );
  });
  window.addEventListener("beforeunload", (event) => {
    if (isChanged) event.preventDefault();
  });

  // The form for a comment is inserted below its line, so that nothing typed elsewhere is lost.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line]");
    const template = document.getElementById("line-form");
    if (link === null || template === null) return;
    event.preventDefault();
    const row = link.closest("tr");
    const at = link.dataset.line;
    const known = document.getElementById(`write-${at}`);
    if (known !== null) {
      known.querySelector("textarea").focus();
      return;
    }
    const added = document.createElement("tr");
    added.className = "said";
    added.id = `write-${at}`;
    const cell = document.createElement("td");
    cell.colSpan = 2;
    cell.append(template.content.cloneNode(true));
    cell.querySelector(".where").textContent = `Line ${link.textContent}`;
    cell.querySelector("input[name=at]").value = at;
    cell.querySelector("input[name=anchor]").value = `line-${at}`;
    added.append(cell);
    row.after(added);
    cell.querySelector("textarea").focus();
  });

  // A filter is applied at once; without this script there is a button.
  document.addEventListener("change", (event) => {
    const filters = event.target.closest("form.filters");
    if (filters !== null && event.target.matches("select")) filters.submit();
  });

  const problem = document.getElementById("problem");
  if (problem !== null) problem.focus();
})();
