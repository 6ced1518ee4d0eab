"use strict";
// The page works without this file: forms are posted, and the page loads again. With it nothing is loaded anew.
const root = document.documentElement;
root.classList.add("js");
const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const form = $("ask"), cards = $("cards"), empty = $("empty"), refused = $("refused");

// -- pictures: chosen, dropped, pasted
const input = $("picture"), camera = $("camera"), photo = $("photo"), previews = $("previews");
let chosen = [];
function show() {
  if (!previews) return;
  for (const old of previews.querySelectorAll("img")) { old.onerror = null; URL.revokeObjectURL(old.src); }
  previews.replaceChildren(...chosen.map((file, number) => {
    const figure = document.createElement("figure"), image = document.createElement("img"), button = document.createElement("button");
    image.src = URL.createObjectURL(file);
    image.alt = file.name;
    // a browser need not know each format that is taken here
    image.onerror = () => image.replaceWith(Object.assign(document.createElement("p"), { className: "unshown", textContent: file.name }));
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
  $("sent").textContent = "";
  show();
}
if (input) {
  for (const one of [input, camera]) one.onchange = () => { add(one.files); one.value = ""; };
  // text that is dragged goes where it always does
  const has = (event) => event.dataTransfer.types.includes("Files");
  for (const kind of ["dragenter", "dragover"]) addEventListener(kind, (event) => { if (has(event)) { event.preventDefault(); photo.classList.add("over"); } });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) photo.classList.remove("over"); });
  addEventListener("drop", (event) => { if (!has(event)) return; event.preventDefault(); photo.classList.remove("over"); add(event.dataTransfer.files); });
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
function advise() {
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const words = $("prompt").value, said = $("advice"), asked = { prompt: words, model: $("o-model")?.value || "" };
    const answer = await fetch(`${form.dataset.advice}?${new URLSearchParams(asked)}`).catch(() => null);
    if (!answer || !answer.ok || words !== $("prompt").value) return;
    const { text, wrong } = await answer.json();
    said.textContent = text;
    said.classList.toggle("wrong", wrong);
  }, 350);
}
$("prompt").oninput = advise;
if ($("prompt").value) advise();
form.addEventListener("change", async (event) => {
  if (event.target.name !== "model") return;
  const model = event.target.value;
  const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string" && value));
  const answer = await fetch(`${form.dataset.form}?${fields}`).catch(() => null);
  if (!answer || !answer.ok || model !== $("o-model").value) return;
  const html = await answer.text(), given = new FormData(form);
  $("fields").innerHTML = html;
  // what was typed meanwhile is not lost
  for (const [name, value] of given) {
    const field = $(`o-${name}`);
    if (field && !["checkbox", "file"].includes(field.type) && (field.tagName !== "SELECT" || [...field.options].some((one) => one.value === value))) field.value = value;
  }
  $("o-model").focus();
  advise();
});

// -- sending
form.onsubmit = async (event) => {
  event.preventDefault();
  if ($("go").ariaDisabled) return;
  const body = new FormData(form);
  body.delete("picture");
  const sent = [...chosen];
  for (const file of sent) body.append("picture", file, file.name);
  refuse("");
  // what is far too much is not sent first; the server looks itself
  if (chosen.reduce((sum, file) => sum + file.size, 0) > form.dataset.most) return refuse(form.dataset.tooLarge);
  // a button that is disabled would lose the focus
  $("go").ariaDisabled = "true";
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const said = await answer.json();
    if (said.refused) refuse(said.refused);
    if (said.keys && said.keys.length) {
      form.elements.once.value = crypto.randomUUID ? crypto.randomUUID() : String(Math.random());
      // what was chosen meanwhile is for the next time
      chosen = chosen.filter((file) => !sent.includes(file));
      show();
      if ($("o-last_image")) $("o-last_image").value = "";
      $("sent").textContent = $("sent-text").content.textContent;
      for (const key of said.keys) mine.add(key);
      if (form.elements.of) location.assign(new URL(".", form.action));
    }
  } catch {
    refuse($("lost").textContent);
  } finally {
    $("go").ariaDisabled = null;
  }
};
function refuse(text) {
  refused.textContent = text;
  refused.hidden = !text;
  if (text) { $("sent").textContent = ""; refused.scrollIntoView({ block: "nearest" }); }
}

// -- clips: loaded when they come near, played while they are seen
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) { near.unobserve(target); target.replaceWith(video(target)); }
}, { rootMargin: "200px" });
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.dataset.seen = isIntersecting ? "1" : "";
    if (!isIntersecting) target.pause(); else if (!target.dataset.held) target.play().catch(() => {});
  }
}, { threshold: 0.25 });
function video(link) {
  const image = link.querySelector("img"), made = document.createElement("video");
  Object.assign(made, { controls: true, loop: true, muted: true, playsInline: true, preload: "metadata" });
  Object.assign(made, { poster: image.src, width: image.width, height: image.height, src: link.href });
  made.setAttribute("aria-label", image.alt);
  watch(made);
  return made;
}
function watch(one) {
  if (still) return;
  // who stops a clip wants it so
  one.onpause = () => { if (one.dataset.seen) one.dataset.held = "1"; };
  one.onplay = () => { delete one.dataset.held; };
  seen.observe(one);
}

