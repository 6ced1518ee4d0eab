"use strict";
// The page works without this file: forms are posted, and the page loads again. With it nothing is loaded anew.
const root = document.documentElement;
root.classList.add("js");
const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const form = $("ask"), cards = $("cards"), empty = $("empty"), refused = $("refused");

// -- pictures: chosen, dropped, pasted
const input = $("picture"), photo = $("photo"), previews = $("previews");
let chosen = [];
function show() {
  if (!previews) return;
  for (const old of previews.querySelectorAll("img")) URL.revokeObjectURL(old.src);
  previews.replaceChildren(...chosen.map((file, number) => {
    const figure = document.createElement("figure"), image = document.createElement("img"), button = document.createElement("button");
    image.src = URL.createObjectURL(file);
    image.alt = file.name;
    button.type = "button";
    button.textContent = previews.dataset.remove;
    button.setAttribute("aria-label", `${previews.dataset.remove} ${file.name}`);
    button.onclick = () => { chosen.splice(number, 1); show(); input.focus(); };
    figure.append(image, button);
    return figure;
  }));
  previews.hidden = !chosen.length;
  photo.classList.toggle("chosen", chosen.length > 0);
}
function add(files) {
  // a name says nothing of a picture: what it is, the server finds out
  chosen = chosen.concat([...files].filter((file) => file.size));
  show();
}
if (input) {
  input.onchange = () => { add(input.files); input.value = ""; };
  for (const kind of ["dragenter", "dragover"]) addEventListener(kind, (event) => { event.preventDefault(); photo.classList.add("over"); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) photo.classList.remove("over"); });
  addEventListener("drop", (event) => { event.preventDefault(); photo.classList.remove("over"); add(event.dataTransfer.files); });
  addEventListener("paste", (event) => { if (event.clipboardData.files.length) add(event.clipboardData.files); });
}
const sample = $("sample");
if (sample) sample.onclick = async (event) => {
  event.preventDefault();
  add([new File([await (await fetch(sample.dataset.sample)).blob()], "sample.jpg", { type: "image/jpeg" })]);
  $("prompt").focus();
};

// -- words and options
let typing;
$("prompt").oninput = () => {
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const words = $("prompt").value, said = $("advice");
    const answer = await fetch(`${form.dataset.advice}?${new URLSearchParams({ prompt: words })}`).catch(() => null);
    if (!answer || !answer.ok || words !== $("prompt").value) return;
    const { text, wrong } = await answer.json();
    said.textContent = text;
    said.classList.toggle("wrong", wrong);
  }, 350);
};
form.addEventListener("change", async (event) => {
  if (event.target.name !== "model") return;
  const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string" && value));
  const answer = await fetch(`${form.dataset.form}?${fields}`);
  if (answer.ok) { $("fields").innerHTML = await answer.text(); $("o-model").focus(); }
});

// -- sending
form.onsubmit = async (event) => {
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  body.delete("picture");
  for (const file of chosen) body.append("picture", file, file.name);
  $("go").disabled = true;
  refuse("");
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const said = await answer.json();
    if (said.refused) refuse(said.refused);
    if (said.keys && said.keys.length) {
      form.elements.once.value = crypto.randomUUID ? crypto.randomUUID() : String(Math.random());
      chosen = [];
      show();
      $("sent").textContent = $("sent-text").innerHTML;
      if (form.elements.of) location.assign(new URL(".", form.action));
    }
  } catch {
    refuse($("lost").textContent);
  } finally {
    $("go").disabled = false;
  }
};
function refuse(text) {
  refused.textContent = text;
  refused.hidden = !text;
  if (text) { $("sent").textContent = ""; refused.scrollIntoView({ block: "nearest" }); }
}

// -- cards
function ready(card) {
  const video = card.querySelector("video"), share = card.querySelector(".share");
  if (video && still) { video.autoplay = false; video.pause(); }
  if (share && navigator.canShare) {
    const file = () => fetch(share.dataset.file).then((answer) => answer.blob()).then((blob) => new File([blob], share.dataset.name, { type: "video/mp4" }));
    share.hidden = !navigator.canShare({ files: [new File(["."], "a.mp4", { type: "video/mp4" })] });
    share.onclick = async () => navigator.share({ files: [await file()] }).catch(() => {});
  }
}
function put(id, html) {
  const old = $(`card-${id}`);
  if (!html) { if (old) old.remove(); } else {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    const card = holder.content.firstElementChild;
    if (!old) cards.prepend(card); else {
      // a picture that is there is not loaded anew, and a bar goes on from where it is
      const before = old.querySelector(".stage img"), now = card.querySelector(".stage img");
      if (before && now && before.src === now.src) now.replaceWith(before);
      if (before && before.complete && card.querySelector("video") && document.hidden) call(card);
      const focus = old.contains(document.activeElement) ? [...document.activeElement.classList].pop() : "";
      old.replaceWith(card);
      if (focus) (card.querySelector(`.${CSS.escape(focus)}`) || card.querySelector("button, a, summary"))?.focus();
    }
    ready(card);
  }
  empty.hidden = cards.children.length > 0;
}
const title = document.title;
function call(card) {
  document.title = `✓ ${card.querySelector(".words")?.textContent || title}`;
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) document.title = title; });
for (const card of cards.children) ready(card);

cards.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter, card = event.target.closest(".card");
  button.disabled = true;
  try {
    const answer = await fetch(event.target.action, { method: "POST", headers: { Accept: "application/json" } });
    const { said } = await answer.json();
    if (card.isConnected) card.querySelector(".answer").textContent = said || "";
  } finally {
    button.disabled = false;
  }
});

let source, again;
function listen() {
  clearTimeout(again);
  source = new EventSource(cards.dataset.events);
  source.addEventListener("cards", (event) => {
    $("lost").hidden = true;
    const all = JSON.parse(event.data), ids = new Set(all.map((one) => one.id));
    for (const card of [...cards.children]) if (!ids.has(card.dataset.id)) card.remove();
    for (const one of all.reverse()) {
      const shown = $(`card-${one.id}`);
      if (!shown || shown.dataset.state !== one.state || one.under_way) put(one.id, one.html);
    }
    empty.hidden = cards.children.length > 0;
  });
  source.addEventListener("card", (event) => { const one = JSON.parse(event.data); put(one.id, one.html); });
  source.onerror = () => {
    $("lost").hidden = false;
    // after an answer such as 502 a browser gives up; we do not
    if (source.readyState === EventSource.CLOSED) again = setTimeout(listen, 1500);
  };
}
listen();
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
