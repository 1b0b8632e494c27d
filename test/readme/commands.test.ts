/** @module-tag slow */

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { openDirectoryStore } from '../../src/store/directory.ts';
import { makeCuberiteHome } from '../support/cuberite-home.ts';
import { freePort } from '../support/free-port.ts';
import { blocksOf, commandsOf } from '../support/page-commands.ts';
import { putJournalsAt } from '../support/stored-journals.ts';
import { openTypedShell, type TypedShell, testProgram, type } from './typed.ts';

const run = promisify(execFile);
const PROJECT = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');

const WALK = '## From an empty AWS account to the first archive';

/** What other tests type: test/deploy/walk.test.ts, test/readme/privacy.test.ts, and those of test/servermgr. */
const TYPED_ELSEWHERE: readonly (readonly [page: string, section?: string])[] = [
  ['docs/deploy.md', WALK],
  ['docs/privacy.md', '## Delete a session'],
  ['docs/privacy.md', '## Take a person out of a session'],
  ['docs/servermgr-api.md'],
  ['docs/servermgr-deploy.md'],
];

/** Runs a block as somebody types it. @param cwd by default a folder of its own */
type Reader = (block: string, shell: TypedShell) => Promise<void>;

/** Each block of a page, by how it begins. */
const READERS: Readonly<Record<string, Reader>> = {
  'make demo ': async block => {
    const ci = read('.ci/run');
    expect(typedLines(block)).toEqual(['make demo', 'make test']);
    // The slow tests, and those of `make test`.
    for (const line of ['make demo', 'make test-all']) expect(ci).toContain(`\n${line}\n`);
  },

  async 'SESSION_CUBERITE_SEED=7 '(block, shell) {
    const home = await makeCuberiteHome();
    onTestFinished(() => home.remove());
    await type(block, shell, { ...(await sessionEnvironment()), SESSION_CUBERITE_HOME: home.folder });
    const [world] = await extracted(shell, 'cuberite/world/world.ini');
    expect(world).toContain('Seed=7');
  },

  async "SESSION_SERVER_COMMAND='java "(block, shell) {
    const env = await sessionEnvironment();
    await shell.record('java', `exec ${testProgram('server-ready', '--port', env.PORT)}`);
    await type(block, shell, env);
    expect(await shell.heard('java')).toEqual(['-Xmx2G -jar server.jar nogui']);
    await extracted(shell, 'agent.log');
  },

  async 'craftassist-session recover --all '(block, shell) {
    const destination = openDirectoryStore(join(shell.folder, 'sessions'));
    await putJournalsAt(destination, { '.sessions/died/journal': {} }, 'finished');
    destination.close();
    const { stdout } = await type(block, shell);
    expect(stdout).toMatch(/^file:\S+\/\.sessions\/died: would recover \(2 segments, .*\)$/m);
    expect(stdout).toMatch(/^file:\S+\/\.sessions\/died: recovered to \S+ \(.*\), covered until \S+$/m);
    expect(await extracted(shell, 'world/region.mca')).toEqual(['blocks']);
  },

  'SESSION_DESTINATION=s3://craftassist/turk_interactions_with_agent\n': isConfiguration,
  'AWS_ENDPOINT_URL_S3=http://127.0.0.1:9000 ': isConfiguration,

  async 'make build '(block, shell) {
    await shell.record('docker', 'if [ "$2" = inspect ]; then echo "there@sha256:a"; fi');
    await type(block, shell, { COMMIT: 'abc123', DROIDLET_REF: 'b'.repeat(40) }, PROJECT);
    const heard = (await shell.heard('docker')).filter(line => /^(build|buildx build|run) /.test(line));
    expect(heard).toEqual([
      expect.stringContaining(`DROIDLET_REF=${'b'.repeat(40)}`),
      expect.stringContaining('CRAFTASSIST_IMAGE=craftassist:of-before'),
      expect.stringMatching(/^run .*25565:25565/),
    ]);
  },

  async 'export REMOTE='(block, shell) {
    const [variables = '', ...lines] = typedLines(block);
    const pull = lines.pop() ?? '';
    // test/deploy/walk.test.ts types them in their place.
    const walk = typedLines(commandsOf('docs/deploy.md', WALK));
    expect(walk).toEqual(expect.arrayContaining(lines));
    await shell.record('docker');
    await type(`${variables}\n${pull}`, shell, {}, PROJECT);
    const image = '123456789012.dkr.ecr.us-west-1.amazonaws.com/craftassist';
    expect(await shell.heard('docker')).toEqual([`pull ${image}`]);
  },

  async 'docker run '(block, shell) {
    await shell.record('docker');
    await type(block, shell);
    expect(await shell.heard('docker')).toEqual([
      `run --rm --name craftassist -p 25565:25565 -v ${shell.folder}/sessions:/sessions ` +
        '-e SESSION_DESTINATION=/sessions -e SESSION_STOP_TIMEOUT=120s craftassist',
      'stop -t 120 craftassist',
    ]);
  },

  async 'kubectl create secret '(block, shell) {
    await shell.record('kubectl');
    await type(block, shell, {}, PROJECT);
    const [secret = '', job = ''] = await shell.heard('kubectl');
    const manifest = read(job.replace('create -f ', ''));
    const [, , , name = '', ...literals] = secret.split(' ');
    expect(manifest).toContain(`name: ${name}`);
    expect(literals.map(literal => literal.replace(/^--from-literal=(\w+)=.*/, '$1'))).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
    ]);
  },

  // test/servermgr starts it in every way; here it is what make would start.
  async 'make servermgr\n'(block) {
    const { stdout } = await run('make', ['-n', ...block.trim().split(' ').slice(1)], { cwd: PROJECT });
    expect(stdout).toContain('src/servermgr/main.ts');
  },
};

