// What the stories of administrators share: a real browser in light and dark, at 100 and 200 %, axe on each page, and findings, which are told at the end, a line each on stdout; silence is good.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { default: puppeteer } = await import(process.env.PUPPETEER);
export const { ADDRESS, NAME, FIRST_PASSWORD, PASSWORD, SCREENS } = process.env;
const axe = readFileSync(process.env.AXE, 'utf8');
mkdirSync(SCREENS, { recursive: true });
const sizes = { 100: { width: 1280, height: 800, deviceScaleFactor: 1 }, 200: { width: 640, height: 400, deviceScaleFactor: 1 } };
// How much of a long page a picture shows, so that it stays small.
const highest = 1500;
export const found = [];

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb', '--no-proxy-server'],
});
export const page = await browser.newPage();
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
export async function look(name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    for (const [percent, viewport] of Object.entries(sizes)) {
      await page.setViewport(viewport);
      const wide = await page.evaluate(() => {
        for (const animation of document.getAnimations()) animation.finish();
        // What sticks to the window's edge would stand in the middle of the picture.
        window.scrollTo(0, 0);
        return document.documentElement.scrollWidth > window.innerWidth;
      });
      if (wide) found.push(`${name}, ${scheme}, ${percent} %: is wider than the window`);
      const rows = await page.$$eval('.filters > label', (labels) => Object.values(Object.groupBy(labels, (label) => Math.round(label.getBoundingClientRect().bottom))).map((row) => row.length));
      if (new Set(rows).size > 1) found.push(`${name}, ${scheme}, ${percent} %: rows of ${rows.join(', ')} filters`);
      const height = Math.min(await page.evaluate(() => document.documentElement.scrollHeight), highest);
      const clip = { x: 0, y: 0, width: viewport.width, height: Math.max(height, viewport.height) };
      await page.screenshot({ path: join(SCREENS, `${name}-${scheme}-${percent}.png`), clip, captureBeyondViewport: true });
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

export async function go(path) {
  await page.goto(ADDRESS + path, { waitUntil: 'load' });
}

export async function expect(text) {
  const shown = await page.$eval('main', (main) => main.innerText);
  if (!shown.includes(text)) found.push(`"${text}" is not on ${page.url()}: ${shown.slice(0, 300)}`);
}

export async function send(fields, button = 'main form button') {
  for (const [name, value] of Object.entries(fields)) await page.type(`input[name="${name}"]`, value);
  await Promise.all([page.waitForNavigation(), page.click(button)]);
}

// Signs in for the first time, with the password that the operator was told.
export async function signIn() {
  await go('/');
  await send({ name: NAME, password: FIRST_PASSWORD });
  if (page.url().includes('change-password')) {
    const names = await page.$$eval('main input[type=password]', (inputs) => inputs.map((input) => input.name));
    await send(Object.fromEntries(names.map((name) => [name, /old|current|present/.test(name) ? FIRST_PASSWORD : PASSWORD])));
  }
}

export async function finish() {
  await browser.close();
  for (const finding of found) console.log(finding);
}
