// The admin's first day: signs in, makes a policy for all devices, switches the restore page on, watches a PC check in, become eligible, back up and be restorable.
import { execFileSync } from 'node:child_process';
import { ADDRESS, NAME, PASSWORD, expect, finish, found, go, look, page, send, signIn } from './harness.mjs';

const { PC, PC_STATE, PC_HIVE } = process.env;
const POLICY = 'WIN – DVC – Enable Windows Backup';

// What the person's PC does by itself.
function pc(...words) {
  const env = { HOME: process.env.HOME, TZ: 'UTC', REHOME_STATE_DIR: PC_STATE };
  execFileSync(PC, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

async function press(value) {
  await Promise.all([page.waitForNavigation(), page.click(`.row button[name=go][value=${value}]`)]);
}

async function follow(selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

async function typed(field) {
  return page.$eval(`[name="${field}"]`, (input) => input.type === 'checkbox' ? input.checked : input.value);
}

await signIn();
await go('/console/policies');
await expect('No policy yet');
await look('first-day-empty');

// Five steps.
await follow('a[href="/console/policies/new"]');
await page.type('#name', POLICY);
await page.type('#description', 'Backups for everybody. <img src=x onerror=alert(1)>');
await look('first-day-basics');
await press('next');
await page.type('#q', 'interval');
await page.keyboard.press('Enter');
await page.waitForNavigation();
await expect('1 setting found');
await page.type('[name="set.backup.interval_hours"]', '24');
await look('first-day-settings');
await page.$eval('#q', (input) => { input.value = ''; });
await follow('.tools button[value=stay]');
await page.$$eval('details', (all) => all.forEach((one) => { one.open = true; }));
await page.select('[name="set.backup.enabled"]', 'on');
await press('next');
await page.goBack();
if (await typed('set.backup.enabled') !== 'on') found.push('the way back has forgotten a setting');
if (await typed('set.backup.interval_hours') !== '24') found.push('a search has forgotten a setting');
await press('next');
await look('first-day-tags');
await press('next');

// Chosen, it is counted at once; and the session ends before the form is sent.
await page.click('[name=all_devices]');
await page.waitForFunction(() => document.getElementById('reach').textContent.startsWith('Applies to 1 device'));
await look('first-day-assignments');
await page.deleteCookie(...await page.cookies());
await press('next');
if (!page.url().includes('/login')) found.push(`a form of an ended session leads to ${page.url()}`);
await send({ name: NAME, password: PASSWORD });
await expect('Your session had ended');
if (!await typed('all_devices')) found.push('the end of the session has forgotten what was chosen');
await press('next');
await expect('Applies to 1 device, 0 excluded, 0 already have another policy.');
await page.click('[name=enabled]');
await look('first-day-review');
await press('create');
await expect('The policy is made.');
const policy = new URL(page.url()).pathname;
// Back, and once more: it is the same policy.
await page.goBack();
await press('create');
if (new URL(page.url()).pathname !== policy) found.push(`sent twice, it leads to ${page.url()}`);
await go('/console/policies');
if ((await page.$$('tbody tr')).length !== 1) found.push('sent twice, there are two policies');

await go('/console/enrollment');
await page.click('[name=show][value=on]');
await follow('main form.panel .row button');
await expect('Saved.');
await look('first-day-enrollment');

// The PC comes by.
await go('/console/devices');
await follow('tbody th a');
const device = new URL(page.url()).pathname;
await expect('There is a backup');
await expect('no_profile');
pc('check-in');
await go(policy);
await expect('Succeeded');
await expect('OFFICE-PC');
await look('first-day-policy');
await go('/console/policies');
await look('first-day-policies');
await go(device);
await expect('Enrollment options');
await follow('#commands button');
await expect('waits for the check-in');
pc('check-in', '--from', PC_HIVE);
// The page that is open tells it, without being asked for again.
await page.waitForFunction(() => document.querySelector('#commands .badge.good'));
await expect('Everything holds.');
await expect('Restorable');
await look('first-day-device');
await go('/console');
await expect('1 of 2 users could be restored right now');

await go(`/console/what-if?device=${device.split('/').pop()}`);
await look('first-day-what-if');
await go('/console/eligibility');
await look('first-day-eligibility');
await go(`${policy}/switch`);
await send({}, 'main form button.danger');
await expect('The policy is off.');
await go(`${policy}/history`);
await expect('Version 2');
await look('first-day-history');
await go(`${policy}/roll-back?to=1`);
await send({}, '.panel form button');
await expect('The earlier version holds again.');
await go(`${policy}/delete`);
await look('first-day-delete');
if (!page.url().startsWith(ADDRESS)) found.push(`somewhere else: ${page.url()}`);
await finish();
