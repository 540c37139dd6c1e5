// An administrator walks the console in a real browser: keyboard, light and dark, 100 and 200 %, and axe on each page. Says each finding on a line of its own on stdout; silence is good.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { default: puppeteer } = await import(process.env.PUPPETEER);
const { ADDRESS, NAME, FIRST_PASSWORD, PASSWORD, SCREENS } = process.env;
const axe = readFileSync(process.env.AXE, 'utf8');
mkdirSync(SCREENS, { recursive: true });
const sizes = { 100: { width: 1280, height: 800, deviceScaleFactor: 1 }, 200: { width: 640, height: 400, deviceScaleFactor: 1 } };
const found = [];

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb', '--no-proxy-server'],
});
const page = await browser.newPage();
await page.setExtraHTTPHeaders({ 'Accept-Language': 'en' });
page.on('console', (message) => {
  const refused = /the server responded with a status of 4\d\d/.test(message.text());
  if (['error', 'warn'].includes(message.type()) && !refused) found.push(`console: ${message.text()}`);
});
page.on('pageerror', (error) => found.push(`error: ${error.message}`));
page.on('request', (request) => {
  if (!request.url().startsWith(ADDRESS) && !request.url().startsWith('data:')) found.push(`from elsewhere: ${request.url()}`);
});

// What a page must be, in both looks and sizes; axe once for each look.
async function look(name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    for (const [percent, viewport] of Object.entries(sizes)) {
      await page.setViewport(viewport);
      const wide = await page.evaluate(() => {
        for (const animation of document.getAnimations()) animation.finish();
        return document.documentElement.scrollWidth > window.innerWidth;
      });
      if (wide) found.push(`${name}, ${scheme}, ${percent} %: is wider than the window`);
      await page.screenshot({ path: join(SCREENS, `${name}-${scheme}-${percent}.png`), fullPage: true });
    }
    await page.setViewport(sizes[100]);
    // Through the debugger, which the page's policy does not bind; the page itself runs no script of others.
    await page.evaluate(axe);
    const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    for (const one of result.violations) {
      const where = one.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(', ');
      if (['serious', 'critical'].includes(one.impact)) found.push(`${name}, ${scheme}: axe ${one.id}: ${where}`);
    }
  }
}

async function go(path) {
  await page.goto(ADDRESS + path, { waitUntil: 'load' });
}

async function expect(text) {
  const shown = await page.$eval('main', (main) => main.innerText);
  if (!shown.includes(text)) found.push(`"${text}" is not on ${page.url()}: ${shown.slice(0, 300)}`);
}

async function send(fields, button = 'main form button') {
  for (const [name, value] of Object.entries(fields)) await page.type(`input[name="${name}"]`, value);
  await Promise.all([page.waitForNavigation(), page.click(button)]);
}

await go('/');
await send({ name: NAME, password: FIRST_PASSWORD });
if (page.url().includes('change-password')) {
  const names = await page.$$eval('main input[type=password]', (inputs) => inputs.map((input) => input.name));
  await send(Object.fromEntries(names.map((name) => [name, /old|current|present/.test(name) ? FIRST_PASSWORD : PASSWORD])));
}
await go('/');
if (!page.url().endsWith('/console')) found.push(`an administrator lands at ${page.url()}`);
await expect('could be restored right now');
await look('console-home');
// By keyboard: the first stop is the way past the places.
await page.keyboard.press('Tab');
const first = await page.evaluate(() => document.activeElement.className);
if (first !== 'skip') found.push(`the first stop of the keyboard is "${first}"`);

await go('/console/users');
await look('console-users');
await go('/console/devices');
await look('console-devices');
await Promise.all([page.waitForNavigation(), page.click('tbody th a')]);
await expect('Can it be restored?');
await look('console-device');
const device = page.url();
await Promise.all([page.waitForNavigation(), page.click('dl.facts a')]);
await expect('Timeline');
await look('console-user');
await page.goBack();
if (page.url() !== device) found.push(`back leads to ${page.url()}`);
await Promise.all([page.waitForNavigation(), page.click('a.danger')]);
await look('console-revoke');
await send({}, 'main form button.danger');
await expect('Access withdrawn');
// Back to the form that was sent, and once more: the same.
await page.goBack();
await send({}, 'main form button.danger');
await expect('Access withdrawn');
await go('/console/reports');
await look('console-reports');
await go('/console/audit');
await expect('device.revoke');
await look('console-audit');
await go('/console/tenant');
await look('console-tenant');
await go(`/console/devices/${'0'.repeat(32)}`);
await look('console-trouble');
// The session ends while a form is open: to the sign-in.
await go(`${new URL(device).pathname}/revoke`);
await page.deleteCookie(...await page.cookies());
await send({}, 'main form button.danger');
if (!page.url().includes('/login')) found.push(`a form of an ended session leads to ${page.url()}`);
await browser.close();
for (const finding of found) console.log(finding);
