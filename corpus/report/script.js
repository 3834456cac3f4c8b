"use strict";
// The threshold sliders, and for the samples a button that opens all and a search. Without this
// script, the page shows everything but the effect of another threshold.
(() => {
  const scores = JSON.parse(document.getElementById("data").textContent);
  const count = (bins, from, to) => bins.slice(from, to).reduce((sum, bin) => sum + bin, 0);
  const format = (number) => number.toLocaleString("en-US");

  function effect(score, at) {
    const low = score.side === "max";
    // A bin's edge belongs to the side that the threshold keeps. A threshold that is no stricter
    // than the plan's drops nothing more: kept posts beyond it passed for another reason.
    const stricter = low ? score.edges[at] < score.value : score.edges[at] > score.value;
    const beyond = low ? count(score.kept, at) : count(score.kept, 0, at);
    const dropped = stricter ? beyond : 0;
    const returned = low ? count(score.own, 0, at) : count(score.own, at);
    const kept = count(score.kept, 0);
    const own = count(score.own, 0);
    const most = (number) => (score.hedged && number ? `at most ${format(number)}` : format(number));
    const sentence = `${most(dropped)} of ${format(kept)} kept posts would be dropped; ` +
      `${most(returned)} of ${format(own)} dropped as ${score.reason} would be kept here.`;
    return sentence[0].toUpperCase() + sentence.slice(1);
  }

  for (const input of document.querySelectorAll("input[data-score]")) {
    const score = scores[Number(input.dataset.score)];
    const box = input.closest(".what-if");
    const mark = input.closest("figure").querySelector(".mark");
    const show = () => {
      const at = Number(input.value);
      const value = String(Number(score.edges[at].toPrecision(6)));
      box.querySelector("output").textContent = value;
      box.querySelector(".effect").textContent = effect(score, at);
      input.setAttribute("aria-valuetext", value);
    };
    input.addEventListener("input", () => {
      const x = String((100 * Number(input.value)) / Number(input.max));
      mark.setAttribute("x1", x);
      mark.setAttribute("x2", x);
      mark.classList.add("moved");
      show();
    });
    box.hidden = false;
    show();
  }

  for (const button of document.querySelectorAll("button[data-open]")) {
    const groups = document.getElementById(button.dataset.open).getElementsByTagName("details");
    button.addEventListener("click", () => {
      const open = ![...groups].every((group) => group.open);
      for (const group of groups) group.open = open;
      button.textContent = open ? "Close all" : "Open all";
    });
    button.hidden = false;
  }

  for (const input of document.querySelectorAll("input[data-search]")) {
    const groups = document.getElementById(input.dataset.search).getElementsByTagName("details");
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const group of groups) {
        for (const post of group.getElementsByTagName("li")) {
          post.hidden = !post.textContent.toLowerCase().includes(wanted);
        }
        group.hidden = group.querySelector("li:not([hidden])") === null;
        group.open = wanted !== "" && !group.hidden;
      }
    });
    input.parentElement.hidden = false;
  }
})();
