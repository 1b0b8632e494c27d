#!/usr/bin/env node
// Makes an image that was pushed the one that runs: puts the tag `latest` on its manifest. Going back is the same.
import { parseArgs } from 'node:util';
import { describeImage, findImage, type Image, imageId, putTag } from './ecr/images.ts';
import { openRegistry, type Registry } from './ecr/registry.ts';
import { waitForScan } from './ecr/scan.ts';
import { type Environment, type Output, runMain } from './run-main.ts';

const USAGE = `usage: node scripts/promote.ts [--dry-run] [--wait-for-scan] <tag or digest>

  --dry-run         print what would be done
  --wait-for-scan   promote only when the registry has scanned it; prints the findings
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

/** @returns 64 when the arguments are wrong. @throws when nothing was promoted. */
export async function main(args: readonly string[], env: Environment, output: Output): Promise<number> {
  const promotion = parsePromotion(args);
  if (promotion === undefined) {
    output.printError(USAGE);
    return 64;
  }
  await promote(openRegistry(env, promotion.repository), promotion, output.print);
  return 0;
}

type Promotion = NonNullable<ReturnType<typeof parsePromotion>>;

function parsePromotion(args: readonly string[]) {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const [wanted, ...more] = positionals;
  if (wanted === '') throw new Error('TAG is not set: write make promote TAG=<commit or digest>');
  return wanted === undefined || more.length > 0 ? undefined : { ...values, wanted };
}

async function promote(registry: Registry, promotion: Promotion, print: Output['print']): Promise<void> {
  const { wanted, to } = promotion;
  const image = await findImage(registry, imageId(wanted));
  if (image === undefined) throw new Error(`${registry.name} has no image ${wanted}: ${remedyFor(wanted)}`);
  const before = await findImage(registry, imageId(to));
  print(`${to} is       ${before === undefined ? 'nothing yet' : await described(registry, before)}`);
  if (before?.digest === image.digest) {
    print(`${wanted} is there already: nothing to do`);
    return;
  }
  if (promotion['wait-for-scan']) {
    const options = {
      pollMs: Number(promotion['scan-poll-ms']),
      timeoutMs: Number(promotion['scan-timeout-ms']),
    };
    for (const line of await waitForScan(registry, image, options)) print(line);
  }
  print(`${to} becomes  ${await described(registry, image)}`);
  if (promotion['dry-run']) {
    print('nothing was done: this was a dry run');
    return;
  }
  await putTag(registry, image, to);
  const after = await findImage(registry, imageId(to));
  if (after?.digest !== image.digest)
    throw new Error(`${to} is ${after?.digest ?? 'nothing'} now: somebody else promotes at the same time`);
  print(`${registry.name}:${to} is now ${wanted}`);
  if (before !== undefined) print(`to go back: ${wayBack(before, promotion)}`);
  if (to === OPTIONS.to.default) print('tasks of ECS run it once make register has named its digest');
}

/** The command that undoes a promotion. */
function wayBack({ digest }: Image, { to, repository }: Promotion): string {
  const flags = [
    ...(to === OPTIONS.to.default ? [] : ['--to', to]),
    ...(repository === OPTIONS.repository.default ? [] : ['--repository', repository]),
  ];
  return `make promote TAG=${digest}${flags.length === 0 ? '' : ` FLAGS="${flags.join(' ')}"`}`;
}

/** Images are tagged with the whole SHA of their commit. */
function remedyFor(wanted: string): string {
  return /^[0-9a-f]{7,39}$/.test(wanted)
    ? 'write the whole commit, as git rev-parse prints it, or push it first'
    : 'push it first';
}

async function described(registry: Registry, { digest }: Image): Promise<string> {
  const { tags, pushedAt } = await describeImage(registry, digest);
  const known = [
    ...tags.flatMap(commitsOf),
    ...tags.map(tag => `tagged ${tag}`),
    ...(pushedAt ? [`pushed ${pushedAt.toISOString()}`] : []),
  ];
  return known.length === 0 ? digest : `${digest} (${known.join(', ')})`;
}

/** `<bot's commit>-<supervisor's commit>` is a tag of each image that was built from both. */
function commitsOf(tag: string): string[] {
  const [, bot, supervisor] = /^([0-9a-f]{40})-([0-9a-f]{40})$/.exec(tag) ?? [];
  return bot === undefined || supervisor === undefined ? [] : [`bot ${bot}`, `supervisor ${supervisor}`];
}

if (import.meta.main) await runMain(main);
