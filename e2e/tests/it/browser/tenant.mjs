// Tenant admin in a browser: what is shown once, what is wrong, what is taken away. Then with keys alone: the policy wizard from Basics to Create, and the editor of rules.
import { ADDRESS, expect, finish, found, go, look, page, send, signIn } from './harness.mjs';

// What a page gives the focus has it when the page is drawn, which may be after it was loaded.
async function active(read) {
  await page.waitForFunction(() => document.activeElement !== document.body, { timeout: 10000 }).catch(() => {});
  return page.evaluate(read);
}

async function fill(fields) {
  for (const [name, value] of Object.entries(fields)) {
    await page.$eval(`[name="${name}"]`, (input) => { input.value = ''; });
    await page.type(`[name="${name}"]`, value);
  }
}

async function press(selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

const save = 'main form.wizard .row button';

await signIn();
await go('/console/tenant/tokens/new');
await fill({ note: 'Image of May <img src=x onerror=alert(1)>', uses: '20', hours: '48' });
await look('tenant-token-new');
await press(save);
await expect('It is shown this once and kept nowhere');
if (await active(() => document.activeElement.id) !== 'secret') found.push('the token has no focus');
if (await page.$eval('[data-copy]', (button) => button.hidden)) found.push('nothing copies the token');
await look('tenant-token-made');
// One without a note is listed by its id.
await go('/console/tenant/tokens/new');
await press(save);

await go('/console/tenant/tags/new');
await fill({ name: 'Vienna' });
await look('tenant-tag-new');
await press(save);
await expect('Made.');
await go('/console/tenant/roles/new');
await fill({ name: 'Reads reports' });
await page.click('[name="may.report.read"]');
await page.click('[name="may.user.read"]');
await look('tenant-role-new');
await press(save);
await expect('Reads reports');
await go('/console/tenant/assignments/new');
await fill({ name: 'Vienna desk', q: 'linus' });
await press('button[value=find]');
await page.click('[name^="user."]');
await page.click('[name=all_things][value="0"]');
await page.click('[name^="tag."]');
await look('tenant-assignment-new');
await press('.row button[value=save]');
await expect('Vienna desk');
await go('/console/tenant/providers/new');
await fill({ name: 'Work', issuer: 'http://id.example.com', client_id: 'rehome', secret: 'hunter2' });
await press(save);
await expect('provider_invalid');
if (await active(() => document.activeElement.getAttribute('role')) !== 'alert') found.push('what is wrong has no focus');
if (await page.$eval('[name=secret]', (input) => input.value) !== '') found.push('a secret was sent back');
await look('tenant-provider-wrong');
await go('/console/tenant/accounts/new');
await fill({ name: 'pipeline', networks: '10.0.0.0/8' });
await look('tenant-account-new');
await press(save);
await expect('The service account is made.');
await go('/console/tenant');
await look('tenant-all');
const desk = await page.$$eval('a[href*="/assignments/"]', (links) => links.find((link) => link.textContent === 'Vienna desk').pathname);
await go(`${desk}/delete`);
await look('tenant-unassign');
await send({}, 'main form button.danger');
await expect('Done: it is gone.');

// Tab until there, by where the focus has been: it is seen, and it goes forward.
async function tab(selector) {
  for (let steps = 0; steps < 150; steps += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate((selector) => {
      const now = document.activeElement;
      const before = window.lastFocus;
      window.lastFocus = now;
      const style = getComputedStyle(now);
      const box = now.getBoundingClientRect();
      const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 && box.width > 1 && box.height > 1;
      const forward = !before || !before.isConnected || before === document.body || before === now
        || Boolean(before.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING);
      const left = now === document.body || now === document.documentElement;
      const name = now.id || now.getAttribute('name') || now.textContent.trim().slice(0, 40);
      return { seen, forward, left, name, there: now.matches(selector) };
    }, selector);
    if (!at.left && !at.seen) found.push(`keys: the focus cannot be seen on "${at.name}" of ${page.url()}`);
    if (!at.left && !at.forward) found.push(`keys: the focus goes back to "${at.name}" of ${page.url()}`);
    if (at.there) return;
    if (at.left) break;
  }
  found.push(`keys: "${selector}" of ${page.url()} is not reached`);
}

// By the way past the places into the page itself.
async function skip() {
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const id = await active(() => document.activeElement.id);
  if (id !== 'main') found.push(`keys: the way past the places leads to "${id}"`);
}

async function enter() {
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

await go('/console/policies');
await skip();
await tab('a[href="/console/policies/new"]');
await enter();
await skip();
await tab('#name');
await page.keyboard.type('By keys / alone');
await tab('#priority');
await tab('button[name=go][value=next]');
await enter();
const wrong = await active(() => ({ id: document.activeElement.id, bad: document.activeElement.getAttribute('aria-invalid'), by: document.activeElement.getAttribute('aria-describedby') }));
if (wrong.id !== 'name' || wrong.bad !== 'true' || wrong.by !== 'name-bad') found.push(`keys: what is wrong has no focus: ${JSON.stringify(wrong)}`);
await look('rules-wizard-wrong');
await page.$eval('#name', (input) => input.focus());
await page.keyboard.down('Control');
await page.keyboard.press('a');
await page.keyboard.up('Control');
await page.keyboard.type('By keys alone');
await enter();
await skip();
await tab('#q');
await page.keyboard.type('enable windows backup');
await enter();
await skip();
await tab('[name="set.backup.enabled"]');
await page.keyboard.press('ArrowDown');
const chosen = await page.$eval('[name="set.backup.enabled"]', (select) => select.value);
if (!['on', 'off'].includes(chosen)) found.push(`keys: nothing is chosen: "${chosen}"`);
await tab('button[name=go][value=next]');
await enter();
await skip();
await tab('button[name=go][value=next]');
await enter();
await skip();
await tab('[name=all_devices]');
await page.keyboard.press('Space');
await page.waitForFunction(() => document.getElementById('reach').textContent.startsWith('Applies to 1 device'));
await tab('button[name=go][value=next]');
await enter();
await expect('By keys alone');
await skip();
await tab('button[name=go][value=create]');
await enter();
await expect('The policy is made.');

// The editor of rules of a group.
await go('/console/groups');
await skip();
await tab('a[href="/console/groups/new"]');
await enter();
await skip();
await tab('#name');
await page.keyboard.type('Surfaces');
await tab('#rule');
await page.keyboard.type("device.deviceModel -equals 'x'");
await page.waitForFunction(() => document.getElementById('rule-said').textContent.startsWith('Column 20:'));
await tab('button[name=go][value=check]');
await enter();
const rule = await active(() => ({ id: document.activeElement.id, bad: document.activeElement.getAttribute('aria-invalid') }));
if (rule.id !== 'rule' || rule.bad !== 'true') found.push(`keys: the faulty rule has no focus: ${JSON.stringify(rule)}`);
await look('rules-group-wrong');
await page.$eval('#rule', (editor) => editor.focus());
await page.keyboard.down('Control');
await page.keyboard.press('a');
await page.keyboard.up('Control');
await page.keyboard.type('device.deviceOwnership -ne "Personal"');
await page.waitForFunction(() => document.getElementById('rule-said').textContent.startsWith('Takes'));
await tab('.row button[value=save]');
await enter();
await expect('Surfaces');
await look('rules-group');
await go('/console/groups');
await look('rules-groups');

await go('/console/filters/new');
await fill({ name: 'Newer than 24H2', rule: '(device.operatingSystemVersion -ge 10.0.26100)' });
await page.waitForFunction(() => document.getElementById('rule-said').textContent.startsWith('Takes'));
await look('rules-filter');
await press('.row button[value=save]');
await look('rules-filters');
if (!page.url().startsWith(ADDRESS)) found.push(`somewhere else: ${page.url()}`);
await finish();
