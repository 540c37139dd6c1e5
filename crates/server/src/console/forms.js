// A secret that is shown once is copied by a button. While somebody fills in a form that says where to ask, the server says beside it what it would come to. Without this script the form's own button does.
'use strict';
(() => {
  for (const button of document.querySelectorAll('button[data-copy]')) {
    const secret = document.getElementById(button.dataset.copy);
    if (!secret || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(secret.value);
      document.getElementById('copied').textContent = button.dataset.copied;
    });
  }
  for (const form of document.querySelectorAll('form[data-live]')) {
    const place = document.getElementById(form.dataset.place);
    if (!place || !window.fetch) continue;
    let waiting = 0;
    let turn = 0;
    const ask = async () => {
      const mine = ++turn;
      try {
        const answer = await fetch(form.dataset.live, { method: 'POST', body: new URLSearchParams(new FormData(form)), redirect: 'error' });
        const text = await answer.text();
        if (answer.ok && mine === turn) place.textContent = text;
      } catch { /* The button still asks. */ }
    };
    form.addEventListener('input', () => {
      clearTimeout(waiting);
      waiting = setTimeout(ask, 250);
    });
  }
})();
