import { DescribeNetworkInterfacesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { createPace } from './pacing.ts';
import type { TakeOptions } from './rate.ts';

/** The public addresses of network interfaces, of those that have one. */
export type FindAddresses = (
  interfaces: readonly string[],
  options?: AddressOptions,
) => Promise<ReadonlyMap<string, string>>;

export interface AddressOptions extends TakeOptions {
  /** These are all that there are: the addresses of others are forgotten. */
  readonly all?: boolean | undefined;
}

const BATCH_SIZE = 200;

/** Asks EC2 for addresses that are not known yet: an interface of Fargate keeps its address. */
export function createAddressLookup(ec2: EC2Client): FindAddresses {
  const known = new Map<string, string>();
  const pace = createPace();

  return async (interfaces, { all = false, ...options } = {}) => {
    const unknown = interfaces.filter(id => !known.has(id));
    for (let start = 0; start < unknown.length; start += BATCH_SIZE) {
      // As a filter: an ID that no longer exists would otherwise fail the whole request.
      const Filters = [{ Name: 'network-interface-id', Values: unknown.slice(start, start + BATCH_SIZE) }];
      const command = new DescribeNetworkInterfacesCommand({ Filters });
      const { NetworkInterfaces = [] } = await ec2.send(
        pace('DescribeNetworkInterfaces', command, options),
        options.signal && { abortSignal: options.signal },
      );
      for (const { NetworkInterfaceId: id, Association } of NetworkInterfaces) {
        if (id !== undefined && Association?.PublicIp) known.set(id, Association.PublicIp);
      }
    }
    const found = new Map(interfaces.flatMap(id => (known.has(id) ? [[id, known.get(id) ?? '']] : [])));
    if (all) for (const id of known.keys()) if (!found.has(id)) known.delete(id);
    return found;
  };
}
