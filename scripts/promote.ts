#!/usr/bin/env node
// Makes an image that was pushed the one that runs: puts the tag `latest` on its manifest. Going back is the same.
import { parseArgs } from 'node:util';
import { complain } from './complain.ts';
import { describeImage, findImage, type Image, imageId, putTag } from './ecr/images.ts';
import { openRegistry, type Registry } from './ecr/registry.ts';
import { waitForScan } from './ecr/scan.ts';

const USAGE = `usage: node scripts/promote.ts [--dry-run] [--wait-for-scan] <tag or digest>

  --dry-run         say what would be done
  --wait-for-scan   only when the registry has scanned it; its findings are told
  --to <tag>        another tag than latest
  --repository <name>  another repository than craftassist

REMOTE=<account>.dkr.ecr.<region>.amazonaws.com, or AWS_REGION, says which registry.`;

const OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  'wait-for-scan': { type: 'boolean', default: false },
  'scan-poll-ms': { type: 'string', default: '5000' },
  'scan-timeout-ms': { type: 'string', default: '900000' },
  to: { type: 'string', default: 'latest' },
  repository: { type: 'string', default: 'craftassist' },
} as const;

try {
  const parsed = parsePromotion(process.argv.slice(2));
  if (parsed === undefined) {
    console.error(USAGE);
    process.exitCode = 64;
  } else {
    await promote(openRegistry(process.env, parsed.repository), parsed);
  }
} catch (error) {
  complain(error);
}

type Promotion = NonNullable<ReturnType<typeof parsePromotion>>;

function parsePromotion(args: string[]) {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const [wanted, ...more] = positionals;
  if (wanted === '') throw new Error('TAG is not set: write make promote TAG=<commit or digest>');
  return wanted === undefined || more.length > 0 ? undefined : { ...values, wanted };
}

async function promote(registry: Registry, promotion: Promotion): Promise<void> {
  const { wanted, to } = promotion;
  const image = await findImage(registry, imageId(wanted));
  if (image === undefined) throw new Error(`${registry.name} has no image ${wanted}: ${remedyFor(wanted)}`);
  const before = await findImage(registry, imageId(to));
  console.log(`${to} is       ${before === undefined ? 'nothing yet' : await described(registry, before)}`);
  if (before?.digest === image.digest) {
    console.log(`${wanted} is there already: nothing to do`);
    return;
  }
  if (promotion['wait-for-scan']) {
    const options = {
      pollMs: Number(promotion['scan-poll-ms']),
      timeoutMs: Number(promotion['scan-timeout-ms']),
    };
    for (const line of await waitForScan(registry, image, options)) console.log(line);
  }
  console.log(`${to} becomes  ${await described(registry, image)}`);
  if (promotion['dry-run']) {
    console.log('nothing was done: this was a dry run');
    return;
  }
  await putTag(registry, image, to);
  const after = await findImage(registry, imageId(to));
  if (after?.digest !== image.digest)
    throw new Error(`${to} is ${after?.digest ?? 'nothing'} now: somebody else promotes at the same time`);
  console.log(`${registry.name}:${to} is now ${wanted}`);
  if (before !== undefined) console.log(`to go back: make promote TAG=${before.digest}`);
}

/** Images are tagged with the whole SHA of their commit. */
function remedyFor(wanted: string): string {
  return /^[0-9a-f]{7,39}$/.test(wanted)
    ? 'write the whole commit, as git rev-parse tells it, or push it first'
    : 'push it first';
}

async function described(registry: Registry, { digest }: Image): Promise<string> {
  const { tags, pushedAt } = await describeImage(registry, digest);
  const known = [
    ...tags.map(tag => `tagged ${tag}`),
    ...(pushedAt ? [`pushed ${pushedAt.toISOString()}`] : []),
  ];
  return known.length === 0 ? digest : `${digest} (${known.join(', ')})`;
}
