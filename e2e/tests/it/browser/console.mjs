// An administrator walks the console: keyboard, the way back, a form sent twice, a session that ends.
import { ADDRESS, expect, finish, found, go, look, page, send, signIn } from './harness.mjs';

await signIn();
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
await finish();
