// A person signs in through the real pages in a real browser, in light and dark, at 100 and 200 %. Says each finding on a line of its own on stdout; silence is good.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const { default: puppeteer } = await import(process.env.PUPPETEER);
const { ADDRESS, NAME, FIRST_PASSWORD, PASSWORD, SCREENS } = process.env;
mkdirSync(SCREENS, { recursive: true });

// 200 % on a screen of 1280 points is a page 640 wide, drawn with twice the dots (WCAG 2.2, 1.4.4 and 1.4.10).
const sizes = { 100: { width: 1280, height: 800, deviceScaleFactor: 1 }, 200: { width: 640, height: 400, deviceScaleFactor: 2 } };
const looks = ['light', 'dark'];
const found = [];

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb', '--no-proxy-server'],
});
const page = await browser.newPage();
page.on('console', (message) => {
  // A page that says no is a page with such a status, which the browser tells of as well.
  const refused = /the server responded with a status of 4\d\d/.test(message.text());
  if (['error', 'warn'].includes(message.type()) && !refused) found.push(`console: ${message.text()}`);
});
page.on('pageerror', (error) => found.push(`error: ${error.message}`));
page.on('requestfailed', (request) => found.push(`not loaded: ${request.url()}`));
page.on('request', (request) => {
  if (!request.url().startsWith(ADDRESS) && !request.url().startsWith('data:')) found.push(`from elsewhere: ${request.url()}`);
});

// What a page must be, however it is looked at; and its picture.
async function look(name) {
  for (const scheme of looks) {
    for (const [percent, viewport] of Object.entries(sizes)) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await page.setViewport(viewport);
      const problems = await page.evaluate(() => {
        const all = [];
        for (const animation of document.getAnimations()) animation.finish();
        if (document.documentElement.scrollWidth > window.innerWidth) all.push('is wider than the window');
        if (document.querySelectorAll('h1').length !== 1) all.push('has no single heading');
        if (!document.documentElement.lang) all.push('says no language');
        if (!document.title) all.push('has no title');
        const rgb = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((part) => {
          const share = part / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        }).reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
        const behind = (element) => {
          for (let here = element; here; here = here.parentElement) {
            const colour = rgb(getComputedStyle(here).backgroundColor);
            if (colour.length === 3 || colour[3] > 0.99) return colour;
          }
          return [255, 255, 255];
        };
        for (const element of document.querySelectorAll('h1, h2, p, label, button, a, summary, li, td, th, code, .note')) {
          const box = element.getBoundingClientRect();
          if (!box.width || !element.innerText?.trim()) continue;
          const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
          const contrast = (a + 0.05) / (b + 0.05);
          if (contrast < 4.5) all.push(`${element.tagName.toLowerCase()} "${element.innerText.trim().slice(0, 30)}" has a contrast of ${contrast.toFixed(2)}`);
        }
        for (const input of document.querySelectorAll('input:not([type=hidden])')) {
          if (!input.labels?.length) all.push(`the field ${input.name} has no label`);
        }
        return all;
      });
      for (const problem of problems) found.push(`${name}, ${scheme}, ${percent} %: ${problem}`);
      await page.screenshot({ path: join(SCREENS, `${name}-${scheme}-${percent}.png`), fullPage: true });
    }
  }
  await page.setViewport(sizes[100]);
}

async function send(fields, button = 'main form button') {
  for (const [name, value] of Object.entries(fields)) {
    const field = `input[name="${name}"]`;
    await page.$eval(field, (input) => { input.value = ''; });
    await page.type(field, value);
  }
  await Promise.all([page.waitForNavigation(), page.click(button)]);
}

async function expect(text) {
  const shown = await page.$eval('main', (main) => main.innerText);
  if (!shown.toLowerCase().includes(text.toLowerCase())) found.push(`"${text}" is not on the page: ${shown.slice(0, 300)}`);
}

await page.goto(`${ADDRESS}/account`);
await expect('Sign in');
await look('sign-in');
await send({ name: NAME, password: 'not the password' });
await look('sign-in-wrong');
await expect('password');
await send({ name: NAME, password: FIRST_PASSWORD });
await look('first-password');
await send(Object.fromEntries((await page.$$eval('main input[type=password]', (inputs) => inputs.map((input) => input.name)))
  .map((name) => [name, /old|current|present/.test(name) ? FIRST_PASSWORD : PASSWORD])));
await expect(NAME);
await look('account');
await page.goto(`${ADDRESS}/account/second-factor`);
await look('second-factor');
await page.goto(`${ADDRESS}/device`);
await look('device-code');
await page.goto(`${ADDRESS}/login/callback?state=made-up&code=made-up`);
await look('trouble');
await page.goto(`${ADDRESS}/account`);
await send({}, 'form[action="/logout"] button');
await expect('signed out');
await look('signed-out');
await page.goto(`${ADDRESS}/account`);
await expect('Sign in');
await browser.close();
for (const finding of found) console.log(finding);
