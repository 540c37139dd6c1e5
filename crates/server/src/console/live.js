// Keeps the numbers of the page alive: the server sends them as events, and each goes into the place that names it. Without this script the page is the same, only still.
'use strict';
(() => {
  const places = document.querySelectorAll('[data-live]');
  if (!places.length || !window.EventSource) return;
  const events = new EventSource('/console/live');
  events.onmessage = (event) => {
    const said = JSON.parse(event.data);
    for (const place of places) {
      const value = said[place.dataset.live];
      if (typeof value === 'string' && place.textContent !== value) place.textContent = value;
    }
  };
  window.addEventListener('pagehide', () => events.close());
})();