describe('every text for people', () => {
  const texts = [
    ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
    ...readdirSync(join(PROJECT, 'docs')).map(name => `docs/${name}`),
  ].filter(name => name.endsWith('.md'));
  const elsewhere = TYPED_ELSEWHERE.flatMap(([page, section]) => blocksOf('sh', page, section));
  const blocks = texts.flatMap(page =>
    blocksOf('sh', page).map(block => [page, block.split('\n')[0] ?? '', block] as const),
  );

  test.for(blocks.filter(([, , block]) => !elsewhere.includes(block)))(
    '%s: what begins with %s works as it is typed',
    { timeout: 60_000 },
    async ([, , block]) => {
      await using shell = await openTypedShell();
      const [, reader] = Object.entries(READERS).find(([start]) => block.startsWith(start)) ?? [];
      if (reader === undefined) throw new Error(`no test types this block:\n${block}`);
      await reader(block, shell);
    },
  );

  test.for(texts)('%s names commands that there are', name => {
    const text = read(name);
    const targets = [...text.matchAll(/`make ([a-z][a-z-]*)/g)].map(([, target]) => target);
    const makefile = read('Makefile');
    for (const target of targets) expect(makefile).toMatch(new RegExp(`^${target}:`, 'm'));
    const scripts = [
      ...text.matchAll(/`(?:npm run )?((?:bench|test|soak|kills|simulate|crash-points)(?::\w+)?)(?: --|`)/g),
    ];
    for (const [, script] of scripts) expect(Object.keys(packageJson.scripts)).toContain(script);
    const files = [
      ...text.matchAll(/`(?:sh |node_modules\/\.bin\/node )?((?:scripts|deploy|test|tools)\/[\w./-]+\.\w+)/g),
    ];
    for (const [, file = ''] of files) expect(read(file).length).toBeGreaterThan(0);
  });
});

/** The lines without what is said of them. */
function typedLines(block: string): string[] {
  return block.split('\n').flatMap(line => line.replace(/\s*#.*$/, '').trim() || []);
}

/** The variables of a container, or of a shell: what is in force with them has no fault. */
async function isConfiguration(block: string, shell: TypedShell): Promise<void> {
  const { stdout } = await type(`set -a\n${block}\ncraftassist-session config`, shell);
  for (const [, name = '', value = ''] of block.matchAll(/(SESSION_\w+)=(\S+)/g))
    expect(stdout).toContain(`${name}=${value}  # environment\n`);
}

async function sessionEnvironment() {
  const port = await freePort();
  return {
    PORT: `${port}`,
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_AGENT_COMMAND: testProgram('agent-exits', 0, 0),
    SESSION_LOG_LEVEL: 'warn',
  };
}

/** A file in the one archive below ./sessions. */
async function extracted({ folder }: TypedShell, name: string): Promise<[content: string]> {
  const [session = ''] = readdirSync(join(folder, 'sessions')).filter(entry => !entry.startsWith('.'));
  const archive = join(folder, 'sessions', session, 'logs.tar.gz');
  const { stdout } = await run('tar', ['-xzOf', archive, name]);
  return [stdout];
}
