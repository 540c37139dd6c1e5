// A secret that is shown once is copied by a button. While somebody fills in a form that says where to ask, the server says beside it what it would come to. Without this script the form's own button does.
'use strict';
(() => {
  // As the server shows it: what stands between backticks is code.
  const marked = (text) => text.split('`').map((piece, place, all) => {
    if (place % 2 === 0) return piece;
    if (place === all.length - 1) return `\`${piece}`;
    const code = document.createElement('code');
    code.textContent = piece;
    return code;
  });
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
        if (answer.ok && mine === turn) place.replaceChildren(...marked(text));
      } catch { /* The button still asks. */ }
    };
    form.addEventListener('input', () => {
      clearTimeout(waiting);
      waiting = setTimeout(ask, 250);
    });
  }
})();
