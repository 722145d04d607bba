"use strict";
// Keeps a page up to date. Everything works without it.
(() => {
  const byHash = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target?.scrollIntoView();
  };
  const byId = (id) => "#" + CSS.escape(id);
  const placeOf = (it) => {
    if (!it?.closest("main")) return;
    if (it.id) return byId(it.id);
    if (it.tagName === "SUMMARY") return byId(it.parentElement.id) + ">summary";
    const href = it.getAttribute("href");
    return href && 'a[href="' + CSS.escape(href) + '"]';
  };
  let busy = false, again = false, lost = false, last = null;
  const tell = (isLost) => {
    if (lost === isLost) return;
    lost = isLost;
    const line = document.getElementById("stream");
    line.hidden = !lost;
    line.textContent = lost ? "Connection lost since " + new Date().toISOString().slice(11, 19) + " UTC; this page may be old." : "";
  };
  // A list of choices that is open would close.
  const isChoosing = () => document.activeElement?.tagName === "SELECT";
  const offerCopies = () => {
    for (const it of document.querySelectorAll("button[data-copy]")) it.hidden = false;
  };
  const copy = async (button) => {
    const link = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(link.href);
      button.textContent = "Copied";
    } catch {
      // Not everywhere may a page write there; then it is shown and selected for the hand to copy.
      link.textContent = link.href;
      getSelection().selectAllChildren(link);
    }
  };
  const swap = (page) => {
    const old = document.querySelector("main"), main = page.querySelector("main"), html = main.innerHTML;
    if (html === last) return;
    last = html;
    for (const it of old.querySelectorAll("details[id]")) {
      const same = main.querySelector(byId(it.id));
      if (same) same.open = it.open;
    }
    const places = [...old.querySelectorAll(".scroll")].map((it) => [it.scrollLeft, it.scrollTop]);
    // What somebody is about to say stays.
    for (const it of old.querySelectorAll("input[id], select[id]")) {
      const same = main.querySelector(byId(it.id));
      if (same) same.value = it.value;
    }
    const active = document.activeElement, place = placeOf(active), left = scrollX, top = scrollY;
    old.replaceWith(document.adoptNode(main));
    main.querySelectorAll(".scroll").forEach((it, at) => places[at] && it.scrollTo(...places[at]));
    const same = place && main.querySelector(place);
    same?.focus({ preventScroll: true });
    if (active?.selectionStart != null) same?.setSelectionRange?.(active.selectionStart, active.selectionEnd);
    offerCopies();
    scrollTo({ left, top, behavior: "instant" });
    // What has come to its end changes no more.
    if (!page.body.dataset.events) {
      delete document.body.dataset.events;
      source?.close();
    }
    document.title = page.title;
    const icon = (of) => of.querySelector("link[rel=icon]");
    icon(document).href = icon(page).href;
  };
  let source = null;
  const isLive = () => document.body.dataset.events;
  const refresh = async () => {
    if (!isLive()) return;
    again = busy || isChoosing();
    if (again) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Fragment": 1 } });
      // Logged out, or gone.
      if (answer.redirected || [401, 404].includes(answer.status)) return location.reload();
      if (!answer.ok) throw answer.status;
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      tell(false);
    } catch {
      tell(true);
    }
    busy = false;
    if (again) refresh();
  };
  const listen = () => {
    source?.close();
    source = null;
    if (!isLive()) return;
    // A browser keeps six connections to a host in all: tabs that nobody looks at ask now and then instead.
    if (document.hidden) return;
    source = new EventSource(isLive());
    source.onopen = source.onmessage = refresh;
    source.onerror = () => {
      tell(true);
      // Refused: the browser does not try again by itself.
      if (source?.readyState === 2) setTimeout(listen, 10000);
    };
  };
  addEventListener("DOMContentLoaded", () => {
    byHash();
    offerCopies();
    addEventListener("hashchange", byHash);
    addEventListener("click", (event) => {
      const button = event.target.closest?.("button[data-copy]");
      if (button) copy(button);
    });
    if (!isLive()) return;
    listen();
    addEventListener("focusout", () => setTimeout(() => again && refresh()));
    addEventListener("visibilitychange", listen);
    // "in 4 min" grows old.
    setInterval(refresh, 30000);
  });
})();
