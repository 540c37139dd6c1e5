// Keeps a page alive: the server sends the numbers of the first page as events, and each goes into the place that names it; parts of other pages that change are asked for anew at each event.
// Without this script the pages are the same, only still.
'use strict';
(() => {
  const places = document.querySelectorAll('[data-live]:not(form)');
  const parts = document.querySelectorAll('[data-live-part]');
  if ((!places.length && !parts.length) || !window.EventSource) return;

  // Whoever works in a part, or marks text in it, is not disturbed: it is there at the next event.
  const inUse = (part) => {
    const marked = document.getSelection();
    return part.contains(document.activeElement) || (marked && !marked.isCollapsed && part.contains(marked.anchorNode));
  };

  // A request for a document, since the page's policy takes no markup from a script.
  const anew = () => {
    const request = new XMLHttpRequest();
    request.open('GET', location.href);
    request.responseType = 'document';
    request.onload = () => {
      const page = request.response;
      if (request.status !== 200 || !page) return;
      for (const part of parts) {
        const other = page.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
        if (other && other.innerHTML !== part.innerHTML && !inUse(part)) part.replaceChildren(...other.childNodes);
      }
    };
    request.send();
  };

  let isFirst = true;
  const events = new EventSource('/console/live');
  events.onmessage = (event) => {
    const said = JSON.parse(event.data);
    for (const place of places) {
      const value = said[place.dataset.live];
      if (typeof value === 'string' && place.textContent !== value) place.textContent = value;
    }
    // The page that has just been loaded is new enough, and one that nobody sees need not be.
    if (parts.length && !isFirst && !document.hidden) anew();
    isFirst = false;
  };
  window.addEventListener('pagehide', () => events.close());
})();
