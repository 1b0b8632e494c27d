import { expect, test } from 'vitest';
import { createTargets, targetsOf } from '../../src/webhook/targets.ts';

const nothing = createTargets([]);

test.each([
  ...['93.184.215.14', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1', '64:ff9b::1.1.1.1'],
])('%s is in the internet', address => {
  expect(nothing.allows(address, 'hooks.example')).toBe(true);
});

test.each([
  ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '10.1.2.3', '172.16.0.1', '192.168.1.1', '100.64.0.1'],
  ...[
    '169.254.169.254',
    '169.254.170.2',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ],
  ...[
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
  ],
  // Addresses of IPv4 in the clothes of IPv6: mapped, compatible, translated, NAT64's own and a network's, 6to4, Teredo.
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::127.0.0.1', '::ffff:0:127.0.0.1'],
  ...['64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::'],
  ...['', 'localhost', 'hooks.example'],
])('"%s" is not', address => {
  expect(nothing.allows(address, 'hooks.example')).toBe(false);
});

test('what is listed may be internal: a name with all that it resolves to, an address, a network', () => {
  const targets = createTargets(['Hooks.Internal', '10.1.0.0/16', '192.168.1.1', 'fd00:1::/32']);
  expect(targets.allows('127.0.0.1', 'hooks.internal.')).toBe(true);
  expect(targets.allows('127.0.0.1', 'sub.hooks.internal')).toBe(false);
  expect(targets.allows('10.1.2.3', 'hooks.example')).toBe(true);
  expect(targets.allows('::ffff:10.1.2.3', 'hooks.example')).toBe(true);
  expect(targets.allows('64:ff9b::10.1.2.3', 'hooks.example')).toBe(true);
  expect(targets.allows('10.2.2.3', 'hooks.example')).toBe(false);
  expect(targets.allows('192.168.1.2', 'hooks.example')).toBe(false);
  expect(targets.allows('fd00:1::9', 'hooks.example')).toBe(true);
  expect(targets.allows('fd00:2::9', 'hooks.example')).toBe(false);
  expect(['hooks.internal', '[fd00:1::9]', '10.1.0.1'].map(targets.allowsPlain)).toEqual([true, true, true]);
  expect(['hooks.example', '[::1]', '10.2.0.1'].map(targets.allowsPlain)).toEqual([false, false, false]);
});

test("one's own URL leads anywhere by https://, and by http:// to what is not of the internet", () => {
  const addresses = ['127.0.0.1', '10.1.2.3', '::1', 'fd00::1', '93.184.215.14', '::ffff:1.1.1.1'];
  const allowed = (url: string) => addresses.map(address => targetsOf(url).allows(address, 'hooks.example'));
  expect(allowed('https://hooks.example/')).toEqual([true, true, true, true, true, true]);
  expect(allowed('http://hooks.example/')).toEqual([true, true, true, true, false, false]);
  expect(targetsOf('https://hooks.example/').allows('hooks.example', 'hooks.example')).toBe(false);
});