// -- cards
const mine = new Set();
function ready(card) {
  const link = card.querySelector(".play"), made = card.querySelector("video"), share = card.querySelector(".share");
  if (link) near.observe(link);
  if (made && !made.onpause) watch(made);
  if (share && navigator.canShare) {
    let file;
    share.hidden = !navigator.canShare({ files: [new File(["."], "a.mp4", { type: "video/mp4" })] });
    share.onclick = async () => {
      file ||= new File([await (await fetch(share.dataset.file)).blob()], share.dataset.name, { type: "video/mp4" });
      // where loading took so long that the press is forgotten, the next one shares at once
      await navigator.share({ files: [file] }).catch(() => {});
    };
  }
}
function renew(old, card) {
  const before = old.querySelector(".stage"), now = card.querySelector(".stage");
  const focus = old.contains(document.activeElement) ? [...document.activeElement.classList].pop() || document.activeElement.tagName : "";
  if (old.dataset.clip !== card.dataset.clip || !before.children.length !== !now.children.length) before.replaceWith(now);
  else {
    // what is there is not loaded anew, and a bar goes on from where it is
    const bar = before.querySelector("progress"), next = now.querySelector("progress");
    if (bar && next) {
      bar.setAttribute("aria-label", next.getAttribute("aria-label"));
      if (next.hasAttribute("value")) bar.value = Math.max(bar.hasAttribute("value") ? bar.value : 0, next.value);
    } else if (bar) bar.remove(); else if (next) before.append(next);
  }
  old.querySelector(".about").replaceWith(card.querySelector(".about"));
  old.className = card.className;
  for (const name of ["state", "clip", "mark"]) old.dataset[name] = card.dataset[name];
  if (focus) (old.querySelector(`.${CSS.escape(focus)}`) || old.querySelector(".about button, .about a, .about summary"))?.focus();
}
function put(id, html) {
  const old = $(`card-${id}`), was = old?.dataset.state;
  if (!html) { if (old) drop(old); } else {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    const card = holder.content.firstElementChild, said = card.querySelector(".words")?.textContent || "";
    const facts = [...card.querySelectorAll(".facts, .about details p")].map((one) => one.textContent).join(" ");
    if (old) renew(old, card); else cards.prepend(card);
    ready($(`card-${id}`));
    if (was !== card.dataset.state) $("news").textContent = [said, facts].filter(Boolean).join(": ");
    if (was && was !== "done" && card.dataset.state === "done" && document.hidden) document.title = `✓ ${said || title}`;
  }
  empty.hidden = cards.children.length > 0;
}
function drop(card) {
  const next = card.contains(document.activeElement) && (card.nextElementSibling || card.previousElementSibling);
  const focus = card.contains(document.activeElement);
  card.remove();
  if (focus) (next ? next.querySelector("button, a") : $("clips"))?.focus();
}
const title = document.title;
for (const card of cards.children) ready(card);

cards.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter, card = event.target.closest(".card");
  if (button.ariaDisabled) return;
  button.ariaDisabled = "true";
  try {
    const answer = await fetch(event.target.action, { method: "POST", headers: { Accept: "application/json" } });
    const { said } = await answer.json();
    if (card.isConnected) card.querySelector(".answer").textContent = said || "";
  } catch {
    if (card.isConnected) card.querySelector(".answer").textContent = $("lost").textContent;
  } finally {
    button.ariaDisabled = null;
  }
});

// -- what changes, as it changes
let source, again;
function listen() {
  hush();
  const known = [...cards.children].map((card) => card.dataset.mark).join("");
  source = new EventSource(`${cards.dataset.events}?${new URLSearchParams({ known })}`);
  source.onopen = () => { $("lost").hidden = true; };
  source.addEventListener("cards", (event) => {
    const all = JSON.parse(event.data), ids = new Set(all.map((one) => one.id));
    for (const card of [...cards.children]) if (!ids.has(card.dataset.id)) drop(card);
    // of what is shown as it is comes no text
    for (const one of all.reverse()) if (one.html) put(one.id, one.html);
    empty.hidden = cards.children.length > 0;
  });
  source.addEventListener("card", (event) => { const one = JSON.parse(event.data); put(one.id, one.html); });
  source.onerror = () => {
    // after an answer such as 502 a browser gives up; we do not
    hush();
    $("lost").hidden = false;
    again = setTimeout(listen, 1000 + 1000 * Math.random());
  };
}
function hush() {
  clearTimeout(again);
  source?.close();
}
// A browser opens few connections to one place: a page that nobody looks at holds one only for what was sent from it.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) { document.title = title; listen(); } else if (![...mine].some((key) => !/done|failed|cancelled/.test($(`card-${key}`)?.dataset.state))) hush();
});
listen();
addEventListener("pagehide", hush);
addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
