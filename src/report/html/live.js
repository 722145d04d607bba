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
  const swap = (page) => {
    const old = document.querySelector("main"), main = page.querySelector("main"), html = main.innerHTML;
    if (html === last) return;
    last = html;
    for (const it of old.querySelectorAll("details[id]")) {
      const same = main.querySelector(byId(it.id));
      if (same) same.open = it.open;
    }
    const places = [...old.querySelectorAll(".scroll")].map((it) => [it.scrollLeft, it.scrollTop]);
    const place = placeOf(document.activeElement), left = scrollX, top = scrollY;
    old.replaceWith(document.adoptNode(main));
    main.querySelectorAll(".scroll").forEach((it, at) => places[at] && it.scrollTo(...places[at]));
    if (place) main.querySelector(place)?.focus({ preventScroll: true });
    scrollTo({ left, top, behavior: "instant" });
    document.title = page.title;
    const icon = (of) => of.querySelector("link[rel=icon]");
    icon(document).href = icon(page).href;
  };
  const refresh = async () => {
    again = busy;
    if (busy) return;
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
    const source = new EventSource(document.body.dataset.events);
    source.onopen = source.onmessage = refresh;
    source.onerror = () => {
      tell(true);
      // Refused: the browser does not try again by itself.
      if (source.readyState === 2) setTimeout(listen, 10000);
    };
  };
  addEventListener("DOMContentLoaded", () => {
    byHash();
    addEventListener("hashchange", byHash);
    if (!document.body.dataset.events) return;
    listen();
    // "in 4 min" grows old.
    setInterval(() => document.hidden || refresh(), 60000);
  });
})();
