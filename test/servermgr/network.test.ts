import { expect, test } from 'vitest';
import { networkOf } from '../../src/servermgr/web/network.ts';

test.for([
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7:51023', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['[::ffff:192.0.2.7]:443', '192.0.2.7'],
  ['2001:db8:0:7::1', '2001:db8:0:7::/64'],
  ['2001:DB8::7:1:2:3:4', '2001:db8:0:7::/64'],
  ['2001:0db8:0000:0007:0001:0002:0003:0004', '2001:db8:0:7::/64'],
  ['[2001:db8:0:7::ffff]:51023', '2001:db8:0:7::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['unknown', 'unknown'],
] as const)('%s is of the network %s', ([address, network]) => {
  expect(networkOf(address)).toBe(network);
});
